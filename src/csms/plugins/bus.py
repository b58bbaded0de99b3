"""The bus between the core and the enabled plugins: tells events, asks decisions, collects contributions."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import attrs
import structlog
import trio

from csms.config import PluginsConfig
from csms.core.errors import Undecided
from csms.core.events import Delivered
from csms.core.ports import Ports, Random
from csms.db.outbox import Consumer, Pace
from csms.hooks import ANY_REFUSAL, FIRST_ANSWER_OR_NONE_AT_ALL, HOOKS, Job, PluginContext

from .breaker import Breaker
from .call import HookCall, Observe, contributed, unobserved
from .errors import PluginFailed
from .installed import Installed, installed
from .loading import load
from .plugin import ANY_EVENT, Plugin, PluginHealth, health
from .store import PluginStore
from .tasks import attend
from .threads import PluginThreads


@attrs.frozen(slots=True)
class Contribution:
    """One thing that a plugin contributes."""

    plugin: str
    value: Any


class Bus:
    """Loads the enabled plugins and does all calling of them. It fills ``core.ports.Decisions``.

    In order: make it (nothing runs yet; the command line may ``collect`` migrations and commands), ``connect`` it to the ports,
    ``collect`` routes, start its ``consumers`` in the event spine, then ``run`` it, so that nobody misses what a plugin's task tells.
    Whatever cannot be used as it is raises ``PluginError`` on the way; once it runs, nothing that a plugin does gets out of it.
    """

    def __init__(
        self, config: PluginsConfig, *, available: Mapping[str, Installed] | None = None, observe: Observe = unobserved
    ) -> None:
        self._config = config
        self._observe = observe
        self._plugins, self._hooks = load(config, installed() if available is None else available, observe)
        self._decisions: dict[str, tuple[tuple[Plugin, HookCall], ...]] = {
            hook.name: tuple((plugin, call) for plugin in self._plugins for call in plugin.calls.get(hook.name, ()))
            for hook in HOOKS.values()
            if hook.family == "decision"
        }
        self._questions = {name: frozenset(self._hooks[name].arguments) - {"context"} for name in self._decisions}
        self._volatile: dict[str, list[Plugin]] = {}
        for plugin in self._plugins:
            for kind in plugin.volatile:
                self._volatile.setdefault(kind, []).append(plugin)
        self._random: Random | None = None

    def connect(self, ports: Ports) -> None:
        """Give every plugin its context, let it ``configure`` itself, and collect its jobs. Raises ``PluginError``."""
        self._random = ports.random
        for plugin in self._plugins:
            threads = PluginThreads(ports.blocking, plugin.name)
            context = PluginContext(
                name=plugin.name,
                settings=plugin.settings,
                log=structlog.get_logger().bind(plugin=plugin.name),
                clock=ports.clock,
                random=ports.random,
                blocking=threads,
                http=ports.http,
                chargers=ports.chargers,
                store=PluginStore(ports.database, plugin=plugin.name, events=plugin.events),
                ledger=ports.ledger,
                payments=ports.payments,
                messenger=ports.messenger,
                driving=ports.driving,
            )
            for calls in plugin.calls.values():
                for call in calls:
                    call.connect(context, threads)
            for call in plugin.calls.get("configure", ()):
                call.contribute()
            plugin.jobs = tuple(
                (job.every_s, self._job(plugin, job))
                for call in plugin.calls.get("register_jobs", ())
                for job in contributed(call, self._hooks[call.hook])
            )
            for _, call in plugin.jobs:
                call.connect(context, threads)

    # --- decisions --------------------------------------------------------------------------------------------------------------

    async def ask(self, hook: str, /, **question: Any) -> Any:
        """Ask a decision hook; None when no plugin has an opinion. Without an implementation this neither waits nor checks anything.

        A plugin that fails, is too slow or rests has no opinion, or refuses where ``[plugins] must_agree`` names it. Raises ``Undecided``
        for it where the hook lets nobody guess.
        """
        asked = self._decisions[hook]
        if not asked:
            return None
        if question.keys() != self._questions[hook]:
            raise TypeError(f"{hook} is asked with {', '.join(sorted(self._questions[hook]))}, not with {', '.join(question)}")
        if len(asked) == 1:
            return await self._opinion(*asked[0], question)
        if self._hooks[hook].combine == ANY_REFUSAL:
            answers = await self._everyone(asked, question)
            return min(answers, key=lambda verdict: (verdict.accepted, not verdict.vouches), default=None)
        for plugin, call in asked:
            if (answer := await self._opinion(plugin, call, question)) is not None:
                return answer
        return None

    async def _everyone(self, asked: tuple[tuple[Plugin, HookCall], ...], question: Mapping[str, Any]) -> list[Any]:
        """The opinions of all plugins, asked at once, in config order."""
        answers: list[Any] = [None] * len(asked)

        async def put(number: int, plugin: Plugin, call: HookCall) -> None:
            answers[number] = await self._opinion(plugin, call, question)

        async with trio.open_nursery() as nursery:
            for number, (plugin, call) in enumerate(asked):
                nursery.start_soon(put, number, plugin, call)
        return [answer for answer in answers if answer is not None]

    async def _opinion(self, plugin: Plugin, call: HookCall, question: Mapping[str, Any]) -> Any:
        try:
            return await call.ask(question)
        except PluginFailed as error:  # logged and counted by the call
            if self._hooks[call.hook].combine == FIRST_ANSWER_OR_NONE_AT_ALL:
                raise Undecided(str(error)) from None
            return self._hooks[call.hook].refusal if plugin.must_agree else None

    # --- events -----------------------------------------------------------------------------------------------------------------

    def consumers(self) -> list[Consumer]:
        """One consumer of durable events for each plugin that hears any; its handler raises so that the spine delivers again."""
        return [
            Consumer(f"plugin:{plugin.name}", partial(self._deliver, plugin), None if ANY_EVENT in plugin.calls else plugin.durable)
            for plugin in self._plugins
            if ANY_EVENT in plugin.calls or plugin.durable
        ]

    @property
    def pace(self) -> Pace:
        """How the spine should serve ``consumers``: a delivery may take its turns at a resting breaker, behind all others of its plugin."""
        pace = Pace()
        turn_s = self._config.breaker_wait_s + self._config.event_timeout_s
        return attrs.evolve(pace, timeout_s=2 * (pace.parallel + 1) * turn_s)

    async def _deliver(self, plugin: Plugin, delivered: Delivered) -> None:
        """Tell one plugin of a durable event. Raises ``PluginFailed``."""
        given = {"event": delivered.event, "delivery": delivered}
        for hook in (ANY_EVENT, delivered.event.type):
            for call in plugin.calls.get(hook, ()):
                await call.deliver(given)

    def hears(self, kind: str) -> bool:
        """Whether any plugin hears volatile events of a type; if none does, nobody needs to prepare them."""
        return kind in self._volatile

    def tell(self, delivered: Delivered) -> None:
        """Tell a volatile event to whoever hears it; never waits. For a plugin whose queue is full it is dropped and counted."""
        for plugin in self._volatile.get(delivered.event.type, ()):
            try:
                plugin.feed.send_nowait(delivered)
            except trio.WouldBlock:
                plugin.dropped += 1

    # --- contributions ----------------------------------------------------------------------------------------------------------

    def collect(self, hook: str, *, nowhere: Any = None) -> list[Contribution]:
        """What all plugins contribute to a ``register_*`` hook, in config order, one by one. Raises ``PluginError``.

        Before the bus is connected ``nowhere`` may stand for all that a context reaches: for who looks at what is contributed, and
        calls none of it."""
        return [
            Contribution(plugin.name, value)
            for plugin in self._plugins
            for call in plugin.calls.get(hook, ())
            for value in contributed(call, self._hooks[call.hook], None if nowhere is None else _stand_in(plugin, nowhere))
        ]

    def _job(self, plugin: Plugin, job: Job) -> HookCall:
        return HookCall(
            plugin=plugin.name,
            hook=f"job {job.name}",
            function=job.run,
            arguments=(),
            limit_s=job.timeout_s,
            breaker=Breaker(self._config.breaker_failures, self._config.breaker_wait_s),
            observe=self._observe,
        )

    # --- running ----------------------------------------------------------------------------------------------------------------

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep every plugin's task, jobs and volatile events going, each plugin in a nursery of its own; until cancelled."""
        if self._random is None:
            raise RuntimeError("connect the bus to the ports before it runs")
        async with trio.open_nursery() as nursery:
            for plugin in self._plugins:
                nursery.start_soon(attend, plugin, self._random, name=f"plugin {plugin.name}")
            task_status.started()

    def health(self) -> dict[str, PluginHealth]:
        """How every enabled plugin is doing, by name, in config order."""
        return {plugin.name: health(plugin) for plugin in self._plugins}

    async def probe(self) -> dict[str, Any]:
        """The plugins for ``/health``. Raises ``PluginFailed`` that names those in trouble."""
        found = self.health()
        if trouble := [plugin.trouble for plugin in found.values() if plugin.trouble]:
            raise PluginFailed("; ".join(trouble))
        return {
            name: {"version": plugin.version, "calls": sum(hook.calls for hook in plugin.hooks)} for name, plugin in found.items()
        }


def _stand_in(plugin: Plugin, nowhere: Any) -> PluginContext:
    """A plugin's context where no server runs."""
    reached = {field.name: nowhere for field in attrs.fields(PluginContext)}
    return PluginContext(**{**reached, "name": plugin.name, "settings": plugin.settings})
