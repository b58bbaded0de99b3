"""What tests and people ask of the stub itself, under ``/stub``: paying, time, accounts, and pages with buttons."""

from __future__ import annotations

from urllib.parse import quote

import attrs

from simulators import pages
from simulators.pages import button, cells, heading, link, page, table, text
from simulators.web import Answer, Json, Request

from . import links, paying, payments, refunds, subscriptions
from .problems import refused
from .till import Till, shown

SHOWN = 25
MAX_ADVANCE_S = 10 * 366 * 86_400


def pay(till: Till, request: Request, some_id: str) -> Answer:
    """``POST /stub/pay/ID``: pay, as the customer. A form (the buttons) is answered with a page, JSON with JSON."""
    said = request.fields()
    done = paying.pay(till, some_id, said)
    if "application/x-www-form-urlencoded" not in request.headers.get("content-type", "") or not said.get("page"):
        return attrs.evolve(Answer.json(done), headers={"Access-Control-Allow-Origin": "*"})  # for checkout.js
    if done["next"]:
        return Answer.redirect(done["next"])
    return Answer.redirect(f"/l/{quote(some_id)}")


def pay_page(till: Till, request: Request, some_id: str) -> Answer:
    """``GET /l/ID``: the page behind a payment link's or a subscription's ``short_url``; also of orders and QR codes."""
    _, target = till.whose(some_id)
    item = till.whose(target["plan_id"])[1]["item"] if "plan_id" in target else target
    amount = item.get("amount", item.get("payment_amount")) or 0
    buttons = [
        button(f"/stub/pay/{quote(some_id)}", f"{words} by {method}", {"method": method, "outcome": outcome, "page": "1"})
        for outcome, words in (("captured", "Pay"), ("failed", "Fail to pay"))
        for method in ((payments.UPI,) if some_id.startswith("qr_") else payments.METHODS)
    ]
    picture = f'<p><img alt="QR code" src="/qr/{quote(some_id)}.png"></p>' if some_id.startswith("qr_") else ""
    body = [
        text(target.get("description") or some_id),
        heading(f"{item.get('currency', 'INR')} {amount / 100:.2f}"),
        picture,
        text(f"This is {target['status']}."),
        *(buttons if target["status"] in ("created", "attempted", "active") or some_id.startswith("order_") else ()),
        '<p class="note">A stub: no money moves.</p>',
    ]
    return Answer.html(page("Pay", *body))


def state(till: Till, request: Request) -> Answer:
    """``GET /stub/state``: every entity of every account."""
    return Answer.json(
        {
            "now": till.now,
            "accounts": [
                {
                    "key_id": book.key_id,
                    "webhook_url": book.webhook_url,
                    **{f"{kind}s": [shown(each) for each in book.all(kind)] for kind in book.entities},
                }
                for book in till.books.values()
            ],
        }
    )


def accounts(till: Till, request: Request) -> Answer:
    """``POST /stub/accounts {key_id, key_secret, webhook_secret, webhook_url}``: open one more, or change one."""
    said = request.fields()
    missing = [name for name in ("key_id", "key_secret", "webhook_secret") if not said.get(name)]
    if missing:
        raise refused(f"missing: {', '.join(missing)}")
    book = till.open(str(said["key_id"]), str(said["key_secret"]), str(said["webhook_secret"]), str(said.get("webhook_url", "")))
    return Answer.json({"key_id": book.key_id, "webhook_url": book.webhook_url}, 201)


def clock(till: Till, request: Request) -> Answer:
    """``POST /stub/clock {advance_s}``: let time pass; what is due by then happens."""
    advance = str(request.fields().get("advance_s", ""))
    if not advance.isdigit() or int(advance) > MAX_ADVANCE_S:
        raise refused("advance_s is a number of seconds, at most ten years")
    till.advanced_s += int(advance)
    paying.tick(till)
    return Answer.json({"now": till.now})


def charge(till: Till, request: Request, sub_id: str) -> Answer:
    """``POST /stub/subscriptions/ID/charge {outcome}``: charge the next cycle now."""
    book, subscription = till.whose(sub_id)
    outcome = str(request.fields().get("outcome") or payments.CAPTURED)
    return Answer.json(
        {"payment": shown(subscriptions.charge(till, book, subscription, outcome)), "subscription": shown(subscription)}
    )


def process(till: Till, request: Request, refund_id: str) -> Answer:
    """``POST /stub/refunds/ID {outcome}``: let a pending refund be ``processed`` or ``failed`` now."""
    book, refund = till.whose(refund_id)
    refund["_fails"] = request.fields().get("outcome", "processed") == "failed"
    refunds.process(till, book, refund)
    return Answer.json(shown(refund))


def expire(till: Till, request: Request, link_id: str) -> Answer:
    """``POST /stub/links/ID/expire``: let a link's time be over."""
    book, found = till.whose(link_id)
    if found["status"] != "created":
        raise refused(f"{link_id} is {found['status']}")
    links.expire(till, book, found)
    return Answer.json(shown(found))


def home(till: Till, request: Request) -> Answer:
    """``GET /``: what was asked for and paid, with buttons."""
    pieces = []
    for book in till.books.values():
        open_ones = [
            each
            for kind in ("payment_link", "qr_code", "order", "subscription")
            for each in book.all(kind)
            if each["status"] in ("created", "attempted", "active") and not each.get("_completes")
        ][:SHOWN]
        pieces += [
            heading(f"Account {book.key_id}"),
            text(f"webhooks go to {book.webhook_url or 'nobody: give --webhook-url'}"),
            heading("To be paid"),
            table(("what", "amount", "reference", "state"), [_row(each) for each in open_ones]),
            heading("Payments"),
            table(
                ("payment", "amount", "method", "state", "refunded", "order"),
                [
                    cells(
                        each["id"],
                        _money(each),
                        each["method"],
                        each["status"],
                        each["amount_refunded"] / 100,
                        each["order_id"] or "",
                    )
                    for each in book.all("payment")[:SHOWN]
                ],
            ),
        ]
    notices = list(till.poster.notices)[-SHOWN:][::-1]
    pieces += [
        heading("Webhooks"),
        table(
            ("event", "state", "attempts", ""),
            [
                [
                    *cells(notice.kind, notice.state, ", ".join(notice.attempts)),
                    button(f"/stub/webhooks/{notice.event_id}/again", "send again", {}),
                ]
                for notice in notices
            ],
        ),
        text("Everything as JSON:") + " · ".join(link(f"/stub/{name}") for name in ("state", "webhooks", "faults")),
    ]
    return Answer.html(pages.page("Razorpay stub", *pieces))


def _money(entity: Json) -> str:
    amount = entity.get("amount", entity.get("payment_amount"))
    return "" if amount is None else f"{entity.get('currency', 'INR')} {amount / 100:.2f}"


def _row(entity: Json) -> list[str]:
    reference = entity.get("receipt") or entity.get("reference_id") or dict(entity.get("notes") or ()).get("reference", "")
    return [link(f"/l/{entity['id']}", entity["id"]), *cells(_money(entity), reference, entity["status"])]
