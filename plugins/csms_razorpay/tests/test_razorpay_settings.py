"""Where keys may be sent, what the account says of itself, and the plugin's hooks."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from csms.hooks import GatewayError
from csms.testing.plugins import Plugged, PluginError
from csms_razorpay.model import RAZORPAY, Settings, address_of


def test_hook_register_payment_providers(plugin: Any) -> None:
    """The server finds the provider by its name, with its settings checked."""
    plugged = Plugged({"razorpay": plugin}, settings={"razorpay": {"timeout_s": 3, "allowed_hosts": ["127.0.0.1:8801"]}})
    (contribution,) = plugged.bus.collect("register_payment_providers")
    (provider,) = contribution.value if isinstance(contribution.value, (tuple, list)) else (contribution.value,)
    assert provider.name == "razorpay"
    assert provider.ways == {"order", "link", "qr", "recurring"}
    assert provider.settings == Settings(timeout_s=3, allowed_hosts=("127.0.0.1:8801",))


@pytest.mark.parametrize(
    "table",
    [{"timeout_s": 0}, {"base_url": "http://example.org"}, {"base_url": "https://a:b@example.org"}, {"base_url": "ftp://x"}],
)
def test_settings_that_cannot_work(plugin: Any, table: dict[str, Any]) -> None:
    with pytest.raises(PluginError, match="razorpay"):
        Plugged({"razorpay": plugin}, settings={"razorpay": table})


@pytest.mark.parametrize(
    ("base_url", "allowed", "answer"),
    [
        ("", (), RAZORPAY),
        ("https://api.razorpay.com/", ("api.razorpay.com",), RAZORPAY),
        ("http://127.0.0.1:8801", ("127.0.0.1",), "http://127.0.0.1:8801"),
        ("http://127.0.0.1:8801", ("127.0.0.1:8801",), "http://127.0.0.1:8801"),
        ("http://127.0.0.1:8801", ("127.0.0.1:8802", "api.razorpay.com"), None),
        ("http://169.254.169.254/latest", ("169.254.169.254",), None),
        ("https://api.razorpay.com.example.org", ("api.razorpay.com",), None),
        ("https://api.razorpay.com@example.org", ("api.razorpay.com",), None),
        ("https://api.razorpay.com/?x=", ("api.razorpay.com",), None),
        ("file:///etc/passwd", (), None),
    ],
)
async def test_keys_are_sent_only_where_the_operator_allows(
    gateway: Any, base_url: str, allowed: tuple[str, ...], answer: str | None
) -> None:
    account = attrs.evolve(gateway.account, base_url=base_url)
    if answer is None:
        with pytest.raises(GatewayError) as caught:
            address_of(account, Settings(allowed_hosts=allowed))
        assert caught.value.code == "address"
    else:
        assert address_of(account, Settings(allowed_hosts=allowed)) == answer


async def test_the_operators_own_address_is_for_all_accounts(gateway: Any) -> None:
    settings = Settings(base_url="http://127.0.0.1:8801")
    assert address_of(attrs.evolve(gateway.account, base_url=""), settings) == "http://127.0.0.1:8801"


async def test_check_tells_tests_from_live_payments(gateway: Any) -> None:
    assert await gateway.provider.check(gateway.account) == "the keys work, for tests"
    assert await gateway.provider.check(attrs.evolve(gateway.account, webhook_secret="")) == (
        "the keys work, for tests; no webhook secret is set"
    )
    with pytest.raises(GatewayError, match="the key is for tests, and the account says live payments"):
        await gateway.provider.check(attrs.evolve(gateway.account, live=True))
