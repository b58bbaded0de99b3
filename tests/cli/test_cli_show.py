"""Answers: tables that fit, values by the convention of their names, whole lines in a pipe."""

from __future__ import annotations

import io
import json
import re
import sys

import pytest
from rich.console import Console

from csms.cli import show


class Terminal(io.StringIO):
    """Standard output of a person with a narrow terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("started_at", 1_767_268_800_000, "2026-01-01 12:00:00Z"),
        ("started_at", None, ""),
        ("energy_wh", 12_345, "12.345 kWh"),
        ("connected", True, "yes"),
        ("connected", False, "no"),
        ("count", 0, "0"),
        ("payload", {"a": [1]}, '{"a":[1]}'),
        ("name", "[bold]x", "[bold]x"),
    ],
)
def test_values_for_people(name: str, value: object, words: str) -> None:
    assert show.cell(name, value) == words


def test_a_pipe_gets_a_row_a_line_and_no_colour(capsys: pytest.CaptureFixture[str]) -> None:
    show.rows(False, [{"id": 1, "text": "x" * 500}, {"id": 20, "text": "[red]y"}], ["id", "text"], empty="none")
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["id  text", " 1  " + "x" * 500, "20  [red]y"]


def test_a_terminal_gets_a_table_that_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    show.rows(False, [{"id": 1, "text": "word " * 30}], ["id", "text"], empty="none")
    lines = re.sub(r"\x1b\[[0-9;]*m", "", terminal.getvalue()).splitlines()
    assert len(lines) > 3
    assert max(map(len, lines)) <= 40


def test_json_has_every_fact(capsys: pytest.CaptureFixture[str]) -> None:
    show.rows(True, [{"id": 1, "hidden": "x"}], ["id"], empty="none")
    assert json.loads(capsys.readouterr().out) == [{"id": 1, "hidden": "x"}]
    show.rows(True, [], ["id"], empty="none")
    assert json.loads(capsys.readouterr().out) == []


def test_a_record_leaves_out_what_is_not_known(capsys: pytest.CaptureFixture[str]) -> None:
    show.record(False, {"id": 1, "note": "", "stopped_at": None, "energy_wh": 0})
    assert capsys.readouterr().out.splitlines() == ["id      1", "energy  0.000 kWh"]


def test_progress_shows_nothing_when_nobody_looks(capsys: pytest.CaptureFixture[str]) -> None:
    with show.progress() as progress:
        progress.advance(progress.add_task("work", total=1))
    assert capsys.readouterr().err == ""


def test_the_console_of_a_pipe_is_wide() -> None:
    assert isinstance(show.console(), Console)
    assert show.console().width >= 10_000
