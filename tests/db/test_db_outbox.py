"""Consumers: every event at least once, in order per key, nobody held up by another key, dead letters and replays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest
import trio

from csms.core.errors import NotFound, StoreUnavailable
from csms.core.events import EVENT_TYPES, Delivered
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.db import StoreDatabase, courier, deliveries, spine
from csms.db.outbox import (
    Consumer,
    DeadLetter,
    Pace,
    dead_letters,
    forget_consumer,
    progress,
    replay,
    run_consumer,
)

QUICK = Pace(save_every_s=0.0, poll_s=0.02, first_retry_s=0.0, timeout_s=5)


class Hearer:
    """A consumer that notes what it hears, and fails or waits where a test says so."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, int]] = []
        self.attempts: list[int] = []
        self.ids: list[int] = []
        self.times: dict[str, list[int]] = defaultdict(list)
        self.fails: Callable[[str, int, int], bool] = lambda name, number, attempt: False
        self.waits: dict[str, trio.Event] = {}
        self.dead: list[DeadLetter] = []
        self._changed = trio.Event()

    async def __call__(self, delivered: Delivered) -> None:
        event: Any = delivered.event
        if event.name in self.waits:
            await self.waits[event.name].wait()
        self.attempts.append(delivered.attempt)
        self._changed.set()
        if self.fails(event.name, event.number, delivered.attempt):
            raise OSError("not now")
        self.heard.append((event.name, event.number))
        self.ids.append(delivered.event_id)
        self.times[event.name].append(event.number)

    def bury(self, letter: DeadLetter) -> None:
        self.dead.append(letter)
        self._changed.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        with trio.fail_after(60):
            while not condition():
                self._changed = trio.Event()
                await self._changed.wait()
                await trio.lowlevel.checkpoint()


@asynccontextmanager
async def running(
    database: StoreDatabase, hearer: Hearer, clock: Any, *, name: str = "hearer", pace: Pace = QUICK, **options: Any
) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:

        async def start(task_status: Any) -> None:
            await run_consumer(
                database,
                Consumer(name, hearer, options.pop("types", None)),
                clock=clock,
                on_dead=hearer.bury,
                pace=pace,
                task_status=task_status,
                **options,
            )

        await nursery.start(start)
        yield
        nursery.cancel_scope.cancel()


async def emit(database: StoreDatabase, verbs: Any, name: str, *numbers: int) -> None:
    for number in numbers:
        await database.write(verbs.note, name, number, tenant=DEFAULT_TENANT, keys=(f"note:{name}",))


async def test_every_event_in_order_of_its_key(database: StoreDatabase, verbs: Any, clock: Any) -> None:
    hearer = Hearer()
    async with running(database, hearer, clock):
        async with trio.open_nursery() as nursery:
            for name in "abcdefgh":
                nursery.start_soon(emit, database, verbs, name, *range(25))
        await hearer.until(lambda: len(hearer.heard) == 200)
    assert all(hearer.times[name] == list(range(25)) for name in "abcdefgh")
    assert len(set(hearer.ids)) == 200


async def test_events_that_come_one_after_the_other_are_read_together(
    database: StoreDatabase, verbs: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []

    def counted(*arguments: Any) -> Any:
        found = spine.scan(*arguments)
        read.append(len(found.entries))
        return found

    monkeypatch.setattr(courier, "scan", counted)
    hearer = Hearer()
    async with running(database, hearer, clock, pace=attrs.evolve(QUICK, poll_s=5, gather_s=0.5)):
        await emit(database, verbs, "first", 0)
        await hearer.until(lambda: len(hearer.heard) == 1)  # what comes alone is read at once
        await emit(database, verbs, "a", *range(200))
        await hearer.until(lambda: len(hearer.heard) == 201)
    assert hearer.times["a"] == list(range(200))
    assert sum(read) == 201
    if database.engine == "sqlite":  # on PostgreSQL what commits late is looked for again and again
        assert sum(map(bool, read)) < 60, "not a read for each"


async def test_a_backlog_is_not_read_one_by_one_as_room_for_one_comes(
    database: StoreDatabase, verbs: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await emit(database, verbs, "a", *range(120))
    read: list[int] = []

    def counted(*arguments: Any) -> Any:
        found = spine.scan(*arguments)
        read.append(len(found.entries))
        return found

    monkeypatch.setattr(courier, "scan", counted)
    monkeypatch.setattr(courier, "READ_AT_LEAST", 20)
    hearer = Hearer()
    async with running(database, hearer, clock, from_start=True, pace=attrs.evolve(QUICK, poll_s=5, window=40)):
        await hearer.until(lambda: len(hearer.heard) == 120)
    assert hearer.times["a"] == list(range(120))
    assert all(count >= 20 for count in read if count), read


async def test_what_is_found_together_with_what_waits_is_not_passed_over(database: StoreDatabase, verbs: Any, clock: Any) -> None:
    def both(tx: Any) -> None:
        verbs.note(tx, "a", 2)
        verbs.note(tx, "b", 1)

    hearer = Hearer()
    hearer.fails = lambda name, number, attempt: name == "a"
    hearer.waits["b"] = trio.Event()
    slow = attrs.evolve(QUICK, poll_s=5, first_retry_s=1000.0, longest_retry_s=1000.0)
    async with running(database, hearer, clock, pace=slow):
        await emit(database, verbs, "a", 1)
        await hearer.until(lambda: len(hearer.attempts) == 1)
        await database.write(both, tenant=DEFAULT_TENANT, keys=("note:a", "note:b"))
        with trio.fail_after(60):
            while next(each for each in await progress(database) if each.name == "hearer").retrying < 2:
                await trio.sleep(0.01)  # the second of a is saved as waiting; b is being delivered, and this ends before it is
    again = Hearer()
    async with running(database, again, clock, pace=slow):
        await again.until(lambda: again.times["b"] == [1])


async def test_events_of_other_types_are_passed_over_unread(
    database: StoreDatabase, verbs: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[str] = []

    def watched(*arguments: Any) -> Any:
        scanned = spine.scan(*arguments)
        found.extend(entry.type for entry in scanned.entries)
        return scanned

    monkeypatch.setattr(courier, "scan", watched)
    hearer = Hearer()
    async with running(database, hearer, clock, types=frozenset({"nothing_of_this"})):
        await emit(database, verbs, "a", *range(5))
        with trio.fail_after(60):
            while (known := {each.name: each for each in await progress(database)}["hearer"]).behind:
                await trio.sleep(0.01)
    assert (known.behind, hearer.heard, found) == (0, [], [])
    await replay(database, "hearer", first=1, last=99)  # of everything, whatever it hears
    async with running(database, hearer, clock, types=frozenset({"nothing_of_this"})):
        with trio.fail_after(60):
            while (known := {each.name: each for each in await progress(database)}["hearer"]).retrying:
                await trio.sleep(0.01)
    assert (known.dead, hearer.heard) == (0, [])


async def test_delivered_says_what_and_whose(database: StoreDatabase, verbs: Any, clock: Any) -> None:
    got: list[Delivered] = []
    heard = trio.Event()

    async def hear(delivered: Delivered) -> None:
        got.append(delivered)
        heard.set()

    async with trio.open_nursery() as nursery:
        await nursery.start(lambda task_status: run_consumer(database, Consumer("c", hear), clock=clock, task_status=task_status))
        await database.write(verbs.note, "a", 7, tenant=TenantId(3), keys=("note:a",))
        with trio.fail_after(60):
            await heard.wait()
        nursery.cancel_scope.cancel()
    assert got == [Delivered(got[0].event_id, 3, clock.now(), verbs.noted(name="a", number=7), 1)]


async def test_what_waits_is_not_overtaken_when_it_could_not_be_read_at_first(
    database: StoreDatabase, verbs: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = Hearer(), Hearer()
    first.fails = lambda name, number, attempt: True
    async with running(database, first, clock, pace=attrs.evolve(QUICK, first_retry_s=1_000)):
        await emit(database, verbs, "a", 1, 2)
        await first.until(lambda: first.attempts == [1])
    await emit(database, verbs, "a", 3)
    read, failures = database.read, iter([StoreUnavailable("the disk is busy")])

    async def flaky(query: Any, *arguments: Any, tenant: TenantId) -> Any:
        if query is deliveries.heads and (error := next(failures, None)):
            await trio.lowlevel.checkpoint()
            raise error
        return await read(query, *arguments, tenant=tenant)

    monkeypatch.setattr(database, "read", flaky)
    async with running(database, second, clock, pace=attrs.evolve(QUICK, poll_s=60)):
        await emit(database, verbs, "b", 1)
        await second.until(lambda: ("b", 1) in second.heard)
        assert second.times["a"] == []
        clock.advance(2_000_000)
        await emit(database, verbs, "b", 2)
        await second.until(lambda: len(second.times["a"]) == 3)
    assert second.times["a"] == [1, 2, 3]


async def test_a_new_consumer_starts_at_the_end_unless_asked(database: StoreDatabase, verbs: Any, clock: Any) -> None:
    await emit(database, verbs, "old", 1, 2)
    new, old = Hearer(), Hearer()
    async with running(database, new, clock, name="new"), running(database, old, clock, name="old", from_start=True):
        await emit(database, verbs, "fresh", 3)
        await new.until(lambda: len(new.heard) == 1)
        await old.until(lambda: len(old.heard) == 3)
    assert new.heard == [("fresh", 3)]


async def test_a_stopped_consumer_goes_on_where_it_was(database: StoreDatabase, verbs: Any, clock: Any) -> None:
    first, second = Hearer(), Hearer()
    async with running(database, first, clock):
        await emit(database, verbs, "a", 1, 2)
        await first.until(lambda: len(first.heard) == 2)
    await emit(database, verbs, "a", 3, 4)
    async with running(database, second, clock):
        await second.until(lambda: len(second.heard) == 2)
    assert second.heard == [("a", 3), ("a", 4)]


async def test_what_was_not_saved_is_delivered_again(database: StoreDatabase, verbs: Any, clock: Any) -> None:
    lazy = attrs.evolve(QUICK, save_every_s=1e6, poll_s=1e6)
    first, second = Hearer(), Hearer()
    async with running(database, first, clock, pace=lazy):
        await emit(database, verbs, "a", 1)
        await first.until(lambda: len(first.heard) == 1)
        cursor = await database.read(lambda tx: dict(tx.one("SELECT * FROM cursors")), tenant=DEFAULT_TENANT)
    restore = "UPDATE cursors SET sequence = :sequence, xid = :xid"  # as if the process had been killed
    await database.write(lambda tx: tx.run(restore, sequence=cursor["sequence"], xid=cursor["xid"]), tenant=DEFAULT_TENANT)
    async with running(database, second, clock):
        await second.until(lambda: len(second.heard) == 1)
    assert first.ids == second.ids


async def test_a_slow_key_stalls_nobody_else(database: StoreDatabase, verbs: Any, clock: Any) -> None:
    hearer, again = Hearer(), Hearer()
    hearer.waits["slow"] = trio.Event()
    async with running(database, hearer, clock):
        await emit(database, verbs, "slow", 1)
        await emit(database, verbs, "quick", *range(20))
        await hearer.until(lambda: len(hearer.heard) == 20)
        await emit(database, verbs, "more", 1)
        await hearer.until(lambda: len(hearer.heard) == 21)
        assert "slow" not in hearer.times
    async with running(database, again, clock):  # what was done beside it is remembered
        await again.until(lambda: "slow" in again.times)
        await emit(database, verbs, "last", 1)
        await again.until(lambda: "last" in again.times)
    assert again.heard == [("slow", 1), ("last", 1)]
    left = "SELECT count(*) FROM deliveries"
    assert await database.read(lambda tx: tx.value(left), tenant=DEFAULT_TENANT) == 0


async def test_a_failing_key_waits_in_order_and_is_tried_again(database: StoreDatabase, verbs: Any, clock: Any) -> None:
    hearer = Hearer()
    hearer.fails = lambda name, number, attempt: name == "bad" and number == 1 and attempt < 4
    async with running(database, hearer, clock):
        await emit(database, verbs, "bad", 1, 2, 3)
        await emit(database, verbs, "good", 1)
        await hearer.until(lambda: len(hearer.heard) == 4)
        await emit(database, verbs, "bad", 4)
        await hearer.until(lambda: len(hearer.heard) == 5)
    assert hearer.times["bad"] == [1, 2, 3, 4]
    assert sorted(hearer.attempts) == [1, 1, 1, 1, 1, 2, 3, 4]


async def test_the_delay_doubles_and_is_on_the_wall_clock(database: StoreDatabase, verbs: Any, clock: Any) -> None:
    class Jitter:
        def uniform(self, low: float, high: float) -> float:
            assert low < 1 < high
            return 1.0

    hearer = Hearer()
    hearer.fails = lambda name, number, attempt: True
    slow = attrs.evolve(QUICK, first_retry_s=10.0, longest_retry_s=35.0)
    waits: list[int] = []
    async with running(database, hearer, clock, pace=slow, random=Jitter()):
        await emit(database, verbs, "bad", 1)
        for attempt in range(1, 5):
            await hearer.until(lambda: len(hearer.attempts) == attempt)  # noqa: B023
            with trio.fail_after(60):
                while True:
                    row = await database.read(lambda tx: tx.one("SELECT attempts, retry_at FROM deliveries"), tenant=DEFAULT_TENANT)
                    if row is not None and row["attempts"] == attempt:
                        break
                    await trio.sleep(0.005)
            waits.append(row["retry_at"] - clock.now())
            clock.at = row["retry_at"]
    assert waits == [10_000, 20_000, 35_000, 35_000]


async def test_after_too_many_failures_a_dead_letter_and_the_key_goes_on(database: StoreDatabase, verbs: Any, clock: Any) -> None:
    hearer = Hearer()
    hearer.fails = lambda name, number, attempt: number == 1
    async with running(database, hearer, clock, max_attempts=3):
        await emit(database, verbs, "bad", 1, 2)
        await hearer.until(lambda: hearer.heard == [("bad", 2)])
        await hearer.until(lambda: len(hearer.dead) == 1)
    (letter,) = await dead_letters(database)
    assert letter == hearer.dead[0]
    assert (letter.consumer, letter.type, letter.key, letter.tenant) == ("hearer", "test_noted", "note:bad", 1)
    assert letter.attempts == 3
    assert letter.error == "OSError: not now"
    (state,) = await progress(database)
    assert (state.name, state.behind, state.retrying, state.dead) == ("hearer", 0, 0, 1)


async def test_a_dead_letter_can_be_replayed_while_running_or_not(database: StoreDatabase, verbs: Any, clock: Any) -> None:
    hearer = Hearer()
    broken = True
    hearer.fails = lambda name, number, attempt: broken
    async with running(database, hearer, clock, max_attempts=1):
        await emit(database, verbs, "a", 1)
        await emit(database, verbs, "b", 1)
        await hearer.until(lambda: len(hearer.dead) == 2)
        broken = False
        with trio.fail_after(60):
            while len(await dead_letters(database, "hearer")) < 2:
                await trio.sleep(0.005)
        assert await replay(database, "hearer") == 2
        await hearer.until(lambda: len(hearer.heard) == 2)
    assert await dead_letters(database) == []
    assert await replay(database, "hearer") == 0
    with pytest.raises(NotFound):
        await replay(database, "nobody")


async def test_a_range_is_replayed_in_order(database: StoreDatabase, verbs: Any, clock: Any) -> None:
    first, second = Hearer(), Hearer()
    async with running(database, first, clock):
        await emit(database, verbs, "a", *range(6))
        await first.until(lambda: len(first.heard) == 6)
    assert await replay(database, "hearer", first=first.ids[2], last=first.ids[4]) == 3
    async with running(database, second, clock):
        await emit(database, verbs, "a", 6)
        await second.until(lambda: len(second.heard) == 4)
    assert second.heard == [("a", 2), ("a", 3), ("a", 4), ("a", 6)]


async def test_types_that_nobody_asked_for_or_knows_are_passed(
    database: StoreDatabase, verbs: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hearer, picky = Hearer(), Hearer()
    insert = "INSERT INTO events (tenant, key, type, payload, at) VALUES (:tenant, 'k', :type, :payload, :now)"
    async with running(database, hearer, clock), running(database, picky, clock, name="picky", types=frozenset({"other"})):
        await database.write(
            lambda tx: tx.run(insert, type="gone_with_its_plugin", payload="{}"), tenant=DEFAULT_TENANT, keys=("k",)
        )
        await database.write(
            lambda tx: tx.run(insert, type="test_noted", payload='{"name": 5}'), tenant=DEFAULT_TENANT, keys=("k",)
        )
        await emit(database, verbs, "a", 1)
        await hearer.until(lambda: len(hearer.heard) == 1 and len(hearer.dead) == 1)
        with trio.fail_after(60):
            while any(state.behind for state in await progress(database)):
                await trio.sleep(0.005)
    assert "is no test_noted" in hearer.dead[0].error
    assert picky.attempts == []
    assert "gone_with_its_plugin" not in EVENT_TYPES


async def test_a_consumer_that_is_gone_can_be_forgotten(database: StoreDatabase, verbs: Any, clock: Any) -> None:
    hearer = Hearer()
    async with running(database, hearer, clock):
        pass
    assert await forget_consumer(database, "hearer")
    assert not await forget_consumer(database, "hearer")
    assert await progress(database) == []


async def test_a_consumer_that_is_down_reads_no_further(database: StoreDatabase, verbs: Any, clock: Any) -> None:
    hearer = Hearer()
    hearer.fails = lambda name, number, attempt: attempt < 3
    tight = attrs.evolve(QUICK, most_retrying=5, window=4, parallel=2)
    async with running(database, hearer, clock, pace=tight):
        for number in range(30):
            await emit(database, verbs, f"n{number % 7}", number)
        await hearer.until(lambda: len(hearer.heard) == 30)
    for name, numbers in hearer.times.items():
        assert numbers == sorted(numbers), name


async def test_a_handler_that_hangs_is_given_up(database: StoreDatabase, verbs: Any, clock: Any) -> None:
    hearer = Hearer()
    hearer.waits["hangs"] = trio.Event()
    async with running(database, hearer, clock, pace=attrs.evolve(QUICK, timeout_s=0.01), max_attempts=2):
        await emit(database, verbs, "hangs", 1)
        await hearer.until(lambda: len(hearer.dead) == 1)
    assert "TooSlow" in hearer.dead[0].error
