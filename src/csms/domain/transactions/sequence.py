"""TransactionEvents (OCPP 2.x E01-E14) in their right order: what a transaction is, whatever order they arrived in.

A step is one event. ``advance`` applies the next one; ``refold`` makes the same transaction from all of them, for one that came late.
Both are pure. What is not said by events (an estimate, an operator's stop, a doubt) is left as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs

from .model import ACCEPTED, COMPLETED, REPORTED, RUNNING, Transaction

STARTED, UPDATED, ENDED = "started", "updated", "ended"
_RANK = {STARTED: 0, UPDATED: 1, ENDED: 2}


@attrs.frozen(slots=True, kw_only=True)
class Step:
    """One TransactionEvent. ``said_at`` is its moment as the charger said it; ``occurred_at`` the instant we take it for."""

    kind: str
    seq_no: int
    occurred_at: int
    said_at: str
    received_at: int
    evse: int = 0
    connector: int = 0
    token: str = ""
    token_kind: str = ""
    token_id: int | None = None
    driver_id: int | None = None
    token_status: str = ""
    charging_state: str = ""
    cause: str = ""
    stop_reason: str = ""
    meter_wh: int | None = None
    reservation_id: int | None = None
    remote_start_id: int | None = None
    offline: bool = attrs.field(default=False, converter=bool)

    @property
    def order(self) -> tuple[int, int, int, str]:
        """By number; where a charger uses a number twice, by time."""
        return self.seq_no, self.occurred_at, _RANK[self.kind], self.said_at

    @property
    def raw_at(self) -> str:
        """What the charger said of the time, where that could not be trusted."""
        return "" if self.said_at == str(self.occurred_at) else self.said_at


def follows(transaction: Transaction, step: Step) -> bool:
    """Whether a step comes after all that the transaction was made of, so that ``advance`` may apply it."""
    if transaction.last_seq_no is None:
        return True
    return (step.seq_no, step.occurred_at) > (transaction.last_seq_no, transaction.last_event_at or 0)


def advance(transaction: Transaction, step: Step) -> Transaction:
    """The transaction after its next step. Once ended by the charger it only remembers that there was another."""
    facts = _facts(transaction)
    _apply(facts, step)
    return Transaction(**facts)


def refold(transaction: Transaction, steps: Iterable[Step]) -> Transaction:
    """The transaction as all its steps, in order, make it; what events do not say is kept."""
    facts = _facts(transaction) | _UNSAID
    if transaction.remote_start_id != transaction.id:  # where they are equal, the token is the one that we asked it to start for
        facts |= _NO_TOKEN
    if transaction.stop_source == REPORTED:
        facts |= _NOT_STOPPED
    for step in sorted(steps, key=lambda step: step.order):
        _apply(facts, step)
    return Transaction(**facts)


Facts = dict[str, Any]

_FIELDS = tuple(field.name for field in attrs.fields(Transaction))
_UNSAID: Facts = {
    "evse": 0,
    "connector": 0,
    "started_at": None,
    "started_at_raw": "",
    "received_at": None,
    "meter_start_wh": None,
    "charging_state": "",
    "start_seq_no": None,
    "last_seq_no": None,
    "last_event_at": None,
    "reservation_id": None,
    "offline": False,
}
_NO_TOKEN: Facts = {"token": "", "token_kind": "", "token_id": None, "driver_id": None, "token_status": ""}
_NOT_STOPPED: Facts = {
    "state": RUNNING,
    "stop_source": "",
    "stopped_at": None,
    "stopped_at_raw": "",
    "meter_stop_wh": None,
    "stop_reason": "",
    "stop_token": "",
}


def _facts(transaction: Transaction) -> Facts:
    return {name: getattr(transaction, name) for name in _FIELDS}


def _apply(facts: Facts, step: Step) -> None:
    begins = step.kind == STARTED and facts["start_seq_no"] is None
    if begins or facts["started_at"] is None:
        facts["started_at"], facts["started_at_raw"] = step.occurred_at, step.raw_at
    if begins or facts["received_at"] is None:
        facts["received_at"] = step.received_at
    if begins:
        facts["start_seq_no"], facts["meter_start_wh"] = step.seq_no, step.meter_wh
    if facts["reservation_id"] is None:
        facts["reservation_id"] = step.reservation_id
    facts["offline"] = facts["offline"] or step.offline
    facts["last_seq_no"], facts["last_event_at"] = step.seq_no, step.occurred_at
    if step.evse and (not facts["evse"] or (step.evse == facts["evse"] and not facts["connector"])):
        facts["evse"], facts["connector"] = step.evse, step.connector
    if facts["stop_source"] == REPORTED:
        return
    if step.charging_state:
        facts["charging_state"] = step.charging_state
    if step.kind == ENDED:
        facts["state"], facts["stop_source"] = COMPLETED, REPORTED
        facts["stopped_at"], facts["stopped_at_raw"] = step.occurred_at, step.raw_at
        facts["meter_stop_wh"], facts["stop_reason"], facts["stop_token"] = step.meter_wh, step.stop_reason, step.token
    elif step.token and _is_better(step, facts):
        facts["token"], facts["token_kind"], facts["token_status"] = step.token, step.token_kind, step.token_status
        facts["token_id"], facts["driver_id"] = step.token_id, step.driver_id


def _is_better(step: Step, facts: Facts) -> bool:
    """Whether the token of a step is the transaction's: the first one, or after refused ones the first that may charge. It pays."""
    return not facts["token"] or (facts["token_status"] != ACCEPTED and step.token_status == ACCEPTED)
