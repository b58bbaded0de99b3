"""``csms tariff``: tariffs on the command line. They ask the running server."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click

from csms.api.terminal import Instant, Invocation, as_json, common, every, examples, instant, table
from csms.hooks import iso

from . import importing

TARIFFS = "/api/v1/tariffs"


def found(call: Invocation, tariff: str) -> Mapping[str, Any]:
    """A tariff by its id or name. Raises ``click.ClickException``."""
    number = tariff
    if not tariff.isdigit():
        named = [each for each in every(call.client, f"{TARIFFS}?state=active") if each["name"].casefold() == tariff.casefold()]
        if not named:
            raise click.ClickException(f"there is no tariff {tariff!r} (csms tariff list)")
        number = named[0]["id"]
    answer: Mapping[str, Any] = call.client.call("GET", f"{TARIFFS}/{number}")
    return answer


@examples("csms tariff list", "csms tariff list --all --json")
@click.command("list")
@click.option("--all", "archived", is_flag=True, help="Archived ones, too.")
@common
def list_all(call: Invocation, archived: bool) -> None:
    """List tariffs."""
    items = every(call.client, TARIFFS if archived else f"{TARIFFS}?state=active")
    if call.json:
        as_json(items)
        return
    if not items:
        click.echo("There are no tariffs: csms tariff import FILE")
        return
    rows = [
        (
            each["id"],
            each["name"],
            each["currency"],
            "with" if each["tax_inclusive"] else "before",
            each["version"],
            each["assignments"],
            each["state"],
        )
        for each in items
    ]
    table(
        ("id", "name", "currency", "tax", "version", "assignments", "state"),
        rows,
        right=frozenset({"id", "version", "assignments"}),
    )


@examples("csms tariff show 3", "csms tariff show 'Day and night' --versions")
@click.command("show")
@click.argument("tariff")
@click.option("--versions", is_flag=True, help="All versions, not only the one in force and the next.")
@common
def show_one(call: Invocation, tariff: str, versions: bool) -> None:
    """Show one tariff as a price list. TARIFF is its id or name."""
    detail = found(call, tariff)
    listed = [each for each in (detail["version"], detail["next"]) if each is not None]
    if versions:
        listed = every(call.client, f"{TARIFFS}/{detail['tariff']['id']}/versions")
    if call.json:
        as_json({**detail, "versions": listed} if versions else detail)
        return
    known = detail["tariff"]
    click.echo(f"{known['name']} (tariff {known['id']}, {known['currency']}, {known['state']})")
    if known["description"]:
        click.echo(known["description"])
    for each in listed:
        click.echo(f"\nVersion {each['number']} from {instant(each['valid_from_at'])} on ({each['state'].replace('_', ' ')})")
        for line in (*each["words"], *(f"note: {remark}" for remark in each["remarks"])):
            click.echo(f"  {line}")


@examples("csms tariff explain CP-0001 --evse 1", "csms tariff explain CP-0001 --driver 7 --at 2026-08-15T20:00:00Z")
@click.command()
@click.argument("charger_id", metavar="CHARGER")
@click.option("--evse", type=int, default=0, help="The EVSE (the connector, with OCPP 1.6).")
@click.option("--connector", type=int, default=0, help="The EVSE's connector.")
@click.option("--driver", "driver_id", type=int, metavar="ID", help="For this driver.")
@click.option("--at", type=Instant(), help="When the charge starts [default: now].")
@common
def explain(call: Invocation, charger_id: str, evse: int, connector: int, driver_id: int | None, at: int | None) -> None:
    """Say which tariff applies at a CHARGER, and why: every candidate in the order of precedence."""
    asked: dict[str, Any] = {"charger_id": charger_id, "evse": evse, "connector": connector}
    if driver_id is not None:
        asked["driver_id"] = driver_id
    if at is not None:
        asked["at"] = iso(at)
    answer = call.client.call("GET", f"{TARIFFS}/explain?{urlencode(asked)}")
    if call.json:
        as_json(answer)
        return
    if answer["tariff"] is None:
        click.echo("No tariff applies.")
    else:
        click.echo(f"{answer['tariff']} (tariff {answer['tariff_id']}, version {answer['version']}) applies:")
        for line in answer["words"]:
            click.echo(f"  {line}")
    if answer["candidates"]:
        click.echo()
        rows = [
            (
                each["assignment"]["id"],
                each["assignment"]["tariff"],
                _place(each["assignment"]),
                each["verdict"].replace("_", " "),
                each["why"],
            )
            for each in answer["candidates"]
        ]
        table(("assignment", "tariff", "assigned to", "verdict", "why"), rows, right=frozenset({"assignment"}))


def _place(assignment: Mapping[str, Any]) -> str:
    words: dict[str, str] = {
        "tenant": "everywhere",
        "station": f"station {assignment['station_id']}",
        "charger": str(assignment["charger_id"]),
        "connector": f"{assignment['charger_id']} {assignment['evse']}.{assignment['connector'] or '*'}",
    }
    group = assignment["driver_group"]
    return words[assignment["level"]] + (f", group {group}" if group else "")


@examples(
    "csms tariff calculate --charger CP-0001 --evse 1 --kwh 20 --kw 11",
    "csms tariff calculate --tariff 'Day and night' --kwh 20 --minutes 90 --start 2026-08-15T20:00:00Z",
)
@click.command()
@click.option("--kwh", type=float, help="Energy.")
@click.option("--kw", type=float, help="Power.")
@click.option("--minutes", type=float, help="How long it charges.")
@click.option("--idle-minutes", type=float, default=0.0, help="How long the vehicle stays connected afterwards.")
@click.option("--reserved-minutes", type=float, default=0.0, help="How long the place was reserved.")
@click.option("--start", "started_at", type=Instant(), help="When it starts [default: now].")
@click.option("--charger", "charger_id", default="", metavar="CHARGER", help="Where.")
@click.option("--evse", type=int, default=0, help="The EVSE (the connector, with OCPP 1.6).")
@click.option("--connector", type=int, default=0, help="The EVSE's connector.")
@click.option("--station", "station_id", type=int, metavar="ID", help="Where, if at no charger in particular.")
@click.option("--driver", "driver_id", type=int, metavar="ID", help="For this driver.")
@click.option("--promo", "promo_code", default="", metavar="CODE", help="With a promo code.")
@click.option("--tariff", metavar="TARIFF", help="By this tariff (id or name) [default: the one that applies].")
@common
def calculate(
    call: Invocation,
    kwh: float | None,
    kw: float | None,
    minutes: float | None,
    idle_minutes: float,
    reserved_minutes: float,
    tariff: str | None,
    **said: Any,
) -> None:
    """Price a charge that never was, line by line."""
    body = {name: value for name, value in said.items() if value not in (None, "", 0)}
    sizes = {"energy_wh": (kwh, 1000), "power_w": (kw, 1000), "duration_s": (minutes, 60)}
    body |= {name: round(value * factor) for name, (value, factor) in sizes.items() if value is not None}
    body |= {"idle_s": round(idle_minutes * 60), "reserved_s": round(reserved_minutes * 60)}
    if tariff is not None:
        body["tariff_id"] = found(call, tariff)["tariff"]["id"]
    answer = call.client.call("POST", f"{TARIFFS}/calculate", body)
    if call.json:
        as_json(answer)
        return
    price = answer["price"]
    rows = [
        (
            each["description"],
            each["quantity"],
            each["unit"],
            each["unit_price"],
            each["amount"],
            "estimated" if each["estimated"] else "",
        )
        for each in price["lines"]
    ]
    table(("what", "quantity", "unit", "at", "amount", ""), rows, right=frozenset({"quantity", "at", "amount"}))
    click.echo()
    for line in (*price["explained"], *price["notes"]):
        click.echo(line)


@examples("csms tariff import tariffs.toml", "csms tariff import tariffs.json --dry-run")
@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@common
def import_file(call: Invocation, file: Path, dry_run: bool) -> None:
    """Add what a FILE (TOML or JSON) has: calendars, tariffs, assignments, promo codes.

    Run again it does nothing twice. A tariff that is there already gets a new version where its rules are other ones.
    """
    done = importing.bring(call.client, importing.read(file), dry_run=dry_run)
    if call.json:
        as_json([{"what": what, "name": name, "done": words} for what, name, words in done])
        return
    for what, name, words in done:
        click.echo(f"{what} {name}: {words}")


COMMANDS: tuple[click.Command, ...] = (list_all, show_one, explain, calculate, import_file)
