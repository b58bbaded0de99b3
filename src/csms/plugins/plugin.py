"""A loaded plugin: what it implements, and how it is doing."""

from __future__ import annotations

from typing import Any

import attrs
import trio

from csms.core.events import EVENT_TYPES, Delivered

from .call import HookCall

ANY_EVENT = "event_occurred"
"""The hook that hears every durable event."""
VOLATILE_LIMIT = 1000
"""Volatile events that may wait for one plugin; further ones are dropped and counted."""


@attrs.define(slots=True, eq=False, kw_only=True)
class Plugin:
    """One enabled plugin. ``task`` is what became of its ``run``: ``""`` (it has none), ``running``, ``restarting`` or ``finished``."""

    name: str
    version: str
    settings: Any
    calls: dict[str, tuple[HookCall, ...]]
    events: frozenset[str]
    """The event types that it registered and may emit."""
    must_agree: bool
    jobs: tuple[tuple[float, HookCall], ...] = ()
    """Seconds between two turns, and what is called."""
    task: str = ""
    restarts: int = 0
    dropped: int = 0
    durable: frozenset[str] = attrs.field(init=False)
    volatile: frozenset[str] = attrs.field(init=False)
    """The event types whose hooks it implements."""
    feed: trio.MemorySendChannel[Delivered] = attrs.field(init=False)
    fed: trio.MemoryReceiveChannel[Delivered] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        kinds = {hook: EVENT_TYPES[hook] for hook in self.calls if hook in EVENT_TYPES}
        self.durable = frozenset(name for name, kind in kinds.items() if kind.durable)
        self.volatile = frozenset(name for name, kind in kinds.items() if not kind.durable)
        self.feed, self.fed = trio.open_memory_channel[Delivered](VOLATILE_LIMIT)


@attrs.frozen(slots=True)
class HookHealth:
    """How one hook of a plugin is doing since start. ``seconds`` is the sum over all calls."""

    hook: str
    calls: int
    failures: int
    seconds: float
    breaker: str
    last_error: str


@attrs.frozen(slots=True)
class PluginHealth:
    """How a plugin is doing since start. ``dropped`` counts volatile events that it was too slow for."""

    name: str
    version: str
    hooks: tuple[HookHealth, ...]
    task: str
    restarts: int
    dropped: int

    @property
    def trouble(self) -> str:
        """What is wrong at the moment, or nothing."""
        told = [f"{self.name}: {hook.hook} rests: {hook.last_error}" for hook in self.hooks if hook.breaker != "closed"]
        if self.task == "restarting":
            told += [f"{self.name}: its task crashed: {hook.last_error}" for hook in self.hooks if hook.hook == "run"]
        return "; ".join(told)


def health(plugin: Plugin) -> PluginHealth:
    """The state of a plugin now."""
    calls = [*(call for calls in plugin.calls.values() for call in calls), *(call for _, call in plugin.jobs)]
    return PluginHealth(
        name=plugin.name,
        version=plugin.version,
        hooks=tuple(
            HookHealth(call.hook, call.calls, call.failures, round(call.seconds, 6), call.breaker.state(), call.last_error)
            for call in calls
        ),
        task=plugin.task,
        restarts=plugin.restarts,
        dropped=plugin.dropped,
    )
