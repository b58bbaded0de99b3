"""The report of a month."""

from __future__ import annotations

from csms.core.ports import ReadTx
from csms.domain.analytics.model import STATION, TENANT, ComplianceQuery, Figures, MonthlyReport, PeriodQuery, RankingQuery
from csms.domain.analytics.periods import month_of, next_month
from csms.domain.analytics.store import subjects
from csms.domain.analytics.store.revenue import currency_of_revenue

from . import compliance
from .figures import Reckoning, day_before, ranked, stretch_of, total
from .uptime import PortTime, port_time


def report(tx: ReadTx, month: str, co2_g_per_kwh: float, required_percent: float) -> MonthlyReport:
    """A month (``2026-10``) of the tenant, with all its stations. Raises ``Invalid``."""
    first = f"{month}-01"
    last = day_before(next_month(first))
    before_last = day_before(first)
    begin = stretch_of(tx, PeriodQuery(from_day=month_of(before_last), until_day=last)).from_at
    time = port_time(tx, begin)
    compliant = compliance.report(tx, ComplianceQuery(from_day=first, until_day=last, required_percent=required_percent))
    by_station = RankingQuery(from_day=first, until_day=last)
    return MonthlyReport(
        month=month,
        total=_total(tx, first, last, time, co2_g_per_kwh),
        before=_total(tx, month_of(before_last), before_last, time, co2_g_per_kwh),
        stations=ranked(tx, by_station, STATION, subjects.station_names(tx, None), co2_g_per_kwh),
        compliance=compliant,
    )


def _total(tx: ReadTx, first: str, last: str, time: PortTime, co2_g_per_kwh: float) -> Figures:
    stretch = stretch_of(tx, PeriodQuery(from_day=first, until_day=last))
    return total(tx, stretch, TENANT, "", time, Reckoning(co2_g_per_kwh, currency_of_revenue(tx)))
