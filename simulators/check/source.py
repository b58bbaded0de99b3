"""Where a server's tables are read from: its SQLite file, or a folder that ``csms export --all`` wrote."""

from __future__ import annotations

import csv
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

Values = tuple[Any, ...]


class SourceError(Exception):
    """Tables that cannot be read; the message is one line."""


class Source(Protocol):
    """Rows of tables."""

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[Values]:
        """The values of these columns, row by row; numbers may be text. Raises ``SourceError``."""
        ...


class SqliteSource:
    """A database file, opened read-only; a server may be running on it."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise SourceError(f"no such database: {path}")
        self._connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[Values]:
        """See ``Source``."""
        try:
            yield from self._connection.execute(f"SELECT {', '.join(columns)} FROM {table}")  # noqa: S608 (the names are our own)
        except sqlite3.Error as wrong:
            raise SourceError(f"cannot read {table}: {wrong}") from None


class ExportSource:
    """A folder with ``TABLE.csv``, ``TABLE.json`` or ``TABLE.jsonl``."""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise SourceError(f"no such folder: {folder}")
        self._folder = folder

    def rows(self, table: str, columns: Sequence[str]) -> Iterator[Values]:
        """See ``Source``."""
        for suffix, read in ((".csv", _csv), (".jsonl", _jsonl), (".json", _json)):
            path = self._folder / f"{table}{suffix}"
            if path.is_file():
                try:
                    yield from read(path, columns)
                except KeyError as missing:
                    raise SourceError(f"{path} has no column {missing.args[0]}") from None
                except (OSError, ValueError, csv.Error) as wrong:
                    raise SourceError(f"cannot read {path}: {wrong}") from None
                return
        raise SourceError(f"{self._folder} has no {table}.csv, .json or .jsonl (was it written by csms export --all?)")


def _csv(path: Path, columns: Sequence[str]) -> Iterator[Values]:
    csv.field_size_limit(sys.maxsize)
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        heading = next(reader, [])
        for column in columns:
            if column not in heading:
                raise KeyError(column)
        places = [heading.index(column) for column in columns]
        for row in reader:
            yield tuple(row[place] for place in places)


def _jsonl(path: Path, columns: Sequence[str]) -> Iterator[Values]:
    with path.open("rb") as file:
        for line in file:
            row = msgspec.json.decode(line)
            yield tuple(row[column] for column in columns)


def _json(path: Path, columns: Sequence[str]) -> Iterator[Values]:
    for row in msgspec.json.decode(path.read_bytes()):
        yield tuple(row[column] for column in columns)


def whole(value: Any) -> int | None:
    """A number, from itself or from text; None for nothing."""
    return None if value is None or value == "" else int(value)


def number(value: Any) -> int:
    """A number that must be there."""
    found = whole(value)
    if found is None:
        raise SourceError("a number is missing where every row has one")
    return found
