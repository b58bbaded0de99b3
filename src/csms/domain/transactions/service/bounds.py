"""What a charger says, kept within what an index can hold and within what can have happened."""

from __future__ import annotations

from typing import Any, TypeVar

import attrs

from csms.core.reports import Reading, StartReported, StopReported, Token, UpdateReported
from csms.domain.transactions.clocks import said
from csms.domain.transactions.model import AHEAD_MS

LONGEST = 255
"""No version allows a token or a transaction id of more than 36 characters; PostgreSQL refuses index rows from about 2,700 bytes."""

R = TypeVar("R", StartReported, UpdateReported, StopReported)
_TIME = {StartReported: "started_at", UpdateReported: "updated_at", StopReported: "stopped_at"}


def bounded(report: R) -> R:
    """The same report, unless its token, reference or unreadable time is absurdly long, or its time lies in the future."""
    changes: dict[str, Any] = {}
    if report.token is not None and len(report.token.value) > LONGEST:
        changes["token"] = Token(report.token.value[:LONGEST], report.token.kind)
    if len(report.reference) > LONGEST:
        changes["reference"] = report.reference[:LONGEST]
    time = _TIME[type(report)]
    at, raw = getattr(report, time), getattr(report, f"{time}_raw")
    if at > report.received_at + AHEAD_MS:
        changes |= {time: report.received_at, f"{time}_raw": said(at)}
    elif len(raw) > LONGEST:
        changes[f"{time}_raw"] = raw[:LONGEST]
    if any(reading.sampled_at > report.received_at + AHEAD_MS for reading in report.readings):
        changes["readings"] = happened(report.readings, report.received_at)
    return attrs.evolve(report, **changes) if changes else report


def happened(readings: tuple[Reading, ...], received_at: int) -> tuple[Reading, ...]:
    """Readings, with the time of receipt for those that are said to be of the future."""
    latest = received_at + AHEAD_MS
    return tuple(
        reading if reading.sampled_at <= latest else Reading(received_at, reading.samples, said(reading.sampled_at))
        for reading in readings
    )
