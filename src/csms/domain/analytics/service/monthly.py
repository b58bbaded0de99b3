"""The report of a month."""

from __future__ import annotations

from csms.core.paging import LARGEST_LIMIT
from csms.core.ports import ReadTx
from csms.domain.analytics.model import (
    STATION,
    TENANT,
    ComplianceQuery,
    Figures,
    MonthlyReport,
    PeriodQuery,
    RankingQuery,
    SubjectFigures,
)
from csms.domain.analytics.periods import month_of, next_month
from csms.domain.analytics.store import subjects
from csms.domain.analytics.store.counts import currency_of_revenue

from . import compliance
from .figures import PortTime, Reckoning, day_before, ranking, stretch_of, time_of, total


def report(tx: ReadTx, month: str, co2_g_per_kwh: float, required_percent: float) -> MonthlyReport:
    """A month (``2026-10``) of the tenant. Raises ``Invalid``."""
    first = f"{month}-01"
    last = day_before(next_month(first))
    before_last = day_before(first)
    reckoned = time_of(tx, stretch_of(tx, PeriodQuery(from_day=month_of(before_last), until_day=last)).from_at)
    compliant = compliance.report(tx, ComplianceQuery(from_day=first, until_day=last, required_percent=required_percent))
    return MonthlyReport(
        month=month,
        total=_total(tx, first, last, reckoned, co2_g_per_kwh),
        before=_total(tx, month_of(before_last), before_last, reckoned, co2_g_per_kwh),
        stations=_stations(tx, first, last, co2_g_per_kwh),
        compliance=compliant,
    )


def _total(tx: ReadTx, first: str, last: str, time: PortTime, co2_g_per_kwh: float) -> Figures:
    stretch = stretch_of(tx, PeriodQuery(from_day=first, until_day=last))
    return total(tx, stretch, TENANT, "", Reckoning(co2_g_per_kwh, time, stretch.zone, currency_of_revenue(tx)))


def _stations(tx: ReadTx, first: str, last: str, co2_g_per_kwh: float) -> list[SubjectFigures]:
    query = RankingQuery(from_day=first, until_day=last, limit=LARGEST_LIMIT)
    return list(ranking(tx, query, STATION, subjects.station_names(tx, None), co2_g_per_kwh).items)
