"""The command line of one charger."""

from __future__ import annotations

from functools import partial
from typing import Any

import attrs
import click
import trio

from simulators.acked import AckedRecord
from simulators.clock import Clock
from simulators.command import on_signals
from simulators.options import GroupedCommand
from simulators.watch import Watcher, Watchers

from .certificates import CertificateStore
from .charger import Charger
from .connector import Tag
from .dial import Address
from .options import Given, options, scenarios
from .profile import Profile
from .prompt import converse
from .script import ScriptError, Stage, Step, parse
from .trace import Trace
from .visits import Habits, Visits

ACCEPTED_WITHIN_S = 60.0

EXAMPLES = (
    "--id DEMO-1 --password secret",
    '--id DEMO-1 --script "plug 1; tap 1 TAG-1; wait 60; tap 1; unplug 1"',
    "--id DEMO-2 --version 2.0.1 --connectors 2 --interactive",
    "--id DEMO-3 --scenario offline-day --speed 60",
    "--id DEMO-4 --quirk kwh-as-strings --quirk reused-message-ids --frames",
    "--id DEMO-5 --scenario firmware --next-firmware 2.0.0 --fail installation",
    "--id DEMO-6 --scenario diagnostics --diagnostics-size 50MB",
    "--id DEMO-7 --password secret --url wss://csms.example:9443/ocpp --ca-file ca.pem",
    "--id DEMO-8 --scenario security --url wss://csms.example:9443/ocpp --ca-file ca.pem \\\n"
    "      --security-profile 3 --client-cert charger.pem --client-key charger.key",
)
EPILOG = "\b\nExamples:\n" + "\n".join(f"  python -m simulators.charger {example}" for example in EXAMPLES)


@attrs.frozen(slots=True, kw_only=True)
class Play:
    """What a charger is to do: a script, a conversation, or to live by itself."""

    steps: list[Step] | None = None
    interactive: bool = False
    habits: Habits = attrs.field(factory=Habits)
    duration_s: float = 0.0
    grace_s: float = 10.0


@attrs.frozen(slots=True, kw_only=True)
class Cast:
    """Who plays: the charger, where it connects, and what it holds."""

    profile: Profile
    address: Address
    secure_address: Address | None = None
    certificates: CertificateStore | None = None
    speed: float = 1.0


async def live(cast: Cast, play: Play, *, watchers: list[Watcher], trace: Trace) -> int:
    """Run one charger until its play is over or a signal comes; the exit code."""
    charger = Charger(
        cast.profile,
        cast.address,
        clock=Clock.start(speed=cast.speed),
        watcher=Watchers(*watchers),
        secure_address=cast.secure_address,
        certificates=cast.certificates,
    )
    code = 0
    async with trio.open_nursery() as nursery:
        playing = trio.CancelScope()
        await nursery.start(on_signals, playing.cancel, nursery.cancel_scope.cancel)
        await nursery.start(charger.run)
        visits = Visits(charger, play.habits, cast.profile.seed)
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


@click.command("simulators.charger", cls=GroupedCommand, epilog=EPILOG, context_settings={"max_content_width": 110})
@options
def command(**given: Any) -> int:
    """Simulate one OCPP charger.

    With neither a script nor --interactive it lives by itself: random cars come, charge and leave, until Ctrl-C. A script waits for the
    server's acceptance, plays, delivers what is left, and ends with exit code 1 if a step failed. Wrong arguments: exit code 2.
    """
    wanted = Given(**given)
    steps = _steps(wanted)
    try:
        address, secure = wanted.addresses()
        cast = Cast(
            profile=wanted.profile(),
            address=address,
            secure_address=secure,
            certificates=wanted.certificates(),
            speed=wanted.speed,
        )
    except ValueError as wrong:
        raise click.UsageError(str(wrong)) from None
    habits = Habits(gap_s=wanted.gap, stay_s=wanted.stay, tags=tuple(Tag(tag) for tag in wanted.tags))
    play = Play(steps=steps, interactive=wanted.interactive, habits=habits, duration_s=wanted.duration, grace_s=wanted.grace)
    return trio.run(partial(_main, cast, play, wanted))


async def _main(cast: Cast, play: Play, wanted: Given) -> int:
    trace = Trace(Clock.start(), frames=wanted.frames)
    watchers: list[Watcher] = [] if wanted.quiet else [trace]
    if wanted.acked is None:
        return await live(cast, play, watchers=watchers, trace=trace)
    try:
        record = AckedRecord(wanted.acked)
    except OSError as wrong:
        raise click.UsageError(f"cannot write {wanted.acked}: {wrong.strerror}") from None
    with record:
        return await live(cast, play, watchers=[*watchers, record], trace=trace)


def _steps(wanted: Given) -> list[Step] | None:
    """The steps of whichever was named; at most one may be."""
    script = wanted.script
    if sum((script is not None, wanted.script_file is not None, wanted.scenario is not None, wanted.interactive)) > 1:
        raise click.UsageError("only one of --script, --script-file, --scenario and --interactive")
    if wanted.scenario is not None:
        known = scenarios()
        if wanted.scenario not in known:
            raise click.UsageError(f"no such scenario: {wanted.scenario!r} (one of {', '.join(known)})")
        script = known[wanted.scenario]
    elif wanted.script_file is not None:
        script = wanted.script_file.read_text(encoding="utf-8")
    if script is None:
        return None
    try:
        return parse(script)
    except ScriptError as wrong:
        raise click.UsageError(str(wrong)) from None
