"""What this slice holds of a driver as a person: to be handed out. Invoices are kept when a driver is forgotten, names and all: tax law
asks for that (in India for 72 months after the annual return, CGST section 36), and they are never changed. In whose name a driver wants
invoices is forgotten."""

from __future__ import annotations

from typing import Any

import msgspec

from csms.core.ports import ReadTx, Tx

from .store import invoices
from .store import settings as store

PAGE = 200


def holdings(tx: ReadTx, driver_id: int) -> dict[str, Any]:
    """Everything, by name."""
    found: list[dict[str, Any]] = []
    while rows := invoices.of_driver(tx, driver_id, found[-1]["id"] if found else 0, PAGE):
        found += [{**row, "content": msgspec.json.decode(row["content"])} for row in rows]
    wanted = store.recipient(tx, driver_id)
    return {"invoices": found, "invoice_recipient": wanted}


def erase(tx: Tx, driver_id: int) -> None:
    """Forget in whose name a driver wants invoices; those that were issued stay as they are."""
    store.forget_recipient(tx, driver_id)
