"""What the frame log and outcomes must not show: the keys by which chargers log in (1.6 security whitepaper A01.FR.09)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from . import frames
from .frames import Payload

HIDDEN = "***"
SECRET_VARIABLES = frozenset({"authorizationkey", "basicauthpassword"})
"""Variables whose values are secrets, folded: 1.6's and 2.x's."""
SECRET_FIELDS = frozenset({"basicauthpassword", "apnpassword", "vpnpassword", "password"})
"""Fields that are secrets by themselves (2.0.1 SetNetworkProfile), folded."""
_NAMES = ("key", "name", "variable")
_VALUES = ("value", "attributeValue")
_SHORTEST = 4
"""Characters of a secret that is looked for in free text; what is shorter would be found everywhere."""
_USER_INFO = re.compile(r"(://[^/\s:@\"]*):[^/\s@\"]+@")


def suspicious(text: str) -> bool:
    """Whether a text may have a secret in it: a quick look that costs nearly nothing, for nearly all texts have none."""
    folded = text.lower()
    return "authorizationkey" in folded or "password" in folded or ("@" in text and "://" in text)


def censored(text: str, known: Iterable[str] = ()) -> tuple[str, tuple[str, ...]]:
    """A frame's text as it may be logged, and the secrets that were in it; ``known`` are some to be hidden wherever they stand."""
    secrets = tuple(known)
    if not suspicious(text):
        return (without(text, secrets), secrets) if secrets else (text, secrets)
    try:
        value = frames.json_value(text)
    except ValueError:
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


def _shown(value: Any, found: list[str]) -> Any:
    """A JSON value with its secrets replaced; they are added to ``found``."""
    if isinstance(value, list):
        return [_shown(each, found) for each in value]
    if not isinstance(value, dict):
        return value
    named = any(_is_secret(value.get(name)) for name in _NAMES)
    shown = {}
    for name, each in value.items():
        if (
            isinstance(each, (str, int, float))
            and each != HIDDEN
            and ((named and name in _VALUES) or name.casefold() in SECRET_FIELDS)
        ):
            found.append(str(each))
            shown[name] = HIDDEN
        else:
            shown[name] = _shown(each, found)
    return shown


def _is_secret(name: Any) -> bool:
    """Whether this names a secret variable: a word, or 2.x's object with a name."""
    if isinstance(name, dict):
        name = name.get("name")
    return isinstance(name, str) and name.strip().casefold() in SECRET_VARIABLES


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
