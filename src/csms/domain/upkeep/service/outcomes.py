"""What the answer to a command means for what we asked."""

from __future__ import annotations

from csms.core.commands import Answered, CallError, NotSupported, Outcome


def obeyed(outcome: Outcome) -> bool | None:
    """Whether the charger will do what we asked; None where we cannot know."""
    if isinstance(outcome, Answered):
        return outcome.accepted
    return False if outcome.certain else None


def cannot(outcome: Outcome) -> bool:
    """Whether the charger, or its OCPP version, does not know the message at all."""
    return isinstance(outcome, NotSupported) or (
        isinstance(outcome, CallError) and outcome.code in ("NotSupported", "NotImplemented")
    )


def told(outcome: Outcome) -> str:
    """An outcome in a few words."""
    name = type(outcome).__name__
    said = getattr(outcome, "status", "") or getattr(outcome, "code", "") or getattr(outcome, "reason", "")
    return (f"{name}: {said}" if said else name)[:200]
