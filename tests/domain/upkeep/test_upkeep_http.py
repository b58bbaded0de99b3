"""Upkeep over HTTP: configuration and templates, availability and maintenance, resets, firmware, campaigns, diagnostics."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx
import pytest
import trio

from csms.core.units import iso
from csms.testing.fixtures import ConnectCharger
from csms.testing.server import TestServer

API = "/api/v1"
C1 = f"{API}/chargers/C1"
HOUR_MS = 3_600_000
Asked = Callable[..., Awaitable[tuple[Any, list[Any]]]]
Strangers = Callable[[], Awaitable[list[Mapping[str, str]]]]


@pytest.fixture
def engine() -> str:
    return "sqlite"


async def ok(server: TestServer, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
    answer = await server.request(method, f"{API}/{path}", body, headers=headers)
    assert answer.status_code in (200, 201), (path, answer.text)
    return answer.json()


async def status(server: TestServer, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> int:
    return (await server.request(method, f"{API}/{path}", body, headers=headers)).status_code


async def test_configuration_and_templates(server: TestServer, charger: ConnectCharger, asked: Asked, strangers: Strangers) -> None:
    box = await charger("C1")
    await server.add_charger("C2")
    new = {"name": "Everybody", "settings": {"HeartbeatInterval": "300"}}
    added = await server.request("POST", f"{API}/configuration-templates", new)
    assert added.status_code == 201, added.text
    template = added.headers["Location"].removeprefix(f"{API}/")
    wrong: dict[str, Any]
    for wrong in ({"scope": "model"}, {"name": None}, {"name": "x" * 101}, {"settings": {"a": 1}}, {"colour": "red"}):
        assert await status(server, "POST", "configuration-templates", new | wrong) == 422, wrong
    assert await status(server, "POST", "configuration-templates", new) == 409
    secret = {"name": "Keys", "settings": {"AuthorizationKey": "x" * 20}}
    assert await status(server, "POST", "configuration-templates", secret) == 422, "secrets are never stored"
    read = await server.request("GET", f"{API}/{template}")
    change = {"settings": {"HeartbeatInterval": "600", "MinimumStatusDuration": "5"}}
    changed = await server.request("PATCH", f"{API}/{template}", change, headers={"If-Match": read.headers["ETag"]})
    assert changed.json()["settings"] == change["settings"]
    assert (await server.request("PATCH", f"{API}/{template}", {}, headers={"If-Match": read.headers["ETag"]})).status_code == 412
    (listed,) = (await ok(server, "GET", "configuration-templates?search=every&scope=all"))["items"]
    assert (listed["name"], listed["settings"], listed["chargers"]) == ("Everybody", 2, 0)

    own = await ok(server, "PATCH", "chargers/C1/configuration/own", {"settings": {"MinimumStatusDuration": "9"}})
    assert own == await ok(server, "GET", "chargers/C1/configuration/own")
    key = "a key that some chargers tell 123"
    told = {"configurationKey": [{"key": "AuthorizationKey", "readonly": False, "value": key}], "unknownKey": []}
    told["configurationKey"].append({"key": "HeartbeatInterval", "readonly": False, "value": "60"})
    answer, heard = await asked(box, "chargers/C1/configuration/read", {}, ("GetConfiguration", told))
    assert (answer["status"], answer["accepted"], heard) == ("Accepted", True, [{}])
    assert key not in str(answer)
    shown = await ok(server, "GET", "chargers/C1/configuration?limit=2")
    assert key not in str(shown)
    assert (shown["total"], shown["standing"]["wanted"]) == (3, 2)
    secret_one, beat = shown["items"]
    assert (secret_one["variable"], secret_one["secret"], secret_one["value"]) == ("AuthorizationKey", True, None)
    assert (beat["value"], beat["wanted"], beat["source"], beat["state"]) == ("60", "600", "Everybody", "pending")
    (mine,) = (await ok(server, "GET", "chargers/C1/configuration?search=minimum&wanted=true"))["items"]
    assert (mine["wanted"], mine["source"]) == ("9", "C1")
    assert mine["instead_of"] == [{"source": "Everybody", "value": "5"}]
    drift = await ok(server, "GET", "configuration/drift?charger_id=C1&variable=heartbeatinterval")
    assert [(each["wanted"], each["heard"], each["state"]) for each in drift["items"]] == [("600", "60", "pending")]

    beside, elsewhere = await strangers()
    for headers, seen in ((beside, 404), (elsewhere, 404)):
        for method, path, body in (
            ("GET", "chargers/C1/configuration", None),
            ("PATCH", "chargers/C1/configuration/own", {"settings": {"A": "1"}}),
            ("POST", "chargers/C1/configuration/apply", {}),
        ):
            assert await status(server, method, path, body, headers) == seen
        assert (await ok(server, "GET", "configuration/drift", headers=headers))["total"] == 0
    assert await status(server, "GET", template, headers=elsewhere) == 404
    assert await status(server, "DELETE", template, headers=beside) == 403, "templates are for everybody"
    assert await status(server, "DELETE", template) == 204
    assert await status(server, "DELETE", template) == 404
    assert (await ok(server, "PATCH", "chargers/C1/configuration/own", {"without": ["MinimumStatusDuration"]}))["settings"] == {}
    applied = await ok(server, "POST", "chargers/C2/configuration/apply", {"again": True})
    assert applied == {"standing": None, "keys": []}
    assert (await server.request("POST", f"{C1}/configuration/read", {"variables": ["x" * 201]})).status_code == 422
    noted = await server.rows("SELECT detail, before, after FROM audit_log WHERE subject_kind <> 'station'")
    assert key not in str([dict(each) for each in noted])


async def test_availability_maintenance_and_resets(
    server: TestServer, charger: ConnectCharger, asked: Asked, strangers: Strangers
) -> None:
    box = await charger("C1")
    body = {"place": {"evse": 2, "connector": 0}, "operative": False, "reason": "broken display"}
    told, heard = await asked(box, "chargers/C1/availability", body, ("ChangeAvailability", {"status": "Accepted"}))
    assert heard == [{"connectorId": 2, "type": "Inoperative"}]
    known = told["availability"]
    assert (told["status"], known["operative"], known["state"]) == ("Accepted", False, "accepted")
    assert (known["reason"], known["set_by"]) == ("broken display", "operator key")
    offline = await ok(server, "GET", "availability?operative=true")
    assert offline["total"] == 0
    assert (await ok(server, "GET", "availability?search=display&state=accepted&sort=-since_at"))["items"] == [known]

    now = server.ports.clock.now()
    window = {"from_at": iso(now + HOUR_MS), "until_at": iso(now + 2 * HOUR_MS), "reason": "new cables"}
    planned = await server.request("POST", f"{C1}/maintenance-windows", window)
    assert planned.status_code == 201, planned.text
    where = planned.headers["Location"].removeprefix(f"{API}/")
    assert planned.json() == await ok(server, "GET", where)
    for wrong in (window | {"until_at": iso(now - 1)}, {}, window | {"until_at": 5}, window | {"reason": "x" * 201}):
        assert await status(server, "POST", "chargers/C1/maintenance-windows", wrong) == 422, wrong
    everything = await ok(server, "GET", "chargers/C1/availability")
    assert (everything["items"], everything["maintenance"]) == ([known], [planned.json()])
    assert (await ok(server, "GET", f"maintenance-windows?open=true&from_at={iso(now)}"))["total"] == 1
    assert (await ok(server, "GET", f"maintenance-windows?to_at={iso(now)}"))["total"] == 0

    told, heard = await asked(box, "chargers/C1/resets", {"when": "immediately"}, ("Reset", {"status": "Accepted"}))
    assert (heard, told["reset"]["state"]) == ([{"type": "Hard"}], "accepted")
    assert await ok(server, "GET", f"resets/{told['reset']['id']}") == told["reset"]
    assert (await ok(server, "GET", "resets?kind=when_idle"))["total"] == 0
    assert (await ok(server, "GET", "resets?open=true&charger_id=C1"))["items"] == [told["reset"]]
    assert await status(server, "POST", "chargers/C1/resets", {"when": "now"}) == 422

    paths = (where, f"resets/{told['reset']['id']}", "chargers/C1/availability")
    for headers in await strangers():
        for path in paths:
            assert await status(server, "GET", path, headers=headers) == 404, path
        assert await status(server, "POST", f"{where}/cancel", headers=headers) == 404
        assert await status(server, "POST", "chargers/C1/resets", {}, headers=headers) == 404
        for each in ("availability", "maintenance-windows", "resets"):
            assert (await ok(server, "GET", each, headers=headers))["total"] == 0
    assert (await ok(server, "POST", f"{where}/cancel"))["state"] == "cancelled"
    assert await status(server, "POST", f"{where}/cancel") == 409


async def test_who_asked_is_known_although_they_left(server: TestServer, charger: ConnectCharger) -> None:
    box = await charger("C1")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.request, "POST", f"{C1}/resets", {})
        message_id, _ = await box.expect("Reset")
        nursery.cancel_scope.cancel()
    (reset,) = (await ok(server, "GET", "resets"))["items"]
    assert reset["state"] == "sending"
    await box.reply(message_id, {"status": "Accepted"})  # what was begun goes on to its end
    (noted,) = await server.eventually("SELECT subject_id FROM audit_log WHERE action = 'resets.ask'")
    assert noted["subject_id"] == "C1"
    assert await status(server, "POST", "chargers/C9/resets", {}) == 404
    assert len(await server.rows("SELECT 1 FROM audit_log WHERE action = 'resets.ask'")) == 1, "what was refused was not done"


async def test_firmware(server: TestServer, charger: ConnectCharger, asked: Asked, strangers: Strangers) -> None:
    box = await charger("C1")
    what = "firmware-images?vendor=Test&model=T1&version=2.0&file_name=t1.bin"
    firmware = b"all that a charger needs" * 10_000
    sent = await server.send("POST", f"{API}/{what}", firmware)
    assert sent.status_code == 201, sent.text
    image = sent.json()
    assert (image["size_bytes"], image["file_name"], image["signed"]) == (len(firmware), "t1.bin", False)
    assert "file" not in image
    where = sent.headers["Location"].removeprefix(f"{API}/")
    again = await server.send("POST", f"{API}/{what}", firmware)
    assert again.status_code == 409
    keyed = {"Idempotency-Key": "once"}
    firsts = [await server.send("POST", f"{API}/{what}.1".replace("2.0", "2.1"), firmware, headers=keyed) for _ in range(2)]
    assert [each.status_code for each in firsts] == [201, 201]
    assert (firsts[0].json(), firsts[1].headers["Idempotent-Replayed"]) == (firsts[1].json(), "true")
    assert await status(server, "DELETE", f"firmware-images/{firsts[0].json()['id']}") == 204
    assert (await server.send("POST", f"{API}/firmware-images?vendor=Test", firmware)).status_code == 422
    assert (await server.send("POST", f"{API}/firmware-images?vendor=Test&version=3", b"")).status_code == 422
    part = await server.request("GET", f"{API}/{where}/content", headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.content, part.headers["Content-Disposition"]) == (206, b"that", "attachment; filename=t1.bin")
    kept = list((await server.rows("SELECT file FROM firmware_images"))[0].values())
    assert len(kept) == 1, "and what was refused was not kept"

    located = {"vendor": "Test", "version": "9", "location": "ftp://me:s3cret@files.example.org/t1.bin?signature=abc"}
    elsewhere = await ok(server, "POST", "firmware-images/elsewhere", located)
    assert elsewhere["location"] == "ftp://me:***@files.example.org/t1.bin?***"
    assert await status(server, "GET", f"firmware-images/{elsewhere['id']}/content") == 404
    assert await status(server, "POST", "firmware-images/elsewhere", located | {"version": "8", "location": "there"}) == 422
    audited = str([dict(each) for each in await server.rows("SELECT detail, before, after FROM audit_log")])
    assert "s3cret" not in audited
    assert (await ok(server, "GET", "firmware-images?vendor=test&model=t1&signed=false&sort=-version"))["total"] == 2

    update = {"image_id": image["id"], "retries": 3, "force": True}
    told, heard = await asked(box, "chargers/C1/firmware-updates", update, ("UpdateFirmware", {}))
    assert (told["update"]["state"], heard[0]["retries"]) == ("accepted", 3)
    async with httpx.AsyncClient() as client:
        assert (await client.get(heard[0]["location"])).content == firmware
    shown = await ok(server, "GET", f"firmware-updates/{told['update']['id']}")
    assert (shown["version"], shown["location"]) == ("2.0", "")
    assert (await ok(server, "GET", f"firmware-updates?image_id={image['id']}&open=true"))["total"] == 1
    assert await status(server, "POST", "chargers/C1/firmware-updates", {"image_id": 99}) == 404
    assert await status(server, "POST", "chargers/C1/firmware-updates", {"image_id": image["id"], "retries": -1}) == 422
    assert await status(server, "DELETE", where) == 409, "it is used"
    never = {"image_id": image["id"], "install_at": "9999-12-31T23:59:59Z", "force": True}
    assert await status(server, "POST", "chargers/C1/firmware-updates", never) == 422
    assert await status(server, "POST", "firmware-campaigns", {"image_id": image["id"], "starts_at": "9999-12-31T23:59:59Z"}) == 422

    begun = await server.request("POST", f"{API}/firmware-campaigns", {"image_id": image["id"], "charger_ids": ["C1"]})
    assert begun.status_code == 201, begun.text
    campaign = begun.headers["Location"].removeprefix(f"{API}/")
    assert (begun.json()["max_failures_percent"], begun.json()["chargers"], begun.json()["waiting"]) == (20, 1, 1)
    assert await status(server, "POST", "firmware-campaigns", {"image_id": 99}) == 404
    assert await status(server, "POST", "firmware-campaigns", {"image_id": image["id"], "wave_percent": 0}) == 422
    assert (await ok(server, "POST", f"{campaign}/pause", {}))["state"] == "paused"
    assert await status(server, "POST", f"{campaign}/pause", {}) == 409
    assert (await ok(server, "POST", f"{campaign}/resume", {}))["state"] in ("scheduled", "running")
    aborted = await ok(server, "POST", f"{campaign}/abort", {"reason": "wrong image"})
    assert (aborted["state"], aborted["note"], aborted["skipped"]) == ("aborted", "wrong image", 1)
    assert (await ok(server, "GET", "firmware-campaigns?open=false&search=test"))["items"] == [aborted]
    (member,) = (await ok(server, "GET", f"{campaign}/chargers?state=skipped&wave=1"))["items"]
    assert (member["charger_id"], member["state"]) == ("C1", "skipped")

    beside, other = await strangers()
    for path in (where, f"{where}/content", campaign, f"{campaign}/chargers", f"firmware-updates/{told['update']['id']}"):
        assert await status(server, "GET", path, headers=other) == 404, path
    assert await status(server, "GET", f"firmware-updates/{told['update']['id']}", headers=beside) == 404
    assert (await ok(server, "GET", "firmware-updates", headers=beside))["total"] == 0
    await box.call("FirmwareStatusNotification", {"status": "DownloadFailed"})
    assert await status(server, "DELETE", where) == 204
    assert await status(server, "GET", where) == 404


async def test_signed_firmware_comes_as_a_form(server: TestServer) -> None:
    async def sent(*parts: tuple[str, str, bytes]) -> httpx.Response:
        body = b"".join(
            f'--x\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + content + b"\r\n"
            for name, more, content in parts
        )
        path = f"{API}/firmware-images?vendor=Acme&version=1.4&untrusted=true"
        return await server.send("POST", path, body + b"--x--\r\n", headers={"Content-Type": "multipart/form-data; boundary=x"})

    file = ("file", '; filename="ac22.bin"', b"firmware" * 50_000)
    certificate, signature = ("signing_certificate", "", b"no PEM"), ("signature", "", b"bm9uZQ==")
    refused = await sent(certificate, signature, file)
    assert (refused.status_code, "certificate" in refused.text) == (422, True), "it is looked at"
    late = await sent(file, certificate, signature)
    assert (late.status_code, "before the file" in late.text) == (422, True), "not kept as if it were unsigned"
    assert (await sent(("colour", "", b"red"), file)).status_code == 422
    assert (await sent(certificate)).status_code == 400
    plain = await sent(file)
    assert (plain.status_code, plain.json()["file_name"], plain.json()["size_bytes"]) == (201, "ac22.bin", 400_000)
    assert await server.rows("SELECT count(*) AS n FROM firmware_images") == [{"n": 1}]


async def test_diagnostics(server: TestServer, charger: ConnectCharger, asked: Asked, strangers: Strangers) -> None:
    box = await charger("C1")
    told, heard = await asked(box, "chargers/C1/log-uploads", {}, ("GetDiagnostics", {"fileName": "diag.zip"}))
    upload = told["upload"]
    assert (upload["state"], upload["kind"], upload["file_name"]) == ("accepted", "diagnostics", "diag.zip")
    log = b"it is warm in here\n" * 50_000
    async with httpx.AsyncClient() as client:
        assert (await client.put(f"{heard[0]['location']}diag.zip", content=log)).status_code < 300
    detail = await ok(server, "GET", f"log-uploads/{upload['id']}")
    (file,) = detail["files"]
    assert (detail["state"], file["size_bytes"], "file" in file) == ("uploaded", len(log), False)
    (listed,) = (await ok(server, "GET", "log-uploads?kind=diagnostics&open=false&charger_id=C1"))["items"]
    assert (listed["files"], listed["size_bytes"]) == (1, len(log))
    content = f"log-uploads/{upload['id']}/files/{file['id']}/content"
    got = await server.request("GET", f"{API}/{content}")
    assert (got.content == log, got.headers["Content-Type"]) == (True, "application/octet-stream")
    assert await status(server, "GET", content.replace(f"files/{file['id']}", "files/99")) == 404
    for headers in await strangers():
        assert await status(server, "GET", content, headers=headers) == 404
        assert await status(server, "GET", f"log-uploads/{upload['id']}", headers=headers) == 404
        assert (await ok(server, "GET", "log-uploads", headers=headers))["total"] == 0

    told, heard = await asked(
        box, "chargers/C1/log-uploads", {"location": "ftp://me:s3cret@files.example.org/logs/"}, ("GetDiagnostics", {})
    )
    assert heard[0]["location"] == "ftp://me:s3cret@files.example.org/logs/", "the charger needs it"
    seen = [told, await ok(server, "GET", "log-uploads"), await ok(server, "GET", f"log-uploads/{told['upload']['id']}")]
    seen += [dict(each) for each in await server.rows("SELECT detail FROM audit_log")]
    assert "s3cret" not in str(seen)
    assert await status(server, "POST", "chargers/C1/log-uploads", {"kind": "gossip"}) == 422
    assert await status(server, "POST", "chargers/C9/log-uploads", {}) == 404
