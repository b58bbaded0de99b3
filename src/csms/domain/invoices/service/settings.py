"""Changing what a tenant wants of its invoices, and in whose name a driver wants theirs."""

from __future__ import annotations

import re
from typing import Any

import attrs

from csms.core.errors import Conflict, Invalid
from csms.core.ports import ReadTx, Tx
from csms.domain.drivers import service as drivers
from csms.domain.drivers.model import driver_key
from csms.domain.invoices.model import (
    CREDIT_NOTE,
    GSTIN,
    INVOICE,
    RECEIPT,
    SETTINGS,
    InvoiceSettings,
    InvoiceSettingsChange,
    Recipient,
    settings_key,
    state_of,
)
from csms.domain.invoices.store import settings as store

_PREFIXES = {"prefix": INVOICE, "credit_note_prefix": CREDIT_NOTE, "receipt_prefix": RECEIPT}


def change(tx: Tx, wanted: InvoiceSettingsChange) -> InvoiceSettings:
    """Change settings of the transaction's own tenant.

    Raises ``Invalid`` for two kinds with one prefix, ``Conflict`` for a prefix that numbers of another kind have.
    """
    tx.claim(settings_key(tx.tenant))
    known = store.settings(tx)
    given: dict[str, Any] = {name: value for name in SETTINGS if (value := getattr(wanted, name)) is not None}
    after = attrs.evolve(known, **given)
    if len({after.prefix, after.credit_note_prefix, after.receipt_prefix}) < len(_PREFIXES):
        raise Invalid("invoices, credit notes and receipts need prefixes of their own", field="prefix")
    for name, kind in _PREFIXES.items():
        prefix = getattr(after, name)
        if prefix != getattr(known, name) and store.kind_with(tx, prefix) not in (None, kind):
            raise Conflict(f"{name}: numbers that begin with {prefix} were given to documents of another kind")
    store.save(tx, after)
    return store.settings(tx)


def recipient(tx: ReadTx, driver_id: int) -> Recipient:
    """In whose name a driver's invoices are: their own, where nothing else was wanted. Raises ``NotFound``."""
    known = drivers.need_driver(tx, driver_id)
    return store.recipient(tx, driver_id) or Recipient(name=known.name, address=known.address)


def name_recipient(tx: Tx, driver_id: int, wanted: Recipient) -> Recipient:
    """Say in whose name a driver's invoices are from now on. Raises ``NotFound``, ``Invalid`` for a GSTIN of no state."""
    tx.claim(driver_key(tx.tenant, driver_id))
    drivers.need_driver(tx, driver_id)
    if _looks_like_gstin(wanted.tax_id) and state_of(wanted.tax_id[:2]) is None:
        raise Invalid(f"{wanted.tax_id[:2]} is the code of no state", field="tax_id")
    store.save_recipient(tx, driver_id, wanted)
    return recipient(tx, driver_id)


def forget_recipient(tx: Tx, driver_id: int) -> None:
    """A driver's invoices are in their own name again. Raises ``NotFound``."""
    tx.claim(driver_key(tx.tenant, driver_id))
    drivers.need_driver(tx, driver_id)
    store.forget_recipient(tx, driver_id)


def _looks_like_gstin(text: str) -> bool:
    return re.fullmatch(GSTIN, text) is not None
