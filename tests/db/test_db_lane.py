"""A lane whose writer breaks: whoever waits hears it, and nobody waits for ever."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import outcome
import pytest
import trio
from trio.testing import MockClock

from csms.core.errors import StoreUnavailable, WriterStopped
from csms.core.ids import DEFAULT_TENANT
from csms.db.lane import LINGER_S, Batch, Lane
from csms.db.stats import Stats
from csms.db.threads import Threads
from csms.db.work import Append, Work, Write


class Scripted:
    """A writer that does what a test says, batch by batch."""

    def __init__(self, *script: Any) -> None:
        self.script = list(script)
        self.batches: list[list[Work]] = []
        self.closed = False

    async def run(self, batch: list[Work], settle: Callable[[Batch], None]) -> None:
        self.batches.append(batch)
        await trio.lowlevel.checkpoint()
        step = self.script.pop(0) if self.script else None
        if isinstance(step, BaseException):
            raise step
        for work in batch:
            if isinstance(work, Write):
                work.outcome = outcome.Value(work.verb())
        settle(Batch())

    async def close(self) -> None:
        self.closed = True


def lane(writer: Scripted, *, committed: Any = lambda done, report: None, most_verbs: int = 10) -> tuple[Lane, Stats]:
    stats = Stats()
    made = Lane(
        "test",
        writer,
        most_verbs=most_verbs,
        most_rows=10,
        stats=stats,
        taken=lambda count: None,
        settled=None,
        committed=committed,
    )
    return made, stats


def verb(result: Any = "done") -> Write:
    return Write(lambda: result, (), DEFAULT_TENANT, frozenset())


async def waiting(work: Write, ended: list[Any]) -> None:
    try:
        ended.append(await work.wait())
    except StoreUnavailable as error:
        ended.append(type(error))


@pytest.mark.parametrize("when", ["in the batch", "after commit"])
async def test_a_writer_that_crashes_stops_the_process_and_leaves_nobody_waiting(when: str) -> None:
    def crash(done: Any, report: Any) -> None:
        raise ZeroDivisionError

    writer = Scripted(ZeroDivisionError()) if when == "in the batch" else Scripted()
    under_test, _ = lane(writer, committed=crash, most_verbs=2)
    ended: list[Any] = []
    with trio.fail_after(60), pytest.RaisesGroup(ZeroDivisionError):
        async with trio.open_nursery() as nursery:
            with trio.CancelScope(shield=True):
                async with trio.open_nursery() as waiters:
                    for _ in range(5):
                        work = verb()
                        under_test.put(work)
                        waiters.start_soon(waiting, work, ended)
                    nursery.start_soon(under_test.serve)
    assert sorted(map(str, ended)) == sorted(
        map(str, [StoreUnavailable] * 2 + [WriterStopped] * 3 if when == "in the batch" else ["done"] * 2 + [WriterStopped] * 3)
    )
    assert writer.closed
    with pytest.raises(WriterStopped):
        under_test.put(verb())


async def test_what_could_not_be_written_is_told_and_rows_are_kept_in_order() -> None:
    writer = Scripted(StoreUnavailable("full"), StoreUnavailable("full"), None)
    under_test, stats = lane(writer)
    rows = Append("insert", [{}, {}], "k", DEFAULT_TENANT)
    ended: list[Any] = []
    async with trio.open_nursery() as nursery:
        first, second = verb(), verb()
        under_test.put(rows)
        under_test.put(first)
        nursery.start_soon(waiting, first, ended)
        nursery.start_soon(under_test.serve)
        with trio.fail_after(60):
            while len(writer.batches) < 3:
                await trio.sleep(0.001)
        under_test.put(second)
        await waiting(second, ended)
        under_test.stop()
    assert ended == [StoreUnavailable, "done"]
    assert writer.batches[:3] == [[rows, first], [rows], [rows]]
    assert under_test.problem == ""
    assert (stats.unavailable, stats.dropped_rows) == (2, 0)


async def test_at_the_end_rows_that_cannot_be_written_are_counted() -> None:
    writer = Scripted(*[StoreUnavailable("away")] * 10)
    under_test, stats = lane(writer)
    under_test.put(Append("insert", [{}, {}, {}], "k", DEFAULT_TENANT))
    under_test.stop()
    with trio.fail_after(60):
        await under_test.serve()
    assert stats.dropped_rows == 3


async def test_a_waiter_that_left_is_not_written() -> None:
    writer = Scripted()
    under_test, _ = lane(writer)
    stays, leaves = verb(), verb()
    ended: list[Any] = []
    async with trio.open_nursery() as nursery:
        for work in (leaves, stays):
            under_test.put(work)
        with trio.move_on_after(0):
            await leaves.wait()
        nursery.start_soon(under_test.serve)
        await waiting(stays, ended)
        under_test.stop()
    assert writer.batches == [[stays]]
    assert ended == ["done"]


async def test_rows_nobody_waits_for_wait_a_moment_for_a_verb_to_go_with(autojump_clock: MockClock) -> None:
    writer = Scripted()
    under_test, _ = lane(writer)
    rows = [Append("insert", [{}], "k", DEFAULT_TENANT) for _ in range(3)]
    work = verb()
    ended: list[Any] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(under_test.serve)
        await trio.testing.wait_all_tasks_blocked()
        under_test.put(rows[0])
        await trio.sleep(LINGER_S / 2)
        under_test.put(rows[1])
        await trio.sleep(LINGER_S / 4)
        assert writer.batches == []
        began = trio.current_time()
        under_test.put(work)
        await waiting(work, ended)
        assert (ended, trio.current_time()) == (["done"], began), "a verb waits for nobody"
        under_test.put(rows[2])
        await trio.sleep(LINGER_S * 1.01)
        assert writer.batches == [[rows[0], rows[1], work], [rows[2]]], "and rows wait no longer than that"
        under_test.stop()


async def test_rows_that_are_many_wait_for_nobody_and_at_the_end_none_do(autojump_clock: MockClock) -> None:
    writer = Scripted()
    under_test, _ = lane(writer)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(under_test.serve)
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(10):
            under_test.put(Append("insert", [{}], "k", DEFAULT_TENANT))
        await trio.testing.wait_all_tasks_blocked()
        assert [len(batch) for batch in writer.batches] == [10]
        under_test.put(Append("insert", [{}], "k", DEFAULT_TENANT))
        await trio.testing.wait_all_tasks_blocked()
        began = trio.current_time()
        under_test.stop()
    assert [len(batch) for batch in writer.batches] == [10, 1]
    assert trio.current_time() == began


async def test_a_waiter_is_woken_in_the_moment_of_the_commit() -> None:
    """Not only when the lane has its turn again: each pass of the loop is one in which an answer waits for everything else."""
    order = list[str]()

    class Slow(Scripted):
        async def run(self, batch: list[Work], settle: Callable[[Batch], None]) -> None:
            def committed(ended: outcome.Outcome[None]) -> None:
                ended.unwrap()
                for work in batch:
                    if isinstance(work, Write):
                        work.outcome = outcome.Value("done")
                settle(Batch())
                order.append("settled")

            await Threads({}).run_then(committed, lambda: None)
            order.append("the lane goes on")

    under_test, _ = lane(Slow())
    work = verb()
    ended: list[Any] = []
    async with trio.open_nursery() as nursery:
        under_test.put(work)
        nursery.start_soon(waiting, work, ended)
        nursery.start_soon(under_test.serve)
        with trio.fail_after(60):
            while not ended:
                await trio.sleep(0.001)
        under_test.stop()
    assert (ended, order) == (["done"], ["settled", "the lane goes on"])


async def test_what_breaks_while_a_batch_is_settled_comes_out_of_the_writer() -> None:
    def then(ended: outcome.Outcome[int]) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await Threads({}).run_then(then, lambda: 1)
    assert await Threads({}).run_then(lambda ended: ended.unwrap() + 1, lambda: 1) == 2
    failed = await Threads({}).run_then(lambda ended: ended, lambda: 1 // 0)
    assert isinstance(failed, outcome.Error)
    assert isinstance(failed.error, ZeroDivisionError)


async def test_who_is_cancelled_begins_no_commit() -> None:
    begun = list[int]()
    with trio.CancelScope() as scope:
        scope.cancel()
        await Threads({}).run_then(lambda ended: None, begun.append, 1)
    assert scope.cancelled_caught
    assert begun == []
