"""Logs out of the store: tables whose numbers grow with time, so large that nobody may look at all of one at once.

One request looks at ``LOOKED`` rows at most, whatever it filters by: it may answer fewer than were asked for, or none, with a cursor that
goes on. So a search in a year's log costs many short requests and none that is long. Where in a table an instant lies is found by
bisection: rows are stored nearly in the order of their time (``SLACK_MS``), and no index on it is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import attrs

from csms.core.paging import NEWEST_FIRST, Following, Stretch, cursor, direction
from csms.core.ports import ReadTx, Row

from .listing import Listing, conditions

T = TypeVar("T")

LOOKED = 20_000
SLACK_MS = 60_000
"""How far a row may stand from where its time belongs: clocks are set, and lanes commit side by side."""


@attrs.frozen(slots=True)
class Timeline:
    """A log: its table, the number that grows with every row, and when each was made."""

    table: str
    number: str = "id"
    at: str = "at"


def span(tx: ReadTx, line: Timeline, from_at: int | None, to_at: int | None) -> tuple[int, int]:
    """The numbers between which every row of ``from_at <= at < to_at`` lies, both included; the second is smaller where there is none."""
    system = tx.system("where in the log an instant lies")
    # each by itself: for both at once SQLite would look at every row
    ends = system.one(
        f"SELECT (SELECT min({line.number}) FROM {line.table}) AS low, (SELECT max({line.number}) FROM {line.table}) AS high"  # noqa: S608 (constants)
    )
    if ends is None or ends["low"] is None:
        return 1, 0
    low, high = int(ends["low"]), int(ends["high"])
    first, last = low, high
    if from_at is not None:
        first = _first(system, line, from_at - SLACK_MS, low, high)
    if to_at is not None:
        last = _first(system, line, to_at + SLACK_MS, low, high)
    return first, last


def _first(tx: ReadTx, line: Timeline, instant: int, low: int, high: int) -> int:
    """The number of the first row that is not older than an instant, ``high`` if all are."""
    sql = f"SELECT {line.number} AS number, {line.at} AS at FROM {line.table} WHERE {line.number} >= :middle ORDER BY {line.number} LIMIT 1"  # noqa: S608 (constants)
    while low < high:
        middle = (low + high) // 2
        row = tx.one(sql, middle=middle)
        if row is not None and row["at"] < instant:
            low = min(int(row["number"]) + 1, high)
        else:
            high = middle
    return low


def stretch(
    tx: ReadTx,
    listing: Listing,
    line: Timeline,
    query: Following,
    build: Callable[[Row], T],
    *,
    indexed: bool = False,
    **fixed: Any,
) -> Stretch[T]:
    """A stretch of a log from the query's cursor on, in its direction; the query may have ``from_at`` and ``to_at``.

    ``indexed``: an index serves what the query filters by, so that all of the log may be looked at.
    """
    low, high = span(tx, line, getattr(query, "from_at", None), getattr(query, "to_at", None))
    way = direction(query)
    newest = way is NEWEST_FIRST
    if query.after is not None:
        (seen,) = cursor(query.after)
        low, high = (low, min(high, seen - 1)) if newest else (max(low, seen + 1), high)
    floor = low if indexed or not newest else max(low, high - LOOKED + 1)
    ceiling = high if indexed or newest else min(high, low + LOOKED - 1)
    where, parameters = conditions(listing, query, fixed)
    # Without statistics SQLite would take any index that begins with the tenant, and sort all of it; the numbers are what narrows.
    source = listing.source if indexed else listing.source.replace("tenant = :tenant", "tenant + 0 = :tenant", 1)
    rows = tx.all(
        f"SELECT {listing.columns} FROM {source}{where}"  # noqa: S608 (texts of the store)
        f" AND {listing.unique} >= :floor AND {listing.unique} <= :ceiling ORDER BY {listing.unique} {way.order} LIMIT :limit",
        **parameters,
        floor=floor,
        ceiling=ceiling,
        limit=query.limit + 1,
    )
    following = str(floor) if floor > low else str(ceiling) if ceiling < high else None
    if len(rows) > query.limit:
        rows = rows[: query.limit]
        following = str(rows[-1]["id"])
    return Stretch(items=[build(row) for row in rows], limit=query.limit, next=following)
