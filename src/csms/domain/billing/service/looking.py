"""More became known of how a charge went after it was billed, though neither its energy nor its times changed: its price may be another."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import attrs

from csms.core.ports import ReadTx, Row, Tx
from csms.core.pricing import Charge
from csms.domain.billing.model import PRICED, SETTLED, Bill, bill_key
from csms.domain.billing.store import bills as store
from csms.domain.billing.store import due, looks
from csms.domain.transactions.service.consumption import charges_of

from . import failing, settling
from .making import add_correction, basis_of, basis_of_charge, correct, course_of, price_anew
from .preparing import Due, due_again
from .settling import Offer

QUIET_MS, LONGEST_MS = 5 * 60_000, 60 * 60_000
"""A charger that was away tells a lot, bit by bit: it is looked at once it told nothing more for so long; while it goes on, so often."""
OLDEST_MS = 30 * 86_400_000
"""What was settled longer ago stays: by then some of the readings that it was priced by may have been forgotten."""


@attrs.frozen(slots=True, kw_only=True)
class Look:
    """A transaction that was looked at. Where its course is not the one that was priced, ``due`` is what to ask about, or it is priced
    ``anew`` because nothing was settled yet; ``look_at`` is set where it is too early to say. None of it: nothing is to be done. ``times``
    is how often more had become known of it by then."""

    transaction_id: int
    times: int
    due: Due | None = None
    anew: bool = False
    look_at: int | None = None


def heard(tx: Tx, transaction_id: int) -> None:
    """More became known of a transaction that was over: what was billed for it is looked at again once no more comes."""
    tx.claim(bill_key(transaction_id))
    looks.ask(tx, transaction_id, look_at=tx.now + QUIET_MS, longest_ms=LONGEST_MS)


def turned_out(tx: Tx, transaction_id: int) -> None:
    """A transaction turned out otherwise after its end. That may be so of its course alone, or of that, too, while it was being priced."""
    correct(tx, transaction_id)
    heard(tx, transaction_id)


def look(tx: ReadTx, rows: Sequence[Row]) -> list[Look]:
    """Look at transactions of one tenant: whether what was billed is what was known. As many statements as for one, and one more."""
    ids = sorted({row["transaction_id"] for row in rows})
    charges = charges_of(tx, ids)
    bills = {of: list(mine) for of, mine in groupby(store.of_transactions(tx, ids), key=lambda each: each.transaction_id)}
    return [_look(tx, row, bills.get(row["transaction_id"], ()), charges.get(row["transaction_id"])) for row in rows]


def _look(tx: ReadTx, row: Row, bills: Sequence[Bill], charge: Charge | None) -> Look:
    found = Look(transaction_id=row["transaction_id"], times=row["times"])
    waits = [each.due_at for each in bills if each.due_at is not None]
    if waits:  # it is just being priced, perhaps by less than is known now
        return attrs.evolve(found, look_at=max(tx.now, *waits) + QUIET_MS)
    if charge is None or not charge.energy_wh:
        return found
    if [each.state for each in bills] == [PRICED]:
        return attrs.evolve(found, anew=bills[0].course != course_of(charge))
    settled = _settled(bills, charge.driver_id)
    if not settled or _given_up(bills, charge.driver_id):
        return found
    last = settled[-1]
    if last.basis != basis_of_charge(charge) or last.course == course_of(charge) or (last.settled_at or 0) < tx.now - OLDEST_MS:
        return found
    return attrs.evolve(found, due=due_again(settled, charge))


def _settled(bills: Sequence[Bill], driver_id: int | None) -> list[Bill]:
    return [each for each in bills if each.state == SETTLED and each.driver_id == driver_id]


def _given_up(bills: Sequence[Bill], driver_id: int | None) -> bool:
    """Whether a correction could not be settled, or somebody closed it: it is theirs to say what becomes of it."""
    return any(each.number and each.driver_id == driver_id and each.state != SETTLED for each in bills)


def done(tx: Tx, some: Sequence[Look]) -> None:
    """Nothing is to be asked about these, or not yet."""
    tx.claim(*sorted(bill_key(each.transaction_id) for each in some))
    for each in some:
        if each.anew:
            price_anew(tx, each.transaction_id)
        if each.look_at is None:
            looks.over(tx, each.transaction_id, each.times)
        else:
            looks.put_off(tx, each.transaction_id, each.times, each.look_at)


def decide(tx: Tx, offer: Offer, times: int) -> None:
    """What plugins say that a charge costs by what is known now: where that is another price, the difference is a correction.

    Where the transaction or its bills changed meanwhile nothing is done, and it is looked at again. Raises ``CannotSettle``, or what the
    ledger refuses; nothing is written then.
    """
    tx.claim(*offer.keys(tx.tenant))
    found = _as_it_was(tx, offer.transaction_id, offer.driver_id, offer.basis)
    if found is None:
        return
    facts, settled = found
    offer = attrs.evolve(offer, payment_id=facts["payment_id"])
    tx.claim(*offer.keys(tx.tenant))
    looks.over(tx, offer.transaction_id, times)
    if offer.price is not None and not settling.differs(tx, facts, settled, offer):
        store.save(tx, settled[-1], attrs.evolve(settled[-1], course=offer.course))
        return
    made = add_correction(tx, facts, offer.driver_id)
    settling.settle(tx, attrs.evolve(offer, bill_id=made))


def undecided(tx: Tx, due: Due, times: int, error: str) -> None:
    """Nobody could say what a charge costs now: a correction waits, and is asked about again as any that could not be settled."""
    tx.claim(bill_key(due.transaction_id))
    found = _as_it_was(tx, due.transaction_id, due.driver_id, due.basis)
    if found is None:
        return
    looks.over(tx, due.transaction_id, times)
    made = add_correction(tx, found[0], due.driver_id)
    failing.failed(tx, made, due.transaction_id, error)


def _as_it_was(tx: ReadTx, transaction_id: int, driver_id: int | None, basis: str) -> tuple[Row, list[Bill]] | None:
    facts = due.transaction(tx, transaction_id)
    bills = store.of_transaction(tx, transaction_id)
    settled = _settled(bills, driver_id)
    if facts is None or basis_of(facts) != basis or not settled or settled[-1].basis != basis:
        return None
    if _given_up(bills, driver_id) or any(each.due_at is not None for each in bills):
        return None
    return facts, settled
