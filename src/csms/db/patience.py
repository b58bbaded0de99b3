"""Whose writes let others go first: jobs and consumers of events have time, a charger or a caller who waits for an answer has none."""

from __future__ import annotations

from contextvars import ContextVar

PATIENT: ContextVar[bool] = ContextVar("PATIENT", default=False)
"""Whether what this task writes, and what its children write, is taken a few at a time behind everybody else's."""


def be_patient() -> None:
    """From now on this task, and every task that it starts, lets others write first."""
    PATIENT.set(True)
