"""Judges whether, by which channels and when a message goes. No I/O."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import attrs

from csms.core.messages import EMAIL, PUSH, SMS, WHATSAPP

from .catalogue import CODES, KINDS, Template
from .choices import MessageSettings, Person
from .model import ADDRESS, GUEST, HELD, OUTBOX, QUEUED, SUPPRESSED
from .quiet import QuietHours

USUAL_ORDER = (PUSH, EMAIL, WHATSAPP, SMS)
"""The order of channels where nobody says otherwise; others come after them, the outbox last."""
BY_PHONE = (SMS, WHATSAPP)
"""Channels to a telephone number: a message to one that is not there goes by another."""


@attrs.frozen(slots=True)
class Judgement:
    """What is to become of a message: ``QUEUED``, ``HELD`` until ``due_at``, or ``SUPPRESSED``; ``why`` where it is not simply sent."""

    state: str
    plan: tuple[str, ...]
    due_at: int
    why: str = ""


def address_of(person: Person, channel: str) -> str:
    """Where a channel reaches somebody, ``""`` where it does not. A channel that is not known is told who it is, such as ``driver:7``; none
    knows a guest."""
    if person.kind == ADDRESS:
        fits = channel in (person.channel, OUTBOX) or {channel, person.channel} <= set(BY_PHONE)
        return person.recipient if fits else ""
    if channel == EMAIL:
        return person.email
    if channel in BY_PHONE:
        return person.phone
    if channel == OUTBOX:
        return person.email or person.phone or f"{person.kind}:{person.id}"
    return "" if person.id is None or person.gone or person.kind == GUEST else f"{person.kind}:{person.id}"


def usual(available: Collection[str], settings: MessageSettings) -> tuple[str, ...]:
    """The channels that are there, in the tenant's order; those that it does not name are not used, where it names any."""
    if settings.channels:
        found = [each for each in settings.channels if each in available]
        return tuple(found) or ((OUTBOX,) if OUTBOX in available else ())
    rest = sorted(each for each in available if each not in USUAL_ORDER and each != OUTBOX)
    return tuple(each for each in (*USUAL_ORDER, *rest, OUTBOX) if each in available)


def plan_for(person: Person, template: Template, settings: MessageSettings, available: Collection[str]) -> tuple[str, ...]:
    """The channels by which a message is tried, in their order: those that reach the person. What is not optional goes by any that does."""
    everything = usual(available, settings)
    if person.kind == ADDRESS:
        order: Sequence[str] = (person.channel, *(each for each in everything if each != person.channel))
        order = [each for each in order if each in available]
    elif person.preferences.channels is not None:
        order = [each for each in person.preferences.channels if each in everything]
        if OUTBOX in everything and person.preferences.channels:
            order.append(OUTBOX)
    elif person.kind == GUEST and template.printed:
        order = sorted(everything, key=lambda each: each != EMAIL)  # they have no other way to its document
    else:
        order = everything
    reached = tuple(dict.fromkeys(each for each in order if address_of(person, each)))
    if not reached and not KINDS[template.kind].optional:
        reached = tuple(each for each in everything if address_of(person, each))
    return reached


def judge(
    person: Person,
    template: Template,
    settings: MessageSettings,
    available: Collection[str],
    *,
    time_zone: str,
    now: int,
    urgent: bool,
) -> Judgement:
    """What is to become of a message to somebody. A guest has no quiet hours: they stand at a charger."""
    if not settings.allows(template.kind, template.name):
        return Judgement(SUPPRESSED, (), now, "the tenant does not send such messages")
    if template.kind in person.preferences.off and KINDS[template.kind].optional:
        return Judgement(SUPPRESSED, (), now, "the recipient does without such messages")
    plan = plan_for(person, template, settings, available)
    if not plan:
        return Judgement(SUPPRESSED, (), now, "no channel reaches the recipient")
    at_any_hour = urgent or template.is_urgent or person.kind == GUEST
    until = None if at_any_hour else quiet_hours(person, settings, time_zone).until(now)
    if until is not None:
        return Judgement(HELD, plan, until, "quiet hours")
    return Judgement(QUEUED, plan, now)


def quiet_hours(person: Person, settings: MessageSettings, time_zone: str) -> QuietHours:
    """Somebody's quiet hours, or the tenant's."""
    own = person.preferences
    return QuietHours(
        settings.quiet_from if own.quiet_from is None else own.quiet_from,
        settings.quiet_to if own.quiet_to is None else own.quiet_to,
        own.time_zone or time_zone,
    )


def is_counted(template: Template) -> bool:
    """Whether a message counts for its recipient's limit. Codes do not: whoever asks for them is limited where they ask."""
    return template.kind != CODES


def language_of(person: Person, settings: MessageSettings, known: Collection[str]) -> str:
    """The language of a message: the recipient's, or the tenant's, or English; ``hi-IN`` is ``hi`` where only that is known."""
    for wanted in (person.preferences.language, person.language, settings.default_language):
        for each in (wanted, wanted.partition("-")[0]):
            if each and each in known:
                return each
    return "en"
