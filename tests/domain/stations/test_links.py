from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Admission, ConnectionInfo, Database, Ports
from csms.domain.stations import flows, service, store
from csms.domain.tenants import service as tenants

Events = Callable[..., Awaitable[list[dict[str, Any]]]]


def link(charger_id: str, connection_id: str, connected_at: int = 1000) -> ConnectionInfo:
    return ConnectionInfo(
        charger_id=charger_id,
        tenant=DEFAULT_TENANT,
        connection_id=connection_id,
        protocol="ocpp1.6",
        remote_address="192.0.2.7:4711",
        connected_at=connected_at,
        last_heard_at=connected_at,
        registration="",
        queued_commands=0,
    )


def admission(charger_id: str) -> Admission:
    return Admission(charger_id=charger_id, tenant=DEFAULT_TENANT)


async def stored(database: Database, charger_id: str) -> Any:
    charger = await database.read(store.charger, charger_id, tenant=DEFAULT_TENANT)
    assert charger is not None
    return charger


async def test_a_connection_is_seen_while_it_lasts(ports: Ports, database: Database, events: Events) -> None:
    await database.write(service.add_charger, "CP1", tenant=DEFAULT_TENANT)
    await flows.connected(ports, admission("CP1"), link("CP1", "c1"))
    charger = await stored(database, "CP1")
    assert charger.connected
    assert (charger.connected_at, charger.protocol, charger.remote_address) == (1000, "ocpp1.6", "192.0.2.7:4711")
    online = await database.read(partial(store.list_chargers, connected=True), tenant=DEFAULT_TENANT)
    assert [each.id for each in online] == ["CP1"]
    await flows.disconnected(ports, admission("CP1"), link("CP1", "c1"), "closed by the charger")
    charger = await stored(database, "CP1")
    assert (charger.connected, charger.last_seen_at) == (False, 1000)
    up, down = (await events("charger_connected"))[0], (await events("charger_disconnected"))[0]
    assert (up["connection_id"], up["protocol"], up["key"]) == ("c1", "ocpp1.6", "charger:CP1")
    assert (down["connection_id"], down["reason"], down["replaced"]) == ("c1", "closed by the charger", False)


async def test_an_old_links_end_does_not_end_the_newer_one(ports: Ports, database: Database, events: Events) -> None:
    await database.write(service.add_charger, "CP1", tenant=DEFAULT_TENANT)
    await flows.connected(ports, admission("CP1"), link("CP1", "old", 1000))
    await flows.connected(ports, admission("CP1"), link("CP1", "new", 2000))
    await flows.disconnected(ports, admission("CP1"), link("CP1", "old", 1000), "taken over")
    charger = await stored(database, "CP1")
    assert (charger.connection_id, charger.connected_at) == ("new", 2000)
    (down,) = await events("charger_disconnected")
    assert (down["connection_id"], down["replaced"]) == ("old", True)


async def test_after_a_crash_nobody_is_connected_in_any_tenant(ports: Ports, database: Database, events: Events) -> None:
    add_tenant = partial(tenants.add, slug="other", name="Other", currency="EUR", time_zone="UTC")
    other = await database.write(add_tenant, tenant=DEFAULT_TENANT)
    for charger_id in ("CP1", "CP2", "CP3"):
        await database.write(service.add_charger, charger_id, tenant=DEFAULT_TENANT)
    await database.write(service.add_charger, "theirs", tenant=other)
    for charger_id in ("CP1", "CP2"):
        await flows.connected(ports, admission(charger_id), link(charger_id, "c" + charger_id))
    await flows.connected(ports, Admission(charger_id="theirs", tenant=other), link("theirs", "c9"))
    assert await flows.forget_connections(ports) == 3
    assert await database.read(partial(store.list_chargers, connected=True), tenant=DEFAULT_TENANT) == []
    assert await database.read(partial(store.list_chargers, connected=True), tenant=other) == []
    assert [event["charger_id"] for event in await events("charger_disconnected")] == ["CP1", "CP2"]
    assert await flows.forget_connections(ports) == 0


async def test_a_charger_removed_meanwhile_is_not_connected(ports: Ports, database: Database, events: Events) -> None:
    await flows.connected(ports, admission("gone"), link("gone", "c1"))
    assert await events() == []


async def test_last_seen_is_stored_in_batches(database: Database) -> None:
    for charger_id in ("CP1", "CP2"):
        await database.write(service.add_charger, charger_id, tenant=DEFAULT_TENANT)
    rows = store.last_seen_rows(DEFAULT_TENANT, {"CP2": 20, "CP1": 10, "removed": 30})
    await database.append(store.LAST_SEEN_UPDATE, rows, key="last-seen", tenant=DEFAULT_TENANT)
    await database.write(service.rename_charger, "CP1", "first", tenant=DEFAULT_TENANT, keys=("last-seen",))
    assert (await stored(database, "CP1")).last_seen_at == 10
    assert (await stored(database, "CP2")).last_seen_at == 20
