"""Bulky bodies: no more of an upload is taken from the line than its handler asked for, and no more than there may be."""

from __future__ import annotations

from typing import Any

import pytest

from csms.api.bulk import PIECE_BYTES, Upload
from csms.api.exchange import Request
from csms.api.problems import Problem

CHUNK = PIECE_BYTES // 4


class Line:
    """A body that comes in messages; it knows how many were taken."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.taken = 0

    async def receive(self) -> dict[str, Any]:
        self.taken += 1
        return {"type": "http.request", "body": bytes(CHUNK), "more_body": self.taken < self.count}


def upload_over(line: Line, most_bytes: int = 100 * PIECE_BYTES, **headers: str) -> Upload:
    lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"method": "POST", "path": "/", "query_string": b"", "headers": lines}
    return Upload(Request(scope, line.receive, most_bytes + 1), most_bytes)


async def test_no_more_is_taken_than_was_asked_for() -> None:
    line = Line(12)
    pieces = upload_over(line).pieces()
    assert line.taken == 0, "the rest waits on the line"
    assert len(await anext(pieces)) == PIECE_BYTES
    assert line.taken == 4
    rest = [len(piece) async for piece in pieces]
    assert (sum(rest), line.taken) == (2 * PIECE_BYTES, 12)


async def test_what_is_larger_than_it_said_is_cut_off() -> None:
    line = Line(12)
    with pytest.raises(Problem) as caught:
        async for _ in upload_over(line, 5 * CHUNK).pieces():
            pass
    assert caught.value.status == 413
    assert line.taken == 6, "no more was taken than tells that it is too large"


def test_what_says_that_it_is_too_large_is_not_taken_at_all() -> None:
    line = Line(1)
    with pytest.raises(Problem) as caught:
        upload_over(line, 10, content_length="11")
    assert (caught.value.status, line.taken) == (413, 0)


async def test_who_wants_it_whole_gets_it_whole() -> None:
    line = Line(8)
    scope = {"method": "POST", "path": "/", "query_string": b"", "headers": []}
    request = Request(scope, line.receive, 8 * CHUNK)
    assert len(await request.body()) == 8 * CHUNK
    assert await request.body() is await request.body(), "it comes once"
