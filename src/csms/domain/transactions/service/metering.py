"""Meter values: stored as heard, given to their transaction, and remembered there as the last that is known."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from csms.core.ids import MAX_TRANSACTION_ID, Place
from csms.core.ports import Tx
from csms.core.reports import MeterSampled, Noted, Reading
from csms.domain.transactions.measuring import Measured, measure, newest
from csms.domain.transactions.model import PENDING_RECONCILIATION, MeterValues, Transaction, TransactionPolicy
from csms.domain.transactions.store import audit, progress, readings, rows

from .bounds import happened
from .closing import settle
from .telling import put

NOTED = Noted()


def meter(tx: Tx, report: MeterSampled, decision: TransactionPolicy | None) -> Noted:
    """Hear meter values (1.6 §4.7; 2.0.1 J01).

    A transaction id that is ours decides whose they are, else the connector and the time of the sample. Values that belong to no
    transaction are stored too; where the charger named one that we cannot find, an operator is told.
    """
    measured = [measure(reading) for reading in happened(report.readings, report.received_at)]
    claimed = report.transaction_id
    owner: int | None = None
    if claimed is not None and 0 < claimed <= MAX_TRANSACTION_ID:
        owner = _owned(tx, report, measured, claimed)
    if owner is None:
        for one in measured:
            owner = _covered(tx, report, one)
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


def _owned(tx: Tx, report: MeterSampled, measured: Sequence[Measured], claimed: int) -> int | None:
    """Store the readings of the transaction whose id the charger gave; None when it has no such transaction."""
    last = newest(measured)
    if last is not None and progress.metered(tx, report.charger_id, claimed, energy_wh=last.energy_wh or 0, at=last.sampled_at):
        _store(tx, report, measured, claimed)
        return claimed
    known = rows.of_charger(tx, report.charger_id, claimed)
    if known is None or not known.started:
        return None
    _store(tx, report, measured, claimed)
    put(tx, known, after_readings(tx, known, measured))
    return claimed


def _covered(tx: Tx, report: MeterSampled, one: Measured) -> int | None:
    """Store one reading with the transaction that went on at its EVSE at its time, if there was any."""
    evse = report.place.evse
    if not evse:
        _store(tx, report, (one,), None)
        return None
    if one.energy_wh is not None:
        owner = progress.metered_at(tx, report.charger_id, evse, energy_wh=one.energy_wh, at=one.sampled_at)
        if owner is not None:
            _store(tx, report, (one,), owner)
            return owner
    known = rows.covering(tx, report.charger_id, evse, one.sampled_at)
    _store(tx, report, (one,), None if known is None else known.id)
    if known is None:
        return None
    put(tx, known, after_readings(tx, known, (one,)))
    return known.id


def _store(tx: Tx, report: MeterSampled, measured: Sequence[Measured], owner: int | None) -> None:
    for one in measured:
        readings.insert(tx, report.charger_id, report.place, one, transaction_id=owner, received_at=report.received_at)


def keep_readings(
    tx: Tx, charger_id: str, place: Place, heard: Sequence[Reading], transaction_id: int, received_at: int
) -> list[Measured]:
    """Store readings that came inside a transaction message."""
    measured = [measure(reading) for reading in heard]
    for one in measured:
        readings.insert(tx, charger_id, place, one, transaction_id=transaction_id, received_at=received_at)
    return measured


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
