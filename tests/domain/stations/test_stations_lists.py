"""Lists of stations, chargers and connectors: the same on both engines, by index, in as many statements however many rows there are."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from csms.core.errors import Invalid
from csms.core.ids import DEFAULT_TENANT, Place
from csms.core.ports import Database
from csms.domain.stations import geometry, service, store
from csms.domain.stations.model import (
    ChargerQuery,
    ConnectorQuery,
    ModelQuery,
    NewConnector,
    NewModel,
    NewServiceRecord,
    OddityQuery,
    ServiceQuery,
    SheetQuery,
    StationGroupQuery,
    StationQuery,
    StatusHistoryQuery,
)

MANY = 2000


class Counted:
    """A transaction that counts its statements."""

    def __init__(self, tx: Any, statements: list[tuple[str, dict[str, Any]]] | None = None) -> None:
        self._tx = tx
        self.statements = [] if statements is None else statements

    def system(self, reason: str) -> Counted:
        return Counted(self._tx.system(reason), self.statements)

    def __getattr__(self, name: str) -> Any:
        def run(sql: str, **parameters: Any) -> Any:
            self.statements.append((sql, parameters))
            return getattr(self._tx, name)(sql, **parameters)

        return run if name in ("all", "one", "value", "count") else getattr(self._tx, name)


async def write(database: Database, verb: Any, *arguments: Any, **options: Any) -> Any:
    return await database.write(partial(verb, **options), *arguments, tenant=DEFAULT_TENANT)


async def read(database: Database, query: Any, *arguments: Any) -> Any:
    return await database.read(query, *arguments, tenant=DEFAULT_TENANT)


LISTS: dict[str, Callable[[Any], Any]] = {
    "stations": lambda tx: store.page_of_stations(tx, StationQuery(limit=200)),
    "stations near": lambda tx: store.page_of_stations(tx, StationQuery(near=(0.0, 0.0), radius_m=500_000, limit=200)),
    "groups": lambda tx: store.page_of_station_groups(tx, StationGroupQuery()),
    "chargers": lambda tx: store.page_of_chargers(tx, ChargerQuery(limit=200)),
    "chargers by last seen": lambda tx: store.page_of_chargers(tx, ChargerQuery(limit=200, sort="-last_seen_at")),
    "connectors": lambda tx: store.page_of_connectors(tx, ConnectorQuery(limit=200)),
    "models": lambda tx: store.page_of_models(tx, ModelQuery()),
    "sheet": lambda tx: store.for_sheet(tx, SheetQuery(), None, 96),
}


async def fill(database: Database, first: int, last: int) -> None:
    """Stations, chargers and connectors, one of each per number."""
    for number in range(first, last):
        station = await write(database, service.add_station, f"S{number}", latitude=number / 1000, longitude=-number / 1000)
        await write(database, service.add_charger, f"CP{number:04}", station_id=station.id)
        new = NewConnector(evse=1, type="CHADEMO" if number % 2 else "MCS")
        await write(database, service.add_connector, f"CP{number:04}", new)


async def test_a_list_takes_as_many_statements_however_many_rows(database: Database) -> None:
    def statements(tx: Any) -> dict[str, int]:
        counted = {}
        for name, ask in LISTS.items():
            watched = Counted(tx)
            ask(watched)
            counted[name] = len(watched.statements)
        return counted

    await fill(database, 0, 1)
    few = await read(database, statements)
    await fill(database, 1, 12)
    assert await read(database, statements) == few
    assert max(few.values()) == 3, "and one for each that is not the last page: how many there are"


async def test_every_filter_and_order_runs_on_both_engines(database: Database) -> None:
    group = await write(database, service.add_station_group, "Campus")
    depot = await write(
        database,
        service.add_station,
        "Depot_1",
        station_group_id=group,
        access="granted",
        amenities=("wifi",),
        status="maintenance",
    )
    await write(database, service.add_station, "Yard")
    model = await write(database, service.add_model, NewModel(vendor="Volt", model="Duo", max_power_w=60_000))
    await write(database, service.add_charger, "A", station_id=depot.id, approval="pending", name="Bay")
    await write(database, service.add_charger, "B")
    await write(database, service.add_connector, "A", NewConnector(evse=1, type="MCS", max_power_w=100, current_type="DC"))
    await write(database, service.add_service_record, "A", NewServiceRecord(kind="repair", note="Fan"))

    def names(query: Any, page_of: Any, field: str) -> Any:
        return lambda tx: [getattr(each, field) for each in page_of(tx, query).items]

    async def stations(**query: Any) -> list[str]:
        return list(await read(database, names(StationQuery(**query), store.page_of_stations, "name")))

    only = [{"status": "maintenance"}, {"access": "granted"}, {"station_group_id": group}, {"amenity": "wifi"}, {"search": "T_1"}]
    for query in only:
        assert await stations(**query) == ["Depot_1"], query
    assert await stations(search="depotx1") == [], "an underscore is only itself"
    assert [await stations(sort=each) for each in ("-name", "created_at", "-id")] == [
        ["Yard", "Depot_1"],
        ["Depot_1", "Yard"],
        ["Yard", "Depot_1"],
    ]
    limited = await read(database, lambda tx: store.page_of_stations(tx, StationQuery(), frozenset({depot.id})))
    assert (limited.total, limited.items[0].name) == (1, "Depot_1"), "staff of one station see that"
    assert (await read(database, lambda tx: store.page_of_stations(tx, StationQuery(), frozenset()))).total == 0

    async def chargers(**query: Any) -> list[str]:
        return list(await read(database, names(ChargerQuery(**query), store.page_of_chargers, "id")))

    for query in ({"station_id": depot.id}, {"approval": "pending"}, {"search": "bay"}):
        assert await chargers(**query) == ["A"], query
    assert await chargers(approval="accepted") == ["B"]
    for query in (
        {"connected": True},
        {"vendor": "Volt"},
        {"model": "Duo"},
        {"protocol": "ocpp1.6"},
        {"warranty_before": "2030-01-01"},
        {"archived": True},
        {"status": "Faulted"},
    ):
        assert await chargers(**query) == [], query
    assert await chargers(connected=False) == ["A", "B"]
    for sort in ("id", "created_at", "last_seen_at", "vendor"):
        assert await chargers(sort=sort) == ["A", "B"], sort
        assert await chargers(sort=f"-{sort}") == ["B", "A"], sort
    assert await chargers(sort="name") == ["B", "A"]

    async def connectors(**query: Any) -> list[str]:
        return list(await read(database, names(ConnectorQuery(**query), store.page_of_connectors, "charger_id")))

    for query in (
        {"station_id": depot.id},
        {"charger_id": "A"},
        {"status": "Unknown"},
        {"type": "MCS"},
        {"current_type": "DC"},
        {"min_power_w": 100},
        {"search": "bay"},
        {"sort": "-max_power_w"},
    ):
        assert await connectors(**query) == ["A"], query
    for query in ({"station_id": 99}, {"status": "Faulted"}, {"type": "CHADEMO"}, {"min_power_w": 101}):
        assert await connectors(**query) == [], query
    assert (
        await read(database, lambda tx: store.page_of_models(tx, ModelQuery(vendor="VOLT", search="duo", sort="-max_power_w")))
    ).items == [model]
    assert (await read(database, lambda tx: store.page_of_records(tx, ServiceQuery(kind="repair", search="fan"), "A"))).total == 1
    assert (await read(database, lambda tx: store.page_of_records(tx, ServiceQuery(from_at=2**60), "A"))).total == 0
    assert (await read(database, lambda tx: store.page_of_oddities(tx, OddityQuery(search="x"), "A"))).total == 0
    wanted = StatusHistoryQuery(evse=1, connector=1, status="Faulted", from_at=1, to_at=2, search="x", after="9")
    assert (await read(database, lambda tx: store.status_history(tx, wanted, "A"))).items == []
    found = await read(database, store.charger_detail, "A")
    assert (found.station_name, [each.type for each in found.connectors]) == ("Depot_1", ["MCS"])


async def test_a_charger_is_of_the_model_that_it_reports_or_that_is_said(database: Database) -> None:
    kinds = ({"type": "CHADEMO", "max_power_w": 50_000}, {"type": "IEC_62196_T2"})
    duo = await write(database, service.add_model, NewModel(vendor="Volt", model="Duo", max_power_w=60_000))
    await write(database, service.add_charger, "A")

    def heard(tx: Any) -> None:
        tx.claim("charger:A")
        tx.run("UPDATE chargers SET vendor = 'VOLT', model = 'duo' WHERE id = 'A' AND tenant = :tenant")

    await write(database, heard)
    assert (await read(database, store.charger_detail, "A")).model_entry_id == duo.id, "case does not matter"
    from csms.domain.stations.model import ChargerChange, ConnectorKind

    new = NewModel(vendor="Volt", model="Trio", max_power_w=90_000, connectors=tuple(ConnectorKind(**kind) for kind in kinds))
    trio_model = await write(database, service.add_model, new)
    await write(database, service.add_connector, "A", NewConnector(evse=1, type="MCS"))
    said = await write(database, service.alter_charger, "A", ChargerChange(model_id=trio_model.id))
    assert (said.model_entry_id, said.capacity_kw) == (trio_model.id, 90.0)
    assert [(each.type, each.max_power_w) for each in said.connectors] == [("MCS", 50_000), ("IEC_62196_T2", None)], (
        "what was described stays, the rest is filled in"
    )
    await write(database, service.remove_model, trio_model.id)
    left = await read(database, store.charger_detail, "A")
    assert (left.model_id, left.model_entry_id) == (None, duo.id)


async def test_what_is_near_across_the_date_line_and_at_the_pole(database: Database) -> None:
    for name, latitude, longitude in (
        ("Fiji", -17.0, 179.9),
        ("Samoa", -17.0, -179.9),
        ("Alert", 89.9, 0.0),
        ("Svalbard", 89.9, 180.0),
    ):
        await write(database, service.add_station, name, latitude=latitude, longitude=longitude)

    async def near(latitude: float, longitude: float, radius_m: int) -> list[str]:
        query = StationQuery(near=(latitude, longitude), radius_m=radius_m)
        return [each.name for each in (await read(database, store.page_of_stations, query)).items]

    assert await near(-17.0, 179.95, 50_000) == ["Fiji", "Samoa"]
    assert await near(-17.0, -179.95, 50_000) == ["Samoa", "Fiji"]
    assert await near(-17.0, 179.95, 6_000) == ["Fiji"]
    assert await near(89.95, 0.0, 30_000) == ["Alert", "Svalbard"], "over the pole"
    assert await near(0.0, 0.0, 1000) == []


@pytest.mark.parametrize(
    ("here", "there", "metres"),
    [((0.0, 0.0), (0.0, 1.0), 111_195), ((18.5204, 73.8567), (19.0760, 72.8777), 120_154), ((90.0, 0.0), (-90.0, 0.0), 20_015_115)],
)
def test_distances(here: tuple[float, float], there: tuple[float, float], metres: int) -> None:
    assert round(geometry.distance_m(*here, *there)) == pytest.approx(metres, rel=0.001)
    assert geometry.distance_m(*here, *there) == geometry.distance_m(*there, *here)


@pytest.mark.parametrize("latitude", [-89.99, -60.0, 0.0, 45.0, 85.0])
@pytest.mark.parametrize("longitude", [-180.0, -179.99, 0.0, 179.99])
@pytest.mark.parametrize("radius_m", [1, 5_000, 500_000])
def test_a_box_holds_its_circle(latitude: float, longitude: float, radius_m: int) -> None:
    """Points on the circle, in every direction, are in the box."""
    import math

    box = geometry.box_around(latitude, longitude, radius_m)
    angle = radius_m / geometry.EARTH_RADIUS_M
    here, there = math.radians(latitude), math.radians(longitude)
    for bearing in (math.radians(degrees) for degrees in range(0, 360, 7)):
        north = math.asin(math.sin(here) * math.cos(angle) + math.cos(here) * math.sin(angle) * math.cos(bearing))
        east = there + math.atan2(
            math.sin(bearing) * math.sin(angle) * math.cos(here), math.cos(angle) - math.sin(here) * math.sin(north)
        )
        at_latitude, at_longitude = math.degrees(north), (math.degrees(east) + 540) % 360 - 180
        assert box.south <= at_latitude <= box.north
        inside = box.west <= at_longitude <= box.east
        assert inside or (box.wraps and (at_longitude >= box.west or at_longitude <= box.east)), (at_latitude, at_longitude)


PLANS: dict[str, tuple[Callable[[Any], Any], int]] = {
    "stations by name": (lambda tx: store.page_of_stations(tx, StationQuery()), 0),
    "stations by status": (lambda tx: store.page_of_stations(tx, StationQuery(status="active", sort="id")), 0),
    "stations near": (lambda tx: store.page_of_stations(tx, StationQuery(near=(1.0, 1.0))), 0),
    "chargers by id": (lambda tx: store.page_of_chargers(tx, ChargerQuery()), 0),
    "chargers by name": (lambda tx: store.page_of_chargers(tx, ChargerQuery(sort="-name")), 0),
    "chargers by age": (lambda tx: store.page_of_chargers(tx, ChargerQuery(sort="-created_at")), 0),
    "chargers of a station": (lambda tx: store.page_of_chargers(tx, ChargerQuery(station_id=7)), 0),
    "chargers of a vendor": (lambda tx: store.page_of_chargers(tx, ChargerQuery(vendor="V", model="M", sort="vendor")), 0),
    "pending chargers": (lambda tx: store.page_of_chargers(tx, ChargerQuery(approval="pending")), 0),
    "connected chargers": (lambda tx: store.page_of_chargers(tx, ChargerQuery(connected=True)), 0),
    "archived chargers": (lambda tx: store.page_of_chargers(tx, ChargerQuery(archived=True)), 0),
    "one charger": (lambda tx: store.charger_detail(tx, "CP0007"), 1),
    "connectors": (lambda tx: store.page_of_connectors(tx, ConnectorQuery()), 0),
    "faulted connectors": (lambda tx: store.page_of_connectors(tx, ConnectorQuery(status="Faulted")), 1),
    "connectors of a charger": (lambda tx: store.page_of_connectors(tx, ConnectorQuery(charger_id="CP0007")), 0),
    "a code": (lambda tx: store.behind_code(tx, "X"), 0),
    "a history": (lambda tx: store.status_history(tx, StatusHistoryQuery(), "CP0007"), 0),
    "a history, the oldest first": (lambda tx: store.status_history(tx, StatusHistoryQuery(sort="at"), "CP0007"), 0),
    "service records": (lambda tx: store.page_of_records(tx, ServiceQuery(), "CP0007"), 1),
}
"""Lists, and how many of their statements may sort by themselves (few rows each)."""


@pytest.mark.parametrize("engine", ["sqlite"])  # its plans need no statistics
async def test_usual_lists_are_read_by_index_of_thousands(database: Database) -> None:
    def crowd(tx: Any) -> None:
        tx.claim(*(f"charger:CP{number:04}" for number in range(MANY)))
        rows = [{"id": f"CP{number:04}", "tenant": 1, "now": number} for number in range(MANY)]
        tx.many("INSERT INTO chargers (id, tenant, approval, created_at) VALUES (:id, :tenant, 'accepted', :now)", rows)

    await write(database, crowd)

    def plans(tx: Any) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for name, (ask, _) in PLANS.items():
            watched = Counted(tx)
            ask(watched)
            steps = found[name] = []
            for sql, parameters in watched.statements:
                plain = {key: value for key, value in parameters.items() if f":{key}" in sql}
                asked = tx.system("a test looks").all(
                    f"EXPLAIN QUERY PLAN {sql}", **({"tenant": 1} if ":tenant" in sql else {}), **plain
                )
                steps += [str(row["detail"]) for row in asked]
        return found

    for name, steps in (await read(database, plans)).items():
        scans = [step for step in steps if re.match(r"SCAN (?!CONSTANT)", step) and "USING" not in step]
        assert not scans, (name, scans)
        assert sum(step == "USE TEMP B-TREE FOR ORDER BY" for step in steps) <= PLANS[name][1], (name, steps)


async def test_only_a_station_that_is_somewhere_has_a_position(database: Database) -> None:
    with pytest.raises(Invalid) as refused:
        await write(database, service.add_station, "A", latitude=1.0)
    assert refused.value.field == "longitude"


async def test_codes_stay_and_are_nobody_elses(database: Database) -> None:
    for charger_id in ("A", "B"):
        await write(database, service.add_charger, charger_id)
        await write(database, service.add_connector, charger_id, NewConnector(evse=1))
    at = Place(1, 1)

    async def code(charger_id: str) -> str:
        return str((await read(database, service.need_connector, charger_id, at)).qr_code)

    await write(database, service.give_codes, [("A", at, "AAAA"), ("B", at, "BBBB")])
    await write(database, service.give_codes, [("A", at, "CCCC")])
    assert await code("A") == "AAAA", "what is printed stays"
    await write(database, service.give_codes, [("A", at, "BBBB")], anew=True)
    assert (await code("A"), await code("B")) == ("AAAA", "BBBB"), "a code that another has is not taken"
    await write(database, service.give_codes, [("A", at, "CCCC")], anew=True)
    assert await code("A") == "CCCC"
