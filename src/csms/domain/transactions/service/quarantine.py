"""What operators do about messages that fitted nothing: give a stop to its transaction, or say that they were dealt with."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from csms.core.errors import NotFound, Refused
from csms.core.ids import charger_key
from csms.core.ports import ReadTx, Tx
from csms.domain.transactions.model import BY_OPERATOR, BY_STOP, COMPLETED, OPERATOR, REPORTED, Quarantined, Transaction
from csms.domain.transactions.store import audit, readings, rows

from . import pairing
from .bounds import bounded
from .closing import settle
from .metering import reclaim, recount
from .telling import put

NEAR_MS = 7 * 86_400_000
"""How long before a stop the transactions started that it may be the stop of."""


@attrs.frozen(slots=True, kw_only=True)
class QuarantinedDetail:
    """A quarantined message and, where it is a stop, the transactions that it may be the stop of, the likeliest first."""

    message: Quarantined
    candidates: Sequence[Transaction]


def quarantined_detail(tx: ReadTx, quarantine_id: int) -> QuarantinedDetail:
    """One quarantined message. Raises ``NotFound``."""
    message = _need(tx, quarantine_id)
    candidates: list[Transaction] = []
    if message.kind == audit.STOP:
        report = pairing.told(message)
        near = [
            each
            for each in rows.latest(tx, message.charger_id)
            if each.stop_source != REPORTED and -NEAR_MS < report.stopped_at - (each.started_at or 0) < NEAR_MS
        ]
        token = "" if report.token is None else report.token.value.casefold()
        candidates = sorted(
            near, key=lambda each: (each.token.casefold() != token, abs(report.stopped_at - (each.started_at or 0)))
        )
    return QuarantinedDetail(message=message, candidates=candidates)


def attach_stop(tx: Tx, quarantine_id: int, transaction_id: int, note: str = "") -> Transaction:
    """End a transaction by a quarantined stop, because an operator says that it is the stop of that one.

    It replaces an estimate, an operator's own end and a stop that was only guessed to be the transaction's; not one that the charger
    named. If the stop was guessed to be another transaction's, that one has ended by the operator's word from now on. Raises
    ``NotFound``, or ``Refused`` where it cannot be that transaction's.
    """
    message = _need(tx, quarantine_id)
    tx.claim(charger_key(message.charger_id))
    known = rows.by_id(tx, transaction_id)
    if known is None:
        raise NotFound(f"there is no transaction {transaction_id}")
    if message.kind != audit.STOP:
        raise Refused(f"quarantined message {quarantine_id} is no stop but {message.kind}; resolve it with a note instead")
    if message.transaction_id is not None and not message.guessed:
        raise Refused(f"stop {quarantine_id} was given to transaction {message.transaction_id} already")
    if known.charger_id != message.charger_id:
        raise Refused(f"transaction {transaction_id} is of charger {known.charger_id}, the stop of {message.charger_id}")
    if not known.started or known.reference:
        why = "has not started" if not known.started else "is one that the charger numbers itself"
        raise Refused(f"transaction {transaction_id} {why}")
    guess = audit.stop_of(tx, known.id)
    if known.stop_source == REPORTED and (guess is None or not guess.guessed):
        raise Refused(f"the charger itself reported the stop of transaction {transaction_id}")
    if guess is not None and guess.id != message.id:
        pairing.set_free(tx, known)
    before = message.transaction_id
    if before is not None and before != known.id:
        readings.release_stop(tx, before)
    audit.pair(tx, message.id, known.id, guessed=False, note=note or "given to it by an operator")
    ended = pairing.end_by(tx, known, bounded(pairing.told(message)), guessed=BY_STOP)
    if before is not None and before != known.id:
        _by_operator(tx, before, f"its stop was given to transaction {known.id}")
    pairing.rematch(tx, message.charger_id)
    return ended


def _by_operator(tx: Tx, transaction_id: int, note: str) -> None:
    known = rows.by_id(tx, transaction_id)
    if known is not None and known.state == COMPLETED:
        after = attrs.evolve(
            known,
            stop_source=OPERATOR,
            stop_reason=BY_OPERATOR,
            stop_token="",
            stopped_at_raw="",
            stop_received_at=None,
            note=note,
        )
        put(tx, known, settle(tx, after))
        reclaim(tx, after)
        recount(tx, known.id)


def resolve_quarantined(tx: Tx, quarantine_id: int, note: str) -> None:
    """Mark a quarantined message as dealt with. Raises ``NotFound`` when there is no such open one."""
    if not audit.resolve(tx, quarantine_id, note):
        raise NotFound(f"there is no open quarantined message {quarantine_id}")


def _need(tx: ReadTx, quarantine_id: int) -> Quarantined:
    found = audit.one_quarantined(tx, quarantine_id)
    if found is None:
        raise NotFound(f"there is no quarantined message {quarantine_id}")
    return found
