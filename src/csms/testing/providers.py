"""What every payment gateway's plugin must do: a test-suite for whoever writes a ``PaymentProvider``, ours included.

Subclass ``ProviderContract`` in a test module and give it a fixture ``gateway`` (see ``Gateway``): pytest runs every test of it against
your provider, with a stub of the gateway in its place. Ways that the provider does not have are skipped.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Protocol

import attrs
import pytest
import trio

from csms.core.errors import Invalid
from csms.core.payments import (
    Forged,
    GatewayAccount,
    GatewayAway,
    GatewayError,
    GatewayPayment,
    MandateWanted,
    PaymentOffer,
    PaymentProvider,
    PaymentWanted,
)

__all__ = ["Gateway", "Paid", "Posted", "ProviderContract"]

PATIENCE_S = 10.0


@attrs.frozen(slots=True)
class Paid:
    """What a customer's checkout brings back: the payment's id, and a signature where the gateway gives one."""

    payment_id: str
    signature: str = ""


@attrs.frozen(slots=True)
class Posted:
    """A webhook as the gateway posted it."""

    body: bytes
    headers: Mapping[str, str]


class Gateway(Protocol):
    """A provider, an account at a stub of its gateway, and what tests must be able to do there in the customer's place.

    ``once`` names the ways in which the same reference, offered again, gives the same offer; in others it must be looked for first.
    """

    provider: PaymentProvider
    account: GatewayAccount
    once: frozenset[str]

    async def pay(
        self, gateway_id: str, *, outcome: str = "captured", amount_minor: int | None = None, currency: str = "", save: bool = False
    ) -> Paid:
        """Pay what was offered, or agree to a mandate. ``outcome``: ``captured``, ``authorized`` or ``failed``; ``save`` the method."""
        ...

    async def charge(self, mandate_id: str) -> None:
        """Let the next cycle of a recurring payment be charged."""
        ...

    def lose_next_answer(self) -> None:
        """The next thing that is made or done at the gateway is done, and its answer gets lost."""
        ...

    def be_away(self) -> None:
        """The next request fails, and nothing is done."""
        ...

    async def posted(self) -> Sequence[Posted]:
        """Every webhook so far, once none is under way."""
        ...


class ProviderContract:
    """See the module."""

    @staticmethod
    def wanted(way: str, reference: str = "P-1", **more: object) -> PaymentWanted:
        """A payment of ₹500.00."""
        asked: dict[str, object] = {"amount_minor": 50_000, "currency": "INR", "description": "Charging credit", **more}
        return PaymentWanted(reference=reference, way=way, **asked)  # type: ignore[arg-type]  # whatever a test says

    @staticmethod
    async def offered(gateway: Gateway, way: str, reference: str = "P-1", **more: object) -> PaymentOffer:
        """An offer of it; skips what the provider cannot do."""
        if way not in gateway.provider.ways:
            pytest.skip(f"{gateway.provider.name} has no {way}")
        return await gateway.provider.offer(gateway.account, ProviderContract.wanted(way, reference, **more))

    @staticmethod
    async def paid(gateway: Gateway, reference: str = "P-1", **how: object) -> GatewayPayment:
        """A payment of ₹500.00 that a customer has made, in the first way that there is."""
        way = next(each for each in ("order", "link", "qr") if each in gateway.provider.ways)
        made = await ProviderContract.offered(gateway, way, reference)
        done = await gateway.pay(made.gateway_id, **how)  # type: ignore[arg-type]  # whatever a test says
        return await gateway.provider.payment(gateway.account, done.payment_id)

    # --- keys and addresses ---------------------------------------------------------------------------------------------------

    async def test_the_keys_work(self, gateway: Gateway) -> None:
        """``check`` says something to a person."""
        assert await gateway.provider.check(gateway.account)

    async def test_wrong_keys_are_refused(self, gateway: Gateway) -> None:
        """An error, not an absence: trying again will not help."""
        with pytest.raises(GatewayError):
            await gateway.provider.check(attrs.evolve(gateway.account, key_secret="wrong"))  # noqa: S106 - that is the point

    async def test_errors_tell_no_secret(self, gateway: Gateway) -> None:
        """Whatever goes wrong, keys stay where they are."""
        wrong = attrs.evolve(gateway.account, key_secret="hush-hush")  # noqa: S106 - a test's own
        gateway.be_away()
        for account in (gateway.account, wrong):
            with pytest.raises((GatewayError, GatewayAway)) as caught:
                await gateway.provider.check(account)
            told = f"{caught.value!r} {caught.value.__cause__!r} {gateway.provider!r} {account!r}"
            assert account.key_secret not in told
            assert account.webhook_secret not in told

    # --- asking for payments --------------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("way", ["order", "link", "qr"])
    async def test_an_offer_is_paid(self, gateway: Gateway, way: str) -> None:
        """Open, then paid once, and it says by whom and how much."""
        provider, account = gateway.provider, gateway.account
        made = await self.offered(gateway, way)
        assert made.state == "open"
        assert made.pay_url or made.image_url or made.checkout, "there must be some way to pay"
        assert account.key_secret not in str(made)
        assert list(await provider.payments(account, way, made.gateway_id)) == []
        done = await gateway.pay(made.gateway_id)
        (payment,) = await provider.payments(account, way, made.gateway_id)
        assert (payment.payment_id, payment.gateway_id, payment.reference) == (done.payment_id, made.gateway_id, "P-1")
        assert (payment.state, payment.amount_minor, payment.currency, payment.refunded_minor) == ("paid", 50_000, "INR", 0)
        assert payment.method
        assert payment == await provider.payment(account, done.payment_id), "both ways of asking tell the same"
        found = await provider.find(account, way, "P-1")
        assert found is not None
        assert (found.gateway_id, found.state) == (made.gateway_id, "paid")

    @pytest.mark.parametrize("way", ["order", "link", "qr"])
    async def test_a_failed_attempt_is_seen(self, gateway: Gateway, way: str) -> None:
        """And the next attempt may do."""
        made = await self.offered(gateway, way)
        await gateway.pay(made.gateway_id, outcome="failed")
        (failed,) = await gateway.provider.payments(gateway.account, way, made.gateway_id)
        assert (failed.state, failed.paid_at) == ("failed", None)
        assert failed.error
        await gateway.pay(made.gateway_id)
        states = [each.state for each in await gateway.provider.payments(gateway.account, way, made.gateway_id)]
        assert sorted(states) == ["failed", "paid"]

    @pytest.mark.parametrize("way", ["order", "link", "qr"])
    async def test_what_is_paid_is_told_as_it_is(self, gateway: Gateway, way: str) -> None:
        """Not as it was asked for: a wrong amount or currency is for the payments to see."""
        made = await self.offered(gateway, way)
        await gateway.pay(made.gateway_id, amount_minor=49_999)
        (payment,) = await gateway.provider.payments(gateway.account, way, made.gateway_id)
        assert payment.amount_minor == 49_999
        if way != "qr":
            other = await self.offered(gateway, way, "P-2")
            await gateway.pay(other.gateway_id, currency="USD")
            (payment,) = await gateway.provider.payments(gateway.account, way, other.gateway_id)
            assert payment.currency == "USD"

    @pytest.mark.parametrize("way", ["order", "link", "qr"])
    async def test_a_lost_answer_is_found_again(self, gateway: Gateway, way: str) -> None:
        """Away means perhaps done: ``find`` knows."""
        assert await gateway.provider.find(gateway.account, way, "P-1") is None
        gateway.lose_next_answer()
        with pytest.raises(GatewayAway):
            await self.offered(gateway, way)
        found = await gateway.provider.find(gateway.account, way, "P-1")
        assert found is not None
        assert found.state == "open"
        if way in gateway.once:
            assert (await self.offered(gateway, way)).gateway_id == found.gateway_id

    @pytest.mark.parametrize("way", ["order", "link", "qr"])
    async def test_what_was_not_done_is_not_found(self, gateway: Gateway, way: str) -> None:
        """Away, and nothing is there: it may be asked for again."""
        gateway.be_away()
        with pytest.raises(GatewayAway):
            await self.offered(gateway, way)
        assert await gateway.provider.find(gateway.account, way, "P-1") is None
        assert (await self.offered(gateway, way)).state == "open"

    @pytest.mark.parametrize("way", ["order", "link", "qr"])
    async def test_the_same_reference_is_offered_once(self, gateway: Gateway, way: str) -> None:
        """Another one is another offer."""
        first = await self.offered(gateway, way)
        if way in gateway.once:
            assert (await self.offered(gateway, way)).gateway_id == first.gateway_id
        assert (await self.offered(gateway, way, "P-2")).gateway_id != first.gateway_id

    @pytest.mark.parametrize("way", ["order", "link", "qr"])
    async def test_closing(self, gateway: Gateway, way: str) -> None:
        """It may be closed twice, and after it was paid; what is paid stays paid."""
        made = await self.offered(gateway, way, expires_at=None)
        for _ in range(2):
            await gateway.provider.close(gateway.account, way, made.gateway_id)
        found = await gateway.provider.find(gateway.account, way, "P-1")
        assert found is not None
        assert found.state in ("open", "cancelled"), "open where the gateway cannot close it"
        paid = await self.offered(gateway, way, "P-2")
        await gateway.pay(paid.gateway_id)
        await gateway.provider.close(gateway.account, way, paid.gateway_id)
        found = await gateway.provider.find(gateway.account, way, "P-2")
        assert found is not None
        assert found.state == "paid"

    async def test_ids_from_outside_are_not_trusted(self, gateway: Gateway) -> None:
        """A page may bring any text as an id; it reaches nothing else at the gateway."""
        for strange in ("", "../orders", "pay_x/refund", "?count=1", "ü"):
            with pytest.raises(GatewayError):
                await gateway.provider.payment(gateway.account, strange)

    # --- capture and refunds --------------------------------------------------------------------------------------------------

    async def test_capture(self, gateway: Gateway) -> None:
        """An authorized payment is taken, once, and may be asked for again."""
        payment = await self.paid(gateway, outcome="authorized")
        if payment.state == "paid":
            pytest.skip(f"{gateway.provider.name} takes everything at once")
        assert payment.state == "authorized"
        with pytest.raises(GatewayError):
            await gateway.provider.capture(gateway.account, payment.payment_id, 49_000, "INR")
        for _ in range(2):
            taken = await gateway.provider.capture(gateway.account, payment.payment_id, 50_000, "INR")
            assert (taken.state, taken.amount_minor, taken.reference) == ("paid", 50_000, "P-1")

    async def test_refunds_in_parts(self, gateway: Gateway) -> None:
        """Each reference once; never more than was paid."""
        provider, account = gateway.provider, gateway.account
        payment = await self.paid(gateway)
        first = await provider.refund(account, payment.payment_id, 20_000, "R-1")
        assert (first.reference, first.amount_minor, first.payment_id) == ("R-1", 20_000, payment.payment_id)
        assert first.state in ("pending", "refunded")
        assert (await provider.refund(account, payment.payment_id, 20_000, "R-1")).refund_id == first.refund_id
        with pytest.raises(GatewayError):
            await provider.refund(account, payment.payment_id, 30_001, "R-2")
        rest = await provider.refund(account, payment.payment_id, 30_000, "R-3")
        assert {each.refund_id for each in await provider.refunds(account, payment.payment_id)} == {first.refund_id, rest.refund_id}
        now = await provider.payment(account, payment.payment_id)
        assert (now.state, now.refunded_minor) == ("paid", 50_000), "paid, and given back: both are told"

    async def test_a_refund_whose_answer_was_lost_is_made_once(self, gateway: Gateway) -> None:
        """Asked for again under its reference, it is the same one."""
        payment = await self.paid(gateway)
        gateway.lose_next_answer()
        with pytest.raises(GatewayAway):
            await gateway.provider.refund(gateway.account, payment.payment_id, 20_000, "R-1")
        (made,) = await gateway.provider.refunds(gateway.account, payment.payment_id)
        again = await gateway.provider.refund(gateway.account, payment.payment_id, 20_000, "R-1")
        assert again.refund_id == made.refund_id
        assert len(await gateway.provider.refunds(gateway.account, payment.payment_id)) == 1

    # --- signatures and webhooks ----------------------------------------------------------------------------------------------

    async def test_checkout_signatures(self, gateway: Gateway) -> None:
        """What the page brings back holds for its own order and payment only."""
        made = await self.offered(gateway, "order")
        done = await gateway.pay(made.gateway_id)
        check = gateway.provider.check_checkout
        check(gateway.account, made.gateway_id, done.payment_id, done.signature)
        forged = [
            (made.gateway_id, done.payment_id, done.signature[::-1]),
            (made.gateway_id, done.payment_id, ""),
            (made.gateway_id, done.payment_id, "ü" * len(done.signature)),
            (made.gateway_id, f"{done.payment_id}x", done.signature),
            (f"{made.gateway_id}x", done.payment_id, done.signature),
        ]
        for words in forged:
            with pytest.raises(Forged):
                check(gateway.account, *words)
        for secret in ("", "another"):
            with pytest.raises(Forged):
                check(attrs.evolve(gateway.account, key_secret=secret), made.gateway_id, done.payment_id, done.signature)

    async def test_webhooks_of_payments(self, gateway: Gateway) -> None:
        """They name the payment, and each has an id of its own."""
        payment = await self.paid(gateway)
        posted = await gateway.posted()
        notices = [gateway.provider.read_notice(gateway.account, each.body, each.headers) for each in posted]
        told = [notice.payment for notice in notices if notice.payment is not None]
        assert any((each.payment_id, each.state, each.amount_minor) == (payment.payment_id, "paid", 50_000) for each in told)
        assert any(each.reference == "P-1" for each in told)
        assert len({notice.event_id for notice in notices}) == len(notices)
        assert all(notice.kind and notice.occurred_at for notice in notices)
        again = gateway.provider.read_notice(gateway.account, posted[0].body, posted[0].headers)
        assert again == notices[0], "the same webhook is the same notice, whenever it comes"

    async def test_webhooks_of_refunds(self, gateway: Gateway) -> None:
        """They name the refund by our reference."""
        payment = await self.paid(gateway)
        before = len(await gateway.posted())
        await gateway.provider.refund(gateway.account, payment.payment_id, 20_000, "R-1")
        posted = (await gateway.posted())[before:]
        refunds = [gateway.provider.read_notice(gateway.account, each.body, each.headers).refund for each in posted]
        assert {(each.reference, each.payment_id, each.amount_minor) for each in refunds if each is not None} == {
            ("R-1", payment.payment_id, 20_000)
        }

    async def test_forged_webhooks(self, gateway: Gateway) -> None:
        """Another body, another secret, no secret, no signature: none of them holds."""
        await self.paid(gateway)
        read, account, post = gateway.provider.read_notice, gateway.account, (await gateway.posted())[0]
        assert json.loads(post.body), "genuine webhooks are JSON here"
        for body in (post.body + b" ", post.body.replace(b"50000", b"50001"), b"", b"\xff\xfe"):
            with pytest.raises(Forged):
                read(account, body, post.headers)
        for secret in ("another", ""):
            with pytest.raises(Forged):
                read(attrs.evolve(account, webhook_secret=secret), post.body, post.headers)
        with pytest.raises((Forged, Invalid)):
            read(account, post.body, {})

    # --- saved methods and recurring payments -----------------------------------------------------------------------------------

    async def test_a_saved_method_is_charged_once_per_reference(self, gateway: Gateway) -> None:
        """Also when the answer is lost."""
        first = await self.offered(gateway, "order", customer_email="d@example.org", customer_phone="+919000000001")
        done = await gateway.pay(first.gateway_id, save=True)
        saved = (await gateway.provider.payment(gateway.account, done.payment_id)).saved_method
        if not saved:
            pytest.skip(f"{gateway.provider.name} saves no methods")
        wanted = self.wanted("recurring", "P-2", saved_method=saved)
        gateway.lose_next_answer()
        with pytest.raises(GatewayAway):
            await gateway.provider.charge_saved(gateway.account, wanted)
        charged = await gateway.provider.charge_saved(gateway.account, wanted)
        assert (charged.state, charged.amount_minor, charged.reference) == ("paid", 50_000, "P-2")
        assert (await gateway.provider.charge_saved(gateway.account, wanted)).payment_id == charged.payment_id
        with pytest.raises(GatewayError):
            await gateway.provider.charge_saved(gateway.account, attrs.evolve(wanted, reference="P-3", saved_method="nonsense"))

    async def test_the_life_of_a_mandate(self, gateway: Gateway) -> None:
        """Agreed to, charged, paused, resumed, charged again, cancelled."""
        provider, account = gateway.provider, gateway.account
        if "recurring" not in provider.ways:
            pytest.skip(f"{provider.name} has no recurring payments")
        wanted = MandateWanted(reference="M-1", amount_minor=99_900, currency="INR", period="monthly", times=12)
        with trio.fail_after(PATIENCE_S):
            mandate = await provider.start_mandate(account, wanted)
            assert (mandate.state, mandate.reference, mandate.paid_count) == ("created", "M-1", 0)
            assert mandate.pay_url
            assert (await provider.start_mandate(account, wanted)).mandate_id == mandate.mandate_id
            found = await provider.find(account, "recurring", "M-1")
            assert found is not None
            assert found.gateway_id == mandate.mandate_id
            done = await gateway.pay(mandate.mandate_id)
            active = await provider.mandate(account, mandate.mandate_id)
            assert (active.state, active.paid_count) == ("active", 1)
            assert active.next_charge_at is not None
            assert (await provider.payment(account, done.payment_id)).gateway_id == mandate.mandate_id
            for change, state in (("pause", "paused"), ("pause", "paused"), ("resume", "active"), ("resume", "active")):
                assert (await provider.change_mandate(account, mandate.mandate_id, change)).state == state
            await gateway.charge(mandate.mandate_id)
            charges = await provider.payments(account, "recurring", mandate.mandate_id)
            assert [(each.state, each.amount_minor, each.reference) for each in charges] == [("paid", 99_900, "M-1")] * 2
            for _ in range(2):
                assert (await provider.change_mandate(account, mandate.mandate_id, "cancel")).state == "cancelled"
            with pytest.raises(GatewayError):
                await provider.change_mandate(account, mandate.mandate_id, "resume")
            told = [provider.read_notice(account, each.body, each.headers) for each in await gateway.posted()]
            states = [each.mandate.state for each in told if each.mandate is not None and each.mandate.reference == "M-1"]
            assert {"active", "paused", "cancelled"} <= set(states)
            assert any(each.mandate is not None and each.payment is not None for each in told), "a charge names its payment"
