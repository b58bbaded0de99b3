"""Security profiles 1 to 3 over real sockets, against a whole server (TC_085, TC_087), and its certificates changed while it runs."""

from __future__ import annotations

import os
import signal
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
import structlog.testing
import trio
import trio_websocket
import trustme

from csms.app import heed_hangups
from csms.config import Config, OcppConfig
from csms.domain.stations import keys
from csms.domain.stations import service as stations
from csms.net.tls import ChargerTls
from csms.testing.charger import connect
from csms.testing.script import script
from csms.testing.server import TestServer, running_server

USED = "SELECT security_profile_used AS used, connection_id FROM chargers WHERE id = :id"


@attrs.frozen
class Pki:
    """The server's authority and that of its chargers, and the files of both."""

    folder: Path
    server: trustme.CA = attrs.field(factory=trustme.CA)
    chargers: trustme.CA = attrs.field(factory=trustme.CA)

    def files(self) -> dict[str, Any]:
        issued = self.server.issue_cert("127.0.0.1")
        chain, key, authorities = (self.folder / name for name in ("chain.pem", "key.pem", "chargers.pem"))
        issued.cert_chain_pems[0].write_to_path(chain)
        issued.private_key_pem.write_to_path(key)
        self.chargers.cert_pem.write_to_path(authorities)
        return {"tls_certificate": str(chain), "tls_key": str(key), "tls_client_ca": (str(authorities),)}

    def charger(self, charger_id: str = "", authority: trustme.CA | None = None) -> ssl.SSLContext:
        """What a charger trusts, and its certificate if it has one."""
        context = ssl.create_default_context()
        self.server.configure_trust(context)
        if charger_id:
            (authority or self.chargers).issue_cert(common_name=charger_id).configure_cert(context)
        return context


@pytest.fixture
def engine() -> str:
    """The domain's own tests run on both."""
    return "sqlite"


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    return Pki(tmp_path)


@asynccontextmanager
async def secured(config: Config, pki: Pki, **more: Any) -> AsyncIterator[TestServer]:
    async with running_server(attrs.evolve(config, ocpp=attrs.evolve(config.ocpp, **pki.files(), **more))) as server:
        yield server


async def refused(url: str, charger_id: str, **how: Any) -> int:
    """The HTTP status of a handshake that is refused; 0 where TLS itself is."""
    status = 0
    try:
        async with connect(url, charger_id, **how):
            raise AssertionError("it was let in")
    except* trio_websocket.ConnectionRejected as group:
        (error,) = group.exceptions
        assert isinstance(error, trio_websocket.ConnectionRejected)
        status = int(error.status_code)
    except* (trio_websocket.HandshakeError, OSError, trio.BrokenResourceError, trio_websocket.ConnectionClosed):
        pass
    return status


async def works(url: str, charger_id: str, **how: Any) -> None:
    async with connect(url, charger_id, **how) as scripted:
        await script(scripted).boot()


async def test_tc_085_basic_authentication(server_config: Config) -> None:
    async with running_server(server_config) as server:
        key = await server.add_charger("CP1")
        other = await server.add_charger("CP2")
        assert await refused(server.url, "CP1") == 401
        assert await refused(server.url, "CP1", password="wrong") == 401
        assert await refused(server.url, "CP1", password=other) == 401
        assert await refused(server.url, "CP9", password=key) == 404
        await works(server.url, "CP1", password=key)
        assert [row["used"] for row in await server.rows(USED, id="CP1")] == [1]
        rows = await server.rows("SELECT type FROM events WHERE key = 'charger:CP1' AND type = 'charger_security_changed'")
        assert len(rows) == 1


async def test_tc_085_a_key_is_changed_while_its_answer_is_lost(server_config: Config) -> None:
    async with running_server(server_config) as server:
        old = await server.add_charger("CP1")
        new = keys.new_key(server.ports.random)
        await server.do(stations.offer_key, "CP1", keys.seal(new.encode(), server.ports.random))
        await works(server.url, "CP1", password=old)
        await works(server.url, "CP1", password=new)
        assert await refused(server.url, "CP1", password=old) == 401
        await works(server.url, "CP1", password=new)


async def test_tc_086_profile_2_takes_the_key_over_tls(server_config: Config, pki: Pki) -> None:
    async with secured(server_config, pki) as server:
        key = await server.add_charger("CP1", security_profile=2)
        assert await refused(server.url, "CP1", tls=pki.charger()) == 401
        await works(server.url, "CP1", password=key, tls=pki.charger())
        assert [row["used"] for row in await server.rows(USED, id="CP1")] == [2]


async def test_profile_2_behind_a_proxy_that_ends_tls_and_nowhere_else(server_config: Config) -> None:
    ocpp: OcppConfig = attrs.evolve(server_config.ocpp, trusted_proxies=("127.0.0.1",))
    async with running_server(attrs.evolve(server_config, ocpp=ocpp)) as server:
        key = await server.add_charger("CP1", security_profile=2)
        assert await refused(server.url, "CP1", password=key) == 403
        for proto, status in (("http", 403), ("https", 101)):
            assert await knock(server.url, "CP1", key, f"X-Forwarded-Proto: {proto}\r\nX-Forwarded-For: 192.0.2.1\r\n") == status


async def knock(url: str, charger_id: str, key: str, header: str) -> int:
    """The status of a handshake that carries a proxy's header."""
    import base64

    port = int(url.rpartition(":")[2].partition("/")[0])
    shown = base64.b64encode(f"{charger_id}:{key}".encode()).decode()
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    async with stream:
        await stream.send_all(
            f"GET /ocpp/{charger_id} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{header}"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
            f"Sec-WebSocket-Protocol: ocpp1.6\r\nAuthorization: Basic {shown}\r\n\r\n".encode()
        )
        with trio.fail_after(5):
            answer = bytes(await stream.receive_some(4096))
    return int(answer.split()[1])


async def test_tc_087_profile_3_takes_the_certificate_of_this_charger_and_no_other(server_config: Config, pki: Pki) -> None:
    async with secured(server_config, pki) as server:
        key = await server.add_charger("CP1", security_profile=3)
        await works(server.url, "CP1", tls=pki.charger("CP1"))
        assert [row["used"] for row in await server.rows(USED, id="CP1")] == [3]
        assert await refused(server.url, "CP1", tls=pki.charger("CP2")) == 403
        assert await refused(server.url, "CP1", password=key, tls=pki.charger()) == 403
        assert await refused(server.url, "CP1", password=key, tls=pki.charger("CP1", trustme.CA()), patience_s=1.0) == 0
        await works(server.url, "CP1", tls=pki.charger("CP1"))
        page = await metrics(server)
    assert 'csms_refused_connections_total{reason="forbidden"} 2.0' in page
    assert 'csms_refused_connections_total{reason="certificate"} 1.0' in page


async def metrics(server: TestServer) -> str:
    return (await server.request("GET", "/metrics")).text


async def test_tc_087_a_charger_on_profile_2_may_not_come_by_1_nor_one_on_3_by_2(server_config: Config, pki: Pki) -> None:
    async with secured(server_config, pki, min_security_profile=2) as server:
        key = await server.add_charger("CP1")
        await works(server.url, "CP1", password=key, tls=pki.charger())
        await works(server.url, "CP1", tls=pki.charger("CP1"))
        await server.do(stations.set_security_profile, "CP1", 3)
        assert await refused(server.url, "CP1", password=key, tls=pki.charger()) == 403
        await works(server.url, "CP1", tls=pki.charger("CP1"))


async def test_tc_088_the_subprotocol_is_agreed_over_tls(server_config: Config, pki: Pki) -> None:
    async with secured(server_config, pki) as server:
        await server.add_charger("CP1", security_profile=3)
        async with connect(server.url, "CP1", tls=pki.charger("CP1"), protocol="ocpp1.6") as scripted:
            assert scripted.subprotocol == "ocpp1.6"


async def test_sighup_has_the_files_read_anew(pki: Pki) -> None:
    tls = ChargerTls(OcppConfig(**pki.files()))
    before = tls.context
    with structlog.testing.capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(heed_hangups, tls)
            await trio.testing.wait_all_tasks_blocked()
            pki.files()
            os.kill(os.getpid(), signal.SIGHUP)
            with trio.fail_after(5):
                while tls.context is before:
                    await trio.sleep(0.001)
            nursery.cancel_scope.cancel()
    assert [entry["event"] for entry in logs] == ["tls.reloaded"]
