"""When a silent link is dead: the ping policy of one charger, without I/O."""

from __future__ import annotations

from enum import Enum
from zlib import crc32

MISSED_PONGS = 2
"""Pings in a row without any sign of life that close the link of a charger known to pong."""
SOONEST = 0.2
"""The part of the interval that passes before any first ping: a charger has other things to say at the beginning."""
NEVER_PINGED = float("-inf")


def spread_of(charger_id: str) -> float:
    """A charger's own place in the ping interval, from 0 to 1; always the same."""
    return crc32(charger_id.encode()) / 0xFFFFFFFF


class Step(Enum):
    """What to do now."""

    NOTHING = "nothing"
    PING = "ping"
    DEAD = "dead"


class Pulse:
    """Judges one link by when it was last heard.

    A charger known to answer pings (it did so before, or on this link) is dead when ``MISSED_PONGS`` pings went by without a sign of
    life: with the default interval of 30 s a dead link shows within 90 s. Of any other charger silence says little: it is dead after
    ``idle_s`` without a frame. Any frame, whole message or control frame, is a sign of life.

    The first ping, which shows whether a charger answers any, comes within the interval, at each charger's own time (``spread``, 0 to
    1): thousands that came back at once would all be pinged at once for ever. Later ones go only to who was silent for an interval.
    """

    __slots__ = ("_pinged_at", "_unanswered", "idle_s", "next_ping_at", "ping_interval_s", "pongs")

    def __init__(self, *, ping_interval_s: float, idle_s: float, pongs: bool, mono: float, spread: float = 1.0) -> None:
        self.ping_interval_s = ping_interval_s
        self.idle_s = idle_s
        self.pongs = pongs
        first_s = ping_interval_s * (SOONEST + (1 - SOONEST) * spread)
        self.next_ping_at = mono + first_s if ping_interval_s else float("inf")
        self._pinged_at = NEVER_PINGED
        self._unanswered = 0

    def look(self, heard_at: float, mono: float) -> Step:
        """What to do at ``mono``, the link having been heard last at ``heard_at``."""
        if mono - heard_at >= self.idle_s:
            return Step.DEAD
        if mono < self.next_ping_at:
            return Step.NOTHING
        if self._pinged_at > NEVER_PINGED and mono < heard_at + self.ping_interval_s:
            self._unanswered = 0
            self.next_ping_at = heard_at + self.ping_interval_s
            return Step.NOTHING
        if heard_at >= self._pinged_at:
            self._unanswered = 0
        if self.pongs and self._unanswered >= MISSED_PONGS:
            return Step.DEAD
        self._unanswered += 1
        self._pinged_at = mono
        self.next_ping_at = mono + self.ping_interval_s
        return Step.PING

    def next_look_at(self, heard_at: float) -> float:
        """When it is next worth looking."""
        return min(self.next_ping_at, heard_at + self.idle_s)
