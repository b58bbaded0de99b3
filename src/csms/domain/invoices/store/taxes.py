"""Sums for the tax office, of the documents that were issued in a stretch of time."""

from __future__ import annotations

from collections.abc import Sequence

from csms.core.ports import ReadTx, Row

_SIGNED = ("taxable_minor", "igst_minor", "cgst_minor", "sgst_minor", "other_minor")
_SIGN = "CASE WHEN i.kind = 'credit_note' THEN -1 ELSE 1 END"
_SUMS = ", ".join(f"sum({_SIGN} * s.{name}) AS {name}" for name in _SIGNED)
_EACH = ", ".join(f"{_SIGN} * s.{name} AS {name}" for name in _SIGNED)
_SOURCE = (
    "FROM invoices i JOIN invoice_supplies s ON s.invoice_id = i.id AND s.tenant = i.tenant"
    " WHERE i.tenant = :tenant AND s.tenant = :tenant AND i.issued_at >= :from_at AND i.issued_at < :to_at"
)


def business(tx: ReadTx, from_at: int, to_at: int) -> Sequence[Row]:
    """Documents to businesses, by rate."""
    return tx.all(
        f"SELECT i.recipient_tax_id AS tax_id, i.recipient_name AS name, i.kind, i.number, i.issued_at,"  # noqa: S608 - our own texts
        " COALESCE((SELECT o.number FROM invoices o WHERE o.tenant = :tenant AND o.id = i.original_id), '') AS original_number,"
        f" s.place, s.rate_percent, i.currency, {_SIGN} * i.total_minor AS total_minor, {_EACH}"
        f" {_SOURCE} AND i.recipient_tax_id <> '' ORDER BY i.id, s.line",
        from_at=from_at,
        to_at=to_at,
    )


def consumers(tx: ReadTx, from_at: int, to_at: int) -> Sequence[Row]:
    """What consumers were supplied with, by place and rate."""
    return tx.all(
        f"SELECT s.place, s.rate_percent, i.currency, count(DISTINCT i.id) AS documents, {_SUMS}"
        f" {_SOURCE} AND i.recipient_tax_id = '' GROUP BY s.place, s.rate_percent, i.currency"
        " ORDER BY s.place, s.rate_percent, i.currency",
        from_at=from_at,
        to_at=to_at,
    )


def codes(tx: ReadTx, from_at: int, to_at: int) -> Sequence[Row]:
    """What was supplied, by code and rate."""
    return tx.all(
        f"SELECT s.tax_code, s.rate_percent, i.currency, sum({_SIGN} * s.energy_wh) AS energy_wh, {_SUMS}"
        f" {_SOURCE} GROUP BY s.tax_code, s.rate_percent, i.currency ORDER BY s.tax_code, s.rate_percent, i.currency",
        from_at=from_at,
        to_at=to_at,
    )


def documents(tx: ReadTx, from_at: int, to_at: int) -> Sequence[Row]:
    """Which numbers were given."""
    return tx.all(
        "SELECT told.kind, told.prefix, told.year, told.many AS count, f.number AS first, l.number AS last FROM"
        " (SELECT kind, prefix, year, count(*) AS many, min(sequence) AS low, max(sequence) AS high FROM invoices"
        " WHERE tenant = :tenant AND issued_at >= :from_at AND issued_at < :to_at GROUP BY kind, prefix, year) told"
        " JOIN invoices f ON f.tenant = :tenant AND f.kind = told.kind AND f.year = told.year AND f.sequence = told.low"
        " JOIN invoices l ON l.tenant = :tenant AND l.kind = told.kind AND l.year = told.year AND l.sequence = told.high"
        " ORDER BY told.kind, told.year, told.low",
        from_at=from_at,
        to_at=to_at,
    )
