"""Bulky bodies: no more of an upload is held than its handler has room for."""

from __future__ import annotations

import trio
from quart import Quart
from trio.testing import wait_all_tasks_blocked

from csms.api import bulk
from csms.api.bulk import ROOM_BYTES, StreamedBody


async def test_no_more_is_taken_than_there_is_room_for(nursery: trio.Nursery) -> None:
    body = StreamedBody(None, 100 * ROOM_BYTES)
    taken: list[int] = []

    async def arrive() -> None:
        for _ in range(8):
            body.append(bytes(ROOM_BYTES // 2))
            taken.append(1)
            await body.room()
        body.set_complete()

    nursery.start_soon(arrive)
    await wait_all_tasks_blocked()
    assert len(taken) == 2, "the rest waits on the line"
    assert len(await anext(body)) == ROOM_BYTES
    await wait_all_tasks_blocked()
    assert len(taken) == 4
    rest = 0
    async for piece in body:
        rest += len(piece)
        await wait_all_tasks_blocked()
    assert rest == 3 * ROOM_BYTES


async def test_who_wants_it_whole_gets_it_whole(nursery: trio.Nursery) -> None:
    body = StreamedBody(None, 100 * ROOM_BYTES)

    async def arrive() -> None:
        for _ in range(8):
            body.append(bytes(ROOM_BYTES))
            await body.room()
        body.set_complete()

    nursery.start_soon(arrive)
    await wait_all_tasks_blocked()
    with trio.fail_after(5):
        assert len(await body) == 8 * ROOM_BYTES


def test_only_the_rules_that_say_so_take_more() -> None:
    app = Quart("test")
    bulk.expect(app, "/api/v1/tickets/<int:ticket_id>/attachments", 5)
    ((rule, most_bytes),) = app.config["CSMS_BULKY_ROUTES"]
    assert most_bytes == 5
    assert rule.fullmatch("/api/v1/tickets/7/attachments")
    for path in ("/api/v1/tickets/7/attachments/8", "/api/v1/tickets/7/8/attachments", "/x/api/v1/tickets/7/attachments"):
        assert not rule.fullmatch(path)
