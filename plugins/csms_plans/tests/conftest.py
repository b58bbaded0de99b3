"""A server with the plans and tariff plugins; and, without one, a tenant with a driver, a gateway and a clock that a test turns."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import msgspec
import pytest

import csms_plans
import csms_tariff
from csms.api.shapes import structure
from csms.core.events import EVENT_TYPES, Delivered
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ledger import ADJUSTMENT, ADJUSTMENTS, REVENUE, TAX, WALLET, AccountRef, Leg, NewMovement
from csms.core.messages import Notice
from csms.db import StoreDatabase
from csms.db.migrate import MigrationSource, core_migrations
from csms.domain.drivers import service as drivers
from csms.domain.payments import flows as payments_flows
from csms.domain.payments.desk import PaymentsDesk
from csms.domain.payments.model import NewGateway, SealedSecrets
from csms.domain.payments.service import gateways
from csms.domain.wallets import flows as wallets_flows
from csms.domain.wallets import service as wallets
from csms.hooks import Charge, Coverage, Event, MeterPoint, PluginContext, hookimpl, parse_instant
from csms.testing.gateways import FakeGateway, PaidGateway
from csms.testing.plugins import Plugged
from csms.testing.stores import SettableClock
from csms.vault import KeyedVault
from csms_plans import desk, shown, wishes, writes
from csms_plans.bodies import Cancel, Change, MySubscription, Pause
from csms_plans.model import Subscription, SubscriptionDetail
from csms_plans.terms import Terms

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
VAT = {"scheme": "vat", "percent": "18", "name": "GST", "inclusive": True}
MONTHLY: dict[str, Any] = {"period": "monthly", "price_minor": 118_00, "taxes": VAT, "energy_wh": 100_000}


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
def server_plugins(gateway: FakeGateway) -> Mapping[str, object]:
    return {"tariff": csms_tariff, "plans": csms_plans, "fake": PaidGateway(gateway)}


@pytest.fixture
def store_migrations() -> list[MigrationSource]:
    return [core_migrations(), MigrationSource("plans", Path(csms_plans.__file__).parent / "migrations")]


class Messenger:
    """Keeps what drivers are told."""

    def __init__(self) -> None:
        self.told: list[Notice] = []

    async def tell(self, notice: Notice, /, *, tenant: int) -> int | None:
        if any(each.key == notice.key for each in self.told):
            return None
        self.told.append(notice)
        return len(self.told)

    async def heard_back(self, channel: str, channel_id: str, state: str, error: str = "", /) -> None:
        return None


class World:
    """A tenant with the plugin, one driver with a wallet, and a gateway."""

    def __init__(self, kept: StoreDatabase, time: SettableClock, gateway: FakeGateway, settings: dict[str, Any]) -> None:
        self.database, self.clock, self.gateway = kept, time, gateway
        self.messenger = Messenger()
        contexts: list[PluginContext] = []

        def keep_context(context: PluginContext) -> None:
            contexts.append(context)

        plugin = SimpleNamespace(**{name: getattr(csms_plans, name) for name in csms_plans.__all__})
        plugin.configure = hookimpl(keep_context)
        self.plugged = Plugged({"plans": plugin}, database=kept, settings={"plans": settings}, connected=False)
        ports = attrs.evolve(
            self.plugged.ports,
            clock=time,
            providers={gateway.name: gateway},
            vault=KeyedVault([b"k" * 32]),
            messenger=self.messenger,
        )
        self.ports = attrs.evolve(ports, payments=PaymentsDesk(ports))
        self.plugged.clock = time
        self.plugged.bus.connect(self.ports)
        self.context = contexts[0]
        self.driver = self.heard = 0
        self.keys = count(1)

    async def open(self, *, gateway: bool = True) -> None:
        self.driver = (await self.do(drivers.add_driver, "Asha", email="asha@example.org", phone="+919999999999")).id
        if gateway:
            secrets = SealedSecrets(key=self.ports.vault.seal("key-secret"), webhook=self.ports.vault.seal("hook-secret"))
            new = NewGateway(
                name="shop",
                provider="fake",
                key_id="key-id",
                key_secret="key-secret",
                webhook_secret="hook-secret",
                is_default=True,
            )
            await self.do(gateways.add, new, secrets, "token", "fakem4rk")

    async def do(self, verb: Any, *arguments: Any, tenant: TenantId = DEFAULT_TENANT, **named: Any) -> Any:
        return await self.database.write(partial(verb, **named), *arguments, tenant=tenant)

    async def read(self, query: Any, *arguments: Any) -> Any:
        return await self.database.read(query, *arguments, tenant=DEFAULT_TENANT)

    async def rows(self, sql: str, **parameters: Any) -> list[dict[str, Any]]:
        return list(await self.read(lambda tx: [dict(row) for row in tx.system("a test looks").all(sql, **parameters)]))

    # --- money ------------------------------------------------------------------------------------------------------------------------

    async def give(self, amount_minor: int) -> None:
        """Put money into (or out of) the wallet; nobody hears of it."""
        legs = (
            Leg(AccountRef(kind=WALLET, unit="INR", driver_id=self.driver), amount_minor),
            Leg(AccountRef(kind=ADJUSTMENTS, unit="INR"), -amount_minor),
        )
        await self.do(wallets.post, NewMovement(kind=ADJUSTMENT, key=f"given:{next(self.keys)}", legs=legs, description="given"))

    async def wallet(self) -> int:
        return int((await self.read(wallets.funds, self.driver)).balance_minor)

    async def earned(self) -> tuple[int, int]:
        """Revenue and tax."""
        accounts = (AccountRef(kind=REVENUE, unit="INR"), AccountRef(kind=TAX, unit="INR", name="GST"))
        return (await self.read(wallets.balance, accounts[0]), await self.read(wallets.balance, accounts[1]))

    async def left(self) -> dict[str, int]:
        """What may be used of allowances, by name."""
        return {each.name: each.balance for each in await self.read(wallets.allowances, self.driver)}

    async def use(self, name: str, amount: int, unit: str = "WH") -> None:
        """A charge takes from an allowance."""
        ref = AccountRef(kind="allowance", unit=unit, name=name, driver_id=self.driver)
        legs = (Leg(ref, -amount), Leg(AccountRef(kind="granted", unit=unit), amount))
        await self.do(wallets.post, NewMovement(kind="USE", key=f"use:{next(self.keys)}", legs=legs, description="a charge"))

    async def check(self) -> None:
        """The ledger adds up, and nothing of a plan is left half done."""
        assert (await wallets_flows.check(self.database, DEFAULT_TENANT)).balanced
        assert await self.rows("SELECT id FROM plugin_plans_subscriptions WHERE doing <> '' OR mandate_wanted <> ''") == []
        assert await self.rows("SELECT number FROM plugin_plans_periods WHERE state IN ('emptying', 'paid', 'ready')") == []

    # --- plans ------------------------------------------------------------------------------------------------------------------------

    async def plan(self, name: str = "Commuter", **terms: Any) -> int:
        made = structure({**MONTHLY, **terms}, Terms)
        return await writes.add(
            self.context,
            DEFAULT_TENANT,
            "plugin_plans_plans",
            lambda number: [
                writes.insert_plan(number, name=name, description="", currency="INR"),
                writes.insert_version(number, 1, terms=made, note="", by="me"),
            ],
            why="taken",
        )

    async def new_version(self, plan_id: int, number: int, **terms: Any) -> None:
        made = structure({**MONTHLY, **terms}, Terms)
        changes = (writes.sell_version(plan_id, number), writes.insert_version(plan_id, number, terms=made, note="", by="me"))
        await self.context.store.write(*changes, tenant=DEFAULT_TENANT)

    async def subscribe(self, plan_id: int, **more: Any) -> int:
        known = await wishes.subscribe(self.context, DEFAULT_TENANT, self.driver, MySubscription(plan_id=plan_id, **more))
        return known.row.id

    async def pause(self, number: int, **more: Any) -> None:
        await wishes.pause(self.context, DEFAULT_TENANT, number, Pause(**more), by_driver=True)

    async def resume(self, number: int) -> None:
        await wishes.resume(self.context, DEFAULT_TENANT, number)

    async def cancel(self, number: int, when: Any = "period_end", *, credit: bool | None = None) -> None:
        await wishes.cancel(self.context, DEFAULT_TENANT, number, Cancel(when=when), by="driver", credit=credit)

    async def change(self, number: int, plan_id: int, when: Any = "now") -> None:
        await wishes.change(self.context, DEFAULT_TENANT, number, Change(plan_id=plan_id, when=when))

    async def of(self, number: int) -> Subscription:
        found: Subscription = await self.read(shown.subscription, number)
        return found

    async def detail(self, number: int) -> SubscriptionDetail:
        found: SubscriptionDetail = await self.read(shown.detail, number)
        return found

    async def ask(self, *, energy_wh: int = 10_000, at: int | None = None, **more: Any) -> Coverage | None:
        """What plans pay of a charge of an hour that began just now."""
        at = self.clock.now() if at is None else at
        charge = Charge(
            purpose="final",
            currency="INR",
            time_zone="Asia/Kolkata",
            transaction_id=1,
            driver_id=self.driver,
            started_at=at,
            ended_at=at + HOUR_MS,
            energy_wh=energy_wh,
            points=(MeterPoint(at, 0), MeterPoint(at + HOUR_MS, energy_wh)),
            **{"charger_id": "C1", **more},
        )
        answer: Coverage | None = await self.plugged.bus.ask("cover_charge", charge=charge, tenant=DEFAULT_TENANT)
        return answer

    # --- time -------------------------------------------------------------------------------------------------------------------------

    async def job(self) -> None:
        """Every job takes a turn, and everything is heard."""
        await desk.look_after(self.context)
        await payments_flows.look_after_payments(self.ports)
        await payments_flows.look_after_mandates(self.ports)
        await self.hear()
        await desk.look_after(self.context)
        await self.do(wallets.expire_allowances)

    async def pass_(self, milliseconds: int) -> None:
        """Time passes, and then jobs have their turn."""
        self.clock.advance(milliseconds)
        await self.job()

    async def until(self, text: str) -> None:
        """Hour by hour, or in one step where that is near."""
        at = parse_instant(text)[0]
        await self.pass_(at - self.clock.now())

    async def hear(self) -> None:
        """The plugin hears what happened since."""
        for row in await self.rows("SELECT * FROM events WHERE sequence > :after ORDER BY sequence", after=self.heard):
            self.heard = row["sequence"]
            event: Event = msgspec.convert(msgspec.json.decode(row["payload"]), EVENT_TYPES[row["type"]])
            delivered = Delivered(row["sequence"], row["tenant"], row["at"], event)
            for consumer in self.plugged.bus.consumers():
                if consumer.types is None or event.type in consumer.types:
                    await consumer.handle(delivered)

    async def events(self, *types: str) -> list[dict[str, Any]]:
        """What the plugin told, of these types."""
        rows = await self.rows("SELECT type, payload FROM events WHERE type LIKE 'plan_%' ORDER BY sequence")
        return [{"type": row["type"], **msgspec.json.decode(row["payload"])} for row in rows if not types or row["type"] in types]


@pytest.fixture
def plan_settings() -> dict[str, Any]:
    return {}


@pytest.fixture
async def world(database: StoreDatabase, clock: SettableClock, gateway: FakeGateway, plan_settings: dict[str, Any]) -> World:
    made = World(database, clock, gateway, plan_settings)
    await made.open()
    return made
