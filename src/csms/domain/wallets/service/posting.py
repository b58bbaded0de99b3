"""The one way in which anything moves in the ledger: all of a movement or nothing, once, and no account below its floor.

Everything is looked at before anything is written, so that a verb may go on after a movement was refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from csms.core.errors import Conflict, NotFound
from csms.core.ledger import (
    ALLOWANCE,
    HELD,
    PREPAYMENT,
    RECEIVABLE,
    WALLET,
    AccountRef,
    Leg,
    NewMovement,
    prepayment_key,
    wallet_key,
)
from csms.core.ports import ReadTx, Tx
from csms.domain.wallets.model import Account, Entry, Movement, WalletMoved, is_running
from csms.domain.wallets.model.words import MONEY_OF_DRIVERS, accounts_key
from csms.domain.wallets.store import accounts, movements
from csms.domain.wallets.store import wallets as store

from . import opening
from .floors import Holdings, changes_of, check_drivers, check_legs, keep_floors, named


def keys_of(tenant: int, legs: Sequence[Leg]) -> list[str]:
    """The write keys of what a movement touches; accounts of the tenant's own have none, and wait for nobody."""
    refs = [leg.account for leg in legs]
    keys = {wallet_key(tenant, ref.driver_id) for ref in refs if ref.driver_id is not None}
    return sorted(keys | {prepayment_key(tenant, ref.name) for ref in refs if ref.kind == PREPAYMENT})


def post(tx: Tx, movement: NewMovement, *, overdraw: bool = False) -> Movement:
    """Make a movement; one that was made already, by its key, is returned as it is (``again``). Legs of 0 are left out.

    Raises ``Refused`` where a wallet would fall below its credit limit (never with ``overdraw``) or any other account of a driver or a
    prepayment below zero, ``Conflict`` where another movement has the key, ``Invalid`` for what cannot be moved, ``NotFound`` for the
    driver. Nothing is written then.
    """
    legs = tuple(leg for leg in movement.legs if leg.amount)
    if keys := keys_of(tx.tenant, legs):
        tx.claim(*keys)
    made = movements.by_key(tx, movement.key)
    if made is not None:
        return _same(made, movement, legs)
    check_legs(legs)
    refs = list(dict.fromkeys(leg.account for leg in legs))
    known = accounts.find(tx, refs)
    holdings = {pair: store.wallet(tx, *pair) for pair in _wallets_of(legs)}
    check_drivers(tx, refs, known, holdings)
    keep_floors(tx, movement, legs, known, holdings, overdraw=overdraw)
    opened = _opened(tx, refs, known)
    movement_id = movements.insert(tx, movement, len(legs))
    if movement_id is None:  # a lane beside this one was faster: only where no driver and no prepayment is concerned
        made = movements.by_key(tx, movement.key)
        assert made is not None
        return _same(made, movement, legs)
    entries = _write_entries(tx, movement_id, legs, opened)
    _write_wallets(tx, movement, movement_id, legs, holdings)
    _tell_allowances(tx, movement, movement_id, entries)
    return Movement(
        id=movement_id,
        key=movement.key,
        kind=movement.kind,
        at=tx.now,
        description=movement.description,
        reference_kind=movement.reference_kind,
        reference_id=movement.reference_id,
        by=movement.by,
        entries=entries,
        tax_code=movement.tax_code,
    )


def need_movement(tx: ReadTx, movement_id: int) -> Movement:
    """A movement of the tenant. Raises ``NotFound``."""
    found = movements.by_id(tx, movement_id)
    if found is None:
        raise NotFound(f"there is no movement {movement_id}")
    return found


def need_account(tx: ReadTx, account_id: int) -> Account:
    """An account of the tenant. Raises ``NotFound``."""
    found = accounts.by_id(tx, account_id)
    if found is None:
        raise NotFound(f"there is no account {account_id}")
    return found


def balance(tx: ReadTx, account: AccountRef) -> int:
    """What is in an account; 0 where there is none."""
    return accounts.balance(tx, account)


def _same(made: Movement, movement: NewMovement, legs: Sequence[Leg]) -> Movement:
    there = sorted((each.kind, each.unit, each.name, each.driver_id or 0, each.amount) for each in made.entries)
    here = sorted((leg.account.kind, leg.account.unit, leg.account.name, leg.account.driver_id or 0, leg.amount) for leg in legs)
    if (made.kind, there) != (movement.kind, here):
        raise Conflict(f"movement {made.id} was made under the key {movement.key!r}, and is another one")
    return made


def _wallets_of(legs: Sequence[Leg]) -> list[tuple[int, str]]:
    """Drivers and currencies of which a movement touches the money."""
    found = {
        (leg.account.driver_id, leg.account.unit)
        for leg in legs
        if leg.account.kind in MONEY_OF_DRIVERS and leg.account.driver_id is not None
    }
    return sorted(found)


def _opened(tx: Tx, refs: Sequence[AccountRef], known: Mapping[AccountRef, Account]) -> dict[AccountRef, Account]:
    missing = [ref for ref in refs if ref not in known]
    if not missing:
        return dict(known)
    if not all(is_running(ref) for ref in missing):
        tx.claim(accounts_key(tx.tenant))
    for ref in missing:
        accounts.insert(tx, ref)
    return {**known, **accounts.find(tx, missing)}


def _write_entries(tx: Tx, movement_id: int, legs: Sequence[Leg], opened: Mapping[AccountRef, Account]) -> list[Entry]:
    """Write the entries and move running balances on."""
    moved: dict[AccountRef, Account] = {}
    entries, rows = [], []
    for line, leg in enumerate(legs, 1):
        ref = leg.account
        account = moved.get(ref) or opened[ref]
        running = account.through is None
        if running:
            account = attrs.evolve(account, balance=account.balance + leg.amount, entries=account.entries + 1)
            moved[ref] = account
        after = account.balance if running else None
        rows.append(
            {
                "movement_id": movement_id,
                "line": line,
                "account_id": account.id,
                "amount": leg.amount,
                "number": account.entries if running else None,
                "balance_after": after,
            }
        )
        entries.append(
            Entry(
                account_id=account.id,
                kind=ref.kind,
                unit=ref.unit,
                name=ref.name,
                driver_id=ref.driver_id,
                amount=leg.amount,
                balance_after=after,
            )
        )
    for ref, account in moved.items():
        if not accounts.advance(tx, opened[ref], account.balance, account.entries):
            raise Conflict(f"{named(ref)} moved meanwhile")
    movements.insert_entries(tx, rows)
    return entries


def _write_wallets(tx: Tx, movement: NewMovement, movement_id: int, legs: Sequence[Leg], holdings: Holdings) -> None:
    """Move wallets on, with a line of their statements and an event each."""
    changes = changes_of(legs)
    for (driver_id, unit), known in holdings.items():
        change = dict.fromkeys(MONEY_OF_DRIVERS, 0)
        for ref, amount in changes.items():
            if (ref.driver_id, ref.unit) == (driver_id, unit):
                change[ref.kind] += amount
        before = known or opening.stored(tx, driver_id, unit)
        after = attrs.evolve(
            before,
            balance_minor=before.balance_minor + change[WALLET] + change[HELD],
            held_minor=before.held_minor + change[HELD],
            owed_minor=before.owed_minor - change[RECEIVABLE],
            lines=before.lines + 1,
        )
        if not store.move(tx, before, after):
            raise Conflict(f"the wallet of driver {driver_id} moved meanwhile")
        store.insert_line(tx, before, after, movement_id)
        tx.emit(
            WalletMoved(
                driver_id=driver_id,
                movement_id=movement_id,
                kind=movement.kind,
                unit=unit,
                amount=after.balance_minor - before.balance_minor,
                balance_after=after.balance_minor,
                held_after=after.held_minor,
                owed_after=after.owed_minor,
                reference_kind=movement.reference_kind,
                reference_id=movement.reference_id,
            )
        )


def _tell_allowances(tx: Tx, movement: NewMovement, movement_id: int, entries: Sequence[Entry]) -> None:
    for each in entries:
        if each.kind == ALLOWANCE and each.driver_id is not None and each.balance_after is not None:
            tx.emit(
                WalletMoved(
                    driver_id=each.driver_id,
                    movement_id=movement_id,
                    kind=movement.kind,
                    unit=each.unit,
                    amount=each.amount,
                    balance_after=each.balance_after,
                    account_id=each.account_id,
                    reference_kind=movement.reference_kind,
                    reference_id=movement.reference_id,
                )
            )
