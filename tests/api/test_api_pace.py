"""Requests stand in line so that the passes of the event loop stay short."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from csms.api.pace import Pace


class Passes(trio.abc.Instrument):
    """Counts the passes of the event loop."""

    def __init__(self) -> None:
        self.count = 0

    def after_io_wait(self, timeout: float) -> None:
        self.count += 1


@pytest.fixture
async def passes() -> Passes:
    counted = Passes()
    trio.lowlevel.add_instrument(counted)
    return counted


async def test_a_few_begin_in_each_pass_in_the_order_in_which_they_came(passes: Passes) -> None:
    pace, begun = Pace(2), list[tuple[int, int]]()

    async def request(number: int) -> None:
        await pace.begin()
        begun.append((number, passes.count))

    async with trio.open_nursery() as nursery:
        for number in range(9):
            nursery.start_soon(request, number)
            await trio.lowlevel.checkpoint()
    begun.clear()
    held = trio.Event()

    async def one_of_many(number: int) -> None:
        await held.wait()
        await pace.begin()
        begun.append((number, passes.count))

    async with trio.open_nursery() as nursery:
        for number in range(20):
            nursery.start_soon(one_of_many, number)
        await trio.testing.wait_all_tasks_blocked()
        held.set()
    assert sorted(number for number, _ in begun) == list(range(20))
    by_pass = [sum(1 for _, when in begun if when == each) for each in sorted({when for _, when in begun})]
    assert max(by_pass) <= 3, "two, and perhaps one that was called in the pass before"
    assert len(by_pass) <= 12, "none of them waits longer than it must"
    assert pace.waiting == 0


async def test_who_leaves_the_line_holds_up_nobody() -> None:
    pace, begun = Pace(1), list[int]()
    scopes = [trio.CancelScope() for _ in range(6)]
    held = trio.Event()

    async def request(number: int) -> None:
        with scopes[number]:
            await held.wait()
            await pace.begin()
            begun.append(number)

    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            for number in range(6):
                nursery.start_soon(request, number)
            await trio.testing.wait_all_tasks_blocked()
            held.set()
            await trio.lowlevel.checkpoint()
            for number in (1, 3, 5):
                scopes[number].cancel()
    assert {0, 2, 4} <= set(begun), "the others go on"
    assert pace.waiting == 0


async def test_one_alone_does_not_wait(passes: Passes) -> None:
    pace = Pace(2)
    await pace.begin()
    await trio.lowlevel.checkpoint()
    before = passes.count
    await pace.begin()
    await pace.begin()
    assert passes.count == before
    await pace.begin()
    assert passes.count > before, "the third of a pass goes on in the next"
