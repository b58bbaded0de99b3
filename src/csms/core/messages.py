"""Messages to people, by e-mail or telephone: what is sent, the port that takes it on, and the channels that plugins bring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import attrs

from .errors import CsmsError

EMAIL, SMS, WHATSAPP, PUSH = "email", "sms", "whatsapp", "push"
CHANNELS = (EMAIL, SMS, WHATSAPP, PUSH)


class CannotNotify(CsmsError):
    """A message was not taken on: too many wait, or nobody sends on its channel."""


@attrs.frozen(slots=True, kw_only=True)
class Message:
    """Something to tell a person. ``template`` names the words, ``language`` (BCP 47) what they are in.

    ``kind`` is what it is about: ``code``, ``invitation`` or ``notice``. What must not be read by others (one-time codes, links that
    open something) is in ``secrets``, which no log, event or error ever shows; everything else the words need is in ``fields``.
    """

    kind: str
    channel: str
    recipient: str
    template: str
    language: str = "en"
    fields: Mapping[str, str] = attrs.field(factory=dict)
    secrets: Mapping[str, str] = attrs.field(factory=dict, repr=False)


class Notifier(Protocol):
    """Sends messages to people."""

    async def notify(self, message: Message, /) -> None:
        """Take a message on, and return before it is delivered: how long that takes would tell who has an account.

        Raises ``CannotNotify``.
        """
        ...


class NoNotifier:
    """``Notifier`` of a process that sends nothing."""

    async def notify(self, message: Message, /) -> None:
        """Refuse. Raises ``CannotNotify``."""
        raise CannotNotify(f"this process sends no messages ({message.channel})")


# --- channels -------------------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class Attachment:
    """A file that goes with a message."""

    name: str
    content_type: str
    content: bytes = attrs.field(repr=False)


@attrs.frozen(slots=True, kw_only=True)
class Outgoing:
    """A message in words, ready to go. ``reference`` is our id of the delivery, the same at every attempt.

    ``subject`` and ``html`` are for e-mail; ``template`` and ``fields`` for channels where only templates that were approved before may be
    sent (WhatsApp, Indian SMS); ``actions`` are links with their labels, ``image`` a picture such as a QR code.

    ``fields`` are in words already, as in ``text``: money, times and energies for the language. Where the tenant said under which name or id
    a provider approved the template, that is ``approved``, and ``fields`` are its parameters, in its order. In ``text`` of e-mails and SMS
    the links of ``actions`` stand already; other channels show them as they can. ``unsubscribe_url`` is where the recipient says that they
    want no more of this kind (RFC 8058: a POST there does it, too), ``""`` where they cannot. ``image`` is not among ``attachments``.
    """

    reference: str
    channel: str
    recipient: str = attrs.field(repr=False)
    language: str
    template: str
    text: str = attrs.field(repr=False)
    subject: str = attrs.field(default="", repr=False)
    html: str = attrs.field(default="", repr=False)
    fields: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    actions: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    image: Attachment | None = None
    attachments: tuple[Attachment, ...] = ()
    approved: str = ""
    unsubscribe_url: str = attrs.field(default="", repr=False)


@attrs.frozen(slots=True, kw_only=True)
class Receipt:
    """What a channel said when it took a message: its id for it, by which later words (``delivered``, ``read``, ``failed``) are known."""

    channel_id: str = ""


class NotSent(CsmsError):
    """A channel could not send it now: it may be tried again. ``after_s`` is when, where the other side said so."""

    def __init__(self, message: str, *, after_s: float | None = None) -> None:
        super().__init__(message)
        self.after_s = after_s


class NeverSent(CsmsError):
    """A channel will never send it, such as to an address that there is not."""


class Channel(Protocol):
    """A way for messages to travel; a plugin brings it. It only sends: preferences, quiet hours, limits and retries are the core's."""

    @property
    def name(self) -> str:
        """One of ``CHANNELS``, or another word."""
        ...

    async def send(self, message: Outgoing, /) -> Receipt:
        """Hand a message on. Raises ``NotSent`` or ``NeverSent``."""
        ...

    async def check(self) -> str:
        """Whether the settings work: what was found, in words. Raises ``NotSent``."""
        ...


@attrs.frozen(slots=True, kw_only=True)
class Notice:
    """Something to tell a driver, a guest or the tenant's staff, by whatever channel they prefer. ``key`` is told once.

    Either ``driver_id``, or ``user_id``, or ``payment_id``, or ``address`` (``channel:recipient``) says to whom; ``staff`` is everybody of the
    tenant with a role that hears of such things (about a charger, ``fields["charger_id"]``, only who may see it). ``payment_id`` is a guest,
    who is nobody's driver: whoever pays that payment, by the addresses that they gave with it, as long as those are kept. ``document_ids``
    are documents that go with it where the channel can. ``language`` is for an ``address``; people have their own.

    Values of ``fields`` are texts; by the end of a name it is put into words for the recipient: ``..._minor`` (money, in ``currency`` or the
    tenant's), ``..._at`` (an instant), ``..._on`` (a date), ``..._wh``, ``..._s``. Templates name it without that end: ``amount_minor`` is
    ``{{ amount }}``. Labels of ``actions`` that are known (``pay``, ``open``, ``invoice`` ...) are translated.
    """

    key: str
    template: str
    fields: Mapping[str, str] = attrs.field(factory=dict)
    secrets: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    driver_id: int | None = None
    user_id: int | None = None
    payment_id: int | None = None
    address: str = ""
    staff: bool = False
    document_ids: tuple[int, ...] = ()
    actions: tuple[tuple[str, str], ...] = ()
    urgent: bool = False
    """Not held back by quiet hours."""
    language: str = ""
    expires_at: int | None = None
    """Of no use afterwards, where that is sooner than its template says: such as a link that can be paid for a while."""


class Messenger(Protocol):
    """Tells people things, durably: what was taken on is sent, or its failure is recorded."""

    async def tell(self, notice: Notice, /, *, tenant: int) -> int | None:
        """Take a notice on: its id, or None where its ``key`` was told before or nobody is to hear it."""
        ...

    async def heard_back(self, channel: str, channel_id: str, state: str, error: str = "", /) -> None:
        """What became of a message, as its channel learnt: ``delivered``, ``read`` or ``failed``."""
        ...


class NoMessenger:
    """``Messenger`` of a process that sends nothing: nobody hears."""

    async def tell(self, notice: Notice, /, *, tenant: int) -> int | None:
        """Nobody is told."""
        return None

    async def heard_back(self, channel: str, channel_id: str, state: str, error: str = "", /) -> None:
        """Nothing was sent."""
