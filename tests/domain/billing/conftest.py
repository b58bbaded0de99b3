"""A tenant with a charger, a driver with a wallet, and a plugin that prices: ten paise a Wh, or what a test wants."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from functools import partial
from itertools import pairwise
from typing import Any

import attrs
import msgspec
import pytest

from csms.core.commands import Answered, Outcome, StopCharging
from csms.core.events import EVENT_TYPES, Delivered, Event
from csms.core.ids import DEFAULT_TENANT, Place, charger_key
from csms.core.ledger import (
    ADJUSTMENTS,
    ALLOWANCE,
    GATEWAY,
    PARTNER,
    PREPAYMENT,
    RECEIVABLE,
    REVENUE,
    TAX,
    WALLET,
    AccountRef,
    Leg,
    NewMovement,
)
from csms.core.ports import ReadTx, Tx
from csms.core.reports import MeterSampled, Reading, Sample, StartReported, StopReported, Token
from csms.db import StoreDatabase
from csms.domain.billing import listeners, service
from csms.domain.billing.flows import looking as looking_flows
from csms.domain.billing.flows import rounds, watch
from csms.domain.billing.model import Bill, BillingSettingsChange
from csms.domain.billing.service import looking, settings
from csms.domain.transactions import service as transactions
from csms.domain.transactions.model import TransactionPolicy, Wishes
from csms.domain.transactions.service.telling import put
from csms.domain.transactions.store import rows
from csms.domain.transactions.store import wishes as wishes_store
from csms.domain.wallets import service as wallets
from csms.hooks import AllowanceUse, Charge, Coverage, Covered, Price, PriceLine, Share, TaxLine, hookimpl
from csms.testing.plugins import Plugged
from csms.testing.stores import SettableClock

T0 = 1_800_000_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE
TAX_PERCENT = 18


@attrs.define
class Pricing:
    """A plugin that prices and covers as a test wants."""

    paise_per_wh: int = 10
    peak_until_at: int | None = None
    """Until then a Wh costs three times as much."""
    tax: bool = False
    share_percent: int = 0
    fails: bool = False
    silent: bool = False
    plan: tuple[int, int] | None = None
    """An allowance's account and how many Wh of it there are to use."""
    asked: list[Charge] = attrs.field(factory=list)
    meanwhile: Callable[[], Awaitable[Any]] | None = None

    @hookimpl
    async def cover_charge(self, charge: Charge) -> Coverage | None:
        if self.plan is None:
            return None
        account_id, left = self.plan
        taken = min(left, charge.energy_wh)
        if not taken:
            return None
        uses = (AllowanceUse(account_id=account_id, unit="WH", amount=taken),)
        return Coverage(covered=Covered(energy_wh=taken, by="plan"), uses=uses)

    @hookimpl
    async def price_charge(self, charge: Charge) -> Price | None:
        self.asked.append(charge)
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        if self.fails:
            raise RuntimeError("the tariff is broken")
        if self.silent:
            return None
        energy_wh = max(0, charge.energy_wh - charge.covered.energy_wh)
        net = energy_wh * self.paise_per_wh
        if self.peak_until_at is not None:
            net += 2 * self.paise_per_wh * min(energy_wh, energy_until(charge, self.peak_until_at))
        taxes: tuple[TaxLine, ...] = ()
        if self.tax:
            amount = net * TAX_PERCENT // 100
            taxes = (TaxLine(name="GST", rate_percent=Decimal(TAX_PERCENT), taxable_minor=net, amount_minor=amount),)
        kwh = Decimal(energy_wh) / 1000
        line = PriceLine(
            kind="energy",
            description="energy",
            quantity=kwh,
            unit="kWh",
            unit_price=Decimal(self.paise_per_wh * 10),
            amount=Decimal(net) / 100,
        )
        shares = (Share(party="host", amount_minor=net * self.share_percent // 100),) if self.share_percent else ()
        total = net + sum(each.amount_minor for each in taxes)
        return Price(
            currency=charge.currency, lines=(line,), net_minor=net, taxes=taxes, total_minor=total, shares=shares, tariff="Flat"
        )


def energy_until(charge: Charge, at: int) -> int:
    """The energy until a moment: between two readings it flows evenly."""
    for before, after in pairwise(charge.points):
        if before.at <= at < after.at:
            return before.energy_wh + (after.energy_wh - before.energy_wh) * (at - before.at) // (after.at - before.at)
    return charge.energy_wh if at >= charge.ended_at else 0


class Scene:
    """One charger, one driver, and everything that billing does with what they do."""

    def __init__(self, database: StoreDatabase, clock: SettableClock, pricing: Pricing) -> None:
        self.database, self.clock, self.pricing = database, clock, pricing
        self.plugged = Plugged({"pricing": pricing}, database=database, breaker_failures=1000)
        self.plugged.clock = clock
        self.ports = attrs.evolve(self.plugged.ports, clock=clock)
        self.driver = self.other = 0
        self.heard = 0
        self.stops: list[int] = []
        self.stop_outcome: Outcome = Answered("Accepted")

    async def do(self, verb: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        return await self.database.write(partial(verb, **more), *arguments, tenant=DEFAULT_TENANT)

    async def read(self, query: Callable[..., Any], *arguments: Any) -> Any:
        return await self.database.read(query, *arguments, tenant=DEFAULT_TENANT)

    # what happens at the charger

    async def start(self, *, token: str = "CARD", wishes: Wishes | None = None, policy: TransactionPolicy | None = None) -> int:
        report = StartReported(
            charger_id="CP-1",
            place=Place(1, 1),
            started_at=self.clock.now(),
            token=Token(token) if token else None,
            meter_start_wh=1000,
            received_at=self.clock.now(),
        )
        verdict = await self.database.write(transactions.start, report, policy, tenant=DEFAULT_TENANT, keys=(charger_key("CP-1"),))
        if wishes is not None:
            await self.do(wishes_store.save, verdict.transaction_id, wishes)
        return int(verdict.transaction_id)

    async def meter(self, transaction_id: int, energy_wh: int, *, power_w: int | None = None, at: int | None = None) -> None:
        samples = [Sample("Energy.Active.Import.Register", Decimal(1000 + energy_wh), "Wh")]
        if power_w is not None:
            samples.append(Sample("Power.Active.Import", Decimal(power_w), "W"))
        report = MeterSampled(
            charger_id="CP-1",
            received_at=self.clock.now(),
            place=Place(1, 1),
            readings=(Reading(self.clock.now() if at is None else at, tuple(samples)),),
            transaction_id=transaction_id,
        )
        await self.do(transactions.meter, report, None)

    async def stop(self, transaction_id: int, energy_wh: int, **more: Any) -> None:
        report = StopReported(
            charger_id="CP-1",
            transaction_id=transaction_id,
            stopped_at=self.clock.now(),
            meter_stop_wh=1000 + energy_wh,
            token=Token("CARD"),
            received_at=self.clock.now(),
            **more,
        )
        await self.do(transactions.stop, report, None)

    async def charge(self, energy_wh: int, **more: Any) -> int:
        """A charge of an hour, from its start to its end."""
        transaction_id = await self.start(**more)
        self.clock.advance(HOUR)
        await self.stop(transaction_id, energy_wh)
        return transaction_id

    async def turned_out(self, transaction_id: int, energy_wh: int) -> None:
        """It turns out that another energy was taken: readings that it had were of another transaction, say."""

        def verb(tx: Tx) -> None:
            known = rows.by_id(tx, transaction_id)
            assert known is not None
            put(tx, known, attrs.evolve(known, energy_wh=energy_wh, meter_stop_wh=1000 + energy_wh))

        await self.do(verb)

    # what billing makes of it

    async def hear(self) -> None:
        """Billing hears every event that it has not heard yet, also those that it tells itself."""
        while True:
            found = await self.read(_events, self.heard)
            if not found:
                return
            for sequence, type_, payload in found:
                self.heard = sequence
                event = msgspec.json.decode(payload, type=EVENT_TYPES[type_])
                for each in listeners.LISTENERS:
                    if type_ in each.types:
                        await each.handle(self.ports, Delivered(sequence, DEFAULT_TENANT, self.clock.now(), event))

    async def bill(self) -> None:
        """Billing hears what happened and settles what is due."""
        await self.hear()
        await rounds.settle_due(self.ports)
        await self.hear()

    async def look(self) -> None:
        """Some minutes in which nothing more comes; then billing looks again at what it heard of late, and settles what follows."""
        await self.bill()
        self.clock.advance(looking.QUIET_MS)
        await looking_flows.look_again(self.ports)
        await self.bill()

    async def watch(self) -> None:
        """The watch looks at what is due."""

        async def stop(ports: Any, tenant: Any, charger_id: str, command: StopCharging) -> tuple[Outcome, dict[str, Any]]:
            self.stops.append(command.transaction_id)
            return self.stop_outcome, {}

        await watch.watch(stop, self.ports)

    async def bills(self, transaction_id: int) -> Sequence[Bill]:
        found: Sequence[Bill] = await self.read(service.bills_of, transaction_id)
        return found

    async def told(self, type_: str) -> list[Event]:
        found = await self.read(_events, 0)
        return [msgspec.json.decode(payload, type=EVENT_TYPES[kind]) for _, kind, payload in found if kind == type_]

    async def set(self, **wanted: Any) -> None:
        await self.do(settings.change, BillingSettingsChange(**wanted))

    # money

    async def top_up(self, amount: int, driver_id: int | None = None) -> None:
        wallet = AccountRef(kind=WALLET, unit="INR", driver_id=driver_id or self.driver)
        legs = (Leg(AccountRef(kind=GATEWAY, unit="INR", name="test"), -amount), Leg(wallet, amount))
        number = self.clock.now() + amount
        await self.do(wallets.post, NewMovement(kind="TOP_UP", key=f"top-up:{number}", legs=legs, description="top-up"))

    async def prepay(self, payment_id: int, amount: int) -> None:
        account = AccountRef(kind=PREPAYMENT, unit="INR", name=str(payment_id))
        legs = (Leg(AccountRef(kind=GATEWAY, unit="INR", name="test"), -amount), Leg(account, amount))
        await self.do(wallets.post, NewMovement(kind="PAYMENT", key=f"payment:{payment_id}", legs=legs, description="paid"))

    async def balances(self, payment_id: int = 0) -> dict[str, int]:
        """Every account with something in it, by what it is."""
        wanted = {
            "wallet": AccountRef(kind=WALLET, unit="INR", driver_id=self.driver),
            "other": AccountRef(kind=WALLET, unit="INR", driver_id=self.other),
            "owed": AccountRef(kind=RECEIVABLE, unit="INR", driver_id=self.driver),
            "other_owed": AccountRef(kind=RECEIVABLE, unit="INR", driver_id=self.other),
            "revenue": AccountRef(kind=REVENUE, unit="INR"),
            "tax": AccountRef(kind=TAX, unit="INR", name="GST"),
            "host": AccountRef(kind=PARTNER, unit="INR", name="host"),
            "written_off": AccountRef(kind=ADJUSTMENTS, unit="INR", name="written off"),
            "prepaid": AccountRef(kind=PREPAYMENT, unit="INR", name=str(payment_id)),
            "plan": AccountRef(kind=ALLOWANCE, unit="WH", name="plan", driver_id=self.driver),
        }

        def query(tx: ReadTx) -> dict[str, int]:
            found = {name: wallets.balance(tx, ref) for name, ref in wanted.items()}
            for name, driver_id in (("held", self.driver), ("other_held", self.other)):
                found[name] = wallets.funds(tx, driver_id).held_minor
            return {name: amount for name, amount in found.items() if amount}

        found: dict[str, int] = await self.read(query)
        return found


def _events(tx: ReadTx, after: int) -> list[tuple[int, str, str]]:
    rows = tx.all(
        "SELECT sequence, type, payload FROM events WHERE tenant = :tenant AND sequence > :after ORDER BY sequence", after=after
    )
    return [(row["sequence"], row["type"], row["payload"]) for row in rows]


def people(tx: Tx) -> tuple[int, int]:
    """A charger, and two drivers with a card each; one more card that is nobody's."""
    tx.run("INSERT INTO chargers (id, tenant, approval, created_at) VALUES ('CP-1', :tenant, 'accepted', :now)")
    ids = []
    for name, card in (("Asha", "CARD"), ("Ben", "OTHER")):
        driver = tx.value("INSERT INTO drivers (tenant, name, created_at) VALUES (:tenant, :name, :now) RETURNING id", name=name)
        ids.append(int(driver))
        _card(tx, card, int(driver))
    _card(tx, "GUEST", None)
    return ids[0], ids[1]


def _card(tx: Tx, value: str, driver_id: int | None) -> None:
    tx.run(
        "INSERT INTO tokens (tenant, value, folded, driver_id, max_transactions, created_at)"
        " VALUES (:tenant, :value, :folded, :driver_id, 0, :now)",
        value=value,
        folded=value.casefold(),
        driver_id=driver_id,
    )


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(T0)


@pytest.fixture
async def scene(database: StoreDatabase, clock: SettableClock) -> Scene:
    """On both engines, one after the other."""
    made = Scene(database, clock, Pricing())
    made.driver, made.other = await made.do(people)
    return made
