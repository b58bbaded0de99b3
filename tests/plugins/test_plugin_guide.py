"""The examples of docs/plugins.md are cut out and run."""

from __future__ import annotations

import inspect
import re
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from csms.config import load
from csms.testing.plugins import Plugged

GUIDE = Path(__file__).parents[2] / "docs" / "plugins.md"


def example_of(file: str) -> str:
    """The code block whose first line names this file."""
    blocks = re.findall(r"^```\w+\n# (\S+)\n(.*?)^```", GUIDE.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    (found,) = [text for name, text in blocks if name == file]
    return str(found)


@pytest.fixture
def caretaker(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module = ModuleType("csms_caretaker")
    monkeypatch.setitem(sys.modules, "csms_caretaker", module)
    exec(compile(example_of("csms_caretaker.py"), "csms_caretaker.py", "exec"), module.__dict__)
    return module


async def test_the_plugin_and_its_test_do_what_the_guide_says(caretaker: ModuleType) -> None:
    tests: dict[str, Any] = {}
    exec(compile(example_of("test_caretaker.py"), "test_caretaker.py", "exec"), tests)
    ran = [
        await function() for name, function in tests.items() if name.startswith("test_") and inspect.iscoroutinefunction(function)
    ]
    assert len(ran) == 2


def test_the_plugin_is_about_twenty_lines(caretaker: ModuleType) -> None:
    lines = [line for line in example_of("csms_caretaker.py").splitlines() if line.strip()]
    assert len(lines) <= 20


def test_the_config_of_the_guide_enables_it(caretaker: ModuleType, tmp_path: Path) -> None:
    point = tomllib.loads(example_of("pyproject.toml"))["project"]["entry-points"]["csms"]
    assert {name: EntryPoint(name, value, "csms").load() for name, value in point.items()} == {"caretaker": caretaker}
    file = tmp_path / "csms.toml"
    file.write_text(example_of("csms.toml"), encoding="utf-8")
    config = load(file, {}).plugins
    plugged = Plugged(dict.fromkeys(config.enabled, caretaker), settings=config.settings)
    assert "authorize_token" in {hook.hook for hook in plugged.bus.health()["caretaker"].hooks}
