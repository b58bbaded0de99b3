"""Garbage collection: out of the way under load, and yet nothing that is dropped in a cycle stays for ever."""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
import structlog
import trio
from trio.testing import MockClock

from csms.memory import (
    FULL_INTERVAL_S,
    GOOD_SWEEP_S,
    LEAST_INTERVAL_S,
    SHARE,
    SLOW_SWEEP_S,
    SWEEP_INTERVAL_S,
    SWITCH_INTERVAL_S,
    THRESHOLDS,
    next_interval,
    settle,
    sweep,
)


class Knot:
    """Refers to itself, so that only a collection ends it."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """The collector as it was, after each test."""
    before, turn_s, frozen = gc.get_threshold(), sys.getswitchinterval(), gc.get_freeze_count()
    gc.unfreeze()
    yield
    sys.setswitchinterval(turn_s)
    gc.set_threshold(*before)
    gc.unfreeze()
    if frozen:
        gc.freeze()


def test_what_lives_at_the_start_is_never_looked_at_again() -> None:
    dropped = Knot()
    seen = weakref.ref(dropped)
    del dropped
    settle()
    assert seen() is None, "rubbish of the start-up is collected first"
    assert gc.get_freeze_count() > 10_000
    assert gc.get_threshold() == THRESHOLDS
    assert sys.getswitchinterval() == pytest.approx(SWITCH_INTERVAL_S), "threads take short turns"


def test_a_busy_minute_causes_no_collection() -> None:
    settle()
    begun = gc.get_stats()[0]["collections"]
    kept = [[number] for number in range(THRESHOLDS[0] // 2)]
    assert gc.get_stats()[0]["collections"] == begun
    assert len(kept) == THRESHOLDS[0] // 2


@pytest.fixture
async def sweeping(mock_clock: MockClock) -> AsyncIterator[Callable[[float], Awaitable[None]]]:
    """Sweeps and nothing else; called with seconds, it lets them pass."""
    settle()
    gc.disable()  # the sweep asks for itself

    async def passing(seconds: float) -> None:
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(round(seconds / SWEEP_INTERVAL_S)):
            mock_clock.jump(SWEEP_INTERVAL_S)
            await trio.testing.wait_all_tasks_blocked()

    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sweep)
            yield passing
            nursery.cancel_scope.cancel()
    finally:
        gc.enable()


async def test_what_was_dropped_is_freed_soon(mock_clock: MockClock, sweeping: Callable[[float], Awaitable[None]]) -> None:
    for _ in range(3):
        begun = [each["collections"] for each in gc.get_stats()]
        seen = weakref.ref(Knot())
        await sweeping(0)
        assert seen() is not None
        await sweeping(SWEEP_INTERVAL_S)
        assert seen() is None
        assert [each["collections"] for each in gc.get_stats()] == [begun[0], begun[1] + 1, begun[2]], "only what is young"


async def test_once_an_hour_what_is_old_is_freed_too(mock_clock: MockClock, sweeping: Callable[[float], Awaitable[None]]) -> None:
    knot = Knot()
    seen = weakref.ref(knot)
    await sweeping(2 * SWEEP_INTERVAL_S)
    del knot
    await sweeping(SWEEP_INTERVAL_S)
    assert seen() is not None, "it is old"
    mock_clock.jump(FULL_INTERVAL_S)
    await trio.testing.wait_all_tasks_blocked()
    assert seen() is None


@pytest.mark.parametrize(("seconds", "said"), [(SLOW_SWEEP_S / 2, []), (SLOW_SWEEP_S * 3, ["memory.slow_sweep"])])
async def test_a_slow_sweep_is_told(
    mock_clock: MockClock, monkeypatch: pytest.MonkeyPatch, seconds: float, said: list[str]
) -> None:
    def collect(generation: int = 2) -> int:
        mock_clock.jump(seconds)
        return 5

    monkeypatch.setattr(gc, "collect", collect)
    with structlog.testing.capture_logs() as logs:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sweep)
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(SWEEP_INTERVAL_S)
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
    assert [entry["event"] for entry in logs] == said
    assert all(entry["found"] == 5 and entry["seconds"] == pytest.approx(seconds) for entry in logs)


def test_each_sweep_is_made_to_take_a_few_milliseconds() -> None:
    interval_s, pauses = SWEEP_INTERVAL_S, []
    for stays_per_s in [0.001] * 3 + [0.038] * 20 + [0.001] * 10:  # seconds of sweeping that a second of work leaves behind
        pauses.append(stays_per_s * interval_s)
        interval_s = next_interval(interval_s, pauses[-1])
    assert max(pauses[:3]) == pytest.approx(0.001), "once a second is enough"
    assert pauses[3] == pytest.approx(0.038), "nobody could know"
    assert all(pause == pytest.approx(GOOD_SWEEP_S, rel=0.01) for pause in pauses[6:23])
    assert interval_s == SWEEP_INTERVAL_S, "and when all is quiet again"


def test_sweeps_never_take_much_of_the_time() -> None:
    interval_s = SWEEP_INTERVAL_S
    for took_s in (0.0, 0.0001, 0.01, 0.01, 0.01, 0.5, 0.5):
        interval_s = next_interval(interval_s, took_s)
        assert LEAST_INTERVAL_S <= interval_s <= SWEEP_INTERVAL_S
        assert interval_s >= min(took_s / SHARE, SWEEP_INTERVAL_S)
