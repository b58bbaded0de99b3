"""SQL of the tenants slice. ``tenants`` is no tenant table: its rows are the tenants themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import msgspec

from csms.core.ids import TenantId
from csms.core.paging import Page
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, page

from .model import SETTINGS, Contact, ShownBank, TaxId, Tenant, TenantProfile, TenantSettings, TenantsQuery

_SELECT = "SELECT id, slug, name, currency, time_zone, created_at, closed_at FROM tenants "

_COLUMNS = (
    "id, slug, name, kind, legal_name, registration_number, tax_ids, address, country, email, phone, website, contacts,"
    " bank_shown, currency, time_zone, created_at, changed_at, closed_at, closed_reason"
)

LISTING = Listing(
    columns=_COLUMNS,
    source="tenants WHERE 1 = 1",
    filters={"kind": "kind = :kind", "closed": "CASE WHEN closed_at IS NULL THEN 0 ELSE 1 END = :closed"},
    search="lower(name) LIKE :search ESCAPE '!' OR slug LIKE :search ESCAPE '!' OR lower(legal_name) LIKE :search ESCAPE '!'"
    " OR lower(email) LIKE :search ESCAPE '!'",
    sorts={"name": "lower(name)", "slug": "slug", "created_at": "created_at"},
    unique="id",
)


def _tenant(row: Row) -> Tenant:
    return Tenant(**{**row, "id": TenantId(row["id"])})


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


def is_closed(tx: ReadTx) -> bool:
    """Whether the transaction's own tenant is closed."""
    return tx.value("SELECT 1 FROM tenants WHERE id = :tenant AND closed_at IS NOT NULL") is not None


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


# --- profiles -------------------------------------------------------------------------------------------------------------------


def profiles(tx: ReadTx, query: TenantsQuery) -> Page[TenantProfile]:
    """Tenants, page by page."""
    return page(tx, LISTING, query, _profile)


def profile(tx: ReadTx, tenant_id: int) -> TenantProfile | None:
    """What may be seen of a tenant."""
    row = tx.one(f"SELECT {_COLUMNS} FROM tenants WHERE id = :id", id=tenant_id)  # noqa: S608 (our own text)
    return None if row is None else _profile(row)


def _profile(row: Row) -> TenantProfile:
    values = dict(row)
    shown = values.pop("bank_shown")
    values["id"] = TenantId(row["id"])
    values["tax_ids"] = [TaxId(**each) for each in msgspec.json.decode(row["tax_ids"])]
    values["contacts"] = [Contact(**each) for each in msgspec.json.decode(row["contacts"])]
    return TenantProfile(bank=ShownBank(**msgspec.json.decode(shown)) if shown else None, **values)


def update(tx: Tx, tenant_id: int, values: Mapping[str, Any]) -> None:
    """Change columns of a tenant; lists are kept as JSON."""
    texts = {name: _json(value) if isinstance(value, (list, tuple)) else value for name, value in values.items()}
    assigned = "".join(f", {name} = :{name}" for name in texts)
    tx.run(f"UPDATE tenants SET changed_at = :at{assigned} WHERE id = :id", id=tenant_id, at=tx.now, **texts)  # noqa: S608 (field names)


def _json(values: Sequence[Any]) -> str:
    return msgspec.json.encode([attrs.asdict(each) for each in values]).decode()


def bank_sealed(tx: ReadTx) -> str:
    """The encrypted bank details of the transaction's own tenant; ``""`` without any."""
    return str(tx.value("SELECT bank_sealed FROM tenants WHERE id = :tenant") or "")


# --- settings -------------------------------------------------------------------------------------------------------------------


def settings(tx: ReadTx) -> TenantSettings:
    """The settings of the transaction's own tenant."""
    return _settings(tx.value("SELECT settings FROM tenants WHERE id = :tenant") or "{}")


def all_settings(tx: ReadTx) -> Mapping[TenantId, TenantSettings]:
    """The settings of every tenant that has some of its own."""
    rows = tx.all("SELECT id, settings FROM tenants WHERE settings <> '{}' ORDER BY id")
    return {TenantId(row["id"]): _settings(row["settings"]) for row in rows}


def _settings(text: str) -> TenantSettings:
    kept = msgspec.json.decode(text)
    return TenantSettings(**{name: kept[name] for name in SETTINGS if name in kept})


def update_settings(tx: Tx, settings: TenantSettings) -> None:
    """Replace the settings of the transaction's own tenant."""
    kept = {name: value for name in SETTINGS if (value := getattr(settings, name)) is not None}
    tx.run("UPDATE tenants SET settings = :settings WHERE id = :tenant", settings=msgspec.json.encode(kept).decode())
