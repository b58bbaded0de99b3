"""``python -m benchmarks``: everything side by side in one go, medians of interleaved runs, as a table in Markdown and JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from . import api, report, suite
from .prepare import TEMPLATE, prepare
from .servers import Server

Step = tuple[str, str, Callable[[], suite.Figures]]
EXAMPLES = """examples:
  python -m benchmarks                          all of it, five interleaved runs (about an hour)
  python -m benchmarks --quick                  a few minutes: does everything still run?
  python -m benchmarks --only meter --runs 3    one part
  python -m benchmarks api                      the management API over a year of data; api --help
"""


def steps(size: suite.Size, template: Path, only: str) -> list[Step]:
    """Every measurement: its name, its subject, and how to take it once."""
    chosen: list[Step] = []

    def add(name: str, subject: str, take: Callable[[Server, suite.Size], suite.Figures]) -> None:
        def once() -> suite.Figures:
            with suite.start(subject, template) as server:
                return take(server, size)

        if only in name:
            chosen.append((name, subject, once))

    for connections in (size.few, size.many):
        for scenario in ("heartbeat", "meter", "startstop"):
            for subject in suite.SUBJECTS if scenario == "meter" else ("csms", "peer"):
                add(f"{scenario} at {connections} connections", subject, suite.requests(scenario, connections))
    for subject in suite.SUBJECTS:
        add("memory per charger", subject, suite.memory)
    add(f"latency at {size.rate:g} requests/s, {size.many} connected", "csms", suite.latency)
    add(f"reconnect storm of {size.many}", "csms", suite.storm)
    add(f"reconnect storm of {size.many}", "peer", suite.storm)
    add("remote command round trip", "csms", suite.commands)
    for name, arguments in (("writer alone", ()), ("writer beside a spinning thread", ("spinning",))):
        if only in name:
            chosen.append((name, "csms", partial(suite.writer, *arguments)))
    return chosen


def main() -> int:
    """Parse, prepare, measure, report."""
    if sys.argv[1:2] == ["api"]:
        return api.main(sys.argv[2:])
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5, help="interleaved runs, of which the median counts")
    parser.add_argument("--quick", action="store_true", help="small sizes, one run")
    parser.add_argument("--only", default="", help="only measurements whose name contains this")
    parser.add_argument("--output", type=Path, default=Path("benchmarks-out"), help="folder for results.md and results.json")
    arguments = parser.parse_args()
    size = suite.QUICK if arguments.quick else suite.FULL
    n_runs = 1 if arguments.quick else arguments.runs
    taken: dict[tuple[str, str], list[suite.Figures]] = {}
    failures: list[str] = []
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="csms-bench-") as name:
        template = Path(name) / TEMPLATE
        todo = steps(size, template, arguments.only)
        if not todo:
            parser.error(f"no measurement is called {arguments.only!r}")
        prepare(template, size.many)
        columns = (TextColumn("{task.description:60.60}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("measuring", total=n_runs * len(todo))
            for run in range(n_runs):
                for measurement, subject, once in todo:
                    progress.update(task, description=f"{run + 1}/{n_runs} {measurement}: {subject}")
                    try:
                        taken.setdefault((measurement, subject), []).append(once())
                    except (RuntimeError, OSError, ValueError, subprocess.SubprocessError) as error:
                        failures.append(f"{measurement}: {subject}: {error}")
                    progress.advance(task)
                    time.sleep(0.5)
    results = {key: suite.median(runs) for key, runs in taken.items()}
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    page = report.page(results, runs=n_runs, machine=machine, few=size.few, many=size.many)
    arguments.output.mkdir(parents=True, exist_ok=True)
    (arguments.output / "results.md").write_text(page)
    flat = [{"measurement": key[0], "subject": key[1], **figures} for key, figures in results.items()]
    (arguments.output / "results.json").write_text(json.dumps({"machine": machine, "runs": n_runs, "results": flat}, indent=1))
    print(page)
    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
