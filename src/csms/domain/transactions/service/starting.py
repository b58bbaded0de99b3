"""A transaction starts. Where the charger has no id of its own for it (OCPP 1.6), what it says at the start identifies it."""

from __future__ import annotations

import attrs

from csms.core.ids import charger_key
from csms.core.ports import Tx
from csms.core.reports import StartReported, Token, TransactionVerdict
from csms.domain.drivers.model import Judgement
from csms.domain.transactions.clocks import said
from csms.domain.transactions.measuring import believable
from csms.domain.transactions.model import ACCEPTED, DEFAULT_POLICY, NEXT_START, RUNNING, Transaction, TransactionPolicy
from csms.domain.transactions.store import rows

from . import pairing, sequencing
from .authority import judged
from .bounds import bounded
from .closing import estimate, make_room, settle
from .metering import keep_readings, reclaim, with_last
from .telling import put


def start(tx: Tx, report: StartReported, decision: TransactionPolicy | None) -> TransactionVerdict:
    """Hear that a transaction started (1.6 §4.8; 2.0.1 E01, E02): our id for it, and the token's verdict.

    A repeat gets the same id and the *current* verdict. A refused start is stored like any other and touches no other transaction;
    an accepted one ends what still seemed to go on at its connector, or is itself over where a later one is known already. A remote
    start that waits for it becomes this transaction; a stop that came before it ends it.
    """
    report = bounded(report)
    policy = decision or DEFAULT_POLICY
    tx.claim(charger_key(report.charger_id))
    if report.reference:
        return sequencing.started(tx, report, policy)
    repeated = rows.by_start(
        tx,
        report.charger_id,
        evse=report.place.evse,
        token="" if report.token is None else report.token.value,
        started_at=report.started_at,
        started_at_raw=report.started_at_raw,
        meter_start_wh=believable(report.meter_start_wh),
    )
    if repeated is not None:
        return _again(tx, repeated, report, policy)
    return _first(tx, report, policy)


def _again(tx: Tx, known: Transaction, report: StartReported, policy: TransactionPolicy) -> TransactionVerdict:
    judgement = _judged(tx, report, policy, besides=known.id)
    if judgement is None:
        return TransactionVerdict(known.id)
    if known.open and known.refused and judgement.verdict.accepted:  # the charger acts on what it hears last
        put(tx, known, attrs.evolve(known, token_status=ACCEPTED))
    return TransactionVerdict(known.id, judgement.verdict)


def _first(tx: Tx, report: StartReported, policy: TransactionPolicy) -> TransactionVerdict:
    token = report.token or Token("")
    asked = None
    if token.value:
        trusted = None if report.started_at_raw else report.started_at
        asked = rows.waiting_start(tx, report.charger_id, token=token.value, evse=report.place.evse, started_at=trusted)
    judgement = _judged(tx, report, policy, besides=0 if asked is None else asked.id)
    verdict = None if judgement is None else judgement.verdict
    is_over = False
    if report.place.evse and (verdict is None or verdict.accepted):
        later = [
            each
            for each in rows.after(tx, report.charger_id, report.place.evse, report.started_at)
            if _began(each) > report.started_at
        ]
        is_over = bool(later) and not _register_moved_on(report, later[0])
        if later and not is_over:  # the register says that the clock was set back
            report = attrs.evolve(report, started_at=report.received_at, started_at_raw=said(report.started_at))
        make_room(tx, report.charger_id, report.place.evse, besides=0, until=report.started_at if is_over else None)
    known = put(
        tx,
        asked,
        attrs.evolve(
            asked or Transaction(charger_id=report.charger_id),
            state=RUNNING,
            evse=report.place.evse,
            connector=report.place.connector,
            token=token.value,
            token_kind=token.kind,
            token_id=None if judgement is None else judgement.token_id,
            driver_id=None if judgement is None else judgement.driver_id,
            token_status="" if verdict is None else verdict.status,
            started_at=report.started_at,
            started_at_raw=report.started_at_raw,
            received_at=report.received_at,
            meter_start_wh=believable(report.meter_start_wh),
            reservation_id=report.reservation_id,
            charging_state=report.charging_state,
            offline=report.offline,
            note="",
        ),
    )
    if report.readings:
        measured = keep_readings(tx, report.charger_id, report.place, report.readings, known.id, report.received_at)
        known = put(tx, known, settle(tx, with_last(known, measured)))
    if is_over:
        known = estimate(tx, known, reason=NEXT_START)
    reclaim(tx, known)
    pairing.rematch(tx, report.charger_id)
    return TransactionVerdict(known.id, verdict)


def _began(known: Transaction) -> int:
    """When it began; it cannot have been later than we heard of it, whatever the charger's clock said."""
    began = known.started_at or 0
    return began if known.received_at is None else min(began, known.received_at)


def _register_moved_on(report: StartReported, other: Transaction) -> bool:
    """Whether the register shows that this start came after another transaction's, although the clock says before."""
    register = believable(report.meter_start_wh)
    return register is not None and other.meter_start_wh is not None and register > other.meter_start_wh


def _judged(tx: Tx, report: StartReported, policy: TransactionPolicy, *, besides: int) -> Judgement | None:
    if report.token is None:
        return None
    return judged(tx, report.token, policy, charger_id=report.charger_id, place=report.place, besides=besides, at=report.started_at)
