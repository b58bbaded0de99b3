"""The channel against the stub of the Cloud API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import attrs
import pytest
import trio

from csms.hooks import Attachment, NeverSent, NotSent, Outgoing
from csms.testing.plugins import HttpClient, Plugged
from csms_whatsapp import listeners
from simulators.whatsapp import WhatsAppStub
from simulators.whatsapp.server import APP_SECRET, NUMBER_ID, TOKEN

RECEIPT = Outgoing(
    reference="m1",
    channel="whatsapp",
    recipient="+91 98123 45678",
    language="en",
    template="receipt",
    text="You paid ₹118.00.",
    fields={"amount": "₹118.00", "station": "Campus"},
    actions=(("Invoice", "https://csms.example.org/i/17"),),
)
PDF = Attachment(name='INV "17".pdf', content_type="application/pdf", content=b"%PDF-1.7\r\n--csms")
QR = Attachment(name="qr.png", content_type="image/png", content=b"\x89PNG")


@pytest.fixture
async def stub(nursery: trio.Nursery) -> WhatsAppStub:
    made = WhatsAppStub(seed=1)
    await nursery.start(made.serve_tcp)
    return made


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.aclose()


def channel(http: HttpClient, url: str, **told: Any) -> Any:
    settings = {"phone_number_id": NUMBER_ID, "token": TOKEN, "app_secret": APP_SECRET, "url": url, **told}
    plugged = Plugged({"whatsapp": listeners}, settings={"whatsapp": settings}, http=http)
    [brought] = plugged.bus.collect("register_channels")
    return brought.value


async def test_words_with_a_button_and_files(http: HttpClient, stub: WhatsAppStub) -> None:
    stub.write("919812345678", "hello")  # within a day words of one's own get through
    made = channel(http, stub.url)
    assert await made.check() == "+91 90000 00000 is Stub"
    receipt = await made.send(attrs.evolve(RECEIPT, image=QR, attachments=(PDF,)))
    words, picture, document = stub.outbox.sent
    assert (words.id, words.to, words.state) == (receipt.channel_id, "919812345678", "delivered")
    assert words.words == "You paid ₹118.00.\n[Invoice] https://csms.example.org/i/17"
    assert (picture.kind, document.kind) == ("image", "document")
    kept = [stub.media[each.raw[each.kind]["id"]].data for each in (picture, document)]
    assert kept == [QR.content, PDF.content]


async def test_an_approved_template_is_sent_as_one(http: HttpClient, stub: WhatsAppStub) -> None:
    stub.templates["receipt_v2", "en"] = 2
    templates = {"receipt": {"name": "receipt_v2", "parameters": ["station", "amount"]}}
    await channel(http, stub.url, templates=templates).send(RECEIPT)
    [sent] = stub.outbox.sent
    assert (sent.kind, sent.words, sent.state) == ("template", "receipt_v2 (en)\nbody: Campus, ₹118.00", "delivered")


async def test_what_the_tenant_had_approved_comes_first(http: HttpClient, stub: WhatsAppStub) -> None:
    stub.templates["theirs", "en"] = 1
    await channel(http, stub.url).send(attrs.evolve(RECEIPT, approved="theirs", fields={"amount": "₹118.00"}))
    [sent] = stub.outbox.sent
    assert sent.words == "theirs (en)\nbody: ₹118.00"


async def test_what_whatsapp_refuses(http: HttpClient, stub: WhatsAppStub) -> None:
    stub.templates["receipt_v2", "en"] = 3
    templates = {"receipt": {"name": "receipt_v2", "parameters": ["station", "amount"]}}
    with pytest.raises(NeverSent, match="WhatsApp answered 4"):
        await channel(http, stub.url, templates=templates).send(RECEIPT)
    with pytest.raises(NeverSent, match="country's code"):
        await channel(http, stub.url).send(attrs.evolve(RECEIPT, recipient="driver@example.org"))


async def test_what_may_be_put_right(http: HttpClient, stub: WhatsAppStub) -> None:
    with pytest.raises(NotSent, match="WhatsApp answered 401") as told:
        await channel(http, stub.url, token="another-token").send(RECEIPT)
    assert "another-token" not in str(told.value)
    with pytest.raises(NotSent, match="cannot be reached"):
        await channel(http, "http://127.0.0.1:1").send(RECEIPT)
    assert not stub.outbox.sent
