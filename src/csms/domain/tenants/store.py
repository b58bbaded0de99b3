"""SQL of the tenants slice. ``tenants`` is no tenant table: its rows are the tenants themselves."""

from __future__ import annotations

from collections.abc import Sequence

from csms.core.ids import TenantId
from csms.core.ports import ReadTx, Row, Tx

from .model import Tenant

_SELECT = "SELECT id, slug, name, currency, time_zone, created_at FROM tenants "


def _tenant(row: Row) -> Tenant:
    return Tenant(
        id=TenantId(row["id"]),
        slug=row["slug"],
        name=row["name"],
        currency=row["currency"],
        time_zone=row["time_zone"],
        created_at=row["created_at"],
    )


def current(tx: ReadTx) -> Tenant | None:
    """The transaction's own tenant."""
    row = tx.one(_SELECT + "WHERE id = :tenant")
    return None if row is None else _tenant(row)


def by_slug(tx: ReadTx, slug: str) -> Tenant | None:
    """The tenant of that slug."""
    row = tx.one(_SELECT + "WHERE slug = :slug", slug=slug)
    return None if row is None else _tenant(row)


def everybody(tx: ReadTx) -> Sequence[Tenant]:
    """Every tenant, the oldest first."""
    return [_tenant(row) for row in tx.all(_SELECT + "ORDER BY id")]


def insert(tx: Tx, *, slug: str, name: str, currency: str, time_zone: str) -> int | None:
    """The id of the new tenant, or None when the slug is taken."""
    found: int | None = tx.value(
        "INSERT INTO tenants (slug, name, currency, time_zone, created_at)"
        " VALUES (:slug, :name, :currency, :time_zone, :created_at) ON CONFLICT DO NOTHING RETURNING id",
        slug=slug,
        name=name,
        currency=currency,
        time_zone=time_zone,
        created_at=tx.now,
    )
    return found


def update(tx: Tx, *, name: str, currency: str, time_zone: str) -> int:
    """Change the transaction's own tenant; the number of rows."""
    return tx.run(
        "UPDATE tenants SET name = :name, currency = :currency, time_zone = :time_zone WHERE id = :tenant",
        name=name,
        currency=currency,
        time_zone=time_zone,
    )
