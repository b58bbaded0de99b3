"""The event log and the list of connections as they are read from the store, on both engines."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import pytest

from csms import event_log
from csms.core.errors import NotFound
from csms.core.ids import DEFAULT_TENANT, charger_key
from csms.core.ports import Database, Tx
from csms.domain.stations import service as stations
from csms.domain.stations.model.connections import ConnectionsQuery
from csms.domain.stations.store.connected import connected
from csms.event_log import DeadLettersQuery, EventsQuery


@pytest.fixture
async def told(database: Database) -> Database:
    """Three chargers that were accepted after they had waited, two of them connected; one consumer could not take two events."""
    for number, charger_id in enumerate(("C1", "C2", "C3")):
        key = (charger_key(charger_id),)
        verb = partial(stations.add_charger, charger_id=charger_id, approval="pending")
        await database.write(verb, tenant=DEFAULT_TENANT, keys=key)
        await database.write(stations.decide, charger_id, "accepted", tenant=DEFAULT_TENANT, keys=key)
        link = {"link": f"k{number}" if number else "", "protocol": f"ocpp{number}", "id": charger_id}
        await database.write(_connect, link, tenant=DEFAULT_TENANT, keys=key)
    await database.write(_bury, tenant=DEFAULT_TENANT)
    return database


def _connect(tx: Tx, link: dict[str, Any]) -> None:
    tx.run(
        "UPDATE chargers SET connection_id = :link, connected_at = :since, protocol = :protocol, registration = 'accepted'"
        " WHERE id = :id AND tenant = :tenant",
        **link,
        since=1 if link["link"] else None,
    )


def _bury(tx: Tx) -> None:
    system = tx.system("a test")
    system.run("INSERT INTO cursors (consumer, xid, sequence, created_at, saved_at) VALUES ('plugin:x', 0, 0, 0, 0)")
    system.run(
        "INSERT INTO deliveries (consumer, sequence, xid, key, state, attempts, error, changed_at)"
        " SELECT 'plugin:x', sequence, 0, key, 'dead', 3, 'no Route', 7 FROM events WHERE key IN ('charger:C1', 'charger:C2')"
    )


async def keys(database: Database, stations: frozenset[int] | None = None, **asked: Any) -> list[str]:
    found = await database.read(event_log.events, EventsQuery(**asked), stations, tenant=DEFAULT_TENANT)
    return [each.charger_id or "" for each in found.items]


async def test_events_are_found_the_newest_first(told: Database) -> None:
    assert await keys(told) == ["C3", "C2", "C1"]
    assert await keys(told, charger_id="C2") == ["C2"]
    assert await keys(told, key="charger:C1", type="charger_registration_changed") == ["C1"]
    assert await keys(told, type="nothing") == []
    assert await keys(told, search="ACCEPTED", limit=2) == ["C3", "C2"]
    assert await keys(told, search="c2") == ["C2"]
    assert await keys(told, from_at=0, to_at=1) == []
    assert await keys(told, from_at=1) == ["C3", "C2", "C1"]
    assert await keys(told, frozenset({7})) == [], "none of them stands there"
    (newest, *_) = (await told.read(event_log.events, EventsQuery(), None, tenant=DEFAULT_TENANT)).items
    assert await told.read(event_log.need_event, newest.event_id, None, tenant=DEFAULT_TENANT) == newest
    with pytest.raises(NotFound):
        await told.read(event_log.need_event, newest.event_id, frozenset({7}), tenant=DEFAULT_TENANT)


@pytest.mark.parametrize("sort", ["-at", "at"])
async def test_the_newest_events_are_read_and_no_others(told: Database, sort: str) -> None:
    """Without statistics SQLite takes an index for the tenant alone, and sorts every event of it."""
    plans: list[str] = []

    def planned(tx: Tx) -> None:
        class Planning:
            now, tenant = tx.now, tx.tenant

            def system(self, reason: str) -> Tx:
                return tx.system(reason)

            def all(self, sql: str, **parameters: Any) -> list[Any]:
                plans.extend(row["detail"] for row in tx.system("a plan").all(f"EXPLAIN QUERY PLAN {sql}", tenant=1, **parameters))
                return []

        event_log.events(cast("Tx", Planning()), EventsQuery(sort=sort), None)

    if told.engine == "sqlite":  # type: ignore[attr-defined]  # of the store behind the port
        await told.read(planned, tenant=DEFAULT_TENANT)
        assert plans == ["SEARCH events USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"]


async def test_dead_letters_by_page(told: Database) -> None:
    found = await told.read(
        event_log.dead_letters, DeadLettersQuery(consumer="plugin:x", search="route", limit=1), tenant=DEFAULT_TENANT
    )
    assert (found.total, [each.key for each in found.items]) == (2, ["charger:C2"])
    assert (found.items[0].given_up_at, found.items[0].attempts) == (7, 3)
    assert (await told.read(event_log.dead_letters, DeadLettersQuery(type="x"), tenant=DEFAULT_TENANT)).total == 0


async def test_who_is_connected(told: Database) -> None:
    async def ids(**asked: Any) -> list[str]:
        return list((await told.read(connected, ConnectionsQuery(**asked), None, tenant=DEFAULT_TENANT)).items)

    assert await ids() == ["C2", "C3"]
    assert await ids(sort="-charger_id", limit=1) == ["C3"]
    assert await ids(protocol="ocpp1") == ["C2"]
    assert await ids(registration="pending") == []
    assert await ids(search="c3") == ["C3"]
    assert (await told.read(connected, ConnectionsQuery(), frozenset({7}), tenant=DEFAULT_TENANT)).total == 0
