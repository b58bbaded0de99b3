"""What partners share in, what is paid out to them, and what a month came to in the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from csms.core.ports import ReadTx, Row, Tx
from csms.domain.invoices.model.settlements import Payout


def insert_part(tx: Tx, source: str, party: str, **values: Any) -> None:
    """What a party shares in by one bill or credit note; once."""
    tx.run(
        "INSERT INTO settlement_parts (tenant, source, party, currency, station_id, settled_at, energy_wh, net_minor, tax_minor,"
        " electricity_minor, share_minor) VALUES (:tenant, :source, :party, :currency, :station_id, :settled_at, :energy_wh, :net_minor,"
        " :tax_minor, :electricity_minor, :share_minor) ON CONFLICT DO NOTHING",
        source=source,
        party=party,
        **values,
    )


_SUMS = """count(*) AS bills, COALESCE(sum(p.energy_wh), 0) AS energy_wh, COALESCE(sum(p.net_minor), 0) AS revenue_minor,
COALESCE(sum(p.tax_minor), 0) AS tax_minor, COALESCE(sum(p.electricity_minor), 0) AS electricity_minor,
COALESCE(sum(p.share_minor), 0) AS share_minor"""


def parts(tx: ReadTx, from_at: int, to_at: int) -> Sequence[Row]:
    """What each party shares in, in a stretch of time."""
    return tx.all(
        f"SELECT p.party, p.currency, {_SUMS} FROM settlement_parts p WHERE p.tenant = :tenant AND p.settled_at >= :from_at"  # noqa: S608
        " AND p.settled_at < :to_at GROUP BY p.party, p.currency ORDER BY p.party, p.currency",
        from_at=from_at,
        to_at=to_at,
    )


def parts_by_station(tx: ReadTx, party: str, currency: str, from_at: int, to_at: int) -> Sequence[Row]:
    """What one party shares in, by station."""
    return tx.all(
        f"SELECT p.station_id, max(s.name) AS station_name, {_SUMS} FROM settlement_parts p LEFT JOIN stations s ON s.id = p.station_id"  # noqa: S608
        " AND s.tenant = :tenant WHERE p.tenant = :tenant AND p.party = :party AND p.currency = :currency AND p.settled_at >= :from_at"
        " AND p.settled_at < :to_at GROUP BY p.station_id ORDER BY p.station_id",
        party=party,
        currency=currency,
        from_at=from_at,
        to_at=to_at,
    )


def partners(tx: ReadTx, from_at: int, to_at: int, account_id: int | None = None) -> Sequence[Row]:
    """Partners' accounts in the ledger: what was in them before, what came in and went in a stretch of time, and what is there now."""
    one = "" if account_id is None else " AND a.id = :account_id"
    return tx.all(
        "SELECT a.id, a.name, a.unit, COALESCE(sum(CASE WHEN m.at < :from_at THEN e.amount ELSE 0 END), 0) AS opening,"  # noqa: S608 - our own texts
        " COALESCE(sum(CASE WHEN m.at >= :from_at AND m.at < :to_at AND m.kind = 'SHARE' THEN e.amount ELSE 0 END), 0) AS share,"
        " COALESCE(sum(CASE WHEN m.at >= :from_at AND m.at < :to_at AND m.kind = 'PAYOUT' THEN -e.amount ELSE 0 END), 0) AS paid_out,"
        " COALESCE(sum(CASE WHEN m.at < :to_at THEN e.amount ELSE 0 END), 0) AS closing, COALESCE(sum(e.amount), 0) AS due"
        " FROM ledger_accounts a JOIN ledger_entries e ON e.account_id = a.id JOIN ledger_movements m ON m.id = e.movement_id"
        f" WHERE a.tenant = :tenant AND e.tenant = :tenant AND m.tenant = :tenant AND a.kind = 'partner'{one}"
        " GROUP BY a.id, a.name, a.unit ORDER BY a.name, a.unit",
        from_at=from_at,
        to_at=to_at,
        **({} if account_id is None else {"account_id": account_id}),
    )


def account(tx: ReadTx, account_id: int) -> Row | None:
    """A partner's account."""
    if not 0 < account_id < 2**63:
        return None
    return tx.one(
        "SELECT id, name, unit FROM ledger_accounts WHERE tenant = :tenant AND kind = 'partner' AND id = :id", id=account_id
    )


def ledger(tx: ReadTx, from_at: int, to_at: int) -> Sequence[Row]:
    """What came to revenue, taxes and partners in a stretch of time, by kind of movement."""
    return tx.all(
        "SELECT a.unit, a.kind, a.name, m.kind AS what, sum(e.amount) AS amount"
        " FROM ledger_accounts a JOIN ledger_entries e ON e.account_id = a.id JOIN ledger_movements m ON m.id = e.movement_id"
        " WHERE a.tenant = :tenant AND e.tenant = :tenant AND m.tenant = :tenant AND a.kind IN ('revenue', 'tax', 'partner')"
        " AND m.at >= :from_at AND m.at < :to_at GROUP BY a.unit, a.kind, a.name, m.kind ORDER BY a.unit, a.kind, a.name",
        from_at=from_at,
        to_at=to_at,
    )


# --- payouts --------------------------------------------------------------------------------------------------------------------

_PAYOUT = (
    "SELECT id, account_id AS party_id, party, currency, month, amount_minor, reference, note, made_by, movement_id, paid_at"
    " FROM settlement_payouts WHERE tenant = :tenant"
)


def payout(tx: ReadTx, account_id: int, reference: str) -> Payout | None:
    """The payout of a reference."""
    row = tx.one(f"{_PAYOUT} AND account_id = :account_id AND reference = :reference", account_id=account_id, reference=reference)
    return None if row is None else Payout(**row)


def payouts(tx: ReadTx, account_id: int, month: str) -> list[Payout]:
    """What was paid out to a partner for a month."""
    rows = tx.all(f"{_PAYOUT} AND account_id = :account_id AND month = :month ORDER BY id", account_id=account_id, month=month)
    return [Payout(**row) for row in rows]


def insert_payout(tx: Tx, **values: Any) -> None:
    """Store a payout."""
    tx.run(
        "INSERT INTO settlement_payouts (tenant, account_id, party, currency, month, amount_minor, reference, note, made_by, movement_id,"
        " paid_at) VALUES (:tenant, :account_id, :party, :currency, :month, :amount_minor, :reference, :note, :made_by, :movement_id, :now)",
        **values,
    )
