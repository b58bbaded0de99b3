"""Whose writes let others go first: jobs and consumers of events have time, a charger or a caller who waits for an answer has none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

PATIENT: ContextVar[bool] = ContextVar("PATIENT", default=False)
"""Whether what this task writes is taken a few at a time, behind everybody else's."""


@contextmanager
def patient() -> Iterator[None]:
    """Within this, what the task writes, and every task that it starts, lets others write first."""
    before = PATIENT.set(True)
    try:
        yield
    finally:
        PATIENT.reset(before)
