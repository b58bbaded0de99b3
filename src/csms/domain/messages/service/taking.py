"""Takes notices on: who is to hear, by which channels and when."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from csms.core.errors import Invalid, NotFound
from csms.core.messages import EMAIL, SMS, CannotNotify, Notice
from csms.core.ports import ReadTx, Tx
from csms.domain.messages.catalogue import KINDS, Template, need_template
from csms.domain.messages.choices import CHANNEL, MessageSettings, Person
from csms.domain.messages.judging import Judgement, address_of, judge
from csms.domain.messages.model import (
    ADDRESS,
    DRIVER,
    GUEST,
    HELD,
    OUTBOX,
    SUPPRESSED,
    USER,
    Message,
    MessageDetail,
    notice_key,
)
from csms.domain.messages.store import messages as store
from csms.domain.messages.store import people

MOST_FIELDS, LONGEST_FIELD, LONGEST_KEY = 60, 10_000, 300
MOST_ACTIONS, MOST_DOCUMENTS = 5, 10
LONGEST_RECIPIENT = 320
_LINK = re.compile(r"(https?://|upi://|mailto:|tel:)[^\s<>\"]{1,2000}")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")


def take_on(
    tx: Tx,
    notice: Notice,
    sealed: str,
    token: str,
    available: Collection[str],
    most_waiting: int,
    *,
    installation: bool = False,
) -> int | None:
    """Take a notice on: its id, None where its key was told before or nobody is to hear it.

    ``sealed`` are its secrets, ``""`` without any; ``token`` begins the references of its messages. ``installation``: it is none of the
    tenant's, such as a code to log in. Raises ``Invalid``, or ``CannotNotify`` where too many wait.
    """
    tx.claim(notice_key(tx.tenant, notice.key))
    template = check(notice)
    settings = people.settings(tx)
    if not settings.allows(template.kind, template.name):
        return None
    everybody = recipients(tx, notice)
    if not everybody:
        return None
    if store.waiting(tx, most_waiting) >= most_waiting:
        raise CannotNotify("too many messages wait to be sent")
    notice_id = store.insert_notice(
        tx,
        key=notice.key,
        template=notice.template,
        fields=dict(notice.fields),
        actions=[list(each) for each in notice.actions],
        documents=list(notice.document_ids),
    )
    if notice_id is None:
        return None
    for number, person in enumerate(everybody):
        _add(tx, notice, notice_id, template, settings, person, sealed, f"{token}-{number}", available, installation)
    return notice_id


def _add(
    tx: Tx,
    notice: Notice,
    notice_id: int,
    template: Template,
    settings: MessageSettings,
    person: Person,
    sealed: str,
    reference: str,
    available: Collection[str],
    installation: bool,
) -> None:
    expires_at = tx.now + template.good_for_s * 1000
    if notice.expires_at is not None:
        expires_at = min(expires_at, notice.expires_at)
    found = judged(tx, person, template, settings, available, urgent=notice.urgent, expires_at=expires_at)
    ended = found.state == SUPPRESSED
    message_id = store.insert(
        tx,
        notice_id=notice_id,
        reference=reference,
        template=template.name,
        kind=template.kind,
        installation=int(installation),
        driver_id=person.id if person.kind == DRIVER else None,
        user_id=person.id if person.kind == USER else None,
        payment_id=person.id if person.kind == GUEST else None,
        recipient=address_of(person, found.plan[0]) if person.kind == GUEST and found.plan else person.recipient,
        language=person.language if person.kind == ADDRESS else "",
        state=found.state,
        plan=found.plan,
        channel=found.plan[0] if found.plan else "",
        rank=0 if notice.urgent or template.is_urgent else 1,
        due_at=found.due_at,
        expires_at=expires_at,
        error=found.why,
        is_secret=int(bool(sealed)),
        secrets="" if ended else sealed,
        ended_at=tx.now if ended else None,
    )
    store.note(tx, message_id, found.state, channel=found.plan[0] if found.plan else "", detail=found.why)


def judged(
    tx: ReadTx,
    person: Person,
    template: Template,
    settings: MessageSettings,
    available: Collection[str],
    *,
    urgent: bool,
    expires_at: int,
) -> Judgement:
    """What is to become of a message now; one that would be of no use when quiet hours end is suppressed."""
    if person.gone and KINDS[template.kind].optional:
        return Judgement(SUPPRESSED, (), tx.now, "the recipient was removed")
    zone = people.sender(tx).time_zone
    found = judge(person, template, settings, available, time_zone=zone, now=tx.now, urgent=urgent)
    if found.state == HELD and found.due_at >= expires_at:
        return Judgement(SUPPRESSED, (), tx.now, "quiet hours last longer than it is of use")
    return found


def recipients(tx: ReadTx, notice: Notice) -> Sequence[Person]:
    """Whom a notice is for; nobody where a driver or user is not there, or a guest gave no address."""
    if notice.staff:
        return people.staff(tx, notice.fields.get("charger_id", ""))
    if notice.address:
        channel, _, recipient = notice.address.partition(":")
        return [Person(kind=ADDRESS, channel=channel, recipient=recipient, language=notice.language)]
    if notice.driver_id is not None:
        found = people.driver(tx, notice.driver_id)
    elif notice.payment_id is not None:
        found = people.guest(tx, notice.payment_id)
    else:
        found = None if notice.user_id is None else people.user(tx, notice.user_id)
    return [] if found is None else [found]


def check(notice: Notice) -> Template:
    """The template of a notice. Raises ``Invalid`` for a notice that cannot be told."""
    template = need_template(notice.template)
    if not 1 <= len(notice.key) <= LONGEST_KEY:
        raise Invalid(f"a notice's key has 1 to {LONGEST_KEY} characters", field="key")
    people_ids = (notice.driver_id, notice.user_id, notice.payment_id)
    if sum([notice.staff, bool(notice.address), *(each is not None for each in people_ids)]) != 1:
        raise Invalid("a notice is to one of: staff, an address, a driver, a user, a guest by their payment", field="driver_id")
    every = {**notice.fields, **notice.secrets}
    if len(every) > MOST_FIELDS or any(len(value) > LONGEST_FIELD for value in every.values()):
        raise Invalid(f"a notice has at most {MOST_FIELDS} fields of {LONGEST_FIELD} characters", field="fields")
    if len(notice.actions) > MOST_ACTIONS or not all(_LINK.fullmatch(url) for _, url in notice.actions):
        raise Invalid(
            f"a notice has at most {MOST_ACTIONS} actions, which lead to https://, upi://, mailto: or tel:", field="actions"
        )
    if len(notice.document_ids) > MOST_DOCUMENTS:
        raise Invalid(f"a notice has at most {MOST_DOCUMENTS} documents", field="document_ids")
    if notice.address:
        check_address(notice.address)
    return template


def check_address(address: str) -> None:
    """Refuse what is no ``channel:recipient``. Raises ``Invalid``."""
    channel, _, recipient = address.partition(":")
    if not re.fullmatch(CHANNEL, channel) or channel == OUTBOX or not 1 <= len(recipient) <= LONGEST_RECIPIENT:
        raise Invalid("an address is CHANNEL:RECIPIENT, such as email:asha@example.org", field="address")
    if not recipient.isprintable() or (channel == EMAIL and not _EMAIL.fullmatch(recipient)):
        raise Invalid(f"{channel}: that is no address", field="address")
    if channel == SMS and not re.fullmatch(r"\+?[0-9 ()-]{5,25}", recipient):
        raise Invalid("sms: that is no telephone number", field="address")


# --- what is shown --------------------------------------------------------------------------------------------------------------


def need_detail(tx: ReadTx, message_id: int, all_of_them: bool) -> MessageDetail:
    """A message with everything that may be seen of it. Raises ``NotFound``."""
    found = store.detail(tx, message_id, all_of_them=all_of_them)
    if found is None:
        raise NotFound(f"there is no message {message_id}")
    return found


def need_message(tx: ReadTx, message_id: int, all_of_them: bool) -> Message:
    """A message. Raises ``NotFound``."""
    return need_detail(tx, message_id, all_of_them).message
