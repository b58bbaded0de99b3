"""A connector at the roadside, a gateway, and everything that a server does about charges that are paid for before they start."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import msgspec
import pytest

from csms import smart_charging
from csms.config import Config
from csms.core.commands import Answered, Command, Offline, Outcome, StartCharging, StopCharging
from csms.core.errors import CsmsError
from csms.core.events import EVENT_TYPES, Delivered
from csms.core.ids import DEFAULT_TENANT, Place, charger_key
from csms.core.ledger import ADJUSTMENTS, GATEWAY, PREPAYMENT, REVENUE, WALLET, AccountRef
from csms.core.ports import ConnectionInfo, Database, Listener, Ports, ReadTx, Row, Tx
from csms.core.reports import MeterSampled, Reading, Sample, StartReported, StopReported, Token
from csms.db import StoreDatabase
from csms.domain.billing import listeners as billing_listeners
from csms.domain.billing.flows import prepaying, rounds, watch
from csms.domain.billing.model.prepaying import DriverPrepaidBody, GuestPrepaidBody, PrepaidStatus
from csms.domain.billing.service import following
from csms.domain.drivers import service as drivers
from csms.domain.payments import flows as payments
from csms.domain.payments import listeners as payments_listeners
from csms.domain.payments.model import NewGateway, Payment, SealedSecrets
from csms.domain.payments.service import gateways, need_payment
from csms.domain.transactions import flows as transactions_flows
from csms.domain.transactions import service as transactions
from csms.domain.wallets import flows as wallets_flows
from csms.domain.wallets import service as wallets
from csms.hooks import Charge, Price, PriceLine, hookimpl
from csms.testing.gateways import FakeGateway
from csms.testing.plugins import FakeChargers, Plugged
from csms.testing.stores import SettableClock
from csms.vault import KeyedVault

CODE, CHARGER = "ABCDEFGHJK", "CP-1"
MINUTE = 60_000
CONFIG = Config(folder=Path())


@attrs.define
class Pricing:
    """Ten paise a Wh, and twenty rupees for the start."""

    paise_per_wh: int = 10
    silent: bool = False

    @hookimpl
    async def price_charge(self, charge: Charge) -> Price | None:
        if self.silent:
            return None
        net = 2_000 + charge.energy_wh * self.paise_per_wh
        line = PriceLine(
            kind="energy",
            description="energy",
            quantity=Decimal(charge.energy_wh) / 1000,
            unit="kWh",
            unit_price=Decimal(100),
            amount=Decimal(net) / 100,
        )
        return Price(currency=charge.currency, lines=(line,), net_minor=net, total_minor=net, tariff="Roadside")


@attrs.define
class Roadside(FakeChargers):
    """Chargers of which one is there, or not; ``outcomes`` are its next answers, ``step`` is called around each."""

    there: bool = True
    outcomes: list[Outcome] = attrs.field(factory=list)
    step: Callable[[str], None] = lambda where: None

    async def send(
        self, charger_id: str, command: Command, /, *, ttl_s: float | None = None, timeout_s: float | None = None
    ) -> Outcome:
        self.step(f"before {type(command).__name__}")
        self.sent.append((charger_id, command))
        outcome = self.outcomes.pop(0) if self.outcomes else Answered("Accepted") if self.there else Offline()
        self.step(f"after {type(command).__name__}")
        return outcome

    def connection(self, charger_id: str) -> ConnectionInfo | None:
        info: Any = object()
        return info if self.there else None

    @property
    def starts(self) -> list[StartCharging]:
        return [command for _, command in self.sent if isinstance(command, StartCharging)]

    @property
    def stops(self) -> list[StopCharging]:
        return [command for _, command in self.sent if isinstance(command, StopCharging)]


@attrs.define
class Booth:
    """What people do there, and what the server makes of it. ``ports`` may be exchanged for those of another life of the server."""

    database: StoreDatabase
    clock: SettableClock
    gateway: FakeGateway
    pricing: Pricing
    chargers: Roadside
    ports: Ports
    heard: int = 0
    driver: int = 0
    hearers: list[Listener] = attrs.field(factory=list)
    """Whoever hears what happens besides."""

    async def do(self, verb: Any, *arguments: Any, **named: Any) -> Any:
        return await self.database.write(partial(verb, **named), *arguments, tenant=DEFAULT_TENANT)

    async def read(self, query: Any, *arguments: Any) -> Any:
        return await self.database.read(query, *arguments, tenant=DEFAULT_TENANT)

    async def rows(self, sql: str, **parameters: Any) -> list[Row]:
        found: list[Row] = await self.read(lambda tx: [dict(row) for row in tx.system("a test looks").all(sql, **parameters)])
        return found

    async def open(self) -> None:
        vault = self.ports.vault
        secrets = SealedSecrets(key=vault.seal("key-secret"), webhook=vault.seal("hook-secret"))
        name = self.gateway.name
        new = NewGateway(name=name, provider=name, key_id="k", key_secret="s", webhook_secret="w", is_default=True)
        await self.do(gateways.add, new, secrets, f"notices-{name}", f"{name}m4rk")
        await self.do(_place)
        self.driver = (await self.do(drivers.add_driver, "Asha", email="asha@example.org", phone="+919999999999")).id

    # people

    async def want(self, amount_minor: int = 20_000, **more: Any) -> tuple[int, str]:
        """A guest scans the code and asks to pay: the payment's id, and the word to follow it by."""
        body = GuestPrepaidBody(amount_minor=amount_minor, **{"phone": "+919876543210", **more})
        key = f"guest {self.ports.random.token(8)}"
        _, known, secret = await prepaying.want(self.ports, CODE, body, key, start_url="https://x.example/{code}")
        return known.payment_id, secret

    async def want_own(self, amount_minor: int = 20_000, **more: Any) -> tuple[int, str]:
        """The driver does."""
        key = f"driver {self.ports.random.token(8)}"
        _, known, secret = await prepaying.want(
            self.ports,
            CODE,
            DriverPrepaidBody(amount_minor=amount_minor, **more),
            key,
            start_url="https://x.example/{code}",
            tenant=DEFAULT_TENANT,
            driver_id=self.driver,
        )
        return known.payment_id, secret

    async def pay(self, payment_id: int, **more: Any) -> None:
        self.gateway.pay((await self.payment(payment_id)).reference, **more)

    async def paid(self, amount_minor: int = 20_000, **more: Any) -> int:
        """Wanted, paid and heard of, as far as the server gets by itself at once."""
        payment_id, _ = await self.want(amount_minor, **more)
        await self.pay(payment_id)
        await self.soon()
        return payment_id

    # the charger

    async def set_connection(self, *, there: bool) -> None:
        self.chargers.there = there
        connection = "c1" if there else ""
        await self.do(
            lambda tx: tx.run(
                "UPDATE chargers SET connection_id = :id, connected_at = :at WHERE id = :charger AND tenant = :tenant",
                id=connection,
                at=tx.now if there else None,
                charger=CHARGER,
            )
        )

    async def status(self, status: str) -> None:
        await self.do(
            lambda tx: tx.run(
                "UPDATE connectors SET status = :status WHERE charger_id = :id AND evse = 1 AND tenant = :tenant",
                status=status,
                id=CHARGER,
            )
        )

    async def begin(self, *, token: str = "", started_at: int | None = None) -> int:
        """The car is plugged in: the charger starts with the token that it was asked to start with."""
        now = self.clock.now()
        report = StartReported(
            charger_id=CHARGER,
            place=Place(1, 1),
            started_at=started_at or now,
            token=Token(token or self.chargers.starts[-1].token.value),
            meter_start_wh=1000,
            received_at=now,
        )
        rules = transactions_flows.policy(CONFIG.transactions)
        verdict = await self.database.write(transactions.start, report, rules, tenant=DEFAULT_TENANT, keys=(charger_key(CHARGER),))
        await self.status("Charging")
        return int(verdict.transaction_id)

    async def meter(self, transaction_id: int, energy_wh: int, power_w: int = 7_000) -> None:
        samples = (
            Sample("Energy.Active.Import.Register", Decimal(1000 + energy_wh), "Wh"),
            Sample("Power.Active.Import", Decimal(power_w), "W"),
        )
        report = MeterSampled(
            charger_id=CHARGER,
            received_at=self.clock.now(),
            place=Place(1, 1),
            readings=(Reading(self.clock.now(), samples),),
            transaction_id=transaction_id,
        )
        await self.do(transactions.meter, report, None)

    async def end(self, transaction_id: int, energy_wh: int, *, after_ms: int = 10 * MINUTE) -> None:
        self.clock.advance(after_ms)
        report = StopReported(
            charger_id=CHARGER,
            transaction_id=transaction_id,
            stopped_at=self.clock.now(),
            meter_stop_wh=1000 + energy_wh,
            token=None,
            received_at=self.clock.now(),
        )
        await self.do(transactions.stop, report, None)
        await self.status("Available")

    # the server

    async def hear(self) -> None:
        """Everybody hears what was not heard."""
        start = partial(smart_charging.start, CONFIG)
        hearers = [*billing_listeners.LISTENERS, billing_listeners.prepaid_listener(start), *payments_listeners.LISTENERS]
        hearers += self.hearers
        while found := await self.rows("SELECT * FROM events WHERE sequence > :after ORDER BY sequence", after=self.heard):
            for row in found:
                event = msgspec.json.decode(row["payload"], type=EVENT_TYPES[row["type"]])
                for each in hearers:
                    if row["type"] in each.types:
                        await each.handle(self.ports, Delivered(row["sequence"], row["tenant"], row["at"], event))
                self.heard = row["sequence"]

    async def jobs(self) -> None:
        """Every job takes a turn."""
        ports, start = self.ports, partial(smart_charging.start, CONFIG)
        await payments.look_after_payments(ports)
        await payments.look_after_refunds(ports)
        for verb in (transactions.expire_pending, transactions.close_overdue):
            while await ports.database.write(verb, tenant=DEFAULT_TENANT):
                pass
        await prepaying.look_after(start, ports)
        await rounds.make_missing(ports)
        await rounds.settle_due(ports)
        await watch.watch(_stop, ports)

    async def soon(self, after_ms: int = 16_000, every_ms: int = 4_000) -> None:
        """Time passes, with its jobs, and what they tell is heard."""
        until = self.clock.now() + after_ms
        while True:
            await self.jobs()
            await self.hear()
            if self.clock.now() >= until:
                return
            self.clock.advance(min(every_ms, until - self.clock.now()))

    # what became of it

    async def payment(self, payment_id: int) -> Payment:
        return await self.read(need_payment, payment_id)  # type: ignore[no-any-return]

    async def follow(self, payment_id: int) -> PrepaidStatus:
        def query(tx: ReadTx) -> PrepaidStatus:
            found = tx.value("SELECT id FROM prepaid_charges WHERE tenant = :tenant AND payment_id = :id", id=payment_id)
            return following.status(tx, found)

        return await self.read(query)  # type: ignore[no-any-return]

    async def balances(self, payment_id: int) -> dict[str, int]:
        """What is where, of what is not nothing."""
        wanted = {
            "prepaid": AccountRef(kind=PREPAYMENT, unit="INR", name=str(payment_id)),
            "revenue": AccountRef(kind=REVENUE, unit="INR"),
            "wallet": AccountRef(kind=WALLET, unit="INR", driver_id=self.driver),
            "lost": AccountRef(kind=ADJUSTMENTS, unit="INR", name="written off"),
        }
        found = {name: await self.read(wallets.balance, ref) for name, ref in wanted.items()}
        return {name: amount for name, amount in found.items() if amount}

    async def check(self) -> None:
        """The ledger has what the gateway owes, and nobody but us may charge with anything that is left."""
        ref = AccountRef(kind=GATEWAY, unit="INR", name=self.gateway.name)
        assert -await self.read(wallets.balance, ref) == self.gateway.owes()
        assert (await wallets_flows.check(self.database, DEFAULT_TENANT)).balanced
        left = await self.rows(
            "SELECT t.value FROM tokens t JOIN prepaid_charges c ON c.token = t.value AND c.driver_id IS NULL"
            " WHERE t.removed_at IS NULL AND c.state IN ('finished', 'given_back', 'unpaid')"
        )
        assert not left


async def _stop(ports: Ports, tenant: Any, charger_id: str, command: StopCharging) -> tuple[Outcome, dict[str, Any]]:
    return await ports.chargers.send(charger_id, command), {}


def _place(tx: Tx) -> None:
    tx.run(
        "INSERT INTO chargers (id, tenant, name, approval, connection_id, connected_at, created_at)"
        " VALUES (:id, :tenant, 'Roadside', 'accepted', 'c1', :now, :now)",
        id=CHARGER,
    )
    tx.run(
        "INSERT INTO connectors (charger_id, evse, connector, tenant, status, reported_at, received_at, since_at)"
        " VALUES (:id, 1, 1, :tenant, 'Available', :now, :now, :now)",
        id=CHARGER,
    )
    tx.run(
        "INSERT INTO connector_details (charger_id, evse, connector, tenant, max_power_w, qr_code, added_at)"
        " VALUES (:id, 1, 1, :tenant, 7000, :code, :now)",
        id=CHARGER,
        code=CODE,
    )


def ports_of(database: Database, clock: SettableClock, gateway: FakeGateway, pricing: Pricing, chargers: Roadside) -> Ports:
    plugged = Plugged({"pricing": pricing}, database=database)
    return attrs.evolve(
        plugged.ports,
        clock=clock,
        chargers=chargers,
        vault=KeyedVault([b"k" * 32]),
        providers={gateway.name: gateway},
    )


async def booth_of(database: StoreDatabase, clock: SettableClock, name: str = "fake") -> Booth:
    gateway, pricing, chargers = FakeGateway(name), Pricing(), Roadside()
    made = Booth(database, clock, gateway, pricing, chargers, ports_of(database, clock, gateway, pricing, chargers))
    await made.open()
    return made


@pytest.fixture
async def booth(database: StoreDatabase, clock: SettableClock) -> Booth:
    """On both engines, one after the other."""
    return await booth_of(database, clock)


__all__ = ["CODE", "MINUTE", "Booth", "CsmsError", "booth_of", "ports_of"]
