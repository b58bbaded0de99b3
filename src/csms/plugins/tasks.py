"""What runs for one plugin beside its hooks: its task, its jobs and its volatile events, none of which can take the server down."""

from __future__ import annotations

from contextlib import suppress

import trio

from csms.core.ports import Random

from .call import HookCall
from .errors import PluginFailed
from .plugin import Plugin

RESTART_WAIT_S = 1.0
LONGEST_RESTART_WAIT_S = 60.0
"""A crashed task waits a second, then two, four ... up to this; having run for this long it starts at one second again."""


async def attend(plugin: Plugin, random: Random) -> None:
    """The plugin's nursery. Returns when nothing is left to run; otherwise it is cancelled."""
    async with trio.open_nursery() as nursery:
        for call in plugin.calls.get("run", ()):
            nursery.start_soon(supervise, plugin, call, random)
        for every_s, call in plugin.jobs:
            nursery.start_soon(repeat, every_s, call)
        if plugin.volatile:
            nursery.start_soon(hear, plugin)


async def supervise(plugin: Plugin, call: HookCall, random: Random) -> None:
    """Keep the plugin's ``run`` running until it returns."""
    wait_s = RESTART_WAIT_S
    while True:
        plugin.task = "running"
        started = trio.current_time()
        try:
            await call.ask({})
        except PluginFailed:
            plugin.task = "restarting"
            plugin.restarts += 1
        else:
            plugin.task = "finished"
            return
        if trio.current_time() - started >= LONGEST_RESTART_WAIT_S:
            wait_s = RESTART_WAIT_S
        await trio.sleep(wait_s * random.uniform(0.8, 1.2))
        wait_s = min(wait_s * 2, LONGEST_RESTART_WAIT_S)


async def repeat(every_s: float, call: HookCall) -> None:
    """Run a job at every turn, until cancelled."""
    while True:
        await trio.sleep(every_s)
        with suppress(PluginFailed):  # the call has logged and counted it
            await call.ask({})


async def hear(plugin: Plugin) -> None:
    """Tell the plugin of volatile events, one after another, until cancelled. They are told once: a failure is logged and counted."""
    async for delivered in plugin.fed:
        for call in plugin.calls.get(delivered.event.type, ()):
            with suppress(PluginFailed):  # the call has logged and counted it
                await call.ask({"event": delivered.event, "delivery": delivered})
