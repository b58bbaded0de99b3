"""Verbs on reservations: what operators ask, what chargers answer and show, and what time does."""

from .asking import ask_again, change, need_reservation, reserve
from .cancelling import cancel, cancel_answered
from .ending import expire
from .hearing import answered, booted, start_seen, status_seen
from .judging import objection

__all__ = [
    "answered",
    "ask_again",
    "booted",
    "cancel",
    "cancel_answered",
    "change",
    "expire",
    "need_reservation",
    "objection",
    "reserve",
    "start_seen",
    "status_seen",
]
