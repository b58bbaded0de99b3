"""A plugin's own task and jobs: supervised, restarted, and unable to take the server down."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from csms.hooks import Job, PluginContext, hookimpl
from csms.plugins import PluginError
from csms.testing.plugins import Plugged


async def test_a_crashing_task_is_restarted_with_back_off_and_harms_nobody(autojump_clock: MockClock) -> None:
    starts: list[float] = []
    steady: list[float] = []

    @hookimpl
    async def run() -> None:
        starts.append(trio.current_time())
        raise SystemExit("gone")

    @hookimpl(specname="run")
    async def ticking() -> None:
        while True:
            steady.append(trio.current_time())
            await trio.sleep(10)

    plugged = Plugged({"crashing": SimpleNamespace(run=run), "steady": SimpleNamespace(ticking=ticking)})
    with trio.move_on_after(200):
        await plugged.bus.run()
    waits = [later - earlier for earlier, later in pairwise(starts)]
    assert waits[:6] == [pytest.approx(wait_s, rel=0.21) for wait_s in (1, 2, 4, 8, 16, 32)]
    assert max(waits) <= 72
    assert len(steady) == 20
    health = plugged.bus.health()
    assert health["crashing"].restarts == len(starts)
    assert health["crashing"].trouble == "crashing: its task crashed: SystemExit: gone"
    assert (health["steady"].restarts, health["steady"].trouble) == (0, "")


async def test_a_task_that_ran_long_is_restarted_soon(autojump_clock: MockClock) -> None:
    starts: list[float] = []

    @hookimpl
    async def run() -> None:
        starts.append(trio.current_time())
        await trio.sleep(100)
        raise ValueError

    with trio.move_on_after(1000):
        await Plugged({"p": SimpleNamespace(run=run)}).bus.run()
    assert all(later - earlier < 102 for earlier, later in pairwise(starts))
    assert len(starts) == 10


async def test_a_task_that_returns_is_finished(autojump_clock: MockClock) -> None:
    starts = 0

    @hookimpl
    async def run() -> None:
        nonlocal starts
        starts += 1

    plugged = Plugged({"once": SimpleNamespace(run=run)})
    with trio.move_on_after(1000):
        await plugged.bus.run()
    assert starts == 1
    assert plugged.bus.health()["once"].task == "finished"


async def test_stopping_the_bus_cancels_tasks_and_lets_them_clean_up() -> None:
    cleaned: list[str] = []

    @hookimpl
    async def run(context: PluginContext) -> None:
        try:
            await trio.sleep_forever()
        finally:
            cleaned.append(context.name)

    async with trio.open_nursery() as nursery:
        await nursery.start(Plugged({"p": SimpleNamespace(run=run)}).bus.run)
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert cleaned == ["p"]


async def test_a_job_runs_at_every_turn_although_it_failed_or_was_too_slow_before(autojump_clock: MockClock) -> None:
    turns: list[float] = []
    started = trio.current_time()

    async def sweep() -> None:
        turns.append(trio.current_time() - started)
        if len(turns) == 1:
            raise ValueError("first")
        if len(turns) == 2:
            await trio.sleep_forever()

    plugged = Plugged(
        {"sweeper": SimpleNamespace(register_jobs=hookimpl(lambda: [Job(name="sweep", every_s=60, run=sweep, timeout_s=5)]))}
    )
    with trio.move_on_after(250):
        await plugged.bus.run()
    assert turns == [pytest.approx(at) for at in (60, 120, 185, 245)]
    (job,) = [hook for hook in plugged.bus.health()["sweeper"].hooks if hook.hook == "job sweep"]
    assert (job.calls, job.failures, job.last_error) == (4, 2, "took longer than 5 s")


def test_a_plugin_that_refuses_its_settings_stops_the_start() -> None:
    def configure(context: PluginContext) -> None:
        raise ValueError("url is missing")

    with pytest.raises(PluginError, match="plugin strict: configure failed: ValueError: url is missing"):
        Plugged({"strict": SimpleNamespace(configure=hookimpl(configure))})


@pytest.mark.parametrize("jobs", [None, [1], lambda: None])
def test_contributions_of_the_wrong_type_are_refused(jobs: Any) -> None:
    with pytest.raises(PluginError, match="plugin odd: register_jobs must return an iterable of Job"):
        Plugged({"odd": SimpleNamespace(register_jobs=hookimpl(lambda: jobs))})


def test_what_needs_a_context_cannot_be_collected_before_there_is_one() -> None:
    plugged = Plugged({"web": SimpleNamespace(register_routes=hookimpl(lambda context: []))}, connected=False)
    with pytest.raises(PluginError, match="register_routes takes a context"):
        plugged.bus.collect("register_routes")


async def test_the_probe_names_who_is_in_trouble(autojump_clock: MockClock) -> None:
    @hookimpl
    async def run() -> None:
        raise ValueError("broken")

    plugged = Plugged({"fine": SimpleNamespace(), "bad": SimpleNamespace(run=run)})
    assert set(await plugged.bus.probe()) == {"fine", "bad"}
    with trio.move_on_after(0.5):
        await plugged.bus.run()
    with pytest.raises(Exception, match="bad: its task crashed: ValueError: broken"):
        await plugged.bus.probe()


async def test_a_bus_runs_only_once_connected() -> None:
    with pytest.raises(RuntimeError, match="connect the bus"):
        await Plugged({}, connected=False).bus.run()
