"""Writes of jobs and consumers let those go first whose charger or caller waits; and none waits for ever."""

from __future__ import annotations

from collections.abc import Callable

import outcome
import pytest
import trio

from csms.core.ids import DEFAULT_TENANT
from csms.db import StoreDatabase
from csms.db.lane import MOST_PATIENT, Batch, Lane
from csms.db.patience import PATIENT, patient
from csms.db.stats import Stats
from csms.db.work import Work, Write


class Recorder:
    """An engine that writes nothing down but the order."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    async def run(self, batch: list[Work], settle: Callable[[Batch], None]) -> None:
        await trio.lowlevel.checkpoint()
        self.batches.append([each.arguments[0] for each in batch if isinstance(each, Write)])
        for each in batch:
            if isinstance(each, Write):
                each.outcome = outcome.Value(None)
        settle(Batch())

    async def close(self) -> None:
        await trio.lowlevel.checkpoint()


def work(name: str) -> Write:
    return Write(print, (name,), DEFAULT_TENANT, frozenset())


async def test_who_has_time_lets_others_go_first_and_is_not_forgotten() -> None:
    recorder = Recorder()
    lane = Lane(
        "test",
        recorder,
        most_verbs=4,
        most_rows=100,
        stats=Stats(),
        taken=lambda count: None,
        settled=None,
        committed=lambda batch, report: None,
    )
    with patient():
        for number in range(6):
            lane.put(work(f"job {number}"))
    for number in range(9):
        lane.put(work(f"charger {number}"))
    lane.stop()
    await lane.serve()
    first, second, third, *rest = recorder.batches
    assert first == [*(f"charger {each}" for each in range(4)), *(f"job {each}" for each in range(4))]
    assert second == [*(f"charger {each}" for each in range(4, 8)), "job 4", "job 5"]
    assert third == ["charger 8"]
    assert rest == []


@pytest.mark.parametrize("count", [1, 3 * MOST_PATIENT])
async def test_jobs_that_write_much_come_to_their_end(database: StoreDatabase, count: int) -> None:
    done: list[int] = []

    async def write(number: int) -> None:
        await database.write(lambda tx: tx.now, tenant=DEFAULT_TENANT, keys=(f"key:{number % 3}",))
        done.append(number)

    async with trio.open_nursery() as nursery:
        with patient():
            for number in range(count):
                nursery.start_soon(write, number)
    assert sorted(done) == list(range(count))


async def test_patience_is_of_a_task_and_those_that_it_starts() -> None:
    seen: dict[str, bool] = {}

    async def look(name: str) -> None:
        seen[name] = PATIENT.get()
        await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        with patient():
            nursery.start_soon(look, "child")
            await look("within")
        nursery.start_soon(look, "other")
    assert seen == {"child": True, "within": True, "other": False}
