"""What the routes of stations are told of the rest: addresses, and the quirks in force."""

from __future__ import annotations

import pytest

from csms.config import ApiConfig, Config, DriversConfig, IdentityConfig, OcppConfig
from csms.config.loading import ConfigError
from csms.premises import connect_url, in_force, start_url
from csms.quirks.book import Book, Entry


def test_where_codes_lead() -> None:
    api = ApiConfig(host="0.0.0.0", port=8443)
    assert start_url(Config(api=api)) == "http://127.0.0.1:8443/api/v1/start/{code}"
    named = Config(api=api, identity=IdentityConfig(public_url="https://charge.example.com/csms"))
    assert start_url(named) == "https://charge.example.com/csms/api/v1/start/{code}"
    own = DriversConfig(start_url="https://app.example.com/s/{code}?from=qr")
    assert start_url(Config(drivers=own)) == own.start_url
    for wrong in ("https://app.example.com/s/", "app.example.com/{code}", "https://app.example.com/{code}/{code}"):
        with pytest.raises((ConfigError, ValueError)):
            DriversConfig(start_url=wrong)


def test_where_chargers_connect() -> None:
    assert connect_url(Config(ocpp=OcppConfig(host="::", port=9000)), "CP/1") == "ws://[::1]:9000/ocpp/CP%2F1"


def test_quirks_in_force_are_those_with_the_last_word() -> None:
    book = Book(
        (
            Entry(vendor="Volt*", note="first", changes={"energy_unit": "kWh", "answers_pings": False}, source="quirks.toml"),
            Entry(vendor="VoltWorks", model="Duo", note="but this one", changes={"energy_unit": "Wh"}, source="/etc/own.toml"),
        )
    )
    found = {each.quirk: (each.value, each.note, each.source) for each in in_force(book, "VoltWorks", "Duo", "1")}
    assert found == {"energy_unit": ("Wh", "but this one", "own.toml"), "answers_pings": (False, "first", "quirks.toml")}
    assert in_force(book, "", "", "") == []
