"""How a driver's month looks on paper."""

from __future__ import annotations

from csms.core.units import kwh
from csms.pages import Block, Column, Columns, Document, Facts, Heading, Letterhead, Note, Table, Totals

from .model.settlements import MonthStatement, StatementMove
from .numbering import local
from .wording import grouped


def document(said: MonthStatement) -> Document:
    """A month's statement as a document to be printed."""

    def day(at: int) -> str:
        return local(at, said.time_zone).strftime("%d %b %Y, %H:%M")

    def moves(items: list[StatementMove]) -> Table:
        rows = tuple((day(each.at), each.description or each.kind, grouped(each.amount_minor, each.currency)) for each in items)
        return Table((Column("Date", 1.3), Column("What", 4), Column("Amount", 1.2, "right")), rows)

    blocks: list[Block] = [
        Letterhead(said.operator),
        Heading(f"Statement of {said.month}"),
        Columns((("Driver", (said.driver_name, f"No. {said.driver_id}")),)),
        Facts((("Energy", f"{kwh(said.energy_wh)} kWh"), ("Charges", str(len(said.bills)))), columns=2),
    ]
    if said.bills:
        rows = tuple(
            (
                day(each.ended_at),
                ", ".join(filter(None, (each.station_name, each.charger_id)))
                + (" (correction)" if each.kind == "correction" else ""),
                kwh(each.energy_wh),
                grouped(each.tax_minor, each.currency),
                grouped(each.total_minor, each.currency),
            )
            for each in said.bills
        )
        columns = (
            Column("Ended", 1.5),
            Column("Where", 3),
            Column("kWh", 1, "right"),
            Column("Tax", 1.1, "right"),
            Column("Total", 1.2, "right"),
        )
        blocks += [Heading("Charges", 2), Table(columns, rows)]
    if said.payments:
        blocks += [Heading("Payments", 2), moves(list(said.payments))]
    if said.wallet:
        blocks += [Heading("Wallet", 2), moves(list(said.wallet))]
    if said.invoices:
        blocks.append(Note("Invoices and receipts: " + ", ".join(said.invoices)))
    if said.more:
        blocks.append(Note("There is more than fits here; the totals are of everything.", small=True))
    blocks.append(
        Totals(
            (
                ("Charged", grouped(said.charged_minor, said.currency)),
                ("Paid", grouped(said.paid_minor, said.currency)),
                ("Wallet before", grouped(said.opening_minor, said.currency)),
                ("Wallet after", grouped(said.closing_minor, said.currency)),
                ("Owed now", grouped(said.owed_minor, said.currency)),
            )
        )
    )
    return Document(
        title=f"Statement {said.month}",
        author=said.operator,
        made_at=said.printed_at,
        footer=f"{said.operator} · as of {day(said.printed_at)} ({said.time_zone})",
        blocks=tuple(blocks),
    )
