"""What we ask of chargers and what operators decide: remote starts and stops, and an end by an operator's word."""

from __future__ import annotations

import attrs

from csms.core.commands import Outcome
from csms.core.errors import Invalid, NotFound, Refused
from csms.core.ids import Place, charger_key
from csms.core.outcomes import obeyed, told
from csms.core.ports import Tx
from csms.core.reports import Token
from csms.domain.transactions.clocks import said
from csms.domain.transactions.measuring import MOST_WH
from csms.domain.transactions.model import (
    BY_OPERATOR,
    EXPIRED,
    FAILED,
    OPERATOR,
    PENDING_START,
    PENDING_STOP,
    RUNNING,
    SUSPENDED,
    Transaction,
    TransactionPolicy,
)
from csms.domain.transactions.store import rows

from .authority import judged
from .closing import estimate
from .reconciling import SLICE
from .telling import put


def ask_start(tx: Tx, charger_id: str, token: Token, place: Place | None, policy: TransactionPolicy) -> int:
    """A transaction that waits for its start; its id is also the id of the request (2.x remoteStartId).

    Raises ``Refused`` when the token may not charge there or runs as many transactions as it may, those that wait counted.
    """
    tx.claim(charger_key(charger_id))
    where = place or Place()
    judgement = judged(tx, token, policy, charger_id=charger_id, place=where, waiting=True)
    if not judgement.verdict.accepted:
        why = f" ({judgement.verdict.message})" if judgement.verdict.message else ""
        raise Refused(f"token {token.value} may not charge at {charger_id}: {judgement.verdict.status}{why}")
    known = put(
        tx,
        None,
        Transaction(
            charger_id=charger_id,
            state=PENDING_START,
            evse=where.evse,
            connector=where.connector,
            token=token.value,
            token_kind=token.kind,
            token_id=judgement.token_id,
            driver_id=judgement.driver_id,
            token_status=judgement.verdict.status,
            deadline_at=tx.now + policy.pending_start_s * 1000,
        ),
    )
    put(tx, known, attrs.evolve(known, remote_start_id=known.id))
    return known.id


def start_answered(tx: Tx, transaction_id: int, outcome: Outcome, policy: TransactionPolicy) -> None:
    """Note what became of the request to start: refused or never sent, it failed; else it waits, from now on, for its transaction."""
    known = _known(tx, transaction_id)
    if known.state != PENDING_START:
        return  # the transaction began before the answer came, or the deadline passed
    if obeyed(outcome) is False:
        put(tx, known, attrs.evolve(known, state=FAILED, note=told(outcome)))
    else:
        put(tx, known, attrs.evolve(known, deadline_at=tx.now + policy.pending_start_s * 1000))


def ask_stop(tx: Tx, transaction_id: int) -> Transaction:
    """Note that we ask for its stop. Raises ``NotFound``, or ``Refused`` when it does not run."""
    known = _known(tx, transaction_id)
    if not known.open or not known.started:
        raise Refused(f"transaction {transaction_id} does not run: it is {known.state}")
    if known.state in (RUNNING, SUSPENDED):
        return put(tx, known, attrs.evolve(known, state=PENDING_STOP))
    return known


def stop_answered(tx: Tx, transaction_id: int, outcome: Outcome) -> None:
    """Note what became of the request to stop: where it certainly did nothing, the transaction goes on as before."""
    known = _known(tx, transaction_id)
    if known.state == PENDING_STOP and obeyed(outcome) is False:
        put(tx, known, attrs.evolve(known, state=known.live_state))


def expire_pending(tx: Tx) -> int:
    """Expire remote starts that no transaction followed in time; how many. Job: run until it says 0."""
    due = rows.overdue(tx, PENDING_START, SLICE)
    tx.claim(*sorted({charger_key(known.charger_id) for known in due}))
    for known in due:
        put(tx, known, attrs.evolve(known, state=EXPIRED, note="no transaction followed in time"))
    return len(due)


def force_stop(
    tx: Tx, transaction_id: int, note: str = "", *, meter_stop_wh: int | None = None, stopped_at: int | None = None
) -> Transaction:
    """End a transaction by an operator's word; the charger's own stop still replaces it.

    It ends with its last known meter value and at the last moment it is known to have gone on, unless the operator read the meter
    (``meter_stop_wh``) or knows better when. A remote start that waits is given up. Raises ``NotFound``, ``Refused`` when it has ended,
    or ``Invalid`` for an end before the start or a meter value under what was read before.
    """
    known = _known(tx, transaction_id)
    if not known.open:
        raise Refused(f"transaction {transaction_id} has ended: it is {known.state}")
    if not known.started:
        return put(tx, known, attrs.evolve(known, state=FAILED, note=note or "given up by an operator"))
    if stopped_at is not None and not known.last_known_at <= stopped_at <= tx.now:
        raise Invalid(f"it went on at {said(known.last_known_at)}: it ended between then and now", field="stopped_at")
    so_far = max((wh for wh in (known.meter_start_wh, known.last_meter_wh) if wh is not None), default=0)
    if meter_stop_wh is not None and not so_far <= meter_stop_wh <= so_far + MOST_WH:
        raise Invalid(f"the meter showed {so_far} Wh already, and {meter_stop_wh} Wh cannot follow", field="meter_stop_wh")
    if meter_stop_wh is not None or stopped_at is not None:
        read_at = known.last_known_at if stopped_at is None else stopped_at
        read = known.last_meter_wh if meter_stop_wh is None else meter_stop_wh
        known = put(tx, known, attrs.evolve(known, last_meter_at=read_at, last_meter_wh=read))
    return estimate(tx, known, reason=BY_OPERATOR, source=OPERATOR, note=note)


def _known(tx: Tx, transaction_id: int) -> Transaction:
    known = rows.by_id(tx, transaction_id)
    if known is None:
        raise NotFound(f"there is no transaction {transaction_id}")
    tx.claim(charger_key(known.charger_id))
    return known
