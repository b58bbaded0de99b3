"""The metrics page as a scraper reads it, and the log as a person and a collector read it."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
import trio
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from trio.testing import MockClock

from csms import __version__
from csms.config import LogConfig
from csms.core.reports import Oddity
from csms.net.observer import Observer
from csms.telemetry import BUCKETS_S, LAG_INTERVAL_S, Counts, Family, Reading, Telemetry, Timing, configure_logging, flatten

quick = settings(max_examples=100, deadline=None, derandomize=True, database=None)


def scraped(telemetry: Telemetry) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample of the page, by name and labels."""
    families = text_string_to_metric_families(telemetry.page().decode())
    return {(sample.name, frozenset(sample.labels.items())): sample.value for family in families for sample in family.samples}


def one(telemetry: Telemetry, name: str, **labels: str) -> float:
    return scraped(telemetry)[name, frozenset(labels.items())]


# --- timings --------------------------------------------------------------------------------------------------------------------


def test_buckets_are_cumulative_and_their_bounds_inclusive() -> None:
    timing = Timing()
    for seconds in (0.0, 0.001, 0.0011, 0.1, 30.0, 30.1, 3600.0):
        timing.observe(seconds)
    buckets = dict(timing.buckets())
    assert buckets["0.001"] == 2
    assert buckets["0.0025"] == 3
    assert buckets["0.05"] == 3
    assert buckets["0.1"] == 4
    assert buckets["30.0"] == 5
    assert buckets["+Inf"] == 7
    assert timing.sum_s == pytest.approx(3660.2021)


@quick
@given(st.lists(st.floats(0, 1000)))
def test_a_histogram_never_falls_and_ends_with_everything(measured: list[float]) -> None:
    timing = Timing()
    for seconds in measured:
        timing.observe(seconds)
    counts = [count for _, count in timing.buckets()]
    assert counts == sorted(counts)
    assert counts[-1] == len(measured)
    assert counts[:-1] == [sum(seconds <= bound for seconds in measured) for bound in BUCKETS_S]


def test_a_family_keeps_a_timing_per_label_values() -> None:
    family = Family("test_seconds", "Time", ("action",))
    often = family.child(("Boot",))
    often.observe(1.0)
    family.observe(("Boot",), 2.0)
    family.observe(("Stop",), 4.0)
    (metric,) = family.collect()
    sums = {sample.labels["action"]: sample.value for sample in metric.samples if sample.name == "test_seconds_sum"}
    assert sums == {"Boot": 3.0, "Stop": 4.0}
    assert family.child(("Boot",)) is often


def test_counts_add_up_per_label_values() -> None:
    counts = Counts("test_things", "Things", ("kind",))
    counts.add(("a",))
    counts.add(("a",), 2.5)
    counts.add(("b",))
    (metric,) = counts.collect()
    assert {sample.labels["kind"]: sample.value for sample in metric.samples} == {"a": 3.5, "b": 1}


# --- the page -------------------------------------------------------------------------------------------------------------------


def test_telemetry_is_what_the_charger_side_reports_to() -> None:
    observer: Observer = Telemetry()
    observer.connected("CP", "ocpp1.6")


def test_an_unused_server_has_a_page_with_its_version_and_its_process() -> None:
    telemetry = Telemetry()
    assert one(telemetry, "csms_build", version=__version__) == 1
    assert one(telemetry, "csms_event_loop_lag_seconds_count") == 0
    assert one(telemetry, "process_resident_memory_bytes") > 1_000_000


def test_a_message_shows_in_every_stage() -> None:
    telemetry = Telemetry()
    telemetry.message("CP-1", "MeterValues", 0.0005, 0.02, 0.002, ok=True)
    telemetry.message("CP-2", "MeterValues", 0.0005, 3.0, 0.002, ok=False)
    for stage, seconds in (("queued", 0.001), ("heard", 3.02), ("sent", 0.004)):
        labels = {"action": "MeterValues", "stage": stage}
        assert one(telemetry, "csms_message_stage_seconds_count", **labels) == 2
        assert one(telemetry, "csms_message_stage_seconds_sum", **labels) == pytest.approx(seconds)
    heard = {"action": "MeterValues", "stage": "heard"}
    assert one(telemetry, "csms_message_stage_seconds_bucket", le="0.01", **heard) == 0
    assert one(telemetry, "csms_message_stage_seconds_bucket", le="0.025", **heard) == 1
    assert one(telemetry, "csms_message_stage_seconds_bucket", le="2.5", **heard) == 1
    assert one(telemetry, "csms_message_stage_seconds_bucket", le="5.0", **heard) == 2
    assert one(telemetry, "csms_message_stage_seconds_bucket", le="+Inf", **heard) == 2
    assert one(telemetry, "csms_failed_messages_total", action="MeterValues") == 1
    assert b"CP-1" not in telemetry.page(), "charger ids are no labels: there may be thousands"


def test_what_the_charger_side_and_plugins_tell_is_counted() -> None:
    telemetry = Telemetry()
    for reason in ("limit", "limit", "timeout"):
        telemetry.refused(reason)
    telemetry.disconnected("CP", "ocpp1.6", "idle")
    telemetry.oddities("CP", "StatusNotification", (Oddity("enum", "status", "x"), Oddity("enum", "errorCode", "y")))
    telemetry.oddities("CP", "StatusNotification", (Oddity("length", "info", "z"),))
    telemetry.plugin_called("webhook", "charger_booted", 0.3, "ok")
    telemetry.plugin_called("webhook", "charger_booted", 30.0, "timeout")
    assert one(telemetry, "csms_refused_connections_total", reason="limit") == 2
    assert one(telemetry, "csms_refused_connections_total", reason="timeout") == 1
    assert one(telemetry, "csms_disconnections_total", reason="idle") == 1
    assert one(telemetry, "csms_oddities_total", action="StatusNotification", rule="enum") == 2
    assert one(telemetry, "csms_oddities_total", action="StatusNotification", rule="length") == 1
    assert one(telemetry, "csms_plugin_call_seconds_count", plugin="webhook", hook="charger_booted", result="ok") == 1
    assert one(telemetry, "csms_plugin_call_seconds_sum", plugin="webhook", hook="charger_booted", result="timeout") == 30


def test_component_numbers_are_read_at_every_scrape() -> None:
    telemetry = Telemetry()
    waiting = {"core": 3.0, "webhook": 0.0}
    telemetry.add(Reading("test_waiting", "Waiting", ("consumer",), lambda: flatten(waiting)))
    telemetry.add(Reading("test_seen", "Seen", (), lambda: [((), 12.0)], "counter"))
    assert one(telemetry, "test_waiting", consumer="core") == 3
    assert one(telemetry, "test_seen_total") == 12
    waiting["core"] = 4.0
    assert one(telemetry, "test_waiting", consumer="core") == 4
    assert b"# TYPE test_waiting gauge" in telemetry.page()
    assert b"# TYPE test_seen_total counter" in telemetry.page()


@quick
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_any_label_survives_the_page(label: str) -> None:
    telemetry = Telemetry()
    telemetry.add(Reading("test_labelled", "Labelled", ("what",), lambda: [((label,), 7.0)]))
    lines = [line for line in telemetry.page().decode().split("\n") if line.startswith("test_labelled{")]
    (line,) = lines
    assert line.endswith('"} 7.0'), "a label cannot break out of its line"
    if "\r" not in label and "\\" not in label:  # which the parser, unlike Prometheus, does not read back
        assert one(telemetry, "test_labelled", what=label) == 7


@pytest.mark.parametrize("label", ['say "hi"', "back\\slash", "two\nlines", 'x"} 1\nforged{a="b', "₹ ✓"])
def test_labels_are_escaped(label: str) -> None:
    telemetry = Telemetry()
    telemetry.refused(label)
    assert one(telemetry, "csms_refused_connections_total", reason=label) == 1
    assert not any(name == "forged" for name, _ in scraped(telemetry))


async def test_how_late_the_loop_wakes_is_measured(mock_clock: MockClock) -> None:
    telemetry = Telemetry()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(telemetry.watch_event_loop)
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(LAG_INTERVAL_S)
        await trio.testing.wait_all_tasks_blocked()
        assert (sum(telemetry.lag.counts), telemetry.lag.sum_s) == (1, 0)
        mock_clock.jump(LAG_INTERVAL_S + 0.2)  # something held the loop
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert telemetry.lag.sum_s == pytest.approx(0.2)
    assert one(telemetry, "csms_event_loop_lag_seconds_bucket", le="0.1") == 1
    assert one(telemetry, "csms_event_loop_lag_seconds_bucket", le="0.25") == 2


# --- the log --------------------------------------------------------------------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


Configure = Callable[..., io.StringIO]


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Iterator[Configure]:
    """Configures logging and gives what is then written to standard error; afterwards everything is as before."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = []  # pytest's own would be closed

    def configure(stream: io.StringIO | None = None, **options: str) -> io.StringIO:
        written = io.StringIO() if stream is None else stream
        monkeypatch.setattr(sys, "stderr", written)
        configure_logging(LogConfig(**options))
        return written

    yield configure
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def fail(key: str) -> None:
    raise RuntimeError("it broke")


def logged_failure(log: Any) -> None:
    secret = "hunter2"
    try:
        fail(secret)
    except RuntimeError:
        log.exception("work.failed")


def lines(written: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


@pytest.mark.parametrize("format", ["json", "auto"])
def test_json_is_one_object_a_line(configured: Configure, format: str) -> None:
    written = configured(format=format)
    log = structlog.get_logger("csms.test")
    log.info("charger.connected", charger="CP-1", count=2)
    logged_failure(log)
    connected, failed = lines(written)
    assert connected == {
        "event": "charger.connected",
        "level": "info",
        "charger": "CP-1",
        "count": 2,
        "timestamp": connected["timestamp"],
    }
    assert connected["timestamp"].endswith("Z")
    assert failed["level"] == "error"
    assert "RuntimeError: it broke" in failed["exception"]
    assert "hunter2" not in written.getvalue()


def test_the_context_that_a_task_bound_is_in_its_lines(configured: Configure) -> None:
    written = configured(format="json")
    with structlog.contextvars.bound_contextvars(charger="CP-1", call="m7"):
        structlog.get_logger("csms.test").warning("link.slow_message")
    structlog.get_logger("csms.test").warning("link.slow_message")
    bound, unbound = lines(written)
    assert (bound["charger"], bound["call"]) == ("CP-1", "m7")
    assert "charger" not in unbound


@pytest.mark.parametrize(("format", "stream"), [("console", io.StringIO), ("auto", Terminal)])
def test_on_a_terminal_lines_are_for_people_and_hide_local_variables(
    configured: Configure, format: str, stream: type[io.StringIO]
) -> None:
    written = configured(stream(), format=format)
    log = structlog.get_logger("csms.test")
    log.info("charger.connected", charger="CP-1")
    logged_failure(log)
    text = written.getvalue()
    assert "charger.connected" in text
    assert "CP-1" in text
    assert "RuntimeError" in text
    assert "hunter2" not in text, "a traceback with local variables shows keys and passwords"
    with pytest.raises(ValueError):
        lines(written)


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_the_least_level(configured: Configure, level: str, shown: list[str]) -> None:
    written = configured(format="json", level=level)
    log = structlog.get_logger("csms.test")
    for each in ("debug", "info", "warning", "error"):
        getattr(log, each)("said")
    assert [line["level"] for line in lines(written)] == shown


def test_what_libraries_log_comes_out_the_same_way(configured: Configure) -> None:
    written = configured(format="json", level="debug")
    library = logging.getLogger("some.library")
    library.info("chatter")
    with structlog.contextvars.bound_contextvars(charger="CP-1"):
        library.warning("%s is odd", "this")
    logged_failure(library)
    odd, failed = lines(written)
    assert odd == {
        "event": "this is odd",
        "level": "warning",
        "logger": "some.library",
        "charger": "CP-1",
        "timestamp": odd["timestamp"],
    }
    assert "RuntimeError: it broke" in failed["exception"]


def test_libraries_speak_on_a_terminal_too(configured: Configure) -> None:
    written = configured(format="console", level="error")
    logging.getLogger("some.library").warning("not this")
    logging.getLogger("some.library").error("this went wrong")
    assert "not this" not in written.getvalue()
    assert "this went wrong" in written.getvalue()
    assert "some.library" in written.getvalue()
