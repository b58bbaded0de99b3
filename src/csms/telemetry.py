"""Structured logs, and the counters and timings that ``/metrics`` shows."""

from __future__ import annotations

import logging
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs
import structlog
import trio
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from csms.config import LogConfig
from csms.core.reports import Oddity

from . import __version__

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
LAG_INTERVAL_S = 0.5


def configure_logging(config: LogConfig) -> None:
    """Log to standard error, as JSON lines or for a terminal, with the context (charger, call, request ids) that tasks have bound.

    What libraries say through ``logging`` comes out the same way, from warnings upwards.
    """
    terminal = config.format == "console" or (config.format == "auto" and sys.stderr.isatty())
    # plain tracebacks: the default for terminals shows local variables, hence keys and passwords
    renderer: Any = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if terminal
        else structlog.processors.JSONRenderer()
    )
    level = getattr(logging, config.level.upper())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        *([] if terminal else [structlog.processors.format_exc_info]),
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)


class Timing:
    """One histogram of seconds; cheap enough for every message, because only a list and two numbers change."""

    __slots__ = ("counts", "sum_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS_S) + 1)
        self.sum_s = 0.0

    def observe(self, seconds: float) -> None:
        """Count one measurement."""
        self.counts[bisect_left(BUCKETS_S, seconds)] += 1
        self.sum_s += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative buckets in Prometheus' form."""
        total, result = 0, []
        for bound, count in zip([*map(str, BUCKETS_S), "+Inf"], self.counts, strict=True):
            total += count
            result.append((bound, float(total)))
        return result


class Family:
    """Timings of one metric, by label values."""

    def __init__(self, name: str, help: str, labels: tuple[str, ...]) -> None:
        self.name, self.help, self.labels = name, help, labels
        self._children: dict[tuple[str, ...], Timing] = {}

    def child(self, values: tuple[str, ...]) -> Timing:
        """The timing under these label values, for whoever measures often."""
        return self._children.setdefault(values, Timing())

    def observe(self, values: tuple[str, ...], seconds: float) -> None:
        """Count one measurement under these label values."""
        child = self._children.get(values)
        if child is None:
            child = self.child(values)
        child.observe(seconds)

    def collect(self) -> Iterator[Metric]:
        """The family as Prometheus wants it."""
        metric = HistogramMetricFamily(self.name, self.help, labels=self.labels)
        for values, child in list(self._children.items()):
            metric.add_metric(list(values), child.buckets(), child.sum_s)
        yield metric


class Counts:
    """Counters of one metric, by label values."""

    def __init__(self, name: str, help: str, labels: tuple[str, ...]) -> None:
        self.name, self.help, self.labels = name, help, labels
        self._values: dict[tuple[str, ...], float] = {}

    def add(self, values: tuple[str, ...], amount: float = 1) -> None:
        """Count."""
        self._values[values] = self._values.get(values, 0) + amount

    def collect(self) -> Iterator[Metric]:
        """The family as Prometheus wants it."""
        metric = CounterMetricFamily(self.name, self.help, labels=self.labels)
        for values, amount in list(self._values.items()):
            metric.add_metric(list(values), amount)
        yield metric


@attrs.frozen(slots=True)
class Reading:
    """Numbers that some component keeps itself; read at every scrape. ``rows`` yields label values and a number."""

    name: str
    help: str
    labels: tuple[str, ...]
    rows: Callable[[], Iterable[tuple[tuple[str, ...], float]]]
    kind: str = "gauge"

    def collect(self) -> Iterator[Metric]:
        """The family as Prometheus wants it."""
        family = CounterMetricFamily if self.kind == "counter" else GaugeMetricFamily
        metric = family(self.name, self.help, labels=self.labels)
        for values, amount in self.rows():
            metric.add_metric(list(values), amount)
        yield metric


class Telemetry(Collector):
    """All metrics of one server. It is also what the charger side reports to (``net.observer.Observer``)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.stages = Family("csms_message_stage_seconds", "Time of a charger's message per stage", ("action", "stage"))
        self._stages: dict[str, tuple[Timing, ...]] = {}
        self.failures = Counts(
            "csms_failed_messages", "Charger messages answered with a CALLERROR because they could not be heard", ("action",)
        )
        self.plugin_calls = Family("csms_plugin_call_seconds", "Calls of plugins by result", ("plugin", "hook", "result"))
        self.refusals = Counts("csms_refused_connections", "Chargers turned away, by reason", ("reason",))
        self.disconnections = Counts("csms_disconnections", "Ended charger connections, by reason", ("reason",))
        self.odd = Counts("csms_oddities", "Tolerated deviations from the specification", ("action", "rule"))
        self.requests = Family("csms_request_seconds", "API requests", ("route", "method", "status"))
        self.lag = Timing()
        self._readings: list[Reading] = []
        self._families: list[Family | Counts] = [
            self.stages,
            self.failures,
            self.refusals,
            self.disconnections,
            self.odd,
            self.requests,
            self.plugin_calls,
        ]
        self.registry.register(self)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

    def add(self, reading: Reading) -> None:
        """Show one more component's numbers."""
        self._readings.append(reading)

    def collect(self) -> Iterator[Metric]:
        """Everything, at one scrape."""
        version = GaugeMetricFamily("csms_build", "The running version", labels=("version",))
        version.add_metric([__version__], 1)
        yield version
        lag = HistogramMetricFamily("csms_event_loop_lag_seconds", "How late the event loop wakes a sleeping task")
        lag.add_metric([], self.lag.buckets(), self.lag.sum_s)
        yield lag
        for family in self._families:
            yield from family.collect()
        for reading in self._readings:
            yield from reading.collect()

    # --- what the charger side tells (net.observer.Observer) --------------------------------------------------------------------

    def connected(self, charger_id: str, protocol: str) -> None:
        """A charger was let in."""

    def disconnected(self, charger_id: str, protocol: str, reason: str) -> None:
        """A link ended."""
        self.disconnections.add((reason,))

    def refused(self, reason: str) -> None:
        """A connection was turned away."""
        self.refusals.add((reason,))

    def message(self, charger_id: str, action: str, queued_s: float, heard_s: float, sent_s: float, ok: bool) -> None:
        """A charger's CALL was answered, or failed."""
        stages = self._stages.get(action)
        if stages is None:
            stages = self._stages[action] = tuple(self.stages.child((action, stage)) for stage in ("queued", "heard", "sent"))
        queued, heard, sent = stages
        queued.observe(queued_s)
        heard.observe(heard_s)
        sent.observe(sent_s)
        if not ok:
            self.failures.add((action,))

    def oddities(self, charger_id: str, action: str, oddities: Sequence[Oddity]) -> None:
        """A CALL deviated from its specification in tolerable ways."""
        for oddity in oddities:
            self.odd.add((action, oddity.rule))

    # --- what plugins do --------------------------------------------------------------------------------------------------------

    def plugin_called(self, plugin: str, hook: str, seconds: float, result: str) -> None:
        """A plugin was called."""
        self.plugin_calls.observe((plugin, hook, result), seconds)

    def page(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)

    async def watch_event_loop(self) -> None:
        """Measure for ever how late the loop wakes us."""
        while True:
            due = trio.current_time() + LAG_INTERVAL_S
            await trio.sleep_until(due)
            self.lag.observe(trio.current_time() - due)


def flatten(numbers: Mapping[str, float]) -> Iterator[tuple[tuple[str, ...], float]]:
    """Rows for a ``Reading`` with one label from a mapping."""
    for name, number in numbers.items():
        yield (name,), number
