"""``csms bulk``: one command for many chargers, through the running server."""

from __future__ import annotations

import sys
from typing import Any

import click
import trio

from . import show
from .arguments import fields_of, form_of
from .exits import Exit
from .options import Invocation, common, examples
from .send import exit_code, words
from .server import Server, server_option
from .station import station_id

COLUMNS = ["id", "command", "state", "total", "accepted", "ended", "queued", "asked_by", "asked_at", "ended_at"]
LOOK_S = 0.5
PAGE = 200


def plain(bulk: dict[str, Any]) -> dict[str, Any]:
    """A bulk with its counts beside its facts."""
    counts: dict[str, int] = bulk["counts"]
    return {name: value for name, value in bulk.items() if name != "counts"} | counts


@click.group()
def bulk() -> None:
    """One command for many chargers, a few at a time.

    The running server does the work; it goes on where it was after a restart. Each charger has one turn.
    """


@examples(
    "csms bulk send Reset immediately --station 'North campus'",
    "csms bulk send GetVariables HeartbeatInterval --model 'Fast 60' --connected",
    "csms bulk send ClearCache --charger C1 --charger C2 --no-wait",
    "csms bulk send TriggerMessage BootNotification --all --at-a-time 25",
)
@bulk.command()
@click.argument("command")
@click.argument("arguments", nargs=-1)
@click.option("--charger", "charger_ids", multiple=True, metavar="CHARGER_ID", help="This charger (repeat for more).")
@click.option("--station", metavar="STATION", help="The chargers of a station, by name or id.")
@click.option("--vendor", help="Chargers of this vendor.")
@click.option("--model", help="Chargers of this model.")
@click.option("--firmware", help="Chargers with this firmware.")
@click.option("--connected", is_flag=True, help="Only those that are connected now.")
@click.option("--all", "everyone", is_flag=True, help="Every charger.")
@click.option("--at-a-time", type=click.IntRange(1, 50), default=10, show_default=True, help="Chargers spoken to at once.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait until every charger has had its turn.")
@server_option
@common
def send(
    call: Invocation,
    command: str,
    arguments: tuple[str, ...],
    charger_ids: tuple[str, ...],
    station: str | None,
    vendor: str | None,
    model: str | None,
    firmware: str | None,
    connected: bool,
    everyone: bool,
    at_a_time: int,
    wait: bool,
    server: str | None,
) -> None:
    """Send a COMMAND to many chargers; its arguments are as for `csms send`.

    Exit code 4 means that a charger said no, 5 that one gave no answer.
    """
    form = form_of(command)
    chosen: dict[str, Any] = {
        "charger_ids": charger_ids,
        "station_id": station_id(call.config, station) if station else None,
        "vendor": vendor,
        "model": model,
        "firmware": firmware,
        "connected": True if connected else None,
        "everyone": everyone,
    }
    if not any(chosen.values()):
        raise click.UsageError("say which chargers: --charger, --station, --vendor, --model, --firmware, --connected, or --all")
    body = {"command": form.name, "body": fields_of(form, arguments), "chargers": chosen, "at_a_time": at_a_time}
    running = Server(call.config, server)
    made = running.call("POST", "/api/v1/bulk-commands", body)
    if not wait:
        show.done(call.json, f"Bulk {made['id']}: {made['counts']['total']} chargers; `csms bulk show {made['id']}`", **plain(made))
        return
    made = _followed(running, made)
    results = _results(running, made["id"])
    _told(call, made, results)
    sys.exit(max((_code(each) for each in results), default=Exit.DONE))


def _followed(running: Server, made: dict[str, Any]) -> dict[str, Any]:
    """A bulk at its end."""
    with show.progress() as progress:
        task = progress.add_task(made["command"], total=made["counts"]["total"])
        while made["state"] == "running":
            trio.run(trio.sleep, LOOK_S)
            made = running.call("GET", f"/api/v1/bulk-commands/{made['id']}")
            progress.update(task, completed=made["counts"]["total"] - made["counts"]["queued"] - made["counts"]["under_way"])
    return made


def _results(running: Server, bulk_id: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    page = 1
    while True:
        part = running.call("GET", f"/api/v1/bulk-commands/{bulk_id}/results?limit={PAGE}&page={page}")
        found += part["items"]
        page += 1
        if len(part["items"]) < PAGE:
            return found


def _code(result: dict[str, Any]) -> Exit:
    return exit_code(result) if result["progress"] == "ended" else Exit.CHARGER_SILENT


def _told(call: Invocation, made: dict[str, Any], results: list[dict[str, Any]]) -> None:
    if call.json:
        show.as_json(plain(made) | {"results": results})
        return
    listed = [
        {
            "charger": each["charger_id"],
            "result": words(each["charger_id"], made["command"], each) if each["outcome"] else each["note"] or each["progress"],
        }
        for each in results
    ]
    show.rows(False, listed, ["charger", "result"], empty="")


@examples("csms bulk list", "csms bulk list --json")
@bulk.command(name="list")
@click.option("--limit", type=click.IntRange(1, PAGE), default=20, show_default=True, help="At most so many.")
@server_option
@common
def list_some(call: Invocation, limit: int, server: str | None) -> None:
    """List commands to many chargers, the newest first."""
    items = Server(call.config, server).call("GET", f"/api/v1/bulk-commands?limit={limit}")["items"]
    show.rows(call.json, [plain(each) for each in items], COLUMNS, empty="There were none")


@examples("csms bulk show 3", "csms bulk show 3 --json")
@bulk.command(name="show")
@click.argument("bulk_id", type=int)
@server_option
@common
def show_one(call: Invocation, bulk_id: int, server: str | None) -> None:
    """Show how far one is, and what became of it, charger by charger."""
    running = Server(call.config, server)
    made = running.call("GET", f"/api/v1/bulk-commands/{bulk_id}")
    results = _results(running, bulk_id)
    if not call.json:
        show.record(False, plain(made))
    _told(call, made, results)


@examples("csms bulk cancel 3")
@bulk.command()
@click.argument("bulk_id", type=int)
@server_option
@common
def cancel(call: Invocation, bulk_id: int, server: str | None) -> None:
    """Cancel what has not had its turn; what is under way goes on."""
    made = Server(call.config, server).call("POST", f"/api/v1/bulk-commands/{bulk_id}/cancel")
    show.done(call.json, f"Cancelled bulk {bulk_id}: {made['counts']['cancelled']} chargers are not asked any more", **plain(made))
