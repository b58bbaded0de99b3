"""Commands over HTTP: waited for or polled, on the record, to one charger or to many, and any OCPP call."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import trio

from csms.config import Config
from csms.core.commands import COMMANDS
from csms.core.units import iso
from csms.testing.charger import ScriptedCharger, connect
from csms.testing.fixtures import ConnectCharger
from csms.testing.script import script
from csms.testing.server import TestServer, running_server

ACCEPTED = {"status": "Accepted"}
OTHERS = {"X-Tenant": "north"}


async def settled(server: TestServer, path: str, *, progress: str = "progress", until: tuple[str, ...] = ("ended",)) -> Any:
    with trio.fail_after(10):
        while (found := (await server.request("GET", path)).json())[progress] not in until:
            await trio.sleep(0.01)
    return found


async def other_tenant(server: TestServer) -> None:
    new = {"slug": "north", "name": "North", "currency": "EUR", "time_zone": "UTC"}
    assert (await server.request("POST", "/api/v1/tenants", new)).status_code == 201


async def test_who_does_not_wait_polls(server: TestServer, charger: ConnectCharger) -> None:
    scripted = await charger("CP1")
    await other_tenant(server)
    begun = await server.request("POST", "/api/v1/chargers/CP1/commands/Reset?wait_s=0", {"when": "immediately"})
    assert (begun.status_code, begun.json()["progress"], begun.json()["outcome"]) == (202, "under_way", None)
    place = begun.headers["Location"]
    message_id, _ = await scripted.expect("Reset")
    soon = await server.request("POST", "/api/v1/chargers/CP1/commands/ClearCache?wait_s=0.05")
    assert (soon.status_code, soon.json()["progress"]) == (202, "under_way"), "it waits behind the first"
    await scripted.reply(message_id, ACCEPTED)
    await scripted.obey("ClearCache", {"status": "Rejected"})
    told = await settled(server, place)
    assert (told["outcome"], told["status"], told["accepted"], told["body"]["when"]) == (
        "Answered",
        "Accepted",
        True,
        "immediately",
    )
    assert told["asked_by"] == "operator key"
    told = await settled(server, soon.headers["Location"])
    assert (told["accepted"], told["body"]) == (False, {})

    listed = (await server.request("GET", "/api/v1/commands?charger_id=CP1&progress=ended")).json()
    assert [each["command"] for each in listed["items"]] == ["ClearCache", "Reset"]
    assert (await server.request("GET", "/api/v1/commands?search=clear")).json()["items"][0]["command"] == "ClearCache"
    assert (await server.request("GET", "/api/v1/commands?progress=done")).status_code == 422
    assert (await server.request("GET", place, headers=OTHERS)).status_code == 404
    assert (await server.request("GET", "/api/v1/commands", headers=OTHERS)).json()["items"] == []
    for path in ("/api/v1/commands", place, "/api/v1/bulk-commands"):
        assert (await server.request("GET", path, authorized=False)).status_code == 401
    entries = (await server.request("GET", "/api/v1/audit?action=commands.Reset")).json()["items"]
    assert (entries[0]["subject_id"], entries[0]["detail"]["body"]["when"]) == ("CP1", "immediately")


async def test_another_tenants_charger_is_not_there(server: TestServer, charger: ConnectCharger) -> None:
    scripted = await charger("CP1")
    await other_tenant(server)
    for method, path, body in (
        ("POST", "chargers/CP1/commands/Reset", {}),
        ("POST", "chargers/CP1/raw", {"action": "Reset", "payload": {"type": "Hard"}}),
        ("GET", "chargers/CP1/commands", None),
        ("GET", "connections/CP1", None),
        ("DELETE", "connections/CP1", None),
        ("POST", "bulk-commands", {"command": "Reset", "chargers": {"charger_ids": ["CP1"]}}),
        ("POST", "bulk-commands", {"command": "Reset", "chargers": {"everyone": True}}),
    ):
        answer = await server.request(method, f"/api/v1/{path}", body, headers=OTHERS)
        assert answer.status_code == 404, path
    assert [frame for frame in scripted.heard if frame[0] == 2] == [], "and it heard nothing"
    assert await server.rows("SELECT 1 FROM commands") == []


async def test_what_is_refused_is_on_the_record(server: TestServer, charger: ConnectCharger) -> None:
    await charger("CP1")
    refused = await server.request("POST", "/api/v1/chargers/CP1/commands/StopCharging", {"transaction_id": 99})
    assert refused.status_code == 404
    (known,) = (await server.request("GET", "/api/v1/commands")).json()["items"]
    assert (known["progress"], known["outcome"]) == ("refused", None)
    assert "99" in known["note"]


async def test_commands_are_listed_for_a_charger_that_is_away(server: TestServer) -> None:
    key = await server.add_charger("CP1")
    new = (await server.request("GET", "/api/v1/chargers/CP1/commands")).json()
    assert (new["connected"], {each["supported"] for each in new["items"]}) == (False, {None})
    async with connect(server.url, "CP1", password=key, protocol="ocpp2.0.1") as scripted:
        await script(scripted).boot()
    with trio.fail_after(5):
        while (known := (await server.request("GET", "/api/v1/chargers/CP1/commands")).json())["connected"]:
            await trio.sleep(0.01)
    supported = {each["name"] for each in known["items"] if each["supported"]}
    assert "Reset" in supported
    assert supported < set(COMMANDS), "what its version lacks is known although it is away"
    by_name = {each["name"]: each for each in known["items"]}
    assert by_name["Reset"]["body"]["properties"]["when"]["enum"] == ["when_idle", "immediately"]


# --- secrets and raw calls --------------------------------------------------------------------------------------------------------


async def test_any_call_is_sent_as_it_is_written_and_its_secrets_are_hidden(server: TestServer, charger: ConnectCharger) -> None:
    scripted = await charger("CP1")
    path = "/api/v1/chargers/CP1/raw"

    async def raw(answers: list[Any], **body: Any) -> None:
        answers.append((await server.request("POST", path, body)).json())

    answers: list[Any] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(raw, answers, action="DataTransfer", payload={"vendorId": "x", "messageId": "y"}))
        assert await scripted.obey("DataTransfer", {"status": "Accepted", "data": "z"}) == {"vendorId": "x", "messageId": "y"}
    assert (answers[0]["outcome"], answers[0]["detail"]) == ("Answered", {"status": "Accepted", "data": "z"})
    key = "my-most-secret-key-0123"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(raw, answers, action="ChangeConfiguration", payload={"key": "AuthorizationKey", "value": key}))
        assert (await scripted.obey("ChangeConfiguration", ACCEPTED))["value"] == key
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(raw, answers, action="AcmeSecret", payload={"any": [1]}, check=False))
        assert await scripted.obey("AcmeSecret", {"odd": True}) == {"any": [1]}
    assert answers[2]["detail"] == {"odd": True}
    for wrong in ({"action": "AcmeSecret"}, {"action": "DataTransfer", "payload": {"vendor": 1}}):
        await raw(answers, **wrong)
        assert answers[-1]["outcome"] == "NotSupported"
    assert (await server.request("POST", path, {"action": "no such"})).status_code == 422
    for table in ("commands", "audit_log", "frames"):
        stored = await server.rows(f"SELECT * FROM {table}")
        assert stored
        assert key not in json.dumps([dict(row) for row in stored])


# --- a free connector -------------------------------------------------------------------------------------------------------------


async def test_a_start_without_a_connector_takes_a_free_one(server: TestServer, charger: ConnectCharger, an_hour_ago: int) -> None:
    for token in ("ADA", "BOB", "CAT"):
        await server.add_token(token)
    scripted = await charger("CP1")
    say = script(scripted)
    for evse, status in ((1, "Faulted"), (2, "Available"), (3, "Available"), (4, "Preparing")):
        await say.status(evse, status, an_hour_ago)
    taken: list[int] = []

    async def start(token: str) -> Any:
        return await server.request("POST", "/api/v1/chargers/CP1/commands/StartCharging", {"token": {"value": token}})

    async def started(token: str) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(start, token)
            taken.append((await scripted.obey("RemoteStartTransaction", ACCEPTED))["connectorId"])

    soon = iso(an_hour_ago + 2 * 3_600_000)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(
            partial(server.command, "CP1", "ReserveNow", place={"evse": 3, "connector": 1}, token={"value": "CAT"}, expires_at=soon)
        )
        await scripted.obey("ReserveNow", ACCEPTED)
    await started("ADA")
    await started("BOB")
    await started("CAT")
    assert taken == [4, 2, 3], "where somebody plugged in, then a free one, and what was reserved for the one it was reserved for"
    await server.add_token("DAN")
    refused = await start("DAN")
    assert refused.status_code == 409
    assert "1.1 is Faulted" in refused.json()["detail"]


# --- many -------------------------------------------------------------------------------------------------------------------------


async def answering(scripted: ScriptedCharger, action: str, status: str) -> None:
    while True:
        with trio.move_on_after(5):
            await scripted.obey(action, {"status": status})


async def test_a_command_for_many_from_beginning_to_end(server: TestServer, charger: ConnectCharger) -> None:
    chargers = {name: await charger(name) for name in ("CP1", "CP2")}
    await server.add_charger("CP3")
    await server.add_charger("OTHER")
    asked = {"command": "ClearCache", "chargers": {"charger_ids": ["CP1", "CP2", "CP3", "CP1"]}, "at_a_time": 2}
    async with trio.open_nursery() as nursery:
        nursery.start_soon(answering, chargers["CP1"], "ClearCache", "Accepted")
        nursery.start_soon(answering, chargers["CP2"], "ClearCache", "Rejected")
        begun = await server.request("POST", "/api/v1/bulk-commands", asked)
        assert (begun.status_code, begun.json()["counts"]["total"]) == (202, 3)
        place = begun.headers["Location"]
        done = await settled(server, place, progress="state", until=("done",))
        nursery.cancel_scope.cancel()
    assert {name: count for name, count in done["counts"].items() if count} == {"total": 3, "ended": 3, "accepted": 1}
    assert done["ended_at"] is not None
    results = (await server.request("GET", f"{place}/results?sort=-charger_id")).json()
    assert results["total"] == 3
    told = {each["charger_id"]: (each["outcome"], each["status"]) for each in results["items"]}
    assert told == {"CP3": ("Offline", None), "CP2": ("Answered", "Rejected"), "CP1": ("Answered", "Accepted")}
    (yes,) = (await server.request("GET", f"{place}/results?accepted=true")).json()["items"]
    assert yes["charger_id"] == "CP1"
    assert (await server.request("GET", f"/api/v1/commands/{yes['id']}")).json()["bulk_id"] == begun.json()["id"]
    assert (await server.request("POST", f"{place}/cancel")).status_code == 409
    (listed,) = (await server.request("GET", "/api/v1/bulk-commands?state=done")).json()["items"]
    assert listed == done


async def test_a_bulk_that_makes_no_sense(server: TestServer) -> None:
    await server.add_charger("CP1")
    everyone = {"everyone": True}
    for body, status, field in (
        ({"command": "Reset", "chargers": {}}, 422, "chargers"),
        ({"command": "StartCharging", "chargers": everyone}, 422, "command"),
        ({"command": "Reset", "body": {"when": "now"}, "chargers": everyone}, 422, "when"),
        ({"command": "Reset", "chargers": everyone, "at_a_time": 0}, 422, "at_a_time"),
        ({"command": "Reset", "chargers": {"charger_ids": ["NOBODY"]}}, 404, ""),
        ({"command": "Reset", "chargers": {"vendor": "nobody"}}, 404, ""),
    ):
        answer = await server.request("POST", "/api/v1/bulk-commands", body)
        assert answer.status_code == status, body
        assert not field or answer.json()["errors"][0]["field"] == field
    assert await server.rows("SELECT 1 FROM bulk_commands") == []


async def test_a_bulk_is_cancelled(server: TestServer, charger: ConnectCharger) -> None:
    scripted = await charger("CP1")
    for number in (2, 3):
        await server.add_charger(f"CP{number}")
    begun = await server.request(
        "POST", "/api/v1/bulk-commands", {"command": "ClearCache", "chargers": {"everyone": True}, "at_a_time": 1}
    )
    message_id, _ = await scripted.expect("ClearCache")
    cancelled = (await server.request("POST", f"{begun.headers['Location']}/cancel")).json()
    assert (cancelled["state"], cancelled["counts"]["cancelled"], cancelled["counts"]["under_way"]) == ("cancelled", 2, 1)
    await scripted.reply(message_id, ACCEPTED)
    with trio.fail_after(5):
        while (known := (await server.request("GET", begun.headers["Location"])).json())["counts"]["under_way"]:
            await trio.sleep(0.01)
    assert (known["counts"]["accepted"], known["counts"]["cancelled"]) == (1, 2), "what was under way went on"


async def test_a_bulk_goes_on_after_a_restart_with_its_secrets(server_config: Config) -> None:
    setting = {"variable": {"name": "WifiPassword-AuthorizationKey"}, "value": "the-hidden-value-77"}
    asked = {"command": "SetVariables", "body": {"settings": [setting]}, "chargers": {"everyone": True}, "at_a_time": 1}
    async with running_server(server_config) as server:
        keys = {name: await server.add_charger(name) for name in ("CP1", "CP2")}
        async with connect(server.url, "CP1", password=keys["CP1"]) as scripted:
            await script(scripted).boot()
            place = (await server.request("POST", "/api/v1/bulk-commands", asked)).headers["Location"]
            await scripted.expect("ChangeConfiguration")
            shown = (await server.request("GET", place)).text
            assert "hidden" not in shown
            (row,) = await server.rows("SELECT * FROM bulk_commands")
            assert "hidden" not in json.dumps(dict(row)), "nor in the store"
            server.stop()
            await scripted.wait_closed()
    async with running_server(server_config) as server:
        done = await settled(server, place, progress="state", until=("done",))
        assert (done["counts"]["total"], done["counts"]["queued"]) == (2, 0)
        results = (await server.request("GET", f"{place}/results")).json()["items"]
        assert [each["outcome"] for each in results] == ["Lost", "Offline"], (
            "the first was under way, the second had its turn later"
        )
        (row,) = await server.rows("SELECT sealed FROM bulk_commands")
        assert row["sealed"] == "", "its secrets are gone with its end"
