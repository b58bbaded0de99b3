"""A newcomer's walk: every command that docs/api.md shows is run as it stands there, and what comes of it is looked at."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from string import Template
from typing import Any

import attrs
import httpx
import pytest
import trio
from click.testing import CliRunner

from csms.cli import main
from csms.config import Config
from csms.config.webhooks import WebhooksConfig
from csms.domain.webhooks.signing import sign
from csms.testing.live import LiveStream
from csms.testing.receiver import Receiver, receiving
from csms.testing.server import PATIENCE_S, TestServer, config_for

ROOT = Path(__file__).parents[2]


@attrs.frozen
class Request:
    """A ``curl`` line of the page, its variables filled in."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: Any


@attrs.define
class Walk:
    """The commands of the page's walk, one after the other. ``known`` are the variables in them, as answers told them."""

    lines: Iterator[list[str]]
    client: httpx.AsyncClient
    known: dict[str, str]

    @classmethod
    def of(cls, page: Path, client: httpx.AsyncClient, **known: str) -> Walk:
        walk = page.read_text(encoding="utf-8").partition("\n## A walk\n")[2].partition("\n## ")[0]
        blocks = "\n".join(re.findall(r"```sh\n(.*?)```", walk, re.DOTALL)).splitlines()
        lines = [shlex.split(line, comments=True) for line in blocks]
        return cls(iter([line for line in lines if line and line[0] in ("curl", "python")]), client, known)

    def command(self, name: str) -> list[str]:
        line = [Template(word).substitute(self.known) for word in next(self.lines)]
        assert line[0] == name, line
        return line

    def request(self) -> Request:
        words, headers, body, method, url = iter(self.command("curl")[1:]), {}, None, "", ""
        for word in words:
            if word == "-H":
                name, _, value = next(words).partition(": ")
                headers[name] = value
            elif word == "--json":
                body = json.loads(next(words))
            elif word == "-X":
                method = next(words)
            elif word == "-o":
                next(words)
            elif not word.startswith("-"):
                url = word
        return Request(method or ("GET" if body is None else "POST"), url, headers, body)

    async def ask(self, expected: str, status: int = 200) -> httpx.Response:
        """Send the next request of the page, which must be the ``expected`` one (method and end of the path), and its answer."""
        request = self.request()
        method, _, path = expected.partition(" ")
        assert (request.method, request.url.partition("?")[0].endswith(path)) == (method, True), (expected, request)
        answer = await self.client.request(request.method, request.url, headers=request.headers, json=request.body)
        assert answer.status_code == status, (expected, answer.text)
        return answer

    @asynccontextmanager
    async def listen(self) -> AsyncIterator[LiveStream]:
        request = self.request()
        async with self.client.stream(request.method, request.url, headers=request.headers) as response:
            assert response.status_code == 200, await response.aread()
            stream = LiveStream(response)
            await stream.begun()
            yield stream


@pytest.fixture
def server_config(tmp_path: Path) -> Config:
    return config_for(tmp_path, webhooks=WebhooksConfig(allow_http=True, allowed_networks=("127.0.0.0/8",)))


@pytest.fixture
def password(tmp_path: Path, server_config: Config) -> str:
    """What ``csms init`` prints, in the folder where the server will be."""
    made = CliRunner().invoke(main, ["init", "--json", "--config", str(tmp_path / "csms.toml")], catch_exceptions=False)
    assert made.exit_code == 0, made.output
    return str(json.loads(made.output)["password"])


async def test_a_newcomer_walks_from_nothing_to_a_charge_that_nobody_else_sees(
    password: str, server: TestServer, tmp_path: Path, nursery: trio.Nursery
) -> None:
    async with receiving() as receiver, httpx.AsyncClient(timeout=PATIENCE_S) as client:
        given = {"api": f"{server.api_url}/api/v1", "password": password, "receiver": receiver.url}
        walk = Walk.of(ROOT / "docs" / "api.md", client, **given)
        walk.known["me"] = bearer(await walk.ask("POST /auth/login"))
        assert (await walk.ask("GET /me/account")).json()["role"] == "system_admin"
        walk.known["station"] = str((await walk.ask("POST /stations", 201)).json()["id"])
        added = (await walk.ask("POST /chargers", 201)).json()
        assert added["url"].endswith("/ocpp/CP-0001")
        walk.known["key"] = added["key"]
        async with walk.listen() as live:
            nursery.start_soon(simulate, walk.command("python"), server.url)
            assert (await live.until("charger_booted"))[0][0] == "charger_connected"
            while (await live.until("charger_status_changed"))[-1][1]["data"]["status"] != "Preparing":
                pass
            await charge(walk, live)
        await told(walk, receiver)
        await block(walk)
        await script(walk)
        await another_tenant(walk, tmp_path)
        assert next(walk.lines, None) is None
        nursery.cancel_scope.cancel()


async def charge(walk: Walk, live: LiveStream) -> None:
    """Codes, a remote start, a webhook, a remote stop, seen in the live feed."""
    connectors = (await walk.ask("GET /CP-0001/connectors")).json()["items"]
    assert [(each["evse"], each["status"]) for each in connectors] == [(1, "Preparing"), (2, "Available")]
    assert b"<svg" in (await walk.ask("GET /qr.svg")).content
    walk.known["token"] = str((await walk.ask("POST /tokens", 201)).json()["id"])
    commands = {each["name"]: each["supported"] for each in (await walk.ask("GET /commands")).json()["items"]}
    assert commands["StartCharging"]
    started = (await walk.ask("POST /StartCharging")).json()
    assert (started["accepted"], started["outcome"], started["status"]) == (True, "Answered", "Accepted")
    walk.known["transaction"] = str(started["transaction_id"])
    assert (await live.until("transaction_started"))[-1][1]["data"]["token"] == "04A1B2C3"
    hook = (await walk.ask("POST /webhooks", 201)).json()
    walk.known |= {"webhook": str(hook["webhook"]["id"]), "webhook_secret": hook["secret"]}
    assert (await walk.ask("POST /test")).json()["state"] == "delivered"
    await live.until("meter_values")
    assert (await walk.ask("GET /transactions/1")).json()["state"] == "running"
    assert (await walk.ask("POST /stop")).json()["accepted"]
    await live.until("transaction_ended")


async def told(walk: Walk, receiver: Receiver) -> None:
    """The transaction, its chart, the frames of its end, and what the receiver was sent, which bears a signature."""
    whole = (await walk.ask("GET /transactions/1")).json()
    assert (whole["state"], whole["stop_reason"], whole["stop_source"]) == ("completed", "Remote", "reported")
    (line,) = (await walk.ask("GET /series")).json()["lines"]
    assert len(line["points"]) > 1
    assert [point["at"] for point in line["points"]] == sorted(point["at"] for point in line["points"])
    frames = (await walk.ask("GET /frames")).json()["items"]
    assert [(frame["direction"], frame["kind"]) for frame in frames] == [("in", "result"), ("out", "call")]
    assert json.loads(frames[1]["text"])[2:] == ["RemoteStopTransaction", {"transactionId": 1}]
    while receiver.received[-1].json["type"] != "transaction_ended":
        await receiver.until(len(receiver.received) + 1)
    last = receiver.received[-1]
    signed = sign(walk.known["webhook_secret"], last.headers["webhook-id"], int(last.headers["webhook-timestamp"]), last.body)
    assert last.headers["webhook-signature"] == signed
    deliveries = (await walk.ask("GET /deliveries")).json()["items"]
    assert {"transaction_ended", "webhook_test"} <= {each["event_type"] for each in deliveries}


async def block(walk: Walk) -> None:
    """A blocked card starts nothing."""
    assert (await walk.ask("POST /block")).json()["status"] == "blocked"
    assert (await walk.ask("POST /tokens/validate")).json()["status"] == "Blocked"
    assert "Blocked" in (await walk.ask("POST /StartCharging", 409)).json()["detail"]


async def script(walk: Walk) -> None:
    """A key does what it is for, and no more."""
    walk.known["secret"] = (await walk.ask("POST /api-keys", 201)).json()["secret"]
    heading, row = (await walk.ask("GET /export.csv")).text.split()[:2]
    assert heading.startswith("id,charger_id")
    assert row.startswith("1,CP-0001")
    assert "chargers:read" in (await walk.ask("GET /chargers", 403)).json()["detail"]


async def another_tenant(walk: Walk, folder: Path) -> None:
    """The owner of another tenant is refused everything of this one, and sees nothing of it in lists."""
    await walk.ask("POST /tenants", 201)
    await walk.ask("POST /invitations", 201)
    walk.known["invitation"] = await invited(folder / "csms-messages.txt")
    await walk.ask("POST /accept", 204)
    walk.known["ravi"] = bearer(await walk.ask("POST /auth/login"))
    for refused in ("GET /stations/1", "GET /CP-0001", "GET /qr.svg", "GET /transactions/1", "GET /series"):
        await walk.ask(refused, 404)
    for refused in ("POST /unblock", "POST /Reset", "DELETE /webhooks/1"):
        await walk.ask(refused, 404)
    for empty in ("GET /chargers", "GET /frames"):
        assert (await walk.ask(empty)).json()["items"] == []


async def invited(messages: Path) -> str:
    """The token of the invitation, once it was sent, which is later than the answer."""
    with trio.fail_after(PATIENCE_S):
        while not (found := re.findall(r"Accept with (\S+)", messages.read_text() if messages.exists() else "")):
            await trio.sleep(0.01)
    return str(found[-1])


def bearer(login: httpx.Response) -> str:
    return f"Authorization: Bearer {login.json()['access_token']}"


async def simulate(command: list[str], url: str) -> None:
    """Run the page's simulated charger, at this server, until it is cancelled."""
    whole = [sys.executable, *command[1:], "--url", url, "--quiet"]
    await trio.run_process(whole, env=dict(os.environ), stdout=subprocess.DEVNULL, check=False)
