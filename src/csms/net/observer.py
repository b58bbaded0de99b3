"""What the charger side tells whoever measures it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from csms.core.reports import Oddity


class Observer(Protocol):
    """Hears what happens on the charger side. Its methods are called in the hot path: they must be quick and must not raise.

    ``reason`` is always one of a small closed set of words, so that it can be a metric's label.
    """

    def connected(self, charger_id: str, protocol: str) -> None:
        """A charger was let in and its link begins."""
        ...

    def disconnected(self, charger_id: str, protocol: str, reason: str) -> None:
        """A link ended; ``reason`` is one of ``csms.net.link.REASONS``."""
        ...

    def refused(self, reason: str) -> None:
        """A connection was turned away at the handshake; ``reason`` is one of ``csms.net.http.LABELS``."""
        ...

    def message(self, charger_id: str, action: str, queued_s: float, heard_s: float, sent_s: float, ok: bool) -> None:
        """A charger's CALL was answered: seconds from reception to its turn, from there to commit, and from there to the socket.

        ``ok`` is False when it could not be heard and got a CALLERROR.
        """
        ...

    def oddities(self, charger_id: str, action: str, oddities: Sequence[Oddity]) -> None:
        """A CALL deviated from its specification in tolerable ways."""
        ...


class Unobserved:
    """An observer that looks away."""

    def connected(self, charger_id: str, protocol: str) -> None:
        """Nothing."""

    def disconnected(self, charger_id: str, protocol: str, reason: str) -> None:
        """Nothing."""

    def refused(self, reason: str) -> None:
        """Nothing."""

    def message(self, charger_id: str, action: str, queued_s: float, heard_s: float, sent_s: float, ok: bool) -> None:
        """Nothing."""

    def oddities(self, charger_id: str, action: str, oddities: Sequence[Oddity]) -> None:
        """Nothing."""
