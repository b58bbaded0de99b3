"""Allowances: what plans include, granted, listed, taken back and expired. Billing uses them by movements."""

from __future__ import annotations

from collections.abc import Sequence

from csms.core.errors import Conflict, Invalid, NotFound
from csms.core.ledger import (
    ADJUSTMENT,
    ALLOWANCE,
    EXPIRY,
    GRANT,
    GRANTED,
    TX,
    WH,
    AccountRef,
    Allowance,
    Leg,
    NewMovement,
    wallet_key,
)
from csms.core.ports import ReadTx, Tx
from csms.domain.wallets.model.words import LONGEST_NAME
from csms.domain.wallets.store import accounts, movements
from csms.domain.wallets.store import allowances as store

from . import opening
from .posting import post

AT_A_TIME = 50


def allowances(tx: ReadTx, driver_id: int) -> Sequence[Allowance]:
    """What a driver may use now, the first to expire first. Raises ``NotFound``."""
    opening.need_driver(tx, driver_id)
    return store.usable(tx, driver_id)


def need_allowance(tx: ReadTx, account_id: int) -> Allowance:
    """One allowance, used up and expired ones, too. Raises ``NotFound``."""
    found = store.by_account(tx, account_id)
    if found is None:
        raise NotFound(f"there is no allowance {account_id}")
    return found


def grant(
    tx: Tx,
    driver_id: int,
    *,
    unit: str,
    amount: int,
    name: str,
    key: str,
    description: str,
    expires_at: int | None = None,
) -> Allowance:
    """Grant an allowance; one ``key`` grants once. Another key of the same name and unit adds to it, and says anew until when it holds.

    Raises ``NotFound``, ``Invalid``, ``Conflict`` where something else was done under the key.
    """
    tx.claim(wallet_key(tx.tenant, driver_id))
    if unit not in (WH, TX):
        raise Invalid(f"an allowance is in {WH} or {TX}, not in {unit!r}", field="unit")
    if amount <= 0:
        raise Invalid(f"an allowance is of more than 0, not of {amount}", field="amount")
    if not 1 <= len(name) <= LONGEST_NAME:
        raise Invalid(f"an allowance's name has 1 to {LONGEST_NAME} characters", field="name")
    account = AccountRef(kind=ALLOWANCE, unit=unit, name=name, driver_id=driver_id)
    source = AccountRef(kind=GRANTED, unit=unit)
    made = post(tx, NewMovement(kind=GRANT, key=key, legs=(Leg(account, amount), Leg(source, -amount)), description=description))
    account_id = next(each.account_id for each in made.entries if each.kind == ALLOWANCE)
    if not made.again:
        store.put(tx, account_id, driver_id, amount, expires_at)
    return need_allowance(tx, account_id)


def withdraw(tx: Tx, account_id: int, *, key: str, description: str) -> int:
    """Take back what is left of an allowance, and how much that was; one ``key`` does so once.

    Raises ``NotFound``, or ``Conflict`` where something else was done under the key.
    """
    tx.claim(wallet_key(tx.tenant, need_allowance(tx, account_id).driver_id))
    made = movements.by_key(tx, key)
    if made is not None:
        taken = [each.amount for each in made.entries if each.account_id == account_id]
        if made.kind != ADJUSTMENT or not taken:
            raise Conflict(f"movement {made.id} was made under the key {key!r}, and is another one")
        return -sum(taken)
    return _empty(tx, need_allowance(tx, account_id), ADJUSTMENT, key, description)


def expire_allowances(tx: Tx) -> int:
    """Let some allowances expire that are due to; how many."""
    due = store.due(tx, AT_A_TIME)
    tx.claim(*sorted({wallet_key(tx.tenant, each.driver_id) for each in due}))
    for each in due:
        ref = _ref(each)
        number = accounts.find(tx, [ref])[ref].entries
        _empty(tx, each, EXPIRY, f"expiry:{each.account_id}:{number}", "the allowance expired")
    return len(due)


def _empty(tx: Tx, known: Allowance, kind: str, key: str, description: str) -> int:
    if known.balance:
        legs = (Leg(_ref(known), -known.balance), Leg(AccountRef(kind=GRANTED, unit=known.unit), known.balance))
        post(tx, NewMovement(kind=kind, key=key, legs=legs, description=description))
    store.end(tx, known.account_id)
    return known.balance


def _ref(known: Allowance) -> AccountRef:
    return AccountRef(kind=ALLOWANCE, unit=known.unit, name=known.name, driver_id=known.driver_id)
