"""People of the world: drivers who top up, pay their debts, pay twice, pay something else or never; and the operator who puts things right."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from itertools import count
from typing import TYPE_CHECKING, TypeVar

import attrs
import trio

from csms.core.errors import CsmsError
from csms.core.ids import TenantId
from csms.core.payments import LINK, ORDER, PAID, QR
from csms.core.ports import Ports, ReadTx
from csms.domain.billing.flows import paying
from csms.domain.billing.service import failing
from csms.domain.billing.store import bills as bills_store
from csms.domain.payments import flows as payments
from csms.domain.payments.model import TOP_UP, NewPayment, Payment
from csms.domain.wallets import service as wallets
from csms.domain.wallets.model.shown import Adjustment
from csms.testing.world.clock import stream

from .counter import Unreachable
from .purse import Purse

if TYPE_CHECKING:
    from .town import Town

T = TypeVar("T")

WALLET, POSTPAID, INCLUDED = "wallet", "postpaid", "included"
KINDS = (WALLET, POSTPAID, INCLUDED)
"""Who tops up before charging, who pays afterwards if at all, and who was granted energy."""
PAUSE_S = (5.0, 70.0)
MOST_TRIES = 3
OFFER_LIFE_MS = (90_000, 300_000)


@attrs.frozen(slots=True, kw_only=True)
class Driver:
    """A driver with a token at one connector."""

    id: int
    tenant: TenantId
    currency: str
    kind: str


class Person:
    """What somebody does at the counter. An answer that does not come is asked for again, or not."""

    def __init__(self, town: Town, name: str) -> None:
        self._town = town
        self._name = name
        self._draws = stream(town.world.seed, name)
        self._numbers = count(1)

    def _key(self, what: str) -> str:
        return f"{what}:{self._name}:{next(self._numbers)}"

    async def _pause(self) -> None:
        with trio.move_on_after(self._draws.uniform(*PAUSE_S)):
            await self._town.world.closing.wait()

    async def _ask(self, work: Callable[[Ports], Awaitable[T]], what: str) -> T | None:
        """Ask, again and again under the same key; None where it was refused or nobody ever answered."""
        for _ in range(MOST_TRIES):
            try:
                return await self._town.counter.ask(work, self._name, what)
            except Unreachable:
                await trio.sleep(self._draws.uniform(0.5, 8))
            except CsmsError as error:
                self._town.world.trace.line(self._name, what, "was refused", type(error).__name__)
                return None
        return None


class Payer(Person):
    """A driver, by their purse."""

    def __init__(self, town: Town, driver: Driver) -> None:
        super().__init__(town, f"driver {driver.id}")
        self.driver = driver
        self._purse = Purse(town, self._name, driver.tenant)

    async def live(self) -> None:
        """Top up or pay debts, until the day is over."""
        while not self._town.world.closing.is_set():
            await self._pause()
            if self.driver.kind == POSTPAID or self._draws.random() < 0.2:
                await self._pay_debts()
            else:
                await self._top_up()

    async def _top_up(self) -> None:
        amount, way = self._draws.randrange(500, 30_000), self._draws.choice((LINK, ORDER, QR))
        key, life = self._key("top-up"), self._draws.randint(*OFFER_LIFE_MS)

        async def want(ports: Ports) -> Payment:
            new = NewPayment(
                purpose=TOP_UP,
                way=way,
                amount_minor=amount,
                currency=self.driver.currency,
                key=key,
                description="a top-up",
                driver_id=self.driver.id,
                expires_at=ports.clock.now() + life,
            )
            return await payments.want(ports, new, self.driver.tenant)

        asked = await self._ask(want, "tops up")
        if asked is not None:
            self._town.chores.start(self._purse.pay, asked)

    async def _pay_debts(self) -> None:
        def owed(tx: ReadTx) -> list[int]:
            return [each.id for each in bills_store.open_of(tx, self.driver.id, 5)]

        tenant, way = self.driver.tenant, self._draws.choice((LINK, QR))
        mine = await self._ask(lambda ports: ports.database.read(owed, tenant=tenant), "looks at debts")
        if mine:
            bill_id = self._draws.choice(mine)
            asked = await self._ask(lambda ports: paying.ask_for(ports, bill_id, tenant, way=way), f"pays bill {bill_id}")
            if asked is not None:
                self._town.chores.start(self._purse.pay, asked)


class Operator(Person):
    """Somebody at a tenant's office."""

    def __init__(self, town: Town, tenant: TenantId, drivers: list[Driver]) -> None:
        super().__init__(town, f"operator {tenant}")
        self._tenant = tenant
        self._drivers = drivers
        self._gateway = town.gateways[tenant]

    async def live(self) -> None:
        """Adjust, refund, write off and grant, until the day is over."""
        while not self._town.world.closing.is_set():
            await self._pause()
            await self._draws.choice((self._adjust, self._refund, self._refund, self._grant, self._write_off, self._by_hand))()

    async def _adjust(self) -> None:
        driver, key = self._draws.choice(self._drivers), self._key("adjust")
        wanted = Adjustment(amount_minor=self._draws.choice((1, 1, -1)) * self._draws.randrange(1, 3000), reason="goodwill")
        await self._ask(
            lambda ports: ports.database.write(
                lambda tx: wallets.adjust(tx, driver.id, wanted, key=key, by="operator"), tenant=self._tenant
            ),
            f"adjusts {driver.id}",
        )

    async def _refund(self) -> None:
        paid = await self._ask(lambda ports: ports.database.read(_paid, tenant=self._tenant), "looks at payments")
        if not paid:
            return
        payment_id, left = self._draws.choice(paid)
        amount = None if self._draws.random() < 0.3 else self._draws.randint(1, left)
        key = self._key("refund")
        await self._ask(
            lambda ports: payments.refund(ports, payment_id, amount, "asked for", key, self._tenant, by="operator"),
            f"refunds {payment_id}",
        )

    async def _grant(self) -> None:
        mine = [each for each in self._drivers if each.kind == INCLUDED]
        if not mine:
            return
        driver, key = self._draws.choice(mine), self._key("grant")
        amount = self._draws.randrange(200, 4000)
        name = f"plan {self._draws.randrange(3)}"
        await self._ask(
            lambda ports: ports.database.write(
                lambda tx: wallets.grant(
                    tx, driver.id, unit="WH", amount=amount, name=name, key=key, description="included energy"
                ),
                tenant=self._tenant,
            ),
            f"grants {amount} Wh",
        )

    async def _write_off(self) -> None:
        owed = await self._ask(lambda ports: ports.database.read(_open, tenant=self._tenant), "looks at debts")
        if owed and self._draws.random() < 0.3:
            bill_id = self._draws.choice(owed)
            await self._ask(
                lambda ports: ports.database.write(
                    lambda tx: failing.write_off(tx, bill_id, reason="it will never come", by="operator"), tenant=self._tenant
                ),
                f"writes off {bill_id}",
            )

    async def _by_hand(self) -> None:
        """Give something back on the gateway's own pages, where the server is not asked."""
        left = [each for each in self._gateway.attempts.values() if each.state == PAID and each.amount_minor > each.refunded_minor]
        if left and self._draws.random() < 0.4:
            chosen = self._draws.choice(left)
            self._gateway.give_back_by_hand(chosen.payment_id, self._draws.randint(1, chosen.amount_minor - chosen.refunded_minor))
        await trio.lowlevel.checkpoint()


def _paid(tx: ReadTx) -> list[tuple[int, int]]:
    rows = tx.all(
        "SELECT id, paid_minor - refunded_minor AS left_minor FROM payments WHERE tenant = :tenant AND state = 'paid'"
        " AND purpose <> 'prepaid' AND paid_minor > refunded_minor ORDER BY id"
    )
    return [(row["id"], row["left_minor"]) for row in rows]


def _open(tx: ReadTx) -> list[int]:
    return [row["id"] for row in tx.all("SELECT id FROM bills WHERE tenant = :tenant AND open_minor > 0 ORDER BY id")]
