"""The load generator's own arithmetic, and what it reads from the kernel."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator

import pytest

from benchmarks import load, proc, servers


def spin(seconds: float) -> None:
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def test_cpu_and_memory_of_a_process() -> None:
    before = proc.cpu_s(os.getpid())
    spin(0.1)
    assert 0.05 < proc.cpu_s(os.getpid()) - before < 5
    assert proc.rss_kib(os.getpid()) > 10_000


def test_a_process_that_is_gone() -> None:
    with pytest.raises(OSError):
        proc.cpu_s(2**22 + 1)


def test_two_free_ports_differ() -> None:
    assert len({servers.free_port() for _ in range(5)}) > 1


@pytest.fixture
def times(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, float]]:
    """Clocks that a test sets: seconds, the server's CPU, our own."""
    now = {"wall": 0.0, "server": 0.0, "own": 0.0}
    monkeypatch.setattr(time, "perf_counter", lambda: now["wall"])
    monkeypatch.setattr(time, "process_time", lambda: now["own"])
    monkeypatch.setattr(proc, "cpu_s", lambda pid: now["server"])
    yield now
    monkeypatch.undo()


def test_a_window_counts_from_the_end_of_the_warm_up(times: dict[str, float]) -> None:
    window = load.Window(1)
    window.latencies_s += [9.0] * 50
    window.errors = 3
    times |= {"wall": 5.0, "server": 4.0, "own": 4.0}
    window.begin()
    times |= {"wall": 7.0, "server": 4.5, "own": 5.0}
    window.latencies_s += [number / 1000 for number in range(1, 1001)]
    figures = window.end()
    assert figures == {
        "requests": 1000,
        "errors": 0,
        "seconds": 2.0,
        "requests_per_s": 500.0,
        "server_cpu_us": pytest.approx(500),
        "server_cpu_share": 0.25,
        "generator_cpu_share": 0.5,
        "p50_ms": pytest.approx(501),
        "p99_ms": pytest.approx(991),
        "max_ms": pytest.approx(1000),
    }


def test_a_window_in_which_nothing_was_answered(times: dict[str, float]) -> None:
    window = load.Window(1)
    times["wall"] = 1.0
    figures = window.end()
    assert (figures["requests"], figures["requests_per_s"], figures["p99_ms"]) == (0, 0, 0)


def frame_of(scenario: str, charger: load.Charger, number: int) -> tuple[str, str, dict[str, object]]:
    _, message_id, action, payload = json.loads(load.next_frame(scenario, charger, number))
    return message_id, action, payload


def test_start_and_stop_take_turns_at_a_charger() -> None:
    charger = load.Charger(7, "TOKEN-00007")
    said = []
    for number in range(4):
        message_id, action, payload = frame_of("startstop", charger, number)
        said.append((message_id, action, payload.get("transactionId")))
        if action == "StartTransaction":
            charger.transaction_id = 100 + number
    assert said == [
        ("7-1", "StartTransaction", None),
        ("7-2", "StopTransaction", 100),
        ("7-3", "StartTransaction", None),
        ("7-4", "StopTransaction", 102),
    ]


@pytest.mark.parametrize(("scenario", "action"), [("heartbeat", "Heartbeat"), ("meter", "MeterValues")])
def test_the_other_scenarios_repeat_one_call_with_fresh_ids(scenario: str, action: str) -> None:
    charger = load.Charger(7, "TOKEN-00007")
    charger.transaction_id = 5
    said = [frame_of(scenario, charger, number) for number in range(3)]
    assert [each[0] for each in said] == ["7-1", "7-2", "7-3"]
    assert {each[1] for each in said} == {action}
