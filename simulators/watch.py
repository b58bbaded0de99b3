"""Who may watch a charger: counters, traces and the record of acknowledged calls all hear the same few things."""

from __future__ import annotations

from typing import Any

import attrs

from .frames import Payload


@attrs.frozen(slots=True)
class SentCall:
    """A CALL as a charger sent it. ``payload`` is the honest one, before a quirk bent it; ``attempt`` counts from 1.

    ``sent_at`` is the true instant, ``connection`` the number of the charger's connection.
    """

    charger_id: str
    version: str
    connection: int
    message_id: str
    action: str
    payload: Payload
    attempt: int
    sent_at: int


class Watcher:
    """Hears what a charger does; every method may be left out."""

    def connected(self, charger_id: str, subprotocol: str | None) -> None:
        """The handshake succeeded."""

    def turned_away(self, charger_id: str, reason: str) -> None:
        """A connection could not be made: a status of the handshake, or a network error."""

    def disconnected(self, charger_id: str, reason: str) -> None:
        """The connection ended."""

    def registered(self, charger_id: str, status: str) -> None:
        """BootNotification was answered."""

    def sent(self, call: SentCall) -> None:
        """A CALL left."""

    def answered(self, call: SentCall, answer: Payload, seconds: float, overdue: bool) -> None:
        """Its CALLRESULT came, perhaps after the charger had given up waiting (``overdue``)."""

    def refused(self, call: SentCall, code: str, description: str, seconds: float) -> None:
        """Its CALLERROR came."""

    def cut(self, call: SentCall) -> None:
        """The connection died before the answer."""

    def lost(self, call: SentCall) -> None:
        """Never answered although the connection lived."""

    def stray(self, charger_id: str, message_id: str) -> None:
        """An answer to no CALL that waits: a second answer, or an invented id."""

    def discarded(self, charger_id: str, action: str, why: str) -> None:
        """A transaction message that the charger gave up."""

    def commanded(self, charger_id: str, action: str, payload: Payload, reply: str) -> None:
        """The server's CALL was answered; ``reply`` is the status word or the error code."""

    def started(self, charger_id: str, connector: int, tag: str) -> None:
        """A transaction began at the charger."""

    def ended(self, charger_id: str, connector: int, energy_wh: int, reason: str) -> None:
        """A transaction ended at the charger."""

    def dropped(self, charger_id: str, kind: str) -> None:
        """The charger itself broke its connection."""

    def happened(self, charger_id: str, what: str) -> None:
        """Anything a spectator may like to read."""

    def frame(self, charger_id: str, direction: str, text: str | bytes) -> None:
        """A raw frame, ``in`` or ``out``."""


class Watchers(Watcher):
    """Several watchers as one."""

    def __init__(self, *watchers: Watcher) -> None:
        self._watchers = watchers

    def __getattribute__(self, name: str) -> Any:
        """Whatever is told, tell each."""
        if name.startswith("_"):
            return super().__getattribute__(name)
        listeners = [getattr(watcher, name) for watcher in self._watchers]

        def tell(*arguments: Any) -> None:
            for listener in listeners:
                listener(*arguments)

        return tell
