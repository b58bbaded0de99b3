"""The channel against the stub of both gateways, and what it makes of their answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import attrs
import pytest
import trio

from csms.hooks import NeverSent, NotSent, Outgoing
from csms.outside import HttpClient
from csms.testing.plugins import Plugged
from csms_sms import listeners
from csms_sms.gateways import GATEWAYS, number_of
from csms_sms.model import Report, Settings
from simulators.sms import SmsStub
from simulators.sms.server import ACCOUNT_SID, AUTH_KEY, AUTH_TOKEN

CODE = Outgoing(
    reference="m1",
    channel="sms",
    recipient="+91 98123-45678",
    language="en",
    template="code_login",
    text="Your code is 493027.",
    fields={"code": "493027", "minutes": "10"},
)


@pytest.fixture
async def stub(nursery: trio.Nursery) -> SmsStub:
    made = SmsStub(seed=1)
    await nursery.start(made.serve_tcp)
    return made


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient(())
    yield client
    await client.aclose()


def channel(http: HttpClient, **told: Any) -> Any:
    plugged = Plugged({"sms": listeners}, settings={"sms": told}, http=http)
    [brought] = plugged.bus.collect("register_channels")
    return brought.value


def msg91(http: HttpClient, stub: SmsStub, **more: Any) -> Any:
    return channel(http, **{"preset": "msg91", "key": AUTH_KEY, "url": stub.url, "templates": {"code_login": "T1"}, **more})


def twilio(http: HttpClient, stub: SmsStub, **more: Any) -> Any:
    return channel(
        http, **{"preset": "twilio", "key": AUTH_TOKEN, "account": ACCOUNT_SID, "sender": "+15005550006", "url": stub.url, **more}
    )


async def test_both_take_a_message(http: HttpClient, stub: SmsStub) -> None:
    for made in (msg91(http, stub), twilio(http, stub)):
        assert await made.check()
        receipt = await made.send(CODE)
        assert receipt.channel_id
    first, second = stub.outbox.sent
    assert "493027" in first.words
    assert second.words == "Your code is 493027."
    assert {first.to.lstrip("+"), second.to.lstrip("+")} == {"919812345678"}


async def test_a_wrong_login_may_be_put_right(http: HttpClient, stub: SmsStub) -> None:
    for made in (msg91(http, stub, key="wrong-key"), twilio(http, stub, key="wrong-key")):
        with pytest.raises(NotSent, match=r"refused") as told:
            await made.send(CODE)
        assert "wrong-key" not in str(told.value)
    assert not stub.outbox.sent


async def test_a_gateway_that_is_away(http: HttpClient) -> None:
    with pytest.raises(NotSent, match="cannot be reached"):
        await channel(http, preset="plain", key="k", url="http://127.0.0.1:1").send(CODE)


async def test_msg91_needs_a_template(http: HttpClient, stub: SmsStub) -> None:
    with pytest.raises(NeverSent, match="no template of the gateway is set for receipt"):
        await msg91(http, stub).send(attrs.evolve(CODE, template="receipt"))


@pytest.mark.parametrize(("told", "number"), [("+91 98123 45678", "+919812345678"), ("(1) 500.555.0006", "+15005550006")])
def test_numbers(told: str, number: str) -> None:
    assert number_of(told) == number


@pytest.mark.parametrize("told", ["", "driver@example.org", "+0123456789", "12345", "+91981234567890123", "+9198x2345678"])
def test_what_is_no_number(told: str) -> None:
    with pytest.raises(NeverSent, match="country's code"):
        number_of(told)


REPORTS = [
    ("msg91", b'[{"requestId": "r1", "report": [{"status": "1", "desc": "DELIVERED"}]}]', [Report("r1", "delivered")]),
    ("msg91", b'[{"requestId": "r1", "report": [{"status": "2", "desc": "FAILED"}]}]', [Report("r1", "failed", "FAILED")]),
    ("twilio", b"MessageSid=SM1&MessageStatus=delivered", [Report("SM1", "delivered")]),
    ("twilio", b"MessageSid=SM1&MessageStatus=undelivered&ErrorCode=30003", [Report("SM1", "failed", "30003")]),
    ("twilio", b"MessageSid=SM1&MessageStatus=sent", []),
    ("plain", b'{"id": "7", "state": "failed", "error": "no credit"}', [Report("7", "failed", "no credit")]),
]


@pytest.mark.parametrize(("preset", "body", "told"), REPORTS)
def test_delivery_reports(preset: str, body: bytes, told: list[Report]) -> None:
    assert list(GATEWAYS[preset].reported(body)) == told


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"preset": "twilio"}, "needs account"),
        ({"preset": "plain"}, "url must be"),
        ({"preset": "plain", "url": "http://sms.example.org"}, "this machine only"),
        ({"preset": "msg91", "report_key": "short"}, "16 characters"),
    ],
)
def test_settings_that_could_not_work(wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Settings(**{"key": "k", **wrong})
