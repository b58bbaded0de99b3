"""What plugins hear of bills, of wallets that run low, and of charges that come to a limit: through the store and the spine."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import trio

from csms.core.events import Delivered, Event
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Tx
from csms.db import StoreDatabase
from csms.hooks import (
    BillCorrected,
    BillCredited,
    BillFailed,
    BillNotBillable,
    BillOpen,
    BillPaid,
    BillSettled,
    ChargeLimitReached,
    CostUpdated,
    PluginContext,
    PrepaidChargeChanged,
    WalletLow,
    hookimpl,
)
from csms.testing.plugins import Plugged, example


@pytest.fixture
def engine() -> str:
    """Which engine carries the event is no matter of the hook."""
    return "sqlite"


async def fire(database: StoreDatabase, event: Event) -> Delivered:
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
    return delivery


async def test_hook_bill_settled(database: StoreDatabase) -> None:
    await fire(database, example(BillSettled, driver_id=7, payment_id=3, station_id=None))


async def test_hook_bill_open(database: StoreDatabase) -> None:
    await fire(database, example(BillOpen))


async def test_hook_bill_paid(database: StoreDatabase) -> None:
    await fire(database, example(BillPaid, written_off_minor=500))


async def test_hook_bill_corrected(database: StoreDatabase) -> None:
    await fire(database, example(BillCorrected, total_minor=-500))


async def test_hook_bill_credited(database: StoreDatabase) -> None:
    await fire(database, example(BillCredited, given_minor=500, credited_minor=500, credited_net_minor=424))


async def test_hook_bill_not_billable(database: StoreDatabase) -> None:
    await fire(database, example(BillNotBillable))


async def test_hook_bill_failed(database: StoreDatabase) -> None:
    await fire(database, example(BillFailed))


async def test_hook_charge_limit_reached(database: StoreDatabase) -> None:
    await fire(database, example(ChargeLimitReached, cost_minor=None))


async def test_hook_wallet_low(database: StoreDatabase) -> None:
    await fire(database, example(WalletLow))


async def test_hook_cost_updated(database: StoreDatabase) -> None:
    assert (await fire(database, example(CostUpdated))).event_id == 0, "volatile events have no id"


async def test_hook_prepaid_charge_changed(database: StoreDatabase) -> None:
    await fire(database, example(PrepaidChargeChanged, state="given_back", previous_state="starting", transaction_id=None))
