"""Configuration in print: complete and without secrets, however it is printed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from csms.config import hidden_url, load, shown

SECRETS = {
    "CSMS_DATABASE_URL": "postgresql://me:open:s@same/1@db:5432/csms?sslmode=require&password=sesame",
    "REDIS_URL": "redis://:sesame@cache/0",
    "CSMS_API_KEY": "sesame-sesame-sesame",
    "CSMS_PLUGINS_SETTINGS__WEBHOOK__SECRET": "sesame",
    "CSMS_PLUGINS_SETTINGS__WEBHOOK__API_KEY": "sesame",
    "CSMS_PLUGINS_SETTINGS__WEBHOOK__URL": "https://me:sesame@example.org/hook",
    "CSMS_PLUGINS_SETTINGS__WEBHOOK__HEADERS": '["https://a:sesame@b"]',
}


@pytest.mark.parametrize("printed", [lambda config: json.dumps(shown(config)), repr, str])
def test_no_secret_is_printed(printed: object) -> None:
    text = printed(load(None, SECRETS))  # type: ignore[operator]  # a parameter of any callable
    assert "sesame" not in text
    assert "s@same" not in text
    assert "me:***@db:5432/csms" in text
    assert "sslmode=require" in text


def test_shown_has_every_section_and_says_what_is_not_set() -> None:
    plain = shown(load(None, {}))
    assert plain["api"]["key"] == ""
    assert plain["ocpp"]["protocols"] == ["ocpp2.0.1", "ocpp1.6"]
    assert Path(plain["folder"]).is_absolute()
    json.dumps(plain)


def test_a_url_without_secrets_stays_as_it_is() -> None:
    assert hidden_url("sqlite:////var/lib/csms.db") == "sqlite:////var/lib/csms.db"
    assert hidden_url("postgresql://me@db/csms") == "postgresql://me@db/csms"
