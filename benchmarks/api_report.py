"""The figures of the API as tables, and the targets they are held against."""

from __future__ import annotations

import attrs

BUDGET_US = 1000.0
"""CPU of a request, all the server's threads."""
MOST_P99_MS, MOST_CHARGER_P99_MS = 200.0, 50.0
FLOOR = "floor"


@attrs.frozen(kw_only=True)
class Row:
    """What a route cost."""

    name: str
    kind: str
    cpu_us: float
    p50_ms: float
    p99_ms: float
    requests_per_s: float
    answer_bytes: int


@attrs.frozen(kw_only=True)
class Mixed:
    """What was met while everything happened at once. ``chargers`` are the load generator's figures."""

    rate: float
    charger_rate: float
    listeners: int
    requests_per_s: float
    wrong: dict[str, int]
    times_ms: dict[str, list[float]]
    heard_ms: list[float]
    dropped: int
    """How often the server dropped a listener as too slow."""
    server_cpu_share: float
    chargers: dict[str, float]


@attrs.frozen(kw_only=True)
class Report:
    """A run."""

    rows: list[Row]
    mixed: Mixed
    connected: int
    chargers: int
    transactions: int


def percentile(values: list[float], percent: int) -> float:
    """Of these values, the one below which ``percent`` of 100 lie; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] if ordered else 0.0


def page(report: Report, *, machine: str, rounds: int) -> str:
    """Markdown: a table of routes, one of the mixed load, one of targets met or not."""
    lines = [
        f"{report.connected:,} chargers connected, {report.transactions:,} transactions of {report.chargers:,} chargers; medians of"
        f" {rounds} round(s) on {machine}.",
        "",
        "| route | kind | CPU µs | × floor | p50 ms | p99 ms | requests/s, 8 at once | bytes |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    floor = next((row.cpu_us for row in report.rows if row.kind == FLOOR), 0.0) or 1.0
    for row in report.rows:
        lines.append(
            f"| `{row.name}` | {row.kind} | {row.cpu_us:.0f} | {row.cpu_us / floor:.1f} | {row.p50_ms:.1f} | {row.p99_ms:.1f} |"
            f" {row.requests_per_s:.0f} | {row.answer_bytes} |"
        )
    lines += ["", "| at once | a second | p50 ms | p99 ms |", "|---|---:|---:|---:|"]
    mixed = report.mixed
    for kind, times in mixed.times_ms.items():
        seconds = sum(map(len, mixed.times_ms.values())) / mixed.requests_per_s
        lines.append(
            f"| requests: {kind} | {len(times) / seconds:.0f} | {percentile(times, 50):.1f} | {percentile(times, 99):.1f} |"
        )
    times = _all(mixed)
    lines.append(f"| requests: all | {mixed.requests_per_s:.0f} | {percentile(times, 50):.1f} | {percentile(times, 99):.1f} |")
    told = mixed.chargers
    lines.append(f"| messages of chargers | {told['requests_per_s']:.0f} | {told['p50_ms']:.1f} | {told['p99_ms']:.1f} |")
    heard = mixed.heard_ms
    seconds = told["seconds"]
    lines.append(
        f"| events to {mixed.listeners} listeners | {len(heard) / seconds:.0f} | {percentile(heard, 50):.1f} | {percentile(heard, 99):.1f} |"
    )
    lines += [
        "",
        f"The server used {mixed.server_cpu_share:.0%} of a core meanwhile, and dropped listeners {mixed.dropped} time(s).",
        "",
        "| target | measured | met |",
        "|---|---|---|",
    ]
    lines += [f"| {target} | {measured} | {'yes' if met else '**no**'} |" for target, measured, met in targets(report)]
    return "\n".join(lines) + "\n"


def _all(mixed: Mixed) -> list[float]:
    return [ms for times in mixed.times_ms.values() for ms in times]


def targets(report: Report) -> list[tuple[str, str, bool]]:
    """Each target with what was measured."""
    over = [row for row in report.rows if row.kind != FLOOR and row.cpu_us > BUDGET_US]
    said = ", ".join(f"{row.name} {row.cpu_us:.0f}" for row in over) or "all of them"
    mixed = report.mixed
    wrong = ", ".join(f"{count} × {what}" for what, count in mixed.wrong.items()) or "none"
    p99, theirs = percentile(_all(mixed), 99), mixed.chargers["p99_ms"]
    return [
        (f"at most {BUDGET_US:.0f} µs CPU per request", f"over it: {said}" if over else said, not over),
        (
            f"at least {mixed.rate:.0f} requests/s beside {mixed.charger_rate:.0f} messages/s",
            f"{mixed.requests_per_s:.0f} and {mixed.chargers['requests_per_s']:.0f}",
            mixed.requests_per_s >= 0.98 * mixed.rate and mixed.chargers["requests_per_s"] >= 0.98 * mixed.charger_rate,
        ),
        (
            f"no request refused or wrong, p99 at most {MOST_P99_MS:.0f} ms",
            f"{wrong}, {p99:.1f} ms",
            not mixed.wrong and p99 <= MOST_P99_MS,
        ),
        (f"messages of chargers: p99 at most {MOST_CHARGER_P99_MS:.0f} ms", f"{theirs:.1f} ms", theirs <= MOST_CHARGER_P99_MS),
    ]
