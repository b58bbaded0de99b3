"""What becomes of a message as an e-mail."""

from __future__ import annotations

from email import message_from_bytes, policy
from typing import Any

import attrs
import pytest

from csms.hooks import Attachment, NeverSent, Outgoing
from csms_email.model import Settings
from csms_email.service import email_of

SETTINGS = Settings(host="smtp.example.org", sender="Charging <noreply@example.org>", reply_to="help@example.org")
RECEIPT = Outgoing(
    reference="message:17/1",
    channel="email",
    recipient="driver@example.com",
    language="hi",
    template="receipt",
    subject="आपकी रसीद\nBcc: all@example.org",
    text="₹118.00 का भुगतान हुआ।",
    html="<p>₹118.00</p>",
    actions=(("Invoice", "https://csms.example/i/17"),),
    unsubscribe_url="https://csms.example/unsubscribe/t",
    attachments=(Attachment(name="INV-17.pdf", content_type="application/pdf", content=b"%PDF-1.7"),),
)


def test_text_html_and_attachment() -> None:
    made = message_from_bytes(email_of(RECEIPT, SETTINGS, now=1_767_225_600_000).as_bytes(), policy=policy.default)
    assert made["Subject"] == "आपकी रसीद Bcc: all@example.org", "a subject stays one line"
    assert made["Bcc"] is None
    assert (made["From"], made["To"], made["Reply-To"]) == (
        "Charging <noreply@example.org>",
        "driver@example.com",
        "help@example.org",
    )
    assert made["Message-ID"] == "<message-17-1@example.org>"
    assert made["Date"] == "Thu, 01 Jan 2026 00:00:00 +0000"
    text, html = made.get_body(("plain",)), made.get_body(("html",))
    assert text is not None
    assert "₹118.00 का भुगतान हुआ।" in text.get_content()
    assert "Invoice: https://csms.example/i/17" in text.get_content()
    assert html is not None
    assert "<p>₹118.00</p>" in html.get_content()
    assert made["List-Unsubscribe"] == "<https://csms.example/unsubscribe/t>"
    assert made["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    [attached] = list(made.iter_attachments())
    assert (attached.get_filename(), attached.get_content_type(), attached.get_content()) == (
        "INV-17.pdf",
        "application/pdf",
        b"%PDF-1.7",
    )


@pytest.mark.parametrize(
    "recipient", ["", "nobody", "a@b@c", "a b@example.org", "x@example.org\r\nTo: y@example.org", "ä@example.org"]
)
def test_what_is_no_address_is_never_sent(recipient: str) -> None:
    with pytest.raises(NeverSent, match="no e-mail address"):
        email_of(attrs.evolve(RECEIPT, recipient=recipient), SETTINGS, now=0)


def test_what_is_too_large_is_never_sent() -> None:
    heavy = Attachment(name="a.bin", content_type="application/octet-stream", content=bytes(8_000_000))
    with pytest.raises(NeverSent, match="larger"):
        email_of(attrs.evolve(RECEIPT, attachments=(heavy,)), SETTINGS, now=0)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"security": "none"}, "this machine only"),
        ({"username": "me"}, "belong together"),
        ({"sender": "nobody"}, "address such as"),
        ({"security": "ssl"}, "security"),
    ],
)
def test_settings_that_could_not_work(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Settings(**{"host": "smtp.example.org", "sender": "noreply@example.org", **wrong})


def test_the_password_is_not_shown() -> None:
    assert "hunter2" not in repr(Settings(host="h", sender="a@b.org", username="u", password="hunter2"))
