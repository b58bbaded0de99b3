"""The command line of the checker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import click
import msgspec
from rich.console import Console
from rich.table import Table

from simulators.frames import json_text

from .kept import load
from .promises import Acked, Broken, Checker
from .source import ExportSource, Source, SourceError, SqliteSource

SHOWN = 20
"""So many broken promises are printed one by one."""

EPILOG = "\b\nExamples:\n" + "\n".join(
    f"  {example}"
    for example in (
        "python -m simulators.fleet --chargers 200 --acked acked.jsonl",
        "python -m simulators.check --acked acked.jsonl --database csms.db",
        "csms export --all --output exported/ && python -m simulators.check --acked acked.jsonl --export-dir exported/",
    )
)


def read_acked(paths: tuple[Path, ...]) -> Iterator[Acked]:
    """The lines of records; a last line that a killed fleet left half-written is passed over. Raises ``SourceError``."""
    names = [field.name for field in attrs.fields(Acked)]
    for path in paths:
        try:
            lines = path.read_bytes().split(b"\n")
        except OSError as wrong:
            raise SourceError(f"cannot read {path}: {wrong.strerror}") from None
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = msgspec.json.decode(line)
                yield Acked(**{name: row[name] for name in names})
            except (msgspec.DecodeError, KeyError, TypeError) as wrong:
                if number < len(lines):
                    raise SourceError(f"{path}, line {number}: not an acknowledged call ({wrong})") from None


@attrs.frozen(slots=True)
class Findings:
    """What a check came to."""

    acked: Counter[str]
    broken: list[Broken]

    def as_json(self) -> dict[str, Any]:
        """For machines."""
        return {
            "acknowledged": sum(self.acked.values()),
            "absent": sum(one.how == "absent" for one in self.broken),
            "more_than_once": sum(one.how == "more than once" for one in self.broken),
            "actions": dict(self.acked),
            "broken": [{"how": one.how, "what": one.what, **attrs.asdict(one.acked)} for one in self.broken],
        }


def check(source: Source, acked: list[Acked], slack_ms: int = 250) -> Findings:
    """Hold a record against what was kept. Raises ``SourceError``."""
    since = min((one.sent_at for one in acked), default=0) - slack_ms
    checker = Checker(load(source, {one.charger_id for one in acked}, since), slack_ms)
    broken = [promise for one in acked for promise in checker.broken(one)]
    return Findings(Counter(one.action for one in acked), broken)


def show(findings: Findings, console: Console) -> None:
    """For people: a table by action, and the first broken promises."""
    absent = Counter(one.acked.action for one in findings.broken if one.how == "absent")
    twice = Counter(one.acked.action for one in findings.broken if one.how == "more than once")
    table = Table("action")
    for heading in ("acknowledged", "absent", "more than once"):
        table.add_column(heading, justify="right")
    for action, count in sorted(findings.acked.items()):
        table.add_row(action, f"{count:,}", f"{absent[action] or '·'}", f"{twice[action] or '·'}")
    console.print(table)
    for one in findings.broken[:SHOWN]:
        line = f"{one.acked.charger_id} {one.acked.action} {one.acked.message_id}: {one.how}: {one.what}"
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if len(findings.broken) > SHOWN:
        console.print(f"… and {len(findings.broken) - SHOWN:,} more (see --report)", highlight=False)
    verdict = "[bold red]not everything that was acknowledged is there once[/]"
    console.print(verdict if findings.broken else "[bold green]everything that was acknowledged is there once[/]", highlight=False)


@click.command("simulators.check", epilog=EPILOG)
@click.option(
    "--acked", multiple=True, required=True, type=click.Path(path_type=Path), help="what a fleet's --acked wrote; may be repeated"
)
@click.option("--database", type=click.Path(path_type=Path), default=None, help="the server's SQLite file")
@click.option("--export-dir", type=click.Path(path_type=Path), default=None, help="a folder that csms export --all wrote")
@click.option("--slack", type=click.FloatRange(0), default=0.25, show_default=True, help="seconds that the two clocks may be apart")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), default=None, help="write the findings as JSON")
def command(acked: tuple[Path, ...], database: Path | None, export_dir: Path | None, slack: float, report: Path | None) -> int:
    """Report what was acknowledged to a fleet but is absent from the server's tables, or there more than once.

    Each acknowledged call must be in the frame log, and its facts in their tables: boots, statuses, transactions, their events, meter
    readings. Exit code 0: all there, once. 1: not so. 2: wrong arguments or unreadable tables.
    """
    if (database is None) == (export_dir is None):
        raise click.UsageError("one of --database and --export-dir is needed")
    try:
        source: Source = SqliteSource(database) if database is not None else ExportSource(export_dir or Path())
        findings = check(source, list(read_acked(acked)), round(slack * 1000))
    except SourceError as wrong:
        raise click.UsageError(str(wrong)) from None
    show(findings, Console())
    if report is not None:
        try:
            report.write_text(json_text(findings.as_json()) + "\n", encoding="utf-8")
        except OSError as wrong:
            raise click.ClickException(f"cannot write {report}: {wrong.strerror}") from None
    return 1 if findings.broken else 0
