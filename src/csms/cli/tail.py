"""``csms tail``: frames and events as they happen, from the running server."""

from __future__ import annotations

from typing import Any

import click
import msgspec
from rich.text import Text

from csms.core.units import iso

from . import show
from .exits import Exit, Failure
from .options import Invocation, common, examples
from .server import Event, Server, server_option

ARROWS = {"in": "→", "out": "←"}
STYLES = {"call": "cyan", "result": "green", "error": "red", "unreadable": "red"}
PLAIN = frozenset({"at", "occurred_at", "charger_id", "event_id", "tenant"})


def _time(data: dict[str, Any]) -> str:
    at = data.get("at") or data.get("occurred_at")
    return iso(at)[11:23] if isinstance(at, int) else " " * 12


def frame_line(data: dict[str, Any]) -> Text:
    """A frame for people: when, who, which way, what, and the text itself."""
    kind = str(data.get("kind", ""))
    line = Text(f"{_time(data)} {data.get('charger_id', '')} ")
    line.append(f"{ARROWS.get(str(data.get('direction')), '?')} ", style="bold")
    line.append(f"{data.get('action') or kind} ", style=STYLES.get(kind, ""))
    if data.get("took_ms") is not None:
        line.append(f"({data['took_ms']:.0f} ms) ", style="dim")
    if data.get("problem"):
        line.append(f"[{data['problem']}] ", style="red")
    return line.append(str(data.get("text", "")), style="dim")


def event_line(kind: str, data: dict[str, Any]) -> Text:
    """An event for people: when, who, its name, its facts."""
    facts = {name: value for name, value in data.items() if name not in PLAIN and value not in (None, "", [], {})}
    line = Text(f"{_time(data)} {data.get('charger_id', '')} ")
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


@examples(
    "csms tail                        everything",
    "csms tail C1                     one charger",
    "csms tail --events               no frames, only what they meant",
    "csms tail --kind transaction_ended --json >> ended.jsonl",
)
@click.command()
@click.argument("charger_id", required=False)
@click.option("--frames", is_flag=True, help="Frames only.")
@click.option("--events", is_flag=True, help="Events only.")
@click.option("--kind", "kinds", multiple=True, metavar="TYPE", help="Only this event type (repeat for more).")
@click.option("--count", type=click.IntRange(1), help="Stop after so many lines.")
@server_option
@common
def tail(
    call: Invocation,
    charger_id: str | None,
    frames: bool,
    events: bool,
    kinds: tuple[str, ...],
    count: int | None,
    server: str | None,
) -> None:
    """Show frames and events live.

    Of one charger or of all, until interrupted. → is what a charger says, ← what we say to it, ★ an event. With --json, one JSON document per line.
    """
    if frames and (events or kinds):
        raise click.UsageError("--frames cannot go with --events or --kind")
    wanted = ("frame",) if frames else kinds
    parameters = {"charger": charger_id or "", "kinds": ",".join(wanted)}
    lines = show.console()
    told = 0
    for item in Server(call.config, server).events("/api/v1/live", {name: value for name, value in parameters.items() if value}):
        if item.kind == "end":
            raise Failure(f"the server ended the feed: {item.data.get('reason', 'no reason given')}", Exit.NO_SERVER)
        if events and item.kind == "frame":
            continue
        if call.json:
            show.json_line({**item.data, "event": item.kind})
        else:
            lines.print(_line(item), soft_wrap=True)
        told += 1
        if told == count:
            return
    raise Failure("the server closed the feed", Exit.NO_SERVER)


def _line(item: Event) -> Text:
    return frame_line(item.data) if item.kind == "frame" else event_line(item.kind, item.data)
