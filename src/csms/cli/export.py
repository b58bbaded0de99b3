"""``csms export``: any table, or all of them, as CSV or JSON."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import click
import msgspec
from rich.progress import Progress, TaskID

from csms.api.tables import guarded
from csms.config.sources import near
from csms.core.errors import NotFound

from . import show
from .options import Invocation, common, examples
from .tables import Tables, open_tables

NOT_BY_DEFAULT = frozenset({"charger_keys", "charger_key_offers", "key_rotations"})
"""Secrets, though sealed; left out of ``--all``."""
STEP = 1000
"""Rows between two moves of the progress bar."""

Rows = Iterator[Sequence[Any]]


def write_csv(stream: TextIO, columns: Sequence[str], rows: Rows) -> None:
    """RFC 4180, a heading first. NULL and the empty text are both empty; text that looks like a formula has an apostrophe before it."""
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([f"0x{value.hex()}" if isinstance(value, bytes) else guarded(value) for value in row] for row in rows)


def write_json(stream: TextIO, columns: Sequence[str], rows: Rows) -> None:
    """One array of objects, an object a line."""
    before = "[\n"
    for line in _objects(columns, rows):
        stream.write(before + line)
        before = ",\n"
    stream.write("[]\n" if before == "[\n" else "\n]\n")


def write_jsonl(stream: TextIO, columns: Sequence[str], rows: Rows) -> None:
    """An object a line."""
    for line in _objects(columns, rows):
        stream.write(line + "\n")


def _objects(columns: Sequence[str], rows: Rows) -> Iterator[str]:
    encode = msgspec.json.Encoder(decimal_format="number").encode
    for row in rows:
        yield encode(
            {name: f"0x{value.hex()}" if isinstance(value, bytes) else value for name, value in zip(columns, row, strict=True)}
        ).decode()


FORMATS: dict[str, Callable[[TextIO, Sequence[str], Rows], None]] = {"csv": write_csv, "json": write_json, "jsonl": write_jsonl}


@examples(
    "csms export transactions > transactions.csv",
    "csms export frames --format jsonl | grep Faulted",
    "csms export transactions --format json --output transactions.json",
    "csms export --all --output exported/          a file per table",
    "csms export --list",
)
@click.command()
@click.argument("table", required=False)
@click.option("--all", "all_tables", is_flag=True, help="Every table, each into a file of the folder --output.")
@click.option("--format", "form", type=click.Choice(list(FORMATS)), help="How to write it [default: csv].")
@click.option("--output", metavar="PATH", type=click.Path(path_type=Path), help="Write to this file (or folder, with --all).")
@click.option("--list", "list_tables", is_flag=True, help="Say which tables there are and how many rows each has.")
@common
def export(call: Invocation, table: str | None, all_tables: bool, form: str | None, output: Path | None, list_tables: bool) -> None:
    """Write any table as CSV or JSON.

    A TABLE comes in the order of its primary key. All of it is as it was at one moment, also while a server runs. Columns ending in _at are milliseconds since 1970, UTC. --all
    leaves out the chargers' sealed keys; they can be exported by name (charger_keys, charger_key_offers, key_rotations).
    """
    if sum((table is not None, all_tables, list_tables)) != 1:
        raise click.UsageError("name one table, or say --all or --list")
    if all_tables and output is None:
        raise click.UsageError("--all needs a folder: --output FOLDER")
    with open_tables(call.config) as tables:
        names = tables.names()
        if list_tables:
            counted = [{"table": name, "rows": tables.count(name)} for name in names]
            show.rows(call.json, counted, ["table", "rows"], empty="There are no tables")
            return
        if table is not None and table not in names:
            raise NotFound(f"there is no table {table}{near(table, names) or '; there are ' + ', '.join(names)}")
        if table is not None and output is None:
            FORMATS[form or ("json" if call.json else "csv")](sys.stdout, tables.columns(table), tables.rows(table))
            return
        chosen = [table] if table is not None else [name for name in names if name not in NOT_BY_DEFAULT]
        written = _write_files(tables, chosen, form or "csv", output or Path(), folder=all_tables)
    show.rows(call.json, written, ["table", "rows", "file"], empty="There was nothing to write")


def _write_files(tables: Tables, names: Sequence[str], form: str, output: Path, *, folder: bool) -> list[dict[str, Any]]:
    """Write each table to its file; what was written."""
    if folder:
        output.mkdir(parents=True, exist_ok=True)
    written = []
    with show.progress() as progress:
        for name in names:
            file = output / f"{name}.{form}" if folder else output
            task = progress.add_task(name, total=None if progress.disable else tables.count(name))
            counter = _Counter(tables.rows(name), partial(_moved, progress, task))
            with _complete(file) as stream:
                FORMATS[form](stream, tables.columns(name), iter(counter))
            progress.update(task, completed=counter.seen)
            written.append({"table": name, "rows": counter.seen, "file": str(file)})
    return written


def _moved(progress: Progress, task: TaskID, rows: int) -> None:
    progress.update(task, completed=rows)


class _Counter:
    """Rows on their way, counted."""

    def __init__(self, rows: Rows, tell: Callable[[int], None]) -> None:
        self._rows = rows
        self._tell = tell
        self.seen = 0

    def __iter__(self) -> Rows:
        for row in self._rows:
            yield row
            self.seen += 1
            if self.seen % STEP == 0:
                self._tell(self.seen)


@contextmanager
def _complete(file: Path) -> Iterator[TextIO]:
    """A file that appears only when it is whole."""
    draft = file.with_name(f".{file.name}.part")
    try:
        with draft.open("w", encoding="utf-8", newline="") as stream:
            yield stream
        draft.replace(file)
    finally:
        draft.unlink(missing_ok=True)
