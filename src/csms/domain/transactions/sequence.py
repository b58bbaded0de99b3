"""TransactionEvents (OCPP 2.x E01-E14) in their right order: what a transaction is, whatever order they arrived in.

A step is one event. ``advance`` applies the next one; ``refold`` makes the same transaction from all of them, for one that came late.
Both are pure. What is not said by events (an estimate, an operator's stop, a doubt) is left as it is.
"""

from __future__ import annotations

from collections.abc import Iterable

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
    transaction = attrs.evolve(
        transaction,
        last_seq_no=step.seq_no,
        last_event_at=step.occurred_at,
        received_at=transaction.received_at if transaction.received_at is not None else step.received_at,
        offline=transaction.offline or step.offline,
        reservation_id=transaction.reservation_id if transaction.reservation_id is not None else step.reservation_id,
    )
    begins = step.kind == STARTED and transaction.start_seq_no is None
    if begins or transaction.started_at is None:
        transaction = attrs.evolve(transaction, started_at=step.occurred_at, started_at_raw=step.raw_at)
    if begins:
        transaction = attrs.evolve(
            transaction, start_seq_no=step.seq_no, meter_start_wh=step.meter_wh, received_at=step.received_at
        )
    if step.evse and (not transaction.evse or (step.evse == transaction.evse and not transaction.connector)):
        transaction = attrs.evolve(transaction, evse=step.evse, connector=step.connector)
    if transaction.stop_source == REPORTED:
        return transaction
    if step.token and step.kind != ENDED and (not transaction.token or (transaction.refused and step.token_status == ACCEPTED)):
        transaction = attrs.evolve(  # the first token, or after refused ones the first that may charge: it is the one that pays
            transaction,
            token=step.token,
            token_kind=step.token_kind,
            token_id=step.token_id,
            driver_id=step.driver_id,
            token_status=step.token_status,
        )
    if step.charging_state:
        transaction = attrs.evolve(transaction, charging_state=step.charging_state)
    if step.kind == ENDED:
        transaction = attrs.evolve(
            transaction,
            state=COMPLETED,
            stop_source=REPORTED,
            stopped_at=step.occurred_at,
            stopped_at_raw=step.raw_at,
            meter_stop_wh=step.meter_wh,
            stop_reason=step.stop_reason,
            stop_token=step.token,
        )
    return transaction


def refold(transaction: Transaction, steps: Iterable[Step]) -> Transaction:
    """The transaction as all its steps, in order, make it; what events do not say is kept."""
    folded = _without_steps(transaction)
    for step in sorted(steps, key=lambda step: step.order):
        folded = advance(folded, step)
    return folded


def _without_steps(transaction: Transaction) -> Transaction:
    bare = attrs.evolve(
        transaction,
        evse=0,
        connector=0,
        started_at=None,
        started_at_raw="",
        received_at=None,
        meter_start_wh=None,
        charging_state="",
        start_seq_no=None,
        last_seq_no=None,
        last_event_at=None,
        reservation_id=None,
        offline=False,
    )
    if transaction.remote_start_id != transaction.id:  # where they are equal, the token is the one that we asked it to start for
        bare = attrs.evolve(bare, token="", token_kind="", token_id=None, driver_id=None, token_status="")
    if bare.stop_source != REPORTED:
        return bare
    return attrs.evolve(
        bare, state=RUNNING, stop_source="", stopped_at=None, stopped_at_raw="", meter_stop_wh=None, stop_reason="", stop_token=""
    )
