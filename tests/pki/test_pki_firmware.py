from __future__ import annotations

import base64
import hashlib

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from csms.core.errors import Invalid
from csms.pki.firmware import verify

from .conftest import make

IMAGE = b"a firmware image" * 1000
DIGEST = hashlib.sha256(IMAGE).digest()


def b64(signature: bytes) -> str:
    return base64.b64encode(signature).decode()


def test_ecdsa() -> None:
    signer = make("firmware", ca=False)
    signature = b64(signer.key.sign(IMAGE, ec.ECDSA(hashes.SHA256())))
    verify(signer.pem, signature, DIGEST)
    verify(signer.pem, "\n".join(signature[at : at + 20] for at in range(0, len(signature), 20)), DIGEST)
    with pytest.raises(Invalid, match="not one of this image"):
        verify(signer.pem, signature, hashlib.sha256(b"another image").digest())
    with pytest.raises(Invalid, match="not one of this image"):
        verify(make("firmware", ca=False).pem, signature, DIGEST)


@pytest.mark.parametrize(
    "how",
    [
        padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.MAX_LENGTH),
        padding.PSS(padding.MGF1(hashes.SHA256()), 32),
        padding.PKCS1v15(),
    ],
)
def test_rsa(rsa_key: rsa.RSAPrivateKey, how: padding.AsymmetricPadding) -> None:
    signer = make("firmware", ca=False, key=rsa_key)
    signature = b64(rsa_key.sign(IMAGE, how, hashes.SHA256()))
    verify(signer.pem, signature, DIGEST)
    with pytest.raises(Invalid, match="not one of this image"):
        verify(signer.pem, signature, hashlib.sha256(b"another image").digest())


@pytest.mark.parametrize(
    ("signature", "words"), [("***", "base64"), ("", "not one of"), ("A" * 900, "800 characters"), ("AAAA", "not one of")]
)
def test_what_is_no_signature(signature: str, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        verify(make("firmware", ca=False).pem, signature, DIGEST)


def test_what_is_no_digest_and_no_certificate() -> None:
    with pytest.raises(Invalid, match="32 bytes"):
        verify(make("firmware").pem, "AAAA", b"short")
    with pytest.raises(Invalid, match="PEM"):
        verify("nothing", "AAAA", DIGEST)
