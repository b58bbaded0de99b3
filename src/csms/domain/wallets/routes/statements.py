"""Statements of wallets: as CSV that is written while it is sent, and as PDF."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import attrs

from csms.api.calls import Call
from csms.api.problems import Problem
from csms.api.routes import Raw, Streamed
from csms.api.shapes import show
from csms.api.tables import CSV, guarded
from csms.core.money import major, written
from csms.domain.wallets.model import Statement, WalletLine
from csms.domain.wallets.model.shown import LinesFilter, StatementQuery
from csms.domain.wallets.service import listing
from csms.pages import Column, Columns, Document, Facts, Heading, Letterhead, NotPrinted, Table, Totals, printed

PDF = "application/pdf"
PAGE = 500
"""Lines that are read at a time."""
COLUMNS = (*(field.name for field in attrs.fields(WalletLine)), "amount", "balance_after")
"""The columns of the CSV: amounts in minor units as everywhere, and two of them as people write them."""


async def exported(call: Call, driver_id: int, which: LinesFilter) -> Streamed:
    """The response. The first page is read before it begins, so that what is wrong is still told by its status."""
    first = await call.read(listing.lines_after, driver_id, which, 0, PAGE)
    return Streamed(pieces=_rows(call, driver_id, which, first), content_type=CSV, filename=f"wallet-{driver_id}.csv", limit_s=None)


async def _rows(call: Call, driver_id: int, which: LinesFilter, page: list[WalletLine]) -> AsyncGenerator[bytes, None]:
    yield _text([list(COLUMNS)])
    while page:
        yield _text([_cells(each) for each in page])
        if len(page) < PAGE:
            return
        page = await call.read(listing.lines_after, driver_id, which, page[-1].id, PAGE)


def _cells(line: WalletLine) -> list[object]:
    amounts = (major(line.amount_minor, line.currency), major(line.balance_after_minor, line.currency))
    return [guarded(each) for each in [*show(line).values(), *(f"{each:f}" for each in amounts)]]


def _text(rows: list[list[object]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


async def as_pdf(call: Call, driver_id: int, query: StatementQuery) -> Raw:
    """A statement as PDF."""
    statement = await call.read(listing.statement, driver_id, query.from_at, query.to_at)
    try:
        data = await printed(document(statement))
    except NotPrinted as error:
        raise Problem(503, "Service Unavailable", str(error)) from error
    return Raw(body=data, content_type=PDF, filename=f"statement-{driver_id}.pdf")


def document(statement: Statement) -> Document:
    """How a statement looks on paper."""
    wallet, zone = statement.wallet, ZoneInfo(statement.time_zone)
    money = wallet.currency

    def day(at: int) -> str:
        return datetime.fromtimestamp(at / 1000, UTC).astimezone(zone).strftime("%d %b %Y, %H:%M")

    def amount(minor: int) -> str:
        return written(minor, money)

    rows = tuple(
        (
            day(each.at),
            each.description or each.kind,
            " ".join(filter(None, (each.reference_kind, each.reference_id))),
            amount(each.amount_minor),
            amount(each.balance_after_minor),
        )
        for each in statement.lines
    )
    held = (("Held for charges", amount(wallet.held_minor)),) if wallet.held_minor else ()
    owed = (("Open debt", amount(wallet.owed_minor)),) if wallet.owed_minor else ()
    return Document(
        title=f"Wallet statement {wallet.driver_id}",
        author=statement.operator,
        made_at=statement.printed_at,
        footer=f"{statement.operator} · as of {day(statement.printed_at)} ({statement.time_zone})",
        blocks=(
            Letterhead(statement.operator),
            Heading("Wallet statement"),
            Columns((("Driver", (statement.driver_name, f"No. {wallet.driver_id}")),)),
            Facts(
                (("From", day(statement.from_at)), ("Until", day(statement.to_at)), ("Currency", money), *held, *owed), columns=2
            ),
            Table(
                (
                    Column("Date", 1.5),
                    Column("What", 3),
                    Column("Reference", 1.4),
                    Column("Amount", 1.2, "right"),
                    Column("Balance", 1.2, "right"),
                ),
                rows,
            ),
            Totals(
                (
                    ("Opening balance", amount(statement.opening_minor)),
                    ("Came in", amount(statement.came_in_minor)),
                    ("Went out", amount(-statement.went_out_minor)),
                    ("Closing balance", amount(statement.closing_minor)),
                )
            ),
        ),
    )
