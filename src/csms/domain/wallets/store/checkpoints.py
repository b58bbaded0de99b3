"""SQL of checkpoints: sums of entries up to a movement, so that no balance is summed up from the beginning."""

from __future__ import annotations

from collections.abc import Sequence

from csms.core.ports import ReadTx, Row, Tx


def settled(tx: ReadTx, before_at: int) -> int:
    """The last movement that was made before an instant; 0 where there is none."""
    found = tx.value(
        "SELECT id FROM ledger_movements WHERE tenant = :tenant AND at < :before_at ORDER BY id DESC LIMIT 1", before_at=before_at
    )
    return int(found or 0)


def summed(tx: ReadTx) -> Sequence[Row]:
    """Accounts that are summed up, each with the movement that its last checkpoint goes to."""
    return tx.all("SELECT id, through FROM ledger_accounts WHERE tenant = :tenant AND through IS NOT NULL ORDER BY id")


def next_stop(tx: ReadTx, account_id: int, through: int, until: int, step: int) -> int | None:
    """The movement of the ``step``-th entry after ``through``, if that is not past ``until``."""
    found = tx.value(
        "SELECT movement_id FROM ledger_entries WHERE tenant = :tenant AND account_id = :account_id AND movement_id > :through"
        " AND movement_id <= :until ORDER BY movement_id LIMIT 1 OFFSET :skipped",
        account_id=account_id,
        through=through,
        until=until,
        skipped=step - 1,
    )
    return None if found is None else int(found)


def between(tx: ReadTx, account_id: int, after: int, until: int) -> tuple[int, int]:
    """The sum of an account's entries of movements after one, up to another, and how many they are."""
    row = tx.one(
        "SELECT COALESCE(sum(amount), 0) AS total, count(*) AS entries FROM ledger_entries WHERE tenant = :tenant"
        " AND account_id = :account_id AND movement_id > :after AND movement_id <= :until",
        account_id=account_id,
        after=after,
        until=until,
    )
    assert row is not None
    return int(row["total"]), int(row["entries"])


def balance_at(tx: ReadTx, account_id: int, movement_id: int) -> int:
    """What the checkpoint at a movement says; 0 where there is none."""
    found = tx.value(
        "SELECT balance FROM ledger_checkpoints WHERE tenant = :tenant AND account_id = :account_id AND movement_id = :movement_id",
        account_id=account_id,
        movement_id=movement_id,
    )
    return int(found or 0)


def advance(tx: Tx, account_id: int, *, before: int, until: int, balance: int, entries: int) -> bool:
    """Store a checkpoint; False where the account's last one is not any more at ``before``."""
    touched = tx.run(
        "UPDATE ledger_accounts SET balance = :balance, through = :until WHERE tenant = :tenant AND id = :account_id AND through = :before",
        account_id=account_id,
        balance=balance,
        until=until,
        before=before,
    )
    if touched:
        tx.run(
            "INSERT INTO ledger_checkpoints (account_id, movement_id, tenant, balance, entries, made_at)"
            " VALUES (:account_id, :until, :tenant, :balance, :entries, :now)",
            account_id=account_id,
            until=until,
            balance=balance,
            entries=entries,
        )
    return touched > 0
