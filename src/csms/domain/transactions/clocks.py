"""Start and stop by a clock that cannot be trusted: what was said, what was meant, and an order that can have happened."""

from __future__ import annotations

import attrs

from csms.core.units import iso, parse_instant

from .model import Transaction

LONGEST_MS = 30 * 86_400_000
"""A transaction that a wrong clock makes longer than this was not that long: the clock was set in between."""

_LATEST_ISO_AT = 253_402_300_800_000


def said(at: int) -> str:
    """An instant as text, also where no calendar has it."""
    return iso(at) if 0 <= at < _LATEST_ISO_AT else str(at)


def meant(raw: str) -> int | None:
    """The instant that a text kept raw says by the charger's clock, None where it is none."""
    try:
        return parse_instant(raw)[0]
    except ValueError:
        return None


def straightened(subject: Transaction) -> Transaction:
    """A transaction whose stop is not before its start, whatever the charger's clock did; what was said stays in the raw fields.

    Where one wrong clock told both, the time between them is right, and neither can be later than we heard of it. Where the clock was
    set in between, a start that we had heard of before the stop was no later than that; else the stop is taken to the last moment that
    is known.
    """
    if subject.started_at is None or subject.stopped_at is None:
        return subject
    begin, end = subject.started_at, subject.stopped_at
    took = _took(subject)
    if took is not None and end - begin < took and (end < begin or subject.stopped_at_raw):
        if end < begin:
            latest = begin + took if subject.stop_received_at is None else max(begin, subject.stop_received_at)
            end = min(begin + took, latest)
        return _with(subject, end - took, end)
    if end >= begin:
        return subject
    if subject.received_at is not None and subject.received_at <= end:
        return _with(subject, subject.received_at, end)
    return _with(subject, begin, max(begin, subject.last_meter_at or 0))


def _took(subject: Transaction) -> int | None:
    """How long it took by a clock that we trusted at neither end; None where that says nothing."""
    if not subject.started_at_raw:
        return None
    begin = meant(subject.started_at_raw)
    end = meant(subject.stopped_at_raw) if subject.stopped_at_raw else subject.stopped_at
    if begin is None or end is None or not 0 <= end - begin <= LONGEST_MS:
        return None
    return end - begin


def _with(subject: Transaction, begin: int, end: int) -> Transaction:
    if begin != subject.started_at:
        subject = attrs.evolve(subject, started_at=begin, started_at_raw=subject.started_at_raw or said(subject.started_at or 0))
    if end != subject.stopped_at:
        subject = attrs.evolve(subject, stopped_at=end, stopped_at_raw=subject.stopped_at_raw or said(subject.stopped_at or 0))
    return subject
