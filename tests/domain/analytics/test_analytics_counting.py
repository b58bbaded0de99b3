"""Figures from events: counted once, corrected, shared out over days; uptime with what is excluded. On both engines."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from csms.core.errors import Invalid, NotFound
from csms.core.events import Delivered, Event
from csms.core.ids import DEFAULT_TENANT, Place, TenantId
from csms.core.units import parse_instant
from csms.db import StoreDatabase
from csms.domain.analytics.listeners import count
from csms.domain.analytics.model import (
    ComplianceQuery,
    FiguresQuery,
    HeatQuery,
    NewExclusion,
    PeriodQuery,
    RankingQuery,
    analytics_key,
)
from csms.domain.analytics.service import compliance, figures, monthly, patterns
from csms.domain.analytics.store import counts, subjects
from csms.domain.drivers import service as drivers
from csms.domain.stations import service as stations
from csms.domain.stations.model import ChargerConnected, ChargerDisconnected, ChargerStatusChanged
from csms.domain.tenants import service as tenants
from csms.domain.transactions.model import TransactionCorrected, TransactionEnded, TransactionStarted
from csms.testing.stores import SettableClock

KEY = (analytics_key(DEFAULT_TENANT),)
OCTOBER = PeriodQuery(from_day="2026-10-01", until_day="2026-10-31")


def at(text: str) -> int:
    return parse_instant(text)[0]


class Teller:
    """Tells events of charger C1 as the spine would."""

    def __init__(self, database: StoreDatabase, clock: SettableClock, driver: int) -> None:
        self.database, self.clock, self.driver = database, clock, driver
        self.event_id = 0

    async def tell(self, event: Event, when: str, *, event_id: int = 0, times: int = 1) -> None:
        self.event_id = event_id or self.event_id + 1
        self.clock.at = at(when)
        delivered = Delivered(self.event_id, DEFAULT_TENANT, at(when), event)
        for _ in range(times):
            await self.database.write(count, delivered, tenant=DEFAULT_TENANT, keys=KEY)

    def _about(self, number: int, **more: Any) -> dict[str, Any]:
        about: dict[str, Any] = {
            "transaction_id": number,
            "charger_id": "C1",
            "evse": 1,
            "connector": 1,
            "reference": "",
            "state": "running",
            "token": "CARD",
            "token_status": "Accepted",
            "driver_id": self.driver,
        }
        return about | more

    async def start(self, number: int, when: str, **more: Any) -> None:
        event = TransactionStarted(
            **self._about(number, **more),
            started_at=at(when),
            meter_start_wh=0,
            remote_start_id=None,
            reservation_id=None,
            offline=False,
        )
        await self.tell(event, when)

    async def end(self, number: int, began: str, when: str, energy_wh: int, *, corrects: int | None = None, times: int = 1) -> None:
        facts: dict[str, Any] = {
            "started_at": at(began),
            "stopped_at": at(when),
            "meter_start_wh": 0,
            "meter_stop_wh": energy_wh,
            "energy_wh": energy_wh,
            "energy_basis": "register",
            "stop_reason": "",
            "stop_source": "reported",
        }
        about = self._about(number, state="completed")
        event: Event = TransactionEnded(**about, **facts)
        if corrects is not None:
            event = TransactionCorrected(**about, **facts, previous_energy_wh=corrects, previous_stop_source="estimated")
        await self.tell(event, when, times=times)

    async def up(self, when: str, **more: Any) -> None:
        await self.tell(ChargerConnected(charger_id="C1", connection_id="x", protocol="ocpp1.6", remote_address=""), when, **more)

    async def down(self, when: str, **more: Any) -> None:
        await self.tell(ChargerDisconnected(charger_id="C1", connection_id="x", reason="lost"), when, **more)

    async def status(self, word: str, when: str, evse: int = 1) -> None:
        event = ChargerStatusChanged(
            charger_id="C1",
            place=Place(evse, 1),
            status=word,
            previous_status="",
            error_code="",
            previous_error_code="",
            vendor_error_code="",
            info="",
            reported_at=at(when),
        )
        await self.tell(event, when)

    async def read(self, query: Any, *arguments: Any) -> Any:
        return await self.database.read(query, *arguments, tenant=DEFAULT_TENANT)


@pytest.fixture
async def teller(database: StoreDatabase, clock: SettableClock) -> Teller:
    station = await database.write(partial(stations.add_station, name="Depot"), tenant=DEFAULT_TENANT)
    await database.write(
        partial(stations.add_charger, charger_id="C1", station_id=station.id), tenant=DEFAULT_TENANT, keys=("charger:C1",)
    )
    driver = await database.write(partial(drivers.add_driver, name="Asha"), tenant=DEFAULT_TENANT)
    return Teller(database, clock, driver if isinstance(driver, int) else driver.id)


async def test_a_charge_over_midnight(teller: Teller) -> None:
    await teller.start(1, "2026-10-09T17:30:00Z")  # 23:00 in Kolkata
    await teller.end(1, "2026-10-09T17:30:00Z", "2026-10-09T20:30:00Z", 12_345, times=3)
    told = await teller.read(figures.series, FiguresQuery(from_day="2026-10-09", until_day="2026-10-10"), 200.0)
    first, second = told.items
    assert (first.starts, first.transactions, first.energy_wh, first.charging_ms) == (1, 0, 0, 3_600_000)
    assert (second.starts, second.transactions, second.energy_wh, second.charging_ms) == (0, 1, 12_345, 7_200_000)
    assert (second.drivers, second.new_drivers, second.co2_avoided_g) == (1, 1, 2469)
    assert (told.total.transactions, told.total.charging_ms, told.total.drivers) == (1, 10_800_000, 1)
    for parts, drivers_there in (
        ([("day", "2026-10-01", "2026-10-10")], 1),
        ([("day", "2026-09-20", "2026-09-30"), ("month", "2026-10-01", "2026-11-01")], 1),
        ([("day", "2026-10-01", "2026-10-08"), ("month", "2026-11-01", "2026-12-01")], 0),
    ):
        for rows in (0, 1_000_000):  # looked for by rows, and by drivers
            assert await teller.read(counts.different_drivers, parts, rows) == drivers_there, (parts, rows)
    heat = await teller.read(patterns.heat_map, HeatQuery(from_day="2026-10-01", until_day="2026-10-31"))
    assert heat.starts[4][23] == 1, "Friday 23:00"
    assert [heat.charging_ms[4][23], heat.charging_ms[5][0], heat.charging_ms[5][1]] == [3_600_000] * 3


async def test_a_correction_takes_the_old_away(teller: Teller) -> None:
    await teller.start(1, "2026-10-09T10:00:00Z")
    await teller.end(1, "2026-10-09T10:00:00Z", "2026-10-09T11:00:00Z", 5_000)
    await teller.end(1, "2026-10-09T10:00:00Z", "2026-10-10T11:00:00Z", 9_000, corrects=5_000)
    told = await teller.read(figures.series, FiguresQuery(from_day="2026-10-01", until_day="2026-10-31"), 0.0)
    assert (told.total.transactions, told.total.energy_wh, told.total.charging_ms) == (1, 9_000, 25 * 3_600_000)
    assert [each.energy_wh for each in told.items if each.energy_wh] == [9_000]
    pattern = await teller.read(patterns.driver, teller.driver, "Asia/Kolkata")
    assert (pattern.transactions, pattern.energy_wh, pattern.usual_energy_wh) == (1, 9_000, 9_000)


async def test_a_refused_start_is_no_customer(teller: Teller) -> None:
    await teller.start(1, "2026-10-09T10:00:00Z", token_status="Blocked", driver_id=None)
    await teller.end(1, "2026-10-09T10:00:00Z", "2026-10-09T10:00:05Z", 0)
    told = await teller.read(figures.series, FiguresQuery(from_day="2026-10-09", until_day="2026-10-09"), 0.0)
    assert (told.total.starts, told.total.refused, told.total.drivers) == (1, 1, 0)


async def test_what_was_told_before_it_listened_is_counted_by_its_end(teller: Teller) -> None:
    await teller.end(7, "2026-10-09T10:00:00Z", "2026-10-09T11:00:00Z", 1_000)
    told = await teller.read(figures.series, FiguresQuery(from_day="2026-10-09", until_day="2026-10-09", charger_id="C1"), 0.0)
    assert (told.scope, told.total.energy_wh, told.total.drivers) == ("charger", 1_000, None)


async def test_uptime_with_an_outage_a_fault_and_what_is_excluded(teller: Teller) -> None:
    await teller.up("2026-10-01T00:00:00Z")
    await teller.status("Available", "2026-10-01T00:00:00Z")
    await teller.down("2026-10-02T00:00:00Z")
    await teller.up("2026-10-02T06:00:00Z")
    await teller.status("Faulted", "2026-10-03T00:00:00Z")
    await teller.down("2026-10-03T01:00:00Z")  # offline as well: one outage follows the other, no time counts twice
    await teller.up("2026-10-03T02:00:00Z")
    await teller.status("Available", "2026-10-03T04:00:00Z")
    await teller.status("Available", "2026-10-11T00:00:00Z")
    query = ComplianceQuery(from_day="2026-10-01", until_day="2026-10-31")
    report = await teller.read(compliance.report, query)
    (port,) = report.items
    assert port.in_service_ms == 10 * 24 * 3_600_000
    assert (port.down_ms, port.excluded_ms, port.uptime_percent) == (10 * 3_600_000, 0, 95.833)
    assert (report.compliant, port.compliant) == (0, False)
    found = await teller.read(compliance.outages, "C1", OCTOBER)
    assert [each.why for each in found if each.evse == 1] == ["offline", "faulted", "offline", "faulted"]

    grid = NewExclusion(charger_id="C1", from_at=at("2026-10-01T23:00:00Z"), until_at=at("2026-10-02T05:00:00Z"), reason="grid")
    made = await teller.database.write(compliance.exclude, grid, tenant=DEFAULT_TENANT, keys=KEY)
    (port,) = (await teller.read(compliance.report, query)).items
    assert (port.down_ms, port.excluded_ms, port.uptime_percent, port.compliant) == (36_000_000, 18_000_000, 97.917, True)
    await teller.database.write(compliance.include, made.id, tenant=DEFAULT_TENANT, keys=KEY)
    assert (await teller.read(compliance.report, query)).compliant == 0
    told = await teller.read(figures.series, FiguresQuery(from_day="2026-10-01", until_day="2026-10-31", period="month"), 0.0)
    assert (told.total.disconnects, told.total.faults, told.total.down_ms) == (2, 1, 36_000_000)
    assert told.total.uptime_percent == 95.833


async def test_an_outage_that_goes_on_counts_until_now(teller: Teller) -> None:
    await teller.up("2026-10-01T00:00:00Z")
    await teller.status("Available", "2026-10-01T00:00:00Z")
    await teller.down("2026-10-01T12:00:00Z")
    teller.clock.at = at("2026-10-02T00:00:00Z")
    told = await teller.read(figures.series, FiguresQuery(from_day="2026-10-01", until_day="2026-10-31"), 0.0)
    assert (told.total.down_ms, told.total.uptime_percent) == (12 * 3_600_000, 50.0)
    (port,) = (await teller.read(compliance.report, ComplianceQuery(from_day="2026-10-01", until_day="2026-10-31"))).items
    assert port.uptime_percent == 50.0
    assert [each.until_at for each in await teller.read(compliance.outages, "C1", OCTOBER) if each.evse] == [None]


async def test_the_same_event_again_changes_nothing(teller: Teller) -> None:
    await teller.up("2026-10-01T00:00:00Z", times=2)
    await teller.status("Available", "2026-10-01T00:00:00Z")
    await teller.down("2026-10-02T00:00:00Z", event_id=50, times=3)
    await teller.up("2026-10-02T01:00:00Z", event_id=51, times=3)
    await teller.down("2026-10-02T00:00:00Z", event_id=50)
    told = await teller.read(figures.series, FiguresQuery(from_day="2026-10-01", until_day="2026-10-31"), 0.0)
    assert (told.total.disconnects, told.total.down_ms) == (1, 3_600_000)


async def test_stations_beside_each_other_and_the_month(teller: Teller) -> None:
    await teller.database.write(partial(stations.add_station, name="Airport"), tenant=DEFAULT_TENANT)
    await teller.end(1, "2026-09-09T10:00:00Z", "2026-09-09T11:00:00Z", 1_000)
    await teller.end(2, "2026-10-09T10:00:00Z", "2026-10-09T11:00:00Z", 3_000)
    query = RankingQuery(from_day="2026-10-01", until_day="2026-10-31")
    names = await teller.read(subjects.station_names, None)
    page = await teller.read(figures.ranking, query, "station", names, 0.0)
    assert [(each.name, each.figures.energy_wh) for each in page.items] == [("Depot", 3_000), ("Airport", 0)]
    report = await teller.read(monthly.report, "2026-10", 0.0, 97.0)
    assert (report.total.energy_wh, report.before.energy_wh, report.stations[0].name) == (3_000, 1_000, "Depot")
    assert (report.total.drivers, report.total.new_drivers) == (1, 0), "they came in September"


async def test_what_cannot_be(teller: Teller) -> None:
    for query in (PeriodQuery(from_day="2026-10-02", until_day="2026-10-01"), PeriodQuery(until_day="2026-02-30")):
        with pytest.raises(Invalid):
            await teller.read(figures.stretch_of, query)
    wrong = NewExclusion(charger_id="C1", from_at=5, until_at=5, reason="grid")
    with pytest.raises(Invalid, match="after"):
        await teller.database.write(compliance.exclude, wrong, tenant=DEFAULT_TENANT, keys=KEY)
    with pytest.raises(NotFound):
        await teller.database.write(compliance.include, 99, tenant=DEFAULT_TENANT, keys=KEY)


async def test_another_tenant_sees_nothing(teller: Teller) -> None:
    await teller.end(1, "2026-10-09T10:00:00Z", "2026-10-09T11:00:00Z", 1_000)
    verb = partial(tenants.add, slug="other", name="Other", currency="EUR", time_zone="Europe/Berlin")
    other: TenantId = await teller.database.write(verb, tenant=DEFAULT_TENANT, keys=("tenants",))
    told = await teller.database.read(
        figures.series, FiguresQuery(from_day="2026-10-01", until_day="2026-10-31"), 0.0, tenant=other
    )
    assert (told.total.energy_wh, told.total.drivers) == (0, 0)
