"""A driver's timeline out of several slices' facts."""

from __future__ import annotations

import heapq
import re
from collections.abc import Mapping

from csms.core.paging import LARGEST_CURSOR, NEWEST_FIRST, Stretch, direction, no_cursor
from csms.core.ports import ReadTx
from csms.domain.drivers.model import Activity, ActivityQuery, ActivitySource, ActivitySpan

_CURSOR = re.compile(r"(-?\d{1,18})\.(\d{1,3})\.(\d{1,18})", re.ASCII)


def timeline(tx: ReadTx, driver_id: int, sources: Mapping[str, ActivitySource], query: ActivityQuery) -> Stretch[Activity]:
    """A stretch of a driver's timeline: as many statements as there are sources. Raises ``Invalid`` for the cursor.

    The cursor is (at, number of the source, id). Of one instant, earlier sources come first, and the oldest first the last.
    """
    way, seen = direction(query), _read(query.after)
    turn, to_come, gone = (-1, LARGEST_CURSOR, -1) if way is NEWEST_FIRST else (1, -1, LARGEST_CURSOR)
    found: list[list[tuple[int, int, int, Activity]]] = []
    for mine, (kind, source) in enumerate(sources.items()):
        if query.kind not in (None, kind):
            continue
        last: tuple[int, int] | None = None
        if seen is not None:
            at, number, id_ = seen
            last = (at, id_ if mine == number else to_come if turn * (number - mine) > 0 else gone)
        span = ActivitySpan(limit=query.limit + 1, way=way, from_at=query.from_at, to_at=query.to_at, seen=last)
        found.append([(turn * each.at, -turn * mine, turn * each.id, each) for each in source(tx, driver_id, span)])
    merged = list(heapq.merge(*found, key=lambda each: each[:3]))
    shown = merged[: query.limit]
    following = None
    if len(merged) > query.limit:
        at, mine, id_, _ = shown[-1]
        following = f"{turn * at}.{-turn * mine}.{turn * id_}"
    return Stretch(items=[each[3] for each in shown], limit=query.limit, next=following)


def _read(after: str | None) -> tuple[int, int, int] | None:
    if after is None:
        return None
    match = _CURSOR.fullmatch(after)
    if match is None:
        raise no_cursor(after)
    return int(match[1]), int(match[2]), int(match[3])
