"""A transaction that the charger numbers itself (OCPP 2.x): each event once, in its own order, however they arrive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from csms.core.ids import Place, charger_key
from csms.core.ports import Tx
from csms.core.reports import StartReported, StopReported, Token, TokenVerdict, TransactionVerdict, UpdateReported
from csms.domain.transactions.measuring import Measured, believable, measure, newest, oldest
from csms.domain.transactions.model import (
    CLOSED_STATES,
    COMPLETED,
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
from csms.domain.transactions.store import progress, readings, rows, steps

from .authority import judged, shown_at_stop
from .bounds import bounded
from .closing import make_room, settle
from .metering import lies_within, with_last
from .telling import corrected, put, remeasured

UNNUMBERED = -1
"""The number of an event that has none."""

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
    return _plain(tx, report, step, measured) or _take(tx, report, step, measured, decision or DEFAULT_POLICY)


def _plain(tx: Tx, report: UpdateReported, step: Step, measured: Sequence[Measured]) -> TransactionVerdict | None:
    """The next step of a transaction that runs and goes on running; None where there is more to it."""
    if report.token is not None or report.remote_start_id is not None or report.offline:
        return None
    last = newest(measured)
    found = progress.stepped(
        tx,
        report.charger_id,
        report.reference,
        seq_no=step.seq_no,
        occurred_at=step.occurred_at,
        place=Place(step.evse, step.connector),
        charging_state=step.charging_state,
        meter=None if last is None or last.energy_wh is None else (last.sampled_at, last.energy_wh),
    )
    if found is None:
        return None
    transaction_id, place = found
    steps.insert(tx, step, transaction_id=transaction_id)
    _keep(tx, report, measured, transaction_id, place)
    _tell_readings(tx, report, transaction_id, place)
    return TransactionVerdict(transaction_id)


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
    known = rows.by_reference(tx, report.charger_id, report.reference)
    asked = None if step.remote_start_id is None else rows.asked_start(tx, report.charger_id, step.remote_start_id)
    if known is None and asked is None and report.token is not None and report.place is not None:
        asked = rows.waiting_start(tx, report.charger_id, token=report.token.value, evse=report.place.evse)
    if known is not None:
        before, base = known, known if asked is None else _merge(tx, known, asked)
    elif asked is not None:
        before, base = asked, _answered(asked, report)
    else:
        before, base = None, Transaction(charger_id=report.charger_id, reference=report.reference)
    step, verdict = _judged(tx, report, step, policy, base)
    if before is not None and not steps.insert(tx, step, transaction_id=base.id):
        return TransactionVerdict(base.id, verdict)
    after = advance(base, step) if follows(base, step) else refold(base, steps.of(tx, base.id))
    after = _with_state(with_last(after, measured), step)
    news: list[Measured] = []
    if before is None:
        first = oldest(measured)
        if after.meter_start_wh is None and first is not None:
            after = attrs.evolve(after, meter_start_wh=first.energy_wh)
    else:
        news = _keep(tx, report, measured, after.id, after.place)
    after = settle(tx, after)
    if _takes_place(before, after):
        make_room(tx, report.charger_id, after.evse, besides=after.id, until=after.started_at)
    after = put(tx, before, after)
    if before is None:
        steps.insert(tx, step, transaction_id=after.id)
        _keep(tx, report, measured, after.id, after.place)
    elif before.state == after.state == COMPLETED and not corrected(before, after):
        moments = [one.sampled_at for one in news] + [step.occurred_at] * bool(step.charging_state)
        if lies_within(after, moments):
            remeasured(tx, after)
    _tell_readings(tx, report, after.id, after.place)
    return TransactionVerdict(after.id, verdict)


def _answered(asked: Transaction, report: Told) -> Transaction:
    """A remote start, now that a transaction came of it."""
    base = attrs.evolve(asked, reference=report.reference, state=RUNNING, evse=0, connector=0, note="")
    if report.token is None:
        return base
    return attrs.evolve(base, token="", token_kind="", token_id=None, driver_id=None, token_status="")


def _merge(tx: Tx, known: Transaction, asked: Transaction) -> Transaction:
    """A remote start that was answered by a transaction which ran already (the cable was plugged in first): they are one."""
    put(tx, asked, attrs.evolve(asked, state=EXPIRED, note=f"became transaction {known.id}"))
    return attrs.evolve(known, remote_start_id=asked.id)


def _keep(tx: Tx, report: Told, measured: Sequence[Measured], transaction_id: int, place: Place) -> list[Measured]:
    """Store readings: those that say something new of the register."""
    return [
        one
        for one in measured
        if readings.insert(tx, report.charger_id, place, one, transaction_id=transaction_id, received_at=report.received_at).news
    ]


def _tell_readings(tx: Tx, report: Told, transaction_id: int, place: Place) -> None:
    if report.readings:
        tx.emit(
            MeterValues(
                charger_id=report.charger_id,
                evse=place.evse,
                connector=place.connector,
                transaction_id=transaction_id,
                readings=report.readings,
            )
        )


def _judged(tx: Tx, report: Told, step: Step, policy: TransactionPolicy, known: Transaction) -> tuple[Step, TokenVerdict | None]:
    """The step with what became of its token, and the verdict to tell."""
    if report.token is None:
        return step, None
    place = report.place if report.place is not None and report.place.evse else known.place
    if step.kind == ENDED:
        judgement = shown_at_stop(tx, report.token, policy, charger_id=report.charger_id, place=place)
    else:
        judgement = judged(
            tx,
            report.token,
            policy,
            charger_id=report.charger_id,
            place=place,
            besides=known.id,
            at=known.started_at or step.occurred_at,
        )
    verdict = judgement.verdict
    told = attrs.evolve(step, token_id=judgement.token_id, driver_id=judgement.driver_id, token_status=verdict.status)
    return told, verdict


def _with_state(after: Transaction, step: Step) -> Transaction:
    """The state that the charging state speaks for, unless it ended or a word of the charger is still awaited."""
    if after.state in CLOSED_STATES or after.state == PENDING_STOP:
        return after
    if after.state == PENDING_RECONCILIATION and step.occurred_at < (after.doubted_at or 0):
        return after  # it happened before the boot: no proof that it goes on
    return attrs.evolve(after, state=after.live_state)


def _takes_place(before: Transaction | None, after: Transaction) -> bool:
    """Whether it is news that this transaction, which may charge, goes on at this EVSE."""
    if not after.open or after.refused:
        return False
    return before is None or not before.started or before.refused or before.evse != after.evse
