"""SQL of accounts and what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from csms.core.ledger import AccountRef
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.wallets.model import Account, is_running

_COLUMNS = "id, kind, unit, name, driver_id, balance, entries, through"

TAIL = """COALESCE((SELECT sum(e.amount) FROM ledger_entries e
    WHERE e.tenant = :tenant AND e.account_id = a.id AND e.movement_id > a.through), 0)"""
"""What an account that is summed up has beside its ``balance``; 0 of one whose balance runs."""


def _account(row: Row) -> Account:
    return Account(**row)


@cache
def _which(count: int) -> str:
    each = "(kind = :kind_{0} AND unit = :unit_{0} AND name = :name_{0} AND COALESCE(driver_id, 0) = :driver_{0})"
    return (
        f"SELECT {_COLUMNS} FROM ledger_accounts WHERE tenant = :tenant AND ("  # noqa: S608 - our own words
        + " OR ".join(each.format(number) for number in range(count))
        + ")"
    )


def find(tx: ReadTx, refs: Sequence[AccountRef]) -> dict[AccountRef, Account]:
    """Those of some accounts that there are. One statement."""
    parameters: dict[str, str | int] = {}
    for number, ref in enumerate(refs):
        parameters |= {
            f"kind_{number}": ref.kind,
            f"unit_{number}": ref.unit,
            f"name_{number}": ref.name,
            f"driver_{number}": ref.driver_id or 0,
        }
    found = [_account(row) for row in tx.all(_which(len(refs)), **parameters)]
    return {each.ref: each for each in found}


def by_id(tx: ReadTx, account_id: int) -> Account | None:
    """One account."""
    row = tx.one(f"SELECT {_COLUMNS} FROM ledger_accounts WHERE tenant = :tenant AND id = :account_id", account_id=account_id)  # noqa: S608
    return None if row is None else _account(row)


def insert(tx: Tx, ref: AccountRef) -> None:
    """Open an account that is not there."""
    tx.run(
        "INSERT INTO ledger_accounts (tenant, kind, unit, name, driver_id, through, opened_at)"
        " VALUES (:tenant, :kind, :unit, :name, :driver_id, :through, :now) ON CONFLICT DO NOTHING",
        kind=ref.kind,
        unit=ref.unit,
        name=ref.name,
        driver_id=ref.driver_id,
        through=None if is_running(ref) else 0,
    )


def advance(tx: Tx, before: Account, balance: int, entries: int) -> bool:
    """Move a running balance on; False when it is not any more what it was ``before``."""
    touched = tx.run(
        "UPDATE ledger_accounts SET balance = :balance, entries = :entries"
        " WHERE tenant = :tenant AND id = :account_id AND entries = :before_entries AND balance = :before_balance",
        account_id=before.id,
        balance=balance,
        entries=entries,
        before_entries=before.entries,
        before_balance=before.balance,
    )
    return touched == 1


def balance(tx: ReadTx, ref: AccountRef) -> int:
    """What is in an account; 0 where there is none."""
    found = tx.value(
        f"SELECT a.balance + {TAIL} FROM ledger_accounts a WHERE a.tenant = :tenant AND a.kind = :kind AND a.unit = :unit"  # noqa: S608
        " AND a.name = :name AND COALESCE(a.driver_id, 0) = :driver",
        kind=ref.kind,
        unit=ref.unit,
        name=ref.name,
        driver=ref.driver_id or 0,
    )
    return int(found or 0)
