"""The command line of one charger."""

from __future__ import annotations

import importlib.resources
import os
from functools import partial
from pathlib import Path

import attrs
import click
import trio

from simulators.acked import AckedRecord
from simulators.clock import Clock
from simulators.command import on_signals
from simulators.watch import Watcher, Watchers

from .car import Supply
from .charger import Charger
from .connector import Tag
from .dial import Address, parse_url
from .profile import VERSIONS, Profile
from .prompt import HELP, converse
from .quirks import QUIRKS
from .script import ScriptError, Stage, Step, parse
from .trace import Trace
from .visits import Habits, Visits

ACCEPTED_WITHIN_S = 60.0

EPILOG = "\b\nExamples:\n" + "\n".join(
    f"  python -m simulators.charger {example}"
    for example in (
        "--id DEMO-1 --password secret",
        '--id DEMO-1 --script "plug 1; tap 1 TAG-1; wait 60; tap 1; unplug 1"',
        "--id DEMO-2 --version 2.0.1 --connectors 2 --interactive",
        "--id DEMO-3 --scenario offline-day --speed 60",
        "--id DEMO-4 --quirk kwh-as-strings --quirk reused-ids --frames",
    )
)


def scenarios() -> dict[str, str]:
    """The scripts in ``simulators/scenarios`` by name."""
    folder = importlib.resources.files("simulators") / "scenarios"
    return {
        entry.name.removesuffix(".txt"): entry.read_text(encoding="utf-8")
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".txt")
    }


@attrs.frozen(slots=True, kw_only=True)
class Play:
    """What a charger is to do: a script, a conversation, or to live by itself."""

    steps: list[Step] | None = None
    interactive: bool = False
    habits: Habits = attrs.field(factory=Habits)
    duration_s: float = 0.0
    grace_s: float = 10.0


async def live(profile: Profile, address: Address, play: Play, *, speed: float, watchers: list[Watcher], trace: Trace) -> int:
    """Run one charger until its play is over or a signal comes; the exit code."""
    charger = Charger(profile, address, clock=Clock.start(speed=speed), watcher=Watchers(*watchers))
    code = 0
    async with trio.open_nursery() as nursery:
        playing = trio.CancelScope()
        await nursery.start(on_signals, playing.cancel, nursery.cancel_scope.cancel)
        await nursery.start(charger.run)
        visits = Visits(charger, play.habits, profile.seed)
        with playing:
            try:
                await _play(charger, play, visits, trace)
            except ScriptError as wrong:
                click.echo(f"error: {wrong}", err=True)
                code = 1
        if play.steps is None and not play.interactive:
            await visits.leave()
        await charger.finish(play.grace_s)
        nursery.cancel_scope.cancel()
    return code


async def _play(charger: Charger, play: Play, visits: Visits, trace: Trace) -> None:
    stage = Stage(charger, trace.line)
    if play.interactive:
        await converse(stage)
    elif play.steps is not None:
        with trio.move_on_after(ACCEPTED_WITHIN_S) as waiting:
            while not charger.online:
                await charger.changed.wait()
        if waiting.cancelled_caught:
            raise ScriptError(f"the server did not accept {charger.profile.charger_id} within {ACCEPTED_WITHIN_S:g} s")
        for step in play.steps:
            await stage.play(step)
    else:
        with trio.move_on_after(play.duration_s or float("inf")):
            await visits.run()


def _show_quirks(context: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted:
        for name, quirk in QUIRKS.items():
            click.echo(f"{name:20} {quirk.text}")
        context.exit()


def _show_verbs(context: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(HELP)
        context.exit()


@click.command("simulators.charger", epilog=EPILOG)
@click.option("--url", default="ws://127.0.0.1:9000/ocpp", show_default=True, help="the central system, without the charger id")
@click.option("--id", "charger_id", default="SIM-1", show_default=True, help="the charger's id")
@click.option("--password", default=None, help="its key for HTTP Basic authentication (or the variable CHARGER_PASSWORD)")
@click.option("--version", "version", type=click.Choice(VERSIONS), default="1.6", show_default=True, help="OCPP version")
@click.option("--connectors", type=click.IntRange(1, 20), default=2, show_default=True, help="how many connectors")
@click.option("--power", type=click.FloatRange(1, 1000), default=11.0, show_default=True, help="kW of each; above 22 it is DC")
@click.option("--script", default=None, help="what happens, as verbs between semicolons (see --verbs)")
@click.option(
    "--script-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=None, help="the same in a file"
)
@click.option("--scenario", default=None, help=f"a script that comes along: {', '.join(scenarios())}")
@click.option("--interactive", is_flag=True, help="type the verbs at a prompt")
@click.option("--tag", "tags", multiple=True, default=("TAG-1", "TAG-2"), show_default=True, help="tokens that drivers show")
@click.option("--gap", type=click.FloatRange(0.1), default=120.0, show_default=True, help="mean seconds between drivers")
@click.option("--stay", type=click.FloatRange(1), default=1200.0, show_default=True, help="mean seconds that a driver stays")
@click.option("--duration", type=click.FloatRange(0), default=0.0, help="end after so many seconds (0: at Ctrl-C)")
@click.option(
    "--speed", type=click.FloatRange(0.01, 10_000), default=1.0, show_default=True, help="cars and people run so much faster"
)
@click.option("--meter-interval", type=click.IntRange(0), default=60, show_default=True, help="seconds between meter values")
@click.option("--start-at-plug", is_flag=True, help="a 2.0.1 transaction lasts from plugging in to unplugging")
@click.option("--quirk", "quirks", multiple=True, type=click.Choice(list(QUIRKS)), metavar="NAME", help="misbehave (see --quirks)")
@click.option("--seed", default="0", show_default=True, help="seed of everything random")
@click.option("--call-timeout", type=click.FloatRange(0.1), default=30.0, show_default=True, help="longest wait for an answer")
@click.option("--grace", type=click.FloatRange(0), default=10.0, show_default=True, help="longest wait for answers at the end")
@click.option("--frames", is_flag=True, help="print raw frames")
@click.option("--quiet", is_flag=True, help="print nothing of what happens")
@click.option("--acked", type=click.Path(dir_okay=False, path_type=Path), default=None, help="write acknowledged calls to a file")
@click.option(
    "--quirks", "list_quirks", is_flag=True, is_eager=True, expose_value=False, callback=_show_quirks, help="list quirks and exit"
)
@click.option(
    "--verbs", "list_verbs", is_flag=True, is_eager=True, expose_value=False, callback=_show_verbs, help="list verbs and exit"
)
def command(
    url: str,
    charger_id: str,
    password: str | None,
    version: str,
    connectors: int,
    power: float,
    script: str | None,
    script_file: Path | None,
    scenario: str | None,
    interactive: bool,
    tags: tuple[str, ...],
    gap: float,
    stay: float,
    duration: float,
    speed: float,
    meter_interval: int,
    start_at_plug: bool,
    quirks: tuple[str, ...],
    seed: str,
    call_timeout: float,
    grace: float,
    frames: bool,
    quiet: bool,
    acked: Path | None,
) -> int:
    """Simulate one OCPP charger.

    With neither a script nor --interactive it lives by itself: random cars come, charge and leave, until Ctrl-C. A script waits for the
    server's acceptance, plays, delivers what is left, and ends with exit code 1 if a step failed.
    """
    steps = _steps(script, script_file, scenario, interactive)
    key = password if password is not None else os.environ.get("CHARGER_PASSWORD")
    settings = {"meter_interval_s": str(meter_interval)}
    if start_at_plug:
        settings |= {"start_point": "EVConnected", "stop_point": "EVConnected"}
    try:
        address = parse_url(url)
        profile = Profile(
            charger_id=charger_id,
            password=None if key is None else key.encode(),
            version=version,
            supplies=(Supply.of(power),) * connectors,
            serial=f"{charger_id}-S"[:25],
            model=f"VT-{power:g}",
            quirks=frozenset(quirks),
            settings=tuple(settings.items()),
            call_timeout_s=call_timeout,
            seed=seed,
        )
    except ValueError as wrong:
        raise click.UsageError(str(wrong)) from None
    habits = Habits(gap_s=gap, stay_s=stay, tags=tuple(Tag(tag) for tag in tags))
    play = Play(steps=steps, interactive=interactive, habits=habits, duration_s=duration, grace_s=grace)
    return trio.run(partial(_main, profile, address, play, speed=speed, frames=frames, quiet=quiet, acked=acked))


async def _main(
    profile: Profile, address: Address, play: Play, *, speed: float, frames: bool, quiet: bool, acked: Path | None
) -> int:
    trace = Trace(Clock.start(), frames=frames)
    watchers: list[Watcher] = [] if quiet else [trace]
    if acked is None:
        return await live(profile, address, play, speed=speed, watchers=watchers, trace=trace)
    try:
        record = AckedRecord(acked)
    except OSError as wrong:
        raise click.UsageError(f"cannot write {acked}: {wrong.strerror}") from None
    with record:
        return await live(profile, address, play, speed=speed, watchers=[*watchers, record], trace=trace)


def _steps(script: str | None, script_file: Path | None, scenario: str | None, interactive: bool) -> list[Step] | None:
    """The steps of whichever was named; at most one may be."""
    if sum((script is not None, script_file is not None, scenario is not None, interactive)) > 1:
        raise click.UsageError("only one of --script, --script-file, --scenario and --interactive")
    if scenario is not None:
        known = scenarios()
        if scenario not in known:
            raise click.UsageError(f"no such scenario: {scenario!r} (one of {', '.join(known)})")
        script = known[scenario]
    elif script_file is not None:
        script = script_file.read_text(encoding="utf-8")
    if script is None:
        return None
    try:
        return parse(script)
    except ScriptError as wrong:
        raise click.UsageError(str(wrong)) from None
