"""SQL of wallets and the lines of their statements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from csms.core.ports import ReadTx, Tx

_COLUMNS = (
    "id, driver_id, currency, status, credit_limit_minor, balance_minor, held_minor, owed_minor, lines, opened_at, changed_at"
)


@attrs.frozen(slots=True, kw_only=True)
class StoredWallet:
    """A wallet's row."""

    id: int
    driver_id: int
    currency: str
    status: str
    credit_limit_minor: int | None
    balance_minor: int
    held_minor: int
    owed_minor: int
    lines: int
    opened_at: int
    changed_at: int


def wallet(tx: ReadTx, driver_id: int, currency: str) -> StoredWallet | None:
    """A driver's wallet in a currency."""
    row = tx.one(
        f"SELECT {_COLUMNS} FROM wallets WHERE tenant = :tenant AND driver_id = :driver_id AND currency = :currency",  # noqa: S608
        driver_id=driver_id,
        currency=currency,
    )
    return None if row is None else StoredWallet(**row)


def insert(tx: Tx, driver_id: int, currency: str) -> int | None:
    """The id of a new wallet, None where the driver has one."""
    found: int | None = tx.value(
        "INSERT INTO wallets (tenant, driver_id, currency, opened_at, changed_at)"
        " VALUES (:tenant, :driver_id, :currency, :now, :now) ON CONFLICT DO NOTHING RETURNING id",
        driver_id=driver_id,
        currency=currency,
    )
    return found


def move(tx: Tx, before: StoredWallet, after: StoredWallet) -> bool:
    """Store what a movement made of a wallet; False when it is not any more what it was ``before``."""
    touched = tx.run(
        "UPDATE wallets SET balance_minor = :balance_minor, held_minor = :held_minor, owed_minor = :owed_minor, lines = :lines,"
        " changed_at = :now WHERE tenant = :tenant AND id = :wallet_id AND lines = :before_lines AND balance_minor = :before_balance",
        wallet_id=before.id,
        before_lines=before.lines,
        before_balance=before.balance_minor,
        balance_minor=after.balance_minor,
        held_minor=after.held_minor,
        owed_minor=after.owed_minor,
        lines=after.lines,
    )
    return touched == 1


def insert_line(tx: Tx, before: StoredWallet, after: StoredWallet, movement_id: int) -> None:
    """The line of the statement that says so."""
    tx.run(
        "INSERT INTO wallet_lines (wallet_id, number, tenant, driver_id, movement_id, at, amount_minor, held_minor, owed_minor,"
        " balance_after_minor, held_after_minor, owed_after_minor) VALUES (:wallet_id, :number, :tenant, :driver_id, :movement_id,"
        " :now, :amount_minor, :held_minor, :owed_minor, :balance_after_minor, :held_after_minor, :owed_after_minor)",
        wallet_id=after.id,
        number=after.lines,
        driver_id=after.driver_id,
        movement_id=movement_id,
        amount_minor=after.balance_minor - before.balance_minor,
        held_minor=after.held_minor - before.held_minor,
        owed_minor=after.owed_minor - before.owed_minor,
        balance_after_minor=after.balance_minor,
        held_after_minor=after.held_minor,
        owed_after_minor=after.owed_minor,
    )


def configure(tx: Tx, wallet_id: int, *, status: str, credit_limit_minor: int | None) -> None:
    """Store what an operator says of a wallet."""
    tx.run(
        "UPDATE wallets SET status = :status, credit_limit_minor = :credit_limit_minor, changed_at = :now"
        " WHERE tenant = :tenant AND id = :wallet_id",
        wallet_id=wallet_id,
        status=status,
        credit_limit_minor=credit_limit_minor,
    )


# --- drivers and tenants, as far as wallets go ------------------------------------------------------------------------------------


def has_driver(tx: ReadTx, driver_id: int) -> bool:
    """Whether the tenant has such a driver, archived or not: money outlives both."""
    found = tx.value("SELECT 1 FROM drivers WHERE tenant = :tenant AND id = :driver_id", driver_id=driver_id)
    return found is not None


def name_of(tx: ReadTx, driver_id: int) -> str | None:
    """What a driver is called."""
    found: str | None = tx.value("SELECT name FROM drivers WHERE tenant = :tenant AND id = :driver_id", driver_id=driver_id)
    return found


def without_wallet(tx: ReadTx, currency: str, after: int, limit: int) -> Sequence[int]:
    """Drivers after one, by id, who have no wallet in a currency; none that are archived."""
    rows = tx.all(
        "SELECT d.id FROM drivers d WHERE d.tenant = :tenant AND d.removed_at IS NULL AND d.id > :after AND NOT EXISTS ("
        "SELECT 1 FROM wallets w WHERE w.tenant = :tenant AND w.driver_id = d.id AND w.currency = :currency)"
        " ORDER BY d.id LIMIT :limit",
        currency=currency,
        after=after,
        limit=limit,
    )
    return [row["id"] for row in rows]


def last_driver(tx: ReadTx) -> int:
    """The highest id of the tenant's drivers; 0 without any."""
    return int(tx.value("SELECT max(id) FROM drivers WHERE tenant = :tenant") or 0)


def currency(tx: ReadTx) -> str:
    """The currency of the tenant."""
    return str(tx.value("SELECT currency FROM tenants WHERE id = :tenant"))


def values_of(row: StoredWallet) -> dict[str, Any]:
    """A wallet's columns but for the counter."""
    values = attrs.asdict(row)
    del values["lines"]
    return values
