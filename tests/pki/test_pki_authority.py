from __future__ import annotations

from pathlib import Path

import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from csms.core.errors import Invalid
from csms.outside import Threads
from csms.pki import certificates, chains
from csms.pki.authority import AuthorityUnusable, BuiltInAuthority
from csms.testing.stores import SettableClock

from .conftest import NOW, csr, make

DAY_S = 86_400


def authority(folder: Path, certificate: str = "", key: str = "") -> BuiltInAuthority:
    return BuiltInAuthority(
        folder=folder / "authority",
        certificate=certificate,
        key=key,
        organization="ACME",
        clock=SettableClock(NOW),
        blocking=Threads(),
    )


async def test_it_makes_a_root_once_and_keeps_its_key_to_itself(tmp_path: Path) -> None:
    assert await authority(tmp_path).trust_anchors() == ""
    assert not (tmp_path / "authority").exists()
    roots: list[str] = []

    async def make_one() -> None:
        roots.append(await authority(tmp_path).make())

    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(make_one)
    assert len(set(roots)) == 1
    assert await authority(tmp_path).trust_anchors() == roots[0]
    assert (tmp_path / "authority" / "authority.key").stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["authority"], "nothing is left behind"
    facts = certificates.read(roots[0])
    assert (facts.key, facts.is_authority, facts.organization) == ("EC 256", True, "ACME")


async def test_what_it_signs_is_a_charger_s_client_certificate(tmp_path: Path) -> None:
    own, key = authority(tmp_path), ec.generate_private_key(ec.SECP256R1())
    chain = await own.sign(csr("CP1", key), charger_id="CP1", organization="ACME", lifetime_s=30 * DAY_S)
    (leaf,) = certificates.load_all(chain)
    assert leaf.public_key() == key.public_key()
    facts = certificates.facts(leaf)
    assert (facts.common_name, facts.organization) == ("CP1", "ACME")
    assert facts.not_before_at < NOW
    assert facts.not_after_at == NOW + 30 * DAY_S * 1000
    extensions = leaf.extensions
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    assert not extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    root = certificates.load(await own.trust_anchors())
    assert chains.trust([leaf], [root], NOW) == root
    again = await own.sign(csr("CP1", key), charger_id="CP1", organization="ACME", lifetime_s=DAY_S)
    assert certificates.read(again).serial != facts.serial


@pytest.mark.parametrize("name", ["10.0.0.1", "::1", "https://csms.example", "", "x" * 65])
async def test_names_that_are_no_charger_s(tmp_path: Path, name: str) -> None:
    with pytest.raises(Invalid):
        await authority(tmp_path).sign(csr("CP1"), charger_id=name, organization="", lifetime_s=DAY_S)


async def test_an_intermediate_of_the_operator_s_own(tmp_path: Path, rsa_key: rsa.RSAPrivateKey) -> None:
    root = make("root")
    between = root.sign("between", ca=True, key=rsa_key, days=300)
    certificate, key = tmp_path / "ca.pem", tmp_path / "ca.key"
    certificate.write_text(between.pem + root.pem)
    key.write_bytes(between.key_pem)
    own = authority(tmp_path, str(certificate), str(key))
    chain = certificates.load_all(await own.sign(csr("CP1"), charger_id="CP1", organization="", lifetime_s=10_000 * DAY_S))
    assert [certificates.facts(each).common_name for each in chain] == ["CP1", "between"], "the charger has the root"
    assert isinstance(chain[0].signature_algorithm_parameters, padding.PSS)
    assert chains.trust(chain, [root.certificate], NOW) == root.certificate
    assert chain[0].not_valid_after_utc == between.certificate.not_valid_after_utc, "it does not outlive its issuer"
    assert len(certificates.load_all(await own.trust_anchors())) == 2


async def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    root, other = make("root"), make("other")
    certificate, key = tmp_path / "ca.pem", tmp_path / "ca.key"
    own = authority(tmp_path, str(certificate), str(key))
    with pytest.raises(AuthorityUnusable, match="cannot be read"):
        await own.trust_anchors()
    certificate.write_text(root.pem)
    key.write_bytes(other.key_pem)
    with pytest.raises(AuthorityUnusable, match="not the key"):
        await own.trust_anchors()
    certificate.write_text(root.sign("leaf", key=other.key).pem)
    with pytest.raises(AuthorityUnusable, match="may not sign"):
        await own.trust_anchors()
    certificate.write_text("nothing")
    with pytest.raises(AuthorityUnusable, match="cannot be used"):
        await own.trust_anchors()


async def test_an_authority_that_has_expired_signs_nothing(tmp_path: Path) -> None:
    root = make("root", days=30)
    certificate, key = tmp_path / "ca.pem", tmp_path / "ca.key"
    certificate.write_text(root.pem)
    key.write_bytes(root.key_pem)
    with pytest.raises(Invalid, match="expired"):
        await authority(tmp_path, str(certificate), str(key)).sign(csr("CP1"), charger_id="CP1", organization="", lifetime_s=DAY_S)
