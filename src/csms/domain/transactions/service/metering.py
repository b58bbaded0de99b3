"""Meter values: stored as heard, given to their transaction, and remembered there as the last that is known."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from csms.core.ids import MAX_TRANSACTION_ID, Place
from csms.core.ports import Tx
from csms.core.reports import MeterSampled, Noted, Reading
from csms.domain.transactions.measuring import Measured, measure, newest
from csms.domain.transactions.model import (
    BY_PLACE,
    COMPLETED,
    NAMED,
    PENDING_RECONCILIATION,
    REPORTED,
    MeterValues,
    Transaction,
    TransactionPolicy,
)
from csms.domain.transactions.store import audit, progress, readings, rows

from .bounds import happened
from .closing import settle
from .telling import corrected, put, remeasured

NOTED = Noted()
MAX_INSTANT = 2**63 - 1


def meter(tx: Tx, report: MeterSampled, decision: TransactionPolicy | None) -> Noted:
    """Hear meter values (1.6 §4.7; 2.0.1 J01).

    A transaction id that is ours decides whose they are, else the connector and the time of the sample (and so it does where a
    charger's own counter happens to say the id of one that has ended). Values that belong to no transaction are stored too; where the
    charger named one that we cannot find, an operator is told.
    """
    measured = [measure(reading) for reading in happened(report.readings, report.received_at)]
    claimed = report.transaction_id
    owner: int | None = None
    late: dict[int, Transaction] = {}
    if claimed is not None and 0 < claimed <= MAX_TRANSACTION_ID:
        owner = _owned(tx, report, measured, claimed, late)
    if owner is None:
        for one in measured:
            owner = _covered(tx, report, one, late)
    for transaction_id in sorted(late):
        remeasured(tx, late[transaction_id])
    if owner is None and claimed is not None:
        audit.quarantine(
            tx,
            report,
            kind="meter",
            problem="meter values of a transaction that is not known here",
            heard_transaction=str(claimed),
            once_per=str(claimed),
        )
    if report.readings:
        tx.emit(
            MeterValues(
                charger_id=report.charger_id,
                evse=report.place.evse,
                connector=report.place.connector,
                transaction_id=owner,
                readings=report.readings,
            )
        )
    return NOTED


def _owned(tx: Tx, report: MeterSampled, measured: Sequence[Measured], claimed: int, late: dict[int, Transaction]) -> int | None:
    """Store the readings of the transaction whose id the charger gave; None when it has no such transaction. ``late`` gets those that had
    ended."""
    last = newest(measured)
    if last is not None and progress.metered(tx, report.charger_id, claimed, energy_wh=last.energy_wh or 0, at=last.sampled_at):
        _store(tx, report, measured, claimed, late)
        return claimed
    known = rows.of_charger(tx, report.charger_id, claimed)
    if known is None or not known.started or _is_of_another(tx, report, measured, known):
        return None
    news = _store(tx, report, measured, claimed, late)
    _note_late(late, known, put(tx, known, after_readings(tx, known, measured)), news)
    return claimed


def _is_of_another(tx: Tx, report: MeterSampled, measured: Sequence[Measured], known: Transaction) -> bool:
    """Whether the transaction of that id had ended by the charger's word, and at the place of these readings another went on."""
    if known.stop_source != REPORTED or not measured or min(one.sampled_at for one in measured) <= (known.stopped_at or 0):
        return False
    other = rows.covering(tx, report.charger_id, report.place.evse, measured[0].sampled_at) if report.place.evse else None
    return other is not None and other.id != known.id


def _covered(tx: Tx, report: MeterSampled, one: Measured, late: dict[int, Transaction]) -> int | None:
    """Store one reading with the transaction that went on at its EVSE at its time, if there was any. ``late`` gets one that had ended."""
    evse = report.place.evse
    if not evse:
        _store(tx, report, (one,), None, late, guessed=BY_PLACE)
        return None
    if one.energy_wh is not None:
        owner = progress.metered_at(tx, report.charger_id, evse, energy_wh=one.energy_wh, at=one.sampled_at)
        if owner is not None:
            _store(tx, report, (one,), owner, late, guessed=BY_PLACE)
            return owner
    known = rows.covering(tx, report.charger_id, evse, one.sampled_at)
    news = _store(tx, report, (one,), None if known is None else known.id, late, guessed=BY_PLACE)
    if known is None:
        return None
    _note_late(late, known, put(tx, known, after_readings(tx, known, (one,))), news)
    return known.id


def _store(
    tx: Tx,
    report: MeterSampled,
    measured: Sequence[Measured],
    owner: int | None,
    late: dict[int, Transaction],
    *,
    guessed: int = NAMED,
) -> list[Measured]:
    """Store readings: those that say something new of the register. ``late`` gets transactions that had ended and lost one."""
    news = []
    for one in measured:
        kept = readings.insert(
            tx, report.charger_id, report.place, one, transaction_id=owner, received_at=report.received_at, guessed=guessed
        )
        if kept.news:
            news.append(one)
        if kept.loser is not None and (lost := recount(tx, kept.loser)) is not None and lies_within(lost, [one.sampled_at]):
            late[lost.id] = lost
    return news


def _note_late(late: dict[int, Transaction], before: Transaction, after: Transaction, news: Sequence[Measured]) -> None:
    if after.state == COMPLETED and not corrected(before, after) and lies_within(after, [one.sampled_at for one in news]):
        late[after.id] = after


def lies_within(ended: Transaction, moments: Sequence[int]) -> bool:
    """Whether any moment lies within a transaction that has ended: what is known of it says how its energy is spread over its time."""
    return any((ended.started_at or 0) <= at <= (ended.stopped_at or 0) for at in moments)


def keep_readings(
    tx: Tx,
    charger_id: str,
    place: Place,
    heard: Sequence[Reading],
    transaction_id: int,
    received_at: int,
    *,
    guessed: int = NAMED,
) -> list[Measured]:
    """Store readings that came inside a transaction message; ``guessed`` says whether that named the transaction."""
    measured = [measure(reading) for reading in heard]
    for one in measured:
        kept = readings.insert(tx, charger_id, place, one, transaction_id=transaction_id, received_at=received_at, guessed=guessed)
        if kept.loser is not None and (lost := recount(tx, kept.loser)) is not None and lies_within(lost, [one.sampled_at]):
            remeasured(tx, lost)
    return measured


def reclaim(tx: Tx, known: Transaction) -> None:
    """Give a transaction the readings that named none and were taken at its place in its time, and take from it those that were not.

    For when it has become known when it began or ended: readings arrive before the start and after the stop that they belong to.
    """
    if not known.evse or known.started_at is None or not readings.any_unsure(tx, known.charger_id, known.evse, known.started_at):
        return
    since, until = known.started_at, _until(tx, known)
    touched: set[int] = set()
    owners = readings.adopt(
        tx, known.charger_id, known.evse, since=since, until=until, transaction_id=known.id, orphans_only=known.refused
    )
    if owners:
        touched |= {known.id, *(owner for owner in owners if owner is not None)}
        audit.resolve_meter(tx, known)
    if readings.release(tx, known.id, since=since, until=until):
        touched.add(known.id)
    for transaction_id in sorted(touched):
        lost = recount(tx, transaction_id)
        if lost is not None and transaction_id != known.id:
            remeasured(tx, lost)


def _until(tx: Tx, known: Transaction) -> int:
    """The last instant at which a reading at its place may be the transaction's."""
    ended = known.stopped_at if known.stop_source == REPORTED and known.stopped_at is not None else MAX_INSTANT
    following = rows.after(tx, known.charger_id, known.evse, known.started_at or 0)
    return min(ended, (following[0].started_at or 0) - 1) if following else ended


def recount(tx: Tx, transaction_id: int) -> Transaction | None:
    """Let a transaction know its last reading again, after some were given to it or taken from it: as it is now, where it has ended and that
    changed nothing but how its energy is spread over its time."""
    known = rows.by_id(tx, transaction_id)
    if known is None:
        return None
    last_at, last_wh = readings.last(tx, transaction_id) or (None, None)
    after = put(tx, known, settle(tx, attrs.evolve(known, last_meter_at=last_at, last_meter_wh=last_wh)))
    return after if after.state == COMPLETED and not corrected(known, after) else None


def with_last(known: Transaction, measured: Sequence[Measured]) -> Transaction:
    """The transaction knowing the newest of its own last value and these."""
    last = newest(measured)
    if last is None or last.energy_wh is None:
        return known
    if known.last_meter_at is not None and (last.sampled_at, last.energy_wh) <= (known.last_meter_at, known.last_meter_wh or 0):
        return known
    return attrs.evolve(known, last_meter_at=last.sampled_at, last_meter_wh=last.energy_wh)


def after_readings(tx: Tx, known: Transaction, measured: Sequence[Measured]) -> Transaction:
    """The transaction after more of its readings, which may also prove that one in doubt goes on."""
    after = with_last(known, measured)
    if known.state == PENDING_RECONCILIATION and measured and max(one.sampled_at for one in measured) >= (known.doubted_at or 0):
        after = attrs.evolve(after, state=after.live_state)
    return settle(tx, after)
