"""``csms configuration template``: settings that are wanted of many chargers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import click

from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import ReadTx, Tx
from csms.domain.upkeep.model.configuration import ALL, CHARGERS, MODEL, STATION, Template, templates_key
from csms.domain.upkeep.model.configured import TemplateDetail
from csms.domain.upkeep.service import templates as service
from csms.domain.upkeep.store import templates as store

from . import show
from .options import Invocation, common, examples
from .pages import EVERY
from .station import station_id
from .store import read, write

COLUMNS = ["name", "for", "settings", "updated_at"]
KEYS = (templates_key(DEFAULT_TENANT),)


def settings_of(words: Sequence[str]) -> dict[str, str]:
    """``VARIABLE=VALUE`` words. Raises ``click.UsageError``."""
    found: dict[str, str] = {}
    for word in words:
        variable, equals, value = word.partition("=")
        if not equals or not variable.strip():
            raise click.UsageError(f"{word!r} is no setting: write VARIABLE=VALUE")
        found[variable.strip()] = value
    return found


def plain(known: TemplateDetail) -> dict[str, Any]:
    """A template for people and scripts."""
    whom = {
        ALL: "everybody",
        MODEL: f"{known.vendor} {known.model or '(every model)'}",
        STATION: f"station {known.station_id}",
        CHARGERS: ", ".join(known.chargers),
    }[known.scope]
    return {**attrs.asdict(known), "for": whom}


@click.group()
def template() -> None:
    """Settings that are wanted of many chargers at once."""


@examples(
    "csms configuration template add Everybody HeartbeatInterval=300",
    "csms configuration template add 'AC22 meters' --vendor Acme --model AC22 MeterValueSampleInterval=60",
    "csms configuration template add Campus --station 'North campus' LocalPreAuthorize=true",
    "csms configuration template add Pilot --charger C1 --charger C2 HeartbeatInterval=60",
)
@template.command()
@click.argument("name")
@click.argument("settings", nargs=-1, metavar="[VARIABLE=VALUE]...")
@click.option("--vendor", default="", help="For chargers of this vendor, as they say it at boot.")
@click.option("--model", default="", help="And of this model [default: every model].")
@click.option("--station", metavar="STATION", help="For the chargers of a station, by name or id.")
@click.option("--charger", "charger_ids", multiple=True, metavar="CHARGER_ID", help="For this charger (repeat for more).")
@common
def add(
    call: Invocation,
    name: str,
    settings: tuple[str, ...],
    vendor: str,
    model: str,
    station: str | None,
    charger_ids: tuple[str, ...],
) -> None:
    """Add a template: for everybody, or for those that one of the options says."""
    if sum(map(bool, (vendor or model, station, charger_ids))) > 1:
        raise click.UsageError("a template is for a vendor, a station, named chargers, or everybody: say one")
    scope = MODEL if vendor or model else STATION if station else CHARGERS if charger_ids else ALL
    at = station_id(call.config, station) if station else None
    new = Template(name=name, scope=scope, vendor=vendor, model=model, station_id=at)
    wanted = settings_of(settings)

    def verb(tx: Tx) -> dict[str, Any]:
        return plain(service.detail(tx, service.add_template(tx, new, wanted, charger_ids)))

    added = write(call.config, verb, keys=KEYS)
    show.done(call.json, f"Added {added['name']}, for {added['for']}: {len(wanted)} settings", **added)


@examples("csms configuration template list", "csms configuration template list --json")
@template.command("list")
@common
def list_all(call: Invocation) -> None:
    """List templates."""

    def query(tx: ReadTx) -> list[dict[str, Any]]:
        return [plain(service.detail(tx, service.need_template(tx, each.name))) for each in store.list_templates(tx, limit=EVERY)]

    show.rows(call.json, read(call.config, query), COLUMNS, empty="There are none: csms configuration template add NAME")


@examples("csms configuration template show Everybody")
@template.command("show")
@click.argument("name")
@common
def show_one(call: Invocation, name: str) -> None:
    """Show a template and its settings."""

    def query(tx: ReadTx) -> dict[str, Any]:
        return plain(service.detail(tx, service.need_template(tx, name)))

    found = read(call.config, query)
    if call.json:
        show.as_json(found)
        return
    settings = found.pop("settings")
    show.record(False, {name: found[name] for name in ("name", "for", "created_at", "updated_at")})
    rows = [{"variable": variable, "value": value} for variable, value in settings.items()]
    show.rows(False, rows, ["variable", "value"], empty="It has no settings")


@examples(
    "csms configuration template set Everybody HeartbeatInterval=600",
    "csms configuration template set Everybody --not HeartbeatInterval",
    "csms configuration template set Pilot --charger C3 --without-charger C1",
)
@template.command("set")
@click.argument("name")
@click.argument("settings", nargs=-1, metavar="[VARIABLE=VALUE]...")
@click.option("--not", "without", multiple=True, metavar="VARIABLE", help="Take this setting out (repeat for more).")
@click.option("--charger", "more", multiple=True, metavar="CHARGER_ID", help="Name this charger, too (repeat for more).")
@click.option("--without-charger", "less", multiple=True, metavar="CHARGER_ID", help="Do not name it any more (repeat for more).")
@common
def change(
    call: Invocation,
    name: str,
    settings: tuple[str, ...],
    without: tuple[str, ...],
    more: tuple[str, ...],
    less: tuple[str, ...],
) -> None:
    """Change a template's settings, or which chargers it names."""
    wanted = settings_of(settings)
    if not (wanted or without or more or less):
        raise click.UsageError("say what shall change: VARIABLE=VALUE, --not, --charger or --without-charger")

    def verb(tx: Tx) -> dict[str, Any]:
        if more or less:
            service.change_chargers(tx, name, more, less)
        return plain(service.detail(tx, service.change_template(tx, name, wanted, without)))

    changed = write(call.config, verb, keys=KEYS)
    show.done(call.json, f"{changed['name']}, for {changed['for']}, has {len(changed['settings'])} settings", **changed)


@examples("csms configuration template remove Pilot")
@template.command()
@click.argument("name")
@common
def remove(call: Invocation, name: str) -> None:
    """Take a template away; chargers keep what it set until something else is wanted of them."""
    write(call.config, lambda tx: service.remove_template(tx, name), keys=KEYS)
    show.done(call.json, f"Removed {name}", name=name)
