"""How long the analytics of a year take: ``python -m benchmarks.analytics YEAR.DB``, with a database of ``benchmarks.year``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import trio

from csms.config import DatabaseConfig
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import ReadTx
from csms.db import open_database
from csms.domain.analytics.model import ComplianceQuery, FiguresQuery, HeatQuery, RankingQuery
from csms.domain.analytics.periods import day_of
from csms.domain.analytics.service import compliance, figures, monthly, patterns
from csms.domain.analytics.store import subjects
from csms.outside import SystemClock

ZONE = "Asia/Kolkata"
YEAR_MS = 364 * 86_400_000
LIMIT_MS = 200.0


def questions(now: int) -> dict[str, Callable[[ReadTx], Any]]:
    """What is asked, each of a whole year where it can be."""
    span: dict[str, Any] = {"from_day": day_of(now - YEAR_MS, ZONE), "until_day": day_of(now, ZONE)}
    month = day_of(now, ZONE)[:7]
    return {
        "tenant, by day": lambda tx: figures.series(tx, FiguresQuery(**span), 200.0),
        "tenant, by month": lambda tx: figures.series(tx, FiguresQuery(**span, period="month"), 200.0),
        "one charger, by day": lambda tx: figures.series(tx, FiguresQuery(**span, charger_id="BENCH-00007"), 200.0),
        "stations beside each other": lambda tx: figures.ranking(
            tx, RankingQuery(**span), "station", subjects.station_names(tx, None), 200.0
        ),
        "chargers beside each other": lambda tx: figures.ranking(
            tx, RankingQuery(**span), "charger", subjects.charger_names(tx, None), 200.0
        ),
        "heat map": lambda tx: patterns.heat_map(tx, HeatQuery(**span)),
        "pattern of a driver": lambda tx: patterns.driver(tx, 77, ZONE),
        "compliance": lambda tx: compliance.report(tx, ComplianceQuery(**span)),
        "report of a month": lambda tx: monthly.report(tx, month, 200.0, 97.0),
    }


async def measure(file: Path, runs: int) -> dict[str, float]:
    """The median time of each question in milliseconds."""
    taken: dict[str, float] = {}
    config = DatabaseConfig(url=f"sqlite:///{file.name}")
    async with open_database(config, clock=SystemClock(), folder=file.parent) as database:
        for name, ask in questions(SystemClock().now()).items():
            times = []
            for _ in range(runs):
                started = time.perf_counter()
                await database.read(ask, tenant=DEFAULT_TENANT)
                times.append((time.perf_counter() - started) * 1000)
            taken[name] = sorted(times)[len(times) // 2]
    return taken


def main() -> int:
    """Read the arguments, measure, print a table; exit 1 when a question takes longer than it may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    taken = trio.run(partial(measure, options.file.resolve(), options.runs))
    print("| question | ms |\n|---|---:|")
    for name, milliseconds in taken.items():
        print(f"| {name} | {milliseconds:.1f} |")
    return int(max(taken.values()) > LIMIT_MS)


if __name__ == "__main__":
    sys.exit(main())
