"""``csms invoice``: invoices, credit notes and receipts."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import attrs
import click
import trio

from csms.core.errors import NotFound
from csms.core.ids import DEFAULT_TENANT
from csms.core.money import written
from csms.core.ports import ReadTx
from csms.core.units import iso
from csms.domain.invoices import paper
from csms.domain.invoices.model import KINDS, STATUSES, InvoiceDetail, InvoiceItem, InvoicesQuery, NewInvoice
from csms.domain.invoices.service import issue, views
from csms.domain.invoices.store import invoices as store
from csms.pages import NotPrinted, printed

from . import show
from .bill import _me
from .options import Invocation, common, examples
from .store import read, write
from .when import INSTANT

COLUMNS = ["id", "number", "kind", "recipient_name", "total", "due", "status", "issued"]
LINES = ["description", "tax_code", "quantity", "unit", "rate", "taxable"]
TAXES = ["name", "rate_percent", "taxable", "amount"]
AMOUNTS = ("net", "tax", "total", "due", "credited")


def facts(known: InvoiceItem) -> dict[str, Any]:
    """An invoice with its amounts as people write them."""
    shown = {field.name: getattr(known, field.name) for field in attrs.fields(InvoiceItem)}
    for name in AMOUNTS:
        shown[name] = written(shown[f"{name}_minor"], known.currency)
    return shown | {"issued": iso(known.issued_at)[:10]}


@click.group()
def invoice() -> None:
    """Invoices, credit notes and receipts: numbered without gaps, issued once."""


@examples("csms invoice list", "csms invoice list --open", "csms invoice list --kind credit_note --since 30d --json")
@invoice.command("list")
@click.option("--kind", type=click.Choice(KINDS), help="Only of this kind.")
@click.option("--status", type=click.Choice(STATUSES), help="Only in this status.")
@click.option("--open", "is_open", is_flag=True, help="Only those of which something is to be paid.")
@click.option("--driver", "driver_id", type=int, help="Only of this driver.")
@click.option("--since", type=INSTANT, metavar="INSTANT", help="Only those issued then or later: 2026-01-31, 24h, 7d.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="At most so many.")
@common
def list_some(
    call: Invocation, kind: str | None, status: str | None, is_open: bool, driver_id: int | None, since: int | None, limit: int
) -> None:
    """List invoices, the newest first."""
    query = InvoicesQuery(kind=kind, status=status, open=is_open or None, driver_id=driver_id, from_at=since)
    found = [facts(each) for each in read(call.config, partial(store.first_invoices, query=query, limit=limit))]
    show.rows(call.json, found, COLUMNS, empty="There are no such invoices")
    if len(found) == limit:
        show.remark(f"the newest {limit}; --limit shows more")


def _found(tx: ReadTx, which: str) -> InvoiceDetail:
    """An invoice by its number or id. Raises ``NotFound``."""
    named = store.first_invoices(tx, InvoicesQuery(number=which), 1)
    if not named and not (which.isascii() and which.isdigit() and len(which) < 19):
        raise NotFound(f"there is no invoice {which}")
    return views.detail(tx, named[0].id if named else int(which))


@examples("csms invoice show 17", "csms invoice show INV/26-27/0001", "csms invoice show 17 --json")
@invoice.command("show")
@click.argument("which", metavar="ID_OR_NUMBER")
@common
def show_one(call: Invocation, which: str) -> None:
    """Show an invoice: what it says, and what became of it."""
    found: InvoiceDetail = read(call.config, partial(_found, which=which))
    if call.json:
        show.as_json(attrs.asdict(found))
        return
    known = facts(found)
    said = found.content
    show.record(False, {name: value for name, value in known.items() if not name.endswith("_minor")} | {"words": said.total_words})
    click.echo("\nLines:")
    lines = [attrs.asdict(each) | {"taxable": written(each.taxable_minor, found.currency)} for each in said.lines]
    show.rows(False, lines, LINES, empty="")
    if said.taxes:
        click.echo("\nTaxes:")
        taxes = [
            {
                "name": each.name,
                "rate_percent": each.rate_percent,
                "taxable": written(each.taxable_minor, found.currency),
                "amount": written(each.amount_minor, found.currency),
            }
            for each in said.taxes
        ]
        show.rows(False, taxes, TAXES, empty="")
    if found.related:
        click.echo("\nAbout it:")
        show.rows(False, [facts(each) for each in found.related], COLUMNS, empty="")


@examples("csms invoice pdf INV/26-27/0001", "csms invoice pdf 17 --to invoice.pdf")
@invoice.command()
@click.argument("which", metavar="ID_OR_NUMBER")
@click.option("--to", "target", type=click.Path(dir_okay=False, path_type=Path), help="Where to; its number otherwise.")
@common
def pdf(call: Invocation, which: str, target: Path | None) -> None:
    """Print an invoice to a file. The tenant's logo is only on what the server prints."""
    found: InvoiceDetail = read(call.config, partial(_found, which=which))
    try:
        data = trio.run(printed, paper.document(found, found.content, pay_url=found.pay_url))
    except NotPrinted as error:
        raise click.ClickException(str(error)) from error
    path = target or Path(paper.file_name(found.number))
    path.write_bytes(data)
    show.done(call.json, f"{found.number} is in {path}", id=found.id, number=found.number, file=str(path))


@examples("csms invoice issue --bill 17", "csms invoice issue --bill 17 --bill 18 --json")
@invoice.command("issue")
@click.option("--bill", "bill_ids", type=int, multiple=True, required=True, help="A settled bill; more than once for several.")
@click.option("--by", metavar="NAME", default=_me, show_default="your user name", help="Who says so.")
@common
def issue_one(call: Invocation, bill_ids: tuple[int, ...], by: str) -> None:
    """Issue one invoice for settled bills of one driver."""
    made = write(call.config, partial(issue, wanted=NewInvoice(bill_ids=bill_ids), by=by))
    show.done(
        call.json, f"Issued {made.number}", id=made.id, number=made.number, total_minor=made.total_minor, tenant=DEFAULT_TENANT
    )
