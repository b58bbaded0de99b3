"""What firmware gets wrong about 1.6 transactions: told twice, told too early, told with numbers of its own, not told at all."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from simulators.clock import iso
from simulators.frames import Payload

from .connector import Connector, Transaction
from .link import LinkLost, NoAnswer, Refusal
from .outbox import Parcel

if TYPE_CHECKING:
    from .charger import Charger

UNKNOWN = -1
"""The transaction id of a start that was never answered; many make up this one."""
MADE_UP = (0, UNKNOWN, 2**63 - 1)
"""Transaction ids seen where the server's was lost."""
STOPPED_AGAIN_AFTER_MS = 1000


def number_of(charger: Charger, parcel: Parcel, transaction: Transaction) -> int:
    """The transaction id that a MeterValues or StopTransaction carries."""
    if "made-up-transaction-ids" in charger.quirks:
        return MADE_UP[int(transaction.reference.rpartition("-")[2]) % len(MADE_UP)]
    if "minus-one" in charger.quirks and parcel.action == "StopTransaction":
        return UNKNOWN
    return UNKNOWN if transaction.number is None else transaction.number


def says_start(charger: Charger) -> bool:
    """Whether a start is told at all."""
    return "stop-without-start" not in charger.quirks


def after_start(charger: Charger, reading: Callable[[], Payload], parcel: Parcel) -> None:
    """The start is about to be queued; ``reading`` makes a MeterValues."""
    if "meter-before-start-answer" in charger.quirks:
        parcel.on_sent = partial(charger.spawn, _read_too_early, charger, reading)


async def _read_too_early(charger: Charger, reading: Callable[[], Payload]) -> None:
    """MeterValues of a transaction whose id is not known yet."""
    link, payload = charger.link, reading()
    if link is not None:
        try:
            await link.call(charger.new_message_id(), "MeterValues", payload, at_once=True)
        except (LinkLost, NoAnswer, Refusal) as trouble:
            charger.say(f"the early meter values: {trouble or 'the connection ended'}")


def start_again(charger: Charger, connector: Connector, transaction: Transaction, start: Payload) -> Payload | None:
    """In the middle of a transaction, another start of it: as of now, and never stopped apart from it."""
    if "start-again" not in charger.quirks or transaction.started_again:
        return None
    transaction.started_again = True
    return start | {"meterStart": connector.register, "timestamp": iso(charger.clock.now())}


def stop_again(charger: Charger, stop: Payload, stopped_at: int) -> Payload | None:
    """A second later, another stop of it, for another reason."""
    if "stop-twice" not in charger.quirks:
        return None
    return stop | {"timestamp": iso(stopped_at + STOPPED_AGAIN_AFTER_MS), "reason": "Other"}
