"""Uptime with outages, what is excluded from them, and chargers that are removed: everywhere the same. On both engines."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from csms.core.ids import DEFAULT_TENANT
from csms.domain.analytics.model import (
    ComplianceQuery,
    FiguresQuery,
    NewExclusion,
    RankingQuery,
)
from csms.domain.analytics.service import compliance, excluding, figures, monthly
from csms.domain.stations import service as stations
from csms.domain.stations.model import (
    ChargerRemoved,
    OpeningHours,
    StationChange,
    WeeklyHours,
)

from .conftest import HOUR_MS, KEY, OCTOBER, Teller, at


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
    made = await teller.database.write(excluding.exclude, grid, tenant=DEFAULT_TENANT, keys=KEY)
    (port,) = (await teller.read(compliance.report, query)).items
    assert (port.down_ms, port.excluded_ms, port.uptime_percent, port.compliant) == (36_000_000, 18_000_000, 97.917, True)
    await everywhere(teller, uptime=97.917, down_h=10, excluded_h=5)
    found = await teller.read(compliance.outages, "C1", OCTOBER)
    assert [each.excluded_ms for each in found if each.evse == 1] == [18_000_000, 0, 0, 0]
    await teller.database.write(excluding.exclude, grid, tenant=DEFAULT_TENANT, keys=KEY)  # the same time twice
    await everywhere(teller, uptime=97.917, down_h=10, excluded_h=5)
    await teller.database.write(excluding.include, made.id + 1, tenant=DEFAULT_TENANT, keys=KEY)
    await everywhere(teller, uptime=97.917, down_h=10, excluded_h=5)
    await teller.database.write(excluding.include, made.id, tenant=DEFAULT_TENANT, keys=KEY)
    assert (await teller.read(compliance.report, query)).compliant == 0
    told = await teller.read(figures.series, FiguresQuery(from_day="2026-10-01", until_day="2026-10-31", period="month"), 0.0)
    assert (told.total.disconnects, told.total.faults, told.total.down_ms) == (2, 1, 36_000_000)
    assert (told.total.excluded_ms, told.total.uptime_percent) == (0, 95.833)


async def everywhere(teller: Teller, *, uptime: float, down_h: float, excluded_h: float) -> None:
    """Whoever tells of October's uptime says the same: by day, in all, in the rankings, in the report of the month, in compliance."""
    month: dict[str, Any] = {"from_day": "2026-10-01", "until_day": "2026-10-31"}
    days = await teller.read(figures.series, FiguresQuery(**month), 0.0)
    months = [
        await teller.read(figures.series, FiguresQuery(**month, period="month", **of), 0.0)
        for of in ({}, {"station_id": 1}, {"charger_id": "C1"})
    ]
    report = await teller.read(monthly.report, "2026-10", 0.0, 97.0)
    ranked = [
        (await teller.read(figures.ranking, RankingQuery(**month, sort="-down_ms"), scope, {subject: ""}, 0.0)).items[0].figures
        for scope, subject in (("station", "1"), ("charger", "C1"))
    ]
    for told in (days.total, *(each.total for each in months), report.total, report.stations[0].figures, *ranked):
        assert (told.uptime_percent, told.down_ms, told.excluded_ms) == (uptime, down_h * HOUR_MS, excluded_h * HOUR_MS)
    assert sum(each.down_ms for each in days.items) == down_h * HOUR_MS
    assert sum(each.excluded_ms for each in days.items) == excluded_h * HOUR_MS
    (port,) = report.compliance.items
    assert (port.uptime_percent, port.down_ms, port.excluded_ms) == (uptime, down_h * HOUR_MS, excluded_h * HOUR_MS)
    assert report.compliance.uptime_percent == uptime


async def test_what_is_to_be_reckoned_again_is_done_piece_by_piece(teller: Teller, monkeypatch: pytest.MonkeyPatch) -> None:
    await teller.up("2026-10-01T00:00:00Z")
    await teller.status("Available", "2026-10-01T00:00:00Z")
    for day in range(2, 7):
        await teller.down(f"2026-10-0{day}T00:00:00Z")
        await teller.up(f"2026-10-0{day}T12:00:00Z")
    teller.clock.at = at("2026-10-11T00:00:00Z")
    monkeypatch.setattr(excluding, "RECOUNTED_AT_ONCE", 2)
    month = NewExclusion(charger_id="C1", from_at=at("2026-10-01T00:00:00Z"), until_at=at("2026-11-01T00:00:00Z"), reason="grid")
    await teller.database.write(excluding.exclude, month, tenant=DEFAULT_TENANT, keys=KEY)
    done = [await teller.database.write(excluding.recount, tenant=DEFAULT_TENANT) for _ in range(3)]
    assert done == [2, 1, 0]
    await everywhere(teller, uptime=100.0, down_h=60, excluded_h=60)


async def test_an_outage_that_goes_on_is_told_of_everywhere_with_what_is_excluded_of_it(teller: Teller) -> None:
    await teller.up("2026-10-01T00:00:00Z")
    await teller.status("Available", "2026-10-01T00:00:00Z")
    await teller.down("2026-10-05T00:00:00Z")
    teller.clock.at = at("2026-10-11T00:00:00Z")
    await everywhere(teller, uptime=40.0, down_h=144, excluded_h=0)
    grid = NewExclusion(charger_id="C1", from_at=at("2026-10-10T00:00:00Z"), until_at=at("2026-10-12T00:00:00Z"), reason="grid")
    await teller.database.write(excluding.exclude, grid, tenant=DEFAULT_TENANT, keys=KEY)
    await everywhere(teller, uptime=50.0, down_h=144, excluded_h=24)
    await teller.up("2026-10-11T00:00:00Z")
    await everywhere(teller, uptime=50.0, down_h=144, excluded_h=24)
    names = {"C0": "never seen", "C1": ""}
    for sort, first in (("uptime_percent", "C1"), ("-down_ms", "C1"), ("down_ms", "C0")):
        query = RankingQuery(from_day="2026-10-01", until_day="2026-10-31", sort=sort)
        ranked = await teller.read(figures.ranking, query, "charger", names, 0.0)
        assert (ranked.items[0].subject, ranked.total) == (first, 2), sort


async def test_hours_in_which_a_station_is_closed_are_excluded(teller: Teller) -> None:
    hours = OpeningHours(
        always=False, weekly=tuple(WeeklyHours(weekday=each, opens="06:00", closes="18:00") for each in range(1, 8))
    )
    change = StationChange(opening_hours=hours, time_zone="UTC")
    await teller.database.write(stations.alter_station, 1, change, tenant=DEFAULT_TENANT)
    await teller.up("2026-10-01T00:00:00Z")
    await teller.status("Available", "2026-10-01T00:00:00Z")
    await teller.down("2026-10-05T12:00:00Z")
    teller.clock.at = at("2026-10-06T12:00:00Z")  # it goes on
    await everywhere(teller, uptime=round(100 - 100 * 12 / 132, 3), down_h=24, excluded_h=12)
    await teller.up("2026-10-06T12:00:00Z")
    night = NewExclusion(charger_id="C1", from_at=at("2026-10-05T16:00:00Z"), until_at=at("2026-10-05T20:00:00Z"), reason="grid")
    await teller.database.write(excluding.exclude, night, tenant=DEFAULT_TENANT, keys=KEY)
    await everywhere(teller, uptime=round(100 - 100 * 10 / 132, 3), down_h=24, excluded_h=14)


async def test_a_charger_counts_until_it_is_removed(teller: Teller) -> None:
    await teller.up("2026-10-01T00:00:00Z")
    await teller.status("Available", "2026-10-01T00:00:00Z")
    await teller.down("2026-10-05T00:00:00Z")
    teller.clock.at = at("2026-10-06T00:00:00Z")
    keys = ("charger:C1",)
    await teller.database.write(stations.remove_charger, "C1", tenant=DEFAULT_TENANT, keys=keys)
    teller.clock.at = at("2026-10-07T00:00:00Z")
    (told,) = await teller.read(lambda tx: tx.all("SELECT * FROM events WHERE type = 'charger_removed' AND tenant = :tenant"))
    assert '"station_id":1' in str(told), "which nothing else tells any more"
    for _ in range(2):
        await teller.tell(ChargerRemoved(charger_id="C1", station_id=1), "2026-10-06T00:00:00Z", event_id=20)
    await teller.down("2026-10-06T00:00:01Z")  # its link goes with it
    await teller.status("Available", "2026-10-06T00:00:01Z")
    teller.clock.at = at("2026-10-21T00:00:00Z")
    await everywhere(teller, uptime=80.0, down_h=24, excluded_h=0)
    after: dict[str, Any] = {"from_day": "2026-10-10", "until_day": "2026-10-31"}
    assert (await teller.read(compliance.report, ComplianceQuery(**after))).ports == 0
    told = (await teller.read(figures.series, FiguresQuery(**after), 0.0)).total
    assert (told.uptime_percent, told.utilisation_percent, told.down_ms, told.disconnects) == (None, None, 0, 0)

    await teller.database.write(partial(stations.add_charger, charger_id="C1", station_id=1), tenant=DEFAULT_TENANT, keys=keys)
    await teller.up("2026-10-21T00:00:00Z", event_id=30)
    await teller.status("Available", "2026-10-21T00:00:00Z")
    teller.clock.at = at("2026-10-26T00:00:00Z")
    await everywhere(teller, uptime=90.0, down_h=24, excluded_h=0)  # ten days, of which it was down for one


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
