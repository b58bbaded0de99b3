"""The seam between a charger's link and whichever WebSocket framing carries its messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import trio

CLOSE_WAIT_S = 2.0
"""Longest wait for a peer to answer our close frame; then the socket is closed anyway."""
NEVER = float("-inf")


class Closed(Exception):
    """The connection is over: ``code`` and ``reason`` as in RFC 6455 §7.1.5 (1006 where there was no close frame)."""

    def __init__(self, code: int, reason: str = "") -> None:
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class Connection(Protocol):
    """An open WebSocket. One task receives; any number may send, and whole messages go out in the order of the calls."""

    @property
    def last_control_at(self) -> float:
        """Monotonic instant of the peer's latest ping or pong; ``NEVER`` before the first."""
        ...

    @property
    def last_pong_at(self) -> float:
        """Monotonic instant of the peer's latest pong; ``NEVER`` before the first."""
        ...

    async def receive(self) -> str | bytes:
        """The next message; control frames are dealt with on the way. Raises ``Closed``.

        A message over the limit closes the connection with 1009. Not calling this is how a link stops a charger from sending more.
        """
        ...

    async def send(self, text: str) -> None:
        """Send a text message. Raises ``Closed``. Cancelling it in the middle breaks the connection."""
        ...

    async def ping(self) -> None:
        """Send a ping without waiting for its pong. Raises ``Closed``."""
        ...

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye, wait up to ``CLOSE_WAIT_S`` for the answer, and free the socket. Safe to call more than once; never raises."""
        ...


Framing = Callable[[trio.abc.Stream, bytes, int, trio.Nursery], Connection]
"""``framing(stream, early, max_message_bytes, nursery)`` takes over a stream after the HTTP handshake.

``early`` is what the peer sent after its request; ``nursery`` may run the framing's own tasks and outlives the connection.
"""
