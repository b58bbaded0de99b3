"""Analytics over HTTP, read only but for what is excluded from downtime."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import attrs

from csms.api.calls import Call, Subject
from csms.api.problems import Problem
from csms.api.routes import CHARGER as CHARGER_REACH
from csms.api.routes import LIST, Reply, Routes
from csms.api.tables import TABLES, download
from csms.core.errors import NotFound
from csms.core.paging import Page
from csms.core.ports import ReadTx
from csms.domain.listing import page
from csms.domain.stations import store as stations
from csms.domain.tenants import store as tenants

from .model import (
    CHARGER,
    STATION,
    ComplianceQuery,
    ComplianceReport,
    DriverPattern,
    Exclusion,
    ExclusionQuery,
    FigureSeries,
    FiguresQuery,
    HeatMap,
    HeatQuery,
    MonthlyReport,
    MonthQuery,
    NewExclusion,
    Outage,
    PeriodQuery,
    RankingQuery,
    SubjectFigures,
    analytics_key,
)
from .service import compliance, excluding, figures, monthly, patterns
from .store import exclusions as excluded
from .store import subjects


class Settings(Protocol):
    """What this slice needs of the configuration; ``config.AnalyticsConfig`` has it."""

    @property
    def km_per_kwh(self) -> float:
        """Distance that an electric car drives with a kWh."""
        ...

    @property
    def petrol_g_per_km(self) -> float:
        """CO₂ of a petrol car over a kilometre."""
        ...

    @property
    def grid_g_per_kwh(self) -> float:
        """CO₂ of a kWh from the grid."""
        ...

    @property
    def required_uptime_percent(self) -> float:
        """What the compliance of a monthly report is measured by."""
        ...


@attrs.frozen(slots=True, kw_only=True)
class Outages:
    """The outages of a charger's ports."""

    items: Sequence[Outage]


def routes(settings: Settings) -> Routes:
    """Routes of this slice."""
    co2 = settings.km_per_kwh * settings.petrol_g_per_km - settings.grid_g_per_kwh
    made = Routes("analytics", "Figures by tenant, station, charger, port and driver, kept current as things happen.")

    def whole(call: Call, station_id: int | None, charger_id: str | None) -> None:
        """Staff of some stations name one of theirs: the tenant's figures are not theirs to see."""
        if call.stations is None:
            return
        if charger_id is not None:
            raise Problem(403, "Forbidden", "ask for /chargers/{charger_id}/figures")
        if station_id is None:
            raise Problem(403, "Forbidden", "name one of your stations by station_id")
        call.needs_station(station_id)

    @made.get("/analytics/figures", needs="analytics:read", reach=LIST)
    async def series(call: Call, query: FiguresQuery) -> FigureSeries:
        """Energy, transactions, utilisation, uptime, faults, drivers and CO₂ avoided, by day or month.

        Of the tenant, of one station or of one charger. Days are those of the tenant's time zone.
        """
        whole(call, query.station_id, query.charger_id)
        return await call.read(figures.series, query, co2)

    @made.get("/chargers/<path:charger_id>/figures", needs="analytics:read", reach=CHARGER_REACH)
    async def charger(call: Call, charger_id: str, query: FiguresQuery) -> FigureSeries:
        """The figures of one charger, by day or month."""

        def read(tx: ReadTx) -> FigureSeries:
            if stations.charger(tx, charger_id) is None:
                raise NotFound(f"there is no charger {charger_id!r}")
            return figures.series(tx, attrs.evolve(query, charger_id=charger_id, station_id=None), co2)

        return await call.read(read)

    def ranked(scope: str, names: Callable[[ReadTx, frozenset[int] | None], dict[str, str]], name: str) -> Any:
        async def answer(call: Call, query: RankingQuery) -> Any:
            if query.format == "json":
                return await call.read(lambda tx: figures.ranking(tx, query, scope, names(tx, call.stations), co2))
            everything = await call.read(lambda tx: figures.ranked(tx, query, scope, names(tx, call.stations), co2))
            return await download(everything, query.format, name)

        return answer

    stations_ranked = ranked(STATION, subjects.station_names, "stations")
    chargers_ranked = ranked(CHARGER, subjects.charger_names, "chargers")

    @made.get("/analytics/stations", needs="analytics:read", reach=LIST, tells=Page[SubjectFigures], also=TABLES)
    async def by_station(call: Call, query: RankingQuery) -> Any:
        """Stations beside each other: sort them by energy, transactions, faults, downtime, uptime.

        Also as CSV or XLSX, which has all of them, whatever `page` and `limit` say.
        """
        return await stations_ranked(call, query)

    @made.get("/analytics/chargers", needs="analytics:read", reach=LIST, tells=Page[SubjectFigures], also=TABLES)
    async def by_charger(call: Call, query: RankingQuery) -> Any:
        """Chargers beside each other. Also as CSV or XLSX, which has all of them, whatever `page` and `limit` say."""
        return await chargers_ranked(call, query)

    @made.get("/analytics/heat-map", needs="analytics:read", reach=LIST)
    async def heat_map(call: Call, query: HeatQuery) -> HeatMap:
        """When people charge: starts and charging time by hour of the week, over whole months."""
        whole(call, query.station_id, query.charger_id)
        return await call.read(patterns.heat_map, query)

    @made.get("/drivers/<int:driver_id>/pattern", needs="analytics:read")
    async def driver(call: Call, driver_id: int) -> DriverPattern:
        """How a driver charges: usual hours, energy, places, and every month."""

        def read(tx: ReadTx) -> DriverPattern:
            if not subjects.has_driver(tx, driver_id):
                raise NotFound(f"there is no driver {driver_id}")
            tenant = tenants.current(tx)
            return patterns.driver(tx, driver_id, "UTC" if tenant is None else tenant.time_zone)

        return await call.read(read)

    @made.get("/analytics/compliance", needs="analytics:read", reach=LIST, tells=ComplianceReport, also=TABLES)
    async def uptime_report(call: Call, query: ComplianceQuery) -> Any:
        """The uptime of every port against what is required (23 CFR 680.116(b)). Also as CSV or XLSX.

        Of the time that a port was down does not count what is excluded: exclusions, maintenance that was planned before it began, and
        the hours in which its station is closed. A port counts until its charger is removed.
        """
        report = await call.read(compliance.report, query, call.stations)
        return report if query.format == "json" else await download(report.items, query.format, "compliance")

    @made.get("/chargers/<path:charger_id>/outages", needs="analytics:read", reach=CHARGER_REACH)
    async def outages(call: Call, charger_id: str, query: PeriodQuery) -> Outages:
        """When the ports of a charger were down, and why."""
        return Outages(items=await call.read(compliance.outages, charger_id, query))

    @made.get("/analytics/monthly", needs="analytics:read", tells=MonthlyReport, also=TABLES)
    async def month(call: Call, query: MonthQuery) -> Any:
        """A month of the tenant: all told, against the month before, by station, and its ports' compliance.

        As CSV or XLSX it is the table by station.
        """
        report = await call.read(monthly.report, query.month, co2, settings.required_uptime_percent)
        return report if query.format == "json" else await download(report.stations, query.format, f"month-{query.month}")

    # --- what is excluded from downtime -------------------------------------------------------------------------------------

    @made.get("/uptime-exclusions", needs="analytics:read", reach=LIST)
    async def exclusions(call: Call, query: ExclusionQuery) -> Page[Exclusion]:
        """Times that do not count as down."""

        def read(tx: ReadTx) -> Page[Exclusion]:
            return page(tx, excluded.EXCLUSIONS, query, excluded.exclusion_of, stations=call.stations)

        return await call.read(read)

    @made.post(
        "/uptime-exclusions",
        needs="settings:write",
        tells=Exclusion,
        status=201,
        example={
            "charger_id": "C1",
            "from_at": "2026-10-01T06:00:00Z",
            "until_at": "2026-10-01T09:30:00Z",
            "reason": "grid",
            "note": "power cut in the district",
        },
    )
    async def exclude(call: Call, body: NewExclusion) -> Any:
        """Exclude a time from what counts as down."""
        added = await call.write(excluding.exclude, body, keys=(analytics_key(call.tenant),), makes="uptime_exclusion")
        return Reply(body=added, status=201, headers={"Location": f"/api/v1/uptime-exclusions/{added.id}"})

    @made.get("/uptime-exclusions/<int:exclusion_id>", needs="analytics:read")
    async def exclusion(call: Call, exclusion_id: int) -> Exclusion:
        """One excluded time."""
        return await call.read(excluding.need_exclusion, exclusion_id)

    @made.delete("/uptime-exclusions/<int:exclusion_id>", needs="settings:write")
    async def include(call: Call, exclusion_id: int) -> None:
        """Have an excluded time count again."""
        subject = Subject("uptime_exclusion", str(exclusion_id), lambda tx: excluding.need_exclusion(tx, exclusion_id))
        await call.write(excluding.include, exclusion_id, keys=(analytics_key(call.tenant),), of=subject)

    return made
