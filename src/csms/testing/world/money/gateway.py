"""A payment gateway of the world: it is slow or away, does what it is asked and loses the answer, and tells of it late, twice or never."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import trio

from csms.core.payments import (
    FAILED,
    PAID,
    REFUND_FAILED,
    REFUND_PENDING,
    REFUNDED,
    Forged,
    GatewayAccount,
    GatewayAway,
    GatewayError,
    GatewayPayment,
    GatewayRefund,
)
from csms.domain.payments import flows as payments
from csms.testing.gateways import FakeGateway
from csms.testing.world.clock import stream

from .counter import Unreachable

if TYPE_CHECKING:
    from .town import Town

T = TypeVar("T")

ANSWER_S = (0.02, 0.8)
SLOW_S = (5.0, 45.0)
"""Some of it is longer than the server waits."""
DOWN_S = (10.0, 120.0)
NOTICE_S = (0.05, 2.0)
LATE_S = (10.0, 90.0)
REFUND_TAKES_S = (5.0, 120.0)
MOST_TRIES, MOST_TRIES_BY_HAND = 6, 40
LONGEST_RETRY_S = 60.0
REFUSING = frozenset({"offer", "refund", "capture", "close"})


class TownGateway(FakeGateway):
    """One tenant's gateway. It outlives every crash of the server: its book says what was really paid and given back."""

    def __init__(self, town: Town, name: str, notice_token: str) -> None:
        super().__init__(name, secret=f"hook-secret of {name}")
        self.notice_token = notice_token
        self._town = town
        self._draws = stream(town.world.seed, name)
        self._down_until = 0.0
        self._forgeries = payments.Forgeries()

    def go_down(self) -> None:
        """Answer nobody for a while."""
        self._down_until = trio.current_time() + self._draws.uniform(*DOWN_S)

    async def _call(self, name: str, do: Callable[[], T]) -> T:
        faults, draws = self._town.world.faults, self._draws
        await trio.sleep(draws.uniform(*ANSWER_S))
        down = trio.current_time() < self._down_until and not faults.over
        if down or faults.strikes("gateway away", draws):
            raise GatewayAway(f"{self.name} is down ({name})")
        if name in REFUSING and faults.strikes("gateway refuses", draws):
            raise GatewayError(f"{self.name} refuses ({name})", code="BAD_REQUEST")
        slow = draws.uniform(*SLOW_S) if faults.strikes("gateway slow", draws) else 0.0
        before = slow * draws.choice((0, 1))
        await trio.sleep(before)
        done = await super()._call(name, do)
        self._town.world.trace.line(self.name, "did", name)
        await trio.sleep(slow - before)
        if faults.strikes("gateway answer lost", draws):
            raise GatewayAway(f"the answer of {self.name} got lost ({name})")
        return done

    # --- what it tells by itself ------------------------------------------------------------------------------------------------

    def _take(
        self, gateway_id: str, reference: str, amount_minor: int, currency: str, state: str, method: str, **more: Any
    ) -> GatewayPayment:
        made = super()._take(gateway_id, reference, amount_minor, currency, state, method, **more)
        self._town.world.trace.line(self.name, "takes", made.payment_id, state, amount_minor, currency, reference)
        if state in (PAID, FAILED):
            self._tell("payment.captured" if state == PAID else "payment.failed", payment=made)
        else:
            self._tell("payment.authorized", payment=made)
        return made

    async def capture(self, account: GatewayAccount, payment_id: str, amount_minor: int, currency: str, /) -> GatewayPayment:
        """Take an authorized payment, and tell of it."""
        taken = await super().capture(account, payment_id, amount_minor, currency)
        self._tell("payment.captured", payment=taken)
        return taken

    def give_back(self, payment_id: str, amount_minor: int, reference: str = "", state: str = REFUNDED) -> GatewayRefund:
        """Give back, at once or some time later."""
        if self._town.world.faults.strikes("refund takes time", self._draws):
            state = REFUND_PENDING
        made = super().give_back(payment_id, amount_minor, reference, state)
        self._town.world.trace.line(self.name, "gives back", made.refund_id, state, amount_minor, reference)
        if state == REFUND_PENDING:
            self._town.chores.start(self._finish, made)
        else:
            self._tell("refund.processed", refund=made)
        return made

    def give_back_by_hand(self, payment_id: str, amount_minor: int) -> None:
        """Somebody gives back on the gateway's own pages. Nobody asks about that, so a gateway tells of it until it is heard."""
        made = super().give_back(payment_id, amount_minor)
        self._town.world.trace.line(self.name, "gives back by hand", made.refund_id, amount_minor)
        self._town.chores.start(self._deliver, "refund.processed", self.notice("refund.processed", refund=made), MOST_TRIES_BY_HAND)

    async def _finish(self, refund: GatewayRefund) -> None:
        await trio.sleep(self._draws.uniform(*REFUND_TAKES_S))
        fails = self._town.world.faults.strikes("refund fails", self._draws)
        done = self.finish_refund(refund.refund_id, REFUND_FAILED if fails else REFUNDED)
        self._town.world.trace.line(self.name, "finished", done.refund_id, done.state)
        self._tell("refund.failed" if fails else "refund.processed", refund=done)

    def _tell(self, kind: str, **about: Any) -> None:
        faults, draws = self._town.world.faults, self._draws
        if faults.strikes("notice forged", draws):
            self._town.chores.start(self._forge)
        if faults.strikes("notice dropped", draws):
            return
        notice = self.notice(kind, **about)
        for _ in range(2 if faults.strikes("notice doubled", draws) else 1):
            self._town.chores.start(self._deliver, kind, notice)

    async def _deliver(self, kind: str, notice: tuple[bytes, dict[str, str]], tries: int = MOST_TRIES) -> None:
        late = self._town.world.faults.strikes("notice late", self._draws)
        await trio.sleep(self._draws.uniform(*(LATE_S if late else NOTICE_S)))
        for number in range(tries):
            try:
                await self._town.counter.ask(
                    lambda ports: payments.receive(ports, self._forgeries, self.notice_token, *notice), "notice", kind
                )
            except (Unreachable, GatewayAway):
                await trio.sleep(min(2.0**number, LONGEST_RETRY_S))
            else:
                return

    async def _forge(self) -> None:
        """Somebody who does not know the secret says that something was paid that was not."""
        unpaid = [each for each in self.offers.values() if not any(a.gateway_id == each.gateway_id for a in self.attempts.values())]
        if not unpaid:
            return
        wanted = self._draws.choice(unpaid).wanted
        claim = GatewayPayment(
            payment_id=f"pay_forged_{self._draws.randrange(10**9)}",
            gateway_id="",
            reference=wanted.reference,
            state=PAID,
            amount_minor=wanted.amount_minor,
            currency=wanted.currency,
        )
        body, headers = self.notice("payment.captured", payment=claim, secret="a guess")  # noqa: S106 - what a forger thinks
        try:
            await self._town.counter.ask(
                lambda ports: payments.receive(ports, self._forgeries, self.notice_token, body, headers), "forged notice"
            )
        except Forged:
            pass
        except (Unreachable, GatewayAway):
            return
        else:
            self._town.world.surprises.append(f"a forged notice about {wanted.reference} was taken in")
