"""Plans, of which subscriptions are made: ``/v1/plans``."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta

from simulators.web import Json, Request

from .book import Book, listed
from .problems import amount_of, choice_of, currency_of, notes_of, refused, text_of
from .till import Till, shown

PERIODS = ("daily", "weekly", "monthly", "quarterly", "yearly")
LEAST_DAYS = 7
"""A daily plan charges every seven days at the most often."""


def create(till: Till, book: Book, request: Request) -> Json:
    """``POST /v1/plans``. A plan cannot be changed or deleted."""
    body = request.json()
    period = choice_of(body, "period", PERIODS)
    interval, item = body.get("interval"), body.get("item")
    if isinstance(interval, bool) or not isinstance(interval, int) or not 1 <= interval <= 4000:
        raise refused("The interval must be at least 1.", field="interval")
    if period == "daily" and interval < LEAST_DAYS:
        raise refused(f"For daily plans, the interval must be at least {LEAST_DAYS}.", field="interval")
    if not isinstance(item, dict):
        raise refused("The item field is required.", field="item")
    currency = currency_of(item)
    amount = amount_of(item, currency)
    return shown(
        book.add(
            "plan",
            interval=interval,
            period=period,
            item={
                "id": book.new_id("item"),
                "active": True,
                "name": text_of(item, "name", most=255, required=True),
                "description": text_of(item, "description", most=255),
                "amount": amount,
                "unit_amount": amount,
                "currency": currency,
                "type": "plan",
                "unit": None,
                "tax_inclusive": False,
                "created_at": till.now,
                "updated_at": till.now,
            },
            notes=notes_of(body),
            created_at=till.now,
        )
    )


def every(till: Till, book: Book, request: Request) -> Json:
    """``GET /v1/plans``."""
    return listed(map(shown, book.all("plan")), request.query)


def show(till: Till, book: Book, request: Request, plan_id: str) -> Json:
    """``GET /v1/plans/ID``."""
    return shown(book.get("plan", plan_id))


def after(moment: int, plan: Json, cycles: int = 1) -> int:
    """When so many cycles of a plan have passed since a moment, in seconds since 1970 (UTC; the 31st becomes the last of a month)."""
    begins, count = datetime.fromtimestamp(moment, UTC), plan["interval"] * cycles
    match plan["period"]:
        case "daily":
            ends = begins + timedelta(days=count)
        case "weekly":
            ends = begins + timedelta(weeks=count)
        case period:
            months = begins.month - 1 + count * {"monthly": 1, "quarterly": 3, "yearly": 12}[period]
            year, month = begins.year + months // 12, months % 12 + 1
            ends = begins.replace(year=year, month=month, day=min(begins.day, monthrange(year, month)[1]))
    return int(ends.timestamp())
