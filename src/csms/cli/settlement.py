"""``csms settlement``: what partners are due, month by month."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import attrs
import click

from csms.core.money import written
from csms.core.units import kwh
from csms.domain.invoices.model.settlements import MONTH, PartnerDetail, PartnerMonth, Settlements
from csms.domain.invoices.service import settlement as one_settlement
from csms.domain.invoices.service import settlements

from . import show
from .options import Invocation, common, examples
from .store import read

COLUMNS = ["party_id", "party", "energy", "revenue", "electricity", "share", "paid_out", "closing", "due"]
AMOUNTS = ("revenue", "tax", "electricity", "opening", "share", "paid_out", "other", "closing", "due")
STATIONS = ["station_id", "station_name", "bills", "energy", "revenue", "share"]
PAYOUTS = ["id", "reference", "amount", "made_by", "note"]


def _month(_: click.Context, __: click.Parameter, value: str) -> str:
    if re.fullmatch(MONTH, value) is None:
        raise click.BadParameter("a month is written like 2026-10")
    return value


OF_MONTH = click.option("--month", required=True, callback=_month, metavar="MONTH", help="Such as 2026-10.")


def facts(known: Any, amounts: tuple[str, ...]) -> dict[str, Any]:
    """A row with its amounts as people write them."""
    shown = {field.name: getattr(known, field.name) for field in attrs.fields(type(known))}
    for name in amounts:
        shown[name] = written(shown[f"{name}_minor"], known.currency)
    return shown | {"energy": f"{kwh(known.energy_wh)} kWh"}


@click.group()
def settlement() -> None:
    """What partners share in, out of the ledger."""


@examples("csms settlement list --month 2026-10", "csms settlement list --month 2026-10 --json")
@settlement.command("list")
@OF_MONTH
@common
def list_some(call: Invocation, month: str) -> None:
    """What each partner is due for a month, and what it all came to."""
    found: Settlements = read(call.config, partial(settlements, month=month))
    if call.json:
        show.as_json(attrs.asdict(found))
        return
    show.rows(False, [facts(each, AMOUNTS) for each in found.partners], COLUMNS, empty="No partner shares in anything")
    for total in found.totals:
        kept, revenue = written(total.kept_minor, total.currency), written(total.revenue_minor, total.currency)
        show.remark(f"{revenue} revenue, of which {kept} is kept")


@examples("csms settlement show 12 --month 2026-10")
@settlement.command("show")
@click.argument("party_id", type=int)
@OF_MONTH
@common
def show_one(call: Invocation, party_id: int, month: str) -> None:
    """One partner's month, by station, with what was paid out."""
    found: PartnerDetail = read(call.config, partial(one_settlement, party_id=party_id, month=month))
    if call.json:
        show.as_json(attrs.asdict(found))
        return
    known = facts(found, AMOUNTS)
    names = [field.name for field in attrs.fields(PartnerMonth) if not field.name.endswith("_minor")]
    show.record(False, {name: known[name] for name in (*names, *AMOUNTS) if name != "energy_wh"} | {"energy": known["energy"]})
    if found.stations:
        click.echo("\nStations:")
        rows = [
            {
                "station_id": each.station_id,
                "station_name": each.station_name,
                "bills": each.bills,
                "energy": f"{kwh(each.energy_wh)} kWh",
                "revenue": written(each.revenue_minor, found.currency),
                "share": written(each.share_minor, found.currency),
            }
            for each in found.stations
        ]
        show.rows(False, rows, STATIONS, empty="")
    if found.payouts:
        click.echo("\nPayouts:")
        rows = [attrs.asdict(each) | {"amount": written(each.amount_minor, found.currency)} for each in found.payouts]
        show.rows(False, rows, PAYOUTS, empty="")
