"""``csms bill``: what charges cost, how that was settled, and what is to be done about those that could not be."""

from __future__ import annotations

import getpass
from functools import partial
from typing import Any

import attrs
import click

from csms.core.money import written
from csms.core.units import kwh
from csms.domain.billing.model import KINDS, STATES, BillDetail, BillItem, BillsQuery
from csms.domain.billing.service import failing, views
from csms.domain.billing.store import lists

from . import show
from .options import Invocation, common, examples
from .store import read, write
from .when import INSTANT

COLUMNS = ["id", "transaction_id", "charger_id", "driver_name", "energy", "total", "open", "state", "note"]
LINES = ["description", "quantity", "unit", "unit_price", "amount"]
TAXES = ["name", "rate_percent", "taxable", "amount"]
AMOUNTS = ("net", "tax", "total", "prepaid", "wallet", "owed", "waived", "open", "written_off")


def _me() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, in a container
        return "operator"


def facts(bill: BillItem) -> dict[str, Any]:
    """A bill with its amounts as people write them."""
    known = attrs.asdict(bill)
    for name in AMOUNTS:
        known[name] = written(known[f"{name}_minor"], bill.currency) if bill.currency else ""
    return known | {"energy": f"{kwh(bill.energy_wh)} kWh", "note": bill.error if bill.error else bill.note}


@click.group()
def bill() -> None:
    """What charges cost, and how that was settled."""


@examples("csms bill list", "csms bill list --state BILLING_FAILED", "csms bill list --open --driver 7 --since 30d --json")
@bill.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--kind", type=click.Choice(KINDS), help="Only transactions' own bills, or only corrections.")
@click.option("--open", "is_open", is_flag=True, help="Only those of which something is owed.")
@click.option("--driver", "driver_id", type=int, help="Only of this driver.")
@click.option("--charger", "charger_id", metavar="CHARGER_ID", help="Only at this charger.")
@click.option("--since", type=INSTANT, metavar="INSTANT", help="Only of charges that ended then or later: 2026-01-31, 24h, 7d.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="At most so many.")
@common
def list_some(
    call: Invocation,
    state: str | None,
    kind: str | None,
    is_open: bool,
    driver_id: int | None,
    charger_id: str | None,
    since: int | None,
    limit: int,
) -> None:
    """List bills, the newest first."""
    query = BillsQuery(state=state, kind=kind, open=is_open or None, driver_id=driver_id, charger_id=charger_id, from_at=since)
    found = [facts(each) for each in read(call.config, partial(lists.first_bills, query=query, limit=limit))]
    show.rows(call.json, found, COLUMNS, empty="There are no such bills")
    if len(found) == limit:
        show.remark(f"the newest {limit}; --limit shows more")


@examples("csms bill show 17", "csms bill show 17 --json")
@bill.command("show")
@click.argument("bill_id", type=int)
@common
def show_one(call: Invocation, bill_id: int) -> None:
    """Show a bill: its lines and taxes, how it was settled, and its corrections."""
    found: BillDetail = read(call.config, partial(views.detail, bill_id=bill_id))
    if call.json:
        show.as_json(attrs.asdict(found))
        return
    known = facts(found)
    parts = ("lines", "taxes", "shares", "used", "others", "explained", "notes")
    show.record(False, {name: value for name, value in known.items() if not name.endswith("_minor") and name not in parts})
    if found.lines:
        click.echo("\nLines:")
        show.rows(False, [attrs.asdict(each) for each in found.lines], LINES, empty="")
    if found.taxes:
        click.echo("\nTaxes:")
        taxes = [
            {
                "name": each.name,
                "rate_percent": each.rate_percent,
                "taxable": written(each.taxable_minor, found.currency),
                "amount": written(each.amount_minor, found.currency),
            }
            for each in found.taxes
        ]
        show.rows(False, taxes, TAXES, empty="")
    if found.others:
        click.echo("\nOther bills of the transaction:")
        show.rows(False, [facts(each) for each in found.others], COLUMNS, empty="")


@examples("csms bill retry 17")
@bill.command()
@click.argument("bill_id", type=int)
@common
def retry(call: Invocation, bill_id: int) -> None:
    """Have a bill priced and settled again that failed, or that has no price. The running server does it within seconds."""
    known = write(call.config, partial(failing.retry, bill_id=bill_id))
    show.done(call.json, f"Bill {bill_id} is priced again", id=bill_id, transaction_id=known.transaction_id, state=known.state)


@examples("csms bill write-off 17 --reason 'meter at fault'")
@bill.command("write-off")
@click.argument("bill_id", type=int)
@click.option("--reason", required=True, help="Why; its driver sees it.")
@click.option("--by", metavar="NAME", default=_me, show_default="your user name", help="Who says so.")
@common
def write_off(call: Invocation, bill_id: int, reason: str, by: str) -> None:
    """Give up what is open of a bill, or a bill that could not be settled."""
    known = write(call.config, partial(failing.write_off, bill_id=bill_id, reason=reason, by=by))
    show.done(call.json, f"Bill {bill_id} is written off", id=bill_id, state=known.state, written_off_minor=known.written_off_minor)
