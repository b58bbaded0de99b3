"""Lists of wallets and of the ledger: every filter and order on both engines, in as many statements however many rows there are."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from csms.core.errors import Invalid
from csms.core.ids import DEFAULT_TENANT
from csms.core.ledger import CHARGE_DEDUCT, GATEWAY, RECEIVABLE, REVENUE, TOP_UP, WALLET, AccountRef, Leg, NewMovement
from csms.core.ports import ReadTx, Tx
from csms.db import StoreDatabase
from csms.domain.drivers import service as drivers
from csms.domain.drivers.model import ActivitySpan
from csms.domain.wallets import service as wallets
from csms.domain.wallets.model.shown import AccountsQuery, HoldsQuery, LinesFilter, LinesQuery, MovementsQuery, WalletsQuery
from csms.domain.wallets.service import listing
from csms.domain.wallets.store import holds, lists
from csms.testing.stores import START_AT, SettableClock

HOUR_MS = 3_600_000


def live(tx: Tx, driver: int, amount: int, debt: int) -> None:
    """A top-up, a hold, and perhaps a debt."""

    def post(kind: str, key: str, *legs: tuple[str, str, int, bool]) -> None:
        sides = tuple(
            Leg(AccountRef(kind=each, unit="INR", name=label, driver_id=driver if own else None), change)
            for each, label, change, own in legs
        )
        about = {"reference_kind": "payment", "reference_id": str(driver)}
        wallets.post(tx, NewMovement(kind=kind, key=f"{key}{driver}", legs=sides, description=f"{kind} of {driver}", **about))

    post(TOP_UP, "t", (GATEWAY, "stub", -amount, False), (WALLET, "", amount, True))
    wallets.hold(tx, driver, 10, key=f"h{driver}", reference_kind="transaction", reference_id=str(driver), description="a charge")
    if debt:
        post(CHARGE_DEDUCT, "c", (RECEIVABLE, "", -debt, True), (REVENUE, "", debt, False))


async def added(database: StoreDatabase, *names: str) -> list[int]:
    def add(tx: Tx) -> list[int]:
        return [drivers.add_driver(tx, name).id for name in names]

    ids: list[int] = await database.write(add, tenant=DEFAULT_TENANT)
    return ids


class Counting:
    """A transaction that counts its statements."""

    def __init__(self, tx: ReadTx) -> None:
        self.tx = tx
        self.tenant, self.now = tx.tenant, tx.now
        self.ran = 0

    def __getattr__(self, name: str) -> Any:
        self.ran += name in ("all", "one", "value", "count")
        return getattr(self.tx, name)


@pytest.fixture
async def books(database: StoreDatabase, clock: SettableClock) -> list[int]:
    ids = await added(database, "Asha", "Ravi", "Mina")
    for driver, amount, debt in zip(ids, (300, 100, 200), (0, 40, 0), strict=True):
        await database.write(live, driver, amount, debt, tenant=DEFAULT_TENANT)
    clock.advance(HOUR_MS)
    return ids


async def test_every_filter_and_order(database: StoreDatabase, books: list[int]) -> None:
    asha, ravi, mina = books

    async def look(query: Any, *arguments: Any, **named: Any) -> Any:
        return await database.read(partial(query, **named), *arguments, tenant=DEFAULT_TENANT)

    async def owners(**query: Any) -> list[int]:
        return [each.driver_id for each in (await look(listing.wallets_page, WalletsQuery(**query))).items]

    assert await owners() == [asha, mina, ravi]
    assert await owners(sort="-balance") == [asha, mina, ravi]
    assert await owners(sort="balance") == [ravi, mina, asha]
    assert (await owners(sort="-owed"))[0] == ravi
    for sort in ("opened_at", "changed_at"):
        assert sorted(await owners(sort=sort)) == sorted(books)
    assert await owners(owing=True) == [ravi]
    assert await owners(owing=False, holding=True, currency="INR", status="active") == [asha, mina]
    assert await owners(balance_below_minor=200) == [ravi]
    assert await owners(driver_id=mina) == [mina]
    assert await owners(search="ASH") == [asha]

    async def lines(driver_id: int, **query: Any) -> list[str]:
        return [each.kind for each in (await look(listing.lines, driver_id, LinesQuery(**query))).items]

    assert await lines(ravi) == ["CHARGE_DEDUCT", "HOLD", "TOP_UP"]
    assert await lines(ravi, kind="TOP_UP", reference_kind="payment", reference_id=str(ravi), search="top") == ["TOP_UP"]
    assert await lines(ravi, currency="EUR") == []
    assert await lines(ravi, from_at=START_AT, to_at=START_AT + 1) == ["CHARGE_DEDUCT", "HOLD", "TOP_UP"]
    assert await lines(ravi, from_at=START_AT + 1) == []
    some = await look(listing.lines_after, ravi, LinesFilter(kind="HOLD", from_at=START_AT), 0, 10)
    assert [each.kind for each in some] == ["HOLD"]

    async def accounts(**query: Any) -> int:
        found: int = (await look(lists.accounts, AccountsQuery(**query))).total
        return found

    assert await accounts() == 3 + 3 + 3  # wallets, holds; the gateway, revenue, and a debt
    assert [await accounts(kind="held", driver_id=asha), await accounts(name="stub", unit="INR", search="ST")] == [1, 1]
    assert await accounts(sort="-opened_at") == 9

    async def movements(**query: Any) -> int:
        found = (await look(lists.movements_stretch, MovementsQuery(limit=200, **query))).items
        assert all(sum(each.amount for each in one.entries) == 0 for one in found)
        return len(found)

    assert await movements() == 7
    assert await movements(driver_id=ravi) == 3
    assert await movements(kind="TOP_UP", key=f"t{asha}", reference_kind="payment", reference_id=str(asha)) == 1
    assert await movements(from_at=START_AT, to_at=START_AT + 1, search="of nobody") == 0

    async def held(**query: Any) -> int:
        found: int = (await look(holds.page_of_holds, HoldsQuery(**query), driver_id=asha)).total
        return found

    assert [await held(), await held(open=True), await held(open=False), await held(search="charge")] == [1, 1, 0, 1]
    assert [await held(sort=sort, reference_kind="transaction", reference_id=str(asha)) for sort in ("amount", "-expires_at")] == [
        1,
        1,
    ]

    entries = await look(lists.activity, asha, ActivitySpan(limit=10))
    assert [(each.state, each.amount_minor) for each in entries] == [("TOP_UP", 300)]
    assert await look(lists.activity, asha, ActivitySpan(limit=10, seen=(entries[0].at, entries[0].id))) == []

    until = START_AT + HOUR_MS
    statement = await look(listing.statement, ravi, START_AT, until)
    assert (statement.opening_minor, statement.came_in_minor, statement.closing_minor) == (0, 100, 100)
    after = await look(listing.statement, ravi, START_AT + 1, until)
    assert (after.opening_minor, after.lines, after.closing_minor) == (100, (), 100)


async def test_statements_with_too_many_lines(database: StoreDatabase, books: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MOST_LINES", 1)
    with pytest.raises(Invalid, match="CSV"):
        await database.read(listing.statement, books[1], START_AT, START_AT + 1, tenant=DEFAULT_TENANT)


async def test_a_list_takes_as_many_statements_however_many_rows_it_has(database: StoreDatabase, books: list[int]) -> None:
    def counted(tx: ReadTx) -> list[int]:
        counts = []
        for query in (
            lambda tx: listing.wallets_page(tx, WalletsQuery(limit=200)),
            lambda tx: listing.lines(tx, books[0], LinesQuery(limit=200)),
            lambda tx: lists.accounts(tx, AccountsQuery(limit=200)),
            lambda tx: lists.movements_stretch(tx, MovementsQuery(limit=200)),
            lambda tx: holds.page_of_holds(tx, HoldsQuery(limit=200), driver_id=books[0]),
        ):
            counting = Counting(tx)
            query(counting)
            counts.append(counting.ran)
        return counts

    few = await database.read(counted, tenant=DEFAULT_TENANT)
    others = await added(database, *(f"D{number}" for number in range(20)))
    for number, driver in enumerate(others):
        await database.write(live, driver, 50, 5, tenant=DEFAULT_TENANT)
        hold = partial(wallets.hold, key=f"m{number}", reference_kind="", reference_id="", description="")
        await database.write(hold, books[0], 1, tenant=DEFAULT_TENANT)
    assert await database.read(counted, tenant=DEFAULT_TENANT) == few
