"""Figures from events: counted once, corrected, shared out over days. On both engines."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from csms.core.errors import Invalid, NotFound
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.paging import LARGEST_LIMIT
from csms.core.ports import Tx
from csms.domain.analytics.model import (
    FiguresQuery,
    HeatQuery,
    NewExclusion,
    PeriodQuery,
    RankingQuery,
)
from csms.domain.analytics.service import excluding, figures, monthly, patterns
from csms.domain.analytics.store import counts, subjects
from csms.domain.stations import service as stations
from csms.domain.stations.model import (
    StationChange,
)
from csms.domain.tenants import service as tenants

from .conftest import KEY, Teller


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
    assert [(each.begins, each.drivers, each.new_drivers) for each in told.items if each.drivers or each.new_drivers] == [
        ("2026-10-10", 1, 1)
    ]
    assert (told.total.drivers, told.total.new_drivers) == (1, 1)
    await teller.end(2, "2026-09-30T10:00:00Z", "2026-09-30T11:00:00Z", 1_000)  # told late
    told = await teller.read(figures.series, FiguresQuery(from_day="2026-09-01", until_day="2026-10-31", period="month"), 0.0)
    assert [(each.drivers, each.new_drivers) for each in told.items] == [(1, 1), (1, 0)]
    await teller.end(1, "2026-10-09T10:00:00Z", "2026-09-30T12:00:00Z", 9_000, corrects=9_000)
    told = await teller.read(figures.series, FiguresQuery(from_day="2026-09-01", until_day="2026-10-31", period="month"), 0.0)
    assert [(each.drivers, each.new_drivers) for each in told.items] == [(1, 1), (0, 0)]
    pattern = await teller.read(patterns.driver, teller.driver, "Asia/Kolkata")
    assert (pattern.transactions, pattern.energy_wh, pattern.usual_energy_wh) == (2, 10_000, 5_000)


async def test_hours_are_those_of_the_station(teller: Teller) -> None:
    change = StationChange(time_zone="Europe/Berlin")
    await teller.database.write(stations.alter_station, 1, change, tenant=DEFAULT_TENANT)
    await teller.start(1, "2026-10-09T17:30:00Z")  # 19:30 in Berlin, 23:00 in Kolkata
    await teller.end(1, "2026-10-09T17:30:00Z", "2026-10-09T19:00:00Z", 5_000)
    await teller.database.write(stations.alter_station, 1, StationChange(time_zone="UTC"), tenant=DEFAULT_TENANT)
    await teller.end(1, "2026-10-09T17:30:00Z", "2026-10-09T18:00:00Z", 5_000, corrects=5_000)
    month: dict[str, Any] = {"from_day": "2026-10-01", "until_day": "2026-10-31"}
    for of, zone, hour in (({}, "Asia/Kolkata", 23), ({"station_id": 1}, "UTC", 19), ({"charger_id": "C1"}, "UTC", 19)):
        heat = await teller.read(patterns.heat_map, HeatQuery(**month, **of))
        assert (heat.time_zone, heat.starts[4][hour], heat.charging_ms[4][hour]) == (zone, 1, 1_800_000)
        assert sum(map(sum, heat.starts)) == 1
        assert sum(map(sum, heat.charging_ms)) == 1_800_000, "the correction takes away what was counted, where it was"


async def test_a_refused_start_is_no_customer(teller: Teller) -> None:
    await teller.start(1, "2026-10-09T10:00:00Z", token_status="Blocked", driver_id=None)
    await teller.end(1, "2026-10-09T10:00:00Z", "2026-10-09T10:00:05Z", 0)
    told = await teller.read(figures.series, FiguresQuery(from_day="2026-10-09", until_day="2026-10-09"), 0.0)
    assert (told.total.starts, told.total.refused, told.total.drivers) == (1, 1, 0)


async def test_what_was_told_before_it_listened_is_counted_by_its_end(teller: Teller) -> None:
    await teller.end(7, "2026-10-09T10:00:00Z", "2026-10-09T11:00:00Z", 1_000)
    told = await teller.read(figures.series, FiguresQuery(from_day="2026-10-09", until_day="2026-10-09", charger_id="C1"), 0.0)
    assert (told.scope, told.total.energy_wh, told.total.drivers) == ("charger", 1_000, None)


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

    def many(tx: Tx) -> None:
        for number in range(LARGEST_LIMIT):
            stations.add_station(tx, name=f"S{number}")

    await teller.database.write(many, tenant=DEFAULT_TENANT)
    assert len((await teller.read(monthly.report, "2026-10", 0.0, 97.0)).stations) == LARGEST_LIMIT + 2, "all of them"


async def test_what_cannot_be(teller: Teller) -> None:
    for query in (PeriodQuery(from_day="2026-10-02", until_day="2026-10-01"), PeriodQuery(until_day="2026-02-30")):
        with pytest.raises(Invalid):
            await teller.read(figures.stretch_of, query)
    wrong = NewExclusion(charger_id="C1", from_at=5, until_at=5, reason="grid")
    with pytest.raises(Invalid, match="after"):
        await teller.database.write(excluding.exclude, wrong, tenant=DEFAULT_TENANT, keys=KEY)
    with pytest.raises(NotFound):
        await teller.database.write(excluding.include, 99, tenant=DEFAULT_TENANT, keys=KEY)


async def test_another_tenant_sees_nothing(teller: Teller) -> None:
    await teller.end(1, "2026-10-09T10:00:00Z", "2026-10-09T11:00:00Z", 1_000)
    verb = partial(tenants.add, slug="other", name="Other", currency="EUR", time_zone="Europe/Berlin")
    other: TenantId = await teller.database.write(verb, tenant=DEFAULT_TENANT, keys=("tenants",))
    told = await teller.database.read(
        figures.series, FiguresQuery(from_day="2026-10-01", until_day="2026-10-31"), 0.0, tenant=other
    )
    assert (told.total.energy_wh, told.total.drivers) == (0, 0)
