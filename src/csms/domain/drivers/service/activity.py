"""A driver's timeline out of several slices' facts."""

from __future__ import annotations

import heapq
import re
from collections.abc import Sequence

from csms.core.errors import Invalid
from csms.core.paging import Stretch
from csms.core.ports import ReadTx
from csms.domain.drivers.model import LATEST, Activity, ActivityQuery, ActivitySource

_CURSOR = re.compile(r"(-?\d{1,18})\.(\d{1,3})\.(\d{1,18})", re.ASCII)


def timeline(tx: ReadTx, driver_id: int, sources: Sequence[ActivitySource], query: ActivityQuery) -> Stretch[Activity]:
    """A stretch of a driver's timeline, the newest first: as many statements as there are sources. Raises ``Invalid`` for the cursor.

    The cursor is (at, number of the source, id). Of one instant, earlier sources come first.
    """
    at, number, last = _read(query.after)
    found: list[list[tuple[int, int, int, Activity]]] = []
    for mine, source in enumerate(sources):
        before = LATEST
        if query.after is not None:
            before = (at, last if mine == number else (LATEST[1] if mine > number else -1))
        found.append([(-each.at, mine, -each.id, each) for each in source(tx, driver_id, before, query.limit + 1)])
    merged = list(heapq.merge(*found, key=lambda each: each[:3]))
    shown = merged[: query.limit]
    following = None
    if len(merged) > query.limit:
        at, mine, last, _ = shown[-1]
        following = f"{-at}.{mine}.{-last}"
    return Stretch(items=[each[3] for each in shown], limit=query.limit, next=following)


def _read(after: str | None) -> tuple[int, int, int]:
    if after is None:
        return 0, 0, 0
    match = _CURSOR.fullmatch(after)
    if match is None:
        raise Invalid(f"after: {after!r} is no cursor of this list; take `next` of an answer", field="after")
    return int(match[1]), int(match[2]), int(match[3])
