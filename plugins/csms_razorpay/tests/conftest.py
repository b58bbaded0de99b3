"""The provider and a stub of Razorpay, over the loopback interface, with a receiver for its webhooks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
import trio

import csms_razorpay
from csms.hooks import GatewayAccount
from csms.testing.plugins import SettableClock, Threads
from csms.testing.providers import Paid, Posted
from csms.testing.receiver import Receiver, receiving
from csms_razorpay.model import Settings
from csms_razorpay.provider import RazorpayProvider
from simulators.razorpay import RazorpayStub

KEY_ID = "rzp_test_A"
KEY_SECRET = "the secret of the key"
WEBHOOK_SECRET = "the secret of the webhook"
PATIENCE_S = 10.0


@attrs.define
class Bench:
    """Fulfils ``csms.testing.providers.Gateway``, and lets tests at the stub itself."""

    provider: RazorpayProvider
    account: GatewayAccount
    stub: RazorpayStub
    receiver: Receiver
    once: frozenset[str] = frozenset({"order", "link"})

    async def pay(
        self, gateway_id: str, *, outcome: str = "captured", amount_minor: int | None = None, currency: str = "", save: bool = False
    ) -> Paid:
        done = self.stub.pay(
            gateway_id, outcome=outcome, amount=amount_minor, currency=currency, method="card", save="1" if save else ""
        )
        return Paid(done["payments"][-1]["id"], (done.get("checkout") or {}).get("razorpay_signature", ""))

    async def charge(self, mandate_id: str) -> None:
        self.stub.till.advanced_s += 31 * 86_400
        self.stub.tick()

    def lose_next_answer(self) -> None:
        self.stub.faults.add("lost", "POST *")

    def be_away(self) -> None:
        self.stub.faults.add("error", status=503)

    async def posted(self) -> Sequence[Posted]:
        with trio.fail_after(PATIENCE_S):
            await self.stub.poster.settled()
        return [Posted(each.body, each.headers) for each in self.receiver.received]


def provider_of(**settings: Any) -> RazorpayProvider:
    context: Any = SimpleNamespace(settings=Settings(**settings), clock=SettableClock(), blocking=Threads())
    return RazorpayProvider(context)


@asynccontextmanager
async def benched(**settings: Any) -> AsyncIterator[Bench]:
    stub = RazorpayStub(retry_s=(0.01, 0.01))
    async with receiving() as receiver, trio.open_nursery() as nursery:
        await nursery.start(stub.serve_tcp)
        stub.account(KEY_ID, KEY_SECRET, WEBHOOK_SECRET, receiver.url)
        provider = provider_of(allowed_hosts=("127.0.0.1",), **settings)
        clock: Any = provider.context.clock
        clock.at = stub.till.now * 1000
        account = GatewayAccount(
            provider="razorpay", key_id=KEY_ID, key_secret=KEY_SECRET, webhook_secret=WEBHOOK_SECRET, base_url=stub.url
        )
        yield Bench(provider, account, stub, receiver)
        with trio.fail_after(PATIENCE_S):
            await stub.poster.settled()
        provider.wire.close()
        nursery.cancel_scope.cancel()


@pytest.fixture
async def gateway() -> AsyncIterator[Bench]:
    async with benched(save_methods=True, timeout_s=5.0) as bench:
        yield bench


@pytest.fixture
def make_provider() -> Callable[..., RazorpayProvider]:
    return provider_of


@pytest.fixture
def plugin() -> Any:
    return csms_razorpay
