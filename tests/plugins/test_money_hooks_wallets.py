"""What plugins hear of wallets and the ledger, and what they may do there."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import pytest
import trio

from csms.core.errors import NotFound, Refused
from csms.core.events import Delivered
from csms.core.ids import DEFAULT_TENANT
from csms.core.ledger import GATEWAY, TOP_UP, WALLET, AccountRef, Leg, NewMovement
from csms.core.ports import Tx
from csms.db import StoreDatabase
from csms.domain.drivers import service as drivers
from csms.domain.wallets import flows
from csms.domain.wallets import service as wallets
from csms.hooks import WH, LedgerUnbalanced, PluginContext, WalletMoved, WalletOpened, hookimpl
from csms.testing.plugins import Plugged


@pytest.fixture
def engine() -> str:
    """Which engine carries the event is no matter of the hook."""
    return "sqlite"


def top_up(tx: Tx, driver_id: int, amount: int, key: str) -> None:
    currency = wallets.funds(tx, driver_id).currency
    legs = (
        Leg(AccountRef(kind=GATEWAY, unit=currency, name="stub"), -amount),
        Leg(AccountRef(kind=WALLET, unit=currency, driver_id=driver_id), amount),
    )
    wallets.post(tx, NewMovement(kind=TOP_UP, key=key, legs=legs, description="paid", reference_kind="payment", reference_id="3"))


class Hearer:
    """A plugin that keeps what it heard."""

    def __init__(self) -> None:
        self.send, self.receive = trio.open_memory_channel[object](10)

    @hookimpl
    async def wallet_opened(self, event: WalletOpened, delivery: Delivered, context: PluginContext) -> None:
        await self.send.send(event)

    @hookimpl
    async def wallet_moved(self, event: WalletMoved, delivery: Delivered, context: PluginContext) -> None:
        await self.send.send(event)

    @hookimpl
    async def ledger_unbalanced(self, event: LedgerUnbalanced, delivery: Delivered, context: PluginContext) -> None:
        await self.send.send(event)

    async def next(self) -> object:
        with trio.fail_after(10):
            return await self.receive.receive()


async def test_hook_wallet_opened(database: StoreDatabase) -> None:
    hearer = Hearer()
    plugged = Plugged({"hearer": hearer}, database=database)
    driver = await database.write(partial(drivers.add_driver, name="Asha"), tenant=DEFAULT_TENANT)
    async with plugged.spine(database):
        opener = flows.Opener()
        assert await opener.turn(plugged.ports) == 1
        assert await opener.turn(plugged.ports) == 0
        heard = await hearer.next()
    assert isinstance(heard, WalletOpened)
    assert heard.driver_id == driver.id


async def test_hook_wallet_moved(database: StoreDatabase) -> None:
    hearer = Hearer()
    plugged = Plugged({"hearer": hearer}, database=database)
    driver = await database.write(partial(drivers.add_driver, name="Asha"), tenant=DEFAULT_TENANT)
    await database.write(wallets.open_wallet, driver.id, tenant=DEFAULT_TENANT)
    async with plugged.spine(database):
        await database.write(top_up, driver.id, 500, "t1", tenant=DEFAULT_TENANT)
        await database.write(top_up, driver.id, 500, "t1", tenant=DEFAULT_TENANT)
        await database.write(top_up, driver.id, 20, "t2", tenant=DEFAULT_TENANT)
        first, second = await hearer.next(), await hearer.next()
    assert isinstance(first, WalletMoved)
    assert isinstance(second, WalletMoved)
    assert (first.amount, first.balance_after, first.reference_id) == (500, 500, "3")
    assert (second.amount, second.balance_after) == (20, 520)


async def test_hook_ledger_unbalanced(database: StoreDatabase) -> None:
    hearer = Hearer()
    plugged = Plugged({"hearer": hearer}, database=database)
    driver = await database.write(partial(drivers.add_driver, name="Asha"), tenant=DEFAULT_TENANT)
    await database.write(top_up, driver.id, 500, "t1", tenant=DEFAULT_TENANT)

    def corrupt(tx: Tx) -> None:
        tx.run("UPDATE ledger_entries SET amount = 501 WHERE tenant = :tenant AND amount = 500")

    async with plugged.spine(database):
        assert (await flows.check(database, DEFAULT_TENANT)).balanced
        await database.write(corrupt, tenant=DEFAULT_TENANT)
        assert not (await flows.check(database, DEFAULT_TENANT)).balanced
        heard = await hearer.next()
    assert isinstance(heard, LedgerUnbalanced)
    assert (heard.what, heard.expected, heard.found) == ("movement", 0, 1)


async def test_a_plugin_grants_and_collects_through_its_context(database: StoreDatabase) -> None:
    got: list[PluginContext] = []

    @hookimpl
    def configure(context: PluginContext) -> None:
        got.append(context)

    Plugged({"plans": SimpleNamespace(configure=configure)}, database=database)
    driver = await database.write(partial(drivers.add_driver, name="Asha"), tenant=DEFAULT_TENANT)
    await database.write(top_up, driver.id, 200, "t1", tenant=DEFAULT_TENANT)
    ledger = got[0].ledger
    said = {"unit": WH, "amount": 5000, "name": "sub 1", "key": "g1", "description": "a month", "expires_at": None}
    granted = await ledger.grant(driver.id, tenant=DEFAULT_TENANT, **said)  # type: ignore[arg-type]  # a table of them
    assert await ledger.allowances(driver.id, tenant=DEFAULT_TENANT) == [granted]
    assert await ledger.withdraw(granted.account_id, key="w1", description="cancelled", tenant=DEFAULT_TENANT) == 5000
    for key, taken in (("f1", True), ("f1", True), ("f2", False)):
        fee = {"amount_minor": 118, "net_minor": 100, "taxes": [("GST", 18)], "key": key, "description": "a month"}
        about = {"reference_kind": "subscription", "reference_id": "1"}
        assert await ledger.collect_fee(driver.id, tenant=DEFAULT_TENANT, **fee, **about) is taken  # type: ignore[arg-type]  # a table
    assert (await ledger.funds(driver.id, tenant=DEFAULT_TENANT)).balance_minor == 82
    with pytest.raises(NotFound):
        await ledger.funds(driver.id + 1, tenant=DEFAULT_TENANT)
    with pytest.raises(Refused):
        await Plugged({}).ports.ledger.funds(1, tenant=DEFAULT_TENANT)
