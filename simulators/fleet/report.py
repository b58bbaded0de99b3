"""A run's report: for people a table, for machines JSON, and the verdict."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import attrs
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from .ledger import COUNTS, Ledger, tally_json
from .plan import Planned
from .run import Fleet

HEADINGS = ("sent", "answered", "errors", "late", "lost", "cut", "again")
TIMES = {"p50 ms": "p50_ms", "p95 ms": "p95_ms", "p99 ms": "p99_ms", "max ms": "max_ms"}
NARROW = {"p50 ms": "p50_ms", "p99 ms": "p99_ms"}
WIDE_ENOUGH = 110
"""Columns of a terminal that holds the whole table."""


@attrs.frozen(slots=True)
class Report:
    """What a run came to. ``faults`` are the reasons for exit code 1; none means that nothing was lost."""

    data: dict[str, Any]
    faults: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """0 when nothing was lost."""
        return 1 if self.faults else 0


def faults_of(ledger: Ledger, undelivered: int) -> tuple[str, ...]:
    """What speaks against "nothing was lost"."""
    lost = ledger.total().lost
    given_up = sum(ledger.given_up.values())
    found = []
    if not ledger.accepted:
        found.append("no charger was accepted")
    if lost:
        found.append(f"{lost} calls were never answered although the connection lived")
    if given_up:
        found.append(f"{given_up} transaction messages were refused until the charger gave them up")
    if undelivered:
        found.append(f"{undelivered} transaction messages could not be delivered before the end")
    return tuple(found)


def make_report(fleet: Fleet, planned: list[Planned], *, url: str, seed: str, ran_s: float) -> Report:
    """The report of a run that is over."""
    ledger = fleet.ledger
    faults = faults_of(ledger, fleet.undelivered)
    total = ledger.total()
    data: dict[str, Any] = {
        "url": url,
        "seed": seed,
        "ran_s": round(ran_s, 1),
        "late_after_s": ledger.late_s,
        "verdict": "nothing lost" if not faults else "; ".join(faults),
        "ok": not faults,
        "chargers": {
            "planned": len(planned),
            "switched_on": len(fleet.chargers),
            "accepted": len(ledger.accepted),
            "versions": dict(Counter(one.profile.version for one in planned)),
            "quirks": dict(Counter(quirk for one in planned for quirk in one.profile.quirks)),
        },
        "calls_per_s": round(total.sent / ran_s, 1) if ran_s > 0 else None,
        "actions": {action: tally_json(tally) for action, tally in sorted(ledger.actions.items())},
        "total": tally_json(total),
        "errors": dict(ledger.errors.most_common(20)),
        "given_up": dict(ledger.given_up),
        "shed": dict(ledger.shed),
        "undelivered": fleet.undelivered,
        "stray_answers": ledger.strays,
        "boots": dict(ledger.boots),
        "connections": {
            "made": ledger.connections,
            "turned_away": dict(ledger.turned.most_common(20)),
            "dropped_by_chargers": dict(ledger.drops),
            "ended": dict(ledger.endings.most_common(20)),
        },
        "commands": {action: dict(replies) for action, replies in sorted(ledger.commands.items())},
        "transactions": {
            "started": ledger.transactions_started,
            "ended": ledger.transactions_ended,
            "energy_wh": ledger.energy_wh,
        },
    }
    return Report(data, faults)


def _milliseconds(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _row(table: Table, name: str, tally: Mapping[str, Any], times: Mapping[str, str]) -> None:
    counts = [f"{tally[count]:,}" if tally[count] else "·" for count in COUNTS]
    if tally["lost"]:
        counts[COUNTS.index("lost")] = f"[bold red]{counts[COUNTS.index('lost')]}[/]"
    table.add_row(name, *counts, *(_milliseconds(tally[key]) for key in times.values()))


def _list(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "none"


def show(report: Report, console: Console) -> None:
    """Print it."""
    data = report.data
    chargers, connections, transactions = data["chargers"], data["connections"], data["transactions"]
    times = TIMES if console.width >= WIDE_ENOUGH else NARROW
    title = f"{chargers['planned']:,} chargers, {data['ran_s']:g} s, seed {data['seed']}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("action", no_wrap=True)
    for heading in (*HEADINGS, *times):
        table.add_column(heading, justify="right", no_wrap=True)
    for action, tally in data["actions"].items():
        _row(table, action, tally, times)
    table.add_section()
    _row(table, "all", data["total"], times)
    console.print(table)
    lines = [
        f"chargers: {chargers['accepted']:,} of {chargers['switched_on']:,} accepted; {_list(chargers['versions'])}; "
        f"quirks: {_list(chargers['quirks'])}",
        f"connections: {connections['made']:,} made; dropped by chargers: {_list(connections['dropped_by_chargers'])}; "
        f"turned away: {_list(connections['turned_away'])}",
        f"transactions: {transactions['started']:,} started, {transactions['ended']:,} ended, "
        f"{transactions['energy_wh'] / 1000:,.1f} kWh",
        f"rate: {data['calls_per_s'] or 0:,.1f} calls/s; late is an answer after {data['late_after_s']:g} s; "
        f"again counts calls sent more than once",
    ]
    for action, replies in data["commands"].items():
        lines.append(f"commanded {action}: {_list(replies)}")
    for title, key in (("errors", "errors"), ("given up", "given_up"), ("shed by a full outbox", "shed")):
        if data[key]:
            lines.append(f"{title}: {_list(data[key])}")
    if data["stray_answers"]:
        lines.append(f"answers to no waiting call: {data['stray_answers']:,}")
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if report.faults:
        for fault in report.faults:
            console.print(f"[bold red]{fault}[/]", highlight=False)
    else:
        console.print("[bold green]nothing lost[/]", highlight=False)
