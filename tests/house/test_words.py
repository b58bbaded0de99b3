"""The words of the house: names say what a thing is, and a transaction is never a session."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("src", "plugins", "simulators", "benchmarks")
FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
EMPTY_WORDS = {"manager", "helper", "helpers", "util", "utils", "impl", "base"}
LIMIT = 400
"""Lines in one file; past it a file hides two things."""
WHOLE = {ROOT / "src" / "csms" / "hooks.py"}
"""The plugin API is one file, however many hooks there are: whoever writes a plugin reads it from top to bottom."""


def words_of(name: str) -> set[str]:
    """``BatchWriter_v2`` is batch, writer, v2."""
    return {word.casefold() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+", name)}


def defined(tree: ast.AST) -> Iterator[tuple[int, str, bool]]:
    """Every name that a module defines: its line, the name, and whether it is a class or function."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.name, True
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id, False
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg, False


def test_there_is_something_to_look_at() -> None:
    assert len(FILES) > 50


def wrong(path: Path) -> Iterator[str]:
    """What is wrong with a file's words."""
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    if words_of(path.stem) & EMPTY_WORDS:
        yield "a file's name says what is in it"
    if len(text.splitlines()) > LIMIT and path not in WHOLE:
        yield f"more than {LIMIT} lines: what are the two things in it?"
    if text.strip() and not ast.get_docstring(tree):
        yield "a module's docstring is its one-line purpose"
    for line, name, is_definition in defined(tree):
        words = words_of(name)
        if is_definition and words & EMPTY_WORDS:
            yield f"line {line}: {name} says nothing about what it is"
        if "session" in words:
            yield f"line {line}: {name}; the word is transaction (or connection)"


def test_names_and_what_modules_are_for() -> None:
    said = [f"{path.relative_to(ROOT)}: {what}" for path in FILES for what in wrong(path)]
    assert not said, "\n".join(said)


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("helper", '"""Helps."""', "a file's name says what is in it"),
        ("long", '"""Long."""' + "\n" * LIMIT + "x = 1", "more than 400 lines: what are the two things in it?"),
        ("silent", "x = 1", "a module's docstring is its one-line purpose"),
        ("empty", "", ""),
        ("words", '"""Words."""\nclass FleetManager: ...', "line 2: FleetManager says nothing about what it is"),
        ("words", '"""Words."""\nsession_id = 1', "line 2: session_id; the word is transaction (or connection)"),
        ("words", '"""Words."""\ndef f(session): ...', "line 2: session; the word is transaction (or connection)"),
        ("words", '"""Words."""\nmanager_id = 1', ""),
    ],
)
def test_what_is_wrong_is_seen(tmp_path: Path, name: str, text: str, what: str) -> None:
    path = tmp_path / f"{name}.py"
    path.write_text(text)
    assert ", ".join(wrong(path)) == what


def test_no_version_switches() -> None:
    """The subprotocol picks a dialect once; nothing asks for the version afterwards."""
    for path in (ROOT / "src").rglob("*.py"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            assert not re.search(r"\bif\b.*\b(version|protocol|subprotocol)\s*(==|!=)\s*[\"']", line), (
                f"{path}:{number}: {line.strip()}"
            )
