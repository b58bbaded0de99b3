"""THE TABLE: which events raise an alert, how bad it is, what it says, and what makes it resolve by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import msgspec

from csms.core.events import Event
from csms.core.units import iso

from .model import CRITICAL, ERROR, WARNING, Occurrence, Relief

Facts = Mapping[str, Any]
LONGEST_SUBJECT = 600


def always(facts: Facts) -> bool:
    """Whatever the event says."""
    return True


@attrs.frozen(slots=True, kw_only=True)
class Rule:
    """An event type that raises an alert (or, without ``severity``, resolves it) when what it says fits ``when``.

    ``subject`` and ``message`` are filled in with the event's fields; the subject tells one alert of the kind from another.
    """

    kind: str
    event: str = ""
    severity: str = ""
    subject: str
    message: str
    each: str = ""
    """The field with a list, of which each member is an alert of its own: ``{one}`` in the texts."""
    when: Callable[[Facts], bool] = always


RAISES = (
    Rule(
        kind="security_event",
        event="security_event_reported",
        severity=CRITICAL,
        when=lambda facts: bool(facts.get("critical")),
        subject="charger:{charger_id} {kind}",
        message="charger {charger_id} had the security event {kind}: {info}",
    ),
    Rule(
        kind="charger_faulted",
        event="charger_status_changed",
        severity=ERROR,
        when=lambda facts: facts.get("status") == "Faulted",
        subject="charger:{charger_id} {where}",
        message="{where} of charger {charger_id} is at fault: {error_code} {vendor_error_code} {info}",
    ),
    Rule(
        kind="certificate_expiring",
        event="charger_certificate_expiring",
        severity=ERROR,
        subject="charger:{charger_id}",
        message="the certificate of charger {charger_id} ends {expires_at} and was not renewed",
    ),
    Rule(
        kind="firmware_campaign_aborted",
        event="firmware_campaign_aborted",
        severity=ERROR,
        subject="campaign:{campaign_id}",
        message="the firmware campaign {name} was aborted: {reason}",
    ),
    Rule(
        kind="configuration_drifted",
        event="configuration_drifted",
        severity=WARNING,
        each="keys",
        subject="charger:{charger_id} {one}",
        message="{one} of charger {charger_id} is not what it should be",
    ),
    Rule(
        kind="webhook_paused",
        event="webhook_paused",
        severity=ERROR,
        when=lambda facts: bool(facts.get("by_itself")),
        subject="webhook:{webhook_id}",
        message="the webhook {name} to {receiver} was paused: {reason}",
    ),
    Rule(
        kind="payment_odd",
        event="payment_odd",
        severity=WARNING,
        when=lambda facts: facts.get("odd") != "refund",
        subject="payment:{payment_id} {payment_ref}",
        message="{amount_minor} {currency} came for payment {payment_id} ({odd}; {asked_minor} {asked_currency} asked for): {done}",
    ),
    Rule(
        kind="refund_odd",
        event="payment_odd",
        severity=ERROR,
        when=lambda facts: facts.get("odd") == "refund",
        subject="payment:{payment_id} {payment_ref}",
        message="the gateway says that {amount_minor} {currency} of payment {payment_id} went back; {asked_minor} of it are in the ledger",
    ),
    Rule(
        kind="refund_failed",
        event="refund_failed",
        severity=ERROR,
        subject="refund:{refund_id}",
        message="refund {refund_id} of payment {payment_id} failed, its money is where it was: {error}",
    ),
    Rule(
        kind="payment_disputed",
        event="payment_disputed",
        severity=ERROR,
        when=lambda facts: facts.get("state") in ("open", "under_review"),
        subject="dispute:{dispute_id}",
        message="payment {payment_id} is disputed ({reason}): {amount_minor} {currency}; the gateway wants an answer by {respond_by_at}",
    ),
    Rule(
        kind="payment_charged_back",
        event="payment_disputed",
        severity=ERROR,
        when=lambda facts: facts.get("state") == "lost",
        subject="dispute:{dispute_id}",
        message="the dispute of payment {payment_id} is lost: {booked_minor} {currency} went back, out of {booked_to}",
    ),
    Rule(
        kind="payment_notices_forged",
        event="payment_notices_forged",
        severity=ERROR,
        subject="payment-gateway:{gateway_id}",
        message="webhooks with a wrong signature came for the payment gateway {name}: an attack, or a wrong secret",
    ),
    Rule(
        kind="ledger_unbalanced",
        event="ledger_unbalanced",
        severity=CRITICAL,
        subject="ledger:{what} {name}",
        message="the ledger does not add up: {what} {name} should be {expected} and is {found}: {detail}",
    ),
    Rule(
        kind="transaction_estimated",
        event="transaction_ended",
        severity=WARNING,
        when=lambda facts: facts.get("stop_source") == "estimated",
        subject="transaction:{transaction_id}",
        message="transaction {transaction_id} at charger {charger_id} was ended by estimate ({stop_reason}): no stop was reported",
    ),
    Rule(
        kind="billing_failed",
        event="bill_failed",
        severity=ERROR,
        subject="bill:{bill_id}",
        message="transaction {transaction_id} at charger {charger_id} could not be billed: {error} (csms bill retry {bill_id})",
    ),
)

RESOLVES = (
    Rule(
        kind="charger_faulted",
        event="charger_status_changed",
        when=lambda facts: facts.get("previous_status") == "Faulted" and facts.get("status") != "Faulted",
        subject="charger:{charger_id} {where}",
        message="it is {status}",
    ),
    Rule(
        kind="certificate_expiring",
        event="charger_certificate_changed",
        when=lambda facts: facts.get("state") == "active",
        subject="charger:{charger_id}",
        message="a new certificate is in use",
    ),
    Rule(
        kind="configuration_drifted",
        event="configuration_applied",
        each="keys",
        subject="charger:{charger_id} {one}",
        message="the charger took what it should have",
    ),
    Rule(
        kind="webhook_paused",
        event="webhook_resumed",
        subject="webhook:{webhook_id}",
        message="it was resumed",
    ),
    Rule(
        kind="payment_disputed",
        event="payment_disputed",
        when=lambda facts: facts.get("state") in ("won", "lost", "closed"),
        subject="dispute:{dispute_id}",
        message="the dispute is over: {state}",
    ),
    Rule(
        kind="refund_failed",
        event="refund_made",
        subject="refund:{refund_id}",
        message="it went back after all",
    ),
    Rule(
        kind="transaction_estimated",
        event="transaction_corrected",
        when=lambda facts: facts.get("stop_source") == "reported",
        subject="transaction:{transaction_id}",
        message="the charger reported the stop",
    ),
    Rule(kind="billing_failed", event="bill_settled", subject="bill:{bill_id}", message="it is settled"),
    Rule(kind="billing_failed", event="bill_corrected", subject="bill:{bill_id}", message="it is settled"),
    Rule(kind="billing_failed", event="bill_not_billable", subject="bill:{bill_id}", message="{note}"),
)

DEAD_LETTER = Rule(
    kind="dead_letter",
    severity=ERROR,
    subject="consumer:{consumer}",
    message="{consumer} gave up on an event, {event_type}: {error} (csms events replay {consumer})",
)
"""Raised by no event: a consumer gave up on one."""

TYPES = frozenset(rule.event for rule in (*RAISES, *RESOLVES))
"""The event types of the table, also those that no part of this installation tells."""


def meaning(event: Event, event_id: int = 0) -> list[Occurrence | Relief]:
    """What an event means for alerts, by the table."""
    said: dict[str, Any] = msgspec.to_builtins(event)
    found: list[Occurrence | Relief] = []
    for rule in (*RAISES, *RESOLVES):
        if rule.event == event.type and rule.when(said):
            for facts in _spread(rule, said):
                if rule.severity:
                    found.append(occurrence(rule, facts, event_id))
                else:
                    note = _filled(rule.message, facts)
                    found.append(Relief(kind=rule.kind, subject=_subject(rule, facts), note=note, event_id=event_id))
    return found


def _spread(rule: Rule, facts: Facts) -> list[Facts]:
    """The facts once, or once for each member of the rule's list."""
    return [{**facts, "one": one} for one in facts.get(rule.each, ())] if rule.each else [facts]


def occurrence(rule: Rule, facts: Facts, event_id: int = 0) -> Occurrence:
    """What a rule makes of these facts."""
    return Occurrence(
        kind=rule.kind,
        severity=rule.severity,
        subject=_subject(rule, facts),
        message=_filled(rule.message, facts),
        charger_id=str(facts.get("charger_id", "")),
        detail=dict(facts),
        event_id=event_id,
    )


def _subject(rule: Rule, facts: Facts) -> str:
    return _filled(rule.subject, facts)[:LONGEST_SUBJECT]


def _filled(template: str, facts: Facts) -> str:
    """A text with facts in it; where it has no fact for a place, that stays empty."""
    return " ".join(template.format_map(_Words(facts)).split()).rstrip(" :")


class _Words(dict[str, str]):
    """Facts as words: instants as people read them, places by their connector."""

    def __init__(self, facts: Facts) -> None:
        super().__init__((name, _word(name, value)) for name, value in facts.items())
        place = facts.get("place")
        if isinstance(place, Mapping):
            self["where"] = f"connector {place['evse']}.{place['connector']}" if place.get("evse") else "the whole"

    def __missing__(self, name: str) -> str:
        return ""


def _word(name: str, value: Any) -> str:
    if value is None:
        return ""
    return iso(value) if name.endswith("_at") and isinstance(value, int) else str(value)
