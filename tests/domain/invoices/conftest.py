"""A tenant in Karnataka with a charger and drivers; charges at whatever price a test names, and what invoices make of them."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from itertools import count
from typing import Any

import attrs
import msgspec
import pytest

from csms.core.events import EVENT_TYPES, Delivered, Event
from csms.core.ids import DEFAULT_TENANT, Place, charger_key
from csms.core.ledger import GATEWAY, PARTNER, RECEIVABLE, REVENUE, TAX, WALLET, AccountRef, Leg, NewMovement
from csms.core.ports import ReadTx, Tx
from csms.core.pricing import Price, PriceLine, Share, TaxLine
from csms.core.reports import StartReported, StopReported, Token
from csms.db import StoreDatabase
from csms.domain.billing import service as billing
from csms.domain.billing.model import BillingSettingsChange
from csms.domain.billing.service import settings as billing_settings
from csms.domain.billing.service.making import basis_of
from csms.domain.billing.service.settling import DONE, Offer
from csms.domain.billing.store import due
from csms.domain.documents.model import DocumentSettings
from csms.domain.invoices import listeners
from csms.domain.invoices.model import InvoiceDetail, InvoicesQuery
from csms.domain.invoices.service import views
from csms.domain.invoices.store import invoices as store
from csms.domain.tenants import service as tenants
from csms.domain.tenants.model import TaxId, TenantChange
from csms.domain.transactions import service as transactions
from csms.domain.transactions.model import Wishes
from csms.domain.transactions.service.telling import put
from csms.domain.transactions.store import rows
from csms.domain.transactions.store import wishes as wishes_store
from csms.domain.wallets import service as wallets
from csms.testing.plugins import Plugged
from csms.testing.stores import SettableClock

T0 = 1_800_000_000_000  # 2027-01-15 08:00 UTC
HOUR = 3_600_000
DAY = 24 * HOUR
GSTIN = "29ABCDE1234F1Z5"


def _price(
    net: int,
    *,
    igst: bool = False,
    rate: int = 18,
    share: int = 0,
    electricity: int = 0,
    place: str = "KA",
    lines: tuple[PriceLine, ...] = (),
    inclusive: bool = False,
) -> Price:
    """A price of so many paise before tax, at 10 rupees a kWh, with its GST and a partner's share in percent."""

    def tax(name: str, percent: Decimal) -> TaxLine:
        amount = int((Decimal(net) * percent / 100 + Decimal("0.5")) // 1)
        return TaxLine(name=name, rate_percent=percent, taxable_minor=net, amount_minor=amount)

    half = Decimal(rate) / 2
    taxes = (tax("IGST", Decimal(rate)),) if igst else (tax("CGST", half), tax("SGST", half))
    energy = PriceLine(
        kind="energy",
        description="Energy",
        quantity=Decimal(net) / 1000,
        unit="kWh",
        unit_price=Decimal(10),
        amount=Decimal(net) / 100,
    )
    return Price(
        currency="INR",
        lines=lines or (energy,),
        net_minor=net,
        taxes=taxes if rate else (),
        total_minor=net + sum(each.amount_minor for each in taxes if rate),
        tax_inclusive=inclusive,
        tax_code="998714",
        place_of_supply=place,
        tariff="Day",
        electricity_minor=electricity or None,
        shares=(Share(party="Mall", amount_minor=net * share // 100),) if share else (),
    )


class Desk:
    """What happens at the charger, what billing makes of it, and what invoices do."""

    def __init__(self, database: StoreDatabase, clock: SettableClock) -> None:
        self.database, self.clock = database, clock
        self.plugged = Plugged({}, database=database)
        self.ports = attrs.evolve(self.plugged.ports, clock=clock)
        self.asha = self.ben = 0
        self.heard = 0
        self._numbers = count(1)

    async def do(self, verb: Any, *arguments: Any, **named: Any) -> Any:
        return await self.database.write(partial(verb, **named), *arguments, tenant=DEFAULT_TENANT)

    async def read(self, query: Any, *arguments: Any) -> Any:
        return await self.database.read(query, *arguments, tenant=DEFAULT_TENANT)

    async def mode(self, mode: str) -> None:
        await self.do(billing_settings.change, BillingSettingsChange(invoice_mode=mode))

    # charges

    async def charge(self, asked: Price, *, card: str = "ASHA", energy_wh: int | None = None, payment_id: int | None = None) -> int:
        """A charge of an hour that is settled at a price: its transaction."""
        energy = asked.net_minor if energy_wh is None else energy_wh
        start = StartReported(
            charger_id="CP-1",
            place=Place(1, 1),
            started_at=self.clock.now(),
            token=Token(card),
            meter_start_wh=1000,
            received_at=self.clock.now(),
        )
        keys = (charger_key("CP-1"),)
        verdict = await self.database.write(transactions.start, start, None, tenant=DEFAULT_TENANT, keys=keys)
        if payment_id is not None:
            await self.do(wishes_store.save, verdict.transaction_id, Wishes(payment_id=payment_id))
        self.clock.advance(HOUR)
        stop = StopReported(
            charger_id="CP-1",
            transaction_id=verdict.transaction_id,
            stopped_at=self.clock.now(),
            meter_stop_wh=1000 + energy,
            token=Token(card),
            received_at=self.clock.now(),
        )
        await self.do(transactions.stop, stop, None)
        await self.do(billing.make, verdict.transaction_id)
        await self.settle(int(verdict.transaction_id), asked)
        return int(verdict.transaction_id)

    async def settle(self, transaction_id: int, asked: Price | None) -> None:
        """Settle what is due of a transaction."""

        def offers(tx: ReadTx) -> list[Offer]:
            facts = due.transaction(tx, transaction_id)
            assert facts is not None
            return [
                Offer(
                    bill_id=each.id,
                    transaction_id=transaction_id,
                    driver_id=facts["driver_id"],
                    payment_id=facts["payment_id"],
                    basis=basis_of(facts),
                    price=asked,
                )
                for each in billing.bills_of(tx, transaction_id)
                if each.state == "UNBILLED"
            ]

        for offer in await self.read(offers):
            assert await self.do(billing.settle, offer) == DONE

    async def turned_out(self, transaction_id: int, asked: Price) -> None:
        """The charge turns out to have been another one: its correction is settled."""

        def verb(tx: Tx) -> None:
            known = rows.by_id(tx, transaction_id)
            assert known is not None
            put(tx, known, attrs.evolve(known, energy_wh=asked.net_minor, meter_stop_wh=1000 + asked.net_minor))

        await self.do(verb)
        await self.do(billing.correct, transaction_id)
        await self.settle(transaction_id, asked)

    async def top_up(self, amount: int, driver_id: int = 0, *, collect: bool = True) -> None:
        """Money comes into a wallet, and pays what its driver owes."""
        driver_id = driver_id or self.asha
        wallet = AccountRef(kind=WALLET, unit="INR", driver_id=driver_id)
        legs = (Leg(AccountRef(kind=GATEWAY, unit="INR", name="test"), -amount), Leg(wallet, amount))
        await self.do(wallets.post, NewMovement(kind="TOP_UP", key=f"t{next(self._numbers)}", legs=legs, description="top-up"))
        if collect:
            await self.do(billing.collect, driver_id)

    async def balance(self, kind: str, name: str = "", driver_id: int | None = None) -> int:
        found: int = await self.read(wallets.balance, AccountRef(kind=kind, unit="INR", name=name, driver_id=driver_id))
        return found

    async def books(self) -> dict[str, int]:
        """What is in the accounts that invoices are about."""
        return {
            "wallet": await self.balance(WALLET, driver_id=self.asha),
            "owed": await self.balance(RECEIVABLE, driver_id=self.asha),
            "revenue": await self.balance(REVENUE),
            "cgst": await self.balance(TAX, "CGST"),
            "sgst": await self.balance(TAX, "SGST"),
            "igst": await self.balance(TAX, "IGST"),
            "mall": await self.balance(PARTNER, "Mall"),
        }

    # invoices

    async def hear(self) -> None:
        """Invoices hear every event that they have not heard yet."""
        while found := await self.read(_events, self.heard):
            for sequence, type_, payload in found:
                self.heard = sequence
                event = msgspec.json.decode(payload, type=EVENT_TYPES[type_])
                for each in listeners.listeners(DocumentSettings()):
                    if type_ in each.types:
                        await each.handle(self.ports, Delivered(sequence, DEFAULT_TENANT, self.clock.now(), event))

    async def told(self, type_: str) -> list[Event]:
        found = await self.read(_events, 0)
        return [msgspec.json.decode(payload, type=EVENT_TYPES[kind]) for _, kind, payload in found if kind == type_]

    async def invoices(self, **wanted: Any) -> list[InvoiceDetail]:
        """Invoices of a filter, the oldest first."""

        def query(tx: ReadTx) -> list[InvoiceDetail]:
            return [views.detail(tx, each.id) for each in store.invoices(tx, InvoicesQuery(limit=200, **wanted)).items]

        return list(reversed(await self.read(query)))


def _events(tx: ReadTx, after: int) -> list[tuple[int, str, str]]:
    found = tx.all(
        "SELECT sequence, type, payload FROM events WHERE tenant = :tenant AND sequence > :after ORDER BY sequence", after=after
    )
    return [(row["sequence"], row["type"], row["payload"]) for row in found]


def set_up(tx: Tx) -> tuple[int, int]:
    """A charger, two drivers with a card each, and a tenant that has a GSTIN."""
    tx.run("INSERT INTO chargers (id, tenant, approval, created_at) VALUES ('CP-1', :tenant, 'accepted', :now)")
    ids = []
    for name in ("Asha", "Ben"):
        sql = "INSERT INTO drivers (tenant, name, address, created_at) VALUES (:tenant, :name, '7 Hill Road', :now) RETURNING id"
        driver = int(tx.value(sql, name=name))
        tx.run(
            "INSERT INTO tokens (tenant, value, folded, driver_id, max_transactions, created_at)"
            " VALUES (:tenant, :value, :folded, :driver_id, 0, :now)",
            value=name.upper(),
            folded=name.casefold(),
            driver_id=driver,
        )
        ids.append(driver)
    wanted = TenantChange(
        legal_name="Green Charge Pvt Ltd",
        address="1 MG Road\nBengaluru 560001",
        country="IN",
        currency="INR",
        time_zone="Asia/Kolkata",
        tax_ids=[TaxId(kind="PAN", value="ABCDE1234F"), TaxId(kind="GSTIN", value=GSTIN)],
    )
    tenants.change_profile(tx, DEFAULT_TENANT, wanted)
    return ids[0], ids[1]


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(T0)


@pytest.fixture
async def desk(database: StoreDatabase, clock: SettableClock) -> Desk:
    """On both engines, one after the other."""
    made = Desk(database, clock)
    made.asha, made.ben = await made.do(set_up)
    return made


@pytest.fixture
def price() -> Callable[..., Price]:
    """``price(10_000, igst=True)``: what a charge of 10 kWh costs."""
    return _price
