"""``csms profile``: charging profiles, where they are wanted, and what chargers hold of them."""

from __future__ import annotations

import sys
import tomllib
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import click
import msgspec

from csms.core.charging import ChargingProfile
from csms.core.errors import Invalid
from csms.core.ports import ReadTx
from csms.domain.profiles import service, store
from csms.domain.profiles.model import CLEARED, Held, Target, Template
from csms.domain.profiles.written import document_of, profile_from

from . import show
from .options import Invocation, common, examples
from .pages import EVERY
from .profile_live import clear, composite, send
from .station import station_id
from .store import read, write

COLUMNS = ["name", "purpose", "stack_level", "kind", "unit", "periods", "assignments", "description"]
HELD_COLUMNS = [
    "charger_id",
    "evse",
    "profile_id",
    "template",
    "purpose",
    "stack_level",
    "transaction_id",
    "state",
    "status",
    "sent_at",
]


@click.group()
def profile() -> None:
    """Charging profiles: how much chargers may draw, and when.

    A profile is written as a TOML or JSON file, added under a name, and then sent to a charger once, or assigned to a charger, a
    station's chargers or all chargers of a model. What is assigned is sent by the running server as soon as it can be, and a
    TxProfile with every transaction.
    """


for command in (send, clear, composite):
    profile.add_command(command)


def _row(template: Template) -> dict[str, Any]:
    schedule = template.profile.schedule
    return {
        "name": template.name,
        "description": template.description,
        **document_of(template.profile),
        "unit": schedule.unit,
        "periods": len(schedule.periods),
        "assignments": template.assignments,
        "changed_at": template.changed_at,
    }


def _held(held: Held) -> dict[str, Any]:
    return {
        "charger_id": held.charger_id,
        "evse": held.evse,
        "profile_id": held.profile.id,
        "template": held.template,
        "purpose": held.profile.purpose,
        "stack_level": held.profile.stack_level,
        "transaction_id": held.transaction_id,
        "state": f"{held.state}, leaving" if held.leaving and held.state != CLEARED else held.state,
        "status": held.status,
        "sent_at": held.sent_at,
        "try_at": held.try_at,
    }


def profile_in(file: str) -> ChargingProfile:
    """The profile in a file, TOML or JSON; ``-`` is standard input. Raises ``UsageError`` with the file and the field."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise click.UsageError(f"{file} is no text (UTF-8)") from None
    try:
        data = msgspec.json.decode(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (msgspec.DecodeError, tomllib.TOMLDecodeError) as error:
        raise click.UsageError(f"{file} is neither TOML nor JSON: {error}") from None
    try:
        return profile_from(data)
    except Invalid as error:
        raise click.UsageError(f"{file}: {error.field or 'profile'}: {error}") from None


@examples(
    "csms profile add night night.toml",
    "csms profile add night night.toml --replace          chargers that have it are sent it again",
    "csms profile show night --json > copy.json; csms profile add copy copy.json",
)
@profile.command()
@click.argument("name")
@click.argument("file", metavar="FILE")
@click.option("--description", default="", help="What it is for.")
@click.option("--replace", is_flag=True, help="Change the profile of that name.")
@common
def add(call: Invocation, name: str, file: str, description: str, replace: bool) -> None:
    """Add the charging profile in FILE under a NAME.

    \b
    purpose = "TxDefaultProfile"       ChargingStationMaxProfile, TxDefaultProfile or TxProfile
    kind = "Recurring"                 Absolute, Recurring or Relative (to the start of charging)
    recurrency = "Daily"               or Weekly, for what is Recurring
    stack_level = 0                    the higher one prevails; default 0
    valid_from, valid_to               optional, such as 2026-01-31T18:30:00Z
    [schedule]
    unit = "A"                         A per phase, or W in total
    start_at = 2026-01-01T17:30:00Z    not for what is Relative
    duration_s = 86400                 optional
    periods = [{ start_s = 0, limit = 16 }, { start_s = 28800, limit = 6, phases = 3 }]
    """
    verb = service.change_template if replace else service.add_template
    added = write(call.config, partial(verb, name=name, profile=profile_in(file), description=description))
    words = f"{'Changed' if replace else 'Added'} charging profile {added.name}"
    show.done(call.json, words, **_row(added))


def templates(tx: ReadTx) -> list[Template]:
    """Every template of the tenant."""
    return store.list_templates(tx, limit=EVERY)


@examples("csms profile list", "csms profile list --charger C1", "csms profile list --charger C1 --history")
@profile.command("list")
@click.option("--charger", "charger_id", metavar="CHARGER_ID", help="What this charger holds, or shall.")
@click.option("--history", is_flag=True, help="Also what it does not hold any more.")
@common
def list_all(call: Invocation, charger_id: str | None, history: bool) -> None:
    """List charging profiles, or those at a charger."""
    if charger_id is None:
        found = [_row(each) for each in read(call.config, templates)]
        show.rows(call.json, found, COLUMNS, empty="There are no charging profiles yet: csms profile add NAME FILE")
        return
    held = read(call.config, partial(store.of_charger, charger_id=charger_id, history=history))
    show.rows(call.json, [_held(each) for each in held], HELD_COLUMNS[1:], empty=f"{charger_id} holds no charging profiles")


@examples("csms profile show night", "csms profile show night --json")
@profile.command("show")
@click.argument("name")
@common
def show_one(call: Invocation, name: str) -> None:
    """Show a charging profile; in JSON, as it may be added again."""

    def query(tx: ReadTx) -> tuple[Template, list[Any], list[Held]]:
        template = service.need_template(tx, name)
        return template, store.list_assignments(tx, template.id), store.of_template(tx, template.id)

    template, assignments, held = read(call.config, query)
    document = document_of(template.profile)
    if call.json:
        show.as_json(document)
        return
    schedule = document.pop("schedule")
    periods = schedule.pop("periods")
    show.record(False, {"name": template.name, "description": template.description, **document, **schedule})
    click.echo()
    show.rows(False, periods, show.columns_of(periods), empty="")
    click.echo()
    wanted = [{"assigned to": str(each.target), "evse": each.evse, "again at boot": each.again_at_boot} for each in assignments]
    show.rows(False, wanted, show.columns_of(wanted), empty="It is assigned nowhere.")
    if held:
        click.echo()
        show.rows(
            False, [_held(each) for each in held], ["charger_id", "evse", "profile_id", "state", "status", "sent_at"], empty=""
        )


@examples("csms profile remove night")
@profile.command()
@click.argument("name")
@common
def remove(call: Invocation, name: str) -> None:
    """Take a charging profile away. What chargers hold of it stays."""
    write(call.config, partial(service.remove_template, name=name))
    show.done(call.json, f"Removed charging profile {name}", name=name)


def _target(function: Any) -> Any:
    """Add ``--charger``, ``--station``, ``--model`` and ``--evse``."""
    for option in (
        click.option(
            "--evse", type=click.IntRange(0, 999), default=0, show_default=True, help="Which EVSE; 0 is the whole charger."
        ),
        click.option("--model", metavar="MODEL", help="All chargers of a model, as they report it."),
        click.option("--station", metavar="STATION", help="All chargers of a station (name or id)."),
        click.option("--charger", "charger_id", metavar="CHARGER_ID", help="One charger."),
    ):
        function = option(function)
    return function


def _meant(call: Invocation, charger_id: str | None, station: str | None, model: str | None) -> Target:
    if sum(each is not None for each in (charger_id, station, model)) != 1:
        raise click.UsageError("say one of --charger, --station and --model")
    number = None if station is None else station_id(call.config, station)
    return Target(charger_id=charger_id, station_id=number, model=model)


@examples(
    "csms profile assign night --charger C1 --evse 1",
    "csms profile assign limit --station 'North campus'",
    "csms profile assign night --model T1 --at-boot          for chargers that forget it when they boot",
)
@profile.command()
@click.argument("name")
@_target
@click.option("--at-boot", "again_at_boot", is_flag=True, help="Send it again after every boot.")
@common
def assign(
    call: Invocation, name: str, charger_id: str | None, station: str | None, model: str | None, evse: int, again_at_boot: bool
) -> None:
    """Want a charging profile somewhere; the running server sends it."""
    target = _meant(call, charger_id, station, model)
    verb = partial(service.assign, name=name, target=target, evse=evse, again_at_boot=again_at_boot)
    made = write(call.config, verb)
    facts = {"name": made.template, **attrs.asdict(made.target), "evse": made.evse, "again_at_boot": made.again_at_boot}
    show.done(call.json, f"Assigned {made.template} to {made.target}", **facts)


@examples("csms profile unassign night --charger C1 --evse 1")
@profile.command()
@click.argument("name")
@_target
@common
def unassign(call: Invocation, name: str, charger_id: str | None, station: str | None, model: str | None, evse: int) -> None:
    """Undo assign; the running server clears it at the chargers."""
    target = _meant(call, charger_id, station, model)
    write(call.config, partial(service.unassign, name=name, target=target, evse=evse))
    show.done(call.json, f"{name} is no longer assigned to {target}", name=name, **attrs.asdict(target), evse=evse)
