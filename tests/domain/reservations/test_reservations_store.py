"""Lists of reservations for operators."""

from __future__ import annotations

from typing import Any

from csms.core.commands import Answered
from csms.core.ids import DEFAULT_TENANT
from csms.domain.reservations import store
from csms.domain.reservations.model import ReservationsQuery
from csms.domain.stations import service as stations

from .conftest import Scene


async def test_lists(scene: Scene) -> None:
    first = await scene.reserve(Answered("Rejected"))
    second = await scene.reserve(token="OTHER")

    async def ids(**which: Any) -> list[int]:
        found = await scene.database.read(store.page_of_reservations, ReservationsQuery(**which), None, tenant=DEFAULT_TENANT)
        assert found.total == len(found.items) or found.limit == 1
        return [each.id for each in found.items]

    assert await ids() == [second.id, first.id]
    assert await ids(sort="created_at") == [first.id, second.id]
    assert await ids(limit=1) == [second.id]
    assert await ids(limit=1, page=2) == [first.id]
    assert await ids(open=True) == await ids(state="active") == await ids(token="other") == await ids(search="oth") == [second.id]
    assert await ids(open=False) == await ids(state="refused") == [first.id]
    assert await ids(charger_id="CP-2") == await ids(station_id=1) == await ids(from_at=second.expires_at + 1) == []
    assert len(await ids(to_at=second.expires_at + 1, sort="-expires_at")) == 2


async def test_staff_of_some_stations_see_what_is_reserved_there(scene: Scene) -> None:
    there = (await scene.do(stations.add_station, "Campus")).id
    await scene.reserve()

    async def seen(*may_see: int) -> int:
        query = ReservationsQuery()
        found = await scene.database.read(store.page_of_reservations, query, frozenset(may_see), tenant=DEFAULT_TENANT)
        return found.total

    assert [await seen(there), await seen()] == [0, 0]
    await scene.do(lambda tx: tx.run("UPDATE chargers SET station_id = :there WHERE tenant = :tenant", there=there))
    assert [await seen(there), await seen(there, 99), await seen(99), await seen()] == [1, 1, 0, 0]
    assert len(await scene.database.read(store.reservations, ReservationsQuery(station_id=there), 5, tenant=DEFAULT_TENANT)) == 1
