"""The command line of a fleet."""

from __future__ import annotations

import csv
import gc
import resource
import sys
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import click
import trio
from rich.console import Console

from simulators.acked import AckedRecord
from simulators.charger.dial import Address, parse_url
from simulators.charger.quirks import QUIRKS
from simulators.clock import Clock
from simulators.command import on_signals
from simulators.frames import json_text
from simulators.options import Named
from simulators.watch import Watcher, Watchers

from .ledger import Ledger
from .passwords import passwords
from .plan import Planned, Wishes, parse_mix, plan
from .progress import show_progress
from .report import WIDE_ENOUGH, Report, make_report, show
from .run import Course, Fleet

EPILOG = "\b\nExamples:\n" + "\n".join(
    f"  python -m simulators.fleet {example}"
    for example in (
        "--chargers 1000 --ramp 20 --duration 120 --seed 7",
        "--chargers 200 --duration 600 --drop-rate 30 --report out.json --acked acked.jsonl",
        "--chargers 50 --list > fleet.csv                  (who they are, for the server)",
        "--chargers 50 --password-file fleet.csv --duration 0     (until Ctrl-C)",
        "--chargers 300 --quirk all --quirk-share 0.3 --quirks-each 3     (what a server must bear)",
    )
)
EVERY = "all"
LEAVING_PER_S = 100
"""So many chargers send their drivers away per second at the end."""
FILES_BESIDE = 64
"""File descriptors that a process needs besides its sockets."""


@click.command("simulators.fleet", epilog=EPILOG)
@click.option("--url", default="ws://127.0.0.1:9000/ocpp", show_default=True, help="the central system, without a charger id")
@click.option("--chargers", type=click.IntRange(1, 100_000), default=100, show_default=True, help="how many")
@click.option("--ramp", type=click.FloatRange(0), default=10.0, show_default=True, help="seconds over which they are switched on")
@click.option("--duration", type=click.FloatRange(0), default=60.0, show_default=True, help="seconds until the end (0: at Ctrl-C)")
@click.option("--seed", default="1", show_default=True, help="seed of everything random: the same seed, the same fleet and visits")
@click.option("--mix", default="1.6=70,2.0.1=30", show_default=True, help="shares of the OCPP versions")
@click.option("--connectors", type=click.IntRange(1, 20), default=2, show_default=True, help="most connectors of a charger")
@click.option("--id-template", default="SIM-{n:05}", show_default=True, help="charger ids; {n} counts from 1")
@click.option("--tag-template", default="TAG-{n:05}-{connector}", show_default=True, help="the token used at a connector")
@click.option("--password", default=None, help="one password for all (HTTP Basic)")
@click.option("--password-template", default=None, help="a password for each, such as 'secret-{id}' or 'secret-{n}'")
@click.option(
    "--password-file",
    "--passwords",
    "password_file",
    type=click.Path(dir_okay=False, path_type=Path),
    default=None,
    help="a file of lines ID,PASSWORD (as --list writes)",
)
@click.option("--meter-interval", type=click.IntRange(1), default=60, show_default=True, help="seconds between meter values")
@click.option("--gap", type=click.FloatRange(0.1), default=None, help="mean seconds between drivers [default: from the duration]")
@click.option("--stay", type=click.FloatRange(1), default=None, help="mean seconds of a visit [default: from the duration]")
@click.option("--strangers", type=click.FloatRange(0, 1), default=0.03, show_default=True, help="share of unknown tokens")
@click.option("--drop-rate", type=click.FloatRange(0), default=1.0, show_default=True, help="lost connections per charger and hour")
@click.option(
    "--longest-absence", type=click.FloatRange(0), default=None, help="longest absence, seconds [default: from the duration]"
)
@click.option("--quirk-share", type=click.FloatRange(0, 1), default=0.2, show_default=True, help="share of chargers with a quirk")
@click.option("--quirks-each", type=click.IntRange(1, 10), default=1, show_default=True, help="most quirks of such a charger")
@click.option(
    "--quirk",
    "quirks",
    multiple=True,
    type=Named("quirk", {name: quirk.text for name, quirk in QUIRKS.items()} | {EVERY: "every one of them"}),
    help="these quirks instead of those that leave what was sent comparable (list: which there are; all: every one)",
)
@click.option(
    "--speed", type=click.FloatRange(0.01, 10_000), default=1.0, show_default=True, help="cars and people run so much faster"
)
@click.option(
    "--late", type=click.FloatRange(0.001), default=1.0, show_default=True, help="an answer is late after so many seconds"
)
@click.option("--call-timeout", type=click.FloatRange(0.1), default=30.0, show_default=True, help="a charger's longest wait")
@click.option(
    "--retry-interval", type=click.IntRange(0), default=10, show_default=True, help="wait before a refused message goes again"
)
@click.option("--backoff-min", type=click.FloatRange(0.01), default=1.0, show_default=True, help="first reconnect wait, seconds")
@click.option("--backoff-max", type=click.FloatRange(0.01), default=60.0, show_default=True, help="longest reconnect wait, seconds")
@click.option("--grace", type=click.FloatRange(0), default=40.0, show_default=True, help="longest wait for answers at the end")
@click.option("--keep-charging", is_flag=True, help="do not send drivers away at the end")
@click.option(
    "--report", "report_file", type=click.Path(dir_okay=False, path_type=Path), default=None, help="write the report as JSON"
)
@click.option(
    "--acked", type=click.Path(dir_okay=False, path_type=Path), default=None, help="write acknowledged calls, for the checker"
)
@click.option("--list", "list_only", is_flag=True, help="print id,password,version,tokens of the fleet as CSV and exit")
def command(
    url: str,
    chargers: int,
    ramp: float,
    duration: float,
    seed: str,
    mix: str,
    connectors: int,
    id_template: str,
    tag_template: str,
    password: str | None,
    password_template: str | None,
    password_file: Path | None,
    meter_interval: int,
    gap: float | None,
    stay: float | None,
    strangers: float,
    drop_rate: float,
    longest_absence: float | None,
    quirk_share: float,
    quirks_each: int,
    quirks: tuple[str, ...],
    speed: float,
    late: float,
    call_timeout: float,
    retry_interval: int,
    backoff_min: float,
    backoff_max: float,
    grace: float,
    keep_charging: bool,
    report_file: Path | None,
    acked: Path | None,
    list_only: bool,
) -> int:
    """Simulate thousands of OCPP chargers in one process.

    At the end (or at Ctrl-C) drivers leave, queued messages are delivered, and a report tells what was sent, answered, late and lost.
    Exit code 0: nothing was lost. 1: something was, or no charger was accepted. 2: wrong arguments.
    """
    world_s = duration * speed
    try:
        address = parse_url(url)
        wishes = Wishes(
            chargers=chargers,
            seed=seed,
            mix=parse_mix(mix),
            connectors=connectors,
            ramp_s=ramp,
            id_template=id_template,
            tag_template=tag_template,
            password_of=passwords(one=password, template=password_template, file=password_file),
            meter_interval_s=meter_interval,
            gap_s=gap or (min(max(world_s / 10, 5), 300) if duration else 300),
            stay_s=stay or (min(max(world_s / 4, 20), 1800) if duration else 1800),
            stranger_share=strangers,
            quirk_share=quirk_share,
            quirks_each=quirks_each,
            call_timeout_s=call_timeout,
            retry_interval_s=retry_interval,
            backoff_min_s=backoff_min,
            backoff_max_s=backoff_max,
            **({"quirks": tuple(QUIRKS) if EVERY in quirks else quirks} if quirks else {}),  # type: ignore[arg-type]  # one key, of the right type
        )
        planned = plan(wishes)
    except ValueError as wrong:
        raise click.UsageError(str(wrong)) from None
    if list_only:
        _list_fleet(planned)
        return 0
    _allow_files(chargers)
    course = Course(
        duration_s=duration,
        drops_per_hour=drop_rate,
        longest_absence_s=longest_absence if longest_absence is not None else (world_s / 6 if duration else 300),
        grace_s=grace,
        leave_within_s=min(chargers / LEAVING_PER_S, 30.0),
        keep_charging=keep_charging,
        seed=seed,
    )
    console = Console(stderr=True)
    with _record(acked) as record:
        ledger = Ledger(late)
        watcher = ledger if record is None else Watchers(ledger, record)
        report = trio.run(
            partial(_run, planned, address, course, ledger, watcher, url=url, ramp_s=ramp, speed=speed, console=console)
        )
    show(report, Console() if sys.stdout.isatty() else Console(width=WIDE_ENOUGH))
    if report_file is not None:
        _write_report(report, report_file)
    return report.exit_code


async def _run(
    planned: list[Planned],
    address: Address,
    course: Course,
    ledger: Ledger,
    watcher: Watcher,
    *,
    url: str,
    ramp_s: float,
    speed: float,
    console: Console,
) -> Report:
    fleet = Fleet(planned, address, course, ledger, clock=Clock.start(speed=speed), watcher=watcher)
    gc.set_threshold(50_000, 20, 100)
    began = trio.current_time()

    async def spare_the_collector() -> None:
        """Thousands of live connections make every collection long: what lives after the ramp is not looked at again."""
        await trio.sleep(ramp_s + 1)
        gc.collect()
        gc.freeze()

    async with trio.open_nursery() as nursery:
        await nursery.start(on_signals, fleet.end, nursery.cancel_scope.cancel)
        nursery.start_soon(show_progress, ledger, course.duration_s, console)
        nursery.start_soon(spare_the_collector)
        await fleet.run()
        nursery.cancel_scope.cancel()
    return make_report(fleet, planned, url=url, seed=course.seed, ran_s=trio.current_time() - began)


def _list_fleet(planned: list[Planned]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("id", "password", "version", "tokens"))
    for one in planned:
        profile = one.profile
        shown = "" if profile.password is None else profile.password.decode()
        writer.writerow((profile.charger_id, shown, profile.version, " ".join(tag.value for tag in one.habits.tags)))


def _allow_files(chargers: int) -> None:
    """Each charger needs a descriptor, and a second one while an old connection lingers."""
    needed = chargers * 2 + FILES_BESIDE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < needed:
        possible = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, possible), hard))
        if possible < chargers + FILES_BESIDE:
            raise click.UsageError(f"this process may open {hard} files, too few for {chargers} chargers (see ulimit -n)")


def _record(path: Path | None) -> AckedRecord | nullcontext[None]:
    if path is None:
        return nullcontext()
    try:
        return AckedRecord(path)
    except OSError as wrong:
        raise click.UsageError(f"cannot write {path}: {wrong.strerror}") from None


def _write_report(report: Report, path: Path) -> None:
    try:
        path.write_text(json_text(report.data) + "\n", encoding="utf-8")
    except OSError as wrong:
        raise click.ClickException(f"cannot write {path}: {wrong.strerror}") from None
