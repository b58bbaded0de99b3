"""``csms plugins``: what is installed, what is enabled, and how it is doing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from csms.plugins.installed import Installed

from .conftest import Run, Stub, facts


@pytest.fixture
def two(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Two plugins are installed, the second in the alphabet is enabled."""
    found = {name: Installed(name, "1.2", lambda: None) for name in ("meter", "webhook")}
    monkeypatch.setattr(sys.modules["csms.plugins.installed"], "installed", lambda: found)
    (tmp_path / "csms.toml").write_text('[plugins]\nenabled = ["webhook"]\n')
    return run


def page(**plugins: Any) -> dict[str, Any]:
    return {"status": "ok", "components": {"plugins": plugins}}


def test_enabled_ones_come_first(two: Run) -> None:
    listed = facts(two("plugins", "--installed", "--json"))
    assert [(each["name"], each["version"], each["enabled"]) for each in listed] == [
        ("webhook", "1.2", True),
        ("meter", "1.2", False),
    ]


def test_health_comes_from_the_running_server(two: Run, stub: Stub) -> None:
    stub.answer("GET", "/health", page(status="ok", webhook={"calls": 3}))
    assert facts(two("plugins", "--json"))[0]["health"] == "ok"


def test_trouble_is_shown_with_its_reason(two: Run, stub: Stub) -> None:
    stub.answer("GET", "/health", page(status="failed", reason="webhook: transaction_ended rests: no route; meter: slow"), 503)
    result = two("plugins", code=1)
    assert "transaction_ended rests: no route" in result.stdout
    assert "slow" not in result.stdout
    assert result.stderr == "csms: in trouble: webhook\n"


def test_a_plugin_that_the_server_did_not_load(two: Run, stub: Stub) -> None:
    stub.answer("GET", "/health", page(status="ok"))
    assert "another configuration" in two("plugins", code=1).stdout


def test_without_a_server(two: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CSMS_API_PORT", "1")
    assert facts(two("plugins", "--json"))[0]["health"] == "no server"
    two("plugins", "--server", "http://127.0.0.1:1", code=3)


def test_an_enabled_plugin_that_is_not_installed(run: Run, tmp_path: Path) -> None:
    (tmp_path / "csms.toml").write_text('[plugins]\nenabled = ["missing"]\n')
    result = run("plugins", "--installed", code=1)
    assert "not installed" in result.stdout
    assert result.stderr == "csms: in trouble: missing\n"
