"""OCPP 1.6, security whitepaper: keys, certificates, security events, security profiles (TC_073 to TC_078, TC_083 to TC_088)."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
import trio_websocket
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from csms.config import Config
from csms.testing.charger import connect
from csms.testing.fixtures import ConnectCharger
from csms.testing.server import TestServer, running_server

from .conftest import CHARGER, TAG, Operator

pytestmark = pytest.mark.usefixtures("hurried_jobs")

NEW_KEY = "0123456789abcdef0123456789abcdef01234567"
USED = "SELECT security_profile, security_profile_used AS used FROM chargers WHERE id = :id"


def key_and_request(common_name: str) -> tuple[bytes, str]:
    """A charger's private key (PEM) and its certificate request."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return private, request.public_bytes(serialization.Encoding.PEM).decode()


def root() -> str:
    """A root certificate, PEM."""
    return trustme.CA().cert_pem.bytes().decode()


async def test_TC_073_new_password(t: Operator) -> None:
    """New password for HTTP Basic authentication (AuthorizationKey): the charger comes back with it, and the old one is refused."""
    setting = {"variable": {"name": "AuthorizationKey"}, "value": NEW_KEY}
    heard, _ = await t.ask("SetVariables", "ChangeConfiguration", {"status": "Accepted"}, settings=[setting])
    assert heard == {"key": "AuthorizationKey", "value": NEW_KEY}
    async with connect(t.server.url, CHARGER, password=NEW_KEY) as again:
        assert "currentTime" in await again.call("Heartbeat", {})
    await t.server.eventually("SELECT 1 FROM frames WHERE action = 'ChangeConfiguration' AND direction = 'out'")
    rows = await t.server.rows("SELECT text FROM frames WHERE action = 'ChangeConfiguration'")
    assert not any(NEW_KEY in row["text"] for row in rows), "the key is in no log"
    assert await refused(t.server.url, CHARGER, password="something else that is long") == 401


async def sign(t: Operator, request: str, answer: str = "Accepted") -> str:
    """The operator has the charger ask for a certificate: the chain that the charger is handed."""
    heard, told = await t.ask(
        "TriggerMessage", "ExtendedTriggerMessage", {"status": "Accepted"}, message="SignChargingStationCertificate"
    )
    assert heard == {"requestedMessage": "SignChargePointCertificate"}
    assert told["status"] == "Accepted"
    assert await t.call("SignCertificate", csr=request) == {"status": "Accepted"}
    chain: str = (await t.charger.obey("CertificateSigned", {"status": answer}))["certificateChain"]
    return chain


async def test_TC_074_charge_point_certificate_renewed(t: Operator) -> None:
    """Charge point certificate renewed on our request (ExtendedTriggerMessage, SignCertificate, CertificateSigned)."""
    _, request = key_and_request(CHARGER)
    chain = await sign(t, request)
    leaf = x509.load_pem_x509_certificates(chain.encode())[0]
    assert leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == CHARGER
    (row,) = await t.server.eventually(
        "SELECT state, serial FROM charger_certificates WHERE charger_id = :id AND state = 'active'", id=CHARGER
    )
    assert int(row["serial"], 16) == leaf.serial_number


@pytest.mark.parametrize(
    ("purpose", "said"),
    [
        pytest.param("ManufacturerRootCertificate", "ManufacturerRootCertificate", id="TC_075_1"),
        pytest.param("CSMSRootCertificate", "CentralSystemRootCertificate", id="TC_075_2"),
    ],
)
async def test_TC_075_install_certificate(t: Operator, purpose: str, said: str) -> None:
    """InstallCertificate: ManufacturerRootCertificate and CentralSystemRootCertificate."""
    pem = root()
    heard, told = await t.ask("InstallCertificate", "InstallCertificate", {"status": "Accepted"}, purpose=purpose, certificate=pem)
    assert (heard["certificateType"], heard["certificate"], told["status"]) == (said, pem, "Accepted")


async def test_TC_076_list_and_delete_certificates(t: Operator) -> None:
    """GetInstalledCertificateIds, DeleteCertificate."""
    hashed = {"hashAlgorithm": "SHA256", "issuerNameHash": "aa", "issuerKeyHash": "bb", "serialNumber": "01"}
    ours = {"algorithm": "SHA256", "issuer_name_hash": "aa", "issuer_key_hash": "bb", "serial": "01"}
    heard, told = await t.ask(
        "GetInstalledCertificates",
        "GetInstalledCertificateIds",
        {"status": "Accepted", "certificateHashData": [hashed]},
        purpose="ManufacturerRootCertificate",
    )
    assert heard == {"certificateType": "ManufacturerRootCertificate"}
    assert told["detail"]["certificates"] == [ours]
    rows = await t.server.rows("SELECT issuer_name_hash, serial FROM installed_certificates WHERE charger_id = :id", id=CHARGER)
    assert [(row["issuer_name_hash"], row["serial"]) for row in rows] == [("aa", "01")]
    heard, told = await t.ask("DeleteCertificate", "DeleteCertificate", {"status": "Accepted"}, certificate=ours)
    assert (heard, told["status"]) == ({"certificateHashData": hashed}, "Accepted")


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("InvalidChargePointCertificate", id="TC_077"),
        pytest.param("InvalidCentralSystemCertificate", id="TC_078"),
    ],
)
async def test_TC_077_and_078_security_event(t: Operator, kind: str) -> None:
    """Security events InvalidChargePointCertificate and InvalidCentralSystemCertificate: stored, and raised as an alert."""
    assert await t.call("SecurityEventNotification", type=kind, timestamp=t.now, techInfo="why") == {}
    (row,) = await t.server.rows("SELECT kind, critical, info FROM security_events WHERE charger_id = :id", id=CHARGER)
    assert (row["kind"], row["info"]) == (kind, "why")
    if row["critical"]:
        assert await t.server.eventually("SELECT id FROM alerts WHERE subject LIKE :subject", subject=f"%{CHARGER}%")


# --- security profiles ------------------------------------------------------------------------------------------------------------


@attrs.frozen
class Shown:
    """What a charger trusts and shows."""

    authority: trustme.CA
    chargers: trustme.CA
    folder: Path

    def files(self) -> dict[str, Any]:
        """The server's part of the configuration."""
        issued = self.authority.issue_cert("127.0.0.1")
        chain, key, clients = (self.folder / name for name in ("chain.pem", "key.pem", "clients.pem"))
        issued.cert_chain_pems[0].write_to_path(chain)
        issued.private_key_pem.write_to_path(key)
        self.chargers.cert_pem.write_to_path(clients)
        return {"tls_certificate": str(chain), "tls_key": str(key), "tls_client_ca": (str(clients),)}

    def context(self, charger_id: str = "") -> ssl.SSLContext:
        """A charger's TLS, with a certificate where one is named."""
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        if charger_id:
            self.chargers.issue_cert(common_name=charger_id).configure_cert(context)
        return context


@pytest.fixture
def pki(tmp_path: Path) -> Shown:
    return Shown(trustme.CA(), trustme.CA(), tmp_path)


@asynccontextmanager
async def secured(config: Config, pki: Shown) -> AsyncIterator[TestServer]:
    """A server with TLS."""
    async with running_server(attrs.evolve(config, ocpp=attrs.evolve(config.ocpp, **pki.files()))) as server:
        await server.add_token(TAG)
        yield server


async def refused(url: str, charger_id: str, **how: Any) -> int:
    """The HTTP status of a handshake that is refused; 0 where TLS itself is."""
    status = 0
    try:
        async with connect(url, charger_id, **how):
            raise AssertionError("it was let in")
    except* trio_websocket.ConnectionRejected as group:
        status = int(group.exceptions[0].status_code)  # type: ignore[union-attr]
    except* (trio_websocket.HandshakeError, OSError, trio.BrokenResourceError, trio_websocket.ConnectionClosed):
        pass
    return status


async def test_TC_083_upgrade_to_a_higher_security_profile(server_config: Config, pki: Shown, tmp_path: Path) -> None:
    """Upgrade to a higher security profile: from then on it must use that one, and never a lower one again."""
    async with secured(server_config, pki) as server:
        key = await server.add_charger(CHARGER, security_profile=2)
        private, request = key_and_request(CHARGER)
        async with connect(server.url, CHARGER, password=key, tls=pki.context()) as charger:
            await charger.boot_v16()
            t = Operator(server, charger)
            chain = await sign(t, request)
            await server.eventually("SELECT id FROM charger_certificates WHERE state = 'active'")
            setting = {"variable": {"name": "SecurityProfile"}, "value": "3"}
            heard, _ = await t.ask("SetVariables", "ChangeConfiguration", {"status": "Accepted"}, settings=[setting])
            assert heard == {"key": "SecurityProfile", "value": "3"}
        (tmp_path / "charger.pem").write_bytes(private + b"\n" + chain.encode())
        context = pki.context()
        context.load_cert_chain(tmp_path / "charger.pem")
        async with connect(server.url, CHARGER, tls=context) as again:
            assert "currentTime" in await again.call("Heartbeat", {})
            await server.eventually(f"{USED} AND security_profile = 3", id=CHARGER)
        assert await refused(server.url, CHARGER, password=key, tls=pki.context()) == 403


async def test_TC_085_basic_authentication(t: Operator, charger: ConnectCharger) -> None:
    """Basic authentication: right and wrong credentials."""
    assert "currentTime" in await t.call("Heartbeat")
    assert await refused(t.server.url, CHARGER) == 401
    assert await refused(t.server.url, CHARGER, password="wrong") == 401
    (row,) = await t.server.rows(USED, id=CHARGER)
    assert row["used"] == 1


SUITES = ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "AES128-GCM-SHA256", "AES256-GCM-SHA384")


async def test_TC_086_tls_versions_and_cipher_suites(server_config: Config, pki: Shown, tmp_path: Path) -> None:
    """TLS: server certificate, TLS 1.2 or later, required cipher suites."""
    rsa = pki.authority.issue_cert("127.0.0.1", key_type=trustme.KeyType.RSA)
    rsa.cert_chain_pems[0].write_to_path(tmp_path / "rsa.pem")
    rsa.private_key_pem.write_to_path(tmp_path / "rsa.key")
    second = {"tls_second_certificate": str(tmp_path / "rsa.pem"), "tls_second_key": str(tmp_path / "rsa.key")}
    config = attrs.evolve(server_config, ocpp=attrs.evolve(server_config.ocpp, **pki.files(), **second))
    async with running_server(config) as server:
        key = await server.add_charger(CHARGER, security_profile=2)
        for suite in SUITES:
            context = pki.context()
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers(suite)
            async with connect(server.url, CHARGER, password=key, tls=context) as charger:
                assert "currentTime" in (await charger.boot_v16())
        old = pki.context()
        with pytest.warns(DeprecationWarning, match="TLSVersion"):
            old.minimum_version, old.maximum_version = ssl.TLSVersion.MINIMUM_SUPPORTED, ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        assert await refused(server.url, CHARGER, password=key, tls=old, patience_s=1.0) == 0
        (row,) = await server.rows(USED, id=CHARGER)
        assert row["used"] == 2
        stranger = ssl.create_default_context()
        assert await refused(server.url, CHARGER, password=key, tls=stranger, patience_s=1.0) == 0, (
            "a charger can tell us from others"
        )


async def test_TC_087_client_certificate(server_config: Config, pki: Shown) -> None:
    """TLS: client certificate (profile 3), right and wrong."""
    async with secured(server_config, pki) as server:
        await server.add_charger(CHARGER, security_profile=3)
        async with connect(server.url, CHARGER, tls=pki.context(CHARGER)) as charger:
            await charger.boot_v16()
        assert await refused(server.url, CHARGER, tls=pki.context("SOMEBODY")) == 403
        assert await refused(server.url, CHARGER, tls=pki.context()) == 403
        stranger = attrs.evolve(pki, chargers=trustme.CA())
        assert await refused(server.url, CHARGER, tls=stranger.context(CHARGER), patience_s=1.0) == 0
        (row,) = await server.rows(USED, id=CHARGER)
        assert row["used"] == 3


async def test_TC_088_subprotocol(t: Operator) -> None:
    """Subprotocol negotiation selects `ocpp1.6`."""
    assert t.charger.subprotocol == "ocpp1.6"
    (row,) = await t.server.rows("SELECT protocol FROM chargers WHERE id = :id", id=CHARGER)
    assert row["protocol"] == "ocpp1.6"
