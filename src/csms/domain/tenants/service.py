"""Verbs on tenants."""

from __future__ import annotations

import re
import zoneinfo

from csms.core.errors import Conflict, Invalid, NotFound
from csms.core.ids import TenantId
from csms.core.ports import Tx

from . import store
from .model import Tenant

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


def change(tx: Tx, *, name: str | None = None, currency: str | None = None, time_zone: str | None = None) -> Tenant:
    """Change the transaction's own tenant and return it; None leaves a value as it is. Raises ``Invalid`` or ``NotFound``."""
    tx.claim(tenants_key())
    tenant = store.current(tx)
    if tenant is None:
        raise NotFound(f"there is no tenant {tx.tenant}")
    name, currency, time_zone = name or tenant.name, currency or tenant.currency, time_zone or tenant.time_zone
    _check(name, currency, time_zone)
    store.update(tx, name=name.strip(), currency=currency, time_zone=time_zone)
    changed = store.current(tx)
    assert changed is not None
    return changed


def _check(name: str, currency: str, time_zone: str) -> None:
    if not 1 <= len(name.strip()) <= 200:
        raise Invalid("a tenant's name has 1 to 200 characters", field="name")
    if not _CURRENCY.fullmatch(currency):
        raise Invalid(f"currency {currency!r}: use an ISO 4217 code such as INR", field="currency")
    try:
        zoneinfo.ZoneInfo(time_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise Invalid(f"time zone {time_zone!r} is unknown; use an IANA name such as Asia/Kolkata", field="time_zone") from None
