"""What plugins hear of payments, refunds and mandates, through the store and the spine; the gateway that one brings; and their desk."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trio

from csms.core.errors import Refused
from csms.core.events import Delivered, Event
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Tx
from csms.db import StoreDatabase
from csms.hooks import (
    MandateChanged,
    MandateWanted,
    PaymentCancelled,
    PaymentDisputed,
    PaymentExpired,
    PaymentFailed,
    PaymentNoticeReceived,
    PaymentNoticesForged,
    PaymentOdd,
    PaymentOpened,
    PaymentPaid,
    PluginContext,
    RefundFailed,
    RefundMade,
    hookimpl,
)
from csms.testing.gateways import FakeGateway, PaidGateway
from csms.testing.plugins import Plugged, example
from csms.testing.server import config_for, running_server


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


async def test_hook_payment_paid(database: StoreDatabase) -> None:
    await fire(database, example(PaymentPaid, driver_id=7))


async def test_hook_payment_failed(database: StoreDatabase) -> None:
    await fire(database, example(PaymentFailed, driver_id=7))


async def test_hook_payment_opened(database: StoreDatabase) -> None:
    await fire(database, example(PaymentOpened, driver_id=None, way="link"))


async def test_hook_payment_expired(database: StoreDatabase) -> None:
    await fire(database, example(PaymentExpired, driver_id=None))


async def test_hook_payment_cancelled(database: StoreDatabase) -> None:
    await fire(database, example(PaymentCancelled, driver_id=7))


async def test_hook_payment_disputed(database: StoreDatabase) -> None:
    await fire(database, example(PaymentDisputed, driver_id=7, state="open"))


async def test_hook_payment_odd(database: StoreDatabase) -> None:
    await fire(database, example(PaymentOdd, driver_id=7))


async def test_hook_refund_made(database: StoreDatabase) -> None:
    await fire(database, example(RefundMade, driver_id=7))


async def test_hook_refund_failed(database: StoreDatabase) -> None:
    await fire(database, example(RefundFailed, driver_id=7))


async def test_hook_mandate_changed(database: StoreDatabase) -> None:
    await fire(database, example(MandateChanged, next_charge_at=None))


async def test_hook_payment_notice_received(database: StoreDatabase) -> None:
    await fire(database, example(PaymentNoticeReceived))


async def test_hook_payment_notices_forged(database: StoreDatabase) -> None:
    await fire(database, example(PaymentNoticesForged))


class Planner:
    """A plugin that asks drivers for payments, and hears what came."""

    def __init__(self) -> None:
        self.context: Any = None
        self.send, self.receive = trio.open_memory_channel[PaymentPaid](10)

    @hookimpl
    def configure(self, context: PluginContext) -> None:
        self.context = context

    @hookimpl
    async def payment_paid(self, event: PaymentPaid) -> None:
        await self.send.send(event)


async def test_hook_register_payment_providers(tmp_path: Path) -> None:
    """One plugin brings a gateway, another asks for payments through it, recurring ones, too; a webhook tells of what was paid."""
    gateway, planner = FakeGateway(), Planner()
    plugins = {"fake": PaidGateway(gateway), "planner": planner}
    async with running_server(config_for(tmp_path), plugins=plugins) as server:
        driver_id = (await server.request("POST", "/api/v1/drivers", {"name": "Asha"})).json()["id"]
        payments = planner.context.payments
        about = {"reference_kind": "subscription", "reference_id": "7", "tenant": DEFAULT_TENANT}
        wish = {"amount_minor": 9_900, "way": "link", "key": "sub-7-1", "description": "a month", **about}
        with pytest.raises(Refused, match="no payment gateway"):
            await payments.ask(driver_id, **wish)
        account = {"name": "shop", "provider": "fake", "key_id": "k", "key_secret": "key-secret", "webhook_secret": "hook-secret"}
        notices = (await server.request("POST", "/api/v1/gateways", account)).json()["notice_path"]
        asked = await payments.ask(driver_id, **wish)
        assert await payments.ask(driver_id, **wish) == asked
        assert (asked.state, asked.pay_url != "") == ("open", True)
        offer = next(iter(gateway.offers))
        body, headers = gateway.notice("paid", payment=gateway.pay(offer))
        await server.send("POST", notices, body, headers=headers)
        with trio.fail_after(10):
            paid = await planner.receive.receive()
        assert (paid.purpose, paid.reference_id, paid.credited_to, paid.amount_minor) == ("plan", "7", "wallet", 9_900)
        wanted = MandateWanted(reference="sub-7", amount_minor=9_900, currency=asked.currency, period="monthly")
        mandate = await payments.start_mandate(driver_id, wanted, **about)
        assert mandate == await payments.start_mandate(driver_id, wanted, **about)
        assert mandate.pay_url
        charged = gateway.pay_mandate(mandate.mandate_id, amount_minor=9_900)
        body, headers = gateway.notice("charged", payment=charged, mandate=gateway.agreed[mandate.mandate_id])
        await server.send("POST", notices, body, headers=headers)
        with trio.fail_after(10):
            paid = await planner.receive.receive()
        assert (paid.purpose, paid.reference_id, paid.payment_ref) == ("mandate", "7", charged.payment_id)
        assert (await payments.change_mandate(mandate.mandate_id, "cancel", tenant=DEFAULT_TENANT)).state == "cancelled"
        assert (await planner.context.ledger.funds(driver_id, tenant=DEFAULT_TENANT)).balance_minor == 19_800
        with pytest.raises(Refused):
            await payments.change_mandate(mandate.mandate_id, "resume", tenant=DEFAULT_TENANT)
        stretch = (await server.request("GET", "/api/v1/mandates")).json()["items"]
        assert [(each["state"], each["paid_count"]) for each in stretch] == [("cancelled", 1)]
