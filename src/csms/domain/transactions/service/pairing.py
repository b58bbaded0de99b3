"""Stops that name no transaction of ours, and the transactions they are the stops of: the best match of all that is known so far.

A charger that never heard our id says 0, -1 or a number of its own (1.6 errata 3.18), and what it kept while offline may come in any
order. So which stop belongs to which start is reckoned anew whenever one of either arrives, and may change until the charger names a
transaction itself or an operator decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs
import msgspec

from csms.core.ports import Tx
from csms.core.reports import StopReported, Token
from csms.core.units import parse_instant
from csms.domain.drivers.service import judge
from csms.domain.transactions.measuring import ROUNDING_WH, believable, stop_register
from csms.domain.transactions.model import (
    BY_STOP,
    COMPLETED,
    ESTIMATED,
    NAMED,
    NEXT_START,
    OVERDUE,
    REPORTED,
    Quarantined,
    Transaction,
)
from csms.domain.transactions.store import audit, readings, rows

from .closing import settle
from .metering import keep_readings, reclaim, recount, with_last
from .telling import put

_read = msgspec.json.Decoder(StopReported).decode


@attrs.frozen(slots=True)
class Loose:
    """A stop that named no transaction of ours, and the one that it is of as far as we know."""

    row: Quarantined
    report: StopReported

    @property
    def order(self) -> tuple[int, int, str]:
        """The first to stop comes first, whichever came in first."""
        return self.report.stopped_at, self.report.meter_stop_wh or 0, self.row.heard_transaction


def told(row: Quarantined) -> StopReported:
    """The stop as it was reported."""
    return _read(row.report)


def hear(tx: Tx, report: StopReported) -> int | None:
    """Keep a stop that names no transaction of ours, and find its transaction: its id, or None while none fits."""
    kept = audit.quarantine(
        tx,
        report,
        kind=audit.STOP,
        problem="a stop that fits no transaction",
        heard_transaction="" if report.transaction_id is None else str(report.transaction_id),
    )
    if kept.resolved_at is None:
        rematch(tx, report.charger_id)
        kept = audit.one_quarantined(tx, kept.id) or kept
    return kept.transaction_id


def rematch(tx: Tx, charger_id: str) -> None:
    """Reckon anew which of a 1.6 charger's loose stops belongs to which of its transactions, and act on what has changed."""
    stops = sorted((Loose(row, told(row)) for row in audit.loose_stops(tx, charger_id)), key=lambda stop: stop.order)
    if not stops:
        return
    known = rows.latest(tx, charger_id)
    guessed = {stop.row.transaction_id for stop in stops if stop.row.transaction_id is not None}
    free = {each.id: each for each in known if each.stop_source != REPORTED or each.id in guessed}
    news: list[tuple[Loose, int | None]] = []
    for stop in stops:
        found = _best(tx, stop, known, free)
        if found is not None:
            del free[found.id]
        if (None if found is None else found.id) != stop.row.transaction_id:
            news.append((stop, None if found is None else found.id))
    lost = {stop.row.transaction_id for stop, _ in news if stop.row.transaction_id is not None}
    for transaction_id in sorted(lost):
        readings.release_stop(tx, transaction_id)
    for stop, found_id in news:
        audit.pair(tx, stop.row.id, found_id, guessed=found_id is not None, note=_note(found_id))
        if found_id is not None:
            end_by(tx, _stored(tx, found_id), stop.report, guessed=BY_STOP)
    for transaction_id in sorted(lost - {found for _, found in news}):
        _without_stop(tx, _stored(tx, transaction_id))
    for transaction_id in sorted(lost):
        recount(tx, transaction_id)


def _note(transaction_id: int | None) -> str:
    return "" if transaction_id is None else f"its token, time and meter value fit transaction {transaction_id}"


def _stored(tx: Tx, transaction_id: int) -> Transaction:
    found = rows.by_id(tx, transaction_id)
    if found is None:
        raise LookupError(f"transaction {transaction_id} is gone")
    return found


def fitting(tx: Tx, report: StopReported) -> Transaction | None:
    """The one transaction without a reported stop that this may be the stop of; None where several may."""
    known = rows.latest(tx, report.charger_id)
    free = {each.id: each for each in known if each.stop_source != REPORTED}
    return _choice(list(_possible(tx, report, known, free)), report)


def _best(tx: Tx, stop: Loose, known: Sequence[Transaction], free: Mapping[int, Transaction]) -> Transaction | None:
    possible = list(_possible(tx, stop.report, known, free))
    present = [each for each in possible if each.id == stop.row.transaction_id]
    return present[0] if present else _choice(possible, stop.report)


def _choice(possible: Sequence[Transaction], report: StopReported) -> Transaction | None:
    """The same token before another of the driver or group, and what goes on before what we took to have ended."""
    same = [each for each in possible if report.token is not None and _alike(report.token.value, each.token)] or possible
    choice = [each for each in same if each.open] or same
    return choice[0] if len(choice) == 1 else None


def _possible(tx: Tx, report: StopReported, known: Sequence[Transaction], free: Mapping[int, Transaction]) -> Iterator[Transaction]:
    """At each EVSE what may have stopped then: the last that began before, or what was refused after that."""
    for evse in sorted({each.evse for each in known}):
        if report.place is not None and report.place.evse not in (0, evse):
            continue
        there = sorted((each for each in known if each.evse == evse), key=_began)
        before = [each for each in there if _began_before(each, report)]
        last = max((at for at, each in enumerate(before) if not each.refused), default=0)
        at_once = [each for each in there if each.started_at == report.stopped_at]
        found = _latest([each for each in before[last:] if each.id in free and _fits(tx, each, report)])
        found = found or [each for each in at_once if each.id in free and _fits(tx, each, report)][:1]
        yield from (
            found or [each for each in there if each.id in free and _told_late(each, report) and _fits(tx, each, report)][-1:]
        )


def _latest(found: Sequence[Transaction]) -> list[Transaction]:
    """Without refused starts that a later one with the same token followed: a connector charges one car, so it is the last that goes on."""
    last = {each.token.casefold(): each.id for each in found if each.refused}
    return [each for each in found if not each.refused or each.id == last[each.token.casefold()]]


def _began(known: Transaction) -> int:
    """When it began, for the order of things: by a clock that was wrong, when we heard of it."""
    began = known.received_at if known.started_at_raw else known.started_at
    return began or 0


def _began_before(known: Transaction, report: StopReported) -> bool:
    if _began(known) < report.stopped_at:
        return True
    if known.started_at_raw and report.stopped_at_raw and _began(known) == report.received_at:
        return known.started_at_raw <= report.stopped_at_raw  # heard of in one moment: the charger's own clock tells them apart
    return bool(known.started_at_raw) and _began(known) <= report.received_at


def _told_late(known: Transaction, report: StopReported) -> bool:
    """Whether its start came after the stop and was before it by the charger's own clock, which is wrong and may still tell the order."""
    try:
        return parse_instant(known.started_at_raw)[0] <= parse_instant(report.stopped_at_raw)[0]
    except ValueError:  # one of them is empty: it was believed; or cannot be read
        return False


def _fits(tx: Tx, known: Transaction, report: StopReported) -> bool:
    meter_stop = believable(report.meter_stop_wh)
    so_far = _so_far(tx, known, report.stopped_at)
    if meter_stop is not None and so_far is not None and meter_stop < so_far - ROUNDING_WH:
        return False
    return may_stop(tx, report.token, known)


def _so_far(tx: Tx, known: Transaction, until: int) -> int | None:
    """The most that its register showed until an instant: readings of later may be another transaction's yet."""
    last = known.last_meter_wh
    if known.last_meter_at is not None and known.last_meter_at > until:
        found = readings.last(tx, known.id, until=until)
        last = None if found is None else found[1]
    return max((wh for wh in (known.meter_start_wh, last) if wh is not None), default=None)


def may_stop(tx: Tx, token: Token | None, known: Transaction) -> bool:
    """Whether a token may stop a transaction (1.6 §4.10): the one it started with, or another of its group or driver."""
    if token is None or _alike(token.value, known.token):
        return True
    shown = judge(tx, token, charger_id=known.charger_id, decision=None)
    if shown.driver_id is not None and shown.driver_id == known.driver_id:
        return True
    if not shown.verdict.parent or not known.token:
        return False
    started = judge(tx, Token(known.token, known.token_kind), charger_id=known.charger_id, decision=None)
    return started.verdict.parent == shown.verdict.parent


def _alike(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


# --- acting on it ---------------------------------------------------------------------------------------------------------------


def end_by(tx: Tx, known: Transaction, report: StopReported, *, guessed: int = NAMED) -> Transaction:
    """End a transaction by the charger's word; ``guessed`` says whether that named the transaction."""
    so_far = _so_far(tx, known, report.stopped_at)
    measured = keep_readings(tx, report.charger_id, known.place, report.readings, known.id, report.received_at, guessed=guessed)
    stopped = attrs.evolve(
        with_last(known, measured),
        state=COMPLETED,
        stop_source=REPORTED,
        stopped_at=report.stopped_at,
        stopped_at_raw=report.stopped_at_raw,
        stop_received_at=report.received_at,
        meter_stop_wh=stop_register(report.meter_stop_wh, report.readings, so_far),
        stop_reason=report.reason,
        stop_token="" if report.token is None else report.token.value,
        offline=known.offline or report.offline,
    )
    ended = put(tx, known, settle(tx, stopped))
    reclaim(tx, ended)
    return ended


def _without_stop(tx: Tx, known: Transaction) -> None:
    """Take back a stop that turned out to be another's, mostly of a later start at the same place: then that start ended this one.

    It was told to have ended, so it stays so; its own stop may still come.
    """
    following = rows.after(tx, known.charger_id, known.evse, known.started_at or 0)
    before = attrs.evolve(
        known,
        stop_source=ESTIMATED,
        stop_reason=NEXT_START if following else OVERDUE,
        stop_token="",
        stopped_at_raw="",
        stop_received_at=None,
    )
    put(tx, known, settle(tx, before))
    reclaim(tx, before)


def set_free(tx: Tx, known: Transaction) -> None:
    """Let a transaction's guessed stop look for another transaction, because the charger has named its stop, or an operator has."""
    stop = audit.stop_of(tx, known.id)
    if stop is not None and stop.guessed:
        audit.pair(tx, stop.id, None, guessed=False)
        readings.release_stop(tx, known.id)
