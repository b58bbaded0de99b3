"""Changing what a tenant wants of billing."""

from __future__ import annotations

from typing import Any

from csms.core.errors import Invalid
from csms.core.ports import Tx
from csms.domain.billing.model import SETTINGS, BillingSettings, BillingSettingsChange, settings_key
from csms.domain.billing.store import settings as store


def change(tx: Tx, wanted: BillingSettingsChange) -> BillingSettings:
    """Change settings of the transaction's own tenant. Raises ``Invalid`` for a limit that is given and cleared."""
    tx.claim(settings_key(tx.tenant))
    known = store.settings(tx)
    values: dict[str, Any] = {}
    for name in SETTINGS:
        given = getattr(wanted, name)
        if name in wanted.clear:
            if given is not None:
                raise Invalid(f"{name} is given a value and cleared", field="clear")
            values[name] = None
        else:
            values[name] = getattr(known, name) if given is None else given
    store.save(tx, BillingSettings(**values))
    return store.settings(tx)
