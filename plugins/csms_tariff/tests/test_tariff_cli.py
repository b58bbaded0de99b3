"""``csms tariff`` beside a running server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

import csms_tariff
from csms.testing.command_line import Csms, command_line
from csms.testing.server import TestServer
from csms_tariff import commands

FILE = """
[[calendars]]
name = "Karnataka"
holidays = [{ day = 2090-08-15, name = "Independence Day" }]

[[tariffs]]
name = "Day and night"
description = "For everybody"

[tariffs.rules]
calendar = "Karnataka"
taxes = { scheme = "gst", percent = 18, code = "996911" }
components = [
  { kind = "energy", name = "Day", rate = 14.50 },
  { kind = "energy", name = "Night", rate = 9, priority = 1, windows = [{ start = "22:00", end = "06:00" }] },
]

[[assignments]]
tariff = "Day and night"
level = "tenant"

[[promo_codes]]
code = "WELCOME"
percent = 10
"""


@pytest.fixture
def csms(server: TestServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Csms]:
    """``await csms("tariff", "list")``."""
    with command_line(server, "tariff", csms_tariff, tmp_path, monkeypatch) as run:
        yield run


async def test_a_file_is_brought_once_and_then_looked_at(csms: Csms, server: TestServer, tmp_path: Path) -> None:
    assert "There are no tariffs" in (await csms("tariff", "list")).stdout
    file = tmp_path / "tariffs.toml"
    file.write_text(FILE)
    would = await csms("tariff", "import", str(file), "--dry-run")
    assert would.stdout.splitlines() == [
        "calendar Karnataka: added",
        "tariff Day and night: added",
        "assignment Day and night to tenant: added",
        "promo code WELCOME: added",
    ]
    assert await server.rows("SELECT 1 FROM plugin_tariff_tariffs") == []
    assert (await csms("tariff", "import", str(file))).stdout == would.stdout
    again = json.loads((await csms("tariff", "import", str(file), "--json")).stdout)
    assert {each["done"] for each in again} == {"unchanged"}
    file.write_text(FILE.replace("14.50", "15.25"))
    assert "tariff Day and night: version 2 added" in (await csms("tariff", "import", str(file))).stdout

    (listed,) = json.loads((await csms("tariff", "list", "--json")).stdout)
    assert (listed["name"], listed["version"], listed["assignments"]) == ("Day and night", 2, 1)
    assert "Day and night" in (await csms("tariff", "list")).stdout
    shown = (await csms("tariff", "show", "day and night", "--versions")).stdout
    assert shown.splitlines()[0] == "Day and night (tariff 1, INR, active)"
    assert "Day: 15.25 INR per kWh" in shown
    assert "Day: 14.50 INR per kWh" in shown

    await server.add_charger("C1")
    explained = (await csms("tariff", "explain", "C1", "--at", "2090-01-01T00:00:00Z")).stdout
    assert explained.splitlines()[0] == "Day and night (tariff 1, version 2) applies:"
    assert "everywhere" in explained.splitlines()[-1]
    calculated = await csms(
        "tariff", "calculate", "--charger", "C1", "--kwh", "10", "--kw", "10", "--start", "2090-01-01T06:00:00Z"
    )
    assert "Net 152.50 INR, total 179.96 INR." in calculated.stdout
    by_night = await csms(
        "--json", "tariff", "calculate", "--tariff", "Day and night", "--kwh", "10", "--start", "2090-01-01T18:00Z"
    )
    assert json.loads(by_night.stdout)["price"]["net_minor"] == 9_000


async def test_what_goes_wrong_is_said_in_a_line(csms: Csms, tmp_path: Path) -> None:
    assert "there is no tariff 'Nothing'" in (await csms("tariff", "show", "Nothing", code=1)).stderr
    assert "there is no charger 'C9'" in (await csms("tariff", "explain", "C9", code=1)).stderr
    file = tmp_path / "wrong.toml"
    for text, words in (
        ("tariffs = 5", "expected lists called calendars, tariffs, assignments, promo_codes"),
        ("[[prices]]", "there is no section prices"),
        ("[[tariffs", "wrong.toml"),
        ("[[tariffs]]\ndescription = ''", "tariffs: each has a name"),
        ("[[tariffs]]\nname = 'A'\n[[tariffs.rules.components]]\nkind = 'energy'\nrate = '-1'", "components[0].rate"),
        ("[[assignments]]\ntariff = 'B'\nlevel = 'tenant'", "there is no tariff 'B'"),
    ):
        file.write_text(text)
        ended = await csms("tariff", "import", str(file), code=1)
        assert words in ended.stderr, ended.stderr
        assert len(ended.stderr.splitlines()) == 1
    assert "expected an instant" in (await csms("tariff", "explain", "C1", "--at", "soon", code=2)).stderr
    assert "no server answers" in (await csms("tariff", "list", "--server", "http://127.0.0.1:1", code=3)).stderr


def test_a_command_needs_csms_to_find_the_server() -> None:
    ended = CliRunner().invoke(commands.list_all)
    assert (ended.exit_code, "not called through csms" in ended.stderr) == (1, True)


async def test_the_api_is_described_with_the_plugins_routes(csms: Csms) -> None:
    document = json.loads((await csms("openapi")).stdout)
    assert "/api/v1/tariffs/calculate" in document["paths"]
    assert any("step_kwh" in each.get("properties", {}) for each in document["components"]["schemas"].values())
