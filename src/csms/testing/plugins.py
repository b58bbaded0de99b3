"""Tests a plugin without a server: the real bus, with ports that a test can look into."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

import attrs
import trio

from csms.config import PluginsConfig
from csms.core.commands import Answered, Command, Outcome
from csms.core.errors import StoreUnavailable
from csms.core.events import Delivered, Event
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ledger import NoLedger
from csms.core.ports import Blocking, ConnectionInfo, Database, Http, HttpAnswer, Ports
from csms.db import StoreDatabase
from csms.db.outbox import run_consumer
from csms.domain.wallets.desk import WalletDesk
from csms.outside import HttpClient, Threads
from csms.plugins import Bus, Installed, PluginError, PluginFailed
from csms.plugins.call import Observe, unobserved

from .stores import SettableClock

__all__ = [
    "FakeChargers",
    "FakeHttp",
    "HttpClient",
    "InLine",
    "NoDatabase",
    "Plugged",
    "PluginError",
    "PluginFailed",
    "Request",
    "SeededRandom",
    "SettableClock",
    "Threads",
    "example",
]

T = TypeVar("T")
E = TypeVar("E")


class SeededRandom:
    """Randomness that is the same in every run."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a test wants repeatable numbers, not secret ones

    def token(self, n_bytes: int) -> str:
        """Not secret at all."""
        return self._random.randbytes(n_bytes).hex()

    def message_id(self) -> str:
        """32 characters."""
        return self._random.randbytes(16).hex()

    def uniform(self, low: float, high: float) -> float:
        """A float between two bounds."""
        return self._random.uniform(low, high)


class InLine:
    """Runs blocking functions at once, in the test's own thread."""

    async def run(self, kind: str, function: Callable[..., T], /, *arguments: Any) -> T:
        """Run it here."""
        return function(*arguments)


@attrs.frozen(slots=True)
class Request:
    """A request that a plugin made."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@attrs.define(slots=True)
class FakeHttp:
    """Keeps what was requested; answers what it was given, then 200. An exception among the ``answers`` is raised."""

    answers: list[HttpAnswer | OSError] = attrs.field(factory=list)
    requests: list[Request] = attrs.field(factory=list)

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"", timeout_s: float, public_only: bool = False
    ) -> HttpAnswer:
        """Keep the request and give the next answer."""
        self.requests.append(Request(method, url, headers, body))
        answer = self.answers.pop(0) if self.answers else HttpAnswer(200, {}, b"")
        if isinstance(answer, OSError):
            raise answer
        return answer


@attrs.define(slots=True)
class FakeChargers:
    """Keeps what was sent; every command has the same ``outcome``."""

    outcome: Outcome = Answered("Accepted")
    sent: list[tuple[str, Command]] = attrs.field(factory=list)

    async def send(
        self, charger_id: str, command: Command, /, *, ttl_s: float | None = None, timeout_s: float | None = None
    ) -> Outcome:
        """Keep the command."""
        self.sent.append((charger_id, command))
        return self.outcome

    def connections(self) -> Sequence[ConnectionInfo]:
        """None."""
        return ()

    def connection(self, charger_id: str) -> ConnectionInfo | None:
        """None."""
        return None

    def can_say(self, charger_id: str) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    async def drop(self, charger_id: str, reason: str) -> bool:
        """There is nobody to drop."""
        return False

    async def admit(self, charger_id: str, registration: str) -> bool:
        """There is nobody to tell."""
        return False


class NoDatabase:
    """A store that is away."""

    async def write(self, verb: Callable[..., T], /, *arguments: Any, tenant: TenantId, keys: Iterable[str] = ()) -> T:
        """Raise ``StoreUnavailable``."""
        raise StoreUnavailable("this test has no database")

    async def read(self, query: Callable[..., T], /, *arguments: Any, tenant: TenantId) -> T:
        """Raise ``StoreUnavailable``."""
        raise StoreUnavailable("this test has no database")

    async def append(self, sql: str, rows: Sequence[Mapping[str, Any]], /, *, key: str, tenant: TenantId) -> None:
        """Raise ``StoreUnavailable``."""
        raise StoreUnavailable("this test has no database")


def example(kind: type[E], **fields: Any) -> E:
    """An event (or another attrs class) with the given fields, and plausible values in those that must have one."""
    hints = get_type_hints(kind)
    for field in attrs.fields(cast("type[attrs.AttrsInstance]", kind)):
        if field.default is attrs.NOTHING and field.name not in fields:
            fields[field.name] = _plausible(hints[field.name], field.name)
    return kind(**fields)


def _plausible(hint: Any, name: str) -> Any:
    simple: dict[Any, Any] = {str: name, int: 1, bool: False, float: 1.0}
    if hint in simple:
        return simple[hint]
    if attrs.has(hint):
        return example(hint)
    return None if type(None) in get_args(hint) else get_origin(hint)()


def _same(plugin: object) -> object:
    return plugin


class Plugged:
    """A bus with the given plugins (modules, classes or objects, by name), enabled in that order, and its fake ports.

    ``settings`` are the plugins' tables by name; other keywords are those of ``PluginsConfig``. A ``blocking`` of
    ``csms.outside.Threads`` runs plain functions in threads, as a server does; the default runs them at once.
    """

    def __init__(
        self,
        plugins: Mapping[str, object],
        *,
        settings: Mapping[str, dict[str, Any]] | None = None,
        database: Database | None = None,
        blocking: Blocking | None = None,
        http: Http | None = None,
        observe: Observe = unobserved,
        connected: bool = True,
        **config: Any,
    ) -> None:
        self.clock, self.random = SettableClock(), SeededRandom()
        self.chargers, self.http = FakeChargers(), FakeHttp()
        self.bus = Bus(
            PluginsConfig(enabled=tuple(plugins), settings=dict(settings or {}), **config),
            available={name: Installed(name, "1.0", partial(_same, plugin)) for name, plugin in plugins.items()},
            observe=observe,
        )
        self.ports = Ports(
            database=database or NoDatabase(),
            chargers=self.chargers,
            decisions=self.bus,
            clock=self.clock,
            random=self.random,
            blocking=blocking or InLine(),
            http=http or self.http,
            ledger=NoLedger() if database is None else WalletDesk(database),
        )
        self._event_ids = count(1)
        if connected:
            self.bus.connect(self.ports)

    def delivered(self, event: Event, *, tenant: TenantId = DEFAULT_TENANT, event_id: int = 0, attempt: int = 1) -> Delivered:
        """An event as a consumer receives it, with an id of its own unless one is given."""
        return Delivered(event_id or next(self._event_ids), tenant, self.clock.now(), event, attempt)

    async def tell(self, event: Event, **how: Any) -> None:
        """Deliver a durable event to every plugin that hears it, once. Raises ``PluginFailed`` as the spine would see it."""
        delivered = self.delivered(event, **how)
        for consumer in self.bus.consumers():
            if consumer.types is None or event.type in consumer.types:
                await consumer.handle(delivered)

    @asynccontextmanager
    async def spine(self, database: StoreDatabase) -> AsyncIterator[None]:
        """For the time of a ``with`` block, run the bus and bring it every event that the database stores, as a server does.

        What fails is tried again when the ``clock`` has gone on by a hundredth of a second, or a little more each time.
        """
        database.on_volatile = lambda tenant, now, event: self.bus.tell(Delivered(0, tenant, now, event))
        pace = attrs.evolve(self.bus.pace, first_retry_s=0.01)
        async with trio.open_nursery() as nursery:
            for consumer in self.bus.consumers():
                await nursery.start(partial(run_consumer, database, consumer, clock=self.clock, pace=pace))
            await nursery.start(self.bus.run)
            yield
            nursery.cancel_scope.cancel()
