from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives import hashes as algorithms
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509 import ocsp

from csms.core.certificates import CertificateHash
from csms.core.errors import Invalid
from csms.pki import certificates, chains, hashes, requests

from .conftest import NOW, Signer, csr, make

SIGNED_WITH_SHA_1 = """-----BEGIN CERTIFICATE REQUEST-----
MIICUzCCATsCAQAwDjEMMAoGA1UEAwwDQ1AxMIIBIjANBgkqhkiG9w0BAQEFAAOC
AQ8AMIIBCgKCAQEArtIKpJU3DSQhRlPqIfaERc8RI0pfATVbkKL3ULD/zRO4eq8s
3mguFjn66HJwojcoIIxS21fMOGY3WqLQxidZDDJ1ZfTZV+gX3Dmlhkc52Iadod+F
VH1Gxyz5YIHDTNhOqoRzWqSDIp1V70Mu0AGOEKGgEW9nJ21YUzfcO4/XmZLNFxfw
PdooKy/N2mtV+cBydYMCSrMibqixVleHSlTEDBMAaO9qQlZW/+JM1zauvlHRcSmZ
GFQBzdoGMNLvuEcOw98vhoAiyMIXCfFnEL9+hKWpfQzvRz/VDv8mGWruKX3CpqFy
S7cGjCZBpCjacul7SXATj4z4liTTTij5uljsWwIDAQABoAAwDQYJKoZIhvcNAQEF
BQADggEBAGWNkwscl6IlQs4LQam1njuaihpzAGWY9Wh5h+GeJ0c+hafkvkrGTxs1
fCcbkdM47pXTTP+g1CD3rS0K6Ibe0IdoeVq3O7UYVtMwrrHvTpnFGl67VkgOa7Q/
AlHDJXklZAF3DcVOvyL3VI6qeTQVOCbLvY2/VuUYEDgQBbe5wJ4iW5zGp1Cpz7vA
zsd2b1cfKBK1H2GtlQTe1oEkU0fYXW8vApmXFSp+I/vdsTgjrGWRndJdk0hUM9pk
GHcybt/ui3P04cf1EiSFtoov/UpbWF/3D74ava38iXNM/knGUW2ndnlIudDmOeww
R9zb4Bgjgdh41r5m408wz4R80kvJv1E=
-----END CERTIFICATE REQUEST-----
"""
"""Made elsewhere: the library does not sign so any more."""


def test_a_request_says_whose_it_is(rsa_key: rsa.RSAPrivateKey) -> None:
    found = requests.read_request(csr("CP1"))
    assert (found.common_name, found.key) == ("CP1", "EC 256")
    assert requests.read_request(csr("CP1", rsa_key)).key == "RSA 2048"
    assert requests.read_request(csr("CP1", rsa_key)).digest != found.digest


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not a PEM"),
        ("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----", "not a PEM"),
        ("x" * 20_000, "too long"),
        (make("root").pem, "not a PEM"),
        (csr("CP1", ec.generate_private_key(ec.SECP192R1())), "EC key of 192 bits"),
        (csr("CP1", rsa.generate_private_key(65537, 1024)), "RSA key of 1024 bits"),
        (csr("CP1", names=2), "2 common names"),
        (csr("CP1", names=0), "0 common names"),
    ],
)
def test_requests_that_will_not_do(text: str, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        requests.read_request(text)


def test_a_key_of_another_kind_will_not_do() -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    key = ed25519.Ed25519PrivateKey.generate()
    text = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, None).public_bytes(Encoding.PEM).decode()
    with pytest.raises(Invalid, match="RSA and EC"):
        requests.read_request(text)


def test_a_request_that_was_tampered_with() -> None:
    lines = csr("CP1").splitlines()
    der = bytearray(base64.b64decode("".join(lines[1:-1])))
    der[der.index(b"CP1")] = ord("X")
    text = "\n".join([lines[0], base64.b64encode(bytes(der)).decode(), lines[-1]])
    with pytest.raises(Invalid, match="signature"):
        requests.read_request(text)


def test_a_request_signed_with_sha_1() -> None:
    with pytest.raises(Invalid, match="sha1"):
        requests.read_request(SIGNED_WITH_SHA_1)


@pytest.mark.parametrize("algorithm", ["SHA256", "SHA384", "SHA512"])
def test_a_certificate_is_named_as_ocsp_names_it(root: Signer, rsa_key: rsa.RSAPrivateKey, algorithm: str) -> None:
    for issuer in (root, make("rsa root", key=rsa_key)):
        leaf = issuer.sign("CP1")
        asked = (
            ocsp.OCSPRequestBuilder()
            .add_certificate(leaf.certificate, issuer.certificate, getattr(algorithms, algorithm)())
            .build()
        )
        assert hashes.hash_of(leaf.pem, issuer.pem, algorithm=algorithm) == CertificateHash(
            algorithm=algorithm,
            issuer_name_hash=asked.issuer_name_hash.hex(),
            issuer_key_hash=asked.issuer_key_hash.hex(),
            serial=f"{asked.serial_number:x}",
        )
    with pytest.raises(Invalid, match="issuer"):
        hashes.hash_of(root.sign("CP1").pem, make("another").pem)


def test_chargers_write_names_differently(root: Signer) -> None:
    name = hashes.hash_of(root.pem)
    other = CertificateHash(
        algorithm="SHA256",
        issuer_name_hash=name.issuer_name_hash.upper(),
        issuer_key_hash=name.issuer_key_hash,
        serial=f"0x00{name.serial.upper()}",
    )
    assert hashes.same(name, other)
    assert not hashes.same(name, hashes.hash_of(make("root").pem))


def test_facts(root: Signer) -> None:
    facts = certificates.read(root.pem)
    assert (facts.common_name, facts.organization, facts.is_authority, facts.is_self_issued) == ("root", "ACME", True, True)
    assert facts.not_before_at < NOW < facts.not_after_at
    assert not certificates.read(root.sign("CP1").pem).is_authority


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nothing", "no PEM"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "not an X.509"),
        (make("a").key_pem.decode(), "private key"),
        (make("a").pem + make("b").pem, "one certificate is wanted, not 2"),
    ],
)
def test_what_is_no_certificate(text: str, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        certificates.read(text)


def test_a_chain_leads_to_its_root(root: Signer) -> None:
    between = root.sign("between", ca=True)
    leaf = between.sign("firmware")
    chain = [leaf.certificate, between.certificate]
    assert chains.trust(chain, [make("other").certificate, root.certificate], NOW) == root.certificate
    assert chains.trust(chain[:1], [between.certificate], NOW) == between.certificate


def test_chains_that_lead_nowhere(root: Signer) -> None:
    between = root.sign("between", ca=True)
    leaf = between.sign("firmware")
    with pytest.raises(Invalid, match="nobody trusted"):
        chains.trust([leaf.certificate], [root.certificate], NOW)
    with pytest.raises(Invalid, match="nobody trusted"):
        chains.trust([leaf.certificate, between.certificate], [make("root").certificate], NOW)
    with pytest.raises(Invalid, match="expired"):
        chains.trust([root.sign("old", days=10).certificate], [root.certificate], NOW)
    with pytest.raises(Invalid, match="not valid yet"):
        chains.trust([leaf.certificate, between.certificate], [root.certificate], 0)
    with pytest.raises(Invalid, match="nobody trusted"):  # who may not sign cannot vouch
        chains.trust([leaf.sign("forged").certificate, leaf.certificate, between.certificate], [root.certificate], NOW)
    short = root.sign("short", ca=True, path=0)
    deep = short.sign("deep", ca=True)
    with pytest.raises(Invalid, match="nobody trusted"):
        chains.trust([deep.sign("x").certificate, deep.certificate, short.certificate], [root.certificate], NOW)
