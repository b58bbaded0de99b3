"""Whose address is believed."""

from __future__ import annotations

import pytest

from csms.core.addresses import Proxies
from csms.net.http import Head


def hops(*values: str) -> list[str]:
    return Head("GET", "/", tuple(("x-forwarded-for", value) for value in values)).tokens("x-forwarded-for")


PROXIES = Proxies(["10.0.0.0/8", "fd00::/8"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.5", ["198.51.100.1"], "203.0.113.5"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["6.6.6.6, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1", "10.0.0.2"], "198.51.100.1"),
        ("::ffff:10.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("fd00::1", ['"[2001:db8::7]:4711"'], "2001:db8::7"),
        ("10.0.0.1", ["198.51.100.1, unknown"], "10.0.0.1"),
        ("", ["198.51.100.1"], ""),
    ],
)
def test_only_trusted_proxies_are_believed(peer: str, forwarded: list[str], client: str) -> None:
    assert PROXIES.client(peer, hops(*forwarded)) == client


def test_nobody_is_believed_by_default() -> None:
    assert Proxies(()).client("10.0.0.1", hops("198.51.100.1")) == "10.0.0.1"


def test_a_trusted_proxy_says_whether_tls_was_used() -> None:
    assert PROXIES.secure("10.0.0.1", ["https"])
    assert not PROXIES.secure("10.0.0.1", ["http"])
    assert not PROXIES.secure("203.0.113.5", ["https"])


def test_tls_to_us_counts_unless_a_trusted_proxy_says_that_the_charger_had_none() -> None:
    assert PROXIES.secure("203.0.113.5", ["http"], tls=True)
    assert PROXIES.secure("10.0.0.1", [], tls=True)
    assert not PROXIES.secure("10.0.0.1", ["http"], tls=True)
