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


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_names(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not words_of(path.stem) & EMPTY_WORDS, "a file's name says what is in it"
    assert len(text.splitlines()) <= LIMIT or path in WHOLE, f"more than {LIMIT} lines: what are the two things in it?"
    for line, name, is_definition in defined(ast.parse(text)):
        words = words_of(name)
        assert not (is_definition and words & EMPTY_WORDS), f"line {line}: {name} says nothing about what it is"
        assert "session" not in words, f"line {line}: {name}; the word is transaction (or connection)"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_says_what_it_is_for(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not text.strip() or ast.get_docstring(ast.parse(text)), "a module's docstring is its one-line purpose"


def test_no_version_switches() -> None:
    """The subprotocol picks a dialect once; nothing asks for the version afterwards."""
    for path in (ROOT / "src").rglob("*.py"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            assert not re.search(r"\bif\b.*\b(version|protocol|subprotocol)\s*(==|!=)\s*[\"']", line), (
                f"{path}:{number}: {line.strip()}"
            )
