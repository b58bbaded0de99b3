"""A mail as it was sent, taken apart: what a person would see of it."""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage, MIMEPart
from email.policy import default

import attrs

from simulators.web import Json


@attrs.frozen(slots=True)
class Attached:
    """A file that goes with a mail, or a picture in it."""

    filename: str
    content_type: str
    data: bytes = attrs.field(repr=False)


@attrs.frozen(slots=True, kw_only=True)
class Mail:
    """See the module."""

    subject: str
    sender: str
    to: str
    message_id: str
    text: str
    html: str
    attachments: tuple[Attached, ...]
    headers: dict[str, str]

    def shown(self) -> Json:
        """As JSON; of attachments what they are, not what is in them."""
        files = [
            {"filename": each.filename, "content_type": each.content_type, "size": len(each.data)} for each in self.attachments
        ]
        return {**attrs.asdict(self, recurse=False), "attachments": files}


def read(raw: bytes) -> Mail:
    """Take a mail apart."""
    message = message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)  # that is what the policy makes
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    bodies = {id(part) for part in (text, html) if part is not None}
    files = []
    for part in message.walk():
        if not part.is_multipart() and id(part) not in bodies:
            data = part.get_payload(decode=True)
            files.append(Attached(part.get_filename() or "", part.get_content_type(), data if isinstance(data, bytes) else b""))
    return Mail(
        subject=str(message.get("Subject", "")),
        sender=str(message.get("From", "")),
        to=str(message.get("To", "")),
        message_id=str(message.get("Message-ID", "")),
        text=_words(text),
        html=_words(html),
        attachments=tuple(files),
        headers={name: str(value) for name, value in message.items()},
    )


def _words(part: MIMEPart | None) -> str:
    return "" if part is None else str(part.get_content()).replace("\r\n", "\n")
