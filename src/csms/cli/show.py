"""Answers on standard output: tables that fit the terminal for people, JSON for scripts."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from csms.api import terminal
from csms.core.units import iso

as_json = terminal.as_json
console = terminal.console


def json_line(data: Any) -> None:
    """Print one JSON document on one line, for streams."""
    click.echo(msgspec.json.encode(data).decode())


def instant(at: int | None) -> str:
    """An instant for people: ``2026-01-31 12:00:00Z``."""
    return "" if at is None else iso(at)[:19].replace("T", " ") + "Z"


def cell(name: str, value: Any) -> str:
    """A value for people, by the convention of its name: ``_at`` is an instant, ``_wh`` energy, ``is_`` and flags yes or no."""
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name.endswith("_at") and isinstance(value, int):
        return instant(value)
    if name.endswith("_wh") and isinstance(value, int):
        return f"{value / 1000:,.3f} kWh"
    if isinstance(value, (dict, list, tuple)):
        return msgspec.json.encode(value).decode()
    return str(value)


def title(name: str) -> str:
    """A column's heading: ``last_seen_at`` is ``last seen``, ``energy_wh`` is ``energy``."""
    for suffix in ("_at", "_wh"):
        name = name.removesuffix(suffix)
    return name.replace("_", " ")


def rows(answer_json: bool, records: Sequence[Mapping[str, Any]], columns: Sequence[str], *, empty: str) -> None:
    """Print records: all of each in JSON, the named columns as a table; ``empty`` is said when there are none."""
    if answer_json:
        as_json([dict(record) for record in records])
        return
    if not records:
        click.echo(empty)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        numeric = all(isinstance(record.get(name), int) and not name.endswith("_at") for record in records)
        table.add_column(title(name), justify="right" if numeric else "left", overflow="fold")
    for record in records:
        table.add_row(*(Text(cell(name, record.get(name))) for name in columns))
    terminal.printed(table)


def record(answer_json: bool, facts: Mapping[str, Any]) -> None:
    """Print one record: JSON, or a line per fact that is known."""
    if answer_json:
        as_json(dict(facts))
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        if value not in (None, "", [], {}):
            table.add_row(name.removesuffix("_wh").replace("_", " "), Text(cell(name, value)))
    terminal.printed(table)


def done(answer_json: bool, words: str, **facts: Any) -> None:
    """Say what was done: a sentence, or its facts in JSON."""
    if answer_json:
        as_json(facts)
    else:
        click.echo(words)


def remark(words: str) -> None:
    """Say something beside the answer, on standard error."""
    click.echo(words, err=True)


def progress() -> Progress:
    """A progress bar on standard error, shown only on a terminal and gone when finished."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )


def columns_of(records: Iterable[Mapping[str, Any]]) -> list[str]:
    """Every column that a record has, in order of first appearance."""
    return list(dict.fromkeys(name for each in records for name in each))
