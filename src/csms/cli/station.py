"""``csms station``: the sites where chargers stand."""

from __future__ import annotations

from functools import partial
from typing import Any

import attrs
import click

from csms.config import Config
from csms.core.errors import Invalid, NotFound
from csms.core.ports import ReadTx
from csms.domain.stations import service, store
from csms.domain.stations.model import ACCESS, ACTIVE, OPEN, STATION_STATUSES, Address, Station, StationChange

from . import show
from .options import Invocation, common, examples
from .pages import every
from .store import read, write

COLUMNS = ["id", "name", "status", "address", "access", "chargers", "created_at"]


def stations(tx: ReadTx) -> list[Station]:
    """Every station of the tenant."""
    return every(lambda after: store.list_stations(tx, after=after, limit=500), lambda last: last.id, start=0)


def station_id(config: Config, named: str) -> int:
    """The id of a station named by its id or its name. Raises ``NotFound``."""
    if named.isascii() and named.isdigit():
        return int(named)
    found = [each.id for each in read(config, stations) if each.name.casefold() == named.casefold()]
    if not found:
        raise NotFound(f"there is no station {named!r}")
    return found[0]


def plain(station: Station, json: bool) -> dict[str, Any]:
    """A station for a script, or with its address on one line for people."""
    facts = attrs.asdict(station)
    del facts["distance_m"]
    return facts if json else facts | {"address": str(station.address), "opening_hours": _hours(station)}


def _hours(station: Station) -> str:
    hours = station.opening_hours
    days = [f"{each.weekday}: {each.opens}-{each.closes}" for each in hours.weekly]
    return "always" if hours.always else ", ".join(days) or "never"


@click.group()
def station() -> None:
    """The sites where chargers stand."""


@examples("csms station list", "csms station list --json")
@station.command("list")
@common
def list_all(call: Invocation) -> None:
    """List all stations."""
    found = [plain(each, call.json) for each in read(call.config, stations)]
    show.rows(call.json, found, COLUMNS, empty="There are no stations yet: csms station add NAME")


@examples(
    "csms station add 'North campus' --address '1 Main Road' --city Pune --country IN --latitude 18.52 --longitude 73.86",
    "csms station add Depot --access granted          only tokens with a grant may charge",
)
@station.command()
@click.argument("name")
@click.option("--address", default="", help="Street and number.")
@click.option("--city", default="", help="City.")
@click.option("--postal-code", default="", help="Postal code.")
@click.option("--country", default="", metavar="CODE", help="ISO 3166 code, such as IN.")
@click.option("--latitude", type=float, help="Degrees north.")
@click.option("--longitude", type=float, help="Degrees east.")
@click.option("--time-zone", default="", help="Such as Asia/Kolkata; without it the tenant's.")
@click.option("--status", type=click.Choice(STATION_STATUSES), default=ACTIVE, show_default=True, help="How it stands with it.")
@click.option(
    "--access", type=click.Choice(ACCESS), default=OPEN, show_default=True, help="Who may charge: every token, or granted ones."
)
@common
def add(call: Invocation, name: str, address: str, city: str, postal_code: str, country: str, **more: Any) -> None:
    """Add a station called NAME."""
    try:
        place = Address(lines=(address,) if address else (), city=city, postal_code=postal_code, country=country)
    except ValueError as error:
        raise Invalid(str(error.args[0]), field="address") from None
    added = write(call.config, partial(service.add_station, name=name, address=place, **more))
    show.done(call.json, f"Added station {added.id}: {added.name}", **plain(added, True))


@examples("csms station status 'North campus' maintenance", "csms station status 3 decommissioned")
@station.command()
@click.argument("name_or_id")
@click.argument("status", type=click.Choice(STATION_STATUSES))
@common
def status(call: Invocation, name_or_id: str, status: str) -> None:
    """Say how it stands with a station; only an active one invites drivers."""
    number = station_id(call.config, name_or_id)
    changed = write(call.config, partial(service.alter_station, station_id=number, change=StationChange(status=status)))
    show.done(call.json, f"Station {changed.name} is {status.replace('_', ' ')}", **plain(changed, True))


@examples("csms station show 1", "csms station show 'North campus'")
@station.command("show")
@click.argument("name_or_id")
@common
def show_one(call: Invocation, name_or_id: str) -> None:
    """Show one station and its chargers."""
    number = station_id(call.config, name_or_id)
    found = read(call.config, partial(_with_chargers, station_id=number))
    if found is None:
        raise NotFound(f"there is no station {number}")
    place, chargers = found
    facts = plain(place, call.json) | {"chargers": chargers}
    show.record(call.json, facts)


def _with_chargers(tx: ReadTx, *, station_id: int) -> tuple[Station, list[str]] | None:
    found = store.station(tx, station_id)
    if found is None:
        return None
    chargers = every(
        lambda after: store.list_chargers(tx, after=after, limit=500, station_id=station_id), lambda last: last.id, start=""
    )
    return found, [each.id for each in chargers]


@examples("csms station remove 3", "csms station remove Depot")
@station.command()
@click.argument("name_or_id")
@common
def remove(call: Invocation, name_or_id: str) -> None:
    """Remove a station on which no chargers stand."""
    number = station_id(call.config, name_or_id)
    write(call.config, partial(service.remove_station, station_id=number))
    show.done(call.json, f"Removed station {number}", id=number)
