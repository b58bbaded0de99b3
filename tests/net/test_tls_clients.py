"""Client certificates (security profile 3): who is believed, what the handshake is told, and authorities that change (A00.FR.4xx)."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio
import trustme
from cryptography import x509

from csms.net.connection import Framing
from csms.net.lean import lean

from .conftest import HEARTBEAT, Logs, RawCharger, Serve, World

Client = Callable[..., ssl.SSLContext]


@pytest.fixture
def framing() -> Framing:
    """TLS ends below the framing."""
    return lean


@pytest.fixture
def server(tmp_path: Path) -> dict[str, str]:
    issued = trustme.CA().issue_cert("127.0.0.1")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    issued.cert_chain_pems[0].write_to_path(chain)
    issued.private_key_pem.write_to_path(key)
    return {"tls_certificate": str(chain), "tls_key": str(key)}


def client(issued: trustme.LeafCert | None = None) -> ssl.SSLContext:
    """A charger that shows this certificate, and believes every server."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if issued is not None:
        issued.configure_cert(context)
    return context


async def enter(world: World, context: ssl.SSLContext, **more: bytes) -> RawCharger:
    """A charger that got an answer. Raises ``trio.BrokenResourceError`` or ``AssertionError`` when it is cut off instead."""
    stream = await trio.open_ssl_over_tcp_stream("127.0.0.1", world.address.port, ssl_context=context)
    charger = RawCharger(stream)
    world.chargers.append(charger)
    await charger.shake("/ocpp/CP1", auth=more.get("auth"))
    return charger


def write_ca(authority: trustme.CA, path: Path) -> str:
    path.write_bytes(authority.cert_pem.bytes())
    return str(path)


async def test_tc_087_the_handshake_is_told_what_the_certificate_says(serve: Serve, server: dict[str, str], tmp_path: Path) -> None:
    authority = trustme.CA()
    expires = datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)
    issued = authority.issue_cert(common_name="CP1", organization_name="Acme CPO", not_after=expires)
    async with serve(**server, tls_client_ca=(write_ca(authority, tmp_path / "ca.pem"),)) as world:
        charger = await enter(world, client(issued))
        assert charger.status == 101
        assert (await charger.ask(HEARTBEAT))[0] == 3
    (handshake,) = world.handshakes
    certificate = x509.load_pem_x509_certificate(issued.cert_chain_pems[0].bytes())
    encoded = ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())
    assert (handshake.certificate_cn, handshake.certificate_organization) == ("CP1", "Acme CPO")
    assert handshake.certificate_serial == f"{certificate.serial_number:x}"
    assert handshake.certificate_fingerprint == hashlib.sha256(encoded).hexdigest()
    assert handshake.certificate_expires_at == int(expires.timestamp()) * 1000


async def test_a_resumed_session_tells_the_same_certificate(serve: Serve, server: dict[str, str], tmp_path: Path) -> None:
    authority = trustme.CA()
    context = client(authority.issue_cert(common_name="CP1"))
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    def twice(port: int) -> bool:
        import socket

        session, resumed = None, False
        for _ in range(2):
            with (
                socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
                context.wrap_socket(plain, session=session) as secured,
            ):
                secured.sendall(
                    b"GET /ocpp/CP1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                    b"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n"
                )
                assert secured.recv(4096).startswith(b"HTTP/1.1 101")
                session, resumed = secured.session, bool(secured.session_reused)
        return resumed

    async with serve(**server, tls_client_ca=(write_ca(authority, tmp_path / "ca.pem"),)) as world:
        assert await trio.to_thread.run_sync(twice, world.address.port)
    first, second = world.handshakes
    assert first.certificate_fingerprint == second.certificate_fingerprint is not None


async def test_a_charger_without_a_certificate_may_knock(serve: Serve, server: dict[str, str], tmp_path: Path) -> None:
    """A00.FR.006: one port for all; whether it may come in is for the admission to say."""
    async with serve(**server, tls_client_ca=(write_ca(trustme.CA(), tmp_path / "ca.pem"),)) as world:
        assert (await enter(world, client(), auth=b"CP1:secret")).status == 101
        (handshake,) = world.handshakes
        assert (handshake.password, handshake.certificate_cn, handshake.certificate_fingerprint) == (b"secret", None, None)


@pytest.mark.parametrize("wrong", ["another authority", "expired", "not valid yet"])
async def test_tc_087_a_certificate_that_cannot_be_verified_ends_the_handshake(
    serve: Serve, server: dict[str, str], tmp_path: Path, logs: Logs, wrong: str
) -> None:
    """A00.FR.403, A00.FR.407, A00.FR.408."""
    authority = trustme.CA()
    issued = {
        "another authority": trustme.CA().issue_cert(common_name="CP1"),
        "expired": authority.issue_cert(common_name="CP1", not_after=datetime(2020, 1, 1, tzinfo=UTC)),
        "not valid yet": authority.issue_cert(common_name="CP1", not_before=datetime(2999, 1, 1, tzinfo=UTC)),
    }[wrong]
    async with serve(**server, tls_client_ca=(write_ca(authority, tmp_path / "ca.pem"),)) as world:
        with pytest.raises((trio.BrokenResourceError, AssertionError)):
            await enter(world, client(issued))
        await world.until(lambda: world.observer.refusals == ["certificate"])
        assert world.handshakes == []
        (told,) = [entry for entry in logs if entry["event"] == "charger.refused"]
        assert told["reason"].startswith("client certificate: ")
        assert (await enter(world, client(authority.issue_cert(common_name="CP1")))).status == 101


async def test_a_flood_of_wrong_certificates_is_counted_and_not_all_logged(
    serve: Serve, server: dict[str, str], tmp_path: Path, logs: Logs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("csms.net.budget.Budget.take", lambda self, mono: None)
    context = client(trustme.CA().issue_cert(common_name="CP1"))
    async with serve(**server, tls_client_ca=(write_ca(trustme.CA(), tmp_path / "ca.pem"),)) as world:
        for _ in range(3):
            with pytest.raises((trio.BrokenResourceError, AssertionError)):
                await enter(world, context)
        await world.until(lambda: world.observer.refusals == ["certificate"] * 3)
    assert [entry for entry in logs if entry["event"] == "charger.refused"] == []


async def test_without_authorities_nobody_is_asked_for_a_certificate(serve: Serve, server: dict[str, str]) -> None:
    async with serve(**server) as world:
        assert (await enter(world, client(trustme.CA().issue_cert(common_name="CP1")))).status == 101
        assert world.handshakes[0].certificate_cn is None


async def test_an_intermediate_authority_on_the_list_is_trusted_and_its_sister_is_not(
    serve: Serve, server: dict[str, str], tmp_path: Path
) -> None:
    root = trustme.CA()
    ours, sister = root.create_child_ca(), root.create_child_ca()
    async with serve(**server, tls_client_ca=(write_ca(ours, tmp_path / "ca.pem"),)) as world:
        assert (await enter(world, client(ours.issue_cert(common_name="CP1")))).status == 101
        with pytest.raises((trio.BrokenResourceError, AssertionError)):
            await enter(world, client(sister.issue_cert(common_name="CP1")))


async def test_a_certificate_with_two_names_names_nobody(serve: Serve, server: dict[str, str], tmp_path: Path) -> None:
    authority, issuer = signer()
    path = tmp_path / "ca.pem"
    path.write_bytes(authority)
    two = issuer([("CP1"), ("CP2")])
    context = client()
    chain, key = tmp_path / "two.pem", tmp_path / "two.key"
    chain.write_bytes(two[0])
    key.write_bytes(two[1])
    context.load_cert_chain(chain, key)
    async with serve(**server, tls_client_ca=(str(path),)) as world:
        await enter(world, context)
        assert world.handshakes[0].certificate_cn is None
        assert world.handshakes[0].certificate_fingerprint is not None


def signer() -> tuple[bytes, Callable[[list[str]], tuple[bytes, bytes]]]:
    """An authority's PEM, and what issues a certificate with these common names: certificate and key."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    def certificate(
        subject: x509.Name, key: ec.EllipticCurvePrivateKey, issuer: x509.Name, signed_by: ec.EllipticCurvePrivateKey, ca: bool
    ) -> bytes:
        built = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
            .not_valid_after(datetime(2099, 1, 1, tzinfo=UTC))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .sign(signed_by, hashes.SHA256())
        )
        return built.public_bytes(serialization.Encoding.PEM)

    def named(*names: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in names])

    own = ec.generate_private_key(ec.SECP256R1())

    def issue(names: list[str]) -> tuple[bytes, bytes]:
        key = ec.generate_private_key(ec.SECP256R1())
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        return certificate(named(*names), key, named("root"), own, ca=False), pem

    return certificate(named("root"), own, named("root"), own, ca=True), issue


# --- authorities that change ----------------------------------------------------------------------------------------------------


async def test_a_replaced_authority_counts_for_the_next_charger(serve: Serve, server: dict[str, str], tmp_path: Path) -> None:
    old, new = trustme.CA(), trustme.CA()
    path = tmp_path / "ca.pem"
    async with serve(**server, tls_client_ca=(write_ca(old, path),)) as world:
        first = await enter(world, client(old.issue_cert(common_name="CP1")))
        write_ca(new, path)
        assert world.tls is not None
        assert await world.tls.reload()
        with pytest.raises((trio.BrokenResourceError, AssertionError)):
            await enter(world, client(old.issue_cert(common_name="CP1")))
        assert (await first.ask(HEARTBEAT))[0] == 3, "a connection that stands is left alone"
        assert (await enter(world, client(new.issue_cert(common_name="CP1")))).status == 101


async def test_the_application_gives_authorities_beside_the_files(serve: Serve, server: dict[str, str], tmp_path: Path) -> None:
    """The built-in authority's root: given later, kept when the files change, replaced as a whole."""
    filed, built_in = trustme.CA(), trustme.CA()
    async with serve(**server, tls_client_ca=(write_ca(filed, tmp_path / "ca.pem"),)) as world:
        assert world.tls is not None
        with pytest.raises((trio.BrokenResourceError, AssertionError)):
            await enter(world, client(built_in.issue_cert(common_name="CP1")))
        await world.tls.trust([built_in.cert_pem.bytes().decode()])
        for authority in (filed, built_in):
            assert (await enter(world, client(authority.issue_cert(common_name="CP1")))).status == 101
        with pytest.raises(OSError, match="certificate authority"):
            await world.tls.trust(["no certificate"])
        write_ca(trustme.CA(), tmp_path / "ca.pem")
        assert await world.tls.reload()
        assert (await enter(world, client(built_in.issue_cert(common_name="CP1")))).status == 101
        await world.tls.trust([])
        with pytest.raises((trio.BrokenResourceError, AssertionError)):
            await enter(world, client(built_in.issue_cert(common_name="CP1")))


async def test_the_first_authority_may_come_from_the_application(serve: Serve, server: dict[str, str]) -> None:
    built_in = trustme.CA()
    async with serve(**server) as world:
        assert world.tls is not None
        await world.tls.trust([built_in.cert_pem.bytes().decode()])
        await enter(world, client(built_in.issue_cert(common_name="CP1")))
        assert world.handshakes[0].certificate_cn == "CP1"
