"""Scripts: ``plug 1; tap 1 TAG; wait 60; tap 1; unplug 1`` as steps, and the stage on which they are played."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial

import attrs
import msgspec
import trio

from simulators.frames import json_text

from .car import Car
from .charger import Charger
from .connector import Connector, Tag
from .failures import FAILURES
from .link import LinkLost, NoAnswer, Refusal
from .on_request import ask_for_certificate
from .quirks import QUIRKS
from .settings import BY_KEY, BY_NAME

TELLABLE = (
    "BootNotification",
    "Heartbeat",
    "StatusNotification",
    "MeterValues",
    "FirmwareStatusNotification",
    "SignedFirmwareStatusNotification",
    "DiagnosticsStatusNotification",
    "LogStatusNotification",
)
EXPECT_S = 600.0
"""How long ``expect`` waits unless it says; an operator is not accelerated."""
UNTIL_S = 120.0
"""How long ``until`` waits unless it says."""
LEAST_UNTIL_S = 15.0
"""However fast the world runs, ``until`` grants the network so many real seconds."""


class ScriptError(Exception):
    """A script that cannot be read, or a step that failed; the message is one line."""


@attrs.frozen(slots=True)
class Step:
    """A verb, and the rest of its line."""

    verb: str
    rest: str

    @property
    def words(self) -> list[str]:
        """The arguments, split as a shell does."""
        try:
            return shlex.split(self.rest)
        except ValueError as wrong:
            raise ScriptError(f"{self}: {wrong}") from None

    def __str__(self) -> str:
        return f"{self.verb} {self.rest}".strip()


def parse(text: str) -> list[Step]:
    """The steps of a script: one a line or between semicolons (not inside quotes, braces or brackets); ``#`` begins a comment.

    Raises ``ScriptError`` for a verb that does not exist.
    """
    steps: list[Step] = []
    for line in text.splitlines():
        for piece in _pieces(line):
            verb, _, rest = piece.strip().partition(" ")
            if not verb:
                continue
            if verb not in VERBS:
                raise ScriptError(f"no such verb: {verb!r} (one of {', '.join(VERBS)})")
            steps.append(Step(verb, rest.strip()))
    return steps


def _pieces(line: str) -> list[str]:
    pieces, piece, quote, depth = [], "", "", 0
    for char in line:
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char in "{[":
            depth += 1
        elif char in "}]":
            depth -= 1
        elif depth <= 0 and char == "#" and (not piece or piece[-1].isspace()):
            break
        elif depth <= 0 and char == ";":
            pieces.append(piece)
            piece = ""
            continue
        piece += char
    return [*pieces, piece]


class Stage:
    """A charger, and a verb for everything that can happen to it. ``show`` prints what a step wants to say."""

    def __init__(self, charger: Charger, show: Callable[[str], None]) -> None:
        self.charger = charger
        self._show = show
        self._expected: Counter[str] = Counter()

    async def play(self, step: Step) -> None:
        """Do one step. Raises ``ScriptError`` when it is wrong or failed."""
        try:
            await VERBS[step.verb].play(self, step)
        except (ValueError, IndexError) as wrong:
            usage = f"{step.verb} {VERBS[step.verb].usage}".strip()
            reason = str(wrong) if isinstance(wrong, ValueError) else "something is missing"
            raise ScriptError(f"{step}: {reason} (usage: {usage})") from None

    async def _plug(self, step: Step) -> None:
        number, *options = step.words
        given = dict(option.split("=", 1) for option in options if "=" in option)
        unknown = given.keys() - {"soc", "kwh", "kw"} or {option for option in options if "=" not in option}
        if unknown:
            raise ValueError(f"no such option: {', '.join(sorted(unknown))}")
        power_w = float(given.get("kw", 0)) * 1000
        car = Car(float(given.get("kwh", 60)) * 1000, float(given.get("soc", 30)) / 100, power_w or 11_000, power_w or 120_000)
        self.charger.box.plug(int(number), car)

    async def _tap(self, step: Step) -> None:
        words = step.words
        await self.charger.box.tap(int(words[0]), Tag(words[1]) if len(words) > 1 else None)

    async def _unplug(self, step: Step) -> None:
        self.charger.box.unplug(int(step.words[0]))

    async def _wait(self, step: Step) -> None:
        await self.charger.clock.sleep(float(step.words[0]))

    async def _until(self, step: Step) -> None:
        words = step.words
        what = words[0]
        alone = what in ("online", "offline", "sent")
        wanted = "" if alone else words[1].casefold()
        rest = words[1:] if alone else words[2:]
        limit_s = float(rest[0]) if rest else UNTIL_S
        charger = self.charger
        conditions: dict[str, Callable[[], bool]] = {
            "online": lambda: charger.online,
            "offline": lambda: not charger.online,
            "firmware": lambda: wanted in (charger.firmware.status.casefold(), charger.firmware.signed.casefold()),
            "upload": lambda: charger.logs.status.casefold() == wanted,
        }
        condition = conditions.get(what)
        if condition is None and what != "sent":
            connector = charger.box.connector(int(what))
            condition = partial(_has_status, connector, wanted)
        with self._limit(step, limit_s):
            if condition is None:
                await charger.outbox.drained()
            else:
                await self._true(condition)

    async def _true(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self.charger.changed.wait()

    @contextmanager
    def _limit(self, step: Step, limit_s: float) -> Iterator[None]:
        """Fail a step that takes longer than so many accelerated seconds, but never before the network had its time."""
        with trio.move_on_after(max(limit_s / self.charger.clock.speed, LEAST_UNTIL_S)) as waiting:
            yield
        if waiting.cancelled_caught:
            raise ScriptError(f"{step}: not within {limit_s:g} s")

    async def _expect(self, step: Step) -> None:
        action, *rest = step.words
        limit_s = float(rest[0]) if rest else EXPECT_S
        obeyed = self.charger.obeyed
        with trio.move_on_after(limit_s) as waiting:
            await self._true(lambda: obeyed[action] > self._expected[action])
        if waiting.cancelled_caught:
            raise ScriptError(f"{step}: the server did not send it within {limit_s:g} s")
        self._expected[action] += 1

    async def _fail(self, step: Step) -> None:
        words = step.words
        if words[0] not in FAILURES:
            raise ValueError(f"no such failure: {words[0]!r} (one of {', '.join(FAILURES)})")
        if words[1:] == ["off"]:
            self.charger.failing.discard(words[0])
        else:
            self.charger.failing.add(words[0])

    async def _renew(self, step: Step) -> None:
        await ask_for_certificate(self.charger)

    async def _event(self, step: Step) -> None:
        kind, _, info = step.rest.partition(" ")
        if not kind:
            raise IndexError
        self.charger.security.event(kind, info, tell=True)

    async def _pause(self, step: Step) -> None:
        self.charger.box.pause(int(step.words[0]), step.verb == "pause")

    async def _fault(self, step: Step) -> None:
        words = step.words
        code = "NoError" if step.verb == "clear" else (words[1] if len(words) > 1 else "InternalError")
        self.charger.box.fault(int(words[0]), code)

    async def _drop(self, step: Step) -> None:
        words = step.words
        kind = words[1] if len(words) > 1 else "cut"
        if kind not in ("cut", "close", "vanish"):
            raise ValueError(f"no such kind of drop: {kind!r} (one of cut, close, vanish)")
        self.charger.life.drop(kind, float(words[0]) if words else 0)

    async def _offline(self, step: Step) -> None:
        if step.verb == "offline":
            self.charger.life.go_offline()
        else:
            self.charger.life.go_online()

    async def _power(self, step: Step) -> None:
        self.charger.lose_power(float(step.words[0]))

    async def _reboot(self, step: Step) -> None:
        hard = (step.words or ["soft"])[0] == "hard"
        await self.charger.restart("HardReset" if hard else "SoftReset", hard=hard, boot_reason="LocalReset")

    async def _tell(self, step: Step) -> None:
        words = step.words
        if words[0] not in TELLABLE:
            raise ValueError(f"cannot tell {words[0]!r} (one of {', '.join(TELLABLE)})")
        await self.charger.tell_again(words[0], int(words[1]) if len(words) > 1 else None)

    async def _data(self, step: Step) -> None:
        vendor, message, data = (*step.words, "", "", "")[:3]
        if not vendor:
            raise IndexError
        await self._ask(step, *self.charger.tongue.data(vendor, message, data))

    async def _send(self, step: Step) -> None:
        action, _, text = step.rest.partition(" ")
        if not action:
            raise IndexError
        try:
            payload = msgspec.json.decode(text or "{}", type=dict[str, object])
        except msgspec.DecodeError as wrong:
            raise ValueError(f"not a JSON object: {wrong}") from None
        await self._ask(step, action, payload)

    async def _ask(self, step: Step, action: str, payload: dict[str, object]) -> None:
        try:
            self._show(f"{action} was answered {json_text(await self.charger.ask(action, payload))}")
        except Refusal as refusal:
            self._show(f"{action} was refused: {refusal}")
        except (LinkLost, NoAnswer):
            raise ScriptError(f"{step}: no answer") from None

    async def _raw(self, step: Step) -> None:
        link = self.charger.link
        if link is None:
            raise ScriptError(f"{step}: not connected")
        try:
            await link.raw(step.rest)
        except LinkLost:
            raise ScriptError(f"{step}: the connection ended") from None

    async def _quirk(self, step: Step) -> None:
        words = step.words
        if words[0] not in QUIRKS:
            raise ValueError(f"no such quirk: {words[0]!r} (one of {', '.join(QUIRKS)})")
        if words[1:] == ["off"]:
            self.charger.quirks.discard(words[0])
        else:
            self.charger.quirks.add(words[0])

    async def _set(self, step: Step) -> None:
        name, value = step.words
        row = BY_NAME.get(name) or BY_KEY.get(name.casefold())
        if row is None:
            raise ValueError(f"no such setting: {name!r} (one of {', '.join(BY_NAME)})")
        self.charger.settings.hear(row.name, value)
        await self.charger.setting_changed(row.name)

    async def _say(self, step: Step) -> None:
        self._show(step.rest)

    async def _show_all(self, step: Step) -> None:
        charger = self.charger
        self._show(
            f"{charger.profile.charger_id}: {'online' if charger.online else 'offline'}, {len(charger.outbox)} messages wait"
        )
        self._show(
            f"firmware {charger.firmware.version}, local list version {charger.authority.local_list.version}, "
            f"security profile {charger.security.profile}"
        )
        for connector in charger.box.connectors:
            self._show(describe(connector))
        for reservation in charger.reservations.held:
            self._show(f"reservation {reservation.number} at connector {reservation.connector} for {reservation.tag.value}")
        for each in charger.smart_charging.profiles:
            profile = each.profile
            self._show(f"{profile.purpose} {profile.number} at connector {each.connector}, stack level {profile.stack_level}")


def _has_status(connector: Connector, wanted: str) -> bool:
    return connector.status.casefold() == wanted


def describe(connector: Connector) -> str:
    """A connector in one line."""
    line = f"connector {connector.number}: {connector.status}, meter {connector.register / 1000:.3f} kWh"
    if connector.car is not None:
        line += f", car at {connector.car.soc:.1%}"
    running = connector.transaction
    if running is not None:
        line += f", transaction {running.number or running.reference} of {running.tag.value if running.tag else 'nobody yet'}"
    return line


@attrs.frozen(slots=True)
class Verb:
    """A verb of scripts: its arguments, what it does, and how."""

    usage: str
    text: str
    play: Callable[[Stage, Step], Awaitable[None]]


VERBS: dict[str, Verb] = {
    "plug": Verb("N [soc=30] [kwh=60] [kw=11]", "plug a car in at connector N: how full, how large, how fast", Stage._plug),
    "tap": Verb("N [TAG]", "show a token: start, or stop what it started (without TAG: the last one)", Stage._tap),
    "unplug": Verb("N", "pull the cable out", Stage._unplug),
    "wait": Verb("SECONDS", "let time pass", Stage._wait),
    "until": Verb(
        "N|firmware|upload STATUS [SECONDS] | online|offline|sent [SECONDS]",
        "wait for something, fail when it does not come",
        Stage._until,
    ),
    "expect": Verb("ACTION [SECONDS]", "wait until the server has sent a call (again)", Stage._expect),
    "pause": Verb("N", "withhold power (SuspendedEVSE)", Stage._pause),
    "resume": Verb("N", "give power again", Stage._pause),
    "fault": Verb("N [CODE]", "break, with an OCPP 1.6 error code", Stage._fault),
    "clear": Verb("N", "end the fault", Stage._fault),
    "drop": Verb("[SECONDS] [cut|close|vanish]", "lose the connection and stay away so long", Stage._drop),
    "offline": Verb("", "lose the network", Stage._offline),
    "online": Verb("", "have a network again", Stage._offline),
    "power": Verb("SECONDS", "a power cut of that length, then a boot", Stage._power),
    "reboot": Verb("[soft|hard]", "restart", Stage._reboot),
    "tell": Verb("ACTION [N]", "send a message that TriggerMessage or ExtendedTriggerMessage could ask for", Stage._tell),
    "data": Verb("VENDOR [MESSAGE [DATA]]", "DataTransfer", Stage._data),
    "send": Verb("ACTION {JSON}", "any CALL, and wait for its answer", Stage._send),
    "raw": Verb("TEXT", "any text as a frame", Stage._raw),
    "quirk": Verb("NAME [off]", "begin or cease to misbehave", Stage._quirk),
    "fail": Verb("NAME [off]", "begin or cease to fail at something", Stage._fail),
    "renew": Verb("", "make a key and ask for a certificate (SignCertificate)", Stage._renew),
    "event": Verb("TYPE [TEXT]", "tell a security event", Stage._event),
    "set": Verb("NAME VALUE", "change a setting at the charger itself", Stage._set),
    "say": Verb("TEXT", "print a line", Stage._say),
    "show": Verb("", "print the state of the charger", Stage._show_all),
}
"""Every verb, for scripts and for the prompt."""
