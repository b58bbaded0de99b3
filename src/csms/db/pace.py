"""What a consumer is made of besides its name: who takes its events, and how it is served."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs

from csms.core.events import Delivered

Handle = Callable[[Delivered], Awaitable[None]]
"""Takes one event, or raises to have it again."""


@attrs.frozen(slots=True, kw_only=True)
class Pace:
    """How a consumer is served."""

    parallel: int = 8
    """Keys at a time."""
    window: int = 1_000
    """Events in memory."""
    timeout_s: float = 60.0
    """Longest time for one event."""
    first_retry_s: float = 1.0
    longest_retry_s: float = 600.0
    save_every_s: float = 1.0
    """How much progress a crash may cost: those events are delivered again."""
    poll_s: float = 5.0
    """How soon work is seen that another process left (a replay, or events of another node)."""
    gather_s: float = 0.1
    """How long events that come one after the other wait at most to be read together."""
    late_poll_s: float = 0.02
    """How soon to look again for events that wait for an earlier transaction to end (PostgreSQL)."""
    most_retrying: int = 10_000
    """Events set aside, beyond which no new ones are read: the consumer as a whole is down."""
