"""Channels of messages for tests: they keep what they are given to send, and answer as a test says."""

from __future__ import annotations

from types import SimpleNamespace

import attrs
import trio

from csms.core.messages import Outgoing, Receipt
from csms.hooks import Channel, hookimpl

PATIENCE_S = 10.0


@attrs.define(slots=True, eq=False)
class FakeChannel:
    """A channel. Each message takes the next of ``answers``: an exception is raised, a receipt returned; then all are taken.

    A ``gate`` keeps every message until it is open. ``attempts`` is everything that it was given, ``sent`` what it took.
    """

    name: str = "email"
    answers: list[Receipt | Exception] = attrs.field(factory=list)
    gate: trio.Event | None = None
    attempts: list[Outgoing] = attrs.field(factory=list)
    sent: list[Outgoing] = attrs.field(factory=list)
    found: str | Exception = "all is well"
    most_at_once: int = 0
    _at_once: int = 0
    _news: trio.Event = attrs.field(factory=trio.Event)

    async def send(self, message: Outgoing, /) -> Receipt:
        """Take a message, or do as the test says."""
        self.attempts.append(message)
        self._ring()
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await trio.lowlevel.checkpoint()
            if self.gate is not None:
                await self.gate.wait()
        finally:
            self._at_once -= 1
        answer = self.answers.pop(0) if self.answers else Receipt(channel_id=f"{self.name}-{len(self.sent) + 1}")
        if isinstance(answer, Exception):
            raise answer
        self.sent.append(message)
        self._ring()
        return answer

    async def check(self) -> str:
        """What the test says was found."""
        await trio.lowlevel.checkpoint()
        if isinstance(self.found, Exception):
            raise self.found
        return self.found

    async def until(self, count: int, *, attempts: bool = False) -> list[Outgoing]:
        """Wait until it took (or was given) so many. Raises ``trio.TooSlowError`` after ``PATIENCE_S``."""
        with trio.fail_after(PATIENCE_S):
            while len(self.attempts if attempts else self.sent) < count:
                await self._news.wait()
        return self.attempts if attempts else self.sent

    def _ring(self) -> None:
        self._news.set()
        self._news = trio.Event()


def plugin_of(*channels: Channel) -> SimpleNamespace:
    """A plugin that brings these channels, for ``running_server(..., plugins={"name": plugin_of(...)})``."""

    @hookimpl
    def register_channels() -> tuple[Channel, ...]:
        return channels

    return SimpleNamespace(register_channels=register_channels)
