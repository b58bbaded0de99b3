"""``csms plan`` beside a running server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import csms_plans
from csms.testing.command_line import Csms, command_line
from csms.testing.server import TestServer

from .test_plans_http import PLANS, TERMS, driver, good


@pytest.fixture
def csms(server: TestServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Csms]:
    """``await csms("plan", "list")``."""
    with command_line(server, "plans", csms_plans, tmp_path, monkeypatch) as run:
        yield run


async def test_plans_on_the_command_line(csms: Csms, server: TestServer) -> None:
    assert "There are no plans" in (await csms("plan", "list")).stdout
    await good(server, "POST", PLANS, {"name": "Commuter", "description": "To work", "terms": {**TERMS, "memberships": ["gold"]}})
    await good(server, "POST", PLANS, {"name": "For all", "terms": TERMS})
    listed = (await csms("plan", "list")).stdout.splitlines()
    assert listed[1].split() == [
        "1",
        "Commuter",
        "monthly",
        "₹118.00",
        "10.000",
        "kWh,",
        "10",
        "per",
        "kWh",
        "beyond",
        "0",
        "active",
    ]
    assert [each["name"] for each in json.loads((await csms("plan", "list", "--json")).stdout)] == ["Commuter", "For all"]
    shown = (await csms("plan", "show", "commuter")).stdout
    assert shown.splitlines()[:2] == ["Commuter (plan 1, version 1, active)", "To work"]
    assert "memberships gold" in shown
    number, _ = await driver(server, "Asha", 200_00)
    told = (await csms("plan", "subscribe", "For all", "--driver", str(number), "--once")).stdout
    assert told.startswith("subscription 1 to For all is active, until ")
    rows = (await csms("plan", "subscriptions", "--driver", str(number), "--state", "active")).stdout.splitlines()
    assert rows[1].split()[:5] == ["1", str(number), "For", "all", "active"]
    assert (await csms("plan", "cancel", "1", "--now", "--credit")).stdout == "subscription 1 to For all is ended\n"
    (ended,) = json.loads((await csms("plan", "subscriptions", "--json")).stdout)
    assert ended["reason"] == "as wished"


async def test_what_goes_wrong_is_said_in_a_line(csms: Csms, server: TestServer) -> None:
    assert "there is no plan 'Nothing'" in (await csms("plan", "show", "Nothing", code=1)).stderr
    assert "there is no subscription 9" in (await csms("plan", "cancel", "9", code=1)).stderr
    assert "expected an instant" in (await csms("plan", "subscribe", "1", "--driver", "1", "--start", "soon", code=2)).stderr


async def test_the_api_is_described_with_the_plugins_routes(csms: Csms) -> None:
    document = json.loads((await csms("openapi")).stdout)
    assert {"/api/v1/plans", "/api/v1/subscriptions", "/api/v1/me/subscriptions"} <= set(document["paths"])
    assert "Terms" in document["components"]["schemas"]
