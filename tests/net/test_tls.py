"""Chargers connect with TLS when there is a certificate."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trio
import trustme

from csms.net.tls import tls_context

from .conftest import HEARTBEAT, RawCharger, Serve


def test_no_certificate_no_tls() -> None:
    assert tls_context("", "") is None


def test_a_missing_file_is_named() -> None:
    with pytest.raises(OSError, match=r"/nowhere/cert\.pem"):
        tls_context("/nowhere/cert.pem", "/nowhere/key.pem")


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[trustme.CA, str, str]:
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    issued.cert_chain_pems[0].write_to_path(chain)
    issued.private_key_pem.write_to_path(key)
    return authority, str(chain), str(key)


async def test_a_charger_talks_over_tls(serve: Serve, certificate: tuple[trustme.CA, str, str]) -> None:
    authority, chain, key = certificate
    context = ssl.create_default_context()
    authority.configure_trust(context)
    async with serve(tls_certificate=chain, tls_key=key) as world:
        assert world.address.url.startswith("wss://")
        stream = await trio.open_ssl_over_tcp_stream("127.0.0.1", world.address.port, ssl_context=context)
        charger = RawCharger(stream)
        await charger.shake("/ocpp/CP1")
        assert charger.status == 101
        assert (await charger.ask(HEARTBEAT))[0] == 3
        assert world.handshakes[0].secure
        await charger.cut()


async def test_old_tls_and_plain_text_are_turned_away_and_harm_nobody(
    serve: Serve, certificate: tuple[trustme.CA, str, str]
) -> None:
    _, chain, key = certificate
    context = tls_context(chain, key)
    assert context is not None
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    async with serve(tls_certificate=chain, tls_key=key) as world:
        stream = await trio.open_tcp_stream("127.0.0.1", world.address.port)
        await stream.send_all(b"GET /ocpp/CP1 HTTP/1.1\r\nHost: x\r\n\r\n")
        with trio.fail_after(5):
            while True:
                try:
                    if not await stream.receive_some(4096):
                        break
                except trio.BrokenResourceError:
                    break
        await stream.aclose()
        await world.until(lambda: world.observer.refusals == ["broken"])
        assert world.handshakes == []
