"""What goes on a driver's statement of a month."""

from __future__ import annotations

from collections.abc import Sequence

from csms.core.ports import ReadTx, Row

_BILLS = "FROM bills b WHERE b.tenant = :tenant AND b.driver_id = :driver_id AND b.state = 'SETTLED' AND b.ended_at >= :from_at AND b.ended_at < :to_at"
_PAID = "FROM payments p WHERE p.tenant = :tenant AND p.driver_id = :driver_id AND p.paid_at >= :from_at AND p.paid_at < :to_at"


def bills(tx: ReadTx, driver_id: int, from_at: int, to_at: int, limit: int) -> Sequence[Row]:
    """Settled bills of charges that ended then, the oldest first."""
    return tx.all(
        "SELECT b.id, b.transaction_id, b.kind, b.charger_id, (SELECT s.name FROM stations s WHERE s.tenant = :tenant"  # noqa: S608
        " AND s.id = b.station_id) AS station_name, b.ended_at, b.energy_wh, b.currency, b.net_minor - (b.credited_minor - b.credited_tax_minor) AS net_minor,"
        " b.tax_minor - b.credited_tax_minor AS tax_minor, b.total_minor - b.credited_minor AS total_minor,"
        f" b.open_minor {_BILLS} ORDER BY b.ended_at, b.id LIMIT :limit",
        driver_id=driver_id,
        from_at=from_at,
        to_at=to_at,
        limit=limit,
    )


def charged(tx: ReadTx, driver_id: int, from_at: int, to_at: int, currency: str) -> tuple[int, int]:
    """The energy of these charges, and what they cost in a currency."""
    row = tx.one(
        "SELECT COALESCE(sum(b.energy_wh), 0) AS energy_wh,"
        f" COALESCE(sum(CASE WHEN b.currency = :currency THEN b.total_minor - b.credited_minor ELSE 0 END), 0) AS total {_BILLS}",
        driver_id=driver_id,
        from_at=from_at,
        to_at=to_at,
        currency=currency,
    )
    assert row is not None
    return int(row["energy_wh"]), int(row["total"])


def payments(tx: ReadTx, driver_id: int, from_at: int, to_at: int, limit: int) -> Sequence[Row]:
    """Payments that came then, the oldest first."""
    return tx.all(
        f"SELECT p.paid_at AS at, p.purpose AS kind, p.description, p.currency, p.paid_minor AS amount_minor {_PAID}"
        " ORDER BY p.paid_at, p.id LIMIT :limit",
        driver_id=driver_id,
        from_at=from_at,
        to_at=to_at,
        limit=limit,
    )


def paid(tx: ReadTx, driver_id: int, from_at: int, to_at: int, currency: str) -> int:
    """What came by payments then, in a currency."""
    found = tx.value(
        f"SELECT sum(p.paid_minor) {_PAID} AND p.currency = :currency",
        driver_id=driver_id,
        from_at=from_at,
        to_at=to_at,
        currency=currency,
    )
    return int(found or 0)


def numbers(tx: ReadTx, driver_id: int, from_at: int, to_at: int, limit: int) -> list[str]:
    """Numbers of the documents that were issued then."""
    rows = tx.all(
        "SELECT number FROM invoices WHERE tenant = :tenant AND driver_id = :driver_id AND issued_at >= :from_at AND issued_at < :to_at"
        " ORDER BY id LIMIT :limit",
        driver_id=driver_id,
        from_at=from_at,
        to_at=to_at,
        limit=limit,
    )
    return [row["number"] for row in rows]
