"""Firmware to a charger and diagnostics from one through the built-in file server, as an operator and a charger see it."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import trio

from csms.core.ids import DEFAULT_TENANT
from csms.domain.upkeep.flows.images import add_image
from csms.domain.upkeep.model import Image
from csms.testing.charger import ScriptedCharger
from csms.testing.fixtures import ConnectCharger
from csms.testing.server import TestServer

MIB = 1024 * 1024
BIG = 50 * MIB


@pytest.fixture
def engine() -> str:
    """One engine is enough here."""
    return "sqlite"


def block(number: int) -> bytes:
    """A mebibyte that is not the one before."""
    return hashlib.sha256(number.to_bytes(8)).digest() * (MIB // 32)


async def content(size: int = BIG) -> AsyncIterator[bytes]:
    for number in range(size // MIB):
        yield block(number)


def digest(size: int = BIG) -> str:
    whole = hashlib.sha256()
    for number in range(size // MIB):
        whole.update(block(number))
    return whole.hexdigest()


async def add(server: TestServer, size: int = BIG, **more: Any) -> Image:
    facts: dict[str, Any] = {"vendor": "Test", "model": "T1", "version": "2.0", "file_name": "T1 2.0.bin"} | more
    return await add_image(server.ports, DEFAULT_TENANT, Image(**facts), content(size))


async def ask(server: TestServer, charger: ScriptedCharger, path: str, body: Any, action: str, answer: Any) -> tuple[Any, Any]:
    """What the operator is told, and what the charger heard."""
    told: list[httpx.Response] = []
    heard: list[Any] = []

    async def operator() -> None:
        told.append(await server.request("POST", path, body))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(operator)
        heard.append(await charger.obey(action, answer))
    assert told[0].status_code == 200, told[0].text
    return told[0].json(), heard[0]


async def states(server: TestServer, table: str = "firmware_updates") -> list[tuple[str, str]]:
    return [(row["state"], row["status"]) for row in await server.rows(f"SELECT state, status FROM {table} ORDER BY id")]


async def notify(charger: ScriptedCharger, *statuses: str, action: str = "FirmwareStatusNotification", **more: Any) -> None:
    for status in statuses:
        assert await charger.call(action, {"status": status, **more}) == {}


async def test_a_charger_fetches_fifty_megabytes_in_bounded_memory_and_installs_them(
    server: TestServer, charger: ConnectCharger
) -> None:
    image = await add(server)
    assert (image.size_bytes, image.sha256) == (BIG, digest())
    one = await charger("CP1")
    await one.boot_v16(firmwareVersion="1.0")
    told, heard = await ask(
        server, one, "/api/v1/chargers/CP1/firmware-updates", {"image_id": image.id, "retries": 3}, "UpdateFirmware", {}
    )
    assert (told["outcome"], told["update"]["state"], heard["retries"]) == ("Answered", "accepted", 3)
    url = heard["location"]
    assert url.endswith("/T1_2.0.bin")
    assert len(url) < 255
    whole = hashlib.sha256()
    tracemalloc.start()
    async with httpx.AsyncClient() as client, client.stream("GET", url) as response:
        assert response.status_code == 200
        assert response.headers["content-length"] == str(BIG)
        assert response.headers["etag"] == f'"{digest()}"'
        assert 'filename="T1 2.0.bin"' in response.headers["content-disposition"]
        assert response.headers["repr-digest"].startswith("sha-256=:")
        async for piece in response.aiter_raw():
            whole.update(piece)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert whole.hexdigest() == digest()
    assert peak < 12 * MIB, "client and server together, in one process"
    await notify(one, "Downloading", "Downloaded", "Installing")
    assert await states(server) == [("installing", "Installing")]
    await one.boot_v16(firmwareVersion="2.0")
    assert await states(server) == [("installed", "Installing")]
    await notify(one, "Installed")
    (row,) = await server.rows("SELECT fetch_began_at, fetched_at, previous_version FROM firmware_updates")
    assert row["fetch_began_at"] <= row["fetched_at"]
    assert row["previous_version"] == "1.0"
    told_of = [row["payload"] for row in await server.rows("SELECT payload FROM events WHERE type = 'firmware_update_changed'")]
    assert len(told_of) == 6, "sending, accepted, downloading, downloaded, installing, installed"


async def test_a_charger_resumes_where_it_was_cut_off(server: TestServer, charger: ConnectCharger) -> None:
    image = await add(server, 2 * MIB)
    one = await charger("CP1")
    _, heard = await ask(server, one, "/api/v1/chargers/CP1/firmware-updates", {"image_id": image.id}, "UpdateFirmware", {})
    async with httpx.AsyncClient() as client:
        async with client.stream("GET", heard["location"]) as cut:
            got = b""
            async for piece in cut.aiter_raw():
                got += piece
                if len(got) > MIB:
                    break
        rest = await client.get(heard["location"], headers={"Range": f"bytes={len(got)}-", "If-Range": cut.headers["etag"]})
        assert rest.status_code == 206
        assert rest.headers["content-range"] == f"bytes {len(got)}-{2 * MIB - 1}/{2 * MIB}"
        assert got + rest.content == block(0) + block(1)
    assert await states(server) == [("downloading", "")], "being asked for it is a sign, too"


async def test_diagnostics_are_asked_for_sent_and_listed(server: TestServer, charger: ConnectCharger) -> None:
    one = await charger("CP1")
    body = {"oldest_at": "2026-01-01T00:00:00Z", "latest_at": "2026-01-01T01:00:00Z"}
    told, heard = await ask(server, one, "/api/v1/chargers/CP1/log-uploads", body, "GetDiagnostics", {"fileName": "diag 1.zip"})
    assert (told["status"], told["upload"]["state"], told["upload"]["kind"]) == ("Accepted", "accepted", "diagnostics")
    assert (heard["startTime"], heard["stopTime"]) == ("2026-01-01T00:00:00.000Z", "2026-01-01T01:00:00.000Z")
    await notify(one, "Uploading", action="DiagnosticsStatusNotification")
    async with httpx.AsyncClient() as client:
        response = await client.put(f"{heard['location']}diag%201.zip", content=content(3 * MIB))
    assert response.status_code == 201
    (row,) = await server.rows("SELECT file, file_name, size_bytes, sha256 FROM log_files")
    assert (row["file_name"], row["size_bytes"], row["sha256"]) == ("diag 1.zip", 3 * MIB, digest(3 * MIB))
    assert await server.ports.files.read(row["file"], 2 * MIB, MIB) == block(2)
    assert await states(server, "log_uploads") == [("uploaded", "Uploading")], "the file itself says so"
    await notify(one, "Uploaded", action="DiagnosticsStatusNotification")
    assert await states(server, "log_uploads") == [("uploaded", "Uploaded")]


async def test_a_charger_without_diagnostics_of_that_kind_is_asked_for_its_log(server: TestServer, charger: ConnectCharger) -> None:
    one = await charger("CP1")
    told: list[Any] = []

    async def operator() -> None:
        told.append((await server.request("POST", "/api/v1/chargers/CP1/log-uploads", {})).json())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(operator)
        message_id, _ = await one.expect("GetDiagnostics")
        await one.refuse(message_id, "NotSupported")
        heard = await one.obey("GetLog", {"status": "Accepted", "filename": "log.txt"})
    assert (heard["logType"], heard["requestId"]) == ("DiagnosticsLog", told[0]["upload"]["id"])
    assert (told[0]["upload"]["state"], told[0]["upload"]["asked_by"]) == ("accepted", "GetLog")
    async with httpx.AsyncClient() as client:
        response = await client.post(heard["log"]["remoteLocation"], files={"file": ("a.log", b"hello")}, data={"serial": "1"})
    assert response.status_code == 201
    assert [row["file_name"] for row in await server.rows("SELECT file_name FROM log_files")] == ["a.log"]


async def test_commands_as_an_operator_writes_them_are_followed_up(server: TestServer, charger: ConnectCharger) -> None:
    one = await charger("CP1")

    async def obey(action: str, answer: Any, name: str, **fields: Any) -> dict[str, Any]:
        heard: list[dict[str, Any]] = []

        async def hear() -> None:
            heard.append(await one.obey(action, answer))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(hear)
            told = await server.command("CP1", name, **fields)
        return told | {"heard": heard[0]}

    update = await obey(
        "UpdateFirmware", {}, "UpdateFirmware", location="ftp://files.example.org/x.bin", retrieve_at="2026-01-01T00:00:00Z"
    )
    assert (update["status"], update["state"]) == ("Accepted", "accepted")
    await notify(one, "Downloading", "DownloadFailed")
    assert await states(server) == [("failed", "DownloadFailed")]
    log = await obey(
        "GetLog", {"status": "Accepted"}, "GetLog", kind="SecurityLog", request_id=77, location="ftp://files.example.org/logs/"
    )
    assert (log["heard"]["requestId"], log["state"]) == (77, "accepted")
    await notify(one, "Uploading", "Uploaded", action="LogStatusNotification", requestId=77)
    assert await states(server, "log_uploads") == [("uploaded", "Uploaded")], "of somebody else's server the charger's word counts"
