"""Debts are paid after a bill was settled: by a payment for it, or out of the wallet when something came in."""

from __future__ import annotations

import attrs

from csms.core.ledger import wallet_key
from csms.core.ports import Tx
from csms.domain.billing.model import Bill, bill_key
from csms.domain.billing.store import bills as store
from csms.domain.billing.store import payments
from csms.domain.wallets import service as wallets

from . import moving, telling

AT_ONCE = 50


def paid(tx: Tx, bill_id: int, amount_minor: int, *, source: str) -> int:
    """A payment for a bill's debt is in the ledger: how much of it was open. ``source`` names the payment, which counts once.

    Where the debt had become less before this came, the driver's other debts are paid by the rest, as they are in the ledger, the oldest
    first; what is still too much goes to the wallet.
    """
    bill = store.by_id(tx, bill_id)
    if bill is None or bill.driver_id is None:
        return 0
    tx.claim(bill_key(bill.transaction_id), wallet_key(tx.tenant, bill.driver_id))
    part = min(amount_minor, bill.open_minor)
    if not part and payments.counted(tx, bill.driver_id, source):
        return 0
    if part and not payments.insert(tx, bill_id, source, part):
        return 0
    if part:
        _less(tx, bill, part)
    if amount_minor > part:
        _pay_others(tx, bill, amount_minor - part, source)
    too_much = -wallets.funds(tx, bill.driver_id).owed_minor
    if too_much > 0:
        moving.to_wallet(tx, bill, too_much, source=source)
    return part


def _pay_others(tx: Tx, bill: Bill, left: int, source: str) -> None:
    """A payment for one debt that was none any more came off what the driver owes for others."""
    assert bill.driver_id is not None
    others = [each for each in store.open_of(tx, bill.driver_id, AT_ONCE) if each.currency == bill.currency]
    tx.claim(*sorted({bill_key(each.transaction_id) for each in others}))
    for each in others:
        part = min(left, each.open_minor)
        if part and payments.insert(tx, each.id, source, part):
            _less(tx, each, part)
            left -= part


def collect(tx: Tx, driver_id: int) -> int:
    """Pay what a driver owes for charges out of what is available in their wallet, the oldest first; how much."""
    tx.claim(wallet_key(tx.tenant, driver_id))
    owed = store.open_of(tx, driver_id, AT_ONCE)
    if not owed:
        return 0
    tx.claim(*sorted({bill_key(each.transaction_id) for each in owed}))
    funds = wallets.funds(tx, driver_id)
    left = min(funds.available_minor, funds.balance_minor - funds.held_minor)  # a debt is not paid on credit
    left = min(left, funds.owed_minor)  # a payment may be in the ledger already that we have not heard of
    done = 0
    for bill in owed:
        part = min(left, bill.open_minor)
        if part <= 0 or bill.currency != funds.currency:
            continue
        moving.collect(tx, bill, part)
        payments.insert(tx, bill.id, f"wallet:{bill.open_minor}", part)
        _less(tx, bill, part)
        left -= part
        done += part
    return done


def _less(tx: Tx, bill: Bill, part: int) -> None:
    rest = bill.open_minor - part
    after = attrs.evolve(bill, open_minor=rest, changed_at=tx.now, paid_at=None if rest else tx.now)
    store.save(tx, bill, after)
    if not rest:
        tx.emit(telling.paid(after))
