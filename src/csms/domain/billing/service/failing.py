"""Bills that could not be settled: tried again later and later, given up, tried again by hand, or written off."""

from __future__ import annotations

import attrs

from csms.core.errors import NotFound, Refused
from csms.core.ledger import RECEIVABLE, AccountRef, wallet_key
from csms.core.ports import Tx
from csms.domain.billing.model import BILLING_FAILED, NOT_BILLABLE, PRICED, SETTLED, UNBILLED, Bill, bill_key
from csms.domain.billing.store import bills as store
from csms.domain.billing.store import due
from csms.domain.wallets import service as wallets

from . import moving, telling
from .making import let_go

MOST_ATTEMPTS = 12
FIRST_RETRY_MS = 15_000
LONGEST_RETRY_MS = 6 * 3_600_000
SOON = 3
"""So often what went stale meanwhile is asked about again at once."""
LONGEST_ERROR = 500
SLICE, PACE_MS = 100, 250
"""Bills that wake together are due some at a time, so that those of others come in between."""


def failed(tx: Tx, bill_id: int, transaction_id: int, error: str, *, stale: bool = False) -> None:
    """Note that a bill could not be settled, and when it is tried again; after ``MOST_ATTEMPTS`` it has failed and somebody has to look."""
    tx.claim(bill_key(transaction_id))
    bill = store.by_id(tx, bill_id)
    if bill is None or bill.state not in (UNBILLED, PRICED):
        return
    attempts = bill.attempts + 1
    wait_ms = min(FIRST_RETRY_MS << min(attempts - 1, 20), LONGEST_RETRY_MS)
    if stale and attempts <= SOON:
        wait_ms = 0
    over = attempts >= MOST_ATTEMPTS
    after = attrs.evolve(
        bill,
        state=BILLING_FAILED if over else UNBILLED,
        note="it was tried too often" if over else "",
        attempts=attempts,
        error=error[:LONGEST_ERROR],
        unpriced=False,
        due_at=None if over else tx.now + wait_ms,
        changed_at=tx.now,
    )
    store.save(tx, bill, after)
    if over:
        tx.emit(telling.failed(after))


def retry(tx: Tx, bill_id: int) -> Bill:
    """Have a bill priced and settled again, now. Raises ``NotFound``, or ``Refused`` for one that is settled."""
    bill = need_bill(tx, bill_id)
    tx.claim(bill_key(bill.transaction_id))
    if bill.state == SETTLED:
        raise Refused(f"bill {bill_id} is settled: what it says does not change any more")
    if bill.state == NOT_BILLABLE and not bill.closed_by:
        raise Refused(f"bill {bill_id} costs nothing: {bill.note}")
    again = attrs.evolve(bill, state=UNBILLED, note="", closed_by="", attempts=0, due_at=tx.now, changed_at=tx.now)
    store.save(tx, bill, again)
    return again


def write_off(tx: Tx, bill_id: int, *, reason: str, by: str) -> Bill:
    """Give up what is open of a bill, or a bill that could not be settled. Raises ``NotFound``, or ``Refused`` where nothing is open."""
    bill = need_bill(tx, bill_id)
    tx.claim(bill_key(bill.transaction_id))
    note = f"written off: {reason.strip()}"
    if bill.state == SETTLED:
        if not bill.open_minor or bill.driver_id is None:
            raise Refused(f"nothing of bill {bill_id} is open")
        tx.claim(wallet_key(tx.tenant, bill.driver_id))
        debt = AccountRef(kind=RECEIVABLE, unit=bill.currency, driver_id=bill.driver_id)
        if -wallets.balance(tx, debt) < bill.open_minor:
            raise Refused(f"a payment for bill {bill_id} is just coming in: look again in a moment")
        moving.write_off(tx, bill, bill.open_minor, by=by, reason=reason.strip())
        after = attrs.evolve(
            bill,
            open_minor=0,
            written_off_minor=bill.written_off_minor + bill.open_minor,
            note=note,
            closed_by=by,
            paid_at=tx.now,
            changed_at=tx.now,
        )
        store.save(tx, bill, after)
        tx.emit(telling.paid(after))
        return after
    if bill.state == NOT_BILLABLE:
        raise Refused(f"bill {bill_id} costs nothing: {bill.note}")
    after = attrs.evolve(bill, state=NOT_BILLABLE, note=note, closed_by=by, due_at=None, unpriced=False, changed_at=tx.now)
    store.save(tx, bill, after)
    if not bill.number:
        let_go(tx, bill.transaction_id)
        tx.emit(telling.not_billable(after))
    return after


def need_bill(tx: Tx, bill_id: int) -> Bill:
    """A bill. Raises ``NotFound``."""
    found = store.by_id(tx, bill_id)
    if found is None:
        raise NotFound(f"there is no bill {bill_id}")
    return found


def wake_unpriced(tx: Tx, after: int, turn: int = 0) -> int:
    """Prices changed: have what nobody had a price for asked about again, from a bill on; the last that was, 0 at the end. ``turn`` is how
    many such slices came before."""
    some = due.unpriced(tx, after, SLICE)
    tx.claim(*sorted({bill_key(row["transaction_id"]) for row in some}))
    for row in some:
        due.wake(tx, row["id"], tx.now + turn * PACE_MS)
    return int(some[-1]["id"]) if len(some) == SLICE else 0
