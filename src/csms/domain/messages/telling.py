"""THE TABLE: which events are told to whom, by which template. By the events' names: a slice or plugin whose events never come is not missed.

What an event says is read with care: an event of a name may lack a field that another version of it has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from csms.core.events import Event
from csms.core.messages import Notice
from csms.core.payments import LINK
from csms.core.ports import ReadTx
from csms.domain.billing.model.prepaying import CHARGING, FINISHED, GIVEN_BACK, PrepaidStatus
from csms.domain.billing.service import following

from .choices import SEVERITIES
from .store import people, sights

LATE_MS = 3_600_000
LATE_END_MS = 86_400_000
"""A start, or an end, that is heard later than this is no news (a charger was offline)."""
MOST_UNPAID, UNPAID_MS = 6, 3_600_000
"""So many guests who have not paid are told something within that time, at one connector."""


@attrs.frozen(slots=True)
class Facts:
    """What an event says: by name, with nothing where it does not say it."""

    event: Event
    event_id: int
    occurred_at: int
    more: Mapping[str, Any] = attrs.field(factory=dict)
    """What was found out besides, such as where something is paid."""

    def get(self, name: str, default: Any = None) -> Any:
        """One field."""
        found = self.more.get(name, getattr(self.event, name, None))
        return default if found is None else found

    def text(self, *names: str) -> dict[str, str]:
        """Those of the fields that it says, as texts."""
        return {name: str(found) for name in names if (found := self.get(name)) is not None}

    @property
    def key(self) -> str:
        """The key of what is told of it: once per event."""
        return f"{self.event.type}:{self.event_id}"


Tell = Callable[[ReadTx, Facts], Sequence[Notice]]
"""``tell(tx, facts)``: what is to be told of an event; nothing where nobody is to hear of it."""


def _where(tx: ReadTx, facts: Facts) -> dict[str, str]:
    """The fields that say where it was."""
    charger_id = facts.get("charger_id", "")
    evse = facts.get("evse", 0)
    return {
        "station": sights.station_name(tx, charger_id, facts.get("station_id")),
        "charger_id": charger_id,
        "connector": str(evse) if evse else "",
    }


def _to_driver(facts: Facts, template: str, fields: Mapping[str, str], **more: Any) -> list[Notice]:
    driver_id = facts.get("driver_id")
    return [] if driver_id is None else [Notice(key=facts.key, template=template, fields=fields, driver_id=driver_id, **more)]


def _to_payer(facts: Facts, template: str, fields: Mapping[str, str], **more: Any) -> list[Notice]:
    """To the driver, or the guest, who pays the payment that an event is about."""
    if facts.get("driver_id") is not None:
        return _to_driver(facts, template, fields, **more)
    payment_id = facts.get("payment_id")
    return [] if payment_id is None else [Notice(key=facts.key, template=template, fields=fields, payment_id=payment_id, **more)]


# --- charging -------------------------------------------------------------------------------------------------------------------


def started(tx: ReadTx, facts: Facts) -> list[Notice]:
    """Charging started: told while it is news, of a token that may charge."""
    at = facts.get("started_at", facts.occurred_at)
    if facts.get("token_status", "Accepted") != "Accepted" or facts.occurred_at - at > LATE_MS:
        return []
    token = sights.token_label(tx, facts.get("token", ""))
    return _to_driver(facts, "charging_started", {**_where(tx, facts), "started_at": str(at), "token": token})


def ended(tx: ReadTx, facts: Facts) -> list[Notice]:
    """Charging ended."""
    begun, stopped = facts.get("started_at"), facts.get("stopped_at", facts.occurred_at)
    if facts.get("state", "completed") != "completed" or facts.occurred_at - stopped > LATE_END_MS:
        return []
    fields = {**_where(tx, facts), "ended_at": str(stopped), **facts.text("energy_wh")}
    if begun is not None:
        fields["duration_s"] = str(max(0, stopped - begun) // 1000)
    return _to_driver(facts, "charging_ended", {**fields, "reason": facts.get("stop_reason", "")})


def reserved(tx: ReadTx, facts: Facts) -> list[Notice]:
    """A connector is kept free."""
    return _to_driver(facts, "reservation_made", {**_where(tx, facts), "until_at": str(facts.get("expires_at", facts.occurred_at))})


def unreserved(tx: ReadTx, facts: Facts) -> list[Notice]:
    """A reservation ended without being used."""
    why = facts.get("state", "")
    if why not in ("cancelled", "expired", "released"):
        return []
    return _to_driver(facts, "reservation_ended", {**_where(tx, facts), "why": why})


# --- money ----------------------------------------------------------------------------------------------------------------------


def settled(tx: ReadTx, facts: Facts) -> list[Notice]:
    """A charge is billed and paid: its receipt. Of one that costs nothing, or is still owed, there is none."""
    if facts.get("total_minor", 0) <= 0 or facts.get("open_minor", 0) > 0:
        return []
    return _to_driver(facts, "receipt", _bill(tx, facts, facts.get("total_minor", 0)))


def paid_up(tx: ReadTx, facts: Facts) -> list[Notice]:
    """What was open of a bill is paid."""
    if facts.get("written_off_minor", 0) or facts.get("total_minor", 0) <= 0:
        return []
    return _to_driver(facts, "receipt", _bill(tx, facts, facts.get("total_minor", 0)))


def _bill(tx: ReadTx, facts: Facts, amount_minor: int) -> dict[str, str]:
    said = {**_where(tx, facts), "amount_minor": str(amount_minor), **facts.text("currency", "energy_wh", "ended_at")}
    return {name: value for name, value in said.items() if value}


def owed(tx: ReadTx, facts: Facts) -> list[Notice]:
    """Somewhat of a charge is still to be paid."""
    amount = facts.get("open_minor", facts.get("amount_minor", 0))
    if amount <= 0:
        return []
    where = _where(tx, facts)
    what = where["station"] or where["charger_id"]
    link = facts.get("pay_url", "")
    actions = (("pay", link),) if link else ()
    fields = {"amount_minor": str(amount), "what": what, **facts.text("currency")}
    return _to_driver(facts, "payment_link", fields, actions=actions)


def paid(tx: ReadTx, facts: Facts) -> list[Notice]:
    """Money came: into the wallet, or for what was owed. A charge that was paid beforehand gets its receipt when it is over."""
    if facts.get("purpose", "") == "prepaid":
        return []
    return _to_driver(facts, "payment_received", facts.text("amount_minor", "currency", "balance_minor"))


def not_paid(tx: ReadTx, facts: Facts) -> list[Notice]:
    """A payment failed."""
    return (
        []
        if _by_many(tx, facts)
        else _to_payer(facts, "payment_failed", {**facts.text("amount_minor", "currency"), "why": facts.get("error", "")})
    )


def refunded(tx: ReadTx, facts: Facts) -> list[Notice]:
    """Money goes back."""
    return _to_payer(facts, "refund", {**facts.text("amount_minor", "currency"), "why": facts.get("reason", "")})


def low(tx: ReadTx, facts: Facts) -> list[Notice]:
    """A wallet is low."""
    balance = facts.get("available_minor", facts.get("balance_minor"))
    fields = {"balance_minor": str(balance), **facts.text("currency")}
    return [] if balance is None else _to_driver(facts, "low_balance", fields, urgent=facts.get("transaction_id") is not None)


def invoiced(tx: ReadTx, facts: Facts) -> list[Notice]:
    """An invoice was issued; its document goes with it, where it has one. ``sends_pdf``: whoever prints it tells of it then, with it."""
    if facts.get("sends_pdf", False):
        return []
    amount = facts.get("amount_minor", facts.get("total_minor"))
    fields = {**facts.text("number", "currency", "issued_on")}
    if amount is not None:
        fields["amount_minor"] = str(amount)
    if "issued_on" not in fields and facts.get("issued_at") is not None:
        fields["issued_at"] = str(facts.get("issued_at"))
    document = facts.get("document_id")
    return _to_driver(facts, "invoice_issued", fields, document_ids=() if document is None else (document,))


# --- prepaid --------------------------------------------------------------------------------------------------------------------


def asked(tx: ReadTx, facts: Facts) -> list[Notice]:
    """A payment can be paid: a guest gets its link, for they have no place where they could find it again. It is told while it holds."""
    if facts.get("driver_id") is not None or facts.get("way") != LINK or _by_many(tx, facts):
        return []
    link, what = sights.open_link(tx, facts.get("payment_id", 0))
    fields = {"what": what, **facts.text("amount_minor", "currency")}
    return _to_payer(facts, "payment_link", fields, actions=(("pay", link),), expires_at=facts.get("expires_at")) if link else []


def _by_many(tx: ReadTx, facts: Facts) -> bool:
    """Whether more guests than ever stand at a connector want to pay there and do not: somebody has messages sent to strangers' numbers, at
    the tenant's expense. Who really stands there has the link before their eyes."""
    if facts.get("driver_id") is not None:
        return False
    since = facts.occurred_at - UNPAID_MS
    return sights.unpaid_before(tx, facts.get("payment_id", 0), since, MOST_UNPAID) >= MOST_UNPAID


def prepaid(tx: ReadTx, facts: Facts) -> list[Notice]:
    """A charge that was paid beforehand goes on. Drivers hear of charges and bills by other events, but not of one that came to nothing."""
    state, is_guests = facts.get("state"), facts.get("driver_id") is None
    if state not in (FINISHED, GIVEN_BACK) and not (state == CHARGING and is_guests):
        return []
    shown = following.status(tx, facts.get("prepaid_id", 0))
    if state == CHARGING:
        at = facts.occurred_at if shown.started_at is None else shown.started_at
        fields = {**_where(tx, facts), "started_at": str(at)}
        return [] if facts.occurred_at - at > LATE_MS else _to_payer(facts, "charging_started", fields)
    if state == GIVEN_BACK or not shown.cost_minor:
        back = sum(each.amount_minor for each in shown.refunds) + shown.to_wallet_minor
        amount = {"amount_minor": str(back)} if back else {}
        fields = {**_where(tx, facts), **amount, "currency": shown.currency, "why": shown.note}
        return _to_payer(facts, "prepaid_returned", fields)
    return _to_payer(facts, "receipt", _finished(tx, facts, shown)) if is_guests else []


def _finished(tx: ReadTx, facts: Facts, shown: PrepaidStatus) -> dict[str, str]:
    """What a guest's charge was, cost, and what of the money goes back."""
    back = sum(each.amount_minor for each in shown.refunds)
    said = {
        "amount_minor": shown.cost_minor,
        "energy_wh": shown.energy_wh,
        "ended_at": shown.ended_at,
        "refund_minor": back or None,
    }
    known = {name: str(value) for name, value in said.items() if value is not None}
    return {**_where(tx, facts), **known, "currency": shown.currency}


# --- plans ----------------------------------------------------------------------------------------------------------------------


def planned(template: str) -> Tell:
    """What happens to a driver's plan, as the plugin for plans says it."""

    def tell(tx: ReadTx, facts: Facts) -> list[Notice]:
        plan = facts.get("plan_name", facts.get("plan", facts.get("name", "")))
        fields = {"plan": str(plan), **facts.text("amount_minor", "currency", "ends_on", "until_on")}
        if credited := facts.get("credited_minor"):
            fields["credited_minor"] = str(credited)
        for name in ("ends", "until"):
            if f"{name}_on" not in fields and (at := facts.get(f"{name}_at")) is not None:
                fields[f"{name}_at"] = str(at)
        why = facts.get("why", facts.get("reason", facts.get("error", "")))
        return _to_driver(facts, template, {**fields, "why": str(why)})

    return tell


# --- the operator's people ------------------------------------------------------------------------------------------------------


def alerted(tx: ReadTx, facts: Facts) -> list[Notice]:
    """Somebody should look at something: for the operator's people, from the severity on that the tenant says."""
    severity = facts.get("severity", "")
    if severity not in SEVERITIES or SEVERITIES.index(severity) < SEVERITIES.index(people.settings(tx).alerts_from):
        return []
    charger_id = facts.get("charger_id", "")
    fields = {
        "severity": severity,
        "message": facts.get("message", ""),
        "alert": facts.get("kind", ""),
        "station": sights.station_name(tx, charger_id),
        "charger_id": charger_id,
        "raised_at": str(facts.occurred_at),
    }
    return [Notice(key=facts.key, template="station_alert", fields=fields, staff=True, urgent=severity == "critical")]


def answered(tx: ReadTx, facts: Facts) -> list[Notice]:
    """The operator answered a ticket."""
    if facts.get("by", "") != "staff":
        return []
    ticket_id = facts.get("ticket_id", 0)
    title, author = sights.ticket(tx, ticket_id, facts.get("message_id", 0))
    return _to_driver(facts, "ticket_replied", {"number": str(ticket_id), "title": title, "by": author})


def joined(tx: ReadTx, facts: Facts) -> list[Notice]:
    """Somebody became one of the tenant's people, or a driver of it."""
    fields = {"role": facts.get("role", "")}
    if facts.get("role") == "driver" and facts.get("driver_id") is not None:
        return _to_driver(facts, "welcome", fields)
    return [Notice(key=facts.key, template="welcome", fields=fields, user_id=facts.get("user_id"))]


def changed(tx: ReadTx, facts: Facts) -> list[Notice]:
    """What somebody may do changed."""
    fields = facts.text("role", "what")
    return [Notice(key=facts.key, template="access_changed", fields=fields, user_id=facts.get("user_id"))]


TABLE: Mapping[str, Tell] = {
    "transaction_started": started,
    "transaction_ended": ended,
    "reservation_made": reserved,
    "reservation_ended": unreserved,
    "bill_settled": settled,
    "bill_paid": paid_up,
    "bill_open": owed,
    "wallet_low": low,
    "payment_opened": asked,
    "payment_paid": paid,
    "payment_failed": not_paid,
    "refund_made": refunded,
    "prepaid_charge_changed": prepaid,
    "invoice_issued": invoiced,
    "plan_subscribed": planned("plan_subscribed"),
    "plan_renewed": planned("plan_renewed"),
    "plan_expiring": planned("plan_expiring"),
    "plan_failed": planned("plan_failed"),
    "plan_suspended": planned("plan_suspended"),
    "plan_paused": planned("plan_paused"),
    "plan_resumed": planned("plan_resumed"),
    "plan_changed": planned("plan_changed"),
    "plan_cancelled": planned("plan_cancelled"),
    "plan_ended": planned("plan_ended"),
    "alert_raised": alerted,
    "ticket_replied": answered,
    "user_joined": joined,
    "user_changed": changed,
}
"""What is told, by the event's name. A plugin whose events stand here need not tell of them itself (``context.messenger``)."""
