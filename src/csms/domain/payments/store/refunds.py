"""SQL of refunds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from csms.core.paging import Stretch
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, stretch
from csms.domain.payments.model import Refund, RefundAsking, RefundsQuery

_COLUMNS = (
    "id, payment_id, driver_id, attempt_id, amount_minor, currency, reason, wanted_by, state, refund_ref, tries, error, created_at,"
    " asked_at, ended_at"
)

LISTING = Listing(
    columns=_COLUMNS,
    source="refunds WHERE tenant = :tenant",
    filters={
        "state": "state = :state",
        "driver_id": "driver_id = :driver_id",
        "payment_id": "payment_id = :payment_id",
        "from_at": "created_at >= :from_at",
        "to_at": "created_at < :to_at",
    },
    search="lower(reason) LIKE :search ESCAPE '!' OR lower(refund_ref) LIKE :search ESCAPE '!' OR lower(reference) LIKE :search"
    " ESCAPE '!'",
    unique="id",
)


def refunds(tx: ReadTx, query: RefundsQuery) -> Stretch[Refund]:
    """Refunds of the tenant, the newest first."""
    return stretch(tx, LISTING, query, _refund)


def _refund(row: Row) -> Refund:
    return Refund(**row)


def of_payment(tx: ReadTx, payment_id: int) -> list[Refund]:
    """Every refund of a payment, the first first."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM refunds WHERE tenant = :tenant AND payment_id = :payment_id ORDER BY id",  # noqa: S608 (our own text)
        payment_id=payment_id,
    )
    return [_refund(row) for row in rows]


def refund(tx: ReadTx, refund_id: int) -> Refund | None:
    """One refund."""
    row = tx.one(f"SELECT {_COLUMNS} FROM refunds WHERE tenant = :tenant AND id = :refund_id", refund_id=refund_id)  # noqa: S608
    return None if row is None else _refund(row)


def by_key(tx: ReadTx, key: str) -> Refund | None:
    """The refund that was wanted under a key."""
    row = tx.one(f"SELECT {_COLUMNS} FROM refunds WHERE tenant = :tenant AND key = :key", key=key)  # noqa: S608 (our own text)
    return None if row is None else _refund(row)


def insert(tx: Tx, values: dict[str, Any]) -> int:
    """Keep a refund that is wanted; its id."""
    found: int = tx.value(
        "INSERT INTO refunds (tenant, gateway_id, payment_id, attempt_id, driver_id, key, amount_minor, currency, reason, wanted_by,"
        " state, refund_ref, legs, look_at, created_at, ended_at) VALUES (:tenant, :gateway_id, :payment_id, :attempt_id, :driver_id,"
        " :key, :amount_minor, :currency, :reason, :wanted_by, :state, :refund_ref, :legs, :look_at, :now, :ended_at) RETURNING id",
        **values,
    )
    return found


def update(tx: Tx, refund_id: int, **values: Any) -> None:
    """Change columns of a refund; the names are of our own code."""
    sets = ", ".join(f"{name} = :{name}" for name in values)
    tx.run(f"UPDATE refunds SET {sets} WHERE tenant = :tenant AND id = :refund_id", refund_id=refund_id, **values)  # noqa: S608


def asking(tx: ReadTx, refund_id: int) -> RefundAsking | None:
    """A refund as whoever speaks to its gateway needs it."""
    row = tx.one(
        "SELECT r.gateway_id, r.reference, r.round, r.look_at, g.payment_ref FROM refunds r JOIN gateway_payments g ON g.tenant = r.tenant"
        " AND g.id = r.attempt_id WHERE r.tenant = :tenant AND r.id = :refund_id",
        refund_id=refund_id,
    )
    known = refund(tx, refund_id)
    return None if row is None or known is None else RefundAsking(refund=known, **row)


def inner(tx: ReadTx, refund_id: int) -> Row | None:
    """What only the verbs need: where the money came from, which round it is, and how often the gateway refused."""
    return tx.one("SELECT legs, round, refusals FROM refunds WHERE tenant = :tenant AND id = :refund_id", refund_id=refund_id)


def by_ref(tx: ReadTx, gateway_id: int, refund_ref: str, reference: str) -> int | None:
    """The refund that a gateway means, by its own id or our reference."""
    found: int | None = tx.value(
        "SELECT id FROM refunds WHERE tenant = :tenant AND gateway_id = :gateway_id AND ((refund_ref <> '' AND refund_ref = :refund_ref)"
        " OR (reference <> '' AND reference = :reference)) ORDER BY id",
        gateway_id=gateway_id,
        refund_ref=refund_ref,
        reference=reference,
    )
    return found


def due(tx: ReadTx, limit: int) -> Sequence[Row]:
    """``tenant`` and ``id`` of refunds about which gateways are to be asked, of all tenants, the longest due first."""
    return tx.system("refunds of all tenants are looked after").all(
        "SELECT tenant, id FROM refunds WHERE look_at IS NOT NULL AND look_at <= :now ORDER BY look_at LIMIT :limit", limit=limit
    )
