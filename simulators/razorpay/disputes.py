"""Disputes: payers who ask their bank for their money back. ``/v1/disputes``, and what raises and ends one."""

from __future__ import annotations

from simulators.web import Answer, Json, Request

from .book import Book, listed
from .problems import refused
from .till import Till, shown

DAY_S = 86_400
ANSWER_DAYS = 7
OPEN, OVER = ("open", "under_review"), ("won", "lost", "closed")


def raise_one(till: Till, request: Request, payment_id: str) -> Answer:
    """``POST /stub/payments/ID/dispute {amount, reason, respond_by_s}``: the payer asks their bank for the money back."""
    book, payment = till.whose(payment_id)
    said = request.fields()
    amount, answer_s = str(said.get("amount") or payment["amount"]), str(said.get("respond_by_s") or ANSWER_DAYS * DAY_S)
    if not payment.get("captured"):
        raise refused(f"{payment_id} was not captured")
    if not amount.isdigit() or not 0 < int(amount) <= payment["amount"] or not answer_s.isdigit():
        raise refused("amount is a number of minor units, at most the payment's; respond_by_s a number of seconds")
    dispute = book.add(
        "disp",
        payment_id=payment_id,
        amount=int(amount),
        currency=payment["currency"],
        amount_deducted=0,
        reason_code=str(said.get("reason") or "chargeback_authorization"),
        respond_by=till.now + int(answer_s),
        status="open",
        phase="chargeback",
        created_at=till.now,
        evidence={"amount": 0, "summary": None, "submitted_at": None},
    )
    till.tell(book, "payment.dispute.created", payment=payment, dispute=dispute)
    return Answer.json(shown(dispute), 201)


def decide(till: Till, request: Request, dispute_id: str) -> Answer:
    """``POST /stub/disputes/ID {outcome}``: ``under_review``, ``won``, ``lost`` or ``closed``."""
    book, dispute = till.whose(dispute_id)
    outcome = str(request.fields().get("outcome") or "lost")
    if outcome not in (*OPEN[1:], *OVER) or dispute["status"] not in OPEN:
        raise refused(f"outcome is under_review, {', '.join(OVER)}; {dispute_id} is {dispute['status']}")
    dispute["status"] = outcome
    if outcome == "lost":
        dispute["amount_deducted"] = dispute["amount"]
    payment = book.get("payment", dispute["payment_id"])
    till.tell(book, f"payment.dispute.{outcome}", payment=payment, dispute=dispute)
    return Answer.json(shown(dispute))


def every(till: Till, book: Book, request: Request) -> Json:
    """``GET /v1/disputes``."""
    return listed(map(shown, book.all("dispute")), request.query)


def show(till: Till, book: Book, request: Request, dispute_id: str) -> Json:
    """``GET /v1/disputes/ID``."""
    return shown(book.get("dispute", dispute_id))
