"""Bills come to be: one for every transaction that ended, and one more whenever it turns out otherwise after it was billed."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import attrs
import msgspec

from csms.core.ports import Row, Tx
from csms.core.pricing import Charge
from csms.domain.billing.model import (
    CHARGE,
    CORRECTION,
    NOT_BILLABLE,
    PRICED,
    SETTLED,
    UNBILLED,
    Bill,
    bill_key,
    hold_key,
)
from csms.domain.billing.store import bills as store
from csms.domain.billing.store import due, watching
from csms.domain.billing.store import settings as settings_store
from csms.domain.wallets import service as wallets

from .telling import not_billable

SLICE = 100
LATE_MS = 120_000
"""A write that ended a transaction may be seen so much later than its own time says."""

NO_ENERGY = "no energy was taken"
UNKNOWN_ENERGY = "nobody knows how much energy was taken"


def basis_of(facts: Row) -> str:
    """What of an ended transaction its price is made of: by this a correction is known."""
    begin: int = facts["started_at"]
    return _basis(
        begin,
        max(begin, facts["stopped_at"] or begin),
        facts["energy_wh"] or 0,
        facts["driver_id"],
        facts["evse"],
        facts["connector"],
    )


def basis_of_charge(charge: Charge) -> str:
    """The same of the charge that was made of it."""
    return _basis(charge.started_at, charge.ended_at, charge.energy_wh, charge.driver_id, charge.evse, charge.connector)


def course_of(charge: Charge) -> str:
    """A word for how a charge went between its begin and its end, which differs where that does: its meter points and its idle times."""
    return blake2b(_written((charge.points, charge.idle)), digest_size=12).hexdigest()


_written = msgspec.msgpack.Encoder().encode


def _basis(*facts: int | None) -> str:
    return "|".join("" if each is None else str(each) for each in facts)


def make(tx: Tx, transaction_id: int) -> int | None:
    """Make the bill of a transaction that ended: its id. None where it has one, has not ended, or nothing is billed here."""
    tx.claim(bill_key(transaction_id))
    facts = due.transaction(tx, transaction_id)
    if facts is None or facts["state"] != "completed" or facts["started_at"] is None:
        return None
    if not settings_store.settings(tx).enabled:
        let_go(tx, transaction_id)  # something may be held since it was switched on
        return None
    return _make(tx, facts)


def make_missing(tx: Tx) -> int:
    """Make bills for transactions that ended and have none, whatever became of the event; how many. Job: run until it says 0.

    What ended while billing was switched off is never billed.
    """
    since, until = due.mark(tx), tx.now - LATE_MS
    if since >= until:
        return 0
    if not settings_store.settings(tx).enabled:
        due.advance(tx, until)
        return 0
    missing = due.without_bill(tx, since, until, SLICE)
    tx.claim(*sorted(bill_key(facts["id"]) for facts in missing))
    for facts in missing:
        _make(tx, facts)
    if len(missing) < SLICE:
        due.advance(tx, until)
        return 0
    due.advance(tx, missing[-1]["closed_at"])  # so that no slice looks again at what those before it did
    return len(missing)


def _make(tx: Tx, facts: Row) -> int | None:
    bill = fresh(tx, facts, 0, facts["driver_id"])
    made = store.insert(tx, bill)
    if made is None:
        return None
    if bill.state == NOT_BILLABLE:
        let_go(tx, facts["id"])
        tx.emit(not_billable(attrs.evolve(bill, id=made)))
    return made


def let_go(tx: Tx, transaction_id: int) -> None:
    """Nothing will be taken any more: what is held for a transaction is free, and nobody watches it."""
    wallets.release(tx, hold_key(transaction_id), description="what a charge did not come to")
    watching.forget(tx, transaction_id)


def fresh(tx: Tx, facts: Row, number: int, driver_id: int | None) -> Bill:
    """A bill as it begins; it is not stored yet."""
    begin: int = facts["started_at"]
    billable = bool(facts["energy_wh"]) or number > 0
    return Bill(
        id=0,
        transaction_id=facts["id"],
        number=number,
        kind=CORRECTION if number else CHARGE,
        state=UNBILLED if billable else NOT_BILLABLE,
        note="" if billable else why_not(facts),
        driver_id=driver_id,
        charger_id=facts["charger_id"],
        station_id=facts["station_id"],
        payment_id=facts["payment_id"],
        basis="",
        started_at=begin,
        ended_at=max(begin, facts["stopped_at"] or begin),
        energy_wh=0 if number else facts["energy_wh"] or 0,
        currency="",
        net_minor=0,
        tax_minor=0,
        total_minor=0,
        tariff="",
        price=None,
        taxes=(),
        shares=(),
        uses=(),
        covered=None,
        prepaid_minor=0,
        wallet_minor=0,
        owed_minor=0,
        waived_minor=0,
        open_minor=0,
        written_off_minor=0,
        closed_by="",
        attempts=0,
        error="",
        due_at=tx.now if billable else None,
        unpriced=False,
        created_at=tx.now,
        changed_at=tx.now,
        priced_at=None,
        settled_at=None,
        paid_at=None,
    )


def why_not(facts: Row) -> str:
    """Why a transaction without energy is not billed."""
    return UNKNOWN_ENERGY if facts["energy_basis"] == "unknown" else NO_ENERGY


# --- corrections ----------------------------------------------------------------------------------------------------------------


def correct(tx: Tx, transaction_id: int) -> None:
    """A transaction turned out otherwise after its end: what was settled gets a correction, what was not is priced anew.

    A settled bill never changes: what more or less it should have been is a bill of its own. Where it was another driver who charged,
    one gets back what the other is to pay. What an operator wrote off stays so.
    """
    tx.claim(bill_key(transaction_id))
    facts = due.transaction(tx, transaction_id)
    if facts is None or facts["state"] != "completed" or facts["started_at"] is None:
        return
    known = store.of_transaction(tx, transaction_id)
    if not known:
        make(tx, transaction_id)
        return
    settled = [each for each in known if each.state == SETTLED]
    if not settled:
        _anew(tx, known[0], facts)
        return
    for driver_id in sorted({facts["driver_id"], *(each.driver_id for each in settled)}, key=lambda each: each or 0):
        if _differs(settled, driver_id, facts):
            _correction(tx, known, facts, driver_id)


def price_anew(tx: Tx, transaction_id: int) -> None:
    """Price a bill once more that could not be settled, for nobody is known who could owe it."""
    tx.claim(bill_key(transaction_id))
    facts, known = due.transaction(tx, transaction_id), store.of_transaction(tx, transaction_id)
    if facts is not None and facts["state"] == "completed" and [each.state for each in known] == [PRICED]:
        _anew(tx, known[0], facts)


def _differs(settled: Sequence[Bill], driver_id: int | None, facts: Row) -> bool:
    mine = [each for each in settled if each.driver_id == driver_id]
    if driver_id == facts["driver_id"]:
        return not mine or mine[-1].basis != basis_of(facts)
    return any(sum(getattr(each, name) for each in mine) for name in ("net_minor", "tax_minor"))


def _anew(tx: Tx, bill: Bill, facts: Row) -> None:
    if bill.closed_by:
        return
    anew = fresh(tx, facts, 0, facts["driver_id"])
    if bill.state == NOT_BILLABLE == anew.state:
        anew = attrs.evolve(anew, due_at=None)
    after = attrs.evolve(anew, id=bill.id, created_at=bill.created_at)
    store.save(tx, bill, after)
    if after.state == NOT_BILLABLE != bill.state:
        let_go(tx, facts["id"])
        tx.emit(not_billable(after))


def _correction(tx: Tx, known: Sequence[Bill], facts: Row, driver_id: int | None) -> None:
    waiting = next((each for each in known if each.number and each.driver_id == driver_id and each.state != SETTLED), None)
    if waiting is not None and waiting.closed_by:
        return
    if waiting is not None:
        store.save(tx, waiting, attrs.evolve(waiting, state=UNBILLED, note="", due_at=tx.now, attempts=0, changed_at=tx.now))
        return
    add_correction(tx, facts, driver_id)


def add_correction(tx: Tx, facts: Row, driver_id: int | None) -> int:
    """One bill more for a transaction, which is due now and will hold the difference: its id."""
    number = 1 + max(each.number for each in store.of_transaction(tx, facts["id"]))
    made = store.insert(tx, fresh(tx, facts, number, driver_id))
    assert made is not None, "its number was free"
    return made
