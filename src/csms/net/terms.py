"""What all links of a listener share, and how one of them ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs

from csms.core.ports import Admission, Clock, FrameEntry
from csms.core.quirks import NO_QUIRKS, Quirks
from csms.core.reports import Report, Verdict

from .budget import Budget
from .notices import Notice, unnoticed
from .observer import Observer

Hear = Callable[[Admission, Report], Awaitable[Verdict]]
"""Hears a report and returns its verdict once it is durable. Raises ``StoreUnavailable`` when nothing was stored."""
Log = Callable[[Admission, FrameEntry], Awaitable[None]]
"""Puts a frame into the frame log; waits only when the log cannot keep up."""

REASONS = frozenset({"peer_closed", "lost", "replaced", "silent", "stuck", "dropped", "protocol", "shutdown", "failed"})
"""Why a link ends, in words for metrics."""


@attrs.frozen(slots=True, kw_only=True, eq=False)
class Terms:
    """Who hears the chargers' reports, and how their links are treated."""

    hear: Hear
    log: Log
    clock: Clock
    observer: Observer
    inbox_limit: int
    ping_interval_s: float
    idle_heartbeats: float
    slow_message_s: float
    notice: Notice = unnoticed
    """Hears what a link does wrong besides its messages."""
    quirks_of: Callable[[str, str, str], Quirks] = lambda vendor, model, firmware: NO_QUIRKS
    """The quirks of a kind of charger, by vendor, model and firmware."""
    slow_messages: Budget = attrs.field(factory=lambda: Budget(50, per_s=1))
    """How many slow messages are logged with their stages; under overload all are slow, and metrics count them anyway."""
    complaints: Budget = attrs.field(factory=lambda: Budget(1, per_s=10))
    """How often it is said that the store is away."""


@attrs.frozen(slots=True, kw_only=True)
class Ending:
    """That a link shall end: the close frame to send, a word of ``REASONS``, and the monotonic instant when draining stops.

    ``answer`` is whether the peer is still worth talking to: if not, it is hung up on at once, and what it said is only committed.
    """

    code: int
    text: str
    reason: str
    answer: bool
    drain_until: float
