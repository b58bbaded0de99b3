"""The circuit breaker, in virtual time."""

from __future__ import annotations

import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from csms.plugins.breaker import Breaker


async def test_opens_after_the_last_allowed_failure_in_a_row(mock_clock: MockClock) -> None:
    breaker = Breaker(3, 30.0)
    for _ in range(2):
        assert breaker.admits()
        breaker.failed()
    assert breaker.admits()
    breaker.succeeded()
    for _ in range(3):
        assert breaker.admits()
        breaker.failed()
    assert breaker.state() == "open"
    assert not breaker.admits()


async def test_half_open_admits_one_probe_and_closes_when_it_works(mock_clock: MockClock) -> None:
    breaker = Breaker(1, 30.0)
    breaker.failed()
    mock_clock.jump(29.9)
    assert not breaker.admits()
    mock_clock.jump(0.2)
    assert breaker.state() == "half-open"
    assert breaker.admits()
    assert not breaker.admits()
    breaker.succeeded()
    assert breaker.state() == "closed"
    assert breaker.admits()
    assert breaker.admits()


async def test_a_failed_probe_opens_it_again_for_the_whole_wait(mock_clock: MockClock) -> None:
    breaker = Breaker(2, 30.0)
    breaker.failed()
    breaker.failed()
    mock_clock.jump(30)
    assert breaker.admits()
    breaker.failed()
    mock_clock.jump(29)
    assert not breaker.admits()
    mock_clock.jump(2)
    assert breaker.admits()


async def test_a_cancelled_probe_leaves_its_place_to_another(mock_clock: MockClock) -> None:
    breaker = Breaker(1, 30.0)
    breaker.failed()
    mock_clock.jump(30)
    assert breaker.admits()
    breaker.left()
    assert breaker.admits()


async def test_waiting_turns_pass_one_probe_and_then_everybody(autojump_clock: MockClock) -> None:
    breaker = Breaker(1, 30.0)
    breaker.failed()
    passed: list[float] = []
    works = trio.Event()

    async def wait() -> None:
        await breaker.turn()
        passed.append(trio.current_time())
        await works.wait()
        breaker.succeeded()

    started = trio.current_time()
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(wait)
        await trio.sleep(31)
        assert [round(at - started) for at in passed] == [30]
        works.set()
        await wait_all_tasks_blocked()
        assert len(passed) == 5


async def test_a_probe_that_never_settles_does_not_hold_the_others_for_ever(autojump_clock: MockClock) -> None:
    breaker = Breaker(1, 10.0)
    breaker.failed()
    await trio.sleep(10)
    assert breaker.admits()
    with trio.move_on_after(25) as limit:
        await breaker.turn()
    assert limit.cancelled_caught
    breaker.left()
    with trio.fail_after(1):
        await breaker.turn()
