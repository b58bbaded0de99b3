"""Chargers and connectors over HTTP: their life, their keys, their codes."""

from __future__ import annotations

import re
from typing import Any

import pytest
import trio

from csms.testing.fixtures import ConnectCharger
from csms.testing.script import script
from csms.testing.server import TestServer


@pytest.fixture
def engine() -> str:
    return "sqlite"


async def test_the_life_of_a_charger(server: TestServer, charger: ConnectCharger) -> None:
    station = (await server.request("POST", "/api/v1/stations", {"name": "Campus"})).json()["id"]
    kind = {"vendor": "VoltWorks", "model": "Duo", "max_power_w": 60_000, "connectors": [{"type": "CHADEMO"}, {"phases": 3}]}
    model = (await server.request("POST", "/api/v1/charger-models", kind)).json()["id"]
    body = {"id": "CP/1", "name": "Bay 4", "station_id": station, "model_id": model, "approval": "pending", "location": "Level -1"}
    body["mac"] = "00:1b:44:11:3a:b6"
    added = await server.request("POST", "/api/v1/chargers", body)
    assert added.status_code == 201, added.text
    assert added.headers["Location"] == "/api/v1/chargers/CP%2F1"
    key = added.json()["key"]
    assert added.json()["url"].endswith("/ocpp/CP%2F1")
    one = added.json()["charger"]
    assert (one["station_name"], one["capacity_kw"], one["location"], one["approval"]) == ("Campus", 60.0, "Level -1", "pending")
    assert one["mac"] == "00:1B:44:11:3A:B6"
    assert [(each["evse"], each["type"]) for each in one["connectors"]] == [(1, "CHADEMO"), (2, "")], "those of its model"
    assert (one["connected"], one["security_profile_required"], one["connection"]) == (False, 1, None)
    assert (await server.request("POST", "/api/v1/chargers", body)).status_code == 409
    assert (await server.request("POST", "/api/v1/chargers", {"id": "X", "station_id": 99})).status_code == 404
    assert (await server.request("POST", "/api/v1/chargers", {"id": "X", "key": "short"})).status_code == 422
    (told,) = await server.rows("SELECT before, after, detail FROM audit_log WHERE action = 'chargers.add'")
    assert key not in str(dict(told)), "a key is not written down"

    where = "/api/v1/chargers/CP%2F1"
    read = await server.request("GET", where)
    assert read.json() == one
    change = {"name": "Bay 5", "warranty_until": "2029-01-31", "mac": "00-1b-44-11-3a-b7", "clear": ["station_id"]}
    changed = await server.request("PATCH", where, change, headers={"If-Match": read.headers["ETag"]})
    assert changed.status_code == 200, changed.text
    after = changed.json()
    assert (after["name"], after["station_id"], after["mac"], after["warranty_until"]) == (
        "Bay 5",
        None,
        "00:1B:44:11:3A:B7",
        "2029-01-31",
    )
    assert (await server.request("PATCH", where, {"name": "X"}, headers={"If-Match": read.headers["ETag"]})).status_code == 412
    for wrong in ({"warranty_until": "31.1.2029"}, {"mac": "x"}, {"heartbeat_interval_s": 0}, {"clear": ["name"]}, {"nme": "x"}):
        assert (await server.request("PATCH", where, wrong)).status_code == 422, wrong
    assert (await server.request("PATCH", where, {"security_profile": 2})).json()["security_profile_required"] == 2
    assert (await server.request("PATCH", where, {"security_profile": 1})).status_code == 409, "not lowered without force"
    assert (await server.request("PATCH", where, {"security_profile": 1, "force": True})).status_code == 200

    assert (await server.request("DELETE", where)).status_code == 204
    assert (await server.request("GET", "/api/v1/chargers")).json()["total"] == 0
    (archived,) = (await server.request("GET", "/api/v1/chargers?archived=true")).json()["items"]
    assert (archived["id"], archived["archived_at"] is not None) == ("CP/1", True)
    assert (await server.request("GET", where)).json()["archived_at"] is not None
    for method, path in (("PATCH", where), ("DELETE", where), ("POST", f"{where}/approve"), ("POST", f"{where}/credentials")):
        assert (await server.request(method, path, {} if method != "DELETE" else None)).status_code == 404, (method, path)
    again = (await server.request("POST", "/api/v1/chargers", {"id": "CP/1"})).json()
    assert (again["charger"]["name"], again["charger"]["location"], again["charger"]["connectors"]) == ("", "", [])
    assert again["key"] != key


async def test_a_charger_with_transactions_is_archived_with_them(server: TestServer, charger: ConnectCharger) -> None:
    await server.add_token("CARD")
    await server.request("POST", "/api/v1/chargers/CP1/service-records", {"kind": "repair"})
    box = await charger("CP1")
    now = server.ports.clock.now()
    charge = await script(box).start("CARD", wh=0, at=now)
    refused = await server.request("DELETE", "/api/v1/chargers/CP1")
    assert (refused.status_code, str(charge.transaction_id) in refused.json()["detail"]) == (409, True), "somebody charges there"
    await script(box).stop(charge, 1000, now + 1000)
    record = {"kind": "repair", "done_by": "Team 2", "note": "Fan", "amount_minor": 450_000, "currency": "INR"}
    made = await server.request("POST", "/api/v1/chargers/CP1/service-records", record)
    assert made.status_code == 201, made.text
    assert (await server.request("POST", "/api/v1/chargers/CP1/service-records", {"kind": "x"})).status_code == 422
    unpriced = {"kind": "repair", "amount_minor": 5}
    assert (await server.request("POST", "/api/v1/chargers/CP1/service-records", unpriced)).status_code == 422
    future = {"kind": "repair", "done_at": "2999-01-01T00:00:00Z"}
    assert (await server.request("POST", "/api/v1/chargers/CP1/service-records", future)).status_code == 422

    assert (await server.request("DELETE", "/api/v1/chargers/CP1")).status_code == 204
    await box.wait_closed()
    assert len(await server.rows("SELECT id FROM transactions WHERE charger_id = 'CP1'")) == 1
    (kept,) = (await server.request("GET", "/api/v1/chargers/CP1/service-records")).json()["items"]
    assert (kept["note"], kept["amount_minor"], kept["currency"]) == ("Fan", 450_000, "INR")
    where = f"/api/v1/chargers/CP1/service-records/{kept['id']}"
    assert (await server.request("GET", where)).json() == kept
    assert (await server.request("DELETE", where)).status_code == 204
    assert (await server.request("GET", where)).status_code == 404


async def test_what_a_live_charger_shows(server: TestServer, charger: ConnectCharger) -> None:
    box = await charger("CP1")
    now = server.ports.clock.now()
    for evse, status in ((0, "Available"), (1, "Available"), (2, "Faulted"), (1, "Preparing")):
        await script(box).status(evse, status, now)
        now += 1000
    await box.call("StatusNotification", {"connectorId": "1", "errorCode": "NoError", "status": "Charging"})
    one = (await server.request("GET", "/api/v1/chargers/CP1")).json()
    assert (one["connected"], one["status"], one["protocol"]) == (True, "Available", "ocpp1.6")
    assert one["last_seen_at"] >= one["connected_at"], "not only when it is noted next, or goes"
    assert one["connection"]["protocol"] == "ocpp1.6"
    assert [(each["evse"], each["connector"], each["status"]) for each in one["connectors"]] == [
        (1, 1, "Charging"),
        (2, 1, "Faulted"),
    ]
    assert one["facts"]["vendor"] == one["vendor"] != ""
    assert [each["field"] for each in one["oddities"]] == ["connectorId"], "what it does wrong"
    assert (await server.request("GET", "/api/v1/chargers/CP1/oddities")).json()["total"] == 1

    async def listed(query: str) -> int:
        answer = await server.request("GET", f"/api/v1/chargers?{query}")
        assert answer.status_code == 200, answer.text
        return int(answer.json()["total"])

    assert [await listed(each) for each in ("status=Faulted", "status=Reserved", "connected=true", "connected=false")] == [
        1,
        0,
        1,
        0,
    ]
    assert [await listed(each) for each in ("protocol=ocpp1.6", "approval=pending", "search=cp1", "sort=-last_seen_at")] == [
        1,
        0,
        1,
        1,
    ]
    assert [await listed(each) for each in (f"vendor={one['vendor']}", "vendor=Nobody", "station_id=1")] == [1, 0, 0]
    connectors = (await server.request("GET", "/api/v1/connectors?status=Faulted")).json()
    assert [each["evse"] for each in connectors["items"]] == [2]
    history = (await server.request("GET", "/api/v1/chargers/CP1/status-history?evse=1&limit=2")).json()
    assert [each["status"] for each in history["items"]] == ["Charging", "Preparing"]
    rest = (await server.request("GET", f"/api/v1/chargers/CP1/status-history?evse=1&limit=2&after={history['next']}")).json()
    assert ([each["status"] for each in rest["items"]], rest["next"]) == (["Available"], None)

    read = await server.request("GET", "/api/v1/chargers/CP1")
    await script(box).status(1, "Finishing", now)
    stale = await server.request("PATCH", "/api/v1/chargers/CP1", {"name": "Bay"}, headers={"If-Match": read.headers["ETag"]})
    assert stale.status_code == 200, "what the charger changes by itself is no conflict"
    fresh = await server.request("GET", "/api/v1/chargers/CP1", headers={"If-None-Match": read.headers["ETag"]})
    assert fresh.status_code == 200, "but it is shown"


async def test_decisions_reach_a_connected_charger(server: TestServer, charger: ConnectCharger) -> None:
    await charger("CP1")

    async def live() -> str:
        return str((await server.request("GET", "/api/v1/connections/CP1")).json()["registration"])

    assert (await server.request("POST", "/api/v1/chargers/CP1/hold")).json()["approval"] == "pending"
    assert await live() == "pending"
    approved = await server.request("POST", "/api/v1/chargers/CP1/approve")
    assert (approved.json()["approval"], await live()) == ("accepted", "accepted")
    assert (await server.request("POST", "/api/v1/chargers/CP1/reject")).json()["approval"] == "rejected"
    await server.eventually("SELECT sequence FROM events WHERE type = 'charger_disconnected'")


async def test_keys_are_rotated(server: TestServer, charger: ConnectCharger) -> None:
    set_ = await server.request("POST", "/api/v1/chargers", {"id": "CP1", "key": "a-key-of-my-own-1"})
    assert set_.json()["key"] == "a-key-of-my-own-1"
    fresh = (await server.request("POST", "/api/v1/chargers/CP1/credentials", {})).json()
    assert (fresh["state"], len(fresh["key"])) == ("set", 40)
    box = await charger("CP2")

    async def told(answer: str, found: list[dict[str, Any]]) -> None:
        message_id, payload = await box.expect("ChangeConfiguration")
        found.append(payload)
        await box.reply(message_id, {"status": answer})

    heard: list[dict[str, Any]] = []
    for answer, status in (("Accepted", 200), ("Rejected", 409)):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(told, answer, heard)
            rotated = await server.request("POST", "/api/v1/chargers/CP2/credentials", {"tell": True})
        assert rotated.status_code == status, rotated.text
        if status == 200:
            assert rotated.json()["state"] == "accepted"
            assert heard[0] == {"key": "AuthorizationKey", "value": rotated.json()["key"]}, (
                "the charger was told the very key, and gets in with it"
            )
            box = await charger("CP2", password=rotated.json()["key"])
    assert (await server.request("POST", "/api/v1/chargers/CP9/credentials", {})).status_code == 404


async def test_connectors_are_described(server: TestServer) -> None:
    await server.add_charger("CP1")
    where = "/api/v1/chargers/CP1/connectors"
    new = {"evse": 2, "label": "left", "evse_id": "IN*ABC*E2", "type": "IEC_62196_T2", "current_type": "AC", "max_power_w": 22_000}
    added = await server.request("POST", where, new)
    assert (added.status_code, added.headers["Location"]) == (201, f"{where}/2.1"), added.text
    assert (added.json()["status"], added.json()["evse_id"]) == ("Unknown", "IN*ABC*E2")
    assert (await server.request("POST", where, new)).status_code == 409
    assert (await server.request("POST", where, {"evse": 0})).status_code == 422
    assert (await server.request("POST", where, {"evse": 1, "type": "SCHUKO"})).status_code == 422
    changed = await server.request("PATCH", f"{where}/2", {"phases": 3, "format": "socket", "label": ""})
    assert (changed.json()["phases"], changed.json()["format"], changed.json()["label"]) == (3, "socket", "")
    assert (await server.request("PATCH", f"{where}/2", {"phases": 0})).json()["phases"] is None
    assert (await server.request("PATCH", f"{where}/2", {"phases": 4})).status_code == 422
    assert (await server.request("GET", "/api/v1/connectors?current_type=AC&min_power_w=11000")).json()["total"] == 1
    assert (await server.request("GET", "/api/v1/connectors?type=CHADEMO")).json()["total"] == 0
    assert (await server.request("GET", "/api/v1/connectors?status=Unknown")).json()["total"] == 1
    assert (await server.request("GET", where)).json()["total"] == 1
    for path in ("3", "2.2", "x", "0", "2.1.1"):
        assert (await server.request("GET", f"{where}/{path}")).status_code == 404, path
    assert (await server.request("DELETE", f"{where}/2.1")).status_code == 204
    assert (await server.request("DELETE", f"{where}/2.1")).status_code == 404


async def test_a_connector_that_spoke_is_not_forgotten(server: TestServer, charger: ConnectCharger) -> None:
    box = await charger("CP1")
    await script(box).status(1, "Available", server.ports.clock.now())
    assert (await server.request("DELETE", "/api/v1/chargers/CP1/connectors/1")).status_code == 409


async def test_a_qr_code_leads_to_the_connector(server: TestServer, charger: ConnectCharger) -> None:
    station = (await server.request("POST", "/api/v1/stations", {"name": "Campus <1>", "address": {"city": "Pune"}})).json()["id"]
    box = await charger("CP1")
    await script(box).status(1, "Available", server.ports.clock.now())
    await server.request("PATCH", "/api/v1/chargers/CP1", {"station_id": station})
    connector = "/api/v1/chargers/CP1/connectors/1"
    svg = await server.request("GET", f"{connector}/qr.svg")
    assert (svg.headers["Content-Type"], svg.content[:5]) == ("image/svg+xml", b"<?xml")
    png = await server.request("GET", f"{connector}/qr.png")
    assert (png.headers["Content-Type"], png.content[:4]) == ("image/png", b"\x89PNG")
    code = (await server.request("GET", connector)).json()["qr_code"]
    assert re.fullmatch("[0-9A-HJKMNP-TV-Z]{10}", code)
    assert (await server.request("GET", f"{connector}/qr.svg")).content == svg.content, "it stays the same"

    for written in (code, f"{code[:5]}-{code[5:]}".lower()):
        start = await server.request("GET", f"/api/v1/start/{written}", authorized=False)
        assert start.status_code == 200, start.text
        place = start.json()
        assert (place["charger_id"], place["evse"], place["status"], place["startable"]) == ("CP1", 1, "Available", True)
        assert (place["station_name"], place["address"], place["currency"]) == ("Campus <1>", "Pune", "INR")
    assert (await server.request("GET", "/api/v1/start/0000000000", authorized=False)).status_code == 404
    await script(box).status(1, "Faulted", server.ports.clock.now())
    assert (await server.request("GET", f"/api/v1/start/{code}")).json()["reason"] == "it is out of order"
    await server.request("PATCH", f"/api/v1/stations/{station}", {"status": "maintenance"})
    assert (await server.request("GET", f"/api/v1/start/{code}")).json()["reason"] == "this station is under maintenance"

    await server.add_token("CARD")
    other = script(await charger("CP2", protocol="ocpp2.0.1"))
    await other.status(1, "Occupied", now := server.ports.clock.now())
    await server.request("GET", "/api/v1/chargers/CP2/connectors/1/qr.svg")
    (two,) = (await server.request("GET", "/api/v1/connectors?charger_id=CP2")).json()["items"]
    for reason in ("", "it is charging already"):
        place = (await server.request("GET", f"/api/v1/start/{two['qr_code']}")).json()
        assert (place["status"], place["startable"], place["reason"]) == ("Occupied", not reason, reason), "2.x says no more"
        await other.start("CARD", at=now)

    await server.request("POST", "/api/v1/chargers/CP1/connectors", {"evse": 2, "type": "CHADEMO"})
    sheet = await server.request("GET", f"/api/v1/qr-sheet?station_id={station}")
    assert sheet.headers["Content-Type"].startswith("text/html")
    assert sheet.text.count("<figure><svg") == 2, "also of those that had no code yet"
    assert f"{code[:5]}-{code[5:]}" in sheet.text
    assert "Campus &lt;1&gt;" in sheet.text, "names are no HTML"
    assert "http" not in re.sub(r"http://www\.w3\.org/2000/svg", "", sheet.text), "it needs nothing from elsewhere"
    assert (await server.request("GET", "/api/v1/qr-sheet?search=nobody")).text.count("<figure>") == 0

    renewed = (await server.request("POST", f"{connector}/qr/renew")).json()["qr_code"]
    assert renewed != code
    assert (await server.request("GET", f"/api/v1/start/{code}")).status_code == 404, "the forged sticker is dead"
    assert (await server.request("GET", f"/api/v1/start/{renewed}")).status_code == 200
    await server.request("DELETE", "/api/v1/chargers/CP1")
    assert (await server.request("GET", f"/api/v1/start/{renewed}")).status_code == 404
