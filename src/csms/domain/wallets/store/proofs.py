"""SQL that looks for what does not add up, a stretch at a time; each statement sees one consistent snapshot."""

from __future__ import annotations

from collections.abc import Sequence

from csms.core.ports import ReadTx, Row

MOST = 20
"""Faults of a kind that one stretch tells; where there are more, one look at the store says the rest."""


def last_of(tx: ReadTx, table: str, after: int, limit: int) -> tuple[int, int] | None:
    """The last id of a stretch of a table, and how many rows it has; None where there are no more."""
    row = tx.one(
        f"SELECT max(s.id) AS last, count(*) AS looked FROM (SELECT id FROM {table} WHERE tenant = :tenant AND id > :after"  # noqa: S608
        " ORDER BY id LIMIT :limit) s",
        after=after,
        limit=limit,
    )
    return None if row is None or row["last"] is None else (int(row["last"]), int(row["looked"]))


def incomplete_movements(tx: ReadTx, after: int, last: int) -> Sequence[Row]:
    """Movements that have not the entries they were made with."""
    return tx.all(
        "SELECT m.id, m.legs AS expected, count(e.line) AS found FROM ledger_movements m"
        " LEFT JOIN ledger_entries e ON e.movement_id = m.id AND e.tenant = :tenant"
        " WHERE m.tenant = :tenant AND m.id > :after AND m.id <= :last"
        " GROUP BY m.id, m.legs HAVING count(e.line) <> m.legs ORDER BY m.id LIMIT :most",
        after=after,
        last=last,
        most=MOST,
    )


def unbalanced_movements(tx: ReadTx, after: int, last: int) -> Sequence[Row]:
    """Movements whose entries do not sum to zero in a unit."""
    return tx.all(
        "SELECT e.movement_id AS id, a.unit, sum(e.amount) AS found FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id"
        " WHERE e.tenant = :tenant AND e.movement_id > :after AND e.movement_id <= :last"
        " GROUP BY e.movement_id, a.unit HAVING sum(e.amount) <> 0 ORDER BY e.movement_id LIMIT :most",
        after=after,
        last=last,
        most=MOST,
    )


def wrong_accounts(tx: ReadTx, after: int, last: int) -> Sequence[Row]:
    """Accounts whose running balance is not the sum of their entries, or that have not as many as they count."""
    return tx.all(
        "SELECT a.id, a.kind, a.unit, a.name, a.balance AS found, a.entries, COALESCE(sum(e.amount), 0) AS expected,"
        " count(e.line) AS counted FROM ledger_accounts a LEFT JOIN ledger_entries e ON e.account_id = a.id AND e.tenant = :tenant"
        " WHERE a.tenant = :tenant AND a.through IS NULL AND a.id > :after AND a.id <= :last"
        " GROUP BY a.id, a.kind, a.unit, a.name, a.balance, a.entries HAVING COALESCE(sum(e.amount), 0) <> a.balance"
        " OR count(e.line) <> a.entries OR COALESCE(max(e.number), 0) <> a.entries ORDER BY a.id LIMIT :most",
        after=after,
        last=last,
        most=MOST,
    )


def broken_runs(tx: ReadTx, after: int, last: int) -> Sequence[Row]:
    """Entries after which an account did not have what they say."""
    return tx.all(
        "SELECT r.account_id AS id, r.movement_id, r.balance_after AS found, r.running AS expected FROM ("
        "SELECT e.account_id, e.movement_id, e.balance_after, sum(e.amount) OVER (PARTITION BY e.account_id ORDER BY e.number) AS running"
        " FROM ledger_accounts a JOIN ledger_entries e ON e.account_id = a.id"
        " WHERE a.tenant = :tenant AND e.tenant = :tenant AND a.through IS NULL AND a.id > :after AND a.id <= :last) r"
        " WHERE r.balance_after <> r.running ORDER BY r.account_id, r.movement_id LIMIT :most",
        after=after,
        last=last,
        most=MOST,
    )


_ACCOUNTS = """(SELECT COALESCE(sum(a.balance), 0) FROM ledger_accounts a
    WHERE a.tenant = :tenant AND a.driver_id = w.driver_id AND a.unit = w.currency AND a.kind IN ({kinds}))"""
_LINES = "(SELECT COALESCE(sum(l.{column}), 0) FROM wallet_lines l WHERE l.tenant = :tenant AND l.wallet_id = w.id)"
_WALLETS = f"""
SELECT w.id, w.driver_id, w.currency, w.balance_minor, w.held_minor, w.owed_minor, w.lines,
    {_ACCOUNTS.format(kinds="'wallet', 'held'")} AS balance, {_ACCOUNTS.format(kinds="'held'")} AS held,
    {_ACCOUNTS.format(kinds="'receivable'")} AS receivable, {_LINES.format(column="amount_minor")} AS line_amounts,
    {_LINES.format(column="held_minor")} AS line_held, {_LINES.format(column="owed_minor")} AS line_owed,
    (SELECT count(*) FROM wallet_lines l WHERE l.tenant = :tenant AND l.wallet_id = w.id) AS counted
FROM wallets w WHERE w.tenant = :tenant AND w.id > :after AND w.id <= :last"""  # noqa: S608 - our own words


def wrong_wallets(tx: ReadTx, after: int, last: int) -> Sequence[Row]:
    """Wallets that are not what their accounts and lines make up."""
    return tx.all(
        f"SELECT * FROM ({_WALLETS}) r WHERE r.balance_minor <> r.balance OR r.held_minor <> r.held OR r.owed_minor <> -r.receivable"  # noqa: S608
        " OR r.balance_minor <> r.line_amounts OR r.held_minor <> r.line_held OR r.owed_minor <> r.line_owed OR r.lines <> r.counted"
        " ORDER BY r.id LIMIT :most",
        after=after,
        last=last,
        most=MOST,
    )


def summed_accounts(tx: ReadTx, after: int) -> Row | None:
    """The next account that is summed up, with its last checkpoint's balance (0 without one)."""
    return tx.one(
        "SELECT a.id, a.kind, a.unit, a.name, a.balance, a.through, COALESCE((SELECT c.balance FROM ledger_checkpoints c"
        " WHERE c.tenant = :tenant AND c.account_id = a.id AND c.movement_id = a.through), 0) AS noted"
        " FROM ledger_accounts a WHERE a.tenant = :tenant AND a.through IS NOT NULL AND a.id > :after ORDER BY a.id LIMIT 1",
        after=after,
    )


def checkpoints_after(tx: ReadTx, account_id: int, after: int, limit: int) -> Sequence[Row]:
    """An account's checkpoints after one, in order."""
    return tx.all(
        "SELECT movement_id, balance, entries FROM ledger_checkpoints WHERE tenant = :tenant AND account_id = :account_id"
        " AND movement_id > :after ORDER BY movement_id LIMIT :limit",
        account_id=account_id,
        after=after,
        limit=limit,
    )


_BALANCES = """
SELECT a.kind, a.unit, count(*) AS accounts, sum(CASE WHEN a.total < 0 THEN -a.total ELSE 0 END) AS debit,
    sum(CASE WHEN a.total > 0 THEN a.total ELSE 0 END) AS credit
FROM (
    SELECT r.kind, r.unit, r.balance AS total FROM ledger_accounts r
    WHERE r.tenant = :tenant AND r.through IS NULL AND r.balance <> 0
    UNION ALL
    SELECT s.kind, s.unit, s.balance + COALESCE((SELECT sum(e.amount) FROM ledger_entries e
        WHERE e.tenant = :tenant AND e.account_id = s.id AND e.movement_id > s.through), 0) AS total
    FROM ledger_accounts s WHERE s.tenant = :tenant AND s.through IS NOT NULL
) a GROUP BY a.kind, a.unit ORDER BY a.unit, a.kind"""


def balances(tx: ReadTx) -> Sequence[Row]:
    """Debits and credits of all accounts by kind and unit; accounts of drivers with nothing in them are left out."""
    return tx.all(_BALANCES)
