"""What tenants want of billing, as rows."""

from __future__ import annotations

from csms.core.ports import ReadTx, Tx
from csms.domain.billing.model import SETTINGS, USUAL, BillingSettings

_NAMES = ", ".join(SETTINGS)
_FLAGS = ("enabled", "prepaid_wallets", "stop_at_funds")


def settings(tx: ReadTx) -> BillingSettings:
    """The tenant's settings."""
    row = tx.one(f"SELECT {_NAMES}, changed_at FROM billing_settings WHERE tenant = :tenant")  # noqa: S608 - our own names
    return USUAL if row is None else BillingSettings(**{**row, **{name: bool(row[name]) for name in _FLAGS}})


def save(tx: Tx, wanted: BillingSettings) -> None:
    """Store the tenant's settings."""
    values = {name: getattr(wanted, name) for name in SETTINGS}
    tx.run(
        f"INSERT INTO billing_settings (tenant, {_NAMES}, changed_at)"  # noqa: S608 - our own names
        f" VALUES (:tenant, {', '.join(':' + name for name in SETTINGS)}, :now)"
        f" ON CONFLICT (tenant) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in SETTINGS)}, changed_at = excluded.changed_at",
        **{**values, **{name: int(values[name]) for name in _FLAGS}},
    )
