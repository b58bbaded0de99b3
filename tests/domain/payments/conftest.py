"""A tenant with a till: an account at a fake gateway, a driver with a wallet, and everything that a server does about payments."""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import Any

import attrs
import msgspec
import pytest

from csms.config import PluginsConfig
from csms.core.events import EVENT_TYPES, Delivered, Event
from csms.core.ids import DEFAULT_TENANT
from csms.core.ledger import GATEWAY, PREPAYMENT, RECEIVABLE, WALLET, AccountRef
from csms.core.payments import LINK
from csms.core.ports import Database, Ports, Row
from csms.db import StoreDatabase
from csms.domain.drivers import service as drivers
from csms.domain.payments import flows, listeners, service
from csms.domain.payments.model import NewGateway, NewPayment, Payment, SealedSecrets
from csms.domain.payments.service import gateways
from csms.domain.wallets import flows as wallets_flows
from csms.domain.wallets import service as wallets
from csms.plugins import Bus
from csms.testing.gateways import FakeGateway
from csms.testing.plugins import FakeChargers, FakeHttp, InLine, SeededRandom
from csms.testing.stores import SettableClock
from csms.vault import KeyedVault

NEW_GATEWAY = NewGateway(name="shop", provider="fake", key_id="key-id", key_secret="key-secret", webhook_secret="hook-secret")


@attrs.define
class Till:
    """What a test does with payments. ``ports`` may be exchanged for those of another life of the server."""

    database: StoreDatabase
    clock: SettableClock
    gateway: FakeGateway
    ports: Ports
    forgeries: flows.Forgeries = attrs.field(factory=flows.Forgeries)
    gateway_id: int = 0
    driver_id: int = 0
    heard: int = 0
    keys: Any = attrs.field(factory=lambda: count(1))

    async def do(self, verb: Any, *arguments: Any, **named: Any) -> Any:
        return await self.database.write(partial(verb, **named), *arguments, tenant=DEFAULT_TENANT)

    async def rows(self, sql: str, **parameters: Any) -> list[Row]:
        return await self.database.read(
            lambda tx: [dict(row) for row in tx.system("a test looks").all(sql, **parameters)], tenant=DEFAULT_TENANT
        )

    async def open(self) -> None:
        secrets = SealedSecrets(key=self.ports.vault.seal("key-secret"), webhook=self.ports.vault.seal("hook-secret"))
        name = self.gateway.name
        new = attrs.evolve(NEW_GATEWAY, name=name, provider=name, is_default=True)
        self.gateway_id = (await self.do(gateways.add, new, secrets, self.token, f"{name}m4rk")).id
        self.driver_id = (await self.do(drivers.add_driver, "Asha", email=f"{name}@example.org", phone="+919999999999")).id

    @property
    def token(self) -> str:
        return f"notices-of-{self.gateway.name}"

    def wanted(self, **more: Any) -> NewPayment:
        said: dict[str, Any] = {
            "purpose": "top_up",
            "way": LINK,
            "amount_minor": 50_000,
            "key": f"{self.gateway.name}-{next(self.keys)}",
            "gateway_id": self.gateway_id,
            "description": "a top-up",
            "driver_id": self.driver_id,
        }
        return NewPayment(**{**said, **more})

    async def want(self, **more: Any) -> Payment:
        """Wanted and, unless the gateway fails, offered."""
        return await flows.want(self.ports, self.wanted(**more), DEFAULT_TENANT)

    async def payment(self, payment_id: int) -> Payment:
        return await self.database.read(service.need_payment, payment_id, tenant=DEFAULT_TENANT)

    async def look(self, payment_id: int, **more: Any) -> Payment:
        return await flows.look(self.ports, payment_id, DEFAULT_TENANT, **more)

    async def post(self, notice: tuple[bytes, dict[str, str]]) -> int | None:
        """A webhook comes."""
        return await flows.receive(self.ports, self.forgeries, self.token, *notice)

    async def hear(self) -> None:
        """The core's listener hears what it has not heard."""
        for row in await self.rows("SELECT * FROM events WHERE sequence > :after ORDER BY sequence", after=self.heard):
            kind = EVENT_TYPES[row["type"]]
            if row["type"] in listeners.LISTENERS[0].types:
                event: Event = msgspec.convert(msgspec.json.decode(row["payload"]), kind)
                await listeners.heard(self.ports, Delivered(row["sequence"], row["tenant"], row["at"], event))
            self.heard = row["sequence"]

    async def rounds(self, after_ms: int = 0) -> None:
        """Every job takes a turn, and again until nothing is due."""
        self.clock.advance(after_ms)
        while True:
            done = await flows.look_after_payments(self.ports)
            done += await flows.look_after_refunds(self.ports)
            done += await flows.look_after_mandates(self.ports)
            done += await flows.look_after_disputes(self.ports)
            if not done:
                return

    async def days(self) -> None:
        """Time passes, with its rounds, until nothing is due any more."""
        while (at := await self._next()) is not None:
            await self.rounds(max(0, at - self.clock.now()))

    async def _next(self) -> int | None:
        tables = ("payments", "refunds", "mandates")
        found = [row["at"] for table in tables for row in await self.rows(f"SELECT MIN(look_at) AS at FROM {table}")]
        return min((at for at in found if at is not None), default=None)

    async def events(self, *types: str) -> list[dict[str, Any]]:
        """What was told, of these types."""
        rows = await self.rows("SELECT type, payload FROM events ORDER BY sequence")
        return [{"type": row["type"], **msgspec.json.decode(row["payload"])} for row in rows if not types or row["type"] in types]

    # --- money ------------------------------------------------------------------------------------------------------------------------

    async def balance(self, kind: str, name: str = "", unit: str = "INR") -> int:
        driver_id = self.driver_id if kind in (WALLET, RECEIVABLE) else None
        ref = AccountRef(kind=kind, unit=unit, name=name, driver_id=driver_id)
        return await self.database.read(wallets.balance, ref, tenant=DEFAULT_TENANT)

    async def wallet(self) -> int:
        return await self.balance(WALLET)

    async def check_money(self, *, prove: bool = True) -> None:
        """The ledger has what the gateway owes, nothing more and nothing less, in every currency."""
        for unit in ("INR", "USD"):
            assert -await self.balance(GATEWAY, self.gateway.name, unit) == self.gateway.owes(unit), unit
        if prove:
            assert (await wallets_flows.check(self.database, DEFAULT_TENANT)).balanced
        odd = await self.rows(
            "SELECT kind, name, balance FROM ledger_accounts WHERE kind = :kind AND name LIKE '%/%' AND balance <> 0",
            kind=PREPAYMENT,
        )
        assert odd == [], "what was set aside to go back went back"


def ports_of(database: Database, clock: SettableClock, gateway: FakeGateway, vault: KeyedVault) -> Ports:
    return Ports(
        database=database,
        chargers=FakeChargers(),
        decisions=Bus(PluginsConfig(enabled=()), available={}),
        clock=clock,
        random=SeededRandom(),
        blocking=InLine(),
        http=FakeHttp(),
        vault=vault,
        providers={gateway.name: gateway},
    )


@pytest.fixture
def gateway() -> FakeGateway:
    return FakeGateway()


@pytest.fixture
async def till(database: StoreDatabase, clock: SettableClock, gateway: FakeGateway) -> Till:
    till = Till(database, clock, gateway, ports_of(database, clock, gateway, KeyedVault([b"k" * 32])))
    await till.open()
    return till
