"""Every hook is documented with its exact signature, and has a test in which it fired; every event has its hook."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import pytest

from csms import hooks
from csms.core.events import EVENT_TYPES
from csms.hooks import HOOKS, Hook
from csms.hooks_page import main, page, signature

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "hooks.md"

NO_REFUSAL = {"price_charge", "cover_charge"}
"""Decisions where a plugin that must agree and fails is taken to say nothing: there is nothing to refuse."""

every_hook = pytest.mark.parametrize("hook", HOOKS.values(), ids=HOOKS)


def functions(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.fixture(scope="module")
def tests() -> set[str]:
    return set[str]().union(*(functions(file) for file in (ROOT / "tests" / "plugins").glob("test_*.py")))


@every_hook
def test_every_hook_has_a_test_in_which_it_fires(hook: Hook, tests: set[str]) -> None:
    assert f"test_hook_{hook.name}" in tests, f"write test_hook_{hook.name} in tests/plugins, in which the hook fires"


@every_hook
def test_every_hook_is_documented(hook: Hook) -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert f"### {hook.name}\n\n```python\n{signature(hook)}\n```" in text
    assert len(inspect.getdoc(hook.function) or "") > 30


@every_hook
def test_every_hook_is_fully_annotated(hook: Hook) -> None:
    annotations = inspect.get_annotations(hook.function, eval_str=True)
    assert set(annotations) == {*hook.arguments, "return"}


def test_the_page_is_fresh() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m csms.hooks_page docs/hooks.md"


def test_every_event_of_the_core_has_a_hook_of_its_own_type() -> None:
    core = {name: kind for name, kind in EVENT_TYPES.items() if kind.__module__.startswith("csms.")}
    hooked = {hook.name for hook in HOOKS.values() if hook.family == "event"} - {"event_occurred"}
    assert hooked == set(core)
    for name, kind in core.items():
        assert inspect.get_annotations(HOOKS[name].function, eval_str=True)["event"] is kind


@every_hook
def test_names_follow_the_family(hook: Hook) -> None:
    assert hook.name.startswith("register_") == (hook.family == "contribution")
    assert hook.family != "event" or hook.arguments == ("event", "delivery", "context")
    if hook.family == "decision":
        assert hook.combine
        assert hook.refusal is None if hook.name in NO_REFUSAL else isinstance(hook.refusal, hook.answer or object)


def test_everything_that_is_offered_exists_and_every_command_is_offered() -> None:
    assert all(hasattr(hooks, name) for name in hooks.__all__)
    assert set(hooks.COMMANDS) <= set(hooks.__all__)
    assert {kind.__name__ for kind in EVENT_TYPES.values() if kind.__module__.startswith("csms.")} <= set(hooks.__all__)


def test_the_generator_writes_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(tmp_path / "hooks.md")])
    assert (tmp_path / "hooks.md").read_text(encoding="utf-8") == page()
    main([])
    assert capsys.readouterr().out == page()
