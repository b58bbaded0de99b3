"""Who may come in, who must wait, who is replaced: at the running server, with real handshakes."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

import attrs
import pytest
import trio
import trio_websocket

from csms.config import Config
from csms.core.ports import Row
from csms.testing.charger import CallFailed, ScriptedCharger, connect
from csms.testing.fixtures import ConnectCharger
from csms.testing.script import script
from csms.testing.server import TestServer


@pytest.fixture
def engine() -> str:
    """One engine is enough here."""
    return "sqlite"


waiting = pytest.mark.parametrize("unknown_chargers", ["pending"])


@pytest.fixture
def unknown_chargers() -> str:
    return "rejected"


@pytest.fixture
def server_config(server_config: Config, unknown_chargers: str) -> Config:
    return attrs.evolve(server_config, ocpp=attrs.evolve(server_config.ocpp, unknown_chargers=unknown_chargers))


def stranger(
    server: TestServer, protocol: str = "ocpp1.6", password: str | None = None
) -> AbstractAsyncContextManager[ScriptedCharger]:
    return connect(server.url, "NEW", protocol=protocol, password=password)


async def refused(server: TestServer, charger_id: str, password: str | None = None) -> int:
    with pytest.raises(trio_websocket.ConnectionRejected) as info:
        async with connect(server.url, charger_id, password=password):
            pass
    status: int = info.value.status_code
    return status


async def box(server: TestServer, charger_id: str) -> Row:
    (row,) = await server.rows("SELECT * FROM chargers WHERE id = :id", id=charger_id)
    return row


async def test_an_unknown_charger_is_turned_away(server: TestServer) -> None:
    assert await refused(server, "NOBODY", "whatever") == 404
    assert await server.rows("SELECT * FROM chargers") == []


async def test_a_wrong_key_and_no_key_are_turned_away_and_the_right_one_passes(server: TestServer, charger: ConnectCharger) -> None:
    key = await server.add_charger("CP1")
    assert await refused(server, "CP1", "not the key at all") == 401
    assert await refused(server, "CP1") == 401
    async with connect(server.url, "CP1", password=key) as let_in:
        assert await script(let_in).boot() == "Accepted"
    page = (await server.request("GET", "/metrics")).text
    assert 'csms_refused_connections_total{reason="unauthorized"} 2.0' in page


async def test_too_many_wrong_keys_are_told_so_and_the_right_one_still_passes(server: TestServer) -> None:
    key = await server.add_charger("CP1")
    statuses = [await refused(server, "CP1", f"guess {number}, a long one") for number in range(12)]
    assert statuses[0] == 401
    assert statuses[-1] == 429
    async with connect(server.url, "CP1", password=key):
        pass


@pytest.mark.parametrize("charger_id", ["CP 1/ä", "a:b", "%41", "#?&=", "+49*123", "日本"])
async def test_ids_of_any_characters_that_ocpp_allows(server: TestServer, charger_id: str) -> None:
    key = await server.add_charger(charger_id)
    async with connect(server.url, charger_id, password=key) as scripted:
        assert await script(scripted).boot() == "Accepted"
    assert (await box(server, charger_id))["registration"] == "accepted"


async def test_an_id_travels_through_the_api_as_well(server: TestServer, charger: ConnectCharger) -> None:
    scripted = await charger("CP 1/ä?")
    path = "/api/v1/chargers/CP%201%2F%C3%A4%3F/commands"
    assert {item["name"] for item in (await server.request("GET", path)).json()["items"] if item["supported"]}
    assert (await server.request("DELETE", "/api/v1/connections/CP%201%2F%C3%A4%3F")).status_code == 204
    assert (await scripted.wait_closed())[0] == 1008


@waiting
async def test_a_pending_charger_is_let_in_by_the_operator_over_http(server: TestServer, protocol: str) -> None:
    async with stranger(server, protocol, "the key of the new charger") as scripted:
        say = script(scripted)
        assert await say.boot() == "Pending"
        with pytest.raises(CallFailed) as error:
            await say.authorize("CARD")
        assert error.value.code == "SecurityError"
        async with trio.open_nursery() as nursery:
            if protocol == "ocpp1.6":
                nursery.start_soon(scripted.obey, "TriggerMessage", {"status": "Accepted"})
            answer = await server.request("POST", "/api/v1/chargers/NEW/approve")
        assert answer.status_code == 200
        assert (answer.json()["id"], answer.json()["approval"]) == ("NEW", "accepted")
        (live,) = server.ports.chargers.connections()
        assert live.registration == "accepted"
        assert await say.authorize("CARD") == "Invalid", "heard at once, without another boot"
        assert await say.boot() == "Accepted"
    assert await refused(server, "NEW", "another key that is as long") == 401, "the key it came with is its key now"


@waiting
async def test_a_pending_charger_may_be_configured_but_not_told_to_charge(server: TestServer) -> None:
    await server.add_token("CARD")
    async with stranger(server, password="the key of the new charger") as scripted:
        assert await script(scripted).boot() == "Pending"
        start = await server.command("NEW", "StartCharging", token={"value": "CARD"})
        assert (start["outcome"], start["reason"]) == ("Offline", "the charger's registration is pending")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(scripted.obey, "ChangeConfiguration", {"status": "Accepted"})
            setting = {"variable": {"name": "HeartbeatInterval"}, "value": "60"}
            changed = await server.command("NEW", "SetVariables", settings=[setting])
        assert (changed["outcome"], changed["status"]) == ("Answered", "Accepted")


async def test_before_its_first_boot_a_charger_gets_security_error_except_for_status(
    server: TestServer, charger: ConnectCharger, protocol: str, an_hour_ago: int
) -> None:
    await server.add_token("CARD")
    scripted = await charger("CP1", protocol=protocol, boot=False)
    say = script(scripted)
    await say.status(1, "Available", an_hour_ago)
    for attempt in (say.heartbeat(), say.authorize("CARD"), say.start("CARD", at=an_hour_ago)):
        with pytest.raises(CallFailed) as error:
            await attempt
        assert error.value.code == "SecurityError"
    assert await server.rows("SELECT * FROM transactions") == []
    assert [row["status"] for row in await server.rows("SELECT status FROM connectors")] == ["Available"]
    assert await say.boot() == "Accepted"
    assert await say.authorize("CARD") == "Accepted"


async def test_an_approval_of_a_charger_that_is_not_there(server: TestServer) -> None:
    answer = await server.request("POST", "/api/v1/chargers/NOBODY/approve")
    assert answer.status_code == 404
    assert "NOBODY" in answer.json()["detail"]


async def test_the_newest_connection_of_a_charger_wins(server: TestServer, charger: ConnectCharger, an_hour_ago: int) -> None:
    first = await charger("CP1")
    second = await charger("CP1")
    assert (await first.wait_closed())[0] in (1006, 1008), "it is only told where it still listens"
    await script(second).heartbeat()
    (live,) = server.ports.chargers.connections()
    assert (await box(server, "CP1"))["connection_id"] == live.connection_id, "the end of the old one does not erase the new one"
    events = await server.rows("SELECT type, payload FROM events WHERE type LIKE 'charger_%connected' ORDER BY sequence")
    assert [event["type"] for event in events] == ["charger_connected", "charger_disconnected", "charger_connected"]
    assert '"replaced"' in events[1]["payload"]


async def test_a_charger_that_goes_is_noted_as_gone(server: TestServer, charger: ConnectCharger) -> None:
    scripted = await charger("CP1")
    await scripted.hang_up()
    await server.eventually("SELECT * FROM events WHERE type = 'charger_disconnected'")
    gone = await box(server, "CP1")
    assert (gone["connection_id"], gone["connected_at"]) == ("", None)
    assert server.ports.chargers.connections() == []


async def test_a_charger_that_offers_no_version_we_speak_is_closed(server: TestServer) -> None:
    key = await server.add_charger("CP1")
    async with connect(server.url, "CP1", password=key, protocol="ocpp0.9") as scripted:
        assert scripted.subprotocol is None
        code, reason = await scripted.wait_closed()
    assert code == 1002
    assert "ocpp2.0.1" in str(reason)
