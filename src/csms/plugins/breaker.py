"""A circuit breaker: after enough failures in a row it rests what fails, then lets one call through to see whether it works again."""

from __future__ import annotations

import attrs
import trio


@attrs.define(slots=True, eq=False)
class Breaker:
    """Closed: everything passes. Open: nothing does for ``wait_s``. Half-open: one call (the probe) decides which it will be.

    Whoever was admitted says ``succeeded``, ``failed`` or, when it was cancelled before it knew, ``left``.
    """

    failures_limit: int
    wait_s: float
    _failures_in_a_row: int = attrs.field(default=0, init=False)
    _rests_until: float | None = attrs.field(default=None, init=False)
    _probing: bool = attrs.field(default=False, init=False)
    _changed: trio.Event = attrs.field(factory=trio.Event, init=False)

    def state(self) -> str:
        """``closed``, ``open`` or ``half-open``."""
        if self._rests_until is None:
            return "closed"
        return "open" if not self._probing and trio.current_time() < self._rests_until else "half-open"

    def admits(self) -> bool:
        """Whether a call may be made now. The one that a half-open breaker admits is the probe."""
        if self._rests_until is None:
            return True
        if self._probing or trio.current_time() < self._rests_until:
            return False
        self._probing = True
        return True

    async def turn(self) -> None:
        """Wait until a call may be made: at most the rest and the probes of those who waited longer."""
        while not self.admits():
            until = trio.current_time() + self.wait_s if self._probing or self._rests_until is None else self._rests_until
            with trio.move_on_at(until):
                await self._changed.wait()

    def succeeded(self) -> None:
        """The call worked: close."""
        if self._failures_in_a_row:
            self._failures_in_a_row, self._rests_until = 0, None
            self._settle()

    def failed(self) -> None:
        """The call failed: open when it was the probe, or the last of too many."""
        self._failures_in_a_row += 1
        if self._failures_in_a_row >= self.failures_limit:
            self._rests_until = trio.current_time() + self.wait_s
            self._settle()

    def left(self) -> None:
        """The call was cancelled: somebody else may probe."""
        if self._probing:
            self._settle()

    def _settle(self) -> None:
        self._probing = False
        changed, self._changed = self._changed, trio.Event()
        changed.set()
