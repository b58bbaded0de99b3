"""SQL of holds."""

from __future__ import annotations

from collections.abc import Sequence

from csms.core.paging import Page
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, page, whether
from csms.domain.wallets.model import Hold
from csms.domain.wallets.model.shown import HoldsQuery

_COLUMNS = (
    "h.id, h.key, h.driver_id, h.currency, h.amount_minor, a.balance AS left_minor, h.reference_kind, h.reference_id, h.description,"
    " h.made_at, h.expires_at, h.released_at"
)
_SOURCE = "wallet_holds h JOIN ledger_accounts a ON a.id = h.account_id WHERE h.tenant = :tenant AND a.tenant = :tenant"
_SELECT = f"SELECT {_COLUMNS} FROM {_SOURCE}"  # noqa: S608 - our own words

LISTING = Listing(
    columns=_COLUMNS,
    source=_SOURCE,
    filters={
        "driver_id": "h.driver_id = :driver_id",
        "is_open": "h.released_at IS NULL",
        "is_over": "h.released_at IS NOT NULL",
        "reference_kind": "h.reference_kind = :reference_kind",
        "reference_id": "h.reference_id = :reference_id",
    },
    search="lower(h.description) LIKE :search ESCAPE '!' OR lower(h.key) LIKE :search ESCAPE '!'",
    sorts={"made_at": "h.made_at", "expires_at": "h.expires_at", "amount": "h.amount_minor"},
    unique="h.id",
)


def _hold(row: Row) -> Hold:
    return Hold(**row)


def by_key(tx: ReadTx, key: str) -> Hold | None:
    """The hold of a key."""
    row = tx.one(_SELECT + " AND h.key = :key", key=key)
    return None if row is None else _hold(row)


def by_id(tx: ReadTx, hold_id: int) -> Hold | None:
    """One hold."""
    row = tx.one(_SELECT + " AND h.id = :hold_id", hold_id=hold_id)
    return None if row is None else _hold(row)


def page_of_holds(tx: ReadTx, query: HoldsQuery, *, driver_id: int) -> Page[Hold]:
    """A page of a driver's holds."""
    return page(tx, LISTING, query, _hold, driver_id=driver_id, **whether(query.open, "is_open", "is_over"))


def due(tx: ReadTx, limit: int) -> Sequence[Hold]:
    """Holds that expired and were not released."""
    sql = _SELECT + " AND h.released_at IS NULL AND h.expires_at <= :now ORDER BY h.expires_at LIMIT :limit"
    return [_hold(row) for row in tx.all(sql, limit=limit)]


def insert(
    tx: Tx,
    *,
    key: str,
    driver_id: int,
    account_id: int,
    currency: str,
    amount_minor: int,
    reference_kind: str,
    reference_id: str,
    description: str,
    expires_at: int | None,
) -> None:
    """Store a hold."""
    tx.run(
        "INSERT INTO wallet_holds (tenant, key, driver_id, account_id, currency, amount_minor, reference_kind, reference_id,"
        " description, made_at, expires_at) VALUES (:tenant, :key, :driver_id, :account_id, :currency, :amount_minor, :reference_kind,"
        " :reference_id, :description, :now, :expires_at)",
        key=key,
        driver_id=driver_id,
        account_id=account_id,
        currency=currency,
        amount_minor=amount_minor,
        reference_kind=reference_kind,
        reference_id=reference_id,
        description=description,
        expires_at=expires_at,
    )


def end(tx: Tx, hold_id: int) -> None:
    """Store that a hold is released."""
    tx.run("UPDATE wallet_holds SET released_at = :now WHERE tenant = :tenant AND id = :hold_id", hold_id=hold_id)
