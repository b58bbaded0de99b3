"""A transaction that the charger numbers itself (OCPP 2.x): each event once, in its own order, however they arrive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from csms.core.ids import Place, charger_key
from csms.core.ports import Tx
from csms.core.reports import StartReported, StopReported, Token, TransactionVerdict, UpdateReported
from csms.domain.drivers.model import Judgement
from csms.domain.transactions.measuring import Measured, believable, measure, newest, oldest
from csms.domain.transactions.model import (
    CLOSED_STATES,
    DEFAULT_POLICY,
    EXPIRED,
    PENDING_RECONCILIATION,
    PENDING_STOP,
    RUNNING,
    MeterValues,
    Transaction,
    TransactionPolicy,
)
from csms.domain.transactions.sequence import ENDED, STARTED, UPDATED, Step, advance, follows, refold
from csms.domain.transactions.store import readings, rows, steps

from .authority import judged, shown_at_stop
from .bounds import bounded
from .closing import make_room, settle
from .metering import with_last
from .telling import put

UNNUMBERED = -1


Told = StartReported | UpdateReported | StopReported


def started(tx: Tx, report: StartReported, policy: TransactionPolicy) -> TransactionVerdict:
    """TransactionEvent(Started)."""
    measured = [measure(reading) for reading in report.readings]
    first = oldest(measured)
    begin = believable(report.meter_start_wh)
    step = _step(
        report,
        STARTED,
        report.started_at,
        report.started_at_raw,
        meter_wh=begin if begin is not None or first is None else first.energy_wh,
        charging_state=report.charging_state,
        reservation_id=report.reservation_id,
        remote_start_id=report.remote_start_id,
    )
    return _take(tx, report, step, measured, policy)


def update(tx: Tx, report: UpdateReported, decision: TransactionPolicy | None) -> TransactionVerdict:
    """Hear news of a transaction (2.0.1 E02 and others); one that was not heard of before exists from now on."""
    report = bounded(report)
    tx.claim(charger_key(report.charger_id))
    measured = [measure(reading) for reading in report.readings]
    step = _step(
        report,
        UPDATED,
        report.updated_at,
        report.updated_at_raw,
        charging_state=report.charging_state,
        remote_start_id=report.remote_start_id,
    )
    return _take(tx, report, step, measured, decision or DEFAULT_POLICY)


def ended(tx: Tx, report: StopReported, policy: TransactionPolicy) -> TransactionVerdict:
    """TransactionEvent(Ended)."""
    measured = [measure(reading) for reading in report.readings]
    last = newest(measured)
    end = believable(report.meter_stop_wh)
    step = _step(
        report,
        ENDED,
        report.stopped_at,
        report.stopped_at_raw,
        meter_wh=end if end is not None or last is None else last.energy_wh,
        stop_reason=report.reason,
    )
    return _take(tx, report, step, measured, policy)


def _step(report: Told, kind: str, at: int, raw: str, **more: Any) -> Step:
    place = report.place or Place()
    token = report.token or Token("")
    return Step(
        kind=kind,
        seq_no=UNNUMBERED if report.seq_no is None else report.seq_no,
        occurred_at=at,
        said_at=raw or str(at),
        received_at=report.received_at,
        evse=place.evse,
        connector=place.connector,
        token=token.value,
        token_kind=token.kind,
        cause=report.trigger,
        offline=report.offline,
        **more,
    )


def _take(tx: Tx, report: Told, step: Step, measured: Sequence[Measured], policy: TransactionPolicy) -> TransactionVerdict:
    """Make one more step part of its transaction; one that was taken before changes nothing."""
    before = rows.by_reference(tx, report.charger_id, report.reference)
    asked = None if step.remote_start_id is None else rows.asked_start(tx, report.charger_id, step.remote_start_id)
    if before is None:
        before, known = _born(tx, report, asked)
    else:
        known = before if asked is None else _merge_asked(tx, before, asked)
    place = known.place if report.place is None or not report.place.evse else report.place
    judgement = _judged(tx, report, step, policy, known, place)
    verdict = None if judgement is None else judgement.verdict
    if judgement is not None:
        step = attrs.evolve(step, token_id=judgement.token_id, driver_id=judgement.driver_id, token_status=judgement.verdict.status)
    if not steps.insert(tx, step, transaction_id=known.id, charger_id=report.charger_id, reference=report.reference):
        return TransactionVerdict(known.id, verdict)
    for one in measured:
        readings.insert(tx, report.charger_id, place, one, transaction_id=known.id, received_at=report.received_at)
    after = with_last(known, measured)
    after = advance(after, step) if follows(after, step) else refold(after, steps.of(tx, known.id))
    after = settle(tx, _with_state(after, step))
    if _takes_place(before, after):
        make_room(tx, report.charger_id, after.evse, besides=after.id, until=after.started_at)
    put(tx, before, after)
    if report.readings:
        tx.emit(
            MeterValues(
                charger_id=report.charger_id,
                evse=place.evse,
                connector=place.connector,
                transaction_id=known.id,
                readings=report.readings,
            )
        )
    return TransactionVerdict(known.id, verdict)


def _born(tx: Tx, report: Told, asked: Transaction | None) -> tuple[Transaction | None, Transaction]:
    """A row for a transaction that was not heard of before, and what it was: a remote start that waited for it, or nothing."""
    if asked is None and report.token is not None and report.place is not None:
        asked = rows.waiting_start(tx, report.charger_id, token=report.token.value, evse=report.place.evse)
    if asked is not None:
        known = attrs.evolve(asked, reference=report.reference, state=RUNNING, evse=0, connector=0, note="")
        if report.token is not None:
            known = attrs.evolve(known, token="", token_kind="", token_id=None, driver_id=None, token_status="")
        return asked, known
    known = Transaction(charger_id=report.charger_id, reference=report.reference, created_at=tx.now, updated_at=tx.now)
    return None, attrs.evolve(known, id=rows.insert(tx, known))


def _merge_asked(tx: Tx, known: Transaction, asked: Transaction) -> Transaction:
    """A remote start that was answered by a transaction which ran already (the cable was plugged in first): they are one."""
    put(tx, asked, attrs.evolve(asked, state=EXPIRED, note=f"became transaction {known.id}"))
    return attrs.evolve(known, remote_start_id=asked.id)


def _judged(tx: Tx, report: Told, step: Step, policy: TransactionPolicy, known: Transaction, place: Place) -> Judgement | None:
    if report.token is None:
        return None
    if step.kind == ENDED:
        return shown_at_stop(tx, report.token, policy, charger_id=report.charger_id, place=place)
    return judged(tx, report.token, policy, charger_id=report.charger_id, place=place, besides=known.id)


def _with_state(after: Transaction, step: Step) -> Transaction:
    """The state that the charging state speaks for, unless it ended or a word of the charger is still awaited."""
    if after.state in CLOSED_STATES or after.state == PENDING_STOP:
        return after
    if after.state == PENDING_RECONCILIATION and (step.offline or step.occurred_at < (after.doubted_at or 0)):
        return after  # said before the boot, or kept from before it: no proof that it goes on
    return attrs.evolve(after, state=after.live_state)


def _takes_place(before: Transaction | None, after: Transaction) -> bool:
    """Whether it is news that this transaction, which may charge, goes on at this EVSE."""
    if not after.open or after.refused:
        return False
    return before is None or not before.started or before.refused or before.evse != after.evse
