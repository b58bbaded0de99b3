"""What a simulated charger believes the time to be, and how fast the world of cars runs for it."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta

import attrs
import trio

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SET_CLOCK_BEYOND_MS = 2000
"""A charger whose clock is nearer than this to the server's leaves it alone: the rest is the network."""

LOOK_AGAIN_S = 60.0
"""Who waits for an instant looks at the clock so often."""

_ISO = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:?\d\d)?")


def iso(instant: int) -> str:
    """``2026-01-31T12:00:00.000Z`` for milliseconds since 1970."""
    moment = EPOCH + timedelta(milliseconds=instant)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{instant % 1000:03d}Z"


def parse_iso(text: str) -> int | None:
    """Milliseconds since 1970 for an ISO 8601 instant (UTC where no zone is named), or None when it is none."""
    match = _ISO.fullmatch(text.strip())
    if match is None:
        return None
    seconds, fraction, zone = match.groups()
    try:
        moment = datetime.fromisoformat(seconds + ("+00:00" if zone in (None, "Z") else zone))
    except ValueError:  # the right shape, but no such day
        return None
    return (moment - EPOCH) // timedelta(seconds=1) * 1000 + int(float(fraction or "0") * 1000)


@attrs.define(slots=True, eq=False)
class Clock:
    """One charger's clock.

    Instants are true (as far as the charger was told), but cars, people and meters run ``speed`` times faster: a charge of an hour
    takes a minute at speed 60. What the protocol times (heartbeats, retries, back-off, time-outs) is never accelerated.
    """

    epoch_ms: float
    started: float
    speed: float = 1.0
    offset_ms: int = 0

    @classmethod
    def start(cls, *, speed: float = 1.0, epoch_ms: int | None = None) -> Clock:
        """A clock that starts now, or at a given instant; it follows Trio's clock, real or simulated."""
        return cls(time.time() * 1000 if epoch_ms is None else epoch_ms, trio.current_time(), speed)

    def another(self, offset_ms: int = 0) -> Clock:
        """The same clock for another charger, wrong by ``offset_ms``."""
        return attrs.evolve(self, offset_ms=offset_ms)

    def now(self) -> int:
        """The instant that the charger would write into a message."""
        return int(self.epoch_ms + (trio.current_time() - self.started) * 1000) + self.offset_ms

    def now_iso(self) -> str:
        """The same as text."""
        return iso(self.now())

    def true_now(self) -> int:
        """The instant by the clock of this machine, whatever the charger believes."""
        return self.now() - self.offset_ms

    def told(self, text: str) -> bool:
        """Hear the server's time and follow it; whether that changed the clock."""
        instant = parse_iso(text)
        if instant is not None and abs(instant - self.now()) > SET_CLOCK_BEYOND_MS:
            self.offset_ms += instant - self.now()
            return True
        return False

    def world(self) -> float:
        """Seconds of the accelerated world, for physics."""
        return (trio.current_time() - self.started) * self.speed

    async def sleep(self, seconds: float) -> None:
        """Sleep seconds of the accelerated world."""
        await trio.sleep(seconds / self.speed)

    async def sleep_until(self, instant: int) -> None:
        """Sleep until it is an instant by this clock, which may be set meanwhile."""
        while (left_ms := instant - self.now()) > 0:  # noqa: ASYNC110 - clocks are set without notice
            await trio.sleep(min(left_ms / 1000, LOOK_AGAIN_S))

    async def sleep_until_world(self, world: float) -> None:
        """Sleep until an instant of the accelerated world."""
        await trio.sleep_until(self.started + world / self.speed)
