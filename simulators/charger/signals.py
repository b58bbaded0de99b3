"""Two small things to wait for: a nudge, and a switch."""

from __future__ import annotations

import trio


class Nudge:
    """Wakes everybody who waits now; whoever comes later waits for the next."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = trio.Event()

    def give(self) -> None:
        """Wake those who wait."""
        event, self._event = self._event, trio.Event()
        event.set()

    async def wait(self) -> None:
        """Wait for the next nudge."""
        await self._event.wait()


class Switch:
    """On or off; can be waited for in the on position."""

    __slots__ = ("_event",)

    def __init__(self, on: bool) -> None:
        self._event = trio.Event()
        if on:
            self._event.set()

    @property
    def is_on(self) -> bool:
        """Its position."""
        return self._event.is_set()

    def on(self) -> None:
        """Switch on."""
        self._event.set()

    def off(self) -> None:
        """Switch off."""
        if self._event.is_set():
            self._event = trio.Event()

    async def wait_on(self) -> None:
        """Wait until it is on."""
        while not self._event.is_set():
            await self._event.wait()
