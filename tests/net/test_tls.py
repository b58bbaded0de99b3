"""Chargers connect with TLS when there is a certificate: versions, cipher suites, and certificates that change (A00.FR.3xx)."""

from __future__ import annotations

import ssl
import warnings
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
import trio.testing
import trustme
from cryptography.hazmat.primitives import serialization

from csms.config import OcppConfig
from csms.net.connection import Framing
from csms.net.lean import lean
from csms.net.tls import ChargerTls

from .conftest import HEARTBEAT, Logs, RawCharger, Serve, World

SUITES = {
    "ECDHE-ECDSA-AES128-GCM-SHA256": "ecdsa",
    "ECDHE-ECDSA-AES256-GCM-SHA384": "ecdsa",
    "AES128-GCM-SHA256": "rsa",
    "AES256-GCM-SHA384": "rsa",
    "ECDHE-RSA-AES128-GCM-SHA256": "rsa",
    "ECDHE-RSA-AES256-GCM-SHA384": "rsa",
}
"""What a server must speak (A00.FR.317) and more, in OpenSSL's names, and which certificate it takes."""


@attrs.frozen
class Certified:
    """An authority, and a server's certificates by it: an ECDSA and an RSA one."""

    authority: trustme.CA
    folder: Path

    def issue(
        self, name: str, kind: trustme.KeyType = trustme.KeyType.ECDSA, authority: trustme.CA | None = None
    ) -> tuple[str, str]:
        issued = (authority or self.authority).issue_cert("localhost", "127.0.0.1", common_name=name, key_type=kind)
        chain, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        chain.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
        key.write_bytes(issued.private_key_pem.bytes())
        return str(chain), str(key)

    def files(self) -> dict[str, Any]:
        first, second = self.issue("ecdsa"), self.issue("rsa", trustme.KeyType.RSA)
        return {
            "tls_certificate": first[0],
            "tls_key": first[1],
            "tls_second_certificate": second[0],
            "tls_second_key": second[1],
        }

    def trusting(self, **limits: Any) -> ssl.SSLContext:
        """A charger's context."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        for name, value in limits.items():
            setattr(context, name, value)
        return context


@pytest.fixture
def framing() -> Framing:
    """TLS ends below the framing."""
    return lean


@pytest.fixture
def certified(tmp_path: Path) -> Certified:
    return Certified(trustme.CA(), tmp_path)


async def call(world: World, context: ssl.SSLContext) -> RawCharger:
    """A charger with TLS, after its handshake."""
    stream = await trio.open_ssl_over_tcp_stream("127.0.0.1", world.address.port, ssl_context=context)
    charger = RawCharger(stream)
    world.chargers.append(charger)
    await stream.do_handshake()
    return charger


def server_name(charger: RawCharger) -> str:
    """The CN of the certificate that the server showed."""
    subject: Any = charger.stream.getpeercert()["subject"]  # type: ignore[attr-defined]  # an SSLStream
    return str(dict(pair for relative in subject for pair in relative)["commonName"])


# --- what a server speaks -------------------------------------------------------------------------------------------------------


async def test_a_charger_talks_over_tls(serve: Serve, certified: Certified) -> None:
    async with serve(**certified.files()) as world:
        assert world.address.url.startswith("wss://")
        charger = await call(world, certified.trusting())
        await charger.shake("/ocpp/CP1")
        assert charger.status == 101
        assert (await charger.ask(HEARTBEAT))[0] == 3
        assert world.handshakes[0].secure
        assert world.handshakes[0].certificate_fingerprint is None


@pytest.mark.parametrize("suite", SUITES)
async def test_tc_086_every_suite_of_the_whitepaper_is_spoken(serve: Serve, certified: Certified, suite: str) -> None:
    async with serve(**certified.files()) as world:
        context = certified.trusting(maximum_version=ssl.TLSVersion.TLSv1_2)
        context.set_ciphers(suite)
        charger = await call(world, context)
        stream: Any = charger.stream
        assert (stream.cipher()[0], stream.version(), stream.compression()) == (suite, "TLSv1.2", None)
        assert server_name(charger) == SUITES[suite]
        await charger.shake("/ocpp/CP1")
        assert charger.status == 101


async def test_tc_086_tls_1_3_is_preferred(serve: Serve, certified: Certified) -> None:
    async with serve(**certified.files()) as world:
        charger = await call(world, certified.trusting())
        assert charger.stream.version() == "TLSv1.3"  # type: ignore[attr-defined]  # an SSLStream


def test_tc_086_a_suite_with_forward_secrecy_is_chosen_before_one_without(certified: Certified) -> None:
    ciphers = [each["name"] for each in ChargerTls(OcppConfig(**certified.files())).context.get_ciphers()]
    assert set(SUITES) <= set(ciphers)
    assert [name.startswith(("TLS_", "ECDHE-")) for name in ciphers] == [True] * (len(ciphers) - 2) + [False, False]
    assert all("GCM" in name or "POLY1305" in name for name in ciphers)


@pytest.mark.parametrize(
    ("limits", "ciphers", "reason"),
    [
        ({"maximum_version": ssl.TLSVersion.TLSv1_1, "minimum_version": ssl.TLSVersion.TLSv1}, "ALL:@SECLEVEL=0", "protocol"),
        ({"maximum_version": ssl.TLSVersion.TLSv1_2}, "AES128-SHA", "no shared cipher"),
        ({"maximum_version": ssl.TLSVersion.TLSv1_2}, "ECDHE-ECDSA-AES128-SHA256", "no shared cipher"),
    ],
    ids=["TLS 1.1", "the suite for TLS 1.0", "CBC"],
)
async def test_tc_086_what_is_older_is_turned_away_and_told(
    serve: Serve, certified: Certified, logs: Logs, limits: dict[str, Any], ciphers: str, reason: str
) -> None:
    """A00.FR.313, A00.FR.314, A00.FR.323."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context = certified.trusting(**limits)
    context.set_ciphers(ciphers)
    async with serve(**certified.files()) as world:
        with pytest.raises(trio.BrokenResourceError):
            await call(world, context)
        await world.until(lambda: world.observer.refusals == ["tls"])
        assert world.handshakes == []
        (told,) = [entry for entry in logs if entry["event"] == "charger.refused"]
        assert reason in told["reason"]
        assert told["address"] == "127.0.0.1"


async def test_plain_text_is_turned_away_and_harms_nobody(serve: Serve, certified: Certified) -> None:
    async with serve(**certified.files()) as world:
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
        await world.until(lambda: world.observer.refusals == ["tls"])
        assert world.handshakes == []


async def test_who_hangs_up_in_the_middle_is_no_security_event(serve: Serve, certified: Certified, logs: Logs) -> None:
    async with serve(**certified.files()) as world:
        stream = await trio.open_tcp_stream("127.0.0.1", world.address.port)
        await stream.send_all(b"\x16\x03\x01")
        await stream.aclose()
        await world.until(lambda: world.observer.refusals == ["broken"])
        assert [entry for entry in logs if entry["event"] == "charger.refused"] == []


# --- files that cannot be used --------------------------------------------------------------------------------------------------


def test_a_missing_file_is_named() -> None:
    with pytest.raises(OSError, match=r"/nowhere/cert\.pem"):
        ChargerTls(OcppConfig(tls_certificate="/nowhere/cert.pem", tls_key="/nowhere/key.pem"))


def test_a_key_with_a_passphrase_is_refused_instead_of_asked_for(certified: Certified) -> None:
    chain, key = certified.issue("one")
    private = serialization.load_pem_private_key(Path(key).read_bytes(), None)
    Path(key).write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"secret")
        )
    )
    with pytest.raises(OSError, match="without a passphrase"):
        ChargerTls(OcppConfig(tls_certificate=chain, tls_key=key))


def test_two_certificates_with_one_kind_of_key_are_refused(certified: Certified) -> None:
    files = certified.files() | dict(zip(("tls_second_certificate", "tls_second_key"), certified.issue("again"), strict=True))
    with pytest.raises(OSError, match="one must have an ECDSA and one an RSA key"):
        ChargerTls(OcppConfig(**files))


# --- files that change ----------------------------------------------------------------------------------------------------------


async def test_a_new_certificate_serves_the_next_charger_and_the_last_one_stays(serve: Serve, certified: Certified) -> None:
    chain, key = certified.issue("before")
    async with serve(tls_certificate=chain, tls_key=key) as world:
        first = await call(world, certified.trusting())
        await first.shake("/ocpp/CP1")
        new_chain, new_key = certified.issue("after")
        Path(new_chain).rename(chain)
        Path(new_key).rename(key)
        assert world.tls is not None
        assert await world.tls.reload()
        second = await call(world, certified.trusting())
        assert (server_name(first), server_name(second)) == ("before", "after")
        assert (await first.ask(HEARTBEAT))[0] == 3
        assert not await world.tls.reload(), "nothing changed since"


async def test_the_files_are_watched(serve: Serve, certified: Certified, logs: Logs) -> None:
    chain, key = certified.issue("before")
    async with serve(tls_certificate=chain, tls_key=key, tls_reload_s=0.1) as world:
        new_chain, new_key = certified.issue("after")
        Path(new_key).rename(key)
        Path(new_chain).rename(chain)
        await world.until(lambda: [entry for entry in logs if entry["event"] == "tls.reloaded"])
        assert server_name(await call(world, certified.trusting())) == "after"


async def test_a_broken_new_file_is_told_once_and_the_old_one_serves_on(serve: Serve, certified: Certified, logs: Logs) -> None:
    chain, key = certified.issue("before")
    async with serve(tls_certificate=chain, tls_key=key) as world:
        assert world.tls is not None
        good = Path(chain).read_bytes()
        for broken in (b"no certificate", b"", Path(certified.issue("other")[0]).read_bytes()):
            Path(chain).write_bytes(broken)
            assert not await world.tls.reload()
            assert not await world.tls.reload()
            assert server_name(await call(world, certified.trusting())) == "before"
        Path(chain).unlink()
        assert not await world.tls.reload()
        told = [entry["reason"] for entry in logs if entry["event"] == "tls.not_reloaded"]
        assert all(chain in reason for reason in told)
        assert len(told) == len(set(told)) >= 3
        Path(chain).write_bytes(good)
        assert not await world.tls.reload(), "as it was: nothing to do"
        await call(world, certified.trusting())


async def test_whatever_goes_wrong_with_a_file_the_watch_goes_on(
    certified: Certified, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain, key = certified.issue("one")
    tls = ChargerTls(OcppConfig(tls_certificate=chain, tls_key=key))
    before = tls.context
    with monkeypatch.context() as broken:
        broken.setattr("csms.net.tls.load", lambda *_: 1 // 0)
        certified.issue("one")
        assert not await tls.reload()
        assert not await tls.reload()
    assert [entry["reason"] for entry in logs] == ["ZeroDivisionError('integer division or modulo by zero')"]
    assert tls.context is before
    assert await tls.reload()


async def test_a_disk_that_hangs_is_given_up_and_asked_again(
    certified: Certified, logs: Logs, autojump_clock: trio.testing.MockClock
) -> None:
    class Hanging:
        hangs = True

        async def run(self, kind: str, function: Any, /, *arguments: Any) -> Any:
            if self.hangs:
                await trio.sleep_forever()
            return function(*arguments)

    chain, key = certified.issue("one")
    blocking = Hanging()
    tls = ChargerTls(OcppConfig(tls_certificate=chain, tls_key=key), blocking)
    certified.issue("one")
    assert not await tls.reload()
    assert logs[0]["reason"] == "reading the TLS files took longer than 30 s"
    blocking.hangs = False
    assert await tls.reload()
