"""Imports the enabled plugins and finds everything that can be wrong with them before the server starts."""

from __future__ import annotations

import inspect
import math
import re
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import attrs
import pluggy

from csms import hooks as api
from csms.config import PluginsConfig
from csms.core.events import EVENT_TYPES, Delivered, Event, is_same
from csms.hooks import HOOKS, Hook, PluginContext, hookspec

from .breaker import Breaker
from .call import HookCall, Observe, contributed
from .errors import PluginError, nearest
from .installed import Installed
from .plugin import Plugin
from .settings import structure


def load(
    config: PluginsConfig, available: Mapping[str, Installed], observe: Observe
) -> tuple[tuple[Plugin, ...], Mapping[str, Hook]]:
    """Import, register with pluggy, check: the plugins in config order, and every hook there is, with the events that they registered.

    Raises ``PluginError`` that names the plugin and says what would be right.
    """
    for name in config.must_agree:
        if name not in config.enabled:
            raise PluginError(f"plugins.must_agree: {name} is not in plugins.enabled")
    objects = {name: _imported(name, available) for name in config.enabled}
    hooks = dict(HOOKS)
    manager = pluggy.PluginManager("csms")
    manager.add_hookspecs(api)
    try:
        for name, plugin in objects.items():
            if (other := manager.get_name(plugin)) is not None:
                raise PluginError(f"plugin {name} is the same as plugin {other}: enable one of them")
            manager.register(plugin, name)
        maker = _Maker(manager, config, observe)
        events = {name: _events(maker.calls(name, hooks["register_events"]), hooks) for name in objects}
        for name, kinds in events.items():
            for kind in kinds:
                hooks[kind.type] = _specify(name, kind, hooks, manager)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise _explained(error, objects, manager, hooks) from None
    plugins = []
    for name in objects:
        calls = {hook.name: made for hook in hooks.values() if (made := maker.calls(name, hook))}
        plugins.append(
            Plugin(
                name=name,
                version=available[name].version,
                settings=_settings(name, calls.get("register_settings", ()), config.settings.get(name, {})),
                calls=calls,
                events=frozenset(kind.type for kind in events[name]),
                must_agree=name in config.must_agree,
            )
        )
    return tuple(plugins), hooks


def _imported(name: str, available: Mapping[str, Installed]) -> object:
    """The plugin's module, or an instance of its class."""
    if name not in available:
        known = sorted(available)
        raise PluginError(
            f"plugins.enabled: no plugin {name} is installed{nearest(name, known)}; installed are {', '.join(known) or 'none'}"
        )
    try:
        plugin = available[name].load()
        return plugin() if inspect.isclass(plugin) else plugin
    except (Exception, SystemExit) as error:
        raise PluginError(f"plugin {name} cannot be imported: {type(error).__name__}: {error}") from error


@attrs.frozen(slots=True)
class _Maker:
    """Makes the calls of the implementations that pluggy found."""

    manager: pluggy.PluginManager
    config: PluginsConfig
    observe: Observe

    def calls(self, plugin: str, hook: Hook) -> tuple[HookCall, ...]:
        """One call for each implementation of a hook by a plugin (``specname`` allows more than one)."""
        found = getattr(self.manager.hook, hook.name).get_hookimpls()
        return tuple(self._call(plugin, hook, each) for each in found if each.plugin_name == plugin)

    def _call(self, plugin: str, hook: Hook, found: pluggy.HookImpl) -> HookCall:
        if found.tryfirst or found.trylast or found.wrapper or found.hookwrapper:
            raise PluginError(
                f"plugin {plugin}: {hook.name}: tryfirst, trylast and wrappers are not for csms; the order is that of plugins.enabled"
            )
        is_async = inspect.iscoroutinefunction(found.function)
        if hook.name == "run" and not is_async:
            raise PluginError(f"plugin {plugin}: run must be async def")
        if is_async and (hook.family == "contribution" or hook.name == "configure"):
            raise PluginError(f"plugin {plugin}: {hook.name} must be a plain function, not async")
        endless = hook.name == "run"  # restarted for ever, by tasks.supervise
        limit_s = self.config.decision_timeout_s if hook.family == "decision" else self.config.event_timeout_s
        return HookCall(
            plugin=plugin,
            hook=hook.name,
            function=found.function,
            arguments=tuple(found.argnames),
            limit_s=math.inf if endless else limit_s,
            breaker=Breaker(sys.maxsize if endless else self.config.breaker_failures, self.config.breaker_wait_s),
            observe=self.observe,
            answer=hook.answer if hook.family == "decision" else None,
        )


def _events(calls: tuple[HookCall, ...], hooks: Mapping[str, Hook]) -> list[type[Event]]:
    """The event classes that a plugin registers."""
    kinds: list[type[Event]] = []
    for call in calls:
        for kind in contributed(call, hooks[call.hook]):
            if not (issubclass(kind, Event) and kind.type in EVENT_TYPES and is_same(EVENT_TYPES[kind.type], kind)):
                raise PluginError(
                    f"plugin {call.plugin}: register_events: {kind!r} is no event class with a type; decorate it with @event"
                )
            EVENT_TYPES[kind.type] = kind  # of a module that was loaded twice, the one that speaks
            kinds.append(kind)
    return kinds


def _specify(plugin: str, kind: type[Event], hooks: Mapping[str, Hook], manager: pluggy.PluginManager) -> Hook:
    """A hook for an event of a plugin's own."""
    if kind.type in hooks:
        raise PluginError(f"plugin {plugin}: register_events: there is a hook {kind.type} already; give the event another type")

    def heard(event: Event, delivery: Delivered, context: PluginContext) -> None: ...

    heard.__name__, heard.__doc__ = kind.type, kind.__doc__
    namespace = ModuleType(f"events of {plugin}")
    setattr(namespace, kind.type, hookspec(heard))
    manager.add_hookspecs(namespace)
    return Hook(family="event", function=heard)


def _settings(plugin: str, calls: tuple[HookCall, ...], table: Mapping[str, Any]) -> Any:
    """The plugin's settings in its own class, or as they are where it registers none."""
    return structure(contributed(calls[0], HOOKS[calls[0].hook])[0], table, plugin=plugin) if calls else dict(table)


def _explained(
    error: pluggy.PluginValidationError, objects: Mapping[str, object], manager: pluggy.PluginManager, hooks: Mapping[str, Hook]
) -> PluginError:
    """What pluggy found wrong, in words that help."""
    name = next(name for name, plugin in objects.items() if plugin is error.plugin)
    if mismatch := re.search(r"for hook '(\w+)'", str(error)):
        hook = hooks[mismatch[1]]
        return PluginError(
            f"plugin {name}: {hook.name} takes an unknown argument; it may take {', '.join(hook.arguments)} ({_last(error)})"
        )
    unknown = [caller.name for caller in manager.get_hookcallers(error.plugin) or () if not caller.has_spec() and _needed(caller)]
    told = [f"{hook}{nearest(hook, list(hooks))}" for hook in unknown]
    return PluginError(f"plugin {name}: there is no hook {', nor '.join(told)}; docs/hooks.md lists them all")


def _needed(caller: pluggy.HookCaller) -> bool:
    return any(not found.optionalhook for found in caller.get_hookimpls())


def _last(error: Exception) -> str:
    return str(error).splitlines()[-1].strip()
