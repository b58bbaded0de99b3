"""Transactions as a CSV file that is written while it is sent: any number of them, in little memory."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncGenerator
from functools import partial
from typing import Any

import attrs

from csms.api.calls import Call
from csms.api.routes import Streamed
from csms.api.shapes import show
from csms.api.tables import CSV, guarded
from csms.domain.transactions.model import TransactionFilter, TransactionItem
from csms.domain.transactions.store import lists

PAGE = 500
"""Transactions that are read at a time."""


async def exported(call: Call, which: TransactionFilter) -> Streamed:
    """The response. The first page is read before it begins, so that what is wrong is still told by its status."""
    first = await _page(call, which, None)
    lines = _lines(call, which, first)
    return Streamed(pieces=lines, content_type=CSV, filename="transactions.csv", limit_s=None)  # a slow reader may take its time


async def _page(call: Call, which: TransactionFilter, after: str | None) -> list[TransactionItem]:
    return await call.read(partial(lists.select, which=which, limit=PAGE, after=after, stations=call.stations))


async def _lines(call: Call, which: TransactionFilter, page: list[TransactionItem]) -> AsyncGenerator[bytes, None]:
    columns = list(show(_EMPTY))
    yield _text([columns])
    while page:
        yield _text([[guarded(_cell(each)) for each in show(item).values()] for item in page])
        if len(page) < PAGE:
            return
        page = await _page(call, which, lists.cursor(page[-1]))


def _cell(value: Any) -> Any:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else value


def _text(rows: list[list[Any]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


_EMPTY = TransactionItem(**{field.name: None for field in attrs.fields(TransactionItem)})  # type: ignore[arg-type]  # for its names
