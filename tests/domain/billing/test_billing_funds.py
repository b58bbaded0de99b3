"""Who may charge where wallets are paid before: by what is available and owed, by a plan, by a payment; and who is never asked."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import trio

from csms.core.errors import Invalid, Refused
from csms.core.ids import Place
from csms.core.reports import Token, TokenPresented
from csms.domain.billing.flows import rounds
from csms.domain.billing.model import BillingSettingsChange
from csms.domain.billing.service import funds, settings
from csms.domain.billing.store import settings as store
from csms.domain.drivers import service as drivers
from csms.domain.transactions import service as transactions
from csms.domain.transactions.model import TransactionPolicy, Wishes
from csms.domain.transactions.store import wishes
from csms.domain.wallets import service as wallets

Scene = Any
POLICY = TransactionPolicy(objection=funds.objection)


async def status_of(scene: Scene, transaction_id: int) -> str:
    (row,) = await scene.read(
        lambda tx: tx.all("SELECT token_status FROM transactions WHERE tenant = :tenant AND id = :id", id=transaction_id)
    )
    return str(row["token_status"])


async def authorize(scene: Scene, token: str) -> Any:
    report = TokenPresented(charger_id="CP-1", received_at=0, token=Token(token))
    return await scene.do(drivers.authorize, report, None, objection=funds.objection)


async def test_below_the_minimum_nobody_starts(scene: Scene) -> None:
    await scene.set(prepaid_wallets=True, minimum_minor=10_000)
    assert await status_of(scene, await scene.start(policy=POLICY)) == "NoCredit"
    verdict = await authorize(scene, "CARD")
    assert (verdict.status, verdict.message) == ("NoCredit", "₹0.00 is available, and ₹100.00 is needed to start")
    with pytest.raises(Refused, match=r"NoCredit.*₹100\.00 is needed"):
        await scene.do(transactions.ask_start, "CP-1", Token("CARD"), Place(1, 1), POLICY)
    assert await status_of(scene, await scene.start(token="GUEST", policy=POLICY)) == "Accepted"  # nobody's wallet to look into

    await scene.top_up(10_000)
    assert (await authorize(scene, "CARD")).status == "Accepted"
    scene.clock.advance(1000)
    running = await scene.start(policy=POLICY)
    assert await status_of(scene, running) == "Accepted"


async def test_only_where_the_tenant_wants_it(scene: Scene) -> None:
    assert await status_of(scene, await scene.start(policy=POLICY)) == "Accepted"
    await scene.set(minimum_minor=10_000)
    assert (await authorize(scene, "CARD")).status == "Accepted"
    await scene.set(prepaid_wallets=True, enabled=False)
    assert (await authorize(scene, "CARD")).status == "Accepted"


async def test_debts_count_and_plans_and_payments_do(scene: Scene) -> None:
    charge = await scene.charge(1000)
    await scene.bill()
    assert charge
    await scene.set(prepaid_wallets=True, minimum_minor=0)
    assert (await authorize(scene, "CARD")).status == "NoCredit"
    # a payment that starts a charge needs no wallet, whatever its driver has
    waiting = await scene.do(transactions.ask_start, "CP-1", Token("CARD"), Place(1, 1), TransactionPolicy())
    await scene.do(wishes.save, waiting, Wishes(payment_id=1))
    assert await scene.start(policy=POLICY) == waiting
    assert await status_of(scene, waiting) == "Accepted"
    await scene.do(wallets.grant, scene.driver, unit="TX", amount=3, name="plan", key="g", description="plan")
    assert (await authorize(scene, "CARD")).status == "Accepted"


async def test_settings(scene: Scene) -> None:
    await scene.set(limit_minor=5_000, limit_duration_s=3600)
    await scene.set(clear=("limit_minor",))
    known = await scene.read(store.settings)
    assert (known.limit_minor, known.limit_duration_s, known.enabled) == (None, 3600, True)
    with pytest.raises(Invalid):
        await scene.do(settings.change, BillingSettingsChange(limit_minor=5, clear=("limit_minor",)))


async def test_two_charges_of_one_driver_on_two_lanes(scene: Scene) -> None:
    """Many bills of one wallet at once: it never falls below its floor, and what it lacks is owed."""
    await scene.top_up(25_000)
    charges = [await scene.charge(1000) for _ in range(6)]
    await scene.hear()
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(partial(rounds.settle_due, scene.ports))
    assert await scene.balances() == {"owed": -35_000, "revenue": 60_000}
    bills = [bill for charge in charges for bill in await scene.bills(charge)]
    assert [each.state for each in bills] == ["SETTLED"] * 6
    assert sum(each.wallet_minor for each in bills) == 25_000
    assert len(await scene.told("bill_settled")) == 6
