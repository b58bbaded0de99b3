"""Documents out of blocks: what they look like as JSON, and that a process makes PDF of it."""

from __future__ import annotations

import io
import re
from typing import Any

import msgspec
import pytest
from PIL import Image

from csms.pages import (
    Block,
    Code,
    Column,
    Columns,
    Document,
    Facts,
    Heading,
    Letterhead,
    NewPage,
    Note,
    NotPrinted,
    Picture,
    Rule,
    Table,
    Totals,
    described,
    printed,
)
from csms.pages.drawing import DRAW, drawn


def image() -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (60, 20), (30, 120, 200)).save(data, "PNG")
    return data.getvalue()


def document(*blocks: Block, **more: Any) -> Document:
    return Document(title="Invoice ₹", made_at=1_767_225_600_000, author="Acme", footer="Acme · GSTIN", blocks=blocks, **more)


EVERYTHING = (
    Letterhead("Acme Charging", ("12 MG Road", "Pune"), image()),
    Heading("Tax invoice"),
    Columns((("Seller", ("Acme",)), ("Buyer", ("Asha Rao", "a line that is so long that it has to be broken into several " * 2)))),
    Facts((("Number", "INV/26-27/1"), ("Date", "1 Jan 2026"), ("Due", "at once")), columns=2),
    Table((Column("What", 3), Column("Amount", 1, "right")), tuple((f"Charge {each}", "₹1.00") for each in range(60))),
    Totals((("Net", "₹100.00"), ("GST", "₹18.00"), ("Total", "₹118.00"))),
    Code("upi://pay?pa=acme@upi&am=118.00", "Scan to pay"),
    Picture(image(), 30, "center"),
    Rule(),
    Note("Thank you. € £ ¥"),
    Note("small print", small=True, align="right"),
    NewPage(),
    Heading("Terms", 2),
)


def pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type /Page\b", pdf))


def read(one: Document) -> Any:
    return msgspec.json.decode(described(one))


def test_every_block_can_be_described_and_drawn() -> None:
    said = read(document(*EVERYTHING))
    assert {each["block"] for each in said["blocks"]} == set(DRAW)
    pdf = drawn(said)
    assert pdf == drawn(said), "the same description, the same bytes"
    assert pages(pdf) == 3, "a table goes on on the next page, and NewPage begins one"
    assert pdf.count(b"/FontFile2") == 2, "the fonts are in the file"
    assert pdf.count(b"/Subtype /Image") == 2, "the logo, once, and the QR code"


@pytest.mark.parametrize(
    "make",
    [
        lambda: Table((Column("A"), Column("B")), (("one",),)),
        lambda: Heading("x", 4),
        lambda: Facts((), columns=3),
        lambda: Column("x", align="middle"),
        lambda: Code(""),
    ],
)
def test_what_no_page_can_show(make: Any) -> None:
    with pytest.raises(ValueError):
        make()


async def test_a_process_prints() -> None:
    short = document(Heading("Receipt"), numbered=False)
    assert await printed(short) == drawn(read(short))


async def test_what_cannot_be_printed_is_said() -> None:
    with pytest.raises(NotPrinted, match="'Invoice ₹' could not be printed"):
        await printed(document(Picture(b"no image")))
