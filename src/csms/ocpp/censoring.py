"""What the frame log and outcomes must not show: keys by which chargers log in (1.6 security whitepaper A01.FR.09), private keys."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from . import frames
from .frames import Payload

HIDDEN = "***"
SECRET_VARIABLES = ("authorizationkey", "basicauthpassword")
"""How the names of variables end whose values are secrets, folded: 1.6's and 2.x's."""
SECRET_FIELDS = frozenset({"authorizationkey", "basicauthpassword", "apnpassword", "vpnpassword", "password"})
"""Fields that are secrets by themselves (2.0.1 SetNetworkProfile, and what chargers make up), folded."""
_NAMES = frozenset({"key", "name", "variable"})
_VALUES = frozenset({"value", "attributevalue"})
_INNER = 2
"""How many times a JSON text within a JSON text is looked into."""
_SHORTEST = 4
"""Characters of a secret that is looked for in free text; what is shorter would be found everywhere."""
_NO_LETTER = re.compile(r"[\W_]+")
_USER_INFO = re.compile(r"(://[^/\s:@\"]*):[^/\s@\"]+@")
_PRIVATE_KEY = re.compile(
    r"(-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----)([^\"]*?)(-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|(?=\")|\Z)"
)
"""A private key in PEM (RFC 7468), in a text or within a JSON string, also one that is cut off."""


def suspicious(text: str) -> bool:
    """Whether a text may have a secret in it: a quick look that costs nearly nothing, for nearly all texts have none."""
    # a letter that is written as an escape would be overlooked
    return _speaks(text.lower()) or "\\u00" in text or ("@" in text and "://" in text)


def _speaks(folded: str) -> bool:
    """Whether a text speaks of keys in so many words."""
    return "password" in folded or ("key" in folded and ("authorization" in folded or "private key-----" in folded))


def censored(text: str, known: Iterable[str] = ()) -> tuple[str, tuple[str, ...]]:
    """A frame's text as it may be logged, and the secrets that were in it; ``known`` are some to be hidden wherever they stand."""
    secrets = tuple(known)
    if not suspicious(text):
        return (without(text, secrets), secrets) if secrets else (text, secrets)
    try:
        value = frames.json_value(text)
    except ValueError:
        if not _speaks(text.lower()):
            return without(_USER_INFO.sub(rf"\1:{HIDDEN}@", text), secrets), secrets
        return f"{HIDDEN} (unreadable, and it speaks of a key)", secrets
    found: list[str] = []
    shown = _shown(value, found)
    if found:
        text, secrets = frames.json_text(shown), (*secrets, *found)
    text = _USER_INFO.sub(rf"\1:{HIDDEN}@", text)
    return without(text, secrets), secrets


def secrets_of(payload: Payload) -> tuple[str, ...]:
    """The secrets in a payload."""
    found: list[str] = []
    _shown(payload, found)
    return tuple(found)


def shown(value: Any, known: Iterable[str] = ()) -> Any:
    """A JSON value without its secrets, and without those that are ``known``."""
    return _without(_shown(value, []), tuple(known))


def without(text: str, secrets: Iterable[str]) -> str:
    """A text in which none of the secrets stands any more, also not cut off at its end."""
    for secret in secrets:
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, HIDDEN)
            for length in (60, 200):  # how much of a value is quoted where it was odd (dialect, codec)
                if len(secret) > length:
                    text = text.replace(secret[:length], HIDDEN)
    return text


def _shown(value: Any, found: list[str], inner: int = _INNER) -> Any:
    """A JSON value with its secrets replaced; they are added to ``found``."""
    if isinstance(value, list):
        return [_shown(each, found, inner) for each in value]
    if isinstance(value, str):
        return _shown_text(value, found, inner)
    if not isinstance(value, dict):
        return value
    named = any(_is_secret(each) for name, each in value.items() if name.casefold() in _NAMES)
    shown = {}
    for name, each in value.items():
        if each is None or isinstance(each, bool) or each == HIDDEN:
            shown[name] = each
        elif (named and name.casefold() in _VALUES) or _folded(name) in SECRET_FIELDS:
            found.extend(_words(each))
            shown[name] = HIDDEN
        else:
            shown[name] = _shown(each, found, inner)
    return shown


def _shown_text(text: str, found: list[str], inner: int) -> str:
    """A text without private keys and, where it is JSON itself, as vendors send it in a DataTransfer, without its secrets."""
    folded = text.lower()
    if not _speaks(folded):
        return text
    if inner and text.lstrip()[:1] in ("{", "["):
        hidden: list[str] = []
        with suppress(ValueError):  # it may only look like JSON
            shown = _shown(frames.json_value(text), hidden, inner - 1)
            found.extend(hidden)
            return frames.json_text(shown) if hidden else text

    def hide(key: re.Match[str]) -> str:
        found.append(key[2])
        return f"{key[1]}{HIDDEN}{key[3]}"

    return _PRIVATE_KEY.sub(hide, text) if "private key-----" in folded else text


def _is_secret(name: Any) -> bool:
    """Whether this names a secret variable, in whichever spelling: a word, or 2.x's object with a name."""
    if isinstance(name, dict):
        name = next((each for field, each in name.items() if field.casefold() == "name"), None)
    return isinstance(name, str) and _folded(name).endswith(SECRET_VARIABLES)


def _folded(name: str) -> str:
    return _NO_LETTER.sub("", name).casefold()


def _words(value: Any) -> list[str]:
    """Every text and number in a JSON value."""
    if isinstance(value, dict):
        return [word for each in value.values() for word in _words(each)]
    if isinstance(value, list):
        return [word for each in value for word in _words(each)]
    return [] if value is None or isinstance(value, bool) else [str(value)]


def _without(value: Any, secrets: tuple[str, ...]) -> Any:
    if not secrets:
        return value
    if isinstance(value, str):
        return without(value, secrets)
    if isinstance(value, list):
        return [_without(each, secrets) for each in value]
    if isinstance(value, dict):
        return {name: _without(each, secrets) for name, each in value.items()}
    return value
