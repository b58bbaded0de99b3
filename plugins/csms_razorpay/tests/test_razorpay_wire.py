"""What can go wrong on the way to Razorpay: it always ends, in one of two errors, and says nothing on the console."""

from __future__ import annotations

import time
from typing import Any

import attrs
import pytest
import trio

from csms.hooks import GatewayAway, GatewayError, PaymentWanted
from csms_razorpay.wire import judged

WANTED = PaymentWanted(reference="P-1", way="order", amount_minor=50_000, currency="INR")


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [
        ("error", 500, GatewayAway),
        ("error", 502, GatewayAway),
        ("error", 503, GatewayAway),
        ("error", 429, GatewayAway),
        ("error", 409, GatewayAway),
        ("page", 502, GatewayAway),
        ("page", 403, GatewayAway),
        ("page", 302, GatewayError),
        ("error", 400, GatewayError),
        ("lost", 0, GatewayAway),
    ],
)
async def test_every_failure_is_one_of_two(gateway: Any, capfd: Any, kind: str, status: int, error: type[Exception]) -> None:
    gateway.stub.faults.add(kind, status=status)
    with pytest.raises(error) as caught:
        await gateway.provider.check(gateway.account)
    assert caught.value.__cause__ is None, "nothing of the SDK's or of requests' is shown"
    assert capfd.readouterr() == ("", "")
    assert "the keys work" in await gateway.provider.check(gateway.account)


async def test_who_does_not_answer_in_time_is_away(gateway: Any, make_provider: Any, capfd: Any) -> None:
    gateway.stub.faults.add("timeout", delay_s=5)
    provider = make_provider(timeout_s=0.2, allowed_hosts=("127.0.0.1",))
    begun = time.monotonic()
    with pytest.raises(GatewayAway, match="did not answer"):
        await provider.check(gateway.account)
    assert time.monotonic() - begun < 2
    assert capfd.readouterr() == ("", "")
    provider.wire.close()


async def test_nobody_listens(gateway: Any, capfd: Any) -> None:
    account = attrs.evolve(gateway.account, base_url="http://127.0.0.1:9")
    with pytest.raises(GatewayAway, match="ConnectionError"):
        await gateway.provider.offer(account, WANTED)
    assert capfd.readouterr() == ("", "")


async def test_who_answers_a_byte_at_a_time_is_away(gateway: Any, make_provider: Any, nursery: Any) -> None:
    async def drip(stream: trio.SocketStream) -> None:
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        try:
            while True:
                await stream.send_all(b" " * 10)
                await trio.sleep(0.02)
        except trio.BrokenResourceError:
            await stream.aclose()

    (listener,) = await nursery.start(lambda task_status: trio.serve_tcp(drip, 0, host="127.0.0.1", task_status=task_status))
    address = f"http://127.0.0.1:{listener.socket.getsockname()[1]}"
    provider = make_provider(timeout_s=0.3, allowed_hosts=("127.0.0.1",))
    begun = time.monotonic()
    with pytest.raises(GatewayAway):
        await provider.check(attrs.evolve(gateway.account, base_url=address))
    assert time.monotonic() - begun < 2
    provider.wire.close()
    nursery.cancel_scope.cancel()


async def test_a_question_of_several_requests_has_one_time_limit(gateway: Any, make_provider: Any) -> None:
    """The first takes nearly all of it, so that the second, which would make something, is not sent any more."""
    gateway.stub.faults.add("late", "GET /v1/orders", delay_s=0.35)
    provider = make_provider(timeout_s=0.4, allowed_hosts=("127.0.0.1",))
    gateway.stub.faults.add("timeout", "POST *", delay_s=1)
    begun = time.monotonic()
    with pytest.raises(GatewayAway):
        await provider.offer(gateway.account, WANTED)
    assert time.monotonic() - begun < 0.9
    provider.wire.close()


async def test_what_was_lost_is_never_repeated_by_itself(gateway: Any) -> None:
    gateway.stub.faults.add("lost", "POST *", times=10)
    with pytest.raises(GatewayAway):
        await gateway.provider.offer(gateway.account, WANTED)
    (book,) = gateway.stub.till.books.values()
    assert len(book.entities["order"]) == 1


def test_no_content_is_an_empty_answer() -> None:
    assert judged(204, b"").json() == {}


def test_an_error_names_its_reason() -> None:
    body = b'{"error": {"code": "BAD_REQUEST_ERROR", "description": "No.", "reason": "payment_declined"}}'
    with pytest.raises(GatewayError, match=r"No\.") as caught:
        judged(400, body)
    assert caught.value.code == "payment_declined"
    with pytest.raises(GatewayError) as caught:
        judged(400, body.replace(b"payment_declined", b"NA"))
    assert caught.value.code == "BAD_REQUEST_ERROR"


@pytest.mark.parametrize("body", [b"", b"[]", b'{"error": "no"}', b"nonsense"])
def test_an_error_that_says_nothing_may_mean_anything(body: bytes) -> None:
    with pytest.raises(GatewayAway):
        judged(400, body)


async def test_an_answer_of_another_shape_may_mean_anything(gateway: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(
        "csms_razorpay.wire.judged", lambda status, body: type("Said", (), {"status_code": 200, "json": lambda _: []})()
    )
    with pytest.raises(GatewayAway, match="cannot be read"):
        await gateway.provider.offer(gateway.account, WANTED)
