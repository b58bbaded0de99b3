"""The stub as a server: who may ask, which function answers which path, and what runs beside."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import trio

from simulators.clock import Clock
from simulators.web import Answer, Failed, Json, Request, Web

from . import control, customers, disputes, links, orders, paying, payments, plans, qr_codes, refunds, subscriptions
from .book import Book
from .checkout import script
from .problems import error, outage
from .till import Till

Act = Callable[..., Json]

API: tuple[tuple[str, str, Act], ...] = (
    ("POST", "/v1/orders", orders.create),
    ("GET", "/v1/orders", orders.every),
    ("GET", "/v1/orders/<order_id>", orders.show),
    ("GET", "/v1/orders/<order_id>/payments", orders.payments),
    ("POST", "/v1/payments/create/recurring", customers.charge),
    ("POST", "/v1/payments/qr_codes", qr_codes.create),
    ("GET", "/v1/payments/qr_codes", qr_codes.every),
    ("GET", "/v1/payments/qr_codes/<qr_id>", qr_codes.show),
    ("GET", "/v1/payments/qr_codes/<qr_id>/payments", qr_codes.payments),
    ("POST", "/v1/payments/qr_codes/<qr_id>/close", qr_codes.close),
    ("GET", "/v1/payments", payments.every),
    ("GET", "/v1/payments/<payment_id>", payments.show),
    ("POST", "/v1/payments/<payment_id>/capture", payments.capture),
    ("POST", "/v1/payments/<payment_id>/refund", refunds.create),
    ("GET", "/v1/payments/<payment_id>/refunds", refunds.of_payment),
    ("GET", "/v1/payments/<payment_id>/refunds/<refund_id>", refunds.show),
    ("POST", "/v1/refunds", refunds.create),
    ("GET", "/v1/refunds", refunds.every),
    ("GET", "/v1/refunds/<refund_id>", refunds.show),
    ("POST", "/v1/payment_links", links.create),
    ("GET", "/v1/payment_links", links.every),
    ("GET", "/v1/payment_links/<link_id>", links.show),
    ("POST", "/v1/payment_links/<link_id>/cancel", links.cancel),
    ("GET", "/v1/disputes", disputes.every),
    ("GET", "/v1/disputes/<dispute_id>", disputes.show),
    ("POST", "/v1/customers", customers.create),
    ("GET", "/v1/customers", customers.every),
    ("GET", "/v1/customers/<customer_id>", customers.show),
    ("GET", "/v1/customers/<customer_id>/tokens", customers.tokens),
    ("GET", "/v1/customers/<customer_id>/tokens/<token_id>", customers.token),
    ("DELETE", "/v1/customers/<customer_id>/tokens/<token_id>", customers.forget_token),
    ("POST", "/v1/plans", plans.create),
    ("GET", "/v1/plans", plans.every),
    ("GET", "/v1/plans/<plan_id>", plans.show),
    ("POST", "/v1/subscriptions", subscriptions.create),
    ("GET", "/v1/subscriptions", subscriptions.every),
    ("GET", "/v1/subscriptions/<sub_id>", subscriptions.show),
    ("POST", "/v1/subscriptions/<sub_id>/pause", subscriptions.pause),
    ("POST", "/v1/subscriptions/<sub_id>/resume", subscriptions.resume),
    ("POST", "/v1/subscriptions/<sub_id>/cancel", subscriptions.cancel),
    ("GET", "/v1/invoices", subscriptions.invoices),
    ("GET", "/v1/invoices/<invoice_id>", subscriptions.invoice),
)
"""What the merchant may ask, with its key."""

CONTROL: tuple[tuple[str, str, Callable[..., Answer]], ...] = (
    ("GET", "/", control.home),
    ("GET", "/l/<some_id>", control.pay_page),
    ("GET", "/stub/pay/<some_id>", control.pay_page),
    ("POST", "/stub/pay/<some_id>", control.pay),
    ("GET", "/stub/state", control.state),
    ("POST", "/stub/accounts", control.accounts),
    ("POST", "/stub/clock", control.clock),
    ("POST", "/stub/subscriptions/<sub_id>/charge", control.charge),
    ("POST", "/stub/refunds/<refund_id>", control.process),
    ("POST", "/stub/payments/<payment_id>/dispute", disputes.raise_one),
    ("POST", "/stub/disputes/<dispute_id>", disputes.decide),
    ("POST", "/stub/links/<link_id>/expire", control.expire),
    ("GET", "/qr/<qr_id>.png", qr_codes.image),
    ("GET", "/v1/checkout.js", script),
)
"""What customers, tests and people at the stub may ask, without one."""

TICK_S = 1.0


class RazorpayStub:
    """A Razorpay of one's own. ``account`` opens an account; ``serve_tcp`` listens, posts webhooks and lets time pass."""

    def __init__(
        self, clock: Clock | None = None, *, seed: int = 0, refund_delay_s: float = 0.0, data: Path | None = None, **posting: Any
    ) -> None:
        self.till = Till(clock or Clock.start(), seed=seed, refund_delay_s=refund_delay_s, data=data, **posting)
        self.faults, self.poster = self.till.faults, self.till.poster
        self.web = Web(self._around)
        for method, path, control_act in CONTROL:
            self.web.add(method, path, partial(self._controlled, control_act))
        for method, path, act in API:
            self.web.add(method, path, partial(self._asked, act))
        for method, path, handler in (
            ("GET", "/stub/faults", self.faults.show),
            ("POST", "/stub/faults", self.faults.ask),
            ("DELETE", "/stub/faults", self.faults.clear),
            ("GET", "/stub/webhooks", self.poster.show),
            ("POST", "/stub/webhooks/<event_id>/again", self.poster.repeat),
        ):
            self.web.add(method, path, handler)
        self.web.otherwise(lambda request: error("The requested URL was not found on the server.", status=404))

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.web.port}"

    def account(self, key_id: str, key_secret: str, webhook_secret: str, webhook_url: str = "") -> Book:
        """Open an account."""
        return self.till.open(key_id, key_secret, webhook_secret, webhook_url)

    def pay(self, some_id: str, **said: Any) -> Json:
        """Pay, as ``POST /stub/pay/ID`` does."""
        done = paying.pay(self.till, some_id, said)
        self.till.save()
        return done

    def tick(self) -> None:
        """Do now what is due by now."""
        self.till.ticked_at = 0
        paying.tick(self.till)
        self.till.save()

    async def serve_tcp(
        self, port: int = 0, *, host: str = "127.0.0.1", task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Serve until cancelled; the start value is the port."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.poster.run)
            nursery.start_soon(self._tick)
            task_status.started(await nursery.start(partial(self.web.serve_tcp, port, host=host)))

    async def _tick(self) -> None:
        while True:
            await trio.sleep(TICK_S)
            paying.tick(self.till)

    async def _around(self, request: Request, handle: Callable[[], Answer]) -> Answer | None:
        return await self.faults.around(request, handle, outage)

    def _controlled(self, act: Callable[..., Answer], request: Request, **names: str) -> Answer:
        return self._kept(request, partial(act, self.till, request, **names))

    def _asked(self, act: Act, request: Request, **names: str) -> Answer:
        book = self._who(request)
        return self._kept(request, lambda: Answer.json(act(self.till, book, request, **names)))

    def _kept(self, request: Request, act: Callable[[], Answer]) -> Answer:
        paying.tick(self.till)
        try:
            return act()
        finally:
            if request.method != "GET":
                self.till.save()

    def _who(self, request: Request) -> Book:
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        try:
            key_id, _, secret = base64.b64decode(shown, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            key_id, secret = "", ""
        book = self.till.books.get(key_id)
        if scheme.lower() != "basic" or book is None or book.key_secret != secret:
            raise Failed(error("Authentication failed", status=401, reason="authentication_failed"))
        return book
