"""Lists of drivers, tokens and favourites out of the store, and whom a user charges as; on both engines."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from csms.core.errors import Conflict, NotFound
from csms.core.ids import DEFAULT_TENANT, Place
from csms.core.ports import ConnectionInfo, Database, ReadTx, Tx
from csms.core.reports import StatusReported
from csms.domain.drivers import service, store
from csms.domain.drivers.model import (
    DriversQuery,
    FavouritesQuery,
    NewDriver,
    NewVehicle,
    StationsForDriversQuery,
    TokensQuery,
    VehiclesQuery,
)
from csms.domain.drivers.service import cards, people, places, vehicles
from csms.domain.stations import service as stations
from csms.domain.stations.model import NewConnector
from csms.testing.stores import START_AT


async def write(database: Database, verb: Any, *arguments: Any, **options: Any) -> Any:
    return await database.write(partial(verb, **options), *arguments, tenant=DEFAULT_TENANT)


class Counting:
    """A transaction that counts its statements."""

    def __init__(self, tx: ReadTx) -> None:
        self.tx = tx
        self.tenant, self.now = tx.tenant, tx.now
        self.ran = 0

    def __getattr__(self, name: str) -> Any:
        self.ran += name in ("all", "one", "value", "count")
        return getattr(self.tx, name)


async def statements(database: Database, query: Any, *arguments: Any, **options: Any) -> tuple[int, Any]:
    """How many statements a query takes, and its answer."""

    def counted(tx: ReadTx) -> tuple[int, Any]:
        counting = Counting(tx)
        found = query(counting, *arguments, **options)
        return counting.ran, found

    return await database.read(counted, tenant=DEFAULT_TENANT)


async def test_a_list_takes_as_many_statements_however_many_rows_it_has(database: Database) -> None:
    counts = []
    for number in (1, 25):
        for each in range(number):
            new = NewDriver(name=f"D{number}-{each:02}", groups=(f"g{each % 2}", "all"), preferences={"a": "b"})
            driver = await write(database, people.add, new)
            await write(database, service.add_token, f"T{number}-{each}", driver_id=driver.id, expires_at=START_AT + each)
            await write(database, vehicles.add, driver.id, NewVehicle(name="Car"))
        drivers, page = await statements(database, store.drivers_page, DriversQuery(limit=200, group="all"))
        tokens, _ = await statements(database, store.cards_page, TokensQuery(limit=200))
        cars, _ = await statements(database, store.vehicles_page, driver.id, VehiclesQuery())
        counts.append((drivers, tokens, cars))
    assert counts[0] == counts[1] == (2, 1, 1), "and one for each that is not the last page: how many there are"
    assert page.total == 26
    assert page.items[-1].groups == ("all", "g0")
    assert page.items[-1].preferences == {"a": "b"}
    _, found = await statements(database, store.drivers_page, DriversQuery(group="g1", search="d25", sort="-created_at", limit=5))
    assert (found.total, [each.name for each in found.items][:2]) == (12, ["D25-23", "D25-21"])


async def test_tokens_by_how_they_stand(database: Database, clock: Any) -> None:
    driver = await write(database, service.add_driver, "Asha")
    await write(database, service.add_token, "usable", driver_id=driver.id)
    await write(database, service.add_token, "old", expires_at=START_AT - 1)
    await write(database, service.add_token, "early", valid_from=START_AT + 1)
    await write(database, service.add_token, "stolen", note="by a magpie")
    await write(database, service.block_token, "STOLEN")

    async def values(**query: Any) -> list[str]:
        _, found = await statements(database, store.cards_page, TokensQuery(**query))
        return [each.value for each in found.items]

    assert await values(standing="usable") == ["usable"]
    assert await values(standing="expired") == ["old"]
    assert await values(standing="not_yet") == ["early"]
    assert await values(standing="blocked") == await values(status="blocked") == ["stolen"]
    assert sorted(await values(sort="-expires_at")) == ["early", "old", "stolen", "usable"]
    assert await values(value="USABLE", driver_id=driver.id) == ["usable"]
    await write(database, service.block_driver, driver.id)
    assert await values(standing="usable") == []
    ((stolen),) = (await statements(database, store.cards_page, TokensQuery(search="stol")))[1].items
    assert (stolen.note, stolen.blocked_at) == ("by a magpie", START_AT)


async def test_favourites_come_with_their_stations(database: Database) -> None:
    driver = await write(database, service.add_driver, "Asha")
    for name in ("South", "North"):
        station = await write(database, stations.add_station, name=name)
        for _ in range(2):
            await write(database, vehicles.add_favourite, driver.id, station.id)
    _, found = await statements(database, store.favourites_page, driver.id, FavouritesQuery())
    assert [each.name for each in found.items] == ["North", "South"]
    for query, many in ((FavouritesQuery(status="active"), 2), (FavouritesQuery(city="Pune"), 0)):
        assert (await statements(database, store.favourites_page, driver.id, query))[1].total == many
    await write(database, service.remove_driver, driver.id)
    assert (await statements(database, store.favourites_page, driver.id, FavouritesQuery()))[1].total == 0


async def test_vehicles_by_what_they_are(database: Database) -> None:
    driver = await write(database, service.add_driver, "Asha")
    for new in (
        NewVehicle(name="Van", make="Tata", connector_types=("CCS2", "Type_2"), is_default=True),
        NewVehicle(name="Car", make="Kia", connector_types=("CCS", "Type 2")),
    ):
        await write(database, vehicles.add, driver.id, new)

    async def names(**query: Any) -> list[str]:
        _, found = await statements(database, store.vehicles_page, driver.id, VehiclesQuery(**query))
        return [each.name for each in found.items]

    assert await names(make="TATA") == await names(is_default=True) == await names(connector_type="CCS2") == ["Van"]
    assert await names(connector_type="CCS") == await names(is_default=False) == ["Car"]
    assert await names(connector_type="Type") == await names(connector_type="%") == []
    assert await names(sort="make") == ["Car", "Van"]


async def test_where_a_driver_may_charge(database: Database) -> None:
    asha, ben = [await write(database, service.add_driver, name) for name in ("Asha", "Ben")]
    fleet = await write(database, service.add_token_group, "Fleet")
    await write(database, service.add_token, "A", driver_id=asha.id, token_group_id=fleet.id)
    at = {"latitude": 18.5, "longitude": 73.8}
    depot = await write(database, stations.add_station, "Depot", amenities=("wifi",), **at)
    await write(database, stations.add_station, "Yard", access="granted", **at)
    closed = await write(database, stations.add_station, "Closed", status="decommissioned")
    await write(database, vehicles.add_favourite, asha.id, depot.id)

    counts = []

    async def names(driver: Any = asha, **query: Any) -> list[str]:
        count, found = await statements(database, places.stations_for, driver.id, StationsForDriversQuery(**query))
        assert found.total == len(found.items)
        counts.append(count)
        return [each.name for each in found.items]

    assert await names() == await names(near=(18.5, 73.81), radius_m=5000) == ["Depot"]
    for number, (evse, kind, watts) in enumerate(((1, "MCS", 60_000), (2, "CHADEMO", 25_000), (3, "CHADEMO", 25_000))):
        if not number:
            await write(database, stations.add_charger, "C", station_id=depot.id)
        await write(database, stations.add_connector, "C", NewConnector(evse=evse, type=kind, current_type="DC", max_power_w=watts))
    assert await names(type="MCS", min_power_w=50_000, current_type="DC", favourite=True, amenity="wifi") == ["Depot"]
    for nothing in (
        {"type": "CHADEMO", "min_power_w": 50_000},
        {"current_type": "AC"},
        {"free": True, "type": "MCS"},
        {"city": "X"},
    ):
        assert await names(**nothing) == [], nothing
    assert await names(ben, favourite=True) == []
    assert max(counts) <= 4, "however many there are"
    _, shown = await statements(database, places.station_for, asha.id, depot.id)
    assert [(each.type, each.total, each.free) for each in shown.plugs] == [("MCS", 1, 0), ("CHADEMO", 2, 0)]

    link = ConnectionInfo(
        charger_id="C",
        tenant=DEFAULT_TENANT,
        connection_id="L",
        protocol="ocpp1.6",
        remote_address="",
        connected_at=START_AT,
        last_heard_at=START_AT,
        registration="accepted",
        queued_commands=0,
    )
    await write(database, stations.link_up, link, 1)
    status = {"charger_id": "C", "place": Place(1, 1), "status": "Available", "reported_at": START_AT, "received_at": START_AT}
    await write(database, stations.status, StatusReported(**status))
    assert await names(free=True, type="MCS") == ["Depot"]
    assert (await statements(database, places.station_for, asha.id, depot.id))[1].plugs[0].free == 1

    with pytest.raises(NotFound):
        await statements(database, places.station_for, asha.id, 2)
    with pytest.raises(NotFound):
        await write(database, vehicles.add_favourite, asha.id, 2)
    await write(database, service.grant, token_group_id=fleet.id, station_id=2)
    assert (await names(), await names(ben)) == (["Depot", "Yard"], ["Depot"]), "a card of hers opens it"
    await write(database, service.grant, driver_id=ben.id, station_id=closed.id)
    assert await names(ben) == [], "closed for good, and he may charge nowhere else"


async def test_a_user_charges_as_one_driver_and_nobody_elses(database: Database) -> None:
    asha = await write(database, service.add_driver, "Asha", email="asha@example.org")
    become = partial(write, database, service.driver_for_user)
    claimed = await become(1, name="Mallory", email="ASHA@example.org")
    assert (claimed.id != asha.id, claimed.email) == (True, ""), "an address that was not verified proves nothing"
    verified = await become(2, name="Asha Rao", email="Asha@example.org", email_verified=True)
    assert (verified.id, verified.user_id) == (asha.id, 2)
    third = await become(3, name="", email="asha@example.org", email_verified=True)
    assert (third.id not in (asha.id, claimed.id), third.email, third.name) == (True, "", "user 3"), "it is another user's already"
    for user_id, driver in ((1, claimed), (2, verified), (3, third)):
        assert await become(user_id, name="again", email="new@example.org") == driver
    await write(database, service.remove_driver, verified.id)
    anew = await become(2, name="Asha", email="asha@example.org", email_verified=True)
    assert anew.id != verified.id
    with pytest.raises(Conflict):
        await write(database, service.restore_driver, verified.id)


async def test_an_apps_token_is_made_once_and_stays_blocked(database: Database) -> None:
    driver = await write(database, service.add_driver, "Asha")
    first = await write(database, cards.charging_token, driver.id, None, "APP1")
    assert await write(database, cards.charging_token, driver.id, None, "APP2") == first

    def block(tx: Tx) -> None:
        cards.block_own(tx, driver.id, first.id, "lost phone")

    await write(database, block)
    again = await write(database, cards.charging_token, driver.id, None, "APP3")
    assert (again.id, again.status) == (first.id, "blocked"), "a blocked app gets no new token by asking"
