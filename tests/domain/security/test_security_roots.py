"""Root certificates: the library, what is installed at chargers, and what firmware is trusted by (M03 to M05, L01)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes as algorithms
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from csms.core.certificates import CSMS_ROOT, MANUFACTURER_ROOT
from csms.core.commands import Answered, DeleteCertificate, GetInstalledCertificates, InstallCertificate, Offline
from csms.core.errors import Conflict, Invalid, NotFound, Refused
from csms.core.ids import DEFAULT_TENANT
from csms.core.units import to_datetime
from csms.domain.security import flows, service
from csms.domain.security.model import RootCertificate
from csms.domain.security.store import roots as store
from csms.testing.stores import START_AT

from .conftest import CP, World


@attrs.frozen
class Signer:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()


def make(name: str, signer: Signer | None = None, *, ca: bool = True, days: int = 365) -> Signer:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begins = to_datetime(START_AT) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer.certificate.subject if signer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
        .sign(signer.key if signer else key, algorithms.SHA256())
    )
    return Signer(key, certificate)


async def add_root(world: World, signer: Signer, purpose: str = CSMS_ROOT, name: str = "") -> RootCertificate:
    found: RootCertificate = await world.write(service.add_root, signer.pem, purpose, name)
    return found


def said(*roots: RootCertificate, algorithm: str = "SHA256") -> Answered:
    """What a charger says that has these."""
    names = [attrs.asdict(service.name_of(each, algorithm)) for each in roots]
    for each in names:
        each["serial"] = "00" + each["serial"].upper()
    return Answered("Accepted" if names else "NotFound", {"certificates": names})


# --- the library ----------------------------------------------------------------------------------------------------------------


async def test_the_library(world: World) -> None:
    root = make("CSMS root")
    added = await add_root(world, root, name=" ours ")
    assert (added.name, added.subject, added.purpose) == ("ours", "CN=CSMS root", CSMS_ROOT)
    with pytest.raises(Conflict):
        await add_root(world, root)
    maker = await add_root(world, root, MANUFACTURER_ROOT)
    assert maker.name == "CSMS root"
    assert [each.id for each in await world.read(store.listed)] == [added.id, maker.id]
    await world.write(service.remove_root, added.id)
    with pytest.raises(NotFound):
        await world.write(service.remove_root, added.id)


async def test_what_is_no_root(world: World) -> None:
    for signer, words in ((make("leaf", ca=False), "may not sign"), (make("old", days=0), "expired")):
        with pytest.raises(Invalid, match=words):
            await add_root(world, signer)
    with pytest.raises(Invalid, match="purpose"):
        await add_root(world, make("root"), "V2GRootCertificate")


async def test_a_root_that_replaces_another_is_signed_by_it(world: World) -> None:
    old = make("old root")
    new = make("new root", old)
    await add_root(world, make("old root"))  # of that name, but not the one
    with pytest.raises(Invalid, match="not in the library"):
        await add_root(world, new)
    before = await add_root(world, old)
    added = await add_root(world, new)
    assert service.name_of(added).issuer_key_hash == service.name_of(before).issuer_key_hash
    assert service.name_of(added).serial != service.name_of(before).serial


# --- at chargers ----------------------------------------------------------------------------------------------------------------


async def test_installed_it_is_read_back_and_recognised(world: World) -> None:
    await world.add()
    await world.link("one")
    root = await add_root(world, make("root"))
    world.fleet.answers["GetInstalledCertificates"] = [said(root, algorithm="SHA512")]
    outcome = await flows.install_root(world.ports, DEFAULT_TENANT, CP, root.id)
    assert outcome == Answered("Accepted")
    assert [command for _, command in world.fleet.sent] == [
        InstallCertificate(purpose=CSMS_ROOT, certificate=root.pem),
        GetInstalledCertificates(CSMS_ROOT),
    ]
    (found,) = await world.read(service.installed, CP, CSMS_ROOT)
    assert (found.root_id, found.name, found.certificate.algorithm) == (root.id, "root", "SHA512")


async def test_refused_nothing_is_believed(world: World) -> None:
    await world.add()
    await world.link("one")
    root = await add_root(world, make("root"))
    world.fleet.answers["InstallCertificate"] = [Answered("Rejected")]
    await flows.install_root(world.ports, DEFAULT_TENANT, CP, root.id)
    assert len(world.fleet.sent) == 1
    assert await world.read(service.installed, CP, CSMS_ROOT) == []
    with pytest.raises(NotFound):
        await flows.install_root(world.ports, DEFAULT_TENANT, CP, 4711)
    with pytest.raises(NotFound):
        await flows.install_root(world.ports, DEFAULT_TENANT, "CP9", root.id)


async def test_what_a_charger_says_takes_the_place_of_what_it_said(world: World) -> None:
    await world.add()
    await world.link("one")
    root = await add_root(world, make("root"))
    strange: dict[str, Any] = {"algorithm": "MD5", "issuer_name_hash": "1", "issuer_key_hash": "2", "serial": "3"}
    unknown = strange | {"algorithm": "SHA256"}
    world.fleet.answers["GetInstalledCertificates"] = [
        Answered("Accepted", {"certificates": [*said(root).detail["certificates"], strange, unknown, {}]}),
        Answered("NotFound"),
    ]
    _, found = await flows.read_installed(world.ports, DEFAULT_TENANT, CP, CSMS_ROOT)
    assert [each.root_id for each in found] == [root.id, None]
    _, found = await flows.read_installed(world.ports, DEFAULT_TENANT, CP, CSMS_ROOT)
    assert found == []
    assert await world.read(store.read_at, CP, CSMS_ROOT) == world.clock.now()


async def test_it_is_deleted_by_the_name_that_the_charger_gave_it(world: World) -> None:
    await world.add()
    await world.link("one")
    old, new = await add_root(world, make("old")), await add_root(world, make("new"))
    before = said(old, new, algorithm="SHA384")
    world.fleet.answers["GetInstalledCertificates"] = [before, said(new, algorithm="SHA384")]
    await flows.delete_root(world.ports, DEFAULT_TENANT, CP, old.id)
    (deleted,) = [command for _, command in world.fleet.sent if isinstance(command, DeleteCertificate)]
    assert attrs.asdict(deleted.certificate) == before.detail["certificates"][0]
    assert [each.root_id for each in await world.read(service.installed, CP, CSMS_ROOT)] == [new.id]


async def test_the_last_root_for_the_server_is_deleted_only_by_force(world: World) -> None:
    await world.add()
    await world.link("one")
    root = await add_root(world, make("root"))
    world.fleet.answers["GetInstalledCertificates"] = [said(root), said(root), said()]
    with pytest.raises(Refused, match="cannot connect again"):
        await flows.delete_root(world.ports, DEFAULT_TENANT, CP, root.id)
    assert not any(isinstance(command, DeleteCertificate) for _, command in world.fleet.sent)
    assert await flows.delete_root(world.ports, DEFAULT_TENANT, CP, root.id, force=True) == Answered("Accepted")


async def test_one_that_is_not_there_or_that_nobody_could_ask_about(world: World) -> None:
    await world.add()
    root = await add_root(world, make("root"))
    assert isinstance(await flows.delete_root(world.ports, DEFAULT_TENANT, CP, root.id), Offline)
    await world.link("one")
    world.fleet.answers["GetInstalledCertificates"] = [Answered("NotFound")]
    with pytest.raises(NotFound, match="installed"):
        await flows.delete_root(world.ports, DEFAULT_TENANT, CP, root.id)


async def test_a_manufacturer_s_last_root_may_go(world: World) -> None:
    await world.add()
    await world.link("one")
    root = await add_root(world, make("root"), MANUFACTURER_ROOT)
    world.fleet.answers["GetInstalledCertificates"] = [said(root)]
    assert await flows.delete_root(world.ports, DEFAULT_TENANT, CP, root.id) == Answered("Accepted")


# --- firmware -------------------------------------------------------------------------------------------------------------------


async def test_firmware_is_trusted_by_manufacturers_roots_only(world: World) -> None:
    maker = make("maker")
    between = make("between", maker)
    signer = make("firmware", between, ca=False)
    chain = signer.pem + between.pem
    assert "no manufacturer root" in await world.read(service.trusts_firmware_certificate, chain)
    await add_root(world, maker, CSMS_ROOT)
    assert "no manufacturer root" in await world.read(service.trusts_firmware_certificate, chain)
    await add_root(world, maker, MANUFACTURER_ROOT)
    assert await world.read(service.trusts_firmware_certificate, chain) == ""
    assert "vouches" in await world.read(service.trusts_firmware_certificate, signer.pem)
    assert "vouches" in await world.read(service.trusts_firmware_certificate, make("other", ca=False).pem)
    assert "no PEM" in await world.read(service.trusts_firmware_certificate, "nothing")
    world.clock.advance(400 * 86_400_000)
    assert "expired" in await world.read(service.trusts_firmware_certificate, chain)
