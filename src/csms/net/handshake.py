"""What a charger's opening request says: who it is, what it speaks, and its key (OCPP-J 1.6 §3, §6.2; OCPP 2.0.1 part 4 §3)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

import attrs

from .http import Head, Refused

MAX_ID_CHARACTERS = 255
"""Longest charger id of any version."""
ID_CHARACTERS = {"ocpp1.6": 255}
"""Longest charger id by subprotocol: 1.6 sets no limit, so ours is merely sane."""
DEFAULT_ID_CHARACTERS = 48
"""Longest charger id of all other versions (OCPP 2.0.1 part 4 §3.1.1)."""

_ID_KEYS = frozenset({"chargepointid", "chargerid", "cpid"})
_VERSION_KEYS = frozenset({"version", "protocol"})


@attrs.frozen(slots=True)
class Knock:
    """An opening request, understood.

    ``offered`` are the subprotocols as the charger spelled them, its favourite first. ``assumed`` is one that it named otherwise (in
    the query): it may be spoken, but must not be confirmed in the answer (RFC 6455 §4.1).
    """

    charger_id: str
    key: str
    offered: tuple[str, ...]
    assumed: str
    username: str | None
    password: bytes | None = attrs.field(repr=False)


def understand(head: Head, prefix: str) -> Knock:
    """Read an opening request. Raises ``Refused``: 404 without a usable charger id, 400, 405 and 426 for what is no WebSocket."""
    charger_id, version = identity(head.target, prefix)
    key = websocket_key(head)
    offered = tuple(dict.fromkeys(head.tokens("sec-websocket-protocol")))
    username, password = credentials(head.all("authorization"), charger_id)
    return Knock(charger_id, key, offered, "" if offered else version, username, password)


def websocket_key(head: Head) -> str:
    """The key that the answer must prove to have read (RFC 6455 §4.2.1). Raises ``Refused`` when this asks for no WebSocket."""
    if head.method != "GET":
        raise Refused(405, f"method {head.method}", label="no_upgrade", headers=(("Allow", "GET"),))
    upgrades = "websocket" in map(str.lower, head.tokens("upgrade")) and "upgrade" in map(str.lower, head.tokens("connection"))
    versions = head.tokens("sec-websocket-version")
    if not upgrades or versions != ["13"]:
        upgrade = (("Upgrade", "websocket"), ("Connection", "Upgrade, close"), ("Sec-WebSocket-Version", "13"))
        reason = f"WebSocket version {', '.join(versions) or 'missing'}" if upgrades else "plain HTTP"
        raise Refused(426, reason, label="no_upgrade", headers=upgrade)
    keys = head.all("sec-websocket-key")
    try:
        valid = len(keys) == 1 and len(base64.b64decode(keys[0], validate=True)) == 16
    except (binascii.Error, ValueError):
        valid = False
    if not valid:
        raise Refused(400, "Sec-WebSocket-Key is not 16 bytes of base64")
    return keys[0]


def identity(target: str, prefix: str) -> tuple[str, str]:
    """The charger id and the subprotocol named in the query, if any.

    Accepted are ``PREFIX/ID``, with a trailing slash, doubled slashes and any query, and ``PREFIX?chargePointId=ID&version=1.6``.
    Raises ``Refused`` (404) when there is no id or it cannot be one.
    """
    if "://" in target[:8].lower():
        target = "/" + target.split("://", 1)[1].partition("/")[2]
    path, _, query = target.partition("?")
    path = "/" + path.lstrip("/")
    prefix = "/" + prefix.strip("/")
    rest = path[len(prefix) :] if prefix != "/" else path
    if not path.startswith(prefix) or (rest and not rest.startswith("/")):
        raise Refused(404, f"no charger endpoint at {path[:200]!r}")
    raw = rest.strip("/")
    version = ""
    for name, value in _query(query):
        if not raw and name in _ID_KEYS:
            raw = value
        elif name in _VERSION_KEYS and value:
            version = value if value.lower().startswith("ocpp") else f"ocpp{value}"
    if not raw:
        raise Refused(404, "no charger id in the URL")
    if "/" in raw:
        raise Refused(404, f"no charger endpoint at {path[:200]!r}")
    try:
        charger_id = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise Refused(404, f"charger id is not UTF-8: {raw[:200]!r}") from None
    if len(charger_id) > MAX_ID_CHARACTERS or not charger_id.strip() or not charger_id.isprintable():
        raise Refused(404, f"charger id is blank, unprintable or over {MAX_ID_CHARACTERS} characters: {charger_id[:200]!r}")
    return charger_id, version


def _query(query: str) -> list[tuple[str, str]]:
    """Names (lower case) and raw values. A plus stays a plus: OCPP allows it in an identity (2.0.1 identifierString)."""
    pairs = (item.partition("=") for item in query.split("&") if item)
    return [(name.lower(), value) for name, _, value in pairs]


def credentials(authorization: Sequence[str], charger_id: str) -> tuple[str | None, bytes | None]:
    """User and password of HTTP Basic; both None when there are none, or none that can be read.

    Identities may contain colons (1.6 has no rule; 2.0.1 part 4 §3.1.1 says only that they "might not be used") and passwords are bytes
    (1.6-J §6.2: a 20-byte key as it is), so the charger's own id is looked for before the first colon is.
    """
    if len(authorization) != 1:
        return None, None
    scheme, _, encoded = authorization[0].strip().partition(" ")
    encoded = encoded.strip()
    try:
        plain = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None, None
    if scheme.lower() != "basic" or b":" not in plain:
        return None, None
    own = charger_id.encode() + b":"
    if plain.startswith(own):
        return charger_id, plain[len(own) :]
    user, _, password = plain.partition(b":")
    return user.decode("utf-8", "replace"), password
