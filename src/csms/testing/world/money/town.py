"""The town around a world's chargers: two tenants with their tariffs, gateways, drivers and operators."""

from __future__ import annotations

import importlib
import sqlite3
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import trio

from csms.api.shapes import structure
from csms.config import PluginsConfig
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Tx
from csms.core.vault import Vault
from csms.db import StoreDatabase
from csms.db.migrate import MigrationSource
from csms.domain.billing.model import EACH, BillingSettingsChange
from csms.domain.billing.service import settings as billing_settings
from csms.domain.drivers import service as drivers
from csms.domain.payments.model import NewGateway, SealedSecrets
from csms.domain.payments.service import gateways
from csms.domain.tenants import service as tenants
from csms.domain.wallets import service as wallets
from csms.domain.wallets.model.shown import WalletChanges
from csms.hooks import Statement
from csms.plugins import Bus, Installed
from csms.testing.gateways import PaidGateway
from csms.testing.world.charger import CARD, Charger
from csms.testing.world.clock import stream

from .counter import Chores, Counter
from .gateway import TownGateway
from .guests import Guest
from .included import Included
from .people import INCLUDED, KINDS, POSTPAID, Driver, Operator, Payer
from .tariffs import EUROPE_ZONE, RULES

if TYPE_CHECKING:
    from csms.testing.world.world import World

EUROPE = TenantId(2)
CURRENCIES: Mapping[TenantId, str] = {DEFAULT_TENANT: "INR", EUROPE: "EUR"}
KEY_SECRET = "key-secret"  # noqa: S105 - the one that the gateway for tests signs its checkouts with
QUIET_S = 30.0
"""So long nothing may have happened before the day counts as over."""

DUE = {
    "bills": "SELECT count(*) FROM bills WHERE due_at IS NOT NULL AND unpriced = 0",
    "bills to be looked at again": "SELECT count(*) FROM bill_looks",
    "payments": "SELECT count(*) FROM payments WHERE look_at IS NOT NULL",
    "refunds": "SELECT count(*) FROM refunds WHERE look_at IS NOT NULL",
    "prepaid charges": "SELECT count(*) FROM prepaid_charges WHERE state IN ('waiting', 'paid', 'starting', 'charging')",
    "notices": "SELECT count(*) FROM payment_notices WHERE processed_at IS NULL",
    "deliveries": "SELECT count(*) FROM deliveries WHERE state = 'retry'",
    "unbilled": "SELECT count(*) FROM transactions t WHERE t.state = 'completed' AND t.started_at IS NOT NULL"
    " AND NOT EXISTS (SELECT 1 FROM bills b WHERE b.transaction_id = t.id)",
}
"""What must be 0 when the day is over."""


def tariff_plugin() -> ModuleType:
    """The tariff plugin: found like any other, so that nothing here depends on it."""
    return importlib.import_module("csms_tariff")


def migrations() -> list[MigrationSource]:
    """What the town's plugins bring."""
    return [MigrationSource("tariff", Path(str(tariff_plugin().__file__)).parent / "migrations")]


class Town:
    """Everything about money that is not the server's."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.counter, self.chores = Counter(world.trace), Chores()
        self.gateways = {tenant: TownGateway(self, f"bank{tenant}", f"notices-of-bank{tenant}-{'x' * 20}") for tenant in CURRENCIES}
        self.drivers: list[Driver] = []
        self._last_events, self._quiet_since = -1, 0.0

    def tenant_of(self, charger: Charger) -> TenantId:
        """Whose a charger is."""
        return DEFAULT_TENANT if int(charger.charger_id[1:]) % 3 else EUROPE

    def bus(self) -> Bus:
        """The plugins of a life of the server."""
        plugins: dict[str, object] = {"included": Included(), "tariff": tariff_plugin()}
        plugins |= {gateway.name: PaidGateway(gateway) for gateway in self.gateways.values()}
        available = {name: Installed(name, "1.0", partial(_same, plugin)) for name, plugin in plugins.items()}
        return Bus(PluginsConfig(enabled=tuple(plugins), decision_timeout_s=10.0), available=available)

    # --- before the day ---------------------------------------------------------------------------------------------------------

    async def furnish(self, database: StoreDatabase, vault: Vault) -> None:
        """Tenants, tariffs, gateways; drivers with the tokens of the chargers."""
        await database.write(
            lambda tx: tenants.add(tx, slug="europe", name="Europe", currency="EUR", time_zone=EUROPE_ZONE), tenant=DEFAULT_TENANT
        )
        for tenant in CURRENCIES:
            await database.write(self._furnish_tenant, tenant, vault, tenant=tenant)
        numbers = iter(range(1_000))
        for charger in self.world.chargers:
            tenant = self.tenant_of(charger)
            self.drivers += await database.write(self._furnish_drivers, charger, tenant, numbers, tenant=tenant)

    def _furnish_tenant(self, tx: Tx, tenant: TenantId, vault: Vault) -> None:
        gateway, currency = self.gateways[tenant], CURRENCIES[tenant]
        secrets = SealedSecrets(key=vault.seal(KEY_SECRET), webhook=vault.seal(gateway.secret))
        new = NewGateway(
            name="shop",
            provider=gateway.name,
            key_id="key-id",
            key_secret=KEY_SECRET,
            webhook_secret=gateway.secret,
            is_default=True,
        )
        gateways.add(tx, new, secrets, gateway.notice_token, f"{gateway.name}mark")
        prepays = stream(self.world.seed, "settings", tenant).random() < 0.5
        change = BillingSettingsChange(
            prepaid_wallets=prepays,
            minimum_minor=200 if prepays else None,
            hold_minor=1000 if prepays else None,
            stop_at_funds=prepays or None,
            low_balance_minor=500,
            invoice_mode=EACH,
        )
        billing_settings.change(tx, change)
        for each in _tariff(currency, int(tenant)):
            done = tx.run(each.sql, **each.parameters)
            assert each.expects in (None, done), each.sql

    def _furnish_drivers(self, tx: Tx, charger: Charger, tenant: TenantId, numbers: Sequence[int]) -> list[Driver]:
        made = []
        for evse, number in zip(range(1, charger.connectors + 1), numbers, strict=False):
            token = f"{CARD}-{charger.charger_id}-{evse}"
            if number % 4 == 3:  # of nobody whom the server knows
                drivers.add_token(tx, token)
                continue
            kind = KINDS[number % 4]
            driver = drivers.add_driver(tx, f"{kind} {token}", email=f"{token}@example.org".lower())
            drivers.add_token(tx, token, driver_id=driver.id)
            wallets.open_wallet(tx, driver.id)
            if kind == POSTPAID:
                wallets.change_wallet(tx, driver.id, WalletChanges(credit_limit_minor=5000))
            if kind == INCLUDED:
                wallets.grant(
                    tx, driver.id, unit="WH", amount=3000, name="plan 0", key=f"first:{driver.id}", description="included energy"
                )
            made.append(Driver(id=driver.id, tenant=tenant, currency=CURRENCIES[tenant], kind=kind))
        return made

    # --- the day ----------------------------------------------------------------------------------------------------------------

    async def live(self) -> None:
        """Until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.chores.run)
            for driver in self.drivers:
                nursery.start_soon(Payer(self, driver).live)
            for charger in self.world.chargers:
                nursery.start_soon(Guest(self, charger).live)
            for tenant in CURRENCIES:
                mine = [driver for driver in self.drivers if driver.tenant == tenant]
                if mine:
                    nursery.start_soon(Operator(self, tenant, mine).live)

    def go_down(self) -> None:
        """A gateway is away for a while."""
        stream(self.world.seed, "outage", round(trio.current_time())).choice(list(self.gateways.values())).go_down()

    def is_over(self, store: sqlite3.Connection) -> bool:
        """Whether everything came to its end: nothing is under way, nothing is due, and nothing new happens."""
        (events,) = store.execute("SELECT count(*) FROM events").fetchone()
        if events != self._last_events or self.chores.under_way or any(store.execute(sql).fetchone()[0] for sql in DUE.values()):
            self._last_events, self._quiet_since = events, trio.current_time()
        return trio.current_time() > self._quiet_since + QUIET_S

    def still_due(self, store: sqlite3.Connection) -> list[str]:
        """What is not over."""
        return [f"{store.execute(sql).fetchone()[0]} {name}" for name, sql in DUE.items() if store.execute(sql).fetchone()[0]]


def _same(plugin: object) -> object:
    return plugin


def _tariff(currency: str, number: int) -> list[Statement]:
    """One tariff for everything that a tenant has, from the beginning of time."""
    writes, rules = importlib.import_module("csms_tariff.writes"), importlib.import_module("csms_tariff.rules")
    return [
        writes.revised(),
        writes.insert_tariff(number, name="Town", description="", currency=currency, tax_inclusive=currency == "EUR"),
        writes.insert_version(
            number, 1, valid_from_at=0, rules=structure(RULES[currency], rules.Rules), note="", by="", first=True
        ),
        writes.insert_assignment(
            number,
            tariff_id=number,
            level="tenant",
            station_id=0,
            charger_id="",
            evse=0,
            connector=0,
            driver_group="",
            valid_from_at=0,
            valid_until_at=None,
        ),
    ]
