"""One plugin's implementation of one hook: called within limits, isolated, timed and counted."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import attrs
import structlog
import trio

from csms.core.ports import Blocking
from csms.hooks import Hook, PluginContext

from .breaker import Breaker
from .errors import PluginError, PluginFailed

log = structlog.get_logger()

OK, FAILED, SLOW, RESTING = "ok", "failed", "slow", "resting"

Observe = Callable[[str, str, float, str], None]
"""Told of every call: plugin, hook, seconds, and how it went, one of the words above."""


def unobserved(plugin: str, hook: str, seconds: float, result: str) -> None:
    """Tell nobody."""


@attrs.define(slots=True, eq=False, kw_only=True)
class HookCall:
    """Calls one function of a plugin. Nothing but cancellation gets out of it except as ``PluginFailed``.

    ``arguments`` are the names that the function takes; ``answer`` is the type of what it may return besides None. A plain function
    runs in a thread of the plugin's own limiter; past the time limit its thread is left to end by itself and keeps its place there.
    """

    plugin: str
    hook: str
    function: Callable[..., Any]
    arguments: tuple[str, ...]
    limit_s: float
    breaker: Breaker
    observe: Observe = unobserved
    answer: type[Any] | None = None
    calls: int = attrs.field(default=0, init=False)
    failures: int = attrs.field(default=0, init=False)
    seconds: float = attrs.field(default=0.0, init=False)
    last_error: str = attrs.field(default="", init=False)
    is_async: bool = attrs.field(init=False)
    _context: PluginContext | None = attrs.field(default=None, init=False)
    _threads: Blocking | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.is_async = inspect.iscoroutinefunction(self.function)
        if inspect.isasyncgenfunction(self.function) or inspect.isgeneratorfunction(self.function):
            raise PluginError(f"plugin {self.plugin}: {self.hook} must be a function, not a generator")

    def connect(self, context: PluginContext, threads: Blocking) -> None:
        """Give it what it calls with; comes before every call that takes a context or runs in a thread."""
        self._context, self._threads = context, threads

    async def ask(self, question: Mapping[str, Any]) -> Any:
        """The plugin's answer, or None. Raises ``PluginFailed``, at once while the breaker is open."""
        if not self.breaker.admits():
            self.observe(self.plugin, self.hook, 0.0, RESTING)
            raise PluginFailed(f"plugin {self.plugin}: {self.hook} rests after failures in a row, the last: {self.last_error}")
        return await self._call(question)

    async def deliver(self, event: Mapping[str, Any]) -> None:
        """Tell the plugin. While the breaker is open this waits: a rest costs an event time, not one of its attempts."""
        await self.breaker.turn()
        await self._call(event)

    def contribute(self, stand_in: PluginContext | None = None) -> Any:
        """What a ``register_*`` hook or ``configure`` returns, called here and now. Raises ``PluginError`` when it fails.

        ``stand_in`` is the context where the bus is not connected."""
        self.calls += 1
        try:
            return self.function(**self._taken({}, stand_in))
        except (Exception, SystemExit) as error:
            raise PluginError(f"plugin {self.plugin}: {self.hook} failed: {_words(error)}") from error

    def _taken(self, given: Mapping[str, Any], stand_in: PluginContext | None = None) -> dict[str, Any]:
        """The arguments that the function takes. Raises ``RuntimeError`` when it needs the context before there is one."""
        context = self._context or stand_in
        if "context" in self.arguments and context is None:
            raise RuntimeError(f"{self.hook} takes a context: connect the bus to the ports first")
        return {name: context if name == "context" else given[name] for name in self.arguments}

    async def _call(self, given: Mapping[str, Any]) -> Any:
        self.calls += 1
        started = trio.current_time()
        result = ""
        answer: Any = None
        try:
            result, answer = await self._attempt(self._taken(given))
        finally:
            took_s = trio.current_time() - started
            self.seconds += took_s
            if not result:
                self.breaker.left()
        self.observe(self.plugin, self.hook, took_s, result)
        if result != OK:
            raise PluginFailed(f"plugin {self.plugin}: {self.hook}: {self.last_error}")
        self.breaker.succeeded()
        return answer

    async def _attempt(self, taken: Mapping[str, Any]) -> tuple[str, Any]:
        """How it went, and the answer. A failure is recorded here, so that it also is when it comes together with a cancellation."""
        result, answer = OK, None
        try:
            with trio.move_on_after(self.limit_s) as limit:
                answer = await self._run(taken)
            if limit.cancelled_caught:
                result = SLOW
                self._failed(f"took longer than {self.limit_s:g} s", None)
            elif problem := self._wrong(answer):
                result = FAILED
                self._failed(problem, None)
        except* (Exception, SystemExit) as group:
            error = group.exceptions[0] if len(group.exceptions) == 1 else group
            result = FAILED
            self._failed(_words(error), error)
        return result, answer

    async def _run(self, taken: Mapping[str, Any]) -> Any:
        if self.is_async:
            return await self.function(**taken)
        if self._threads is None:
            raise RuntimeError(f"{self.hook} runs in a thread: connect the bus to the ports first")
        return await self._threads.run("plugin", partial(self.function, **taken))

    def _wrong(self, answer: Any) -> str:
        """What is wrong with an answer, or nothing."""
        if self.answer is not None and answer is not None and not isinstance(answer, self.answer):
            return f"answered {type(answer).__name__}; it must be {self.answer.__name__} or None"
        return ""

    def _failed(self, words: str, error: BaseException | None) -> None:
        self.failures += 1
        self.last_error = words
        self.breaker.failed()
        log.warning("plugin failed", plugin=self.plugin, hook=self.hook, error=words, breaker=self.breaker.state(), exc_info=error)


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def contributed(call: HookCall, hook: Hook, stand_in: PluginContext | None = None) -> list[Any]:
    """What one implementation of a ``register_*`` hook contributes, each of the right type. Raises ``PluginError``."""
    kind = hook.answer or object
    given = call.contribute(stand_in)
    values = list(given) if hook.many and isinstance(given, Iterable) else [given]
    if (hook.many and not isinstance(given, Iterable)) or not all(isinstance(value, kind) for value in values):
        wanted = f"an iterable of {kind.__name__}" if hook.many else f"a {kind.__name__}"
        raise PluginError(f"plugin {call.plugin}: {call.hook} must return {wanted}, not {given!r}")
    return values
