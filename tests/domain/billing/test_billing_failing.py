"""Pricing that fails, that is silent, or that comes later: nothing is priced at nothing, nothing is lost, and somebody is told."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
import trio

from csms.core.errors import NotFound, Refused
from csms.core.events import Event
from csms.core.ids import DEFAULT_TENANT
from csms.domain.alerts.model import Occurrence
from csms.domain.alerts.rules import meaning
from csms.domain.billing import service
from csms.domain.billing.flows import rounds
from csms.domain.billing.listeners import LISTENERS
from csms.domain.billing.service.failing import MOST_ATTEMPTS
from csms.hooks import Price

Scene = Any
HOUR = 3_600_000


async def test_it_is_tried_later_and_later_and_then_somebody_has_to_look(scene: Scene) -> None:
    scene.pricing.fails = True
    charge = await scene.charge(1000)
    await scene.bill()
    waits = []
    while True:
        (bill,) = await scene.bills(charge)
        if bill.state != "UNBILLED":
            break
        assert "Undecided" in bill.error
        waits.append(bill.due_at - scene.clock.now())
        asked = len(scene.pricing.asked)
        scene.clock.advance(waits[-1] - 1)
        await scene.bill()
        assert len(scene.pricing.asked) == asked  # not before its time
        scene.clock.advance(1)
        await scene.bill()
    assert (bill.state, bill.attempts, bill.due_at) == ("BILLING_FAILED", MOST_ATTEMPTS, None)
    assert waits == [min(15_000 * 2**n, 6 * HOUR) for n in range(MOST_ATTEMPTS - 1)]
    assert await scene.balances() == {}
    (told,) = await scene.told("bill_failed")
    (alert,) = meaning(told)
    assert isinstance(alert, Occurrence)
    assert (alert.kind, alert.severity, alert.subject) == ("billing_failed", "error", f"bill:{bill.id}")
    assert "tariff is broken" in alert.message

    scene.pricing.fails = False
    await scene.do(service.retry, bill.id)
    await scene.bill()
    assert [each.state for each in await scene.bills(charge)] == ["SETTLED"]
    (settled,) = await scene.told("bill_settled")
    assert [each.subject for each in meaning(settled)] == [alert.subject]
    with pytest.raises(Refused):
        await scene.do(service.retry, bill.id)
    with pytest.raises(NotFound):
        await scene.do(service.retry, 999)


async def test_without_a_price_it_waits_and_is_never_free(scene: Scene) -> None:
    await scene.set(hold_minor=1_000)
    await scene.top_up(50_000)
    scene.pricing.silent = True
    charge = await scene.charge(1000)
    await scene.bill()
    (bill,) = await scene.bills(charge)
    assert (bill.state, bill.attempts, bill.due_at - scene.clock.now()) == ("UNBILLED", 0, HOUR)
    assert "nobody has a price" in bill.note
    assert await scene.balances() == {"wallet": 50_000}
    await scene.bill()
    assert len(scene.pricing.asked) == 1  # not asked again and again

    scene.pricing.silent = False
    await rounds.wake_unpriced(scene.ports, DEFAULT_TENANT)
    await scene.bill()
    assert [each.total_minor for each in await scene.bills(charge)] == [10_000]


async def test_prices_that_change_wake_what_waits(scene: Scene) -> None:
    scene.pricing.silent = True
    charge = await scene.charge(1000)
    await scene.bill()
    scene.pricing.silent = False
    (prices,) = [each for each in LISTENERS if each.name == "billing.prices"]

    @attrs.frozen(slots=True, kw_only=True)
    class TariffChanged(Event):
        type = "tariff_changed"

        @property
        def key(self) -> str:
            return "tariffs"

    assert TariffChanged.type in prices.types
    await prices.handle(scene.ports, scene.plugged.delivered(TariffChanged()))
    await scene.bill()
    assert [each.state for each in await scene.bills(charge)] == ["SETTLED"]


@pytest.mark.parametrize("wrong", ["currency", "negative"])
async def test_a_price_that_cannot_be(scene: Scene, monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    charge = await scene.charge(1000)
    await scene.hear()
    currency, amount = ("EUR", 5) if wrong == "currency" else ("INR", -5)

    async def ask(hook: str, **question: Any) -> Price | None:
        return Price(currency=currency, lines=(), net_minor=amount, total_minor=amount) if hook == "price_charge" else None

    monkeypatch.setattr(scene.plugged.bus, "ask", ask)
    await rounds.settle_due(scene.ports)
    (bill,) = await scene.bills(charge)
    assert (bill.state, bill.attempts) == ("UNBILLED", 1)
    assert ("EUR" if wrong == "currency" else "less than nothing") in bill.error
    assert await scene.balances() == {}


@pytest.mark.parametrize("after", [1, 3, 5])
async def test_a_server_that_dies_in_the_midst_bills_everything_once(scene: Scene, after: int) -> None:
    """It is cut off while plugins are asked and others' bills are written; the next one goes on where it was."""
    await scene.top_up(35_000)
    charges = [await scene.charge(1000) for _ in range(5)]
    await scene.hear()
    with trio.CancelScope() as life:

        async def die() -> None:
            if len(scene.pricing.asked) >= after:
                life.cancel()
            else:
                scene.pricing.meanwhile = die

        scene.pricing.meanwhile = die
        await rounds.settle_due(scene.ports)
    assert life.cancelled_caught
    scene.pricing.meanwhile = None
    await scene.bill()
    bills = [bill for charge in charges for bill in await scene.bills(charge)]
    assert [each.state for each in bills] == ["SETTLED"] * 5
    assert await scene.balances() == {"owed": -15_000, "revenue": 50_000}
    assert len(await scene.told("bill_settled")) == 5
