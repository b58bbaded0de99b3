"""Subscriptions: agreed to by a customer, charged cycle by cycle, paused, halted, ended: ``/v1/subscriptions``, ``/v1/invoices``."""

from __future__ import annotations

from simulators.web import Json, Request

from . import orders, payments
from .book import Book, listed
from .plans import after
from .problems import moment_of, notes_of, refused, true
from .till import Till, shown

TRIES = 4
"""A charge that fails is tried again on each of the next days; when so many have failed the subscription is halted."""
DAY_S = 86_400
OVER = ("cancelled", "completed", "expired")


def create(till: Till, book: Book, request: Request) -> Json:
    """``POST /v1/subscriptions``."""
    body = request.json()
    plan = book.get("plan", str(body.get("plan_id", "")))
    total = body.get("total_count")
    if isinstance(total, bool) or not isinstance(total, int) or total < 1:
        raise refused("The total count field is required.", field="total_count")
    starts = moment_of(body, "start_at", till.now, least_s=0)
    subscription = book.add(
        "sub",
        plan_id=plan["id"],
        customer_id=None,
        status="created",
        current_start=None,
        current_end=None,
        ended_at=None,
        quantity=int(body.get("quantity", 1)),
        notes=notes_of(body),
        charge_at=starts,
        start_at=starts,
        end_at=after(starts or till.now, plan, total),
        auth_attempts=0,
        total_count=total,
        paid_count=0,
        remaining_count=total,
        customer_notify=true(body.get("customer_notify", 1)),
        created_at=till.now,
        expire_by=moment_of(body, "expire_by", till.now, least_s=0),
        short_url="",
        has_scheduled_changes=False,
        change_scheduled_at=None,
        source="api",
        payment_method=None,
        offer_id=None,
        pause_initiated_by=None,
        cancel_initiated_by=None,
        _failed=0,
    )
    subscription["short_url"] = f"http://{request.headers.get('host', 'localhost')}/l/{subscription['id']}"
    return shown(subscription)


def every(till: Till, book: Book, request: Request) -> Json:
    """``GET /v1/subscriptions``, perhaps ``?plan_id=``."""
    return listed(map(shown, book.all("subscription")), request.query, plan_id=lambda each, plan_id: each["plan_id"] == plan_id)


def show(till: Till, book: Book, request: Request, sub_id: str) -> Json:
    """``GET /v1/subscriptions/ID``."""
    return shown(book.get("subscription", sub_id))


def pause(till: Till, book: Book, request: Request, sub_id: str) -> Json:
    """``POST /v1/subscriptions/ID/pause``: only what is active."""
    subscription = book.get("subscription", sub_id)
    if subscription["status"] != "active":
        raise refused(f"Subscription cannot be paused when it is in {subscription['status']} state")
    subscription |= {"status": "paused", "paused_at": till.now, "pause_initiated_by": "self"}
    till.tell(book, "subscription.paused", subscription=subscription)
    return shown(subscription)


def resume(till: Till, book: Book, request: Request, sub_id: str) -> Json:
    """``POST /v1/subscriptions/ID/resume``: only what is paused."""
    subscription = book.get("subscription", sub_id)
    if subscription["status"] != "paused":
        raise refused(f"Subscription cannot be resumed when it is in {subscription['status']} state")
    subscription |= {"status": "active", "pause_initiated_by": None}
    till.tell(book, "subscription.resumed", subscription=subscription)
    return shown(subscription)


def cancel(till: Till, book: Book, request: Request, sub_id: str) -> Json:
    """``POST /v1/subscriptions/ID/cancel``: now, or with ``cancel_at_cycle_end`` when what was paid for is over."""
    subscription = book.get("subscription", sub_id)
    if subscription["status"] in OVER:
        raise refused(f"Subscription is not cancellable in {subscription['status']} status.")
    if true(request.json().get("cancel_at_cycle_end")) and subscription["current_end"]:
        subscription |= {"has_scheduled_changes": True, "change_scheduled_at": subscription["current_end"]}
    else:
        _end(till, book, subscription, "cancelled")
    return shown(subscription)


def _end(till: Till, book: Book, subscription: Json, state: str) -> None:
    subscription |= {"status": state, "ended_at": till.now, "charge_at": None}
    till.tell(book, f"subscription.{state}", subscription=subscription)


def invoices(till: Till, book: Book, request: Request) -> Json:
    """``GET /v1/invoices``, perhaps ``?subscription_id=``."""
    return listed(
        map(shown, book.all("invoice")),
        request.query,
        subscription_id=lambda each, sub_id: each["subscription_id"] == sub_id,
        payment_id=lambda each, payment_id: each["payment_id"] == payment_id,
    )


def invoice(till: Till, book: Book, request: Request, invoice_id: str) -> Json:
    """``GET /v1/invoices/ID``."""
    return shown(book.get("invoice", invoice_id))


# --- what customers and time do -------------------------------------------------------------------------------------------------


def agree(till: Till, book: Book, subscription: Json, method: str, outcome: str) -> list[Json]:
    """The customer agrees at ``short_url``; what starts at once is charged at once. The payments made."""
    if subscription["status"] != "created":
        raise refused(f"Subscription is in {subscription['status']} state: nothing is left to agree to")
    subscription["auth_attempts"] += 1
    subscription["payment_method"] = method
    if outcome == payments.FAILED:
        return []
    subscription["status"] = "authenticated"
    till.tell(book, "subscription.authenticated", subscription=subscription)
    if subscription["start_at"] is not None and subscription["start_at"] > till.now:
        return []
    subscription["start_at"] = subscription["charge_at"] = till.now
    subscription["end_at"] = after(till.now, book.get("plan", subscription["plan_id"]), subscription["total_count"])
    return [charge(till, book, subscription)]


def charge(till: Till, book: Book, subscription: Json, outcome: str = payments.CAPTURED) -> Json:
    """Charge the next cycle. The payment."""
    if subscription["status"] in ("created", "paused", *OVER):
        raise refused(f"Subscription cannot be charged in {subscription['status']} state")
    plan = book.get("plan", subscription["plan_id"])
    amount, currency = plan["item"]["amount"] * subscription["quantity"], plan["item"]["currency"]
    order = orders.make(till, book, amount=amount, currency=currency)
    bill = book.add(
        "inv",
        type="invoice",
        subscription_id=subscription["id"],
        order_id=order["id"],
        payment_id=None,
        customer_id=subscription["customer_id"],
        status="issued",
        amount=amount,
        amount_paid=0,
        amount_due=amount,
        currency=currency,
        billing_start=subscription["charge_at"],
        billing_end=after(subscription["charge_at"] or till.now, plan),
        paid_at=None,
        notes=[],
        created_at=till.now,
    )
    payment = payments.attempt(
        till,
        book,
        subject=subscription["id"],
        amount=amount,
        currency=currency,
        method=subscription["payment_method"] or payments.CARD,
        order=order,
        invoice_id=bill["id"],
        description=f"Subscription {subscription['id']}",
    )
    bill["payment_id"] = payment["id"]
    if outcome == payments.FAILED or till.fault("charge_fails", subscription["id"]) is not None:
        payments.fail(till, book, payment)
        _failed(till, book, subscription)
        return payment
    payments.authorize(till, book, payment)
    payments.take(till, book, payment)
    bill |= {"status": "paid", "amount_paid": amount, "amount_due": 0, "paid_at": till.now}
    till.tell(book, "invoice.paid", payment=payment, order=order, invoice=bill)
    _paid(till, book, subscription, plan, payment)
    return payment


def _failed(till: Till, book: Book, subscription: Json) -> None:
    subscription["_failed"] += 1
    subscription["charge_at"] = till.now + DAY_S
    if subscription["_failed"] < TRIES:
        subscription["status"] = "pending"
        till.tell(book, "subscription.pending", subscription=subscription)
    else:
        subscription |= {"status": "halted", "charge_at": None}
        till.tell(book, "subscription.halted", subscription=subscription)


def _paid(till: Till, book: Book, subscription: Json, plan: Json, payment: Json) -> None:
    begins = subscription["current_end"] or subscription["start_at"] or till.now
    ends = after(subscription["start_at"] or till.now, plan, subscription["paid_count"] + 1)
    subscription |= {
        "current_start": begins,
        "current_end": ends,
        "charge_at": ends,
        "paid_count": subscription["paid_count"] + 1,
        "remaining_count": subscription["remaining_count"] - 1,
        "_failed": 0,
    }
    if subscription["status"] != "active":
        subscription["status"] = "active"
        till.tell(book, "subscription.activated", subscription=subscription)
    till.tell(book, "subscription.charged", subscription=subscription, payment=payment)
    if subscription["remaining_count"] <= 0:
        _end(till, book, subscription, "completed")


def tick(till: Till, book: Book, subscription: Json) -> None:
    """Do what is due by now."""
    while (due := subscription["charge_at"]) is not None and due <= till.now:
        if subscription["change_scheduled_at"] is not None and subscription["change_scheduled_at"] <= till.now:
            _end(till, book, subscription, "cancelled")
        elif subscription["status"] in ("authenticated", "active", "pending"):
            charge(till, book, subscription)
        else:
            return
    if subscription["status"] == "created" and (expires := subscription["expire_by"]) is not None and expires <= till.now:
        subscription |= {"status": "expired", "charge_at": None}
