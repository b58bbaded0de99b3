"""Certificates on a charger: asked for, accepted or not, stored, listed and deleted (whitepaper A02, M03, M04, M05)."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from simulators.charger.certificates import CENTRAL_SYSTEM, MANUFACTURER, BadCertificate, CertificateStore, load, request_for

NOW = datetime(2027, 1, 15, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority(sim_authority):
    return sim_authority("Operator root")


async def asked_for(bench):
    """The signing request that the server got. Keys are made in a thread, which simulated time does not wait for."""
    with trio.fail_after(1e6):
        while not bench.heard("SignCertificate"):
            await trio.sleep(0.5)
    return bench.heard("SignCertificate")[-1].payload["csr"]


async def renew(bench, order):
    assert await order("ExtendedTriggerMessage", requestedMessage="SignChargePointCertificate") == {"status": "Accepted"}
    return await asked_for(bench)


def event_types(bench):
    return [heard.payload["type"] for heard in bench.heard("SecurityEventNotification")]


@pytest.mark.parametrize("kind", ["ec", "rsa"])
async def test_a_certificate_is_asked_for_and_accepted(autojump_clock, bench, order, authority, kind):
    store = CertificateStore({CENTRAL_SYSTEM: [authority.certificate]})
    charger = await bench.charger(certificates=store, key_kind=kind, settings={"organization": "Volt & Co"})
    csr = x509.load_pem_x509_csr((await renew(bench, order)).encode())
    assert csr.is_signature_valid
    names = {name.oid: name.value for name in csr.subject}
    assert names == {NameOID.COMMON_NAME: "CH-1", NameOID.ORGANIZATION_NAME: "Volt & Co"}
    assert isinstance(csr.public_key(), rsa.RSAPublicKey) is (kind == "rsa")
    pem = authority.sign(csr.public_bytes(serialization.Encoding.PEM).decode())
    assert await order("CertificateSigned", certificateChain=pem) == {"status": "Accepted"}
    assert await order("CertificateSigned", certificateChain=pem) == {"status": "Accepted"}, "its answer may have been lost"
    assert charger.security.store.identity.chain[0] == load(pem)[0]
    assert charger.online, "below security profile 3 nothing depends on it"


@pytest.mark.parametrize("fault", ["other key", "other name", "other root", "expired", "garbage", "told", "too long"])
async def test_certificates_that_are_rejected(autojump_clock, bench, order, authority, sim_authority, fault):
    settings = {"chain_most": "100"} if fault == "too long" else {}
    charger = await bench.charger(certificates=CertificateStore({CENTRAL_SYSTEM: [authority.certificate]}), settings=settings)
    csr = await renew(bench, order)
    match fault:
        case "other key":
            pem = authority.issue("CH-1")[0]
        case "other name":
            pem = authority.sign(csr, name="CH-2")
        case "other root":
            pem = sim_authority("Somebody else").sign(csr)
        case "expired":
            pem = authority.sign(csr, days=30)
        case "garbage":
            pem = "not a certificate"
        case _:
            pem = authority.sign(csr)
    if fault == "told":
        charger.failing.add("certificate")
    assert await order("CertificateSigned", certificateChain=pem) == {"status": "Rejected"}
    await bench.delivered(charger)
    assert event_types(bench) == ["InvalidChargePointCertificate"]
    assert charger.security.store.identity is None


async def test_nothing_was_asked_for(autojump_clock, bench, order, authority):
    await bench.charger()
    assert await order("CertificateSigned", certificateChain=authority.issue("CH-1")[0]) == {"status": "Rejected"}


async def test_without_a_cpo_name_none_is_asked_for(autojump_clock, bench, order):
    await bench.charger(settings={"organization": ""})
    answer = await order("ExtendedTriggerMessage", requestedMessage="SignChargePointCertificate")
    assert answer == {"status": "Rejected"}


async def test_a_request_that_the_server_rejects(autojump_clock, bench, order):
    bench.override("SignCertificate", {"status": "Rejected"})
    charger = await bench.charger()
    await renew(bench, order)
    await bench.until(lambda: charger.security.store.awaited is None)


async def test_install_list_and_delete(autojump_clock, bench, order, authority, sim_authority):
    maker = sim_authority("Maker root")
    await bench.charger()
    ask = {"certificateType": MANUFACTURER}
    assert await order("GetInstalledCertificateIds", **ask) == {"status": "NotFound"}
    assert await order("InstallCertificate", certificateType=MANUFACTURER, certificate=maker.pem) == {"status": "Accepted"}
    assert await order("InstallCertificate", certificateType=CENTRAL_SYSTEM, certificate=authority.pem) == {"status": "Accepted"}
    found = (await order("GetInstalledCertificateIds", **ask))["certificateHashData"]
    certificate = maker.certificate
    point = certificate.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    assert found == [
        {
            "hashAlgorithm": "SHA256",
            "issuerNameHash": hashlib.sha256(certificate.issuer.public_bytes()).hexdigest(),
            "issuerKeyHash": hashlib.sha256(point).hexdigest(),
            "serialNumber": f"{certificate.serial_number:x}",
        }
    ]
    other = found[0] | {"serialNumber": "1"}
    assert await order("DeleteCertificate", certificateHashData=other) == {"status": "NotFound"}
    shouted = {name: value.upper() for name, value in found[0].items()}
    assert await order("DeleteCertificate", certificateHashData=shouted) == {"status": "Accepted"}
    assert await order("GetInstalledCertificateIds", **ask) == {"status": "NotFound"}


async def test_what_is_not_installed(autojump_clock, bench, order, authority):
    charger = await bench.charger(settings={"certificates_most": "1"})

    async def install(pem):
        return (await order("InstallCertificate", certificateType=CENTRAL_SYSTEM, certificate=pem))["status"]

    assert await install("nonsense") == "Rejected"
    assert await install(authority.issue("a leaf")[0]) == "Rejected"
    assert await install(authority.pem) == "Accepted"
    assert await install(authority.pem) == "Accepted"
    assert len(charger.security.store.roots[CENTRAL_SYSTEM]) == 1
    charger.failing.add("certificate-store")
    assert await install(authority.pem) == "Failed"


async def test_the_store_is_full(autojump_clock, bench, order, authority, sim_authority):
    await bench.charger(settings={"certificates_most": "1"})
    await order("InstallCertificate", certificateType=CENTRAL_SYSTEM, certificate=authority.pem)
    answer = await order("InstallCertificate", certificateType=MANUFACTURER, certificate=sim_authority("Other").pem)
    assert answer == {"status": "Rejected"}


async def test_a_new_root_must_be_signed_by_the_old_one_where_that_is_checked(
    autojump_clock, bench, order, authority, sim_authority
):
    charger = await bench.charger(settings={"checks_new_roots": "true"})

    async def install(root):
        return (await order("InstallCertificate", certificateType=CENTRAL_SYSTEM, certificate=root.pem))["status"]

    assert await install(authority) == "Accepted"
    assert await install(sim_authority("Unrelated")) == "Rejected"
    successor = sim_authority("Operator root 2", issuer=authority)
    assert await install(successor) == "Accepted"
    assert len(charger.security.store.roots[CENTRAL_SYSTEM]) == 2, "the old one stays until the new one has worked"
    charger.life.drop("close", 0)
    await bench.until(lambda: bench.server.connected == 2 and charger.online)
    assert charger.security.store.roots[CENTRAL_SYSTEM] == [successor.certificate]


def test_the_own_certificate_is_not_deleted_but_known(authority):
    store = CertificateStore({CENTRAL_SYSTEM: [authority.certificate]}, authority.identity("CH-1"))
    from simulators.charger.certificates import hash_data

    wanted = hash_data(store.identity.chain[0], authority.certificate)
    assert store.find(wanted) is None
    assert store.is_own(wanted)


def test_a_weak_key_is_refused():
    weak = rsa.generate_private_key(65537, 1024)
    from cryptography.hazmat.primitives import hashes

    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "weak")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(weak.public_key())
        .serial_number(5)
        .not_valid_before(datetime(2025, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2035, 1, 1, tzinfo=UTC))
        .sign(weak, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    with pytest.raises(BadCertificate, match="only 1024 bits"):
        CertificateStore().install(CENTRAL_SYSTEM, pem, most=9, check_new_roots=False, now=NOW)


def test_a_request_without_an_organization():
    from simulators.charger.certificates import new_key

    csr = x509.load_pem_x509_csr(request_for(new_key("ec"), "CH-9", "").encode())
    assert csr.subject.rfc4514_string() == "CN=CH-9"
