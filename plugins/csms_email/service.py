"""Makes an e-mail of a message; no I/O."""

from __future__ import annotations

import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

from csms.hooks import Attachment, NeverSent, Outgoing, to_datetime

from .model import LARGEST_BYTES, Settings

_RECIPIENT = re.compile(r"[^@\s<>,;:\"\\]{1,64}@[A-Za-z0-9.-]{1,190}")


def email_of(message: Outgoing, settings: Settings, *, now: int) -> EmailMessage:
    """The e-mail (RFC 5322): text, HTML beside it where there is some, and attachments. Its Message-ID is the same at every attempt.

    Raises ``NeverSent`` for a recipient that is no address, and for what is too large.
    """
    if not _RECIPIENT.fullmatch(message.recipient) or not message.recipient.isascii():
        raise NeverSent("the recipient is no e-mail address")
    made = EmailMessage()
    made["From"] = _sender(settings.sender)
    made["To"] = message.recipient
    made["Subject"] = " ".join(message.subject.split()) or "Charging"
    made["Date"] = format_datetime(to_datetime(now))
    made["Message-ID"] = f"<{_word(message.reference)}@{parseaddr(settings.sender)[1].partition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's out-of-office answers it
    made["Content-Language"] = message.language
    if message.unsubscribe_url:
        made["List-Unsubscribe"] = f"<{message.unsubscribe_url}>"  # RFC 2369
        made["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058
    if settings.reply_to:
        made["Reply-To"] = settings.reply_to
    made.set_content(_text(message))
    if message.html:
        made.add_alternative(message.html, subtype="html")
    for each in (*message.attachments, *((message.image,) if message.image is not None else ())):
        _attach(made, each)
    if len(made.as_bytes()) > LARGEST_BYTES:
        raise NeverSent(f"with its attachments it is larger than {LARGEST_BYTES} bytes")
    return made


def _sender(text: str) -> Address:
    name, address = parseaddr(text)
    return Address(name, addr_spec=address)


def _text(message: Outgoing) -> str:
    links = "".join(f"\n{label}: {link}" for label, link in message.actions if link not in message.text)
    return f"{message.text}\n{links}" if links else message.text


def _attach(made: EmailMessage, attachment: Attachment) -> None:
    kind, _, subtype = attachment.content_type.partition(";")[0].partition("/")
    made.add_attachment(attachment.content, maintype=kind, subtype=subtype or "octet-stream", filename=attachment.name)


def _word(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]", "-", text)
