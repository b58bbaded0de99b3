"""Retention: old rows go, young and undelivered ones stay, and the writer is never held for long."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from csms.core.events import Delivered
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.db import StoreDatabase
from csms.db.outbox import Consumer, Pace, run_consumer
from csms.db.retention import EVENTS, Kept, forget_old

NOTES = Kept("notes")
HOUR = 3_600_000


async def count(database: StoreDatabase, table: str) -> int:
    number: int = await database.read(lambda tx: tx.system("a test").value(f"SELECT count(*) FROM {table}"), tenant=DEFAULT_TENANT)
    return number


async def test_old_rows_of_every_tenant_go_in_slices(database: StoreDatabase, verbs: Any, clock: Any) -> None:
    def many(tx: Any, hour: int) -> None:
        tx.many(
            "INSERT INTO notes (tenant, name, at) VALUES (:tenant, :name, :at)",
            [{"name": f"{hour}.{number}", "at": clock.now() + hour * HOUR} for number in range(500)],
        )

    for hour in range(10):
        await database.write(many, hour, tenant=TenantId(1 + hour % 2))
    await database.write(many, -5, tenant=DEFAULT_TENANT)  # late, so above younger rows
    batches = database.stats.batches
    deleted = await forget_old(database, NOTES, before=clock.now() + 7 * HOUR, slice_ms=5.0, rest_s=0.0)
    assert deleted >= 3_500
    young = "SELECT count(*) FROM notes WHERE at >= :at"
    assert (
        await database.read(lambda tx: tx.system("a test").value(young, at=clock.now() + 7 * HOUR), tenant=DEFAULT_TENANT) == 1_500
    )
    assert await count(database, "notes") <= 2_000
    assert database.stats.batches - batches > 3


async def test_slices_find_their_size(database: StoreDatabase, verbs: Any, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    per_row_s = 0.0001

    async def write(verb: Any, kept: Any, before: int, last: int, rows: int, **_: Any) -> Any:
        from csms.db.retention import Slice

        sizes.append(rows)
        await trio.lowlevel.checkpoint()
        return Slice(rows, last + rows, rows * per_row_s, len(sizes) < 20)

    monkeypatch.setattr(database, "write", write)
    await forget_old(database, NOTES, before=0, slice_ms=10.0, rest_s=0.0)
    assert sizes[-1] == 50  # half of 10 ms at 0.1 ms a row
    assert max(sizes) * per_row_s <= 0.010


async def test_events_stay_until_every_consumer_has_them(database: StoreDatabase, verbs: Any, clock: Any) -> None:
    broken = True
    dead = trio.Event()
    heard: list[int] = []

    async def hear(delivered: Delivered) -> None:
        event: Any = delivered.event
        if event.number == 3 and broken:
            raise ValueError("no")
        heard.append(event.number)

    async def serve(name: str, task_status: Any) -> None:
        pace = Pace(save_every_s=0.0, poll_s=0.01)
        await run_consumer(
            database,
            Consumer(name, hear),
            clock=clock,
            max_attempts=1,
            pace=pace,
            on_dead=lambda letter: dead.set(),
            task_status=task_status,
        )

    async with trio.open_nursery() as nursery:
        await nursery.start(serve, "quick")
        nursery.cancel_scope.cancel()  # it is known, and has heard nothing
    for number in range(6):
        await database.write(verbs.note, "a", number, tenant=DEFAULT_TENANT, keys=("note:a",))
    later = clock.now() + HOUR
    assert await forget_old(database, EVENTS, before=later) == 0
    async with trio.open_nursery() as nursery:
        await nursery.start(serve, "quick")
        with trio.fail_after(60):
            await dead.wait()
            deleted = 0
            while deleted < 5:
                deleted += await forget_old(database, EVENTS, before=later, rest_s=0.0)
                await trio.sleep(0.005)
        nursery.cancel_scope.cancel()
    assert await count(database, "events") == 1  # the dead letter keeps its event
    assert await forget_old(database, EVENTS, before=clock.now()) == 0
    await database.write(verbs.note, "a", 9, tenant=DEFAULT_TENANT, keys=("note:a",))
    newest = "SELECT max(sequence) FROM events WHERE tenant = :tenant"
    assert await database.read(lambda tx: tx.value(newest), tenant=DEFAULT_TENANT) == 7
