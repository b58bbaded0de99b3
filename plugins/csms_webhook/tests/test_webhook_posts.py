"""What the webhook posts, and what it makes of the answers; with a receiver on the loopback interface."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest

import csms_webhook
from csms.hooks import ChargerBooted, ChargerStatusChanged, Event, Place, TransactionEnded, event
from csms.testing.plugins import HttpClient, Plugged, PluginFailed, example

Plug = Callable[..., Plugged]


@pytest.fixture
async def plug(receiver: Any, secret: str) -> AsyncIterator[Plug]:
    http = HttpClient()

    def plug(more: dict[str, object] | None = None, **settings: Any) -> Plugged:
        table = {"url": receiver.url, "secret": secret, **settings}
        return Plugged({"webhook": csms_webhook, **(more or {})}, settings={"webhook": table}, http=http)

    yield plug
    await http.aclose()


async def test_an_event_is_posted_as_json(receiver: Any, plug: Plug) -> None:
    plugged = plug()
    booted = example(ChargerBooted, charger_id="CP/1 ü", vendor="ACME")
    await plugged.tell(booted, event_id=42, attempt=3)
    (post,) = await receiver.received(1)
    assert post.line == "POST /hooks/csms?for=test HTTP/1.1"
    assert post.headers["content-type"] == "application/json"
    assert post.headers["idempotency-key"] == "42"
    assert json.loads(post.body) == {
        "id": 42,
        "type": "charger_booted",
        "tenant": 1,
        "occurred_at": "2026-01-01T00:00:00.000Z",
        "attempt": 3,
        "data": attrs.asdict(booted),
    }


async def test_the_signature_can_be_checked_with_nothing_but_the_secret(receiver: Any, plug: Plug, secret: str) -> None:
    plugged = plug()
    plugged.clock.at = 1_800_000_000_999
    await plugged.tell(example(ChargerBooted, charger_id="CP1"))
    (post,) = await receiver.received(1)
    timestamp = post.headers["x-csms-timestamp"]
    assert timestamp == "1800000000"
    expected = hmac.digest(secret.encode(), b"%s.%s" % (timestamp.encode(), post.body), hashlib.sha256).hex()
    assert post.headers["x-csms-signature"] == f"sha256={expected}"


async def test_nested_values_and_those_of_other_plugins_events_survive(receiver: Any, plug: Plug) -> None:
    @event
    @attrs.frozen(slots=True, kw_only=True)
    class WebhookTested(Event):
        type = "webhook_tested"
        place: Place
        amount: Decimal
        names: tuple[str, ...]

        @property
        def key(self) -> str:
            return "webhook"

    await plug().tell(WebhookTested(place=Place(2, 1), amount=Decimal("1.10"), names=("a", "b")))
    (post,) = await receiver.received(1)
    assert json.loads(post.body)["data"] == {"place": {"evse": 2, "connector": 1}, "amount": "1.10", "names": ["a", "b"]}


async def test_only_the_events_that_were_asked_for_are_posted(receiver: Any, plug: Plug) -> None:
    plugged = plug(events=["transaction_ended"])
    await plugged.tell(example(ChargerBooted))
    await plugged.tell(example(ChargerStatusChanged))
    await plugged.tell(example(TransactionEnded))
    assert [json.loads(post.body)["type"] for post in receiver.posts] == ["transaction_ended"]


@pytest.mark.parametrize("status", [400, 401, 404, 410, 429, 500, 503])
async def test_anything_but_success_fails_the_delivery(receiver: Any, plug: Plug, status: int) -> None:
    receiver.answers.append((status, {}))
    with pytest.raises(PluginFailed, match=rf"http://127\.0\.0\.1:\d+ answered {status}"):
        await plug().tell(example(ChargerBooted))


async def test_a_redirect_is_not_followed(receiver: Any, plug: Plug) -> None:
    receiver.answers.append((307, {"Location": f"{receiver.url}&again"}))
    with pytest.raises(PluginFailed, match=r"redirects \(307\); give url the final address"):
        await plug().tell(example(ChargerBooted))
    assert len(receiver.posts) == 1


async def test_a_receiver_that_is_away_fails_the_delivery_without_telling_the_url(receiver: Any, plug: Plug) -> None:
    plugged = plug(url="http://127.0.0.1:1/hooks/hunter2")
    with pytest.raises(PluginFailed, match=r"http://127\.0\.0\.1:1") as failed:
        await plugged.tell(example(ChargerBooted))
    assert "hunter2" not in str(failed.value)


async def test_the_secret_shows_nowhere_that_is_told(receiver: Any, plug: Plug, secret: str) -> None:
    plugged = plug()
    receiver.answers.append((500, {}))
    with pytest.raises(PluginFailed) as failed:
        await plugged.tell(example(ChargerBooted))
    (post,) = receiver.posts
    told = [str(failed.value), repr(plugged.bus.health()), repr(csms_webhook.register_settings()(url=receiver.url, secret=secret))]
    assert not any(secret in text for text in [*told, str(post.headers), post.body.decode()])


async def test_the_check_in_the_readme_knows_genuine_from_forged(receiver: Any, plug: Plug, secret: str) -> None:
    readme = (Path(csms_webhook.__file__).parent / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", readme, flags=re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(code, "README.md", "exec"), names)
    is_genuine = names["is_genuine"]
    plugged = plug()
    await plugged.tell(example(ChargerBooted))
    (post,) = receiver.posts
    headers = {name: post.headers[name.lower()] for name in ("X-CSMS-Timestamp", "X-CSMS-Signature")}
    now = plugged.clock.now() // 1000
    assert is_genuine(headers, post.body, secret=secret, now=now)
    assert not is_genuine(headers, post.body, secret="another secret, just as long", now=now)
    assert not is_genuine(headers, post.body.replace(b"accepted", b"rejected") + b" ", secret=secret, now=now)
    assert not is_genuine(headers, post.body, secret=secret, now=now + 301)
    assert not is_genuine({**headers, "X-CSMS-Timestamp": str(now + 1)}, post.body, secret=secret, now=now)
