"""Debts are paid after a bill was settled: by a payment for it, or out of the wallet when something came in."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from csms.core.ledger import RECEIVABLE, AccountRef, wallet_key
from csms.core.ports import ReadTx, Tx
from csms.domain.billing.model import Bill, bill_key
from csms.domain.billing.store import bills as store
from csms.domain.billing.store import payments
from csms.domain.wallets import service as wallets

from . import moving, telling

AT_ONCE = 50


def came_in(tx: Tx, driver_id: int, amount_minor: int, currency: str, *, source: str, bill_id: int | None = None) -> int:
    """A payment of what a driver owes is in the ledger: how much of it was open. ``source`` names the payment, which counts once.

    It pays the bill that it is for (``bill_id``), as far as that is the driver's and open, then the driver's others, the oldest first. No
    more than the ledger says was paid and no bill knows of yet: what comes again pays nothing. What was too much goes to the wallet.
    """
    tx.claim(wallet_key(tx.tenant, driver_id))
    if payments.counted(tx, driver_id, source):
        return 0
    named = None if bill_id is None else store.by_id(tx, bill_id)
    if named is not None and (named.driver_id, named.currency) != (driver_id, currency):
        named = None
    owed = -wallets.balance(tx, AccountRef(kind=RECEIVABLE, unit=currency, driver_id=driver_id))
    left = min(amount_minor, store.open_minor(tx, driver_id, currency) - owed)
    owing = _oldest(tx, driver_id, currency, left, first=named)
    tx.claim(*sorted({bill_key(each.transaction_id) for each in owing}))
    done = 0
    for each in owing:
        part = min(left - done, each.open_minor)
        if payments.insert(tx, each.id, source, part):
            _less(tx, each, part)
            done += part
    if owed < 0:
        moving.to_wallet(tx, driver_id, currency, -owed, source=source)
    return done


def paid(tx: Tx, bill_id: int, amount_minor: int, *, source: str) -> int:
    """What the same write moves in the ledger pays a bill: how much of it was open, and no other bill."""
    bill = store.by_id(tx, bill_id)
    if bill is None or bill.driver_id is None:
        return 0
    tx.claim(bill_key(bill.transaction_id), wallet_key(tx.tenant, bill.driver_id))
    part = min(amount_minor, bill.open_minor)
    if part <= 0 or not payments.insert(tx, bill_id, source, part):
        return 0
    _less(tx, bill, part)
    return part


def taken_back(tx: Tx, driver_id: int, payment_id: int, amount_minor: int, currency: str, *, source: str) -> int:
    """Who paid debts had their bank take that back, and the ledger has it as a debt: the bills that it paid are open again; how much of them.

    What no bill has of it goes out of the wallet, overdrawn if it must be. ``source`` counts once.
    """
    tx.claim(wallet_key(tx.tenant, driver_id))
    if payments.counted(tx, driver_id, source):
        return 0
    were_paid = payments.paid_by(tx, driver_id, f"payment:{payment_id}:")
    bills = {each.id: each for each in store.some(tx, [bill_id for bill_id, _ in were_paid])}
    tx.claim(*sorted({bill_key(each.transaction_id) for each in bills.values()}))
    left = amount_minor
    for bill_id, paid_minor in were_paid:
        bill = bills[bill_id]
        paid_since = bill.owed_minor - bill.open_minor - bill.written_off_minor - bill.credited_open_minor
        part = min(left, paid_minor, paid_since)
        if part <= 0 or bill.currency != currency or not payments.insert(tx, bill_id, source, part):
            continue
        left -= part
        after = attrs.evolve(bill, open_minor=bill.open_minor + part, changed_at=tx.now, paid_at=None)
        store.save(tx, bill, after)
        tx.emit(telling.left_open(after))
    if left:
        moving.out_of_wallet(tx, driver_id, currency, left, source=source)
    return amount_minor - left


def collect(tx: Tx, driver_id: int) -> int:
    """Pay what a driver owes for charges out of what is available in their wallet, the oldest first; how much."""
    tx.claim(wallet_key(tx.tenant, driver_id))
    funds = wallets.funds(tx, driver_id)
    left = min(funds.available_minor, funds.balance_minor - funds.held_minor)  # a debt is not paid on credit
    left = min(left, funds.owed_minor)  # a payment may be in the ledger already that we have not heard of
    owing = _oldest(tx, driver_id, funds.currency, left)
    if not owing:
        return 0
    tx.claim(*sorted({bill_key(each.transaction_id) for each in owing}))
    done = 0
    for bill in owing:
        part = min(left - done, bill.open_minor)
        moving.collect(tx, bill, part)
        payments.insert(tx, bill.id, f"wallet:{bill.open_minor}", part)
        _less(tx, bill, part)
        done += part
    return done


def _oldest(tx: ReadTx, driver_id: int, currency: str, amount_minor: int, first: Bill | None = None) -> Sequence[Bill]:
    """So many of a driver's open bills, the oldest first, that an amount pays: after the one that it is for, where it is for one."""
    found = [first] if first is not None and first.open_minor and amount_minor > 0 else []
    left = amount_minor - sum(each.open_minor for each in found)
    after = 0
    while left > 0 and (some := store.open_of(tx, driver_id, AT_ONCE, currency=currency, after=after)):
        after = some[-1].id
        for each in some:
            if left > 0 and (first is None or each.id != first.id):
                found.append(each)
                left -= each.open_minor
    return found


def _less(tx: Tx, bill: Bill, part: int) -> None:
    rest = bill.open_minor - part
    after = attrs.evolve(bill, open_minor=rest, changed_at=tx.now, paid_at=None if rest else tx.now)
    store.save(tx, bill, after)
    if not rest:
        tx.emit(telling.paid(after))
