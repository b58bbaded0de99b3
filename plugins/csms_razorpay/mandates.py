"""Recurring payments: subscriptions to plans, of which there is one for each amount and period."""

from __future__ import annotations

from csms.hooks import GatewayError, Mandate, MandateWanted

from . import reading
from .desk import Desk, Json, every, known, notes, reference_in

REACHED = {"pause": ("paused",), "resume": ("active",), "cancel": ("cancelled",)}


def start(desk: Desk, wanted: MandateWanted) -> Mandate:
    """Set up a subscription, once per reference."""
    plan_id = _plan(desk, wanted)
    for made in every(desk.sdk.subscription.all, {"plan_id": plan_id, "from": desk.since}):
        if reference_in(made) == wanted.reference:
            return reading.mandate(made)
    asked: Json = {
        "plan_id": plan_id,
        "total_count": wanted.times,
        "customer_notify": 1,  # banks want their notices before a debit to come from the gateway
        "notes": notes(wanted.reference, "recurring", wanted.notes),
    }
    if wanted.starts_at is not None and wanted.starts_at > desk.now:
        asked["start_at"] = wanted.starts_at // 1000
    contact = {"notify_phone": wanted.customer_phone, "notify_email": wanted.customer_email}
    if any(contact.values()):
        asked["notify_info"] = {name: word for name, word in contact.items() if word}
    return reading.mandate(desk.sdk.subscription.create(asked))


def _plan(desk: Desk, wanted: MandateWanted) -> str:
    """The plan for this amount and period: one that is there, or a new one. Plans cannot be deleted, so they are shared."""
    name = f"csms {wanted.period} {wanted.every} {wanted.currency} {wanted.amount_minor}"
    for plan in every(desk.sdk.plan.all, {}):
        item = plan.get("item") or {}
        asked = (wanted.period, wanted.every, wanted.amount_minor, wanted.currency, name)
        if (plan.get("period"), plan.get("interval"), item.get("amount"), item.get("currency"), item.get("name")) == asked:
            return str(plan["id"])
    item = {"name": name, "amount": wanted.amount_minor, "currency": wanted.currency}
    made: Json = desk.sdk.plan.create({"period": wanted.period, "interval": wanted.every, "item": item})
    return str(made["id"])


def show(desk: Desk, mandate_id: str) -> Mandate:
    """A subscription as it is now."""
    return reading.mandate(desk.sdk.subscription.fetch(known(mandate_id)))


def change(desk: Desk, mandate_id: str, wish: str) -> Mandate:
    """Pause, resume or cancel; what is so already stays so."""
    known(mandate_id)
    if wish not in REACHED:
        raise GatewayError(f"a mandate cannot be told to {wish!r}: pause, resume or cancel", code="change")
    try:
        match wish:
            case "pause":
                changed = desk.sdk.subscription.pause(mandate_id, {"pause_at": "now"})
            case "resume":
                changed = desk.sdk.subscription.resume(mandate_id, {"resume_at": "now"})
            case _:
                changed = desk.sdk.subscription.cancel(mandate_id, {"cancel_at_cycle_end": 0})
    except GatewayError:
        found = show(desk, mandate_id)
        if found.state not in REACHED[wish]:
            raise
        return found
    return reading.mandate(changed)
