"""Nouns and events of the messages slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import attrs

from csms.core.events import Event, event
from csms.core.paging import Following, filter_by, one_of

QUEUED, HELD, SENDING = "queued", "held", "sending"
SENT, DELIVERED, READ = "sent", "delivered", "read"
FAILED, SUPPRESSED = "failed", "suppressed"
STATES = (QUEUED, HELD, SENDING, SENT, DELIVERED, READ, FAILED, SUPPRESSED)
"""``held`` waits for the end of quiet hours or for the recipient's limit; ``suppressed`` is not to be sent, and never was."""
WAITING = frozenset({QUEUED, HELD, SENDING})
GONE_OUT = frozenset({SENT, DELIVERED, READ})

DRIVER, USER, GUEST, ADDRESS = "driver", "user", "guest", "address"
"""Whom a message is to. A guest is known by the payment that they pay alone."""
SUBJECT, TEXT, HTML, SMS_FORM, WHATSAPP_FORM = "subject", "text", "html", "sms", "whatsapp"
FORMS = (SUBJECT, TEXT, HTML, SMS_FORM, WHATSAPP_FORM)
"""The forms of a template. Where a template lacks one it is made of ``text``; ``subject`` and ``text`` it has."""

OUTBOX = "outbox"
"""The built-in channel that writes to a file or the console, where no plugin brings another."""
TEST_KEY, IDENTITY_KEY = "test:", "identity:"
"""How the keys of tests and of one-time codes begin; nobody else's notices may."""


def message_key(message_id: int) -> str:
    """The write key of one message."""
    return f"message:{message_id}"


def notice_key(tenant: int, key: str) -> str:
    """The write key of a notice."""
    return f"notice:{tenant}:{key}"


def recipient_key(tenant: int, kind: str, who: int | str) -> str:
    """The write key of how many messages somebody was sent."""
    return f"messages_to:{tenant}:{kind}:{who}"


def preferences_key(tenant: int, kind: str, who: int) -> str:
    """The write key of somebody's preferences."""
    return f"message_preferences:{tenant}:{kind}:{who}"


def templates_key(tenant: int) -> str:
    """The write key of a tenant's templates."""
    return f"message_templates:{tenant}"


def settings_key(tenant: int) -> str:
    """The write key of a tenant's settings of messages."""
    return f"message_settings:{tenant}"


@attrs.frozen(slots=True, kw_only=True)
class Rules:
    """How messages are sent; the section ``[messages]`` of the configuration.

    ``public_url`` is how this server's address begins in links, ``""`` for no links.
    """

    parallel: int = 16
    parallel_each: int = 8
    timeout_s: float = 30.0
    first_retry_s: float = 10.0
    longest_retry_s: float = 3600.0
    max_attempts: int = 8
    most_waiting: int = 100_000
    public_url: str = ""


@attrs.frozen(slots=True, kw_only=True)
class Message:
    """A notice to one person, as an operator sees it. ``channel`` is the present one, or the one by which it went.

    ``payment_id`` is the payment of a guest, who has no account. ``reference`` is what channels are told. ``due_at`` is when it is tried next, None where it is not; ``error`` is why it was not
    sent. Of what is secret (``is_secret``), such as a one-time code, nobody sees the words.
    """

    id: int
    notice_id: int
    reference: str
    template: str
    kind: str
    driver_id: int | None
    user_id: int | None
    payment_id: int | None
    recipient: str
    language: str
    state: str
    channels: Sequence[str]
    channel: str
    attempts: int
    error: str
    is_secret: bool
    due_at: int | None
    created_at: int
    sent_at: int | None
    delivered_at: int | None
    read_at: int | None
    ended_at: int | None


@attrs.frozen(slots=True, kw_only=True)
class LogEntry:
    """One thing that happened to a message. ``what`` is such as ``sent``, ``not_sent``, ``never_sent``, ``held``, ``delivered``."""

    at: int
    what: str
    channel: str
    detail: str
    took_ms: int | None


@attrs.frozen(slots=True, kw_only=True)
class MessageDetail:
    """A message, what it said as it was sent, and everything that happened to it."""

    message: Message
    key: str
    subject: str
    text: str
    fields: Mapping[str, str]
    actions: Sequence[Sequence[str]]
    document_ids: Sequence[int]
    log: Sequence[LogEntry]


@attrs.frozen(slots=True, kw_only=True)
class MessagesQuery(Following):
    """Which messages somebody wants."""

    state: str | None = one_of(*STATES, help="how it stands")
    waiting: bool | None = filter_by("true: still to be sent; false: not (any more)")
    template: str | None = filter_by("its template, such as charging_ended")
    kind: str | None = filter_by("its kind, such as charging")
    channel: str | None = filter_by("by this channel")
    driver_id: int | None = filter_by("to this driver")
    user_id: int | None = filter_by("to this user")
    payment_id: int | None = filter_by("to the guest who pays this payment")
    recipient: str | None = filter_by("to exactly this address")
    from_at: int | None = filter_by("taken on then or later")
    to_at: int | None = filter_by("taken on before")


@attrs.frozen(slots=True, kw_only=True)
class MyMessagesQuery(Following):
    """Which of one's own messages somebody wants."""

    template: str | None = filter_by("its template, such as charging_ended")
    kind: str | None = filter_by("its kind, such as charging")
    channel: str | None = filter_by("by this channel")
    from_at: int | None = filter_by("sent then or later")
    to_at: int | None = filter_by("sent before")


@attrs.frozen(slots=True, kw_only=True)
class MyMessage:
    """A message, as its recipient sees it."""

    id: int
    template: str
    kind: str
    subject: str
    text: str
    channel: str
    state: str
    created_at: int
    sent_at: int | None


# --- for sending ----------------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class Held:
    """A message as the store has it, with its notice."""

    id: int
    notice_id: int
    reference: str
    template: str
    kind: str
    installation: bool
    driver_id: int | None
    user_id: int | None
    payment_id: int | None
    recipient: str
    language: str
    state: str
    plan: tuple[str, ...]
    step: int
    channel: str
    rank: int
    due_at: int
    expires_at: int
    tries: int
    attempts: int
    error: str
    channel_id: str
    is_secret: bool
    secrets: str = attrs.field(repr=False)
    created_at: int
    key: str
    fields: Mapping[str, str] = attrs.field(repr=False)
    actions: tuple[tuple[str, str], ...] = attrs.field(repr=False)
    documents: tuple[int, ...]

    @property
    def who(self) -> tuple[str, int | str]:
        """Whom limits count it for; a guest, who has a payment for each charge, by the address."""
        if self.driver_id is not None:
            return DRIVER, self.driver_id
        return (USER, self.user_id) if self.user_id is not None else (ADDRESS, self.recipient)


@attrs.frozen(slots=True, kw_only=True)
class Came:
    """What became of an attempt: sent (``channel_id``), not now (perhaps ``after_s``), or never (``for_good``)."""

    sent: bool
    error: str = ""
    channel_id: str = ""
    after_s: float | None = None
    for_good: bool = False
    took_ms: int = 0
    subject: str = attrs.field(default="", repr=False)
    text: str = attrs.field(default="", repr=False)


# --- events ---------------------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class AboutMessage(Event):
    """What both events about a message say; its words and its recipient's address stand in neither."""

    message_id: int
    template: str
    kind: str
    channel: str
    driver_id: int | None
    user_id: int | None
    payment_id: int | None = None
    """Of a guest, who is neither."""
    attempts: int

    @property
    def key(self) -> str:
        """The message's write key."""
        return message_key(self.message_id)


@event
@attrs.frozen(slots=True, kw_only=True)
class MessageSent(AboutMessage):
    """A channel took a message; whether it arrived, some channels tell later."""

    type: ClassVar[str] = "message_sent"


@event
@attrs.frozen(slots=True, kw_only=True)
class MessageFailed(AboutMessage):
    """A message will not be sent: every channel that the recipient can be reached by has failed, or it came to be of no use."""

    type: ClassVar[str] = "message_failed"

    error: str
