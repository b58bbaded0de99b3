"""Tokens out of a CSV file: each row by the same rules as a JSON body."""

from __future__ import annotations

import csv
import io

import attrs

from csms.api.problems import Problem
from csms.api.shapes import structure
from csms.domain.drivers.model import NewToken, RowResult
from csms.domain.drivers.model.tokens import LARGEST_BATCH

_NUMBERS = frozenset({"token_group_id", "driver_id", "max_transactions"})
_COLUMNS = tuple(field.name for field in attrs.fields(NewToken))


class NotCsv(Exception):
    """The file as a whole cannot be read; nothing was issued."""


def rows_of(data: bytes) -> list[NewToken | RowResult]:
    """The rows of a file; one that cannot be a token comes as what is wrong with it. Raises ``NotCsv`` for the file as a whole."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotCsv("the file is not UTF-8") from None
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        lines = [line for line in reader if any(cell.strip() for cell in line)]
    except csv.Error as error:
        raise NotCsv(f"line {reader.line_num}: {error}") from None
    if not lines:
        raise NotCsv("the file is empty; its first line names the columns")
    heading = [cell.strip().casefold() for cell in lines[0]]
    if "value" not in heading or not set(heading) <= set(_COLUMNS) or len(set(heading)) < len(heading):
        raise NotCsv(f"the first line names the columns, each once: value and any of {', '.join(_COLUMNS[1:])}, not {lines[0]}")
    if len(lines) - 1 > LARGEST_BATCH:
        raise NotCsv(f"{len(lines) - 1} rows; send at most {LARGEST_BATCH} at a time")
    return [_row(number, heading, line) for number, line in enumerate(lines[1:], start=1)]


def _delimiter(text: str) -> str:
    """Spreadsheets of many countries write semicolons."""
    first = text.partition("\n")[0]
    return ";" if ";" in first and "," not in first else ","


def _row(number: int, heading: list[str], line: list[str]) -> NewToken | RowResult:
    cells = dict(zip(heading, (cell.strip() for cell in line), strict=False))
    shown = cells.get("value", "")[:255]
    if len(line) > len(heading):
        return RowResult(row=number, value=shown, error=f"{len(line)} cells in {len(heading)} columns")
    given = {name: _number(cell) if name in _NUMBERS else cell for name, cell in cells.items() if cell}
    try:
        return structure(given, NewToken)
    except Problem as problem:
        wrong = problem.more.get("errors") or [{"field": "", "message": problem.detail}]
        words = "; ".join(f"{each['field']}: {each['message']}" if each["field"] else each["message"] for each in wrong)
        return RowResult(row=number, value=shown, error=words, field=wrong[0]["field"])


def _number(cell: str) -> int | str:
    return int(cell) if cell.isascii() and cell.isdigit() and len(cell) < 19 else cell
