"""``csms send``: a command to a charger, through the running server."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

import click
import msgspec

from csms.core.commands import COMMANDS, Answered

from . import show
from .arguments import fields_of, form_of
from .exits import Exit
from .options import Invocation, common, examples
from .server import Server, segment, server_option

LONGEST_S = 300.0
"""Longest wait that the API takes."""
MARGIN_S = 10.0
"""How much longer than the charger's own time limits the server may take to answer."""


RECORD = frozenset({"id", "charger_id", "command", "progress", "accepted", "bulk_id", "asked_by", "asked_at", "ended_at"})
"""What the server keeps of every command besides its outcome."""
TOLD = frozenset({"status", "detail", "code", "description", "details", "reason"})
"""What there may be of an outcome, besides its name."""


def exit_code(answer: dict[str, Any]) -> Exit:
    """What the outcome of a command means to a script."""
    match answer.get("outcome"):
        case "Answered":
            return Exit.DONE if Answered(str(answer.get("status", ""))).accepted else Exit.CHARGER_REFUSED
        case "CallError" | "NotSupported":
            return Exit.CHARGER_REFUSED
        case _:
            return Exit.CHARGER_SILENT


def words(charger_id: str, command: str, answer: dict[str, Any]) -> str:
    """What became of a command, in a sentence."""
    match answer.get("outcome"):
        case "Answered":
            return f"{charger_id} answered {answer.get('status')}"
        case "CallError":
            return f"{charger_id} answered with an error: {answer.get('code')} {answer.get('description', '')}".rstrip()
        case "NotSupported":
            return f"{charger_id} cannot do {command}: {answer.get('reason') or 'its OCPP version has no such message'}"
        case "TimedOut":
            return f"{charger_id} did not answer in time; it may have obeyed"
        case "Lost":
            return f"{charger_id}'s link died before its answer; it may have obeyed"
        case "Expired":
            return f"{command} waited too long in {charger_id}'s queue; it was not sent"
        case "Superseded":
            return f"a newer {command} took the place of this one; it was not sent"
        case "QueueFull":
            return f"{charger_id}'s queue is full; {command} was not sent"
        case "Offline":
            return f"{charger_id} is offline: {answer.get('reason', 'not connected')}"
        case other:
            return f"{command}: {other}"


def send_to(
    call: Invocation,
    server: Server,
    charger_id: str,
    command: str,
    fields: dict[str, Any],
    *,
    ttl_s: float | None = None,
    timeout_s: float | None = None,
) -> None:
    """Send, show what became of it, and exit with a code that says the same. Waits as long as configured unless told."""
    ttl_s = min(ttl_s or call.config.ocpp.command_ttl_s, LONGEST_S)
    timeout_s = min(timeout_s or call.config.ocpp.call_timeout_s, LONGEST_S)
    path = f"/api/v1/chargers/{segment(charger_id)}/commands/{command}?ttl_s={ttl_s:g}&timeout_s={timeout_s:g}"
    answer = server.call("POST", path, fields, timeout_s=ttl_s + timeout_s + MARGIN_S)
    told(call, charger_id, command, outcome_of(answer))


def ask(call: Invocation, server: str | None, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Ask the running server for something that waits for a charger; what the server answers."""
    patience_s = 3 * (call.config.ocpp.command_ttl_s + call.config.ocpp.call_timeout_s) + MARGIN_S
    answer: dict[str, Any] = Server(call.config, server).call(method, f"/api/v1/{path}", body, timeout_s=patience_s)
    return {name: value for name, value in answer.items() if name != "accepted" and not (value is None and name in TOLD)}


def outcome_of(answer: dict[str, Any]) -> dict[str, Any]:
    """What became of a command, without the record of who asked for it and when, and without what there is not."""
    return {
        name: value for name, value in answer.items() if name not in RECORD and value is not None and (name, value) != ("note", "")
    }


def close(call: Invocation, answer: dict[str, Any], sentence: str, code: Exit | None = None) -> NoReturn:
    """Show an answer as a sentence, or whole in JSON, and exit with a code that says the same (``code``: one that says more)."""
    code = exit_code(answer) if code is None else code
    if call.json:
        show.as_json(answer)
    else:
        click.echo(sentence, err=code is not Exit.DONE)
    sys.exit(code)


def told(call: Invocation, charger_id: str, command: str, answer: dict[str, Any]) -> NoReturn:
    """Show what became of a command, and exit with a code that says the same."""
    code = exit_code(answer)
    if call.json:
        show.as_json(answer)
    else:
        sentence = words(charger_id, command, answer)
        click.echo(sentence, err=code is not Exit.DONE)
        known = {"outcome", "certain", "status", "code", "description", "reason"}
        _details({name: value for name, value in answer.items() if name not in known and value not in ({}, [], None, "")})
    sys.exit(code)


def _details(more: dict[str, Any]) -> None:
    detail = more.pop("detail", {}) or more.pop("details", {})
    more = {**(detail if isinstance(detail, dict) else {"detail": detail}), **more}
    for name, value in more.items():
        if isinstance(value, list) and value and all(isinstance(member, dict) for member in value):
            click.echo(f"{show.title(name)}:")
            show.rows(False, value, show.columns_of(value), empty="")
        else:
            show.record(False, {name: value})


@examples(
    "csms send C1 StartCharging token=ABC evse=1",
    "csms send C1 StopCharging transaction=17",
    "csms send C1 Reset immediately",
    "csms send C1 UnlockConnector 1",
    "csms send C1 ChangeAvailability 0 inoperative",
    "csms send C1 GetVariables HeartbeatInterval",
    "csms send C1 SetVariables HeartbeatInterval=300",
    "csms send C1 SetVariables OCPPCommCtrlr.HeartbeatInterval=300      (OCPP 2.x)",
    "csms send C1 TriggerMessage StatusNotification place=1",
    "csms send C1 ReserveNow place=1 token=ABC expires_at=+2h",
    "csms send C1 SetChargingProfile place=1 profile=@profile.json",
    "csms send C1 GetCompositeSchedule place=1 duration_s=3600",
    'csms send C1 SendData --body \'{"vendor_id": "acme", "data": "hello"}\'',
    "csms send --list",
)
@click.command()
@click.argument("charger_id", required=False)
@click.argument("command", required=False)
@click.argument("arguments", nargs=-1)
@click.option("--list", "list_commands", is_flag=True, help="Show every command and how it is written.")
@click.option("--body", metavar="JSON", help="The command's fields as the API takes them, instead of arguments.")
@click.option(
    "--ttl", "ttl_s", type=click.FloatRange(0.1, LONGEST_S), help="Seconds it may wait in the queue [default: as configured]."
)
@click.option(
    "--timeout", "timeout_s", type=click.FloatRange(0.1, LONGEST_S), help="Seconds to wait for the answer [default: as configured]."
)
@server_option
@common
def send(
    call: Invocation,
    charger_id: str | None,
    command: str | None,
    arguments: tuple[str, ...],
    list_commands: bool,
    body: str | None,
    ttl_s: float | None,
    timeout_s: float | None,
    server: str | None,
) -> None:
    """Send a command to a charger.

    It must be connected to the running server; its answer is waited for. Arguments are FIELD=VALUE or, where it is plain what they mean, bare words. Exit code 4 means that the charger said no, 5 that it
    gave no answer.
    """
    if list_commands:
        listed = [
            {"command": name, "what it does": kind.title, "how it is written": form_of(name).usage}
            for name, kind in COMMANDS.items()
        ]
        show.rows(call.json, listed, ["command", "what it does", "how it is written"], empty="")
        return
    if charger_id is None or command is None:
        raise click.UsageError("say which charger and which command; `csms send --list` shows the commands")
    form = form_of(command)
    if body is None:
        fields = fields_of(form, arguments)
    elif arguments:
        raise click.UsageError("give arguments or --body, not both")
    else:
        fields = _decoded(body)
    send_to(call, Server(call.config, server), charger_id, form.name, fields, ttl_s=ttl_s, timeout_s=timeout_s)


def _decoded(body: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise click.UsageError(f"--body is no JSON object: {error}") from None
