"""What may go wrong beside the usual ways: bills that nobody is to pay, plugins that answer nonsense, debts paid without a word for what."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
import pytest

from csms.core.events import Delivered
from csms.core.ids import DEFAULT_TENANT
from csms.core.ledger import GATEWAY, RECEIVABLE, AccountRef, Leg, NewMovement
from csms.core.ports import Tx
from csms.core.pricing import Price, PriceLine, TaxLine
from csms.domain.billing import listeners
from csms.domain.billing.flows import rounds
from csms.domain.billing.service import failing, paying, settling, watching
from csms.domain.payments.model import PaymentDisputed, PaymentPaid
from csms.domain.transactions.service.telling import put
from csms.domain.transactions.store import rows
from csms.domain.wallets import service as wallets
from csms.testing.plugins import example

Scene = Any
HOUR = 3_600_000


async def charged_by(scene: Scene, transaction_id: int, driver_id: int) -> None:
    """It turns out that another driver charged."""

    def verb(tx: Tx) -> None:
        known = rows.by_id(tx, transaction_id)
        assert known is not None
        put(tx, known, attrs.evolve(known, driver_id=driver_id))

    await scene.do(verb)


async def test_a_correction_for_who_charged_for_a_moment_only_costs_nothing(scene: Scene) -> None:
    await scene.top_up(100_000)
    charge = await scene.charge(3000)
    await scene.bill()
    await charged_by(scene, charge, scene.other)
    await scene.hear()  # both have a correction that waits
    await charged_by(scene, charge, scene.driver)
    await scene.bill()

    first, *others = await scene.bills(charge)
    assert first.state == "SETTLED"
    assert {(each.driver_id, each.state, each.total_minor) for each in others} == {
        (scene.driver, "SETTLED", 0),
        (scene.other, "NOT_BILLABLE", 0),
    }
    assert [each.due_at for each in others] == [None, None]
    assert await scene.balances() == {"wallet": 70_000, "revenue": 30_000}

    # and where it was the other driver after all, that bill is taken up again
    await charged_by(scene, charge, scene.other)
    await scene.bill()
    assert await scene.balances() == {"wallet": 100_000, "other_owed": -30_000, "revenue": 30_000}


def line(**more: Any) -> PriceLine:
    said: dict[str, Any] = {
        "kind": "energy",
        "description": "energy",
        "quantity": Decimal(1),
        "unit": "kWh",
        "unit_price": Decimal(1),
        "amount": Decimal(1),
    }
    return PriceLine(**{**said, **more})


def nonsense(answer: str) -> Price:
    """What a careless plugin may make of a price."""
    whole: dict[str, Any] = {"currency": "INR", "lines": (), "net_minor": 100, "total_minor": 100}
    match answer:
        case "fractions":
            return Price(**{**whole, "net_minor": 100.5, "total_minor": 100.5})
        case "more than there is":
            return Price(**{**whole, "net_minor": 2**70, "total_minor": 2**70})
        case "no number":
            return Price(**{**whole, "lines": (line(amount=Decimal("NaN")),)})
        case "endless":
            return Price(**{**whole, "lines": (line(),) * 100_000})
        case "words that are none":
            return Price(**{**whole, "lines": (line(description=None),)})
        case "moments that are none":
            return Price(**{**whole, "lines": (line(from_at=1.5),)})
        case "no rate":
            tax = TaxLine(name="GST", rate_percent=Decimal("Infinity"), taxable_minor=0, amount_minor=0)
            return Price(**{**whole, "taxes": (tax,)})
    raise AssertionError(answer)


WRONG = ["fractions", "more than there is", "no number", "endless", "words that are none", "moments that are none", "no rate"]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("answer", [*WRONG, "anything else"])
async def test_a_price_that_is_nonsense_hurts_no_other_bill(scene: Scene, monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    await scene.top_up(100_000)
    odd, good = await scene.charge(3000), await scene.charge(1000)
    await scene.hear()
    usual = scene.plugged.bus.ask

    async def ask(hook: str, **question: Any) -> Any:
        if hook == "price_charge" and question["charge"].energy_wh == 3000:
            if answer == "anything else":
                raise ArithmeticError("nobody foresaw this")
            return nonsense(answer)
        return await usual(hook, **question)

    monkeypatch.setattr(scene.plugged.bus, "ask", ask)
    await rounds.settle_due(scene.ports)
    (bill,) = await scene.bills(odd)
    assert (bill.state, bill.attempts, bill.due_at) == ("UNBILLED", 1, scene.clock.now() + failing.FIRST_RETRY_MS)
    assert bill.error
    assert [each.state for each in await scene.bills(good)] == ["SETTLED"]
    assert await scene.balances() == {"wallet": 90_000, "revenue": 10_000}
    monkeypatch.undo()
    scene.clock.advance(failing.FIRST_RETRY_MS)
    await scene.bill()
    assert await scene.balances() == {"wallet": 60_000, "revenue": 40_000}


async def test_a_running_charge_with_a_price_that_is_nonsense_is_looked_at_later(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.set(limit_minor=50_000)
    charge = await scene.start()
    scene.clock.advance(HOUR)
    await scene.meter(charge, 3000)

    async def ask(hook: str, **question: Any) -> Any:
        raise ArithmeticError("nobody foresaw this")

    monkeypatch.setattr(scene.plugged.bus, "ask", ask)
    await scene.watch()
    monkeypatch.undo()
    (row,) = await scene.read(lambda tx: tx.all("SELECT look_at, error FROM charge_watches WHERE tenant = :tenant"))
    assert row["look_at"] > scene.clock.now()
    assert "nobody foresaw" in row["error"]


# --- debts ----------------------------------------------------------------------------------------------------------------------


async def paid(scene: Scene, amount: int, *, driver_id: int = 0, number: int = 1, **reference: str) -> None:
    """A payment of what a driver owes is in the ledger, and its event comes twice."""
    payer = driver_id or scene.driver
    debt = AccountRef(kind=RECEIVABLE, unit="INR", driver_id=payer)
    legs = (Leg(AccountRef(kind=GATEWAY, unit="INR", name="test"), -amount), Leg(debt, amount))
    await scene.do(wallets.post, NewMovement(kind="PAYMENT", key=f"paid:{number}", legs=legs, description="paid"))
    told = PaymentPaid(
        payment_id=number,
        driver_id=payer,
        purpose="bill",
        reference_kind=reference.get("kind", ""),
        reference_id=reference.get("id", ""),
        amount_minor=amount,
        currency="INR",
        asked_minor=amount,
        credited_to="receivable",
        to_wallet_minor=0,
        way="link",
        method="upi",
        payment_ref=f"pay_{number}",
        odd="",
    )
    await scene.hear()
    for _ in range(2):
        await listeners.heard_money(scene.ports, Delivered(10_000 + number, DEFAULT_TENANT, scene.clock.now(), told))
    await scene.hear()


async def test_what_is_paid_of_debts_without_naming_a_bill_pays_the_oldest(scene: Scene) -> None:
    first, second = await scene.charge(1000), await scene.charge(2000)
    await scene.bill()
    assert await scene.balances() == {"owed": -30_000, "revenue": 30_000}
    await paid(scene, 15_000)
    assert [(await scene.bills(each))[0].open_minor for each in (first, second)] == [0, 15_000]
    assert await scene.balances() == {"owed": -15_000, "revenue": 30_000}
    await paid(scene, 15_000, number=2)
    assert [(await scene.bills(each))[0].open_minor for each in (first, second)] == [0, 0]
    assert len(await scene.told("bill_paid")) == 2


async def test_what_a_bank_took_back_of_debts_is_owed_again(scene: Scene) -> None:
    """The bills that the payment paid are open again, the newest first; what no bill has goes out of the wallet."""
    first, second = await scene.charge(1000), await scene.charge(2000)
    await scene.bill()
    await paid(scene, 30_000)
    told: Any = example(
        PaymentDisputed,
        dispute_id=5,
        payment_id=1,
        driver_id=scene.driver,
        currency="INR",
        state="lost",
        booked_minor=25_000,
        booked_to="receivable",
    )

    async def take_back(number: int, amount: int) -> None:
        debt = AccountRef(kind=RECEIVABLE, unit="INR", driver_id=scene.driver)
        legs = (Leg(AccountRef(kind=GATEWAY, unit="INR", name="test"), amount), Leg(debt, -amount))
        await scene.do(wallets.post, NewMovement(kind="CHARGEBACK", key=f"dispute:{number}", legs=legs, description="taken back"))
        event = attrs.evolve(told, dispute_id=number, booked_minor=amount)
        for _ in range(2):
            await listeners.heard_money(scene.ports, Delivered(20_000 + number, DEFAULT_TENANT, scene.clock.now(), event))

    await take_back(5, 25_000)
    assert [(await scene.bills(each))[0].open_minor for each in (first, second)] == [5_000, 20_000]
    assert await scene.balances() == {"owed": -25_000, "revenue": 30_000}
    assert [each.open_minor for each in await scene.told("bill_open")][-2:] == [20_000, 5_000]
    await take_back(6, 8_000)
    assert [(await scene.bills(each))[0].open_minor for each in (first, second)] == [10_000, 20_000]
    assert await scene.balances() == {"owed": -30_000, "wallet": -3_000, "revenue": 30_000}


async def test_a_payment_that_names_another_drivers_bill_pays_ones_own(scene: Scene) -> None:
    mine, theirs = await scene.charge(1000), await scene.charge(2000, token="OTHER")
    await scene.bill()
    ((bill,), (other,)) = (await scene.bills(mine), await scene.bills(theirs))
    assert (bill.open_minor, other.open_minor) == (10_000, 20_000)
    await paid(scene, 10_000, kind="bill", id=str(other.id))
    assert [(await scene.bills(each))[0].open_minor for each in (mine, theirs)] == [0, 20_000]
    assert await scene.balances() == {"other_owed": -20_000, "revenue": 30_000}


async def test_more_debts_than_are_looked_at_at_once(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paying, "AT_ONCE", 1)
    charges = [await scene.charge(1000) for _ in range(3)]
    await scene.bill()
    await paid(scene, 30_000)
    assert [(await scene.bills(each))[0].open_minor for each in charges] == [0, 0, 0]

    more = [await scene.charge(1000) for _ in range(3)]
    await scene.bill()
    await scene.top_up(50_000)
    await scene.hear()
    assert [(await scene.bills(each))[0].open_minor for each in more] == [0, 0, 0]
    assert await scene.balances() == {"wallet": 20_000, "revenue": 60_000}


async def test_what_is_released_pays_what_is_owed(scene: Scene) -> None:
    await scene.set(hold_minor=20_000)
    await scene.top_up(25_000)
    earlier = await scene.charge(500)
    await scene.bill()
    running = await scene.start()
    await scene.hear()  # all that is left is held
    await scene.turned_out(earlier, 1500)
    await scene.bill()
    assert [each.open_minor for each in await scene.bills(earlier)] == [0, 10_000]
    scene.clock.advance(HOUR)
    await scene.stop(running, 300)
    await scene.bill()
    assert [each.open_minor for each in await scene.bills(earlier)] == [0, 0]
    assert await scene.balances() == {"wallet": 7_000, "revenue": 18_000}


async def rename_money(scene: Scene, currency: str) -> None:
    await scene.do(lambda tx: tx.run("UPDATE tenants SET currency = :currency WHERE id = :tenant", currency=currency))


async def test_debts_in_the_money_of_before(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    old = await scene.charge(1000)
    await scene.bill()
    await rename_money(scene, "EUR")
    new = await scene.charge(1000)
    await scene.bill()
    monkeypatch.setattr(paying, "AT_ONCE", 1)
    wallet = AccountRef(kind="wallet", unit="EUR", driver_id=scene.driver)
    legs = (Leg(AccountRef(kind=GATEWAY, unit="EUR", name="test"), -10_000), Leg(wallet, 10_000))
    await scene.do(wallets.post, NewMovement(kind="TOP_UP", key="eur", legs=legs, description="top-up"))
    await scene.hear()
    ((before,), (after,)) = (await scene.bills(old), await scene.bills(new))
    assert (before.currency, before.open_minor, after.currency, after.open_minor) == ("INR", 10_000, "EUR", 0)
    given_up = await scene.do(failing.write_off, before.id, reason="moved to euros", by="Ana")
    assert (given_up.open_minor, given_up.written_off_minor) == (0, 10_000)
    assert await scene.balances() == {"revenue": 10_000, "written_off": -10_000}


# --- what is held, and what waits -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", [False, True], ids=["told", "event lost"])
async def test_what_is_held_is_free_where_billing_was_switched_off_meanwhile(scene: Scene, lost: bool) -> None:
    await scene.set(hold_minor=20_000)
    await scene.top_up(50_000)
    charge = await scene.start()
    await scene.hear()
    assert (await scene.balances())["held"] == 20_000
    await scene.set(enabled=False)
    scene.clock.advance(HOUR)
    await scene.stop(charge, 1000)
    if not lost:
        await scene.bill()
    scene.clock.advance(HOUR)
    await rounds.make_missing(scene.ports)
    assert await scene.do(watching.tidy) == int(lost)
    assert await scene.bills(charge) == []
    assert await scene.balances() == {"wallet": 50_000}


async def test_what_nobody_has_a_price_for_is_asked_about_ever_more_rarely(scene: Scene) -> None:
    scene.pricing.silent = True
    charge = await scene.charge(1000)
    begin = scene.clock.now()
    for _ in range(160):
        await scene.bill()
        (bill,) = await scene.bills(charge)
        scene.clock.advance(bill.due_at - scene.clock.now())
    assert len(scene.pricing.asked) == 160
    assert scene.clock.now() - begin > 1000 * 24 * HOUR
    assert bill.due_at - bill.changed_at == settling.RAREST_MS


async def test_bills_that_wake_together_do_not_all_come_before_those_of_others(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failing, "SLICE", 2)
    scene.pricing.silent = True
    charges = [await scene.charge(1000) for _ in range(5)]
    await scene.bill()
    scene.clock.advance(60_000)
    await rounds.wake_unpriced(scene.ports, DEFAULT_TENANT)
    waits = [(await scene.bills(each))[0].due_at - scene.clock.now() for each in charges]
    assert waits == [0, 0, failing.PACE_MS, failing.PACE_MS, 2 * failing.PACE_MS]


async def test_a_bill_that_cannot_be_read_hurts_no_other(scene: Scene) -> None:
    await scene.top_up(100_000)
    odd, good = await scene.charge(3000), await scene.charge(1000)
    await scene.hear()
    await scene.do(lambda tx: tx.run("UPDATE bills SET taxes = '[1]' WHERE tenant = :tenant AND transaction_id = :id", id=odd))
    await rounds.settle_due(scene.ports)
    assert [each.state for each in await scene.bills(good)] == ["SETTLED"]
    await scene.do(lambda tx: tx.run("UPDATE bills SET taxes = '[]' WHERE tenant = :tenant AND transaction_id = :id", id=odd))
    (bill,) = await scene.bills(odd)
    assert "cannot be read" in bill.error
    scene.clock.advance(failing.LONGEST_RETRY_MS)
    await scene.bill()
    assert [each.state for each in await scene.bills(odd)] == ["SETTLED"]
