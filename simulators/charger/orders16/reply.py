"""What most answers look like, and what most calls ask for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from simulators.charger.charging_profile import BadWord
from simulators.charger.connector import Connector
from simulators.charger.link import Reply
from simulators.clock import parse_iso
from simulators.frames import Payload

if TYPE_CHECKING:
    from simulators.charger.charger import Charger

    Order = Callable[[Charger, Payload], Reply]

ATTEMPTS, INTERVAL_S = 3, 5
"""What a charger chooses where the server leaves it to it (1.6 §6.25, §6.51)."""


def status(word: str, then: Callable[[], Awaitable[None]] | None = None) -> Reply:
    """An answer of one word."""
    return Reply({"status": word}, word, then=then)


def whole(payload: Payload, name: str, default: int | None = None) -> int:
    """A whole number; raises ``KeyError`` or ``TypeError``."""
    value = payload[name] if default is None else payload.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is not a whole number: {value!r}")
    return value


def text(payload: Payload, name: str) -> str:
    """A text; raises ``KeyError`` or ``TypeError``."""
    value = payload[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is not a text: {value!r}")
    return value


def word(payload: Payload, name: str, words: tuple[str, ...]) -> str:
    """A word of an enumeration; raises ``BadWord`` for another."""
    value = text(payload, name)
    if value not in words:
        raise BadWord(f"{name} is {value!r}, not one of {', '.join(words)}")
    return value


def instant(payload: Payload, name: str) -> int | None:
    """An instant in ms, None where there is none; raises ``TypeError`` for anything else."""
    if payload.get(name) is None:
        return None
    found = parse_iso(text(payload, name))
    if found is None:
        raise TypeError(f"{name} is no instant: {payload[name]!r}")
    return found


def connector_of(charger: Charger, payload: Payload) -> Connector | None:
    """The connector that a call names, None where it names none or one that does not exist."""
    number = payload.get("connectorId")
    return None if number is None else charger.box.find(whole(payload, "connectorId"))


def patience(payload: Payload) -> tuple[int, float]:
    """How often a transfer is tried, and the pause in between."""
    return max(whole(payload, "retries", ATTEMPTS), 1), max(whole(payload, "retryInterval", INTERVAL_S), 0)
