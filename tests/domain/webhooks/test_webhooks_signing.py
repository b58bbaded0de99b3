"""Signatures as receivers verify them, and URLs that are refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from csms.core.errors import Invalid
from csms.domain.webhooks.signing import check_url, headers, receiver, secret_of, sign
from csms.outside import SystemEntropy

PAGE = Path(__file__).parents[3] / "docs" / "webhooks.md"


def test_the_vector_of_standard_webhooks() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    signature = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_snippet_of_the_documentation_verifies_what_is_sent() -> None:
    (snippet,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    made: dict[str, Any] = {}
    exec(compile(snippet, str(PAGE), "exec"), made)
    verify = made["verify"]
    old, new = secret_of(SystemEntropy().token(32)), secret_of(SystemEntropy().token(32))
    body, now = b'{"type":"transaction_ended"}', 1_767_225_600
    sent = headers([new, old], "evt_1", now, body)
    assert verify(new, sent, body, now=now)
    assert verify(old, sent, body, now=now + 299), "while a secret is changed both verify"
    assert not verify(new, sent, body + b" ", now=now)
    assert not verify(new, sent, body, now=now + 301), "a replay"
    assert not verify(secret_of(SystemEntropy().token(32)), sent, body, now=now)
    assert not verify(new, {**sent, "webhook-id": "evt_2"}, body, now=now)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "ftp://example.com/",
        "https://",
        "https:///path",
        "https://user:secret@example.com/",
        "https://example.com/#there",
        "https://example.com:99999/",
        "https://example.com:0/",
        "https://exämple.com/",
        "https://example.com/a b",
        "javascript:alert(1)",
        "file:///etc/passwd",
    ],
)
def test_urls_to_which_nothing_is_sent(url: str) -> None:
    with pytest.raises(Invalid):
        check_url(url, allow_http=False)


def test_urls_that_may_be() -> None:
    check_url("https://example.com:8443/hook?key=1", allow_http=False)
    check_url("http://example.com/hook", allow_http=True)
    assert receiver("https://example.com:8443/hook?key=1") == "https://example.com:8443", "path and query may be secrets"
