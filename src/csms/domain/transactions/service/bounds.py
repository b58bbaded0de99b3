"""Texts by which transactions are found, cut to what an index can hold."""

from __future__ import annotations

from typing import Any, TypeVar

import attrs

from csms.core.reports import StartReported, StopReported, Token, UpdateReported

LONGEST = 255
"""No version allows a token or a transaction id of more than 36 characters; PostgreSQL refuses index rows from about 2,700 bytes."""

_RAW = {StartReported: "started_at_raw", UpdateReported: "updated_at_raw", StopReported: "stopped_at_raw"}

R = TypeVar("R", StartReported, UpdateReported, StopReported)


def bounded(report: R) -> R:
    """The same report, unless its token, reference or unreadable time is absurdly long."""
    changes: dict[str, Any] = {}
    if report.token is not None and len(report.token.value) > LONGEST:
        changes["token"] = Token(report.token.value[:LONGEST], report.token.kind)
    if len(report.reference) > LONGEST:
        changes["reference"] = report.reference[:LONGEST]
    raw = _RAW[type(report)]
    if len(getattr(report, raw)) > LONGEST:
        changes[raw] = getattr(report, raw)[:LONGEST]
    return attrs.evolve(report, **changes) if changes else report
