"""What plugins hear of invoices and credit notes: through the store and the spine."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import trio

from csms.core.events import Delivered, Event
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Tx
from csms.db import StoreDatabase
from csms.hooks import CreditNoteIssued, InvoiceIssued, InvoicePaid, PluginContext, hookimpl
from csms.testing.plugins import Plugged, example


@pytest.fixture
def engine() -> str:
    """Which engine carries the event is no matter of the hook."""
    return "sqlite"


async def fire(database: StoreDatabase, event: Event) -> None:
    """Store an event and hear it in a plugin's hook, exactly as it was told."""
    send, receive = trio.open_memory_channel[tuple[Event, Delivered, str]](1)

    @hookimpl(specname=event.type)
    async def hear(event: Event, delivery: Delivered, context: PluginContext) -> None:
        await send.send((event, delivery, context.name))

    def emit(tx: Tx) -> None:
        tx.emit(event)

    plugged = Plugged({"hearer": SimpleNamespace(hear=hear)}, database=database)
    async with plugged.spine(database):
        await database.write(emit, tenant=DEFAULT_TENANT, keys=(event.key,))
        with trio.fail_after(10):
            heard, delivery, name = await receive.receive()
    assert (heard, name, delivery.tenant) == (event, "hearer", DEFAULT_TENANT)


async def test_hook_invoice_issued(database: StoreDatabase) -> None:
    await fire(database, example(InvoiceIssued, driver_id=7, original_id=None))


async def test_hook_invoice_paid(database: StoreDatabase) -> None:
    await fire(database, example(InvoicePaid, due_minor=0))


async def test_hook_credit_note_issued(database: StoreDatabase) -> None:
    await fire(database, example(CreditNoteIssued, reason="too slow", driver_id=None))
