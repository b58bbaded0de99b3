"""An orderly end: what was received is committed and answered, then the links close, then the API and the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import attrs
import pytest
import trio

from csms.config import Config
from csms.hooks import TokenVerdict, hookimpl
from csms.testing.charger import connect
from csms.testing.fixtures import ConnectCharger
from csms.testing.server import TestServer, running_server

CALLS = 30


@attrs.define
class Thinker:
    """A plugin that takes its time over tokens: what waits for it is in flight."""

    asked: trio.Event = attrs.field(factory=trio.Event)
    answer: trio.Event = attrs.field(factory=trio.Event)

    @hookimpl
    async def authorize_token(self) -> TokenVerdict | None:
        self.asked.set()
        await self.answer.wait()
        return None


@pytest.fixture
def thinker() -> Thinker:
    return Thinker()


@pytest.fixture
def server_plugins(thinker: Thinker) -> Mapping[str, object]:
    return {"thinker": thinker}


@pytest.fixture
def server_config(server_config: Config) -> Config:
    return attrs.evolve(server_config, plugins=attrs.evolve(server_config.plugins, decision_timeout_s=30))


def status_of(number: int, protocol: str) -> dict[str, Any]:
    if protocol == "ocpp1.6":
        return {"connectorId": number, "errorCode": "NoError", "status": "Available"}
    return {"evseId": number, "connectorId": 1, "connectorStatus": "Available", "timestamp": "2026-01-01T00:00:00Z"}


async def test_everything_received_is_answered_before_the_links_close(
    server: TestServer, charger: ConnectCharger, thinker: Thinker, protocol: str
) -> None:
    await server.add_token("CARD")
    chargers = [await charger(f"CP{number}", protocol=protocol) for number in range(3)]
    token = {"idTag": "CARD"} if protocol == "ocpp1.6" else {"idToken": {"idToken": "CARD", "type": "ISO14443"}}
    sent: dict[int, list[str]] = {}
    for number, scripted in enumerate(chargers):
        sent[number] = [await scripted.send_call("Authorize", token)]
        sent[number] += [
            await scripted.send_call("StatusNotification", status_of(place, protocol)) for place in range(1, CALLS + 1)
        ]
    await thinker.asked.wait()
    with trio.fail_after(10):
        while any(info.received_frames < CALLS + 2 for info in server.ports.chargers.connections()):
            await trio.sleep(0.01)
    server.stop()
    await nobody_listens(server.url)
    assert [scripted.closed for scripted in chargers] == [None] * 3, "nobody is cut off while something is in flight"
    thinker.answer.set()
    for number, scripted in enumerate(chargers):
        assert await scripted.wait_closed() == (1001, "server is going away")
        answered = [frame[1] for frame in scripted.heard if frame[0] == 3][1:]
        assert answered == sent[number], "all, and in order"


async def test_the_last_words_are_stored(server_config: Config, server_plugins: Mapping[str, object], thinker: Thinker) -> None:
    thinker.answer.set()
    async with running_server(server_config, plugins=server_plugins) as server:
        key = await server.add_charger("CP1")
        async with connect(server.url, "CP1", password=key) as scripted:
            await scripted.boot_v16()
            for place in range(1, CALLS + 1):
                await scripted.send_call("StatusNotification", status_of(place, "ocpp1.6"))
            server.stop()
            await scripted.wait_closed()
    acknowledged = sum(frame[0] == 3 for frame in scripted.heard) - 1
    async with running_server(server_config, plugins=server_plugins) as server:
        stored = await server.rows("SELECT evse FROM connectors ORDER BY evse")
        answers = await server.rows("SELECT id FROM frames WHERE direction = 'out' AND action = 'StatusNotification'")
    assert len(stored) == acknowledged == len(answers), "what was answered is stored, and so are the answers"


async def test_an_operator_who_waits_for_a_charger_is_told(server: TestServer, charger: ConnectCharger) -> None:
    scripted = await charger("CP1")
    told: list[dict[str, Any]] = []

    async def ask(name: str) -> None:
        told.append(await server.command("CP1", name))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, "Reset")
        await scripted.expect("Reset")
        nursery.start_soon(ask, "ClearCache")
        with trio.fail_after(5):
            while not server.ports.chargers.connections()[0].queued_commands:
                await trio.sleep(0.01)
        server.stop()
    assert sorted((one["outcome"], one["certain"]) for one in told) == [("Lost", False), ("Offline", True)]


async def nobody_listens(url: str) -> None:
    with trio.fail_after(10):
        while True:
            try:
                stream = await trio.open_tcp_stream("127.0.0.1", urlsplit(url).port or 0)
            except OSError:
                return
            await trio.aclose_forcefully(stream)
            await trio.sleep(0.01)
