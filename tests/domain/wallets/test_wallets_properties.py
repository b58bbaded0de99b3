"""Any interleaving of any movements, with repeats and several writers at a time, keeps every invariant of the ledger; on both engines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import count
from typing import Any

import attrs
import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from csms.core.errors import Refused
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ledger import (
    ADJUSTMENT,
    CHARGE_DEDUCT,
    GATEWAY,
    HELD,
    PAYMENT,
    PREPAYMENT,
    RECEIVABLE,
    REFUND,
    REVENUE,
    TAX,
    TOP_UP,
    USE,
    WALLET,
    WH,
    AccountRef,
    Leg,
    NewMovement,
)
from csms.core.ports import ReadTx, Tx
from csms.db import StoreDatabase
from csms.domain.drivers import service as drivers
from csms.domain.tenants import service as tenants
from csms.domain.wallets import flows
from csms.domain.wallets import service as wallets

EXAMPLES = {"sqlite": 40, "postgresql": 15}
DRIVERS = 2
NUMBERS = count(1)


def of(kind: str, name: str = "", unit: str = "INR") -> AccountRef:
    return AccountRef(kind=kind, unit=unit, name=name)


def own(kind: str, driver_id: int, name: str = "", unit: str = "INR") -> AccountRef:
    return AccountRef(kind=kind, unit=unit, name=name, driver_id=driver_id)


@attrs.frozen
class Op:
    """Something that somebody wants of the ledger; ``key`` is its idempotency key. ``other`` is another driver, or a hold's number."""

    kind: str
    driver: int
    amount: int
    other: int
    key: str = ""


def movement(op: Op, ids: list[int]) -> NewMovement:
    me, amount, tax = ids[op.driver], op.amount, op.amount // 6
    money_in, wallet = of(GATEWAY, "stub"), own(WALLET, me)
    sold = ((of(REVENUE), amount - tax), (of(TAX, "GST"), tax))
    legs: dict[str, tuple[str, tuple[tuple[AccountRef, int], ...]]] = {
        "top up": (TOP_UP, ((money_in, -amount), (wallet, amount))),
        "charge": (CHARGE_DEDUCT, ((wallet, -amount), *sold)),
        "charge what is held": (CHARGE_DEDUCT, ((own(HELD, me, f"h{op.other}"), -amount), *sold)),
        "refund": (REFUND, ((wallet, -amount), (money_in, amount))),
        "prepay": (PAYMENT, ((money_in, -amount), (of(PREPAYMENT, str(op.other)), amount))),
        "charge a prepayment": (CHARGE_DEDUCT, ((of(PREPAYMENT, str(op.other)), -amount), *sold)),
        "owe": (CHARGE_DEDUCT, ((own(RECEIVABLE, me), -amount), *sold)),
        "pay a debt": (PAYMENT, ((money_in, -amount), (own(RECEIVABLE, me), amount))),
        "give to another": (ADJUSTMENT, ((wallet, -amount), (own(WALLET, ids[1 - op.driver]), amount))),
        "use": (USE, ((own("allowance", me, "plan", WH), -amount), (of("granted", "", WH), amount))),
    }
    kind, sides = legs[op.kind]
    return NewMovement(kind=kind, key=op.key, legs=tuple(Leg(*each) for each in sides if each[1]), description=op.kind)


POSTED = (
    "top up", "charge", "charge what is held", "refund", "prepay", "charge a prepayment", "owe", "pay a debt", "give to another", "use",
)  # fmt: skip
KINDS = (*POSTED, "top up", "hold", "release", "grant", "give up")
ops = st.builds(Op, st.sampled_from(KINDS), st.integers(0, DRIVERS - 1), st.integers(1, 300), st.integers(0, 2))


@st.composite
def histories(draw: Any) -> list[list[Op]]:
    """What some writers want, each in its order; part of it is wanted again, by the same writer or another one."""
    wanted = [attrs.evolve(op, key=f"k{number}") for number, op in enumerate(draw(st.lists(ops, min_size=4, max_size=24)))]
    writers: list[list[Op]] = [[] for _ in range(draw(st.integers(1, 4)))]
    for op in wanted:
        for _ in range(draw(st.sampled_from([1, 1, 2]))):
            writers[draw(st.integers(0, len(writers) - 1))].append(op)
    return writers


class Undone(Exception):
    """Stands for whatever else goes wrong in a write."""


class Books:
    """One tenant's ledger, and what must be in it by what its writers were told."""

    def __init__(self, database: StoreDatabase, tenant: TenantId, ids: list[int]) -> None:
        self.database, self.tenant, self.ids = database, tenant, ids
        self.expected: Counter[AccountRef] = Counter()
        self.made: dict[str, int] = {}

    async def write(self, verb: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        return await self.database.write(partial(verb, **named), *arguments, tenant=self.tenant)

    async def do(self, op: Op) -> None:
        """Do it, or be refused; and note what must have moved."""
        me = self.ids[op.driver]
        try:
            if op.kind == "hold":
                key = f"h{op.other}"
                held = await self.write(self._hold, me, op.amount, f"h{op.other}")
                if held:
                    self._moved(own(WALLET, me), -held, own(HELD, me, key), held)
            elif op.kind == "release":
                left = await self.write(wallets.release, f"h{op.other}")
                if left:
                    holder = self.ids[op.other % DRIVERS]
                    self._moved(own(HELD, holder, f"h{op.other}"), -left, own(WALLET, holder), left)
            elif op.kind == "grant":
                said = {"unit": WH, "amount": op.amount, "name": "plan", "description": "", "expires_at": None}
                await self.write(wallets.grant, me, key=op.key, **said)
                if op.key not in self.made:
                    self.made[op.key] = 0
                    self._moved(own("allowance", me, "plan", WH), op.amount, of("granted", "", WH), -op.amount)
            elif op.kind == "give up":
                await self.write(self._give_up, attrs.evolve(op, kind="top up"))
            else:
                await self._post(movement(op, self.ids))
        except (Refused, Undone):
            pass

    async def _post(self, new: NewMovement) -> None:
        made = await self.write(wallets.post, new)
        if new.key not in self.made:
            self.made[new.key] = made.id
            for leg in new.legs:
                self.expected[leg.account] += leg.amount
        assert self.made[new.key] == made.id, "a key moves once"

    def _moved(self, one: AccountRef, amount: int, other: AccountRef, amount_there: int) -> None:
        self.expected[one] += amount
        self.expected[other] += amount_there

    def _hold(self, tx: Tx, driver_id: int, amount: int, key: str) -> int:
        """How much is held now that was not before. A hold's number says whose it is."""
        holder = self.ids[int(key[1:]) % DRIVERS]
        if holder != driver_id or tx.value("SELECT id FROM wallet_holds WHERE tenant = :tenant AND key = :key", key=key):
            return 0
        wallets.hold(tx, driver_id, amount, key=key, reference_kind="", reference_id="", description="")
        return amount

    def _give_up(self, tx: Tx, op: Op) -> None:
        wallets.post(tx, movement(op, self.ids))
        raise Undone

    async def check(self) -> None:
        """Everything is where it must be, and nothing was ever below its floor."""
        found = await flows.check(self.database, self.tenant)
        assert found.balanced, found.findings
        balances, lowest, keys = await self.database.read(_facts, tenant=self.tenant)
        assert {ref: amount for ref, amount in balances.items() if amount} == {
            ref: amount for ref, amount in self.expected.items() if amount
        }
        assert lowest >= 0
        assert keys[0] == keys[1]


def _facts(tx: ReadTx) -> Any:
    rows = tx.all("SELECT kind, unit, name, driver_id FROM ledger_accounts WHERE tenant = :tenant")
    refs = [AccountRef(**row) for row in rows]
    kept = tx.value(
        "SELECT COALESCE(min(e.balance_after), 0) FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id"
        " WHERE e.tenant = :tenant AND a.kind <> 'receivable'"
    )
    keys = tx.one("SELECT count(DISTINCT key) AS kinds, count(*) AS rows FROM ledger_movements WHERE tenant = :tenant")
    assert keys is not None
    return {ref: wallets.balance(tx, ref) for ref in refs}, kept, (keys["kinds"], keys["rows"])


async def books_of(database: StoreDatabase) -> Books:
    slug = f"t{next(NUMBERS)}"
    tenant = await database.write(
        partial(tenants.add, slug=slug, name=slug, currency="INR", time_zone="UTC"), tenant=DEFAULT_TENANT
    )
    ids = [(await database.write(partial(drivers.add_driver, name=f"D{each}"), tenant=tenant)).id for each in range(DRIVERS)]
    return Books(database, tenant, ids)


async def test_any_interleaving_of_any_movements_keeps_every_invariant(database: StoreDatabase, engine: str) -> None:
    async def tried(writers: list[list[Op]]) -> None:
        books = await books_of(database)

        async def writer(wanted: list[Op]) -> None:
            for op in wanted:
                await books.do(op)

        with trio.fail_after(30):
            async with trio.open_nursery() as nursery:
                for wanted in writers:
                    nursery.start_soon(writer, wanted)
        await books.check()

    @settings(
        max_examples=EXAMPLES[engine],
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.nested_given],
    )
    @given(writers=histories())
    def holds(writers: list[list[Op]]) -> None:
        trio.from_thread.run(tried, writers)

    await trio.to_thread.run_sync(holds)


@pytest.mark.parametrize("writers", [16])
async def test_writers_at_the_same_time_spend_nothing_twice(database: StoreDatabase, writers: int) -> None:
    books = await books_of(database)
    asha, ravi = books.ids
    await books._post(movement(Op("top up", 0, 100, 0, "t0"), books.ids))
    spent: list[int] = []

    async def all_at_once(*work: Callable[[], Awaitable[Any]]) -> None:
        async with trio.open_nursery() as nursery:
            for each in work:
                nursery.start_soon(each)

    async def spend(number: int) -> None:
        try:
            await books._post(movement(Op("charge", 0, 30, 0, f"c{number}"), books.ids))
        except Refused:
            return
        spent.append(number)

    async def swap(number: int) -> None:
        """Two wallets, named in one order by some and in the other by others."""
        await books.do(Op("give to another", number % 2, 1, 0, f"s{number}"))

    async def earn(number: int) -> None:
        """The accounts of the tenant, which many open at once and nobody waits for."""
        sides = (Leg(of(GATEWAY, f"g{number % 3}"), -5), Leg(of("partner", f"p{number % 4}"), 5))
        await books._post(NewMovement(kind="SHARE", key=f"e{number // 2}", legs=sides, description=""))

    with trio.fail_after(60):
        await all_at_once(*(partial(spend, number) for number in range(writers)))
        assert len(spent) == 3
        for driver in (0, 1):
            await books._post(movement(Op("top up", driver, 50, 0, f"t{driver + 1}"), books.ids))
        await all_at_once(
            *(partial(swap, number) for number in range(2 * writers)), *(partial(earn, number) for number in range(2, writers, 2))
        )
    assert database.stats.replays == 0, "no two lanes waited for each other"
    await books.check()
    assert await database.read(wallets.balance, own(WALLET, asha), tenant=books.tenant) == 60
    assert await database.read(wallets.balance, own(WALLET, ravi), tenant=books.tenant) == 50
