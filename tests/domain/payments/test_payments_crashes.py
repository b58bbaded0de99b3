"""A server dies between any two steps, at every one of them in turn: the next one finds what is half done, and the money is right.

A *step* is every commit and every call of the gateway: before it, and after it before anybody heard. What people do at the gateway goes
on meanwhile, and no webhook comes a second time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import attrs
import pytest

from csms.core.errors import CsmsError
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.payments import GatewayAway, MandateWanted
from csms.db import StoreDatabase
from csms.domain.payments import flows
from csms.domain.payments.model import PREPAID, KeptMandate
from csms.domain.wallets import flows as wallets_flows
from csms.testing.gateways import AUTHORIZED, FakeGateway
from csms.testing.stores import SettableClock
from csms.vault import KeyedVault

from .conftest import Till, ports_of

T = TypeVar("T")
SOON_MS = 600_000


class Killed(BaseException):
    """The server is gone."""


@attrs.define
class Fate:
    """Counts steps, and ends the server at one of them."""

    last: int
    steps: int = 0
    where: str = ""

    def step(self, where: str) -> None:
        self.steps += 1
        if self.steps == self.last:
            self.where = where
        if self.last and self.steps >= self.last:
            raise Killed(where)


@attrs.define
class Mortal:
    """A database whose caller may die before a commit or after it."""

    database: StoreDatabase
    fate: Fate

    async def write(self, verb: Callable[..., T], /, *arguments: Any, tenant: TenantId, keys: Iterable[str] = ()) -> T:
        name = getattr(verb, "__name__", "") or getattr(getattr(verb, "func", None), "__name__", "a verb")
        self.fate.step(f"before commit of {name}")
        done = await self.database.write(verb, *arguments, tenant=tenant, keys=keys)
        self.fate.step(f"after commit of {name}")
        return done

    async def read(self, query: Callable[..., T], /, *arguments: Any, tenant: TenantId) -> T:
        return await self.database.read(query, *arguments, tenant=tenant)

    async def append(self, sql: str, rows: Sequence[Mapping[str, Any]], /, *, key: str, tenant: TenantId) -> None:
        await self.database.append(sql, rows, key=key, tenant=tenant)


@attrs.define
class World:
    """A till whose server dies once; ``serve`` is what it does, in the first life or, where that is over, not at all."""

    till: Till
    fate: Fate
    alive: bool = True

    async def serve(self, work: Callable[[], Awaitable[T]]) -> T | None:
        if not self.alive:
            return None
        try:
            return await work()
        except Killed:
            await self.restart()
        except BaseExceptionGroup as group:
            if group.split(Killed)[0] is None:
                raise
            await self.restart()
        return None

    async def restart(self) -> None:
        """Another server on the same store; its jobs come round, and its consumers hear what was not heard."""
        self.alive = False
        self.till.gateway.step = lambda where: None
        self.till.ports = ports_of(self.till.database, self.till.clock, self.till.gateway, VAULT)
        for minutes in (1, 2, 11, 30):
            await self.till.rounds(minutes * 60_000)
            await self.till.hear()

    async def offered(self) -> str:
        """The id of the offer that somebody may pay; ``""`` where nothing was wanted at all."""
        rows = await self.till.rows(
            "SELECT offer_ref FROM payments WHERE gateway_id = :gateway_id AND offer_ref <> '' ORDER BY id",
            gateway_id=self.till.gateway_id,
        )
        return str(rows[0]["offer_ref"]) if rows else ""


VAULT = KeyedVault([b"k" * 32])
Scene = Callable[[World], Awaitable[None]]


async def topped_up(world: World) -> None:
    """Paid by link, told by a webhook; some of it goes back, and somebody pays once more."""
    till, gateway = world.till, world.till.gateway
    made = await world.serve(lambda: till.want(expires_at=till.clock.now() + SOON_MS))
    if not (offer := await world.offered()):
        return
    notice = gateway.notice("payment.captured", payment=gateway.pay(offer))
    await world.serve(lambda: till.post(notice))
    await world.serve(till.hear)
    if made is not None:
        await world.serve(lambda: flows.refund(till.ports, made.id, 20_000, "too much", f"{gateway.name} back", DEFAULT_TENANT))
    gateway.pay(offer)
    await world.serve(lambda: till.rounds(SOON_MS))


async def prepaid(world: World) -> None:
    """A guest pays twice by QR code, once only authorized; all of what nobody used goes back."""
    till, gateway = world.till, world.till.gateway
    gateway.refunds_as = "pending"
    made = await world.serve(lambda: till.want(purpose=PREPAID, driver_id=None, way="qr", expires_at=till.clock.now() + SOON_MS))
    if not (offer := await world.offered()):
        return
    gateway.pay(offer, state=AUTHORIZED)
    gateway.pay(offer)
    await world.serve(lambda: till.rounds(60_000))
    if made is not None:
        await world.serve(lambda: flows.refund(till.ports, made.id, None, "not used", f"{gateway.name} rest", DEFAULT_TENANT))
    finish(gateway)
    await world.serve(lambda: till.rounds(SOON_MS))


async def cancelled(world: World) -> None:
    """Nobody wants it any more, and somebody pays it all the same."""
    till, gateway = world.till, world.till.gateway
    made = await world.serve(lambda: till.want(purpose=PREPAID, driver_id=None, expires_at=till.clock.now() + SOON_MS))
    if not (offer := await world.offered()):
        return
    if made is not None:
        await world.serve(lambda: flows.cancel(till.ports, made.id, DEFAULT_TENANT))
    gateway.pay(offer)
    await world.serve(lambda: till.rounds(SOON_MS))


async def with_a_saved_method(world: World) -> None:
    """A card is saved with one payment, and charged for another."""
    till, gateway = world.till, world.till.gateway
    gateway.saves = "tok_1"
    await world.serve(lambda: till.want(expires_at=till.clock.now() + SOON_MS))
    if not (offer := await world.offered()):
        return
    gateway.pay(offer)
    await world.serve(lambda: till.rounds(20_000))
    rows = await till.rows("SELECT id FROM saved_methods WHERE gateway_id = :gateway_id", gateway_id=till.gateway_id)
    for row in rows:
        await world.serve(lambda number=row["id"]: till.want(way="order", method_id=number, expires_at=till.clock.now() + SOON_MS))  # type: ignore[misc]


async def by_mandate(world: World) -> None:
    """A recurring payment is set up, charged and cancelled."""
    till, gateway = world.till, world.till.gateway
    wanted = MandateWanted(reference=f"{gateway.name}-plan", amount_minor=9_900, currency="INR", period="monthly")

    async def start() -> KeptMandate:
        return await flows.start_mandate(till.ports, till.driver_id, wanted, "subscription", "7", DEFAULT_TENANT)

    known = await world.serve(start) or await start()  # who wanted it asks again
    paid = gateway.pay_mandate(known.mandate_ref, amount_minor=9_900)
    notice = gateway.notice("subscription.charged", payment=paid, mandate=gateway.agreed[known.mandate_ref])
    await world.serve(lambda: till.post(notice))
    await world.serve(till.hear)
    gateway.pay_mandate(known.mandate_ref, amount_minor=9_900)

    async def end() -> KeptMandate:
        return await flows.change_mandate(till.ports, known.mandate_ref, "cancel", DEFAULT_TENANT)

    await world.serve(end) or await end()
    await world.serve(lambda: till.rounds(SOON_MS))
    if not world.alive:
        await till.rounds(SOON_MS)
    assert gateway.agreed[known.mandate_ref].state == "cancelled"


def finish(gateway: FakeGateway) -> None:
    gateway.refunds_as = "refunded"
    for refund_id in list(gateway.given_back):
        gateway.finish_refund(refund_id)


async def life(database: StoreDatabase, clock: SettableClock, scene: Scene, last: int) -> Fate:
    """One life of a server that ends at its ``last`` step (0: never), what comes after it, and whether the money is right."""
    fate = Fate(last)
    gateway = FakeGateway(f"{scene.__name__}-{last}".replace("_", "-"))
    till = Till(database, clock, gateway, ports_of(database, clock, gateway, VAULT))
    await till.open()
    gateway.step = fate.step
    till.ports = ports_of(Mortal(database, fate), clock, gateway, VAULT)
    world = World(till, fate)
    try:
        await scene(world)
        if world.alive:
            await world.restart()
        finish(gateway)
        for minutes in (11, 11, 70):
            await till.rounds(minutes * 60_000)
        await till.hear()
        await check(till)
    except (AssertionError, CsmsError, GatewayAway) as error:
        error.add_note(f"{scene.__name__}: the server died {fate.where or 'never'} (step {last})")
        raise
    return fate


async def check(till: Till) -> None:
    gateway = till.gateway
    await till.check_money(prove=False)
    only = {"gateway_id": till.gateway_id}
    states = {row["state"] for row in await till.rows("SELECT state FROM payments WHERE gateway_id = :gateway_id", **only)}
    assert not states & {"created", "open"}, "nothing is left half done"
    refunds = await till.rows("SELECT state, amount_minor FROM refunds WHERE gateway_id = :gateway_id", **only)
    assert {row["state"] for row in refunds} <= {"refunded"}
    assert sorted(row["amount_minor"] for row in refunds) == sorted(each.amount_minor for each in gateway.given_back.values())
    credited = await till.rows(
        "SELECT payment_ref FROM gateway_payments WHERE gateway_id = :gateway_id AND credited_at IS NOT NULL", **only
    )
    assert {row["payment_ref"] for row in credited} == {ref for ref, each in gateway.attempts.items() if each.state == "paid"}
    references = [each.wanted.reference for each in gateway.offers.values()]
    assert len(references) == len(set(references)), "everything was asked for once"
    held = await till.rows(
        "SELECT COALESCE(SUM(balance), 0) AS sum FROM ledger_accounts WHERE driver_id = :driver_id OR (kind = 'prepayment' AND name IN"
        " (SELECT CAST(id AS TEXT) FROM payments WHERE gateway_id = :gateway_id))",
        driver_id=till.driver_id,
        **only,
    )
    assert held[0]["sum"] == gateway.balance(), "all that came and did not go back is somebody's"


every_scene = pytest.mark.parametrize("scene", [topped_up, prepaid, cancelled, with_a_saved_method, by_mandate])


async def every_death(database: StoreDatabase, clock: SettableClock, scene: Scene, stride: int) -> None:
    steps = (await life(database, clock, scene, 0)).steps
    assert steps > 15
    for last in range(1, steps + 1, stride):
        fate = await life(database, clock, scene, last)
        assert fate.where, f"it died at step {last}"
    assert (await wallets_flows.check(database, DEFAULT_TENANT)).balanced


@every_scene
async def test_a_server_that_dies_at_any_step_loses_nothing(
    database: StoreDatabase, clock: SettableClock, scene: Scene, engine: str
) -> None:
    """At every step of a top-up on SQLite, at some of the rest: the campaign below takes all."""
    strides = {"sqlite": 1 if scene is topped_up else 3, "postgresql": 13}
    await every_death(database, clock, scene, strides[engine])


@pytest.mark.campaign
@every_scene
async def test_every_death_on_both_engines(database: StoreDatabase, clock: SettableClock, scene: Scene) -> None:
    await every_death(database, clock, scene, 1)
