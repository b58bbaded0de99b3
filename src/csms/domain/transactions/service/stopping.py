"""A transaction ends by the charger's word, whatever it calls the transaction by then."""

from __future__ import annotations

import attrs

from csms.core.ids import MAX_TRANSACTION_ID, Place, charger_key
from csms.core.ports import Tx
from csms.core.reports import Mangled, StopReported, TransactionVerdict
from csms.domain.drivers.model import Judgement
from csms.domain.transactions.measuring import ROUNDING_WH, believable
from csms.domain.transactions.model import COMPLETED, DEFAULT_POLICY, REPORTED, Transaction, TransactionPolicy
from csms.domain.transactions.store import audit, rows

from . import sequencing
from .authority import shown_at_stop
from .bounds import bounded, said
from .closing import settle
from .metering import keep_readings, with_last
from .telling import put


def stop(tx: Tx, report: StopReported, decision: TransactionPolicy | None) -> TransactionVerdict:
    """Hear that a transaction stopped (1.6 §4.10; 2.0.1 E06).

    The first stop that the charger reports wins, over an estimate at any time; later ones are kept for audit. One that names no
    transaction of ours (1.6 errata 3.18: -1 where no id was learned) is matched by token, time and meter, else quarantined; it is
    always answered.
    """
    report = bounded(report)
    policy = decision or DEFAULT_POLICY
    tx.claim(charger_key(report.charger_id))
    if report.reference:
        return sequencing.ended(tx, report, policy)
    judgement = _judgement(tx, report, policy)
    verdict = None if judgement is None else judgement.verdict
    known = _named(tx, report) or _repeated(tx, report) or _matched(tx, report, judgement)
    if known is None:
        audit.quarantine(
            tx,
            report,
            kind="stop",
            problem="a stop that fits no transaction",
            heard_transaction="" if report.transaction_id is None else str(report.transaction_id),
        )
        return TransactionVerdict(0, verdict)
    if known.stop_source != REPORTED:
        _close(tx, known, report)
    elif not _is_repeat(known, report):
        audit.late_stop(tx, known.id, report)
    return TransactionVerdict(known.id, verdict)


def mangled(tx: Tx, report: Mangled, decision: TransactionPolicy | None) -> TransactionVerdict:
    """Keep a transaction message that lacks a field, and answer it: refused, a charger would discard it (1.6 §3.7.1)."""
    tx.claim(charger_key(report.charger_id))
    audit.quarantine(tx, report, kind="mangled", problem=f"{report.action} without {', '.join(report.missing)}")
    return TransactionVerdict(0)


def _judgement(tx: Tx, report: StopReported, policy: TransactionPolicy) -> Judgement | None:
    if report.token is None:
        return None
    return shown_at_stop(tx, report.token, policy, charger_id=report.charger_id, place=report.place or Place())


def _close(tx: Tx, known: Transaction, report: StopReported) -> None:
    measured = keep_readings(tx, report.charger_id, known.place, report.readings, known.id, report.received_at)
    stopped = attrs.evolve(
        with_last(known, measured),
        state=COMPLETED,
        stop_source=REPORTED,
        stopped_at=report.stopped_at,
        stopped_at_raw=report.stopped_at_raw,
        meter_stop_wh=believable(report.meter_stop_wh),
        stop_reason=report.reason,
        stop_token="" if report.token is None else report.token.value,
        offline=known.offline or report.offline,
    )
    put(tx, known, settle(tx, stopped))


def _named(tx: Tx, report: StopReported) -> Transaction | None:
    """The charger's transaction of the id it gave."""
    claimed = report.transaction_id
    if claimed is None or not 0 < claimed <= MAX_TRANSACTION_ID:
        return None
    known = rows.of_charger(tx, report.charger_id, claimed)
    return known if known is not None and known.started and not known.reference else None


def _repeated(tx: Tx, report: StopReported) -> Transaction | None:
    """The transaction that this very stop ended before, when it named none of ours then either."""
    return rows.ended_by(
        tx,
        report.charger_id,
        stopped_at=report.stopped_at,
        stopped_at_raw=report.stopped_at_raw,
        meter_stop_wh=believable(report.meter_stop_wh),
        reason=report.reason,
    )


def _matched(tx: Tx, report: StopReported, judgement: Judgement | None) -> Transaction | None:
    """The one transaction without a reported stop that this may be the stop of: an open one before estimates; None where several may."""
    fitting = [known for known in rows.without_stop(tx, report.charger_id, report.stopped_at) if _fits(known, report, judgement)]
    candidates = [known for known in fitting if known.open] or fitting
    return candidates[0] if len(candidates) == 1 else None


def _fits(known: Transaction, report: StopReported, judgement: Judgement | None) -> bool:
    if report.place is not None and report.place.evse not in (0, known.evse):
        return False
    meter_stop = believable(report.meter_stop_wh)
    so_far = max((wh for wh in (known.meter_start_wh, known.last_meter_wh) if wh is not None), default=None)
    if meter_stop is not None and so_far is not None and meter_stop < so_far - ROUNDING_WH:
        return False
    if report.token is None or report.token.value.casefold() == known.token.casefold():
        return True
    return judgement is not None and judgement.driver_id is not None and judgement.driver_id == known.driver_id


def _is_repeat(known: Transaction, report: StopReported) -> bool:
    """Whether this is the very stop that the transaction ended by."""
    same_time = (report.stopped_at_raw or said(report.stopped_at)) == (known.stopped_at_raw or said(known.stopped_at or 0))
    meter_stop = believable(report.meter_stop_wh)
    return same_time and report.reason == known.stop_reason and meter_stop in (None, known.meter_stop_wh)
