"""Sends messages: what is tried now, what became of an attempt, and what channels tell later."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import attrs

from csms.core.ports import ReadTx, Tx
from csms.core.units import doubled
from csms.domain.documents import store as documents
from csms.domain.documents.model import Content
from csms.domain.messages.catalogue import COMMON, TEMPLATES, Template
from csms.domain.messages.choices import MessageSettings, Person
from csms.domain.messages.judging import address_of, is_counted, language_of
from csms.domain.messages.model import (
    ADDRESS,
    DELIVERED,
    FAILED,
    GONE_OUT,
    HELD,
    OUTBOX,
    QUEUED,
    READ,
    SENDING,
    SENT,
    SUPPRESSED,
    WAITING,
    Came,
    Held,
    MessageFailed,
    MessageSent,
    Rules,
    message_key,
    recipient_key,
)
from csms.domain.messages.overrides import Approval
from csms.domain.messages.shipped import LANGUAGES
from csms.domain.messages.store import messages as store
from csms.domain.messages.store import people, queue, templates

from . import taking

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
LEASE_MORE_MS = 60_000
URGENT_TRIES = 2
"""Attempts by one channel of what is urgent, where there is another channel."""
LONGEST_ERROR = 500
TOO_MUCH = "the recipient was sent too much lately"


@attrs.frozen(slots=True, kw_only=True)
class Parcel:
    """An attempt that begins: the message, and everything that its words are made of."""

    message: Held = attrs.field(repr=False)
    tenant: int
    channel: str
    recipient: str = attrs.field(repr=False)
    language: str
    attempt: int
    log_id: int
    template: Template
    common: Mapping[str, str] = attrs.field(repr=False)
    currency: str
    time_zone: str
    signature: str
    sms_most_parts: int
    own_forms: Mapping[str, str] | None
    """The tenant's own words, None where the shipped ones count."""
    approval: Approval | None
    documents: Sequence[Content]


def person_of(tx: ReadTx, held: Held) -> Person | None:
    """Whom a message is to, as they are now."""
    if held.driver_id is not None:
        return people.driver(tx, held.driver_id)
    if held.user_id is not None:
        return people.user(tx, held.user_id)
    if held.payment_id is not None:
        return people.guest(tx, held.payment_id)
    channel = next((each for each in held.plan if each != OUTBOX), OUTBOX)
    return Person(kind=ADDRESS, channel=channel, recipient=held.recipient, language=held.language)


def begin(tx: Tx, message_id: int, available: Collection[str], rules: Rules) -> Parcel | None:
    """Begin an attempt; None where there is none to be made now. It is judged anew: people may have chosen otherwise meanwhile.

    Until ``settle`` it is ``SENDING``; where that never comes it is due again when any attempt must have ended.
    """
    tx.claim(message_key(message_id))
    held = store.held(tx, message_id)
    if held is None or held.state not in WAITING or held.due_at > tx.now:
        return None
    template = TEMPLATES.get(held.template)
    person = person_of(tx, held)
    if template is None or person is None:
        _end(tx, held, "its template or its recipient is not there any more")
        return None
    if held.expires_at <= tx.now:
        _end(tx, held, held.error or "it came to be of no use before it could be sent")
        return None
    settings = people.settings(tx)
    found = taking.judged(tx, person, template, settings, available, urgent=held.rank == 0, expires_at=held.expires_at)
    if found.state == SUPPRESSED:
        _end(tx, held, found.why, state=FAILED if held.attempts else SUPPRESSED)
        return None
    if found.state == HELD:
        _hold(tx, held, found.due_at, found.why)
        return None
    if held.attempts == 0 and person.kind != ADDRESS and found.plan:
        held = attrs.evolve(held, plan=found.plan, step=0)
    if is_counted(template) and held.rank > 0:
        tx.claim(recipient_key(tx.tenant, *held.who))
        free_at = _free_at(tx, held, settings)
        if free_at is not None and free_at < held.expires_at:
            _hold(tx, held, free_at, TOO_MUCH)
        elif free_at is not None:
            _end(tx, held, TOO_MUCH, state=FAILED if held.attempts else SUPPRESSED)
        if free_at is not None:
            return None
    return _begun(tx, held, person, template, settings, available, rules)


def _begun(
    tx: Tx,
    held: Held,
    person: Person,
    template: Template,
    settings: MessageSettings,
    available: Collection[str],
    rules: Rules,
) -> Parcel | None:
    step = _usable(held, person, available, held.step)
    if step is None:
        _end(tx, held, held.error or "no channel reaches the recipient")
        return None
    channel = held.plan[step]
    recipient = address_of(person, channel)
    own = templates.own(tx, template.name)
    language = language_of(person, settings, {*LANGUAGES, *own})
    stored = own.get(language)
    sender = people.sender(tx)
    store.update(
        tx,
        held.id,
        state=SENDING,
        plan=held.plan,
        step=step,
        channel=channel,
        recipient=recipient,
        language=language,
        tries=held.tries + 1 if channel == held.channel else 1,
        attempts=held.attempts + 1,
        began_at=tx.now,
        due_at=tx.now + round(rules.timeout_s * 1000) + LEASE_MORE_MS,
    )
    values = {"name": person.name, "tenant": sender.name, "support": sender.support}
    return Parcel(
        message=held,
        tenant=tx.tenant,
        channel=channel,
        recipient=recipient,
        language=language,
        attempt=held.attempts + 1,
        log_id=store.note(tx, held.id, SENDING, channel=channel),
        template=template,
        common={name: values[name] for name in COMMON},
        currency=sender.currency,
        time_zone=person.preferences.time_zone or sender.time_zone,
        signature=settings.signature,
        sms_most_parts=settings.sms_most_parts,
        own_forms=None if stored is None else stored.forms,
        approval=None if stored is None else stored.approvals.get(channel),
        documents=[each for number in held.documents if (each := documents.content(tx, number, thumbnail=False)) is not None],
    )


def _usable(held: Held, person: Person, available: Collection[str], first: int) -> int | None:
    """The first step of a plan, from one on, whose channel is there and reaches the person."""
    steps = range(first, len(held.plan))
    return next((step for step in steps if held.plan[step] in available and address_of(person, held.plan[step])), None)


def _free_at(tx: ReadTx, held: Held, settings: MessageSettings) -> int | None:
    """When the recipient may be sent more; None where that is now."""
    kind, who = held.who
    found = [
        at + window + 1
        for most, window in ((settings.most_per_hour, HOUR_MS), (settings.most_per_day, DAY_MS))
        if most and (at := queue.begun_since(tx, kind, who, tx.now - window, most, but=held.id)) is not None
    ]
    return max(found, default=None)


def _hold(tx: Tx, held: Held, until: int, why: str) -> None:
    store.update(tx, held.id, state=HELD, due_at=until, error=why)
    if held.error != why or held.state != HELD:
        store.note(tx, held.id, HELD, channel=held.channel, detail=why)


def _end(tx: Tx, held: Held, why: str, *, state: str = FAILED) -> None:
    """It will not be sent (any more): what is secret in it is forgotten."""
    store.update(tx, held.id, state=state, error=why[:LONGEST_ERROR], secrets="", ended_at=tx.now)
    store.note(tx, held.id, state, channel=held.channel, detail=why[:LONGEST_ERROR])
    if state == FAILED:
        tx.emit(MessageFailed(**_about(held), error=why[:LONGEST_ERROR]))


def _about(held: Held) -> dict[str, Any]:
    return {
        "message_id": held.id,
        "template": held.template,
        "kind": held.kind,
        "channel": held.channel,
        "driver_id": held.driver_id,
        "user_id": held.user_id,
        "payment_id": held.payment_id,
        "attempts": held.attempts,
    }


# --- what became of it ----------------------------------------------------------------------------------------------------------


def echo_key(channel: str, channel_id: str) -> str:
    """The write key of what a channel tells of one message."""
    return f"message_echo:{channel}:{channel_id}"


def settle(tx: Tx, parcel: Parcel, came: Came, available: Collection[str], rules: Rules, spread: float) -> None:
    """Keep what became of an attempt. ``spread`` is the jitter of what is tried again, about 1.

    That it was sent counts whenever it is heard; that it was not only while nothing newer is under way.
    """
    message_id, channel = parcel.message.id, parcel.channel
    tx.claim(*sorted([message_key(message_id), *([echo_key(channel, came.channel_id)] if came.channel_id else [])]))
    held = store.held(tx, message_id)
    if held is None or held.reference != parcel.message.reference:
        return
    store.close_note(tx, parcel.log_id, _what(came), came.error[:LONGEST_ERROR], came.took_ms)
    if came.sent:
        if held.state not in GONE_OUT:
            _sent(tx, attrs.evolve(held, channel=channel), came)
            for each in queue.take_echoes(tx, channel, came.channel_id) if came.channel_id else ():
                heard(tx, message_id, channel, came.channel_id, each["state"], each["error"], available)
        return
    if held.state != SENDING or held.attempts != parcel.attempt:
        return
    wait_ms = round(doubled(round(rules.first_retry_s * 1000), held.tries - 1, round(rules.longest_retry_s * 1000)) * spread)
    due_at = tx.now + max(wait_ms, round((came.after_s or 0) * 1000))
    most = min(URGENT_TRIES, rules.max_attempts) if held.rank == 0 and held.step + 1 < len(held.plan) else rules.max_attempts
    if came.for_good or held.tries >= most or due_at >= held.expires_at:
        _next(tx, held, available, came.error)
    else:
        store.update(tx, message_id, state=QUEUED, due_at=due_at, error=came.error[:LONGEST_ERROR])


def _what(came: Came) -> str:
    return "sent" if came.sent else "never_sent" if came.for_good else "not_sent"


def _sent(tx: Tx, held: Held, came: Came) -> None:
    store.update(
        tx,
        held.id,
        state=SENT,
        channel=held.channel,
        error="",
        channel_id=came.channel_id,
        secrets="",
        subject="" if held.is_secret else came.subject,
        body="" if held.is_secret else came.text,
        sent_at=tx.now,
        ended_at=None,
    )
    tx.emit(MessageSent(**_about(held)))


def _next(tx: Tx, held: Held, available: Collection[str], why: str) -> None:
    """Go on by the next channel that reaches the recipient, or give up."""
    person = person_of(tx, held)
    step = None if person is None else _usable(held, person, available, held.step + 1)
    if step is None or held.expires_at <= tx.now:
        _end(tx, held, why or "no channel is left")
        return
    channel = held.plan[step]
    store.update(
        tx,
        held.id,
        state=QUEUED,
        step=step,
        channel=channel,
        channel_id="",
        tries=0,
        due_at=tx.now,
        error=why[:LONGEST_ERROR],
        sent_at=None,
        delivered_at=None,
    )
    store.note(tx, held.id, "next_channel", channel=channel, detail=why[:LONGEST_ERROR])


def heard(tx: Tx, message_id: int, channel: str, channel_id: str, state: str, error: str, available: Collection[str]) -> None:
    """Keep what a channel told of a message that it took. ``failed`` has it go by the next channel, where that can be."""
    tx.claim(message_key(message_id))
    held = store.held(tx, message_id)
    if held is None or (held.channel, held.channel_id) != (channel, channel_id):
        return
    detail = error[:LONGEST_ERROR]
    if state == DELIVERED and held.state == SENT:
        store.update(tx, message_id, state=DELIVERED, delivered_at=tx.now)
    elif state == READ and held.state in (SENT, DELIVERED):
        store.update(tx, message_id, state=READ, read_at=tx.now)
    elif state == FAILED and held.state == SENT:
        store.note(tx, message_id, "failed_later", channel=channel, detail=detail)
        if held.is_secret:  # what was secret is forgotten: nothing is left to be sent
            _end(tx, held, error)
        else:
            _next(tx, held, available, error)
        return
    else:
        return
    store.note(tx, message_id, state, channel=channel, detail=detail)


def hear(tx: Tx, channel: str, channel_id: str, state: str, error: str, available: Collection[str]) -> tuple[int, int] | None:
    """Keep what a channel told, as the tenant whose message it is; where that is another's, tenant and id.

    What is told before we have written that the message went is kept until then.
    """
    tx.claim(echo_key(channel, channel_id))
    found = queue.by_channel_id(tx, channel, channel_id)
    if found is None:
        queue.keep_echo(tx, channel, channel_id, state, error[:LONGEST_ERROR])
        return None
    if found[0] != tx.tenant:
        return found
    heard(tx, found[1], channel, channel_id, state, error, available)
    return None


def rehome(tx: Tx, message_id: int, available: Collection[str]) -> None:
    """Have a waiting message go by another channel where its own is not there; without another it waits, until it is of no use."""
    tx.claim(message_key(message_id))
    held = store.held(tx, message_id)
    if held is None or held.state not in WAITING or held.channel in available:
        return
    person = person_of(tx, held)
    step = None if person is None else _usable(held, person, available, 0)
    if held.expires_at <= tx.now:
        _end(tx, held, f"there is no channel {held.channel}")
    elif step is not None:
        store.update(tx, message_id, state=QUEUED, step=step, channel=held.plan[step], tries=0, due_at=tx.now)
        store.note(tx, message_id, "next_channel", channel=held.plan[step], detail=f"there is no channel {held.channel}")
