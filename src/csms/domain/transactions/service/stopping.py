"""A transaction ends by the charger's word, whatever it calls the transaction by then."""

from __future__ import annotations

from csms.core.ids import MAX_TRANSACTION_ID, Place, charger_key
from csms.core.ports import Tx
from csms.core.reports import Mangled, StopReported, TransactionVerdict
from csms.domain.drivers.model import Judgement
from csms.domain.transactions.clocks import said
from csms.domain.transactions.measuring import ROUNDING_WH, believable, stop_register
from csms.domain.transactions.model import DEFAULT_POLICY, REPORTED, Transaction, TransactionPolicy
from csms.domain.transactions.store import audit, rows

from . import pairing, sequencing
from .authority import shown_at_stop
from .bounds import bounded


def stop(tx: Tx, report: StopReported, decision: TransactionPolicy | None) -> TransactionVerdict:
    """Hear that a transaction stopped (1.6 §4.10; 2.0.1 E06).

    The first stop that the charger reports wins, over an estimate at any time; later ones are kept for audit. One that names no
    transaction of ours (1.6 errata 3.18: -1 where no id was learned) is matched by token, time and meter, now or when its start
    arrives, else quarantined; it is always answered.
    """
    report = bounded(report)
    policy = decision or DEFAULT_POLICY
    tx.claim(charger_key(report.charger_id))
    if report.reference:
        return sequencing.ended(tx, report, policy)
    judgement = _judgement(tx, report, policy)
    verdict = None if judgement is None else judgement.verdict
    known = _named(tx, report) or _repeated(tx, report)
    if known is None:
        return TransactionVerdict(pairing.hear(tx, report) or 0, verdict)
    _end(tx, known, report)
    return TransactionVerdict(known.id, verdict)


def _end(tx: Tx, known: Transaction, report: StopReported) -> None:
    if known.stop_source != REPORTED:
        pairing.end_by(tx, known, report)
    elif not _is_repeat(known, report):
        if not _is_guessed(tx, known):
            audit.late_stop(tx, known.id, report)
            return
        pairing.set_free(tx, known)
        pairing.end_by(tx, known, report)
        pairing.rematch(tx, report.charger_id)


def _is_guessed(tx: Tx, known: Transaction) -> bool:
    """Whether its stop named no transaction: one that does goes before it."""
    stop = audit.stop_of(tx, known.id)
    return stop is not None and stop.guessed


def mangled(tx: Tx, report: Mangled, decision: TransactionPolicy | None) -> TransactionVerdict:
    """Keep a transaction message that lacks a field, and answer it: refused, a charger would discard it (1.6 §3.7.1)."""
    tx.claim(charger_key(report.charger_id))
    audit.quarantine(tx, report, kind="mangled", problem=f"{report.action} without {', '.join(report.missing)}")
    return TransactionVerdict(0)


def _judgement(tx: Tx, report: StopReported, policy: TransactionPolicy) -> Judgement | None:
    if report.token is None:
        return None
    return shown_at_stop(tx, report.token, policy, charger_id=report.charger_id, place=report.place or Place())


def _named(tx: Tx, report: StopReported) -> Transaction | None:
    """The charger's transaction of the id it gave, unless that is by chance the number that the charger gave to another one."""
    claimed = report.transaction_id
    if claimed is None or not 0 < claimed <= MAX_TRANSACTION_ID:
        return None
    known = rows.of_charger(tx, report.charger_id, claimed)
    if known is None or not known.started or known.reference:
        return None
    return None if _is_another(tx, known, report) else known


def _is_another(tx: Tx, known: Transaction, report: StopReported) -> bool:
    """Whether the charger means another transaction, which it gave the same number itself.

    It does where two of token, time and register contradict ours, or one does and another transaction fits; and where ours had ended at
    another value before, and another fits.
    """
    doubts = _contradictions(tx, known, report)
    if doubts > 1:
        return True
    if known.stop_source == REPORTED and not doubts:
        if _is_repeat(known, report):
            return False
        later = report.stopped_at > (known.stopped_at or 0) and report.meter_stop_wh not in (None, known.meter_stop_wh)
    else:
        later = False
    if not doubts and not later:
        return False
    other = pairing.fitting(tx, report)
    if other is not None and other.id != known.id:
        return True
    return bool(doubts) and known.stop_source == REPORTED and _is_guessed(tx, known)


def _contradictions(tx: Tx, known: Transaction, report: StopReported) -> int:
    """In how many ways the transaction cannot have stopped so: a stranger's token, before it began, under its register."""
    trusted = not report.stopped_at_raw and not known.started_at_raw
    early = trusted and known.started_at is not None and report.stopped_at < known.started_at
    register = believable(report.meter_stop_wh)
    under = register is not None and known.meter_start_wh is not None and register < known.meter_start_wh - ROUNDING_WH
    return (not pairing.may_stop(tx, report.token, known)) + early + under


def _repeated(tx: Tx, report: StopReported) -> Transaction | None:
    """The transaction that this very stop ended before, when it named none of ours then either."""
    return rows.ended_by(
        tx,
        report.charger_id,
        stopped_at=report.stopped_at,
        stopped_at_raw=report.stopped_at_raw,
        meter_stop_wh=believable(report.meter_stop_wh),
        reason=report.reason,
        token="" if report.token is None else report.token.value,
    )


def _is_repeat(known: Transaction, report: StopReported) -> bool:
    """Whether this is the very stop that the transaction ended by."""
    same_time = (report.stopped_at_raw or said(report.stopped_at)) == (known.stopped_at_raw or said(known.stopped_at or 0))
    token = "" if report.token is None else report.token.value
    register = stop_register(report.meter_stop_wh, report.readings, known.meter_start_wh)
    same_value = register is None or known.meter_stop_wh in (register, believable(report.meter_stop_wh))
    return same_time and same_value and (report.reason, token) == (known.stop_reason, known.stop_token)
