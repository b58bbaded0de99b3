"""``python -m benchmarks``: what is measured, and one measurement from beginning to end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from benchmarks import suite
from benchmarks.__main__ import main, steps

ROOT = Path(__file__).parents[2]


def bench(*arguments: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
    """Run the command as a person would, from the root of the repository."""
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        env=os.environ | {"COV_CORE_SOURCE": ""},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


def names(only: str = "", size: suite.Size = suite.FULL) -> list[tuple[str, str]]:
    return [(name, subject) for name, subject, _ in steps(size, Path("unused"), only)]


def test_the_full_suite_measures_all_that_is_published() -> None:
    found = names()
    assert len(set(found)) == len(found)
    for connections in (300, 5000):
        for scenario in ("heartbeat", "meter", "startstop"):
            assert {(f"{scenario} at {connections} connections", subject) for subject in ("csms", "peer")} <= set(found)
        for floor in ("floor trio-websocket", "floor sans-I/O"):
            assert (f"meter at {connections} connections", floor) in found
    measured = {name for name, _ in found}
    assert {
        "memory per charger",
        "latency at 500 requests/s, 5000 connected",
        "reconnect storm of 5000",
        "remote command round trip",
        "writer alone",
        "writer beside a spinning thread",
    } <= measured


def test_a_part_is_chosen_by_any_piece_of_its_name() -> None:
    assert names("writer") == [("writer alone", "csms"), ("writer beside a spinning thread", "csms")]
    assert names("spinning") == [("writer beside a spinning thread", "csms")]
    assert names("storm", suite.QUICK) == [("reconnect storm of 300", "csms"), ("reconnect storm of 300", "peer")]
    assert names("no such thing") == []


def test_an_unknown_part_is_refused_at_once(tmp_path: Path) -> None:
    ended = bench("--only", "no such thing", "--output", str(tmp_path / "out"), timeout_s=30)
    assert ended.returncode == 2
    assert "no measurement is called 'no such thing'" in ended.stderr
    assert not (tmp_path / "out").exists()


def test_one_measurement_from_beginning_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--quick", "--only", "heartbeat at 50", "--output", str(tmp_path)])
    monkeypatch.setattr(suite, "QUICK", attrs.evolve(suite.QUICK, seconds=0.4, warmup=0.2))
    status = main()
    said = capsys.readouterr()
    assert status == 0, said.err
    page = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert said.out.strip() == page.strip()
    written = json.loads((tmp_path / "results.json").read_text())
    assert written["runs"] == 1
    found = {(each["measurement"], each["subject"]): each for each in written["results"]}
    assert set(found) == {("heartbeat at 50 connections", "csms"), ("heartbeat at 50 connections", "peer")}
    for (name, subject), figures in found.items():
        assert f"| {name} | {subject} |" in page
        assert figures["errors"] == 0
        assert figures["requests"] > 50, "more than one each"
        assert figures["server_cpu_us"] > 1
        assert 0 < figures["p50_ms"] <= figures["p99_ms"] <= figures["max_ms"]
