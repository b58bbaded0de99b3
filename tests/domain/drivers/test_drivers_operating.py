from __future__ import annotations

from functools import partial
from typing import Any

import attrs
import pytest

from csms.core.errors import Conflict, Invalid, NotFound, Refused
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Database
from csms.domain.drivers import service, store
from csms.domain.stations import service as stations
from csms.domain.tenants import service as tenants


async def write(database: Database, verb: Any, *arguments: Any, **options: Any) -> Any:
    return await database.write(partial(verb, **options), *arguments, tenant=DEFAULT_TENANT)


async def read(database: Database, query: Any, *arguments: Any, **options: Any) -> Any:
    return await database.read(partial(query, **options), *arguments, tenant=DEFAULT_TENANT)


async def test_a_token_is_kept_as_issued_and_found_in_any_case(database: Database) -> None:
    token = await write(database, service.add_token, "04aB", kind="ISO14443", label="Asha's card")
    assert (token.value, token.kind, token.label, token.status) == ("04aB", "ISO14443", "Asha's card", "active")
    assert await read(database, service.need_token, "04AB") == token


async def test_a_value_is_issued_once_in_any_case(database: Database) -> None:
    await write(database, service.add_token, "04aB")
    with pytest.raises(Conflict, match="04AB"):
        await write(database, service.add_token, "04AB")
    add_tenant = partial(tenants.add, slug="other", name="Other", currency="EUR", time_zone="UTC")
    other = await database.write(add_tenant, tenant=DEFAULT_TENANT)
    await database.write(service.add_token, "04AB", tenant=other)
    assert [each.value for each in await read(database, store.list_tokens)] == ["04aB"]


@pytest.mark.parametrize("engine", ["sqlite"])  # no SQL of its own
@pytest.mark.parametrize(
    ("value", "options", "field"),
    [
        ("", {}, "value"),
        (" T", {}, "value"),
        ("a\x00b", {}, "value"),
        ("x" * 256, {}, "value"),
        ("T", {"max_transactions": -1}, "max_transactions"),
        ("T", {"valid_from": 5, "expires_at": 5}, "valid_from"),
    ],
)
async def test_wrong_token_values_are_refused_by_name(database: Database, value: str, options: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        await write(database, service.add_token, value, **options)
    assert refused.value.field == field


async def test_a_token_changes_but_for_its_value(database: Database) -> None:
    group = await write(database, service.add_token_group, "Fleet")
    driver = await write(database, service.add_driver, "Asha")
    token = await write(database, service.add_token, "T")
    wanted = attrs.evolve(
        token, label="L", token_group_id=group.id, driver_id=driver.id, valid_from=1, expires_at=9, max_transactions=0
    )
    assert await write(database, service.change_token, wanted) == wanted
    with pytest.raises(Invalid, match="status"):
        await write(database, service.change_token, attrs.evolve(token, status="lost"))
    with pytest.raises(NotFound, match="group 99"):
        await write(database, service.change_token, attrs.evolve(token, token_group_id=99))


async def test_tokens_are_listed_by_page_group_and_driver(database: Database) -> None:
    group = await write(database, service.add_token_group, "Fleet")
    driver = await write(database, service.add_driver, "Asha")
    await write(database, service.add_token, "c", token_group_id=group.id)
    await write(database, service.add_token, "B", driver_id=driver.id)
    await write(database, service.add_token, "a")

    async def values(**options: Any) -> list[str]:
        return [each.value for each in await read(database, store.list_tokens, **options)]

    assert await values() == ["a", "B", "c"]
    assert await values(after="a", limit=1) == ["B"]
    assert await values(token_group_id=group.id) == ["c"]
    assert await values(driver_id=driver.id) == ["B"]


async def test_a_group_goes_only_when_it_is_empty(database: Database) -> None:
    group = await write(database, service.add_token_group, "Fleet")
    await write(database, service.add_token, "T", token_group_id=group.id)
    with pytest.raises(Refused, match="Fleet"):
        await write(database, service.remove_token_group, group.id)
    await write(database, service.remove_token, "T")
    await write(database, service.remove_token_group, group.id)
    assert await read(database, store.list_token_groups) == []


async def test_chargers_are_told_a_groups_parent_which_fits_ocpp_16(database: Database) -> None:
    assert (await write(database, service.add_token_group, "Fleet")).parent == "Fleet"
    assert (await write(database, service.add_token_group, "A long name for people to read", parent="LONG")).parent == "LONG"
    with pytest.raises(Invalid, match="at most 20"):
        await write(database, service.add_token_group, "Another long name for people")
    for name, parent in (("Fleet", "X"), ("X", "FLEET")):
        with pytest.raises(Conflict):
            await write(database, service.add_token_group, name, parent=parent)


async def test_a_driver_goes_only_without_tokens(database: Database) -> None:
    driver = await write(database, service.add_driver, "Asha", email="a@example.org", reference="E-7")
    await write(database, service.add_token, "T", driver_id=driver.id)
    with pytest.raises(Refused, match="Asha"):
        await write(database, service.remove_driver, driver.id)
    await write(database, service.remove_token, "T")
    await write(database, service.remove_driver, driver.id)
    assert await read(database, store.list_drivers) == []
    again = await write(database, service.add_driver, "Asha", email="A@example.org", reference="E-7")
    assert again.id != driver.id


async def test_drivers_do_not_share_an_address_or_a_reference(database: Database) -> None:
    await write(database, service.add_driver, "Asha", email="a@example.org", reference="E-7")
    for options in ({"email": "A@EXAMPLE.ORG"}, {"reference": "E-7"}):
        with pytest.raises(Conflict):
            await write(database, service.add_driver, "Ravi", **options)
    await write(database, service.add_driver, "Ravi")
    await write(database, service.add_driver, "Ravi")


async def test_a_drivers_vehicles(database: Database) -> None:
    driver = await write(database, service.add_driver, "Asha")
    car = await write(database, service.add_vehicle, driver.id, plate="ka 01 ab 1234", make="Tata", model="Nexon")
    assert await read(database, store.list_vehicles, driver.id) == [car]
    assert car.plate == "KA 01 AB 1234"
    with pytest.raises(Conflict, match="KA 01"):
        await write(database, service.add_vehicle, driver.id, plate="KA 01 AB 1234")
    with pytest.raises(Invalid, match="VIN"):
        await write(database, service.add_vehicle, driver.id, make="Tata")
    await write(database, service.remove_vehicle, car.id)
    assert await read(database, store.list_vehicles, driver.id) == []


async def test_a_grant_names_one_subject_and_one_place_and_is_given_once(database: Database) -> None:
    await write(database, service.add_token, "T")
    station = await write(database, stations.add_station, "Depot")
    given = await write(database, service.grant, token="T", station_id=station.id)
    assert await write(database, service.grant, token="t", station_id=station.id) is None
    assert await read(database, store.list_grants) == [given]
    for wrong in ({"token": "T"}, {"station_id": station.id}, {"token": "T", "driver_id": 1, "station_id": station.id}):
        with pytest.raises(Invalid, match="exactly one"):
            await write(database, service.grant, **wrong)
    for missing in ({"token": "U", "station_id": station.id}, {"token": "T", "station_group_id": 99}):
        with pytest.raises(NotFound):
            await write(database, service.grant, **missing)
    await write(database, stations.remove_station, station.id)
    assert await read(database, store.list_grants) == []


@pytest.mark.parametrize("engine", ["sqlite"])  # no SQL of its own
@pytest.mark.parametrize(
    ("verb", "what"),
    [
        (service.block_token, "nothing"),
        (service.remove_token, "nothing"),
        (service.block_token_group, 99),
        (service.remove_token_group, 99),
        (service.block_driver, 99),
        (service.remove_driver, 99),
        (service.remove_vehicle, 99),
        (service.revoke, 99),
    ],
)
async def test_what_is_not_there_is_said_to_be_not_there(database: Database, verb: Any, what: Any) -> None:
    with pytest.raises(NotFound, match=str(what)):
        await write(database, verb, what)
