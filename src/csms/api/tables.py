"""Lists as tables to download: CSV at once, XLSX out of a process of its own, for it costs CPU."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

import msgspec
import trio

from .problems import Problem
from .routes import Raw
from .shapes import show

T = TypeVar("T")

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv; charset=utf-8"
TABLES = (CSV.partition(";")[0], XLSX)
"""What a route that downloads lists answers besides JSON."""
WORK_LIMIT_S = 60.0
_AT_ONCE = 2
_IN_ONE_GO = 200
"""Rows that are written before others have their turn; 5 ms or so."""
_limiter: trio.lowlevel.RunVar[trio.CapacityLimiter] = trio.lowlevel.RunVar("csms.api.tables")

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""With these a spreadsheet takes a text for a formula (OWASP, CSV injection)."""


def guarded(value: Any) -> Any:
    """A cell that no spreadsheet runs: text that looks like a formula gets an apostrophe before it."""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS) and not _is_number(value):
        return f"'{value}"
    return value


def _is_number(text: str) -> bool:
    return text.removeprefix("-").replace(".", "", 1).isdigit()


def flat(value: Any, before: str = "") -> dict[str, Any]:
    """A shown object as one row: members of members are ``outer.inner``, lists are JSON."""
    row: dict[str, Any] = {}
    for name, each in value.items():
        if isinstance(each, dict):
            row.update(flat(each, f"{before}{name}."))
        else:
            row[before + name] = msgspec.json.encode(each).decode() if isinstance(each, list) else each
    return row


def rows_of(items: Sequence[Any]) -> list[dict[str, Any]]:
    """Items as rows."""
    return [flat(show(each)) for each in items]


def columns_of(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The names of the columns, in the order in which rows first have them."""
    return list(dict.fromkeys(name for row in rows for name in row))


def as_csv(rows: Sequence[dict[str, Any]]) -> bytes:
    """Rows as CSV (RFC 4180) in UTF-8, the names of the columns first."""
    columns = columns_of(rows)
    return lines([columns]) + lines([row.get(name, "") for name in columns] for row in rows)


def lines(rows: Iterable[Iterable[Any]]) -> bytes:
    """Lines of CSV."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([guarded(each) for each in row] for row in rows)
    return text.getvalue().encode()


async def as_xlsx(rows: Sequence[dict[str, Any]], title: str) -> bytes:
    """Rows as a workbook of one sheet. Raises ``Problem`` 503 when it takes too long."""
    try:
        limiter = _limiter.get()
    except LookupError:
        limiter = trio.CapacityLimiter(_AT_ONCE)
        _limiter.set(limiter)
    work = msgspec.json.encode({"title": title, "rows": rows})
    with trio.move_on_after(WORK_LIMIT_S):
        async with limiter:
            done = await trio.run_process([sys.executable, "-m", "csms.workbook"], stdin=work, capture_stdout=True)
        return bytes(done.stdout)
    raise Problem(503, "Service Unavailable", "the workbook took too long; ask for CSV, or for less")


def _parts(whole: Sequence[T]) -> Iterator[Sequence[T]]:
    for first in range(0, len(whole), _IN_ONE_GO):
        yield whole[first : first + _IN_ONE_GO]


async def download(items: Sequence[Any], kind: str, name: str) -> Raw:
    """Items as a file of a ``kind``, csv or xlsx. Others have their turn meanwhile, however many items there are."""
    rows: list[dict[str, Any]] = []
    for part in _parts(items):
        rows += rows_of(part)
        await trio.lowlevel.checkpoint()
    if kind == "xlsx":
        return Raw(body=await as_xlsx(rows, name), content_type=XLSX, filename=f"{name}.xlsx")
    columns = columns_of(rows)
    body = bytearray(lines([columns]))
    for part in _parts(rows):
        body += lines([row.get(name, "") for name in columns] for row in part)
        await trio.lowlevel.checkpoint()
    return Raw(body=bytes(body), content_type=CSV, filename=f"{name}.csv")
