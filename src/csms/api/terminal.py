"""Plugins' commands on the terminal: tables for people, JSON for scripts, and the options that every command takes."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import attrs
import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from csms.core.units import iso, parse_instant

from .client import Client, server

F = TypeVar("F", bound=Callable[..., Any])

UNFOLDED = 100_000
"""Columns when nobody looks: a pipe gets every row on one line."""


@attrs.frozen(slots=True)
class Invocation:
    """One run of a command: the server it asks, and whether it answers in JSON."""

    client: Client
    json: bool


class Instant(click.ParamType[int]):
    """An instant, as ISO 8601; without a zone it is UTC."""

    name = "INSTANT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Milliseconds since 1970."""
        if isinstance(value, int):
            return value
        try:
            return parse_instant(value if "T" in value or " " in value else f"{value}T00:00:00Z")[0]
        except ValueError:
            self.fail(f"expected an instant such as 2026-01-31T12:00:00Z, got {value!r}", param, ctx)


def common(function: F) -> F:
    """Add ``--server``, ``--json`` and ``--config``, and hand the function an ``Invocation`` before its own arguments."""

    @click.option("--server", "url", metavar="URL", envvar="CSMS_SERVER", help="The running server's API [default: as configured].")
    @click.option("--config", metavar="FILE", expose_value=False, help="Configuration file (TOML).")
    @click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for scripts.")
    @functools.wraps(function)
    def wrapped(*args: Any, url: str | None, as_json: bool, **kwargs: Any) -> Any:
        before = click.get_current_context().find_root().params
        return function(Invocation(server(url), as_json or bool(before.get("as_json"))), *args, **kwargs)

    return wrapped  # type: ignore[return-value]  # click passes by keyword; to mypy the signature stays the function's


def examples(*lines: str) -> Callable[[click.Command], click.Command]:
    """Add examples to a command's ``--help``."""

    def add(command: click.Command) -> click.Command:
        command.epilog = "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
        return command

    return add


def as_json(data: Any) -> None:
    """Print one JSON document."""
    click.echo(msgspec.json.format(msgspec.json.encode(data, order="deterministic"), indent=2).decode())


def instant(at: int | None) -> str:
    """``2026-01-31 12:00Z``."""
    return "" if at is None else iso(at)[:16].replace("T", " ") + "Z"


def console() -> Console:
    """Standard output, as wide as the terminal."""
    return Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=UNFOLDED, no_color=True)


def printed(made: Table) -> None:
    """Print a table, without the blanks that would fill up its last column."""
    printer = console()
    with printer.capture() as captured:
        printer.print(made)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, right: frozenset[str] = frozenset()) -> None:
    """Print a table that fits the terminal."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        made.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    printed(made)


def every(client: Client, path: str) -> list[Mapping[str, Any]]:
    """All items of a list that is read by pages."""
    found: list[Mapping[str, Any]] = []
    number = 1
    mark = "&" if "?" in path else "?"
    while True:
        page = client.call("GET", f"{path}{mark}limit=200&page={number}")
        found += page["items"]
        if len(found) >= page["total"] or not page["items"]:
            return found
        number += 1
