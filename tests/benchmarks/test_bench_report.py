"""The published table: the figures as they were measured, and targets that are met only when they are."""

from __future__ import annotations

from typing import Any

import pytest

from benchmarks import report, suite

METER = "meter at 300 connections"
METER_MANY = "meter at 5000 connections"


def targets(results: report.Results) -> dict[str, bool]:
    return {target: met for target, _, met in report.targets(results, 300, 5000)}


def cpu(microseconds: float) -> dict[str, float]:
    return {"server_cpu_us": microseconds}


@pytest.mark.parametrize(
    ("name", "ours", "peers", "met"),
    [
        (METER, 100, 300, True),
        (METER, 100.5, 300, False),
        (METER, 100, 1000, True),
        (METER_MANY, 100, 500, True),
        (METER_MANY, 101, 500, False),
        (METER_MANY, 100, 300, False),
    ],
)
def test_cpu_is_held_against_the_peer_in_the_same_run(name: str, ours: float, peers: float, met: bool) -> None:
    results = {(name, "csms"): cpu(ours), (name, "peer"): cpu(peers)}
    ((target, measured, found),) = report.targets(results, 300, 5000)
    assert found is met
    assert ("1/3" if name == METER else "1/5") in target
    assert measured == f"{ours:.0f} µs against {peers:.0f} µs: 1/{peers / ours:.1f}"


@pytest.mark.parametrize("missing", ["csms", "peer"])
def test_what_was_not_measured_is_no_target(missing: str) -> None:
    results = {(METER, subject): cpu(100) for subject in {"csms", "peer"} - {missing}}
    assert targets(results) == {}


def test_other_scenarios_are_no_cpu_targets() -> None:
    heartbeat = "heartbeat at 300 connections"
    assert targets({(heartbeat, "csms"): cpu(1), (heartbeat, "peer"): cpu(100)}) == {}


@pytest.mark.parametrize(("figure", "met"), [(59.9, True), (60.0, True), (60.1, False)])
def test_memory_per_charger(figure: float, met: bool) -> None:
    memory = {
        ("memory per charger", "csms"): {"kib_per_charger": figure},
        ("memory per charger", "peer"): {"kib_per_charger": 999.0},
    }
    assert targets(memory) == {"at most 60 KiB per connected charger": met}


@pytest.mark.parametrize(("figure", "met"), [(50.0, True), (50.1, False)])
def test_latency(figure: float, met: bool) -> None:
    name = "latency at 500 requests/s, 5000 connected"
    assert targets({(name, "csms"): {"p99_ms": figure}}) == {f"p99 at most 50 ms: {name}": met}


@pytest.mark.parametrize(("lost", "failed", "met"), [(0, 0, True), (1, 0, False), (0, 1, False)])
def test_nothing_is_lost_in_a_storm(lost: float, failed: float, met: bool) -> None:
    name = "reconnect storm of 5000"
    assert targets({(name, "csms"): {"lost": lost, "failed": failed}}) == {f"nothing lost: {name}": met}


def test_the_page_is_a_table_of_what_was_measured() -> None:
    results: report.Results = {
        (METER, "csms"): {"server_cpu_us": 120.4, "requests_per_s": 4321.0, "p99_ms": 12.34},
        (METER, "peer"): {"server_cpu_us": 200.0, "requests_per_s": 1000.0},
        ("writer alone", "csms"): {"verbs_per_s": 50_000.0},
    }
    page = report.page(results, runs=5, machine="2 cores", few=300, many=5000)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if line.startswith("|")]
    assert "Medians of 5 interleaved run(s) on 2 cores." in page
    assert rows[0] == ["measurement", "subject", "CPU µs/request", "requests/s", "p99 ms", "verbs/s"]
    assert rows[2:5] == [
        [METER, "csms", "120", "4321", "12.3", ""],
        [METER, "peer", "200", "1000", "", ""],
        ["writer alone", "csms", "", "", "", "50000"],
    ]
    assert rows[-1][1:] == ["120 µs against 200 µs: 1/1.7", "**no**"]
    assert all(len(row) == len(rows[0]) for row in rows[:5])


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([{"a": 3.0}], {"a": 3.0}),
        ([{"a": 1.0, "b": 9.0}, {"a": 100.0, "b": 7.0}, {"a": 2.0, "b": 8.0}], {"a": 2.0, "b": 8.0}),
        ([{"a": 1.0}, {"a": 2.0}], {"a": 1.5}),
    ],
)
def test_the_median_of_each_figure_counts(runs: Any, expected: dict[str, float]) -> None:
    assert suite.median(runs) == expected
