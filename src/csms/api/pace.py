"""How many requests begin in one pass of the event loop, so that the passes stay short for chargers.

A message of a charger takes about six passes (read, understood, written, committed, answered, sent), and waits in each for everything else
that is ready to run. Where thirty requests come at once they stand in line here instead, and each pass brings the first few of them on.
"""

from __future__ import annotations

from collections import deque

import trio


class _Place:
    """A place in the line."""

    __slots__ = ("admitted", "called")

    def __init__(self) -> None:
        self.called = trio.Event()
        """Set when it is admitted, or first in line."""
        self.admitted = False


class Pace(trio.abc.Instrument):
    """``per_pass`` requests may begin in a pass. Trio tells of each; the first in line looks once in each whether it may go on."""

    def __init__(self, per_pass: int) -> None:
        self._per_pass = self._left = per_pass
        self._line: deque[_Place] = deque()
        self._watching: trio.lowlevel.TrioToken | None = None

    def after_io_wait(self, timeout: float) -> None:
        """A pass begins."""
        self._left = self._per_pass

    @property
    def waiting(self) -> int:
        """How many stand in line."""
        return len(self._line)

    async def begin(self) -> None:
        """Go on at once, or in one's turn."""
        token = trio.lowlevel.current_trio_token()
        if self._watching is not token:
            trio.lowlevel.add_instrument(self)
            self._watching, self._left = token, self._per_pass
        if self._left and not self._line:
            self._left -= 1
            return
        place = _Place()
        self._line.append(place)
        try:
            if self._line[0] is not place:
                await place.called.wait()
            while not place.admitted:
                if self._left:
                    self._admit()
                else:
                    await trio.lowlevel.checkpoint()
        finally:
            if not place.admitted:
                self._line.remove(place)
            if self._line:
                self._line[0].called.set()

    def _admit(self) -> None:
        """As many as may still begin in this pass, the first in line among them."""
        while self._left and self._line:
            place = self._line.popleft()
            place.admitted = True
            place.called.set()
            self._left -= 1
