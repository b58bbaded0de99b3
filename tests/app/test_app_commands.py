"""Commands over HTTP: what the charger hears, and what the operator is told, for every command in both OCPP versions."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
import trio

from csms.core.commands import COMMANDS
from csms.ocpp.registry import dialect_for
from csms.testing.charger import ScriptedCharger
from csms.testing.fixtures import ConnectCharger
from csms.testing.script import SCRIPTS, script
from csms.testing.server import TestServer


@pytest.fixture
def engine() -> str:
    """One engine is enough here."""
    return "sqlite"


@attrs.frozen
class Case:
    """A command, the CALL it becomes, the charger's answer, and what the operator is told of it."""

    command: str
    body: dict[str, Any]
    action: str
    payload: dict[str, Any]
    answer: dict[str, Any]
    status: str
    detail: dict[str, Any] = attrs.field(factory=dict)


ACCEPTED = {"status": "Accepted"}
PLACE = {"place": {"evse": 2, "connector": 1}}
INTERVAL = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "HeartbeatInterval"}}
NAMED = {"name": "HeartbeatInterval", "component": "OCPPCommCtrlr"}

CASES_16 = (
    Case("Reset", {"when": "immediately"}, "Reset", {"type": "Hard"}, ACCEPTED, "Accepted"),
    Case("Reset", {}, "Reset", {"type": "Soft"}, {"status": "Rejected"}, "Rejected"),
    Case("UnlockConnector", PLACE, "UnlockConnector", {"connectorId": 2}, {"status": "Unlocked"}, "Unlocked"),
    Case(
        "ChangeAvailability",
        {**PLACE, "operative": False},
        "ChangeAvailability",
        {"connectorId": 2, "type": "Inoperative"},
        {"status": "Scheduled"},
        "Scheduled",
    ),
    Case(
        "GetVariables",
        {"variables": [{"name": "HeartbeatInterval"}, {"name": "Odd"}]},
        "GetConfiguration",
        {"key": ["HeartbeatInterval", "Odd"]},
        {"configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "300"}], "unknownKey": ["Odd"]},
        "Accepted",
        {
            "variables": [
                {"name": "HeartbeatInterval", "status": "Accepted", "value": "300", "readonly": False},
                {"name": "Odd", "status": "UnknownVariable"},
            ]
        },
    ),
    Case(
        "SetVariables",
        {"settings": [{"variable": {"name": "HeartbeatInterval"}, "value": "60"}]},
        "ChangeConfiguration",
        {"key": "HeartbeatInterval", "value": "60"},
        {"status": "RebootRequired"},
        "RebootRequired",
    ),
    Case("ClearCache", {}, "ClearCache", {}, ACCEPTED, "Accepted"),
    Case(
        "SendData",
        {"vendor_id": "org.example", "message_id": "m", "data": "d"},
        "DataTransfer",
        {"vendorId": "org.example", "messageId": "m", "data": "d"},
        {"status": "Accepted", "data": "thanks"},
        "Accepted",
        {"data": "thanks"},
    ),
)
CASES_201 = (
    Case("Reset", {"when": "immediately", "evse": 1}, "Reset", {"type": "Immediate", "evseId": 1}, ACCEPTED, "Accepted"),
    Case("UnlockConnector", PLACE, "UnlockConnector", {"evseId": 2, "connectorId": 1}, {"status": "Unlocked"}, "Unlocked"),
    Case(
        "ChangeAvailability",
        {**PLACE, "operative": True},
        "ChangeAvailability",
        {"operationalStatus": "Operative", "evse": {"id": 2, "connectorId": 1}},
        {"status": "Rejected", "statusInfo": {"reasonCode": "Busy"}},
        "Rejected",
        {"reason": "Busy"},
    ),
    Case(
        "GetVariables",
        {"variables": [NAMED]},
        "GetVariables",
        {"getVariableData": [INTERVAL]},
        {"getVariableResult": [{**INTERVAL, "attributeStatus": "Accepted", "attributeValue": "300"}]},
        "Accepted",
        {"variables": [{**NAMED, "status": "Accepted", "value": "300"}]},
    ),
    Case(
        "SetVariables",
        {"settings": [{"variable": NAMED, "value": "60"}]},
        "SetVariables",
        {"setVariableData": [{**INTERVAL, "attributeValue": "60"}]},
        {"setVariableResult": [{**INTERVAL, "attributeStatus": "Accepted"}]},
        "Accepted",
        {"variables": [{**NAMED, "status": "Accepted"}]},
    ),
    Case("ClearCache", {}, "ClearCache", {}, ACCEPTED, "Accepted"),
    Case(
        "SendData",
        {"vendor_id": "org.example", "data": '{"a": 1}'},
        "DataTransfer",
        {"vendorId": "org.example", "data": {"a": 1}},
        {"status": "UnknownMessageId"},
        "UnknownMessageId",
    ),
)
CASES = [pytest.param("ocpp1.6", case, id=f"1.6-{case.command}-{case.status}") for case in CASES_16] + [
    pytest.param("ocpp2.0.1", case, id=f"2.0.1-{case.command}-{case.status}") for case in CASES_201
]


def became(told: dict[str, Any]) -> dict[str, Any]:
    """What became of a command, without what the record says besides."""
    record = {"id", "charger_id", "command", "progress", "note", "bulk_id", "asked_by", "asked_at", "ended_at"}
    return {name: value for name, value in told.items() if name not in record and value is not None}


@pytest.mark.parametrize(("protocol", "case"), CASES)
async def test_a_command_reaches_the_charger_and_its_answer_the_operator(
    server: TestServer, charger: ConnectCharger, protocol: str, case: Case
) -> None:
    scripted = await charger("CP1", protocol=protocol)
    heard: list[dict[str, Any]] = []

    async def obey() -> None:
        heard.append(await scripted.obey(case.action, case.answer))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(obey)
        told = await server.command("CP1", case.command, **case.body)
    assert heard == [case.payload]
    expected = {"outcome": "Answered", "certain": True, "status": case.status, "detail": case.detail}
    assert {name: told.get(name) for name in expected} == expected  # a slice may add what it keeps


def test_every_command_has_a_case() -> None:
    started_and_stopped_below = {"StartCharging", "StopCharging"}
    by_flow = set(COMMANDS) - dialect_for("ocpp2.0.1").can_say  # tests/ocpp/v16 and tests/conformance have the rest of 1.6
    for cases in (CASES_16, CASES_201):
        assert {case.command for case in cases} | started_and_stopped_below | by_flow == set(COMMANDS)


ACTIONS = {
    "ocpp1.6": ("RemoteStartTransaction", "RemoteStopTransaction"),
    "ocpp2.0.1": ("RequestStartTransaction", "RequestStopTransaction"),
}


async def answer(scripted: ScriptedCharger, action: str, status: str, heard: list[dict[str, Any]]) -> None:
    heard.append(await scripted.obey(action, {"status": status}))


async def test_a_remote_start_becomes_a_transaction_and_a_remote_stop_ends_it(
    server: TestServer, charger: ConnectCharger, protocol: str, an_hour_ago: int
) -> None:
    await server.add_token("CARD")
    scripted = await charger("CP1", protocol=protocol)
    say = script(scripted)
    start, stop = ACTIONS[protocol]
    heard: list[dict[str, Any]] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer, scripted, start, "Accepted", heard)
        told = await server.command("CP1", "StartCharging", token={"value": "CARD"}, place={"evse": 1, "connector": 1})
    assert (told["outcome"], told["status"]) == ("Answered", "Accepted")
    number = told["transaction_id"]
    if protocol == "ocpp1.6":
        assert heard == [{"idTag": "CARD", "connectorId": 1}]
    else:
        assert heard == [{"remoteStartId": number, "idToken": {"idToken": "CARD", "type": "Central"}, "evseId": 1}]
    assert await state_of(server, number) == "pending_start"

    charge = await say.start("CARD", at=an_hour_ago, remote_start_id=number)
    assert charge.transaction_id in (None, number), "the transaction that waited is the one that starts"
    assert await state_of(server, number) == "running"

    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer, scripted, stop, "Accepted", heard)
        told = await server.command("CP1", "StopCharging", transaction_id=number)
    assert (told["outcome"], told["status"], told["transaction_id"]) == ("Answered", "Accepted", number)
    assert heard[1] == {"transactionId": number if protocol == "ocpp1.6" else charge.reference}
    assert await state_of(server, number) == "pending_stop"
    await say.stop(charge, 100, an_hour_ago + 1000, reason="Remote")
    assert await state_of(server, number) == "completed"


async def test_a_refused_remote_start_fails(server: TestServer, charger: ConnectCharger, protocol: str) -> None:
    await server.add_token("CARD")
    scripted = await charger("CP1", protocol=protocol)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(answer, scripted, ACTIONS[protocol][0], "Rejected", [])
        told = await server.command("CP1", "StartCharging", token={"value": "CARD"})
    assert told["status"] == "Rejected"
    assert await state_of(server, told["transaction_id"]) == "failed"


async def test_a_start_for_a_token_that_may_not_charge_never_reaches_the_charger(
    server: TestServer, charger: ConnectCharger
) -> None:
    scripted = await charger("CP1")
    told = await server.command("CP1", "StartCharging", token={"value": "NOBODY"})
    assert (told["status"], told["title"]) == (409, "Refused")
    assert "Invalid" in told["detail"]
    assert [frame for frame in scripted.heard if frame[0] == 2] == []


async def state_of(server: TestServer, number: int) -> str:
    (row,) = await server.rows("SELECT state FROM transactions WHERE id = :id", id=number)
    state: str = row["state"]
    return state


UNSAYABLE = [
    ("ocpp1.6", "Reset", {"evse": 1}),
    ("ocpp1.6", "UnlockConnector", {"place": {"evse": 0, "connector": 0}}),
    ("ocpp1.6", "UnlockConnector", {"place": {"evse": 1, "connector": 2}}),
    ("ocpp1.6", "GetVariables", {"variables": [NAMED]}),
    ("ocpp1.6", "SetVariables", {"settings": []}),
    ("ocpp2.0.1", "GetVariables", {}),
    ("ocpp2.0.1", "GetVariables", {"variables": [{"name": "HeartbeatInterval"}]}),
    ("ocpp2.0.1", "UnlockConnector", {"place": {"evse": 1, "connector": 0}}),
]


@pytest.mark.parametrize(("protocol", "command", "body"), UNSAYABLE)
async def test_what_a_version_has_no_words_for_is_not_supported(
    server: TestServer, charger: ConnectCharger, protocol: str, command: str, body: dict[str, Any]
) -> None:
    await charger("CP1", protocol=protocol)
    told = await server.command("CP1", command, **body)
    assert (told["outcome"], told["certain"]) == ("NotSupported", True)
    assert told["reason"], "it says what cannot be said"


async def test_an_absent_charger_is_offline(server: TestServer) -> None:
    await server.add_charger("CP1")
    told = await server.command("CP1", "Reset")
    assert became(told) == {"outcome": "Offline", "certain": True, "accepted": False, "reason": "not connected"}


async def test_a_refusal_and_a_silence_and_an_end_of_the_link_are_told_apart(server: TestServer, charger: ConnectCharger) -> None:
    scripted = await charger("CP1")
    told: dict[str, Any] = {}

    async def ask(name: str, wait: str = "") -> None:
        told[name] = await server.command("CP1", "Reset", wait=wait)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, "refused")
        message_id, _ = await scripted.expect("Reset")
        await scripted.refuse(message_id, "NotSupported", "cannot")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, "silence", "timeout_s=0.1")
        await scripted.expect("Reset")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, "lost")
        await scripted.expect("Reset")
        await scripted.hang_up()
    assert became(told["refused"]) == {
        "outcome": "CallError",
        "certain": True,
        "accepted": False,
        "code": "NotSupported",
        "description": "cannot",
        "details": {},
    }
    assert became(told["silence"]) == {"outcome": "TimedOut", "certain": False}
    assert became(told["lost"]) == {"outcome": "Lost", "certain": False}


async def test_one_command_is_outstanding_and_the_queue_is_bounded_in_time(server: TestServer, charger: ConnectCharger) -> None:
    scripted = await charger("CP1")
    told: dict[str, Any] = {}

    async def ask(name: str, command: str, wait: str = "", **body: Any) -> None:
        told[name] = await server.command("CP1", command, wait=wait, **body)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, "first", "Reset")
        message_id, _ = await scripted.expect("Reset")
        await ask("expires", "SendData", "ttl_s=0.1", vendor_id="org.example")
        assert became(told["expires"]) == {"outcome": "Expired", "certain": True, "accepted": False}
        assert [frame[2] for frame in scripted.heard if frame[0] == 2] == ["Reset"], "it was never sent"
        nursery.start_soon(ask, "older", "ClearCache")
        with trio.fail_after(5):
            while not server.ports.chargers.connections()[0].queued_commands:
                await trio.sleep(0.01)
        nursery.start_soon(ask, "newer", "ClearCache")
        with trio.fail_after(5):
            while "older" not in told:
                await trio.sleep(0.01)
        assert became(told["older"]) == {"outcome": "Superseded", "certain": True, "accepted": False}
        await scripted.reply(message_id, ACCEPTED)
        await scripted.obey("ClearCache", ACCEPTED)
    assert (told["first"]["status"], told["newer"]["status"]) == ("Accepted", "Accepted")


async def test_what_a_request_did_is_found_by_its_id(server: TestServer, charger: ConnectCharger) -> None:
    scripted = await charger("CP1")

    async def ask(request_id: str, command: str) -> None:
        headers = {"X-Request-Id": request_id}
        await server.request("POST", f"/api/v1/chargers/CP1/commands/{command}", {}, headers=headers)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, "reset-1", "Reset")
        message_id, _ = await scripted.expect("Reset")
        nursery.start_soon(ask, "clear-2", "ClearCache")
        with trio.fail_after(5):
            while not server.ports.chargers.connections()[0].queued_commands:
                await trio.sleep(0.01)
        await script(scripted).heartbeat()
        await scripted.reply(message_id, ACCEPTED)  # it is in answer to the first that the second is sent
        await scripted.obey("ClearCache", ACCEPTED)
    for request_id, action in (("reset-1", "Reset"), ("clear-2", "ClearCache")):
        for narrowed in ("", "&charger_id=CP1"):
            found = (await server.request("GET", f"/api/v1/frames?request_id={request_id}{narrowed}")).json()["items"]
            told = [(each["kind"], each["action"], each["request_id"]) for each in found]
            assert told == [("result", action, request_id), ("call", action, request_id)]
        (entry,) = (await server.request("GET", f"/api/v1/audit?request_id={request_id}")).json()["items"]
        assert entry["action"] == f"commands.{action}"
    said = (await server.request("GET", "/api/v1/frames?action=Heartbeat")).json()["items"]
    assert {each["request_id"] for each in said} == {""}


async def test_a_charger_may_call_while_our_command_waits(server: TestServer, charger: ConnectCharger, protocol: str) -> None:
    scripted = await charger("CP1", protocol=protocol)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.command, "CP1", "ClearCache")
        message_id, _ = await scripted.expect("ClearCache")
        await script(scripted).heartbeat()
        await scripted.reply(message_id, ACCEPTED)


async def test_commands_are_listed_with_what_the_charger_can_hear(
    server: TestServer, charger: ConnectCharger, protocol: str
) -> None:
    await charger("CP1", protocol=protocol)
    items = (await server.request("GET", "/api/v1/chargers/CP1/commands")).json()["items"]
    assert {item["name"] for item in items} == set(COMMANDS)
    assert all(item["title"] for item in items)
    assert {item["name"] for item in items if item["supported"]} == dialect_for(protocol).can_say
    assert all(item["body"]["type"] == "object" for item in items), "each says what its body is"
    assert (await server.request("GET", "/api/v1/chargers/ABSENT/commands")).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("Explode", {}, 404, "StartCharging"),
        ("reset", {}, 404, "there are Reset"),
        ("Reset", {"when": "now"}, 422, "when"),
        ("Reset", {"wen": "immediately"}, 422, "wen"),
        ("UnlockConnector", {}, 422, "place"),
        ("UnlockConnector", {"place": {"evse": "2"}}, 422, "expected int"),
        ("Reset?ttl_s=soon", {}, 422, "ttl_s"),
        ("Reset?timeout_s=0", {}, 422, "timeout_s"),
        ("Reset?timeout_s=1e9", {}, 422, "300"),
    ],
)
async def test_a_command_that_makes_no_sense_is_explained(
    server: TestServer, charger: ConnectCharger, path: str, body: Any, status: int, says: str
) -> None:
    response = await server.request("POST", f"/api/v1/chargers/CP1/commands/{path}", body)
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert says in response.text


async def test_live_connections_are_listed_and_can_be_dropped(server: TestServer, charger: ConnectCharger) -> None:
    chargers = {protocol: await charger(f"CP-{protocol}", protocol=protocol) for protocol in SCRIPTS}
    items = (await server.request("GET", "/api/v1/connections")).json()["items"]
    assert {item["charger_id"]: item["protocol"] for item in items} == {f"CP-{name}": name for name in SCRIPTS}
    assert all(item["registration"] == "accepted" and item["received_frames"] == 1 for item in items)
    dropped = await server.request("DELETE", "/api/v1/connections/CP-ocpp1.6")
    assert dropped.status_code == 204
    assert (await chargers["ocpp1.6"].wait_closed()) == (1008, "dropped by the operator")
    assert (await server.request("DELETE", "/api/v1/connections/CP-ocpp1.6")).status_code == 404
