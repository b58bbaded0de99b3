"""The figures as a table, and the targets they are held against."""

from __future__ import annotations

Results = dict[tuple[str, str], dict[str, float]]
COLUMNS = (
    ("server_cpu_us", "CPU µs/request", "{:.0f}"),
    ("requests_per_s", "requests/s", "{:.0f}"),
    ("p50_ms", "p50 ms", "{:.1f}"),
    ("p99_ms", "p99 ms", "{:.1f}"),
    ("generator_cpu_share", "generator CPU", "{:.0%}"),
    ("kib_per_charger", "KiB/charger", "{:.1f}"),
    ("connections_per_s", "connections/s", "{:.0f}"),
    ("failed", "failed", "{:.0f}"),
    ("lost", "lost", "{:.0f}"),
    ("unanswered", "unanswered", "{:.0f}"),
    ("verbs_per_s", "verbs/s", "{:.0f}"),
)


def page(results: Results, *, runs: int, machine: str, few: int, many: int) -> str:
    """Markdown: one table of everything measured, one of targets met or not."""
    used = [column for column in COLUMNS if any(column[0] in figures for figures in results.values())]
    lines = [f"Medians of {runs} interleaved run(s) on {machine}.", ""]
    lines.append("| measurement | subject | " + " | ".join(title for _, title, _ in used) + " |")
    lines.append("|---|---|" + "---:|" * len(used))
    for (measurement, subject), figures in results.items():
        cells = [form.format(figures[name]) if name in figures else "" for name, _, form in used]
        lines.append(f"| {measurement} | {subject} | " + " | ".join(cells) + " |")
    lines += ["", "| target | measured | met |", "|---|---|---|"]
    lines += [f"| {target} | {measured} | {'yes' if met else '**no**'} |" for target, measured, met in targets(results, few, many)]
    return "\n".join(lines) + "\n"


def targets(results: Results, few: int, many: int) -> list[tuple[str, str, bool]]:
    """Each target with what was measured; those whose figures are missing are left out."""
    found = []
    for connections, share in ((few, 3), (many, 5)):
        name = f"meter at {connections} connections"
        ours, peers = results.get((name, "csms")), results.get((name, "peer"))
        if ours and peers:
            ratio = peers["server_cpu_us"] / ours["server_cpu_us"]
            found.append(
                (
                    f"MeterValues validated, stored and logged at {connections} connections: at most 1/{share} of the peer's empty handler",
                    f"{ours['server_cpu_us']:.0f} µs against {peers['server_cpu_us']:.0f} µs: 1/{ratio:.1f}",
                    ratio >= share,
                )
            )
    for (measurement, subject), figures in results.items():
        if subject != "csms":
            continue
        if "kib_per_charger" in figures:
            found.append(
                ("at most 60 KiB per connected charger", f"{figures['kib_per_charger']:.1f} KiB", figures["kib_per_charger"] <= 60)
            )
        if measurement.startswith("latency"):
            found.append((f"p99 at most 50 ms: {measurement}", f"{figures['p99_ms']:.1f} ms", figures["p99_ms"] <= 50))
        if "lost" in figures:
            found.append(
                (
                    f"nothing lost: {measurement}",
                    f"{figures['lost']:.0f} lost, {figures['failed']:.0f} failed",
                    figures["lost"] + figures["failed"] == 0,
                )
            )
    return found
