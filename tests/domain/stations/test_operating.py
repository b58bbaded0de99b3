from __future__ import annotations

from functools import partial
from typing import Any

import attrs
import pytest

from csms.core.errors import Conflict, CsmsError, Invalid, NotFound, Refused
from csms.core.ids import DEFAULT_TENANT, Place
from csms.core.ports import Database
from csms.core.reports import StatusReported
from csms.domain.stations import service, store
from csms.domain.stations.model import Charger, Station
from csms.domain.tenants import service as tenants


async def write(database: Database, verb: Any, *arguments: Any, **options: Any) -> Any:
    return await database.write(partial(verb, **options), *arguments, tenant=DEFAULT_TENANT)


async def stored(database: Database, charger_id: str) -> Charger | None:
    return await database.read(store.charger, charger_id, tenant=DEFAULT_TENANT)


async def test_a_station_is_added_changed_and_removed(database: Database) -> None:
    station: Station = await write(database, service.add_station, " Depot ", address="1 Main St", latitude=12.9, longitude=77)
    assert (station.name, station.access, station.latitude, station.chargers) == ("Depot", "open", 12.9, 0)
    group = await write(database, service.add_station_group, "Campus")
    changed = await write(
        database, service.change_station, attrs.evolve(station, name="Yard", access="granted", station_group_id=group)
    )
    assert (changed.name, changed.access, changed.station_group_id) == ("Yard", "granted", group)
    assert await database.read(store.list_stations, tenant=DEFAULT_TENANT) == [changed]
    await write(database, service.remove_station_group, group)
    (left,) = await database.read(store.list_stations, tenant=DEFAULT_TENANT)
    assert left.station_group_id is None
    await write(database, service.remove_station, station.id)
    assert await database.read(store.list_stations, tenant=DEFAULT_TENANT) == []


async def test_station_names_are_unique_in_a_tenant(database: Database) -> None:
    await write(database, service.add_station, "Depot")
    yard = await write(database, service.add_station, "Yard")
    with pytest.raises(Conflict, match="Depot"):
        await write(database, service.add_station, "Depot")
    with pytest.raises(Conflict, match="Depot"):
        await write(database, service.change_station, attrs.evolve(yard, name="Depot"))
    add_tenant = partial(tenants.add, slug="other", name="Other", currency="EUR", time_zone="UTC")
    other = await database.write(add_tenant, tenant=DEFAULT_TENANT)
    await database.write(service.add_station, "Depot", tenant=other)


async def test_a_station_with_chargers_is_not_removed(database: Database) -> None:
    station = await write(database, service.add_station, "Depot")
    await write(database, service.add_charger, "CP1", station_id=station.id)
    with pytest.raises(Refused, match="has 1 chargers"):
        await write(database, service.remove_station, station.id)
    await write(database, service.place_charger, "CP1", None)
    await write(database, service.remove_station, station.id)


@pytest.mark.parametrize("engine", ["sqlite"])  # no SQL of its own
@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"latitude": 91.0}, "latitude"),
        ({"longitude": -181.0}, "longitude"),
        ({"access": "closed"}, "access"),
    ],
)
async def test_wrong_station_values_are_refused_by_name(database: Database, wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        await write(database, service.add_station, **({"name": "Depot"} | wrong))
    assert refused.value.field == field


async def test_chargers_are_listed_by_id_page_station_and_approval(database: Database) -> None:
    station = await write(database, service.add_station, "Depot")
    for number in range(5):
        await write(
            database,
            service.add_charger,
            f"CP{number}",
            station_id=station.id if number % 2 else None,
            approval="pending" if number == 4 else "accepted",
        )

    async def ids(**options: Any) -> list[str]:
        return [each.id for each in await database.read(partial(store.list_chargers, **options), tenant=DEFAULT_TENANT)]

    assert await ids(limit=2) == ["CP0", "CP1"]
    assert await ids(limit=2, after="CP1") == ["CP2", "CP3"]
    assert await ids(station_id=station.id) == ["CP1", "CP3"]
    assert await ids(approval="pending") == ["CP4"]
    assert await ids(approval="accepted") == ["CP0", "CP1", "CP2", "CP3"]
    assert await ids(connected=False) == ["CP0", "CP1", "CP2", "CP3", "CP4"]


async def test_a_charger_id_is_unique_in_the_installation(database: Database) -> None:
    await write(database, service.add_charger, "CP1")
    with pytest.raises(Conflict, match="CP1"):
        await write(database, service.add_charger, "CP1")
    add_tenant = partial(tenants.add, slug="other", name="Other", currency="EUR", time_zone="UTC")
    other = await database.write(add_tenant, tenant=DEFAULT_TENANT)
    with pytest.raises(Conflict, match="unique in the installation"):
        await database.write(service.add_charger, "CP1", tenant=other)
    assert await database.read(store.charger, "CP1", tenant=other) is None


async def test_a_removed_charger_is_gone_and_starts_over_when_added_again(database: Database) -> None:
    station = await write(database, service.add_station, "Depot")
    await write(database, service.add_charger, "CP1", name="Old", station_id=station.id, sealed_key="sealed")
    report = StatusReported(charger_id="CP1", received_at=10, reported_at=10, place=Place(1, 1), status="Available")
    await write(database, service.status, report)
    await write(database, service.remove_charger, "CP1")
    assert await stored(database, "CP1") is None
    assert await database.read(store.list_chargers, tenant=DEFAULT_TENANT) == []
    await write(database, service.remove_station, station.id)
    again = await write(database, service.add_charger, "CP1")
    assert (again.name, again.station_id, again.key_origin, again.registration) == ("", None, "", "")
    assert await database.read(store.list_connectors, "CP1", tenant=DEFAULT_TENANT) == []


async def test_a_charger_is_named_placed_and_its_evses_labelled(database: Database) -> None:
    station = await write(database, service.add_station, "Depot")
    await write(database, service.add_charger, "CP1")
    await write(database, service.rename_charger, "CP1", " Left one ")
    await write(database, service.place_charger, "CP1", station.id)
    charger = await stored(database, "CP1")
    assert charger is not None
    assert (charger.name, charger.station_id) == ("Left one", station.id)
    report = StatusReported(charger_id="CP1", received_at=10, reported_at=10, place=Place(2, 1), status="Available")
    await write(database, service.status, report)
    await write(database, service.label_evse, "CP1", 2, "IN*ABC*E2")
    (evse,) = await database.read(store.list_evses, "CP1", tenant=DEFAULT_TENANT)
    assert (evse.evse, evse.label) == (2, "IN*ABC*E2")


@pytest.mark.parametrize("engine", ["sqlite"])  # no SQL of its own
@pytest.mark.parametrize(
    ("verb", "arguments"),
    [
        (service.approve, ("CP9",)),
        (service.remove_charger, ("CP9",)),
        (service.rename_charger, ("CP9", "x")),
        (service.place_charger, ("CP1", 99)),
        (service.set_key, ("CP9", "sealed")),
        (service.label_evse, ("CP1", 7, "x")),
        (service.remove_station, (99,)),
        (service.remove_station_group, (99,)),
    ],
)
async def test_what_is_not_there_is_said_to_be_not_there(database: Database, verb: Any, arguments: tuple[Any, ...]) -> None:
    await write(database, service.add_charger, "CP1")
    with pytest.raises(NotFound, match=r"CP9|CP1|99"):
        await write(database, verb, *arguments)


@pytest.mark.parametrize("engine", ["sqlite"])  # no SQL of its own
@pytest.mark.parametrize(
    ("verb", "arguments", "options"),
    [
        (service.add_charger, ("a\nb",), {}),
        (service.add_charger, ("CP2",), {"approval": "maybe"}),
        (service.add_charger, ("CP2",), {"station_id": 99}),
        (service.decide, ("CP1", "maybe"), {}),
        (service.set_heartbeat_interval, ("CP1", 0), {}),
        (service.rename_charger, ("CP1", "x" * 201), {}),
    ],
)
async def test_wrong_charger_values_are_refused(
    database: Database, verb: Any, arguments: tuple[Any, ...], options: dict[str, Any]
) -> None:
    await write(database, service.add_charger, "CP1")
    with pytest.raises(CsmsError) as refused:
        await write(database, verb, *arguments, **options)
    assert isinstance(refused.value, (Invalid, NotFound))
    assert await stored(database, "CP2") is None


async def test_tenants_do_not_see_or_touch_each_others_chargers(database: Database) -> None:
    add_tenant = partial(tenants.add, slug="other", name="Other", currency="EUR", time_zone="UTC")
    other = await database.write(add_tenant, tenant=DEFAULT_TENANT)
    await write(database, service.add_charger, "CP1")
    assert await database.read(store.list_chargers, tenant=other) == []
    for verb in (service.reject, service.remove_charger):
        with pytest.raises(NotFound):
            await database.write(verb, "CP1", tenant=other)
    charger = await stored(database, "CP1")
    assert charger is not None
    assert charger.approval == "accepted"
