"""The ledger's verbs: movements, holds, allowances and fees, on both engines."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from csms.core.errors import Conflict, Invalid, NotFound, Refused
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ledger import (
    CHARGE_DEDUCT,
    GATEWAY,
    HELD,
    PAYMENT,
    PREPAYMENT,
    RECEIVABLE,
    REVENUE,
    TAX,
    TOP_UP,
    TX,
    USE,
    WALLET,
    WH,
    AccountRef,
    Fee,
    Leg,
    NewMovement,
)
from csms.db import StoreDatabase
from csms.domain.drivers import service as drivers
from csms.domain.tenants import service as tenants
from csms.domain.tenants.model import SettingsChange
from csms.domain.wallets import service as wallets
from csms.domain.wallets.model.shown import WalletChanges
from csms.testing.stores import SettableClock

HOUR_MS = 3_600_000


class Books:
    """A tenant's ledger with one driver."""

    def __init__(self, database: StoreDatabase, driver_id: int, currency: str) -> None:
        self.database = database
        self.driver_id = driver_id
        self.currency = currency

    async def do(self, verb: Any, *arguments: Any, **named: Any) -> Any:
        return await self.database.write(partial(verb, **named), *arguments, tenant=DEFAULT_TENANT)

    async def look(self, query: Any, *arguments: Any) -> Any:
        return await self.database.read(query, *arguments, tenant=DEFAULT_TENANT)

    def own(self, kind: str, name: str = "", unit: str = "") -> AccountRef:
        return AccountRef(kind=kind, unit=unit or self.currency, name=name, driver_id=self.driver_id)

    def of(self, kind: str, name: str = "", unit: str = "") -> AccountRef:
        return AccountRef(kind=kind, unit=unit or self.currency, name=name)

    async def move(self, kind: str, key: str, *legs: tuple[AccountRef, int], **how: Any) -> Any:
        new = NewMovement(kind=kind, key=key, legs=tuple(Leg(*each) for each in legs), description=f"{kind} {key}")
        return await self.do(wallets.post, new, **how)

    async def top_up(self, amount: int, key: str = "t1") -> Any:
        return await self.move(TOP_UP, key, (self.of(GATEWAY, "stub"), -amount), (self.own(WALLET), amount))

    async def funds(self) -> Any:
        return await self.look(wallets.funds, self.driver_id)

    async def balance(self, ref: AccountRef) -> int:
        found: int = await self.look(wallets.balance, ref)
        return found

    async def hold(self, amount: int, key: str = "h1", **how: Any) -> Any:
        said = {"reference_kind": "transaction", "reference_id": "7", "description": "a charge", **how}
        return await self.do(wallets.hold, self.driver_id, amount, key=key, **said)


@pytest.fixture
async def books(database: StoreDatabase) -> Books:
    driver = await database.write(partial(drivers.add_driver, name="Asha"), tenant=DEFAULT_TENANT)
    profile = await database.read(tenants.own_profile, tenant=DEFAULT_TENANT)
    return Books(database, driver.id, profile.currency)


async def test_a_movement_is_made_once(books: Books) -> None:
    first = await books.top_up(500)
    again = await books.top_up(500)
    assert (first.again, again.again, first.id) == (False, True, again.id)
    assert [each.balance_after for each in again.entries] == [None, 500]
    assert (await books.funds()).available_minor == 500
    assert await books.balance(books.of(GATEWAY, "stub")) == -500
    with pytest.raises(Conflict):
        await books.top_up(501)
    with pytest.raises(Conflict):
        await books.move(PAYMENT, "t1", (books.of(GATEWAY, "stub"), -500), (books.own(WALLET), 500))
    assert (await books.funds()).balance_minor == 500


async def test_a_charge_from_what_was_held(books: Books) -> None:
    await books.top_up(1000)
    held = await books.hold(600)
    assert (held.left_minor, held.released_at) == (600, None)
    assert (await books.hold(600)).id == held.id, "one key holds once"
    with pytest.raises(Conflict):
        await books.hold(601)
    funds = await books.funds()
    assert (funds.balance_minor, funds.held_minor, funds.available_minor) == (1000, 600, 400)
    with pytest.raises(Refused, match="available"):
        await books.hold(401, "h2")
    await books.move(
        CHARGE_DEDUCT,
        "c1",
        (books.own(HELD, "h1"), -236),
        (books.of(REVENUE), 200),
        (books.of(TAX, "CGST"), 18),
        (books.of(TAX, "SGST"), 18),
    )
    assert await books.look(wallets.held, "h1") == 364
    assert await books.do(wallets.release, "h1") == 364
    assert await books.do(wallets.release, "h1") == 0
    assert await books.do(wallets.release, "nobody's") == 0
    funds = await books.funds()
    assert (funds.balance_minor, funds.held_minor, funds.available_minor) == (764, 0, 764)
    assert (await books.hold(600)).released_at is not None, "and holds no more after it was released"
    assert [await books.balance(books.of(TAX, name)) for name in ("CGST", "SGST")] == [18, 18]


async def test_no_account_falls_below_its_floor(books: Books) -> None:
    await books.top_up(100)
    charge = ((books.own(WALLET), -150), (books.of(REVENUE), 150))
    with pytest.raises(Refused, match="available"):
        await books.move(CHARGE_DEDUCT, "c1", *charge)
    for ref in (books.own(HELD, "h9"), books.of(PREPAYMENT, "9")):
        with pytest.raises(Refused):
            await books.move(CHARGE_DEDUCT, "c2", (ref, -1), (books.of(REVENUE), 1))
    assert await books.balance(books.of(REVENUE)) == 0, "nothing was written"
    await books.do(wallets.change_wallet, books.driver_id, WalletChanges(credit_limit_minor=50))
    await books.move(CHARGE_DEDUCT, "c1", *charge)
    assert (await books.funds()).available_minor == 0
    await books.move(CHARGE_DEDUCT, "c3", (books.own(WALLET), -70), (books.of(REVENUE), 70), overdraw=True)
    funds = await books.funds()
    assert (funds.balance_minor, funds.credit_minor, funds.available_minor) == (-120, 50, -70)


async def test_the_tenants_credit_limit_holds_where_the_wallet_has_none(books: Books) -> None:
    await books.do(tenants.change_settings, SettingsChange(wallet_credit_limit_minor=300))
    assert (await books.funds()).available_minor == 300
    await books.hold(300)
    await books.do(wallets.change_wallet, books.driver_id, WalletChanges(credit_limit_minor=0))
    assert (await books.funds()).available_minor == -300, "what is held stays held"
    await books.do(wallets.change_wallet, books.driver_id, WalletChanges(clear=("credit_limit_minor",)))
    assert (await books.funds()).credit_minor == 300


async def test_a_frozen_wallet_pays_nothing_new(books: Books) -> None:
    await books.top_up(500)
    await books.hold(200)
    await books.do(wallets.change_wallet, books.driver_id, WalletChanges(status="frozen"))
    assert (await books.funds()).available_minor == 0
    with pytest.raises(Refused, match="frozen"):
        await books.hold(1, "h2")
    await books.top_up(1, "t2")
    await books.move(CHARGE_DEDUCT, "c1", (books.own(HELD, "h1"), -200), (books.of(REVENUE), 200))
    assert (await books.funds()).balance_minor == 301


async def test_what_is_open_is_a_debt_until_it_is_paid(books: Books) -> None:
    await books.move(CHARGE_DEDUCT, "c1", (books.own(RECEIVABLE), -90), (books.of(REVENUE), 90))
    funds = await books.funds()
    assert (funds.owed_minor, funds.balance_minor) == (90, 0)
    await books.move(PAYMENT, "p1", (books.of(GATEWAY, "stub"), -90), (books.own(RECEIVABLE), 90))
    assert (await books.funds()).owed_minor == 0


async def test_holds_expire(books: Books, clock: SettableClock) -> None:
    await books.top_up(500)
    await books.hold(200, "h1", expires_at=clock.now() + HOUR_MS)
    await books.hold(100, "h2")
    assert await books.do(wallets.release_expired) == 0
    clock.advance(HOUR_MS)
    assert await books.do(wallets.release_expired) == 1
    assert await books.do(wallets.release_expired) == 0
    assert (await books.funds()).held_minor == 100


async def test_allowances_are_granted_used_and_expire(books: Books, clock: SettableClock) -> None:
    async def grant(amount: int, key: str, name: str = "sub1", unit: str = WH, expires_in_ms: int | None = HOUR_MS) -> Any:
        until = None if expires_in_ms is None else clock.now() + expires_in_ms
        said = {"unit": unit, "amount": amount, "name": name, "key": key, "description": "a plan", "expires_at": until}
        return await books.do(wallets.grant, books.driver_id, **said)

    rides = await grant(4, "g0", "rides", TX, None)
    energy = await grant(10_000, "g1")
    assert await grant(10_000, "g1") == energy, "one key grants once"
    more = await grant(5_000, "g2")
    assert (more.account_id, more.balance, more.granted) == (energy.account_id, 15_000, 15_000)
    assert [each.name for each in await books.look(wallets.allowances, books.driver_id)] == ["sub1", "rides"]
    await books.move(USE, "u1", (books.own("allowance", "sub1", WH), -4_000), (books.of("granted", "", WH), 4_000))
    with pytest.raises(Refused):
        await books.move(USE, "u2", (books.own("allowance", "sub1", WH), -11_001), (books.of("granted", "", WH), 11_001))
    assert await books.do(wallets.withdraw, rides.account_id, key="w1", description="cancelled") == 4
    assert await books.do(wallets.withdraw, rides.account_id, key="w1", description="cancelled") == 4, "and that was once"
    clock.advance(HOUR_MS)
    assert await books.look(wallets.allowances, books.driver_id) == []
    assert await books.do(wallets.expire_allowances) == 1
    assert await books.do(wallets.expire_allowances) == 0
    assert [await books.balance(books.of("granted", "", unit)) for unit in (WH, TX)] == [0, 0]
    renewed = await grant(1_000, "g3", expires_in_ms=HOUR_MS)
    assert renewed.balance == 1_000, "a renewal of an expired allowance may be used again"


async def test_a_fee_is_taken_whole_or_not_at_all(books: Books) -> None:
    async def fee(amount: int, key: str) -> bool:
        said = {"amount_minor": amount, "net_minor": amount - 18, "taxes": (("CGST", 9), ("SGST", 9))}
        about = {"description": "a plan", "reference_kind": "subscription", "reference_id": "3"}
        taken: bool = await books.do(wallets.collect_fee, books.driver_id, key=key, **said, **about)
        return taken

    await books.top_up(200)
    assert await fee(118, "f1")
    assert await fee(118, "f1"), "once"
    assert not await fee(118, "f2")
    assert (await books.funds()).balance_minor == 82
    with pytest.raises(Invalid):
        await books.do(
            wallets.collect_fee,
            books.driver_id,
            amount_minor=10,
            net_minor=9,
            taxes=(),
            key="f3",
            description="",
            reference_kind="",
            reference_id="",
        )


async def test_a_fee_is_given_back_and_exchanged(books: Books) -> None:
    about = {"description": "a plan", "reference_kind": "subscription", "reference_id": "3"}
    half = Fee(amount_minor=59, net_minor=50, taxes=(("GST", 9),))

    async def exchange(amount: int, tax: int, key: str) -> bool:
        said = {"amount_minor": amount, "net_minor": amount - tax, "taxes": (("GST", tax),)}
        taken: bool = await books.do(wallets.collect_fee, books.driver_id, key=key, less=half, **said, **about)
        return taken

    async def there() -> tuple[int, int, int]:
        tax = await books.balance(books.of("tax", "GST"))
        return (await books.funds()).balance_minor, await books.balance(books.of("revenue")), tax

    await books.top_up(100)
    first = {"amount_minor": 100, "net_minor": 85, "taxes": (("GST", 15),)}
    assert await books.do(wallets.collect_fee, books.driver_id, key="f1", **first, **about)
    for _ in range(2):
        await books.do(wallets.give_back, books.driver_id, half, key="b1", **about)
        assert await there() == (59, 35, 6), "once"
    assert await exchange(118, 18, "x1"), "the difference is what must be there"
    assert await there() == (0, 85, 15)
    assert await exchange(118, 18, "x1"), "once"
    assert not await exchange(60, 10, "x2")
    assert await exchange(29, 4, "x3"), "what is more goes to the wallet"
    assert await there() == (30, 60, 10)
    with pytest.raises(Conflict):
        await books.do(wallets.give_back, books.driver_id, half, key="x3", **about)
    with pytest.raises(Invalid):
        await books.do(wallets.give_back, books.driver_id, Fee(amount_minor=5, net_minor=6), key="b2", **about)


async def test_what_cannot_be_moved(books: Books) -> None:
    with pytest.raises(Invalid, match="currency"):
        await books.move(TOP_UP, "t1", (books.of(GATEWAY, "stub", "XTS"), -1), (books.own(WALLET, unit="XTS"), 1))
    with pytest.raises(Invalid):
        await books.move(TOP_UP, "t1", (books.of(GATEWAY, "stub", WH), -1), (books.own(WALLET, unit=WH), 1))
    with pytest.raises(Invalid):
        await books.move(TOP_UP, "t1", (books.of(GATEWAY, "stub"), 0), (books.own(WALLET), 0))
    stranger = AccountRef(kind=WALLET, unit=books.currency, driver_id=books.driver_id + 99)
    with pytest.raises(NotFound):
        await books.move(TOP_UP, "t1", (books.of(GATEWAY, "stub"), -1), (stranger, 1))
    with pytest.raises(NotFound):
        await books.look(wallets.funds, books.driver_id + 99)


async def test_another_tenant_has_another_ledger(books: Books, database: StoreDatabase) -> None:
    await books.top_up(500)
    other = await books.do(tenants.add, slug="other", name="Other", currency=books.currency, time_zone="UTC")
    with pytest.raises(NotFound):
        await database.read(wallets.funds, books.driver_id, tenant=other)
    stub = books.of(GATEWAY, "stub")
    assert await database.read(wallets.balance, stub, tenant=other) == 0
    driver = await database.write(partial(drivers.add_driver, name="Ravi"), tenant=other)
    theirs = AccountRef(kind=WALLET, unit=books.currency, driver_id=driver.id)
    new = NewMovement(kind=TOP_UP, key="t1", legs=(Leg(stub, -7), Leg(theirs, 7)), description="the same key")
    assert not (await database.write(wallets.post, new, tenant=TenantId(other))).again, "keys are each tenant's own"
    assert await books.balance(stub) == -500


async def test_events_tell_what_moved(books: Books) -> None:
    await books.top_up(500)
    await books.hold(200)

    def told(tx: Any) -> Any:
        return [
            (row["type"], row["payload"])
            for row in tx.all("SELECT type, payload FROM events WHERE tenant = :tenant AND type LIKE 'wallet%' ORDER BY sequence")
        ]

    found = await books.look(told)
    assert [name for name, _ in found] == ["wallet_opened", "wallet_moved", "wallet_moved"]
    assert '"amount":0' in found[2][1]
    assert '"held_after":200' in found[2][1]
