"""``csms tail``: frames and events as they happen, from the running server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
import msgspec
import trio
from rich.text import Text

from . import show
from .exits import Exit, Failure
from .options import Invocation, common, examples
from .server import Event, Server, server_option

ARROWS = {"in": "→", "out": "←"}
STYLES = {"call": "cyan", "result": "green", "error": "red", "unreadable": "red"}
PLAIN = frozenset({"charger_id", "tenant"})
PATIENCE_S = 60.0
"""How long a server is looked for that was there before."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 2.0


def _time(item: dict[str, Any]) -> str:
    at = item.get("occurred_at")
    return at[11:23] if isinstance(at, str) else " " * 12


def _head(item: dict[str, Any]) -> str:
    return f"{_time(item)} {item.get('charger_id') or ''} "


def frame_line(item: dict[str, Any]) -> Text:
    """A frame for people: when, who, which way, what, and the text itself."""
    data = item.get("data", {})
    kind = str(data.get("kind", ""))
    line = Text(_head(item))
    line.append(f"{ARROWS.get(str(data.get('direction')), '?')} ", style="bold")
    line.append(f"{data.get('action') or kind} ", style=STYLES.get(kind, ""))
    if data.get("took_ms") is not None:
        line.append(f"({data['took_ms']:.0f} ms) ", style="dim")
    if data.get("problem"):
        line.append(f"[{data['problem']}] ", style="red")
    return line.append(str(data.get("text", "")), style="dim")


def event_line(kind: str, item: dict[str, Any]) -> Text:
    """An event for people: when, who, its name, its facts."""
    data: dict[str, Any] = item.get("data", {})
    twins = {f"{name.removesuffix('_wh')}_kwh" for name in data if name.endswith("_wh")}
    facts = {
        name: value for name, value in data.items() if name not in PLAIN and name not in twins and value not in (None, "", [], {})
    }
    line = Text(_head(item))
    line.append(f"★ {kind} ", style="bold yellow")
    return line.append(" ".join(f"{name}={_short(name, value)}" for name, value in facts.items()))


def _short(name: str, value: Any) -> str:
    """A fact in few characters: a place as ``1.2``, meter readings as what was measured, anything else as JSON."""
    try:
        if name == "place":
            return f"{value['evse']}.{value['connector']}"
        if name == "readings":
            return ", ".join(_sample(sample) for reading in value for sample in reading["samples"])
    except (KeyError, TypeError):
        pass  # not the shape we know: a server of another version, or a plugin's event
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _sample(sample: dict[str, Any]) -> str:
    phase = f" {sample['phase']}" if sample["phase"] else ""
    return f"{sample['measurand']}{phase} {sample['value']} {sample['unit']}"


def followed(server: Server, parameters: dict[str, str]) -> Iterator[Event]:
    """The feed, taken up again where it broke off. Raises ``Failure`` when it cannot begin, or the server stays away."""
    last, away_s, wait_s = parameters.pop("last_event_id", ""), 0.0, FIRST_WAIT_S
    begun = False
    while True:
        since = {"last_event_id": last} if last else {}
        try:
            for item in server.events("/api/v1/live", {**parameters, **since}):
                if not begun or away_s:
                    begun, away_s, wait_s = True, 0.0, FIRST_WAIT_S
                last = item.id or last
                if item.kind == "end":
                    why = Failure(f"the server ended the feed: {item.data.get('reason', 'no reason given')}", Exit.NO_SERVER)
                    break
                if item.kind:
                    yield item
            else:
                why = Failure("the server closed the feed", Exit.NO_SERVER)
        except Failure as failure:
            if not begun:
                raise
            why = failure
        if away_s >= PATIENCE_S:
            raise why
        if not away_s:
            show.remark(f"{why}; looking for it again")
        begun = True
        trio.run(trio.sleep, wait_s)
        away_s, wait_s = away_s + wait_s, min(2 * wait_s, LONGEST_WAIT_S)


@examples(
    "csms tail                        everything",
    "csms tail C1                     one charger",
    "csms tail --events               no frames, only what they meant",
    "csms tail --kind transactions    a group of events, or one type of them",
    "csms tail --after 4711           what was stored after this event, too",
    "csms tail --kind transaction_ended --json >> ended.jsonl",
)
@click.command()
@click.argument("charger_id", required=False)
@click.option("--frames", is_flag=True, help="Frames only.")
@click.option("--events", is_flag=True, help="Events only.")
@click.option("--kind", "kinds", multiple=True, metavar="TYPE", help="Only this event type or group (repeat for more).")
@click.option("--after", type=click.IntRange(1), metavar="EVENT_ID", help="Begin with what happened after this event.")
@click.option("--count", type=click.IntRange(1), help="Stop after so many lines.")
@server_option
@common
def tail(
    call: Invocation,
    charger_id: str | None,
    frames: bool,
    events: bool,
    kinds: tuple[str, ...],
    after: int | None,
    count: int | None,
    server: str | None,
) -> None:
    """Show frames and events live.

    Of one charger or of all, until interrupted. → is what a charger says, ← what we say to it, ★ an event. With --json, one JSON document per line.
    When the server restarts, no event is missed; frames of the meantime are in the frame log.
    """
    if frames and (events or kinds):
        raise click.UsageError("--frames cannot go with --events or --kind")
    wanted = ("frame",) if frames else kinds
    parameters = {"charger_id": charger_id or "", "kinds": ",".join(wanted), "last_event_id": str(after or "")}
    lines = show.console()
    told = 0
    for item in followed(Server(call.config, server), {name: value for name, value in parameters.items() if value}):
        if events and item.kind == "frame":
            continue
        if item.kind == "reset":
            show.remark(f"something may be missing here: {item.data.get('reason', '')}")
            continue
        if call.json:
            show.json_line(item.data)
        else:
            lines.print(_line(item), soft_wrap=True)
        told += 1
        if told == count:
            return


def _line(item: Event) -> Text:
    return frame_line(item.data) if item.kind == "frame" else event_line(item.kind, item.data)
