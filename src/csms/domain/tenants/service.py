"""Verbs on tenants."""

from __future__ import annotations

import re
import zoneinfo
from typing import Any

import attrs

from csms.core.errors import Conflict, Invalid, NotFound, Refused
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import ReadTx, Tx

from . import store
from .model import SETTINGS, NewTenant, SettingsChange, ShownBank, Tenant, TenantChange, TenantProfile, TenantSettings

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_CURRENCY = re.compile(r"[A-Z]{3}")


def tenants_key() -> str:
    """The write key of the list of tenants."""
    return "tenants"


def add(tx: Tx, *, slug: str, name: str, currency: str, time_zone: str) -> TenantId:
    """Add a tenant. Raises ``Invalid``, or ``Conflict`` when the slug is taken."""
    tx.claim(tenants_key())
    if not _SLUG.fullmatch(slug):
        raise Invalid(f"slug {slug!r}: use lower-case letters, digits and inner hyphens, at most 64", field="slug")
    _check(name, currency, time_zone)
    found = store.insert(tx, slug=slug, name=name.strip(), currency=currency, time_zone=time_zone)
    if found is None:
        raise Conflict(f"there is a tenant {slug!r} already")
    return TenantId(found)


def open_tenant(tx: Tx, new: NewTenant) -> TenantProfile:
    """Add a tenant with what is known of it. Raises ``Invalid``, or ``Conflict`` when the slug is taken."""
    added = add(tx, slug=new.slug, name=new.name, currency=new.currency, time_zone=new.time_zone)
    more = {name: getattr(new, name) for name in ("kind", "legal_name", "country", "email", "phone")}
    store.update(tx, added, more)
    return need_profile(tx, added)


def need_profile(tx: ReadTx, tenant_id: int) -> TenantProfile:
    """What may be seen of a tenant. Raises ``NotFound``."""
    found = store.profile(tx, tenant_id)
    if found is None:
        raise NotFound(f"there is no tenant {tenant_id}")
    return found


def own_profile(tx: ReadTx) -> TenantProfile:
    """What may be seen of the transaction's own tenant."""
    return need_profile(tx, tx.tenant)


def change(tx: Tx, *, name: str | None = None, currency: str | None = None, time_zone: str | None = None) -> Tenant:
    """Change the transaction's own tenant and return it; None leaves a value as it is. Raises ``Invalid`` or ``NotFound``."""
    change_profile(tx, tx.tenant, TenantChange(name=name, currency=currency, time_zone=time_zone))
    changed = store.current(tx)
    assert changed is not None
    return changed


def change_profile(tx: Tx, tenant_id: int, wanted: TenantChange) -> TenantProfile:
    """Change what is known of a tenant. Raises ``Invalid`` or ``NotFound``."""
    tx.claim(tenants_key())
    known = need_profile(tx, tenant_id)
    values: dict[str, Any] = {
        field.name: value.strip() if isinstance(value, str) else value
        for field in attrs.fields(TenantChange)
        if (value := getattr(wanted, field.name)) is not None
    }
    merged = {name: values.get(name, getattr(known, name)) for name in ("name", "currency", "time_zone")}
    _check(**merged)
    store.update(tx, tenant_id, values)
    return need_profile(tx, tenant_id)


def close(tx: Tx, tenant_id: int, reason: str) -> TenantProfile:
    """Close a tenant: nobody of it can log in and its chargers are turned away; its data stays.

    Raises ``NotFound``, or ``Refused`` for the default tenant, to which chargers belong that nobody knows yet.
    """
    tx.claim(tenants_key())
    known = need_profile(tx, tenant_id)
    if tenant_id == DEFAULT_TENANT:
        raise Refused("the default tenant cannot be closed: chargers that nobody knows yet belong to it")
    if known.closed_at is None:
        store.update(tx, tenant_id, {"closed_at": tx.now, "closed_reason": reason.strip()})
    return need_profile(tx, tenant_id)


def reopen(tx: Tx, tenant_id: int) -> TenantProfile:
    """Undo ``close``. Raises ``NotFound``."""
    tx.claim(tenants_key())
    if need_profile(tx, tenant_id).closed_at is not None:
        store.update(tx, tenant_id, {"closed_at": None, "closed_reason": ""})
    return need_profile(tx, tenant_id)


# --- bank details ---------------------------------------------------------------------------------------------------------------


def masked(text: str) -> str:
    """Of a number only its end, and no more than a third of it."""
    plain = text.replace(" ", "").replace("-", "")
    seen = min(4, len(plain) // 3)
    return "•" * (len(plain) - seen) + plain[len(plain) - seen :]


def set_bank(tx: Tx, sealed: str, shown: str) -> TenantProfile:
    """Keep bank details of the transaction's own tenant: ``sealed`` encrypted, ``shown`` JSON of a ``ShownBank``, ``""`` twice for none."""
    tx.claim(tenants_key())
    own_profile(tx)
    store.update(tx, tx.tenant, {"bank_sealed": sealed, "bank_shown": shown})
    return own_profile(tx)


def need_bank(tx: ReadTx) -> ShownBank:
    """The masked bank details of the transaction's own tenant. Raises ``NotFound``."""
    found = own_profile(tx).bank
    if found is None:
        raise NotFound("no bank details were given")
    return found


# --- settings -------------------------------------------------------------------------------------------------------------------


def change_settings(tx: Tx, wanted: SettingsChange) -> TenantSettings:
    """Change settings of the transaction's own tenant. Raises ``Invalid`` for one that is set and cleared."""
    tx.claim(tenants_key())
    known = store.settings(tx)
    for name in wanted.clear:
        if getattr(wanted, name) is not None:
            raise Invalid(f"{name} is given a value and cleared", field="clear")
    values: dict[str, Any] = {
        name: None if name in wanted.clear else getattr(known, name) if (given := getattr(wanted, name)) is None else given
        for name in SETTINGS
    }
    store.update_settings(tx, TenantSettings(**values))
    return store.settings(tx)


def _check(name: str, currency: str, time_zone: str) -> None:
    if not 1 <= len(name.strip()) <= 200:
        raise Invalid("a tenant's name has 1 to 200 characters", field="name")
    if not _CURRENCY.fullmatch(currency):
        raise Invalid(f"currency {currency!r}: use an ISO 4217 code such as INR", field="currency")
    try:
        zoneinfo.ZoneInfo(time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid(f"time zone {time_zone!r} is unknown; use an IANA name such as Asia/Kolkata", field="time_zone") from None
