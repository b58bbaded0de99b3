"""What the webhook refuses to be configured with."""

from __future__ import annotations

from typing import Any

import pytest

import csms_webhook
from csms.testing.plugins import Plugged, PluginError

GOOD = {"url": "https://receiver.example/hooks", "secret": "0123456789abcdef"}


def plug(**settings: Any) -> Plugged:
    return Plugged({"webhook": csms_webhook}, settings={"webhook": {**GOOD, **settings}})


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"url": "http://127.0.0.1:8000/x"},
        {"url": "http://localhost/x"},
        {"url": "http://[::1]/x"},
        {"url": "http://inside.example/x", "allow_http": True},
        {"events": ["charger_booted", "transaction_ended"]},
    ],
)
def test_good_settings_start(settings: dict[str, Any]) -> None:
    plug(**settings)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (
            {"url": "http://receiver.example/x"},
            "http:// is for this machine only; use https:// for receiver.example, or set allow_http",
        ),
        ({"url": "http://127.0.0.1.receiver.example/x"}, "http:// is for this machine only"),
        ({"url": "ftp://receiver.example/x"}, "url must be https://HOST/PATH"),
        ({"url": "receiver.example"}, "url must be https://HOST/PATH"),
        ({"url": "https://user:hunter2@receiver.example"}, "url must not carry a password"),
        ({"secret": "short"}, "secret must have at least 16 characters"),
        ({"events": ["charger_boted"]}, "there is no event charger_boted (did you mean charger_booted?)"),
        ({"events": ["meter_values"]}, "meter_values is volatile"),
        ({"timeout_s": 0}, "'timeout_s' must be > 0"),
        ({"url": 5}, "plugins.settings.webhook.url: Expected str, got int"),
        ({"urls": []}, "plugins.settings.webhook.urls: unknown key (did you mean url?)"),
    ],
)
def test_bad_settings_stop_the_start_and_tell_no_secret(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(PluginError) as caught:
        plug(**settings)
    assert told in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "'short'" not in str(caught.value)


def test_a_missing_secret_is_named() -> None:
    with pytest.raises(PluginError, match=r"plugins.settings.webhook: Object missing required field secret"):
        Plugged({"webhook": csms_webhook}, settings={"webhook": {"url": "https://receiver.example"}})
