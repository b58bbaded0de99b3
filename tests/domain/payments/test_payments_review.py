"""What a careless gateway plugin says of payments: one word that is nonsense keeps no money of others from where it belongs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import pytest

from csms.core.payments import GatewayAccount, GatewayPayment
from csms.testing.gateways import FakeGateway

from .conftest import Till

NONSENSE: Sequence[dict[str, Any]] = (
    {"amount_minor": 500.5},
    {"amount_minor": 2**70},
    {"amount_minor": True},
    {"amount_minor": "50000"},
    {"currency": "inr"},
    {"currency": ""},
    {"fee_minor": 0.5},
    {"paid_at": "yesterday"},
    {"method": None},
    {"refunded_minor": "all"},
)


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_an_attempt_that_is_nonsense_keeps_no_other_from_being_credited(
    till: Till, gateway: FakeGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = gateway.payments
    said: dict[str, Any] = {}

    async def payments(account: GatewayAccount, way: str, gateway_id: str) -> Sequence[GatewayPayment]:
        found = await usual(account, way, gateway_id)
        return [attrs.evolve(found[0], payment_id=f"odd_{gateway_id}", **said), *found]

    monkeypatch.setattr(gateway, "payments", payments)
    for number, odd in enumerate(NONSENSE, 1):
        payment = await till.want()
        gateway.pay(payment.offer_ref)
        said.clear()
        said.update(odd)
        assert (await till.look(payment.id)).state == "paid", odd
        assert await till.wallet() == number * 50_000
    assert await till.rows("SELECT 1 FROM gateway_payments WHERE payment_ref LIKE 'odd%'") == []
    await till.check_money()
