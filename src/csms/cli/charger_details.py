"""``csms charger describe`` and ``csms charger qr``: what a charger is to its operator, and the stickers for its connectors."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import click

from csms import premises
from csms.core.errors import Invalid, NotFound
from csms.core.ids import charger_key
from csms.core.ports import ReadTx, Tx
from csms.domain.stations import qr as codes
from csms.domain.stations import service, sheet, store
from csms.domain.stations.model import ChargerChange, ConnectorDetail, SheetQuery
from csms.outside import SystemEntropy

from . import show
from .options import Invocation, common, examples
from .station import station_id
from .store import read, write

COLUMNS = ["charger_id", "place", "label", "type", "status", "qr_code", "leads_to"]


@examples(
    "csms charger describe C1 --location 'Level -1, bay 14' --installed-on 2026-01-31 --warranty-until 2029-01-31",
    "csms charger describe C1 --note ''          takes the note away",
)
@click.command()
@click.argument("charger_id")
@click.option("--location", help="Where at its station it is.")
@click.option("--installed-on", metavar="DAY", help="Such as 2026-01-31.")
@click.option("--warranty-until", metavar="DAY", help="Such as 2029-01-31.")
@click.option("--note", help="Anything else.")
@common
def describe(call: Invocation, charger_id: str, **said: Any) -> None:
    """Say where a charger is, since when, and how long its warranty lasts."""
    try:
        change = ChargerChange(**said)
    except ValueError as error:
        raise Invalid(str(error)) from None
    verb = partial(service.alter_charger, charger_id=charger_id, change=change)
    found = write(call.config, verb, keys=(charger_key(charger_id),))
    facts = {"charger_id": charger_id, **{name: getattr(found, name) for name in said}}
    show.done(call.json, f"Charger {charger_id} is described", **facts)


@examples(
    "csms charger qr C1                                      the codes of its connectors, and where they lead",
    "csms charger qr C1 --connector 2 --output c1-2.svg      a picture; .png for screens",
    "csms charger qr --station 'North campus' --output sheet.html      a sheet to print",
)
@click.command()
@click.argument("charger_id", required=False)
@click.option("--connector", metavar="PLACE", help="2 for connector 2 (2.x: EVSE 2), 1.2 for connector 2 of EVSE 1.")
@click.option("--station", metavar="STATION", help="The connectors of all chargers of a station, by name or id.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A .svg or .png file of one code, .html of many.")
@common
def qr(call: Invocation, charger_id: str | None, connector: str | None, station: str | None, output: Path | None) -> None:
    """Show or print the QR codes that lead drivers to a connector's start page.

    A code is made when it is first asked for and stays the same. Where codes lead is `drivers.start_url` of the configuration.
    """
    if (charger_id is None) == (station is None):
        raise Invalid("name a charger, or --station and a station")
    query = SheetQuery(charger_id=charger_id, station_id=None if station is None else station_id(call.config, station))
    found = [each for each in _with_codes(call, query) if connector is None or each.place == service.place_of(connector)]
    if not found:
        raise NotFound("there is no such connector: a charger's connectors are known once it told their status")
    template = premises.start_url(call.config)
    if output is not None:
        output.write_bytes(_picture(output, found, template))
        show.done(call.json, f"Wrote {output}", file=str(output), codes=len(found))
        return
    rows = [attrs.asdict(each) | {"place": str(each.place), "leads_to": codes.target(template, each.qr_code)} for each in found]
    show.rows(call.json, rows, COLUMNS, empty="")


def _with_codes(call: Invocation, query: SheetQuery) -> list[ConnectorDetail]:
    """Every connector that the query asks for, each with its code."""

    def every(tx: ReadTx) -> list[ConnectorDetail]:
        return list(store.for_sheet(tx, query, None, sys.maxsize))

    found = read(call.config, every)
    entropy = SystemEntropy()
    wanted = [(each.charger_id, each.place, codes.new_code(entropy)) for each in found if not each.qr_code]
    if not wanted:
        return found

    def verb(tx: Tx) -> None:
        service.give_codes(tx, wanted)

    write(call.config, verb, keys=sorted({charger_key(name) for name, _, _ in wanted}))
    return read(call.config, every)


def _picture(output: Path, found: list[ConnectorDetail], template: str) -> bytes:
    suffix = output.suffix.casefold()
    if suffix in (".html", ".htm"):
        return sheet.text(found, template).encode()
    draw = {".svg": codes.svg, ".png": codes.png}.get(suffix)
    if draw is None:
        raise Invalid("an output file ends in .svg, .png or .html")
    if len(found) > 1:
        raise Invalid(f"there are {len(found)} connectors: say which with --connector, or write a .html sheet of all")
    return draw(codes.target(template, found[0].qr_code))
