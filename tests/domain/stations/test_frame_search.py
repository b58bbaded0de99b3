"""Looking through the frame log, on both engines: never at more than so many rows, and never past one that is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from csms.core.errors import Invalid
from csms.core.ids import DEFAULT_TENANT
from csms.core.paging import Stretch
from csms.core.ports import Admission, Database, FrameEntry
from csms.domain import timeline
from csms.domain.stations import store
from csms.domain.stations.model.frames import FramesQuery, LoggedFrame
from csms.domain.stations.store import frame_log

AT = 1_700_000_000_000
MINUTE_MS = 60_000


@pytest.fixture
async def log(database: Database) -> Database:
    """A hundred frames of two chargers, one a minute, two at the very same time each; every tenth is an odd one."""
    for number in range(100):
        charger_id = f"CP{number % 2 + 1}"
        entry = FrameEntry(
            connection_id="c1",
            at=AT + number // 4 * MINUTE_MS * 10,
            direction="in",
            kind="call",
            message_id=f"m{number}",
            action="Odd" if number % 10 == 0 else "Heartbeat",
            text=f"[2, {number}, 100%]",
        )
        row = store.frame_row(Admission(charger_id=charger_id, tenant=DEFAULT_TENANT), entry)
        await database.append(store.FRAME_INSERT, [row], key="log", tenant=DEFAULT_TENANT)
    await database.write(lambda tx: None, tenant=DEFAULT_TENANT, keys=("log",))
    return database


async def look(database: Database, **asked: Any) -> Stretch[LoggedFrame]:
    return await database.read(frame_log.frames, FramesQuery(**asked), None, tenant=DEFAULT_TENANT)


async def through(database: Database, **asked: Any) -> tuple[list[int], int]:
    """Every frame that is so, by its number, and how many looks that took."""
    found: list[int] = []
    looks, after = 0, None
    while True:
        part = await look(database, after=after, **asked)
        found += [int(each.message_id.removeprefix("m")) for each in part.items]
        looks, after = looks + 1, part.next
        if after is None:
            return found, looks


@pytest.mark.parametrize("looked", [7, 20_000])
async def test_every_frame_is_found_once(log: Database, monkeypatch: pytest.MonkeyPatch, looked: int) -> None:
    monkeypatch.setattr(timeline, "LOOKED", looked)
    monkeypatch.setattr(frame_log, "LOOKED", looked)
    newest_first = list(range(99, -1, -1))
    for limit in (3, 200):
        assert (await through(log, limit=limit))[0] == newest_first
        assert (await through(log, charger_id="CP2", limit=limit))[0] == newest_first[::2]
        assert (await through(log, charger_id="CP1", action="Odd", limit=limit))[0] == list(range(90, -1, -10))
        assert (await through(log, action="Odd", limit=limit))[0] == list(range(90, -1, -10))
        assert (await through(log, search=" 100%", charger_id="CP1", limit=limit))[0] == newest_first[1::2]
        assert (await through(log, search="1__%", limit=limit))[0] == []
        window = {"from_at": AT + 5 * 10 * MINUTE_MS, "to_at": AT + 7 * 10 * MINUTE_MS}
        assert (await through(log, limit=limit, **window))[0] == list(range(27, 19, -1))
        assert (await through(log, charger_id="CP1", limit=limit, **window))[0] == [26, 24, 22, 20]


async def test_a_look_is_bounded(log: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "LOOKED", 10)
    monkeypatch.setattr(frame_log, "LOOKED", 10)
    assert await through(log, action="none") == ([], 10)
    assert await through(log, charger_id="CP1", action="none") == ([], 6), (
        "five looks at ten of its fifty, and one that finds the end"
    )
    ended_long_ago = {"to_at": AT + 10 * MINUTE_MS}
    assert await through(log, **ended_long_ago) == ([3, 2, 1, 0], 1), (
        "where that time was is found without looking at what came after"
    )


async def test_what_is_no_cursor_is_refused(log: Database) -> None:
    for asked in ({"after": "1-1"}, {"after": "x"}, {"after": "1", "charger_id": "CP1"}, {"after": "9" * 20}):
        with pytest.raises(Invalid):
            await look(log, **asked)


async def test_an_empty_log(database: Database) -> None:
    assert await look(database) == Stretch(items=[], limit=20, next=None)
    assert await look(database, from_at=0, to_at=AT) == Stretch(items=[], limit=20, next=None)
    assert await look(database, charger_id="CP1") == Stretch(items=[], limit=20, next=None)
