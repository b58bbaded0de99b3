"""Verbs of the profiles slice: templates and where they are wanted, what is sent to chargers, and what they say."""

from __future__ import annotations

from .aligning import align
from .assigning import assign, assign_as, need_assignment, unassign, unassign_by_id
from .clearing import clear_answered, clearing
from .composites import Composite, believed, composite
from .hearing import booted, transaction_over, transaction_started
from .sending import answered, keep_limits, request, take
from .starting import for_start, start_answered
from .templates import (
    add_template,
    alter_template,
    change_template,
    need_by_id,
    need_shown,
    need_template,
    remove_by_id,
    remove_template,
)
from .tidying import tidy

__all__ = [
    "Composite",
    "add_template",
    "align",
    "alter_template",
    "answered",
    "assign",
    "assign_as",
    "believed",
    "booted",
    "change_template",
    "clear_answered",
    "clearing",
    "composite",
    "for_start",
    "keep_limits",
    "need_assignment",
    "need_by_id",
    "need_shown",
    "need_template",
    "remove_by_id",
    "remove_template",
    "request",
    "start_answered",
    "take",
    "tidy",
    "transaction_over",
    "transaction_started",
    "unassign",
    "unassign_by_id",
]
