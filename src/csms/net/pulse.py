"""When a silent link is dead: the ping policy of one charger, without I/O."""

from __future__ import annotations

from enum import Enum

MISSED_PONGS = 2
"""Pings in a row without any sign of life that close the link of a charger known to pong."""


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
    """

    __slots__ = ("_pinged_at", "_unanswered", "idle_s", "next_ping_at", "ping_interval_s", "pongs")

    def __init__(self, *, ping_interval_s: float, idle_s: float, pongs: bool, mono: float) -> None:
        self.ping_interval_s = ping_interval_s
        self.idle_s = idle_s
        self.pongs = pongs
        self.next_ping_at = mono + ping_interval_s if ping_interval_s else float("inf")
        self._pinged_at = mono
        self._unanswered = 0

    def look(self, heard_at: float, mono: float) -> Step:
        """What to do at ``mono``, the link having been heard last at ``heard_at``."""
        if mono - heard_at >= self.idle_s:
            return Step.DEAD
        if mono < self.next_ping_at:
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
