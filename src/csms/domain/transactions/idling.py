"""When a vehicle was connected and drew nothing, though it might have: by what the charger said, and by what its meter showed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from csms.core.pricing import MeterPoint, Span
from csms.core.reports import CHARGING, FAULTED, FINISHING, SUSPENDED_EV, SUSPENDED_EVSE, UNAVAILABLE

FLAT_MS = 300_000
"""A meter that stands still at the end for less than this may only be coarse."""

_IDLE = frozenset({SUSPENDED_EV, FINISHING})
_IDLE_AFTER_CHARGING = frozenset({"EVConnected", "Idle"})
"""2.x: before the charge has begun they mean that somebody is about to charge."""
_HELD_BACK = frozenset({SUSPENDED_EVSE, FAULTED, UNAVAILABLE})
"""The charger gave nothing: the vehicle might not have."""


def idle_spans(states: Sequence[tuple[int, str]], points: Sequence[MeterPoint], started_at: int, ended_at: int) -> tuple[Span, ...]:
    """The idle spans of a charge. ``states`` are ``(since, charging state or connector status)`` in order of time.

    The meter says so, too, where it stood still to the end for a while after it had moved, and the charger held nothing back.
    """
    idle: list[Span] = []
    held: list[Span] = []
    charged = False
    for number, (at, word) in enumerate(states):
        until = states[number + 1][0] if number + 1 < len(states) else ended_at
        span = Span(max(at, started_at), min(until, ended_at))
        charged = charged or word == CHARGING
        if span.from_at >= span.to_at:
            continue
        if word in _IDLE or (word in _IDLE_AFTER_CHARGING and charged):
            idle.append(span)
        elif word in _HELD_BACK:
            held.append(span)
    if (flat := _flat_end(points, ended_at)) is not None:
        idle += _without(flat, held)
    return _joined(idle)


def _flat_end(points: Sequence[MeterPoint], ended_at: int) -> Span | None:
    """From when on the register stood still: None where it never moved, moved to the end, or was not read again."""
    if len(points) < 3 or not points[-1].energy_wh or points[-2].energy_wh != points[-1].energy_wh:
        return None
    since = next(each.at for each in points if each.energy_wh == points[-1].energy_wh)
    return Span(since, ended_at) if ended_at - since >= FLAT_MS else None


def _without(span: Span, others: Iterable[Span]) -> list[Span]:
    rest, begin = [], span.from_at
    for other in others:
        if other.to_at <= begin or other.from_at >= span.to_at:
            continue
        if other.from_at > begin:
            rest.append(Span(begin, other.from_at))
        begin = max(begin, other.to_at)
    return [*rest, Span(begin, span.to_at)] if begin < span.to_at else rest


def _joined(spans: Iterable[Span]) -> tuple[Span, ...]:
    joined: list[Span] = []
    for span in sorted(spans, key=lambda each: each.from_at):
        if joined and span.from_at <= joined[-1].to_at:
            joined[-1] = Span(joined[-1].from_at, max(joined[-1].to_at, span.to_at))
        else:
            joined.append(span)
    return tuple(joined)
