"""A charger's certificate from its first request to its revocation, over real TLS sockets, against a whole server (TC_074, TC_083)."""

from __future__ import annotations

import ssl
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
import trio_websocket
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from csms.config import Config, OcppConfig, SecurityConfig
from csms.core.ports import Tx
from csms.testing.charger import ScriptedCharger, connect
from csms.testing.server import TestServer, config_for, running_server

pytestmark = pytest.mark.usefixtures("hurried_jobs")

CERTIFICATES = "SELECT id, state, serial, seen_at, renewals, deliveries FROM charger_certificates ORDER BY id"


@pytest.fixture
def engine() -> str:
    """The domain's own tests run on both."""
    return "sqlite"


@attrs.define
class Box:
    """A small charger: it makes keys and requests, keeps what it is given, and shows it."""

    folder: Path
    authority: trustme.CA
    charger_id: str = "CP1"
    key: ec.EllipticCurvePrivateKey = attrs.field(factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    fresh: ec.EllipticCurvePrivateKey | None = None
    chain: str = ""

    def request(self, common_name: str = "") -> str:
        self.fresh = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name or self.charger_id)])
        csr = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(self.fresh, hashes.SHA256())
        return csr.public_bytes(Encoding.PEM).decode()

    def take(self, chain: str) -> None:
        assert self.fresh is not None
        self.key, self.chain = self.fresh, chain

    def tls(self, *, shows: bool = True) -> ssl.SSLContext:
        """Whom it trusts, and the certificate that it shows if it has one."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        if shows and self.chain:
            file = self.folder / "own.pem"
            secret = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
            file.write_text(secret + self.chain)
            context.load_cert_chain(file)
        return context

    async def renew(self, charger: ScriptedCharger) -> None:
        """Do as it is told: ask for a certificate, and take it."""
        asked = await charger.obey("ExtendedTriggerMessage", {"status": "Accepted"})
        assert asked == {"requestedMessage": "SignChargePointCertificate"}
        assert await charger.call("SignCertificate", {"csr": self.request()}) == {"status": "Accepted"}
        signed = await charger.obey("CertificateSigned", {"status": "Accepted"})
        self.take(signed["certificateChain"])


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path, trustme.CA())


def secured(folder: Path, box: Box, **security: Any) -> Config:
    issued = box.authority.issue_cert("127.0.0.1")
    chain, key = folder / "chain.pem", folder / "key.pem"
    issued.cert_chain_pems[0].write_to_path(chain)
    issued.private_key_pem.write_to_path(key)
    ocpp = OcppConfig(port=0, tls_certificate=str(chain), tls_key=str(key))
    return config_for(folder, ocpp=ocpp, security=SecurityConfig(organization="", **security))


async def states(server: TestServer, *wanted: str) -> list[Any]:
    """The certificates, once they are in these states."""
    with trio.fail_after(15):
        while True:
            rows = await server.rows(CERTIFICATES)
            if [row["state"] for row in rows] == list(wanted):
                return rows
            await trio.sleep(0.02)


async def command(server: TestServer, path: str, **body: Any) -> dict[str, Any]:
    response = await server.request("POST", f"/api/v1/{path}", body)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def refused(url: str, box: Box, **how: Any) -> int:
    status = 0
    try:
        async with connect(url, box.charger_id, **how):
            raise AssertionError("it was let in")
    except* trio_websocket.ConnectionRejected as group:
        (error,) = group.exceptions
        assert isinstance(error, trio_websocket.ConnectionRejected)
        status = int(error.status_code)
    return status


async def end_soon(server: TestServer) -> None:
    """The time to renew has come."""

    def verb(tx: Tx) -> None:
        tx.run("UPDATE charger_certificates SET renew_at = :now WHERE tenant = :tenant AND state = 'active'")

    await server.do(verb)


async def test_from_profile_2_to_3_renewed_and_revoked(tmp_path: Path, box: Box) -> None:
    async with running_server(secured(tmp_path, box, certificate_days=0.02)) as server:
        key = await server.add_charger("CP1")
        assert await refused(server.url, box, tls=box.tls()) == 401

        # profile 2: it is told to ask for a certificate, and gets it
        async with trio.open_nursery() as nursery, connect(server.url, "CP1", password=key, tls=box.tls()) as charger:
            await charger.boot_v16()
            nursery.start_soon(partial(command, server, "chargers/CP1/certificate/renew"))
            await box.renew(charger)
            (first,) = await states(server, "active")
            assert first["seen_at"] is None

            # it is sent to profile 3
            nursery.start_soon(partial(command, server, "chargers/CP1/security-profile", profile=3))
            assert await charger.obey("ChangeConfiguration", {"status": "Accepted"}) == {"key": "SecurityProfile", "value": "3"}
        old = box.tls()

        # profile 3: the certificate alone opens, and from then on nothing else does
        async with connect(server.url, "CP1", tls=box.tls()) as charger:
            await charger.boot_v16()
            (row,) = await server.rows("SELECT security_profile_used AS used FROM chargers WHERE id = 'CP1'")
            assert row["used"] == 3
            await server.eventually("SELECT 1 FROM chargers WHERE id = 'CP1' AND security_profile = 3")
            ((seen,),) = [[row["seen_at"] for row in await states(server, "active")]]
            assert seen is not None

            # it is renewed before its end, by itself
            await end_soon(server)
            await box.renew(charger)
            await states(server, "active", "active")
        assert await refused(server.url, box, password=key, tls=box.tls(shows=False)) == 403

        # the new one is in use once the charger has shown it
        async with connect(server.url, "CP1", tls=box.tls()) as charger:
            await charger.boot_v16()
            rows = await states(server, "superseded", "active")

            # revoked, it ends the connection and opens no other
            await command(server, f"certificates/{rows[1]['id']}/revoke", reason="stolen")
            assert (await charger.wait_closed())[0] == 1008
        assert await refused(server.url, box, tls=box.tls()) == 403
        assert [row["state"] for row in await server.rows(CERTIFICATES)] == ["superseded", "revoked"]
        noted = await server.rows("SELECT kind, source, critical FROM security_events WHERE kind = 'CertificateRefused'")
        assert noted == [{"kind": "CertificateRefused", "source": "csms", "critical": 1}]

        # the one before it was not revoked (A02.FR.10)
        async with connect(server.url, "CP1", tls=old) as charger:
            await charger.boot_v16()


async def test_a_restart_trusts_what_was_signed_before_it(tmp_path: Path, box: Box) -> None:
    config = secured(tmp_path, box)
    async with running_server(config) as server:
        key = await server.add_charger("CP1")
        async with trio.open_nursery() as nursery, connect(server.url, "CP1", password=key, tls=box.tls()) as charger:
            await charger.boot_v16()
            nursery.start_soon(partial(command, server, "chargers/CP1/certificate/renew"))
            await box.renew(charger)
            await states(server, "active")
    assert oct((tmp_path / "authority" / "authority.key").stat().st_mode & 0o777) == "0o600"
    async with running_server(config) as server, connect(server.url, "CP1", tls=box.tls()) as charger:
        await charger.boot_v16()


async def test_a_request_for_somebody_else_is_rejected_and_noted(tmp_path: Path, box: Box) -> None:
    async with running_server(secured(tmp_path, box)) as server:
        key = await server.add_charger("CP1")
        async with connect(server.url, "CP1", password=key, tls=box.tls()) as charger:
            await charger.boot_v16()
            assert await charger.call("SignCertificate", {"csr": box.request("CP2")}) == {"status": "Rejected"}
            assert await charger.call("SignCertificate", {"csr": "no request"}) == {"status": "Rejected"}
        noted = await server.rows("SELECT kind, info FROM security_events ORDER BY id")
        assert [row["kind"] for row in noted] == ["InvalidCertificateRequest"] * 2
        assert "'CP2'" in noted[0]["info"]
        assert await server.rows(CERTIFICATES) == []


async def test_tc_073_a_new_key_by_hand_locks_nobody_out(tmp_path: Path, box: Box) -> None:
    async with running_server(secured(tmp_path, box)) as server:
        old, new = await server.add_charger("CP1"), "0123456789abcdef0123456789abcdef01234567"
        async with trio.open_nursery() as nursery, connect(server.url, "CP1", password=old, tls=box.tls()) as charger:
            await charger.boot_v16()
            settings = [{"variable": {"name": "AuthorizationKey"}, "value": new}]
            nursery.start_soon(partial(command, server, "chargers/CP1/commands/SetVariables", settings=settings))
            assert await charger.obey("ChangeConfiguration", {"status": "Accepted"}) == {"key": "AuthorizationKey", "value": new}
        async with connect(server.url, "CP1", password=new, tls=box.tls()) as charger:
            await charger.boot_v16()
        assert await refused(server.url, box, password=old, tls=box.tls()) == 401
        for table, column in (("frames", "text"), ("events", "payload"), ("key_rotations", "sealed"), ("charger_keys", "sealed")):
            assert await server.rows(f"SELECT 1 FROM {table} WHERE {column} LIKE :key", key=f"%{new}%") == []
        (told,) = await server.rows("SELECT text FROM frames WHERE action = 'ChangeConfiguration' AND direction = 'out'")
        assert '"value":"***"' in told["text"]


async def test_guessing_is_noted_once(tmp_path: Path, box: Box) -> None:
    config = secured(tmp_path, box)
    config = attrs.evolve(config, ocpp=attrs.evolve(config.ocpp, login_failures_limit=2))
    async with running_server(config) as server:
        await server.add_charger("CP1")
        for _ in range(4):
            assert await refused(server.url, box, password="wrong", tls=box.tls()) in (401, 429)
        noted = await server.rows("SELECT kind, critical, source FROM security_events")
        assert noted == [{"kind": "LoginsFailed", "critical": 1, "source": "csms"}]


async def test_security_events_are_stored_once_and_told(tmp_path: Path, box: Box) -> None:
    async with running_server(secured(tmp_path, box)) as server:
        key = await server.add_charger("CP1")
        said = {"type": "TamperDetectionActivated", "timestamp": "2026-03-01T12:00:00Z", "techInfo": "the door is open"}
        async with connect(server.url, "CP1", password=key, tls=box.tls()) as charger:
            await charger.boot_v16()
            for each in (said, said, {"type": "AcmeFanStuck", "timestamp": "2026-03-01T12:00:01Z"}):
                assert await charger.call("SecurityEventNotification", each) == {}
        rows = await server.rows("SELECT kind, critical, info FROM security_events ORDER BY id")
        assert rows == [
            {"kind": "TamperDetectionActivated", "critical": 1, "info": "the door is open"},
            {"kind": "AcmeFanStuck", "critical": 0, "info": ""},
        ]
        assert len(await server.rows("SELECT 1 FROM events WHERE type = 'security_event_reported'")) == 2
