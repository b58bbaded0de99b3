"""A whole charge, as the charger and then as the store tells it: on both engines, in both OCPP versions."""

from __future__ import annotations

from typing import Any

from csms.testing.fixtures import ConnectCharger
from csms.testing.script import script
from csms.testing.server import TestServer


async def test_a_charge_from_boot_to_stop(server: TestServer, charger: ConnectCharger, protocol: str, an_hour_ago: int) -> None:
    await server.add_token("CARD")
    scripted = await charger("CP1", protocol=protocol, boot=False)
    say = script(scripted)
    assert await say.boot() == "Accepted"
    await say.status(1, "Available", an_hour_ago)
    assert await say.authorize("card") == "Accepted", "tokens compare case-insensitively"
    charge = await say.start("CARD", wh=1000, at=an_hour_ago + 1000)
    assert charge.token_status == "Accepted"
    await say.meter(charge, 1500, an_hour_ago + 61_000)
    await say.meter(charge, 2500, an_hour_ago + 121_000)
    await say.stop(charge, 3000, an_hour_ago + 122_000)

    (transaction,) = await server.rows("SELECT * FROM transactions")
    assert charge.transaction_id in (None, transaction["id"])
    wanted = {
        "charger_id": "CP1",
        "evse": 1,
        "state": "completed",
        "reference": charge.reference,
        "token": "CARD",
        "token_status": "Accepted",
        "started_at": an_hour_ago + 1000,
        "stopped_at": an_hour_ago + 122_000,
        "meter_start_wh": 1000,
        "meter_stop_wh": 3000,
        "energy_wh": 2000,
        "energy_basis": "register",
        "stop_reason": "Local",
        "stop_source": "reported",
    }
    assert {name: transaction[name] for name in wanted} == wanted
    readings = await server.rows("SELECT sampled_at, energy_wh, transaction_id FROM meter_readings ORDER BY sampled_at")
    heard = [(row["sampled_at"] - an_hour_ago, row["energy_wh"]) for row in readings]
    assert {(61_000, 1500), (121_000, 2500)} <= set(heard)
    assert {row["transaction_id"] for row in readings} == {transaction["id"]}
    (connector,) = await server.rows("SELECT evse, connector, status, reported_at FROM connectors WHERE charger_id = 'CP1'")
    assert connector == {"evse": 1, "connector": 1, "status": "Available", "reported_at": an_hour_ago}
    (box,) = await server.rows("SELECT vendor, registration, protocol, connection_id FROM chargers WHERE id = 'CP1'")
    assert (box["vendor"], box["registration"], box["protocol"]) == ("Test", "accepted", protocol)
    assert box["connection_id"]


async def test_every_frame_is_logged_with_its_answer(
    server: TestServer, charger: ConnectCharger, protocol: str, an_hour_ago: int
) -> None:
    scripted = await charger("CP1", protocol=protocol)
    say = script(scripted)
    await say.status(1, "Available", an_hour_ago)
    await say.heartbeat()
    await scripted.hang_up()
    frames = await server.eventually("SELECT * FROM frames WHERE charger_id = 'CP1' ORDER BY id", at_least=6)
    told = [(frame["direction"], frame["kind"], frame["action"]) for frame in frames]
    actions = ("BootNotification", "StatusNotification", "Heartbeat")
    assert told == [step for action in actions for step in (("in", "call", action), ("out", "result", action))]
    calls, answers = frames[::2], frames[1::2]
    assert [frame["message_id"] for frame in calls] == [frame["message_id"] for frame in answers]
    assert len({frame["connection_id"] for frame in frames}) == 1
    assert all(frame["took_ms"] >= 0 for frame in answers)
    assert all(frame["took_ms"] is None for frame in calls)


async def test_the_events_of_a_charge_are_stored_in_order(
    server: TestServer, charger: ConnectCharger, protocol: str, an_hour_ago: int
) -> None:
    await server.add_token("CARD")
    say = script(await charger("CP1", protocol=protocol))
    await say.status(1, "Available", an_hour_ago)
    await say.authorize("CARD")
    charge = await say.start("CARD", at=an_hour_ago)
    await say.stop(charge, 10, an_hour_ago + 1000)
    rows = await server.rows("SELECT type FROM events WHERE key = 'charger:CP1' ORDER BY xid, sequence")
    kinds = [row["type"] for row in rows]
    assert kinds == [
        "charger_connected",
        "charger_security_changed",
        "charger_booted",
        "charger_registration_changed",
        "charger_status_changed",
        "token_seen",
        "transaction_started",
        "transaction_ended",
    ]


async def test_tokens_that_may_not_charge(server: TestServer, charger: ConnectCharger, protocol: str, an_hour_ago: int) -> None:
    await server.add_token("BLOCKED")
    await server.do(_block, "BLOCKED")
    await server.add_token("EXPIRED", expires_at=an_hour_ago)
    say = script(await charger("CP1", protocol=protocol))
    assert await say.authorize("NOBODY") == "Invalid"
    assert await say.authorize("BLOCKED") == "Blocked"
    assert await say.authorize("EXPIRED") == "Expired"
    refused = await say.start("BLOCKED", at=an_hour_ago)
    assert refused.token_status == "Blocked"
    (transaction,) = await server.rows("SELECT token_status, state FROM transactions")
    assert transaction == {"token_status": "Blocked", "state": "running"}, "a refused start is a fact, too: energy may flow"


def _block(tx: Any, value: str) -> None:
    tx.run("UPDATE tokens SET status = 'blocked' WHERE value = :value AND tenant = :tenant", value=value)


async def test_a_second_charge_of_one_token_is_concurrent(
    server: TestServer, charger: ConnectCharger, protocol: str, an_hour_ago: int
) -> None:
    await server.add_token("CARD")
    say = script(await charger("CP1", protocol=protocol))
    await say.start("CARD", evse=1, at=an_hour_ago)
    second = await say.start("CARD", evse=2, at=an_hour_ago + 1)
    assert second.token_status == "ConcurrentTx"
    assert await say.authorize("CARD") == "Accepted", "never ConcurrentTx (1.6 §7.2)"


async def test_vendor_data_without_a_plugin_for_it(server: TestServer, charger: ConnectCharger, protocol: str) -> None:
    say = script(await charger("CP1", protocol=protocol))
    assert (await say.data("org.example", "hello"))["status"] == "UnknownVendorId"


async def test_a_heartbeat_is_answered_with_the_time(
    server: TestServer, charger: ConnectCharger, protocol: str, an_hour_ago: int
) -> None:
    say = script(await charger("CP1", protocol=protocol))
    assert (await say.heartbeat()).endswith("Z")
