"""Numbers: without gaps and doubles whoever issues at the same time, in at most 16 characters, by financial year."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from csms.core.errors import Conflict, Invalid, Refused
from csms.core.ports import Tx
from csms.domain.invoices.model import CREDIT_NOTE, INVOICE, InvoiceSettingsChange
from csms.domain.invoices.model.settings import PREFIX
from csms.domain.invoices.numbering import bounds, month_of, number_of, year_of
from csms.domain.invoices.service import settings, take
from csms.domain.invoices.wording import grouped, in_words, spoken

Desk = Any


def at(*moment: int) -> int:
    year, month, day, hour, minute = (*moment, 0, 0)[:5]
    return int(datetime(year, month, day, hour, minute, tzinfo=UTC).timestamp() * 1000)


@given(st.from_regex(PREFIX, fullmatch=True), st.integers(2000, 2100), st.integers(1, 12), st.integers(1, 10**6))
def test_numbers_are_short_plain_and_all_different(prefix: str, year: int, starts: int, sequence: int) -> None:
    numbers = [number_of(prefix, year, starts, each) for each in (sequence, sequence + 1, 10**6 - sequence + 1)]
    for each in numbers:
        assert re.fullmatch(r"[A-Za-z0-9/-]{1,16}", each), each
    assert numbers[0] != numbers[1]
    assert number_of(prefix, year + 1, starts, sequence) != numbers[0]


def test_a_number_in_its_financial_year() -> None:
    assert number_of("INV", 2026, 4, 17) == "INV/26-27/0017"
    assert number_of("INV", 2099, 4, 1) == "INV/99-00/0001"
    assert number_of("CN", 2026, 1, 123456) == "CN/2026/123456"
    assert number_of("INV", 2026, 4, 1_000_000) == "INV/2627/1000000"
    with pytest.raises(Refused, match="shorter prefix"):
        number_of("ABCD", 2026, 4, 10**9)
    zone = "Asia/Kolkata"
    assert year_of(at(2027, 3, 31, 18, 29), zone, 4) == 2026
    assert year_of(at(2027, 3, 31, 18, 30), zone, 4) == 2027, "midnight in India"
    assert year_of(at(2027, 3, 31, 18, 30), zone, 1) == 2027
    assert month_of(at(2027, 3, 31, 18, 30), zone) == "2027-04"
    assert bounds("2026-12", "UTC") == (at(2026, 12, 1), at(2027, 1, 1))


def test_amounts_in_words_and_groups() -> None:
    assert spoken(0) == "Zero"
    assert spoken(1_234_567) == "One Million Two Hundred Thirty Four Thousand Five Hundred Sixty Seven"
    assert spoken(1_00_00_00_000, indian=True) == "One Hundred Crore"
    assert in_words(1_23_456_05, "INR") == "Rupees One Lakh Twenty Three Thousand Four Hundred Fifty Six and Five Paise Only"
    assert in_words(100, "EUR") == "Euro One Only"
    assert in_words(1500, "JPY") == "Yen One Thousand Five Hundred Only"
    assert in_words(1050, "CHF") == "CHF Ten and 50/100 Only"
    assert [grouped(each, "INR") for each in (5, 12_345_67, 1_00_00_000_00, -99_999)] == [
        "₹0.05",
        "₹12,345.67",
        "₹1,00,00,000.00",
        "-₹999.99",
    ]
    assert grouped(1_234_567_89, "EUR") == "€1,234,567.89"


@given(st.integers(0, 10**13 - 1))
def test_words_say_the_number(number: int) -> None:
    for indian in (True, False):
        assert said(spoken(number, indian=indian)) == number


def said(words: str) -> int:
    """The number that words say: the other way round, by other means."""
    scales = {
        "Trillion": 10**12,
        "Billion": 10**9,
        "Million": 10**6,
        "Crore": 10**7,
        "Lakh": 10**5,
        "Thousand": 1000,
        "Hundred": 100,
    }
    small = {spoken(each): each for each in range(20)} | {spoken(each): each for each in range(20, 100, 10)}

    def value(parts: list[str]) -> int:
        for name, scale in sorted(scales.items(), key=lambda each: -each[1]):
            if name in parts:
                where = len(parts) - 1 - parts[::-1].index(name)
                return value(parts[:where]) * scale + value(parts[where + 1 :])
        return sum(small[each] for each in parts)

    return value(words.split())


async def test_issued_at_the_same_time_there_is_no_gap_and_no_double(desk: Desk, price: Any) -> None:
    """Several writers, some of which fail after they took a number: on PostgreSQL on several lanes."""
    await desk.mode("manual")
    charges = [await desk.charge(price(1_000), card=card) for card in ("ASHA", "BEN") * 8]
    bills = await desk.read(lambda tx: tx.all("SELECT id, transaction_id FROM bills WHERE tenant = :tenant ORDER BY id"))
    await desk.mode("each")
    assert len(bills) == len(charges)

    class Undone(Exception):
        pass

    def fails(tx: Tx, bill_id: int, transaction_id: int) -> None:
        take(tx, bill_id, transaction_id)
        raise Undone

    async def one(bill_id: int, transaction_id: int) -> None:
        if bill_id % 3 == 0:
            with pytest.raises(Undone):
                await desk.do(fails, bill_id, transaction_id)
        await desk.do(take, bill_id, transaction_id)
        await desk.do(take, bill_id, transaction_id)

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            for bill in bills:
                nursery.start_soon(one, bill["id"], bill["transaction_id"])
    made = await desk.invoices(kind=INVOICE)
    assert sorted(each.number for each in made) == [f"INV/26-27/{number:04}" for number in range(1, len(bills) + 1)]
    assert sorted(each.bill_ids[0] for each in made) == [bill["id"] for bill in bills]
    assert all(one.issued_at <= other.issued_at for one, other in pairwise(made))


async def test_series_of_years_and_kinds_and_prefixes(desk: Desk, price: Any) -> None:
    await desk.mode("each")
    await desk.do(settings.change, InvoiceSettingsChange(prefix="GC", credit_note_prefix="GN"))
    charge = await desk.charge(price(10_000))
    await desk.hear()
    await desk.turned_out(charge, price(5_000))
    await desk.hear()
    with pytest.raises(Invalid, match="prefixes of their own"):
        await desk.do(settings.change, InvoiceSettingsChange(prefix="GN"))
    with pytest.raises(Conflict, match="another kind"):
        await desk.do(settings.change, InvoiceSettingsChange(prefix="X", credit_note_prefix="GC"))
    await desk.do(settings.change, InvoiceSettingsChange(prefix="GCX"))
    await desk.charge(price(1_000))
    desk.clock.at = at(2027, 4, 1)
    await desk.hear()
    await desk.charge(price(1_000))
    await desk.do(settings.change, InvoiceSettingsChange(year_starts=1))
    await desk.charge(price(1_000))
    await desk.hear()
    numbers = [each.number for each in await desk.invoices()]
    assert numbers[:2] == ["GC/26-27/0001", "GN/26-27/0001"]
    assert numbers[2:] == ["GCX/27-28/0001", "GCX/2027/0002", "GCX/2027/0003"]
    series = await desk.read(lambda tx: [tuple(row.values()) for row in tx.all(SERIES)])
    assert series == [(CREDIT_NOTE, 2026, 1), (INVOICE, 2026, 1), (INVOICE, 2027, 3)]


SERIES = "SELECT kind, year, last FROM invoice_series WHERE tenant = :tenant ORDER BY kind, year"
