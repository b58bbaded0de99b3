"""What the server looks at before it begins, and what it leaves behind when links and requests have come and gone."""

from __future__ import annotations

import gc
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import attrs
import httpx
import pytest
import trio
import trustme
from websockets.protocol import Protocol

from csms.config import Config
from csms.core.errors import CsmsError
from csms.net.lean import LeanWebSocket
from csms.net.link import Link
from csms.ocpp.conversation import Conversation
from csms.testing.charger import connect
from csms.testing.script import script
from csms.testing.server import running_server


@pytest.fixture
def engine() -> str:
    """One engine is enough here."""
    return "sqlite"


@pytest.fixture
def server_config(server_config: Config) -> Config:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return attrs.evolve(server_config, ocpp=attrs.evolve(server_config.ocpp, port=port))


async def test_a_second_server_ends_before_it_touches_the_store_of_the_first(server_config: Config) -> None:
    async with running_server(server_config) as server:
        key = await server.add_charger("CP1")
        async with connect(server.url, "CP1", password=key) as scripted:
            await script(scripted).boot()
            with pytest.RaisesGroup(
                pytest.RaisesExc(CsmsError, match="cannot listen for chargers on 127.0.0.1"), flatten_subgroups=True
            ):
                async with running_server(server_config):
                    pass
            (row,) = await server.rows("SELECT connection_id FROM chargers")
            (live,) = server.ports.chargers.connections()
            assert row["connection_id"] == live.connection_id, "still connected, and still known to be"


@pytest.fixture
def uncollected() -> Iterator[None]:
    """Nothing is freed that refers to itself."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def test_links_that_ended_leave_nothing_in_memory(server_config: Config, uncollected: None) -> None:
    async with running_server(server_config) as server:
        keys = {f"CP{number}": await server.add_charger(f"CP{number}") for number in range(10)}
        for _ in range(3):
            for charger_id, key in keys.items():
                async with connect(server.url, charger_id, password=key) as scripted:
                    await script(scripted).boot()
                    await scripted.send_text("{ nonsense")
                    await script(scripted).heartbeat()
                    if charger_id == "CP1":
                        await scripted.hang_up()
        await server.eventually("SELECT * FROM events WHERE type = 'charger_disconnected'", at_least=30)
        with trio.fail_after(10):
            while server.ports.chargers.connections():
                await trio.sleep(0.01)
        await trio.testing.wait_all_tasks_blocked()
        left = [thing for thing in gc.get_objects() if isinstance(thing, (Link, Conversation, LeanWebSocket, Protocol))]
    assert left == [], "not even until the next collection"


async def test_https_and_wss(server_config: Config) -> None:
    """The probe of our own listener does a whole TLS handshake, and is not counted as somebody who was turned away."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    chain, key = server_config.folder / "chain.pem", server_config.folder / "key.pem"
    certificate.private_key_pem.write_to_path(key)
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(chain, append=True)
    files: Any = {"tls_certificate": str(chain), "tls_key": str(key)}
    config = attrs.evolve(
        server_config, ocpp=attrs.evolve(server_config.ocpp, **files), api=attrs.evolve(server_config.api, **files)
    )
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    async with running_server(config) as server:
        assert server.url.startswith("wss://")
        assert server.api_url.startswith("https://")
        async with httpx.AsyncClient(base_url=server.api_url, verify=trust) as client:
            for _ in range(3):
                assert (await client.get("/ready")).status_code == 200
            page = (await client.get("/metrics")).text
    assert "csms_refused_connections_total{" not in page
