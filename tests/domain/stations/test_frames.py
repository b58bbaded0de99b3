from __future__ import annotations

from functools import partial
from typing import Any

from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Admission, Database, FrameEntry
from csms.domain.stations import store
from csms.domain.stations.model import LoggedFrame

AT = 1_700_000_000_000
CP1 = Admission(charger_id="CP1", tenant=DEFAULT_TENANT)


def frame(at: int, message_id: str, kind: str = "call", direction: str = "in", **more: Any) -> FrameEntry:
    values: dict[str, Any] = {"connection_id": "c1", "action": "Heartbeat", "text": "[]"} | more
    return FrameEntry(at=AT + at, message_id=message_id, kind=kind, direction=direction, **values)


async def log(database: Database, *entries: FrameEntry, admission: Admission = CP1) -> None:
    rows = [store.frame_row(admission, entry) for entry in entries]
    await database.append(store.FRAME_INSERT, rows, key="charger:CP1", tenant=DEFAULT_TENANT)
    await database.write(lambda tx: None, tenant=DEFAULT_TENANT, keys=("charger:CP1",))


async def listed(database: Database, **more: Any) -> list[LoggedFrame]:
    window: dict[str, Any] = {"since": AT, "until": AT + 10**9} | more
    return await database.read(partial(store.list_frames, **window), "CP1", tenant=DEFAULT_TENANT)


async def test_a_frame_is_kept_as_it_was(database: Database) -> None:
    await log(database, frame(5, "m1", "result", "out", took_ms=1.25, problem="late", text='[3,"m1",{}]'))
    (found,) = await listed(database)
    assert (found.charger_id, found.connection_id, found.at) == ("CP1", "c1", AT + 5)
    assert (found.direction, found.kind, found.message_id, found.action) == ("out", "result", "m1", "Heartbeat")
    assert (found.text, found.took_ms, found.problem) == ('[3,"m1",{}]', 1.25, "late")


async def test_frames_are_read_by_charger_and_time_page_by_page(database: Database) -> None:
    await log(database, *(frame(n // 3, f"m{n}") for n in range(10)))
    await log(database, frame(1, "elsewhere"), admission=Admission(charger_id="CP2", tenant=DEFAULT_TENANT))
    seen: list[str] = []
    after = None
    while page := await listed(database, after=after, limit=4):
        seen += [each.message_id for each in page]
        after = page[-1].at, page[-1].id
    assert seen == [f"m{n}" for n in range(10)]
    assert [each.message_id for each in await listed(database, since=AT + 1, until=AT + 2)] == ["m3", "m4", "m5"]


async def test_a_call_is_found_with_its_answer_and_nothing_else(database: Database) -> None:
    await log(
        database,
        frame(0, "m1"),
        frame(1, "m2"),
        frame(2, "m1", "result", "out", took_ms=2.0),
        frame(3, "m1", connection_id="c2"),
        frame(4, "", "unreadable"),
        frame(5, "", "unreadable"),
    )
    all_frames = await listed(database)
    for picked in (all_frames[0], all_frames[2]):
        pair = await database.read(store.exchange, "CP1", picked.id, tenant=DEFAULT_TENANT)
        assert [(each.kind, each.took_ms) for each in pair] == [("call", None), ("result", 2.0)]
    assert await database.read(store.exchange, "CP1", all_frames[4].id, tenant=DEFAULT_TENANT) == [all_frames[4]]
    assert await database.read(store.exchange, "CP2", all_frames[0].id, tenant=DEFAULT_TENANT) == []
    of_id = partial(store.frames_of_message, since=AT, until=AT + 1000)
    assert len(await database.read(of_id, "CP1", "m1", tenant=DEFAULT_TENANT)) == 3


async def test_an_unreadable_frame_with_bytes_no_database_takes_is_logged(database: Database) -> None:
    await log(database, frame(0, "a\x00b", "unreadable", text="\x00\x01 not json", action="\x00"))
    (found,) = await listed(database)
    assert found.text == "�\x01 not json"
    assert found.message_id == "a�b"


async def test_old_frames_are_pruned_in_slices_from_the_oldest(database: Database) -> None:
    await log(database, *(frame(n, f"m{n}") for n in range(10)))
    prune = partial(store.prune_frames, before=AT + 7, limit=5)
    assert [await database.write(prune, tenant=DEFAULT_TENANT) for _ in range(3)] == [5, 2, 0]
    assert [each.message_id for each in await listed(database)] == ["m7", "m8", "m9"]
