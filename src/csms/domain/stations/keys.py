"""Charger keys: made, sealed for the store, and recognised at the handshake.

A key is long and random, so one salted SHA-256 seals it: a reconnect storm of thousands must not cost a slow hash each (STACK).
OCPP 1.6 keys are hexadecimal text for up to 20 bytes (security whitepaper A00.FR.205); some chargers show the bytes, some the text,
so a key that reads as hexadecimal is sealed as its bytes and either form opens it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

from csms.core.errors import Invalid
from csms.core.ports import Handshake, Random

SHORTEST, LONGEST = 16, 40
"""Characters of a key given by a person (2.0.1 BasicAuthPassword; 1.6 A00.FR.205)."""


def new_key(random: Random) -> str:
    """A fresh key: 40 hexadecimal digits, which every OCPP version can be configured with."""
    return hashlib.sha256(random.token(32).encode()).hexdigest()[:LONGEST]


def check(key: str) -> str:
    """A key that a person chose, if it will do. Raises ``Invalid``."""
    if not SHORTEST <= len(key) <= LONGEST or not (key.isascii() and key.isprintable()):
        raise Invalid(f"a charger key has {SHORTEST} to {LONGEST} printable ASCII characters", field="key")
    return key


def seal(key: bytes, random: Random) -> str:
    """What is stored in place of the key."""
    salt = random.token(12)
    return f"sha256:{salt}:{_digest(salt, _from_hex(key) or key)}"


def opens(sealed: str, presented: bytes) -> bool:
    """Whether a presented key is the sealed one, compared in constant time."""
    _, _, salt_and_digest = sealed.partition(":")
    salt, _, digest = salt_and_digest.partition(":")
    as_sent = hmac.compare_digest(_digest(salt, presented), digest)
    read_as_hex = _from_hex(presented)
    as_hex = read_as_hex is not None and hmac.compare_digest(_digest(salt, read_as_hex), digest)
    return as_sent or as_hex


def opened(sealed: Iterable[str], presented: bytes) -> str:
    """The last of several sealed keys that a presented one opens, ``""`` for none; every one is tried, so time tells nothing."""
    found = ""
    for each in sealed:
        if opens(each, presented):
            found = each
    return found


def shown(handshake: Handshake) -> bytes | None:
    """The key that a charger showed, None for none or a wrong user name, which must be the charger's id (2.0.1 A00.FR.204).

    HTTP Basic ends the user name at the first colon; a charger id with colons in it is put together again here.
    """
    if handshake.username is None or handshake.password is None:
        return None
    credentials = handshake.username.encode("utf-8", "surrogatepass") + b":" + handshake.password
    expected = handshake.charger_id.encode("utf-8", "surrogatepass") + b":"
    if not credentials.startswith(expected):
        return None
    return credentials[len(expected) :] or None


def _digest(salt: str, key: bytes) -> str:
    return hashlib.sha256(salt.encode() + b"\x00" + key).hexdigest()


def _from_hex(key: bytes) -> bytes | None:
    try:
        text = key.decode("ascii")
        found = bytes.fromhex(text)
    except ValueError:
        return None
    # fromhex skips spaces, and a key with spaces in it is no hexadecimal key
    return found if found and len(found) * 2 == len(text) else None
