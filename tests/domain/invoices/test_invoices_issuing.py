"""Settled bills become invoices as the tenant wants it, and corrections credit notes; nothing that was issued ever changes."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import csms
from csms.core.errors import Conflict, Invalid, NotFound
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import ReadTx
from csms.core.pricing import PriceLine
from csms.domain.billing import service as billing
from csms.domain.invoices import flows
from csms.domain.invoices.model import NewInvoice, Recipient
from csms.domain.invoices.service import issue, settings
from csms.domain.invoices.store.invoices import BECAME

Desk = Any
DAY = 86_400_000


async def test_each_charge_gets_its_invoice_once(desk: Desk, price: Any) -> None:
    await desk.mode("each")
    await desk.top_up(100_000)
    charge = await desk.charge(price(50_001))
    await desk.hear()
    desk.heard = 0
    await desk.hear()  # every event again
    await flows.issue_due(desk.ports)

    (made,) = await desk.invoices()
    assert (made.number, made.kind, made.status, made.due_minor) == ("INV/26-27/0001", "invoice", "paid", 0)
    assert (made.net_minor, made.tax_minor, made.total_minor) == (50_001, 9_000, 59_001)
    said = made.content
    assert (said.supplier.name, said.supplier.tax_id, said.supplier.state, said.supplier.state_code) == (
        "Green Charge Pvt Ltd",
        "29ABCDE1234F1Z5",
        "Karnataka",
        "29",
    )
    assert (said.recipient.name, said.recipient.address, said.recipient.tax_id) == ("Asha", "7 Hill Road", "")
    assert (said.place_of_supply, said.place_code, said.reverse_charge) == ("Karnataka", "29", False)
    assert [(each.description, each.tax_code, each.quantity, each.unit, each.taxable_minor) for each in said.lines] == [
        ("Energy", "998714", Decimal("50.001"), "kWh", 50_001)
    ]
    assert [(each.name, each.rate_percent, each.taxable_minor, each.amount_minor) for each in said.taxes] == [
        ("CGST", Decimal(9), 50_001, 4_500),
        ("SGST", Decimal(9), 50_001, 4_500),
    ]
    assert said.total_words == "Rupees Five Hundred Ninety and One Paisa Only"
    assert (said.settled.wallet_minor, said.settled.due_minor, said.rounding_minor) == (59_001, 0, 0)
    assert [(each.transaction_id, each.charger_id, each.energy_wh) for each in said.charged] == [(charge, "CP-1", 50_001)]
    (told,) = await desk.told("invoice_issued")
    assert (told.invoice_id, told.number, told.driver_id, told.total_minor) == (made.id, made.number, desk.asha, 59_001)
    assert await desk.told("invoice_paid") == [], "it was paid when it was issued"


async def test_supplied_to_a_business_in_another_state(desk: Desk, price: Any) -> None:
    await desk.mode("each")
    wanted = Recipient(name="Ben Logistics", tax_id="27AAAAA0000A1Z5", address="9 Sea View", state="")
    await desk.do(settings.name_recipient, desk.ben, wanted)
    with pytest.raises(Invalid, match="no state"):
        await desk.do(settings.name_recipient, desk.ben, Recipient(name="B", tax_id="99AAAAA0000A1Z5"))
    await desk.charge(price(20_000, igst=True, place="Maharashtra"), card="BEN")
    await desk.hear()
    (made,) = await desk.invoices(business=True)
    said = made.content
    assert (said.recipient.name, said.recipient.tax_id, said.recipient.state, said.recipient.state_code) == (
        "Ben Logistics",
        "27AAAAA0000A1Z5",
        "Maharashtra",
        "27",
    )
    assert (said.place_of_supply, said.place_code) == ("Maharashtra", "27")
    assert [(each.name, each.amount_minor) for each in said.taxes] == [("IGST", 3_600)]
    (supply,) = said.supplies
    assert (supply.place, supply.rate_percent, supply.igst_minor, supply.cgst_minor) == ("27", Decimal(18), 3_600, 0)
    assert (made.status, made.due_minor) == ("issued", 23_600)
    assert await desk.invoices(business=False) == []


async def test_lines_that_round_apart_are_rounded_off(desk: Desk, price: Any) -> None:
    """Three lines of a third of a paisa too much each; and prices with tax in them."""
    await desk.mode("each")

    def part(amount: str) -> PriceLine:
        exact = Decimal(amount)
        return PriceLine(kind="energy", description="e", quantity=Decimal(1), unit="kWh", unit_price=exact, amount=exact)

    await desk.charge(price(10_001, lines=(part("33.334"), part("33.334"), part("33.339"))))  # 100.007, so 100.01
    gross = (part("59"), part("59.005"))
    await desk.charge(price(10_000, lines=gross, inclusive=True), energy_wh=12_000)
    await desk.hear()
    above, within = await desk.invoices()
    assert ([each.taxable_minor for each in above.content.lines], above.content.rounding_minor) == ([3333, 3333, 3334], 1)
    assert ([each.taxable_minor for each in within.content.lines], within.content.rounding_minor) == ([5000, 5000], 0)
    for each in (above, within):
        lines = sum(line.taxable_minor for line in each.content.lines)
        taxes = sum(tax.amount_minor for tax in each.content.taxes)
        assert lines + each.content.rounding_minor + taxes == each.total_minor


async def test_a_month_is_one_invoice(desk: Desk, price: Any) -> None:
    await desk.top_up(10**7)
    charges = [await desk.charge(price(1_000 * number)) for number in (1, 2, 3)]
    await desk.charge(price(5_000), card="BEN")
    await desk.charge(price(4_000, igst=True, place="27"))  # elsewhere: an invoice has one place of supply
    await desk.hear()
    assert await flows.issue_due(desk.ports) == 0, "the month is not over"
    assert await desk.invoices() == []
    await desk.turned_out(charges[2], price(2_500))
    await desk.hear()
    desk.clock.advance(20 * DAY)
    late = await desk.charge(price(7_000))  # of the next month
    await desk.hear()
    assert await flows.issue_due(desk.ports) == 6
    assert await flows.issue_due(desk.ports) == 0

    made = {(each.driver_id, each.content.place_code): each for each in await desk.invoices(period="2027-01")}
    assert len(made) == 3
    mine = made[desk.asha, "29"]
    assert [each.transaction_id for each in mine.content.charged] == [*charges, charges[2]]
    assert (mine.net_minor, mine.tax_minor, mine.total_minor) == (5_500, 990, 6_490)
    assert [each.taxable_minor for each in mine.content.lines] == [1_000, 2_000, 3_000, -500]
    assert made[desk.asha, "27"].content.taxes[0].name == "IGST"
    assert sorted(each.number for each in made.values()) == [f"INV/26-27/000{number}" for number in (1, 2, 3)]
    with pytest.raises(Conflict, match="on invoice"):
        await desk.do(issue, NewInvoice(bill_ids=(mine.bill_ids[0],)), by="owner")
    (waits,) = await desk.read(billing.bills_of, late)
    one = await desk.do(issue, NewInvoice(bill_ids=(waits.id,)), by="owner")
    assert (one.number, one.issued_by, one.period) == ("INV/26-27/0004", "owner", "")


async def test_by_hand(desk: Desk, price: Any) -> None:
    await desk.mode("manual")
    first, second = await desk.charge(price(1_000)), await desk.charge(price(2_000))
    other, elsewhere = await desk.charge(price(3_000), card="BEN"), await desk.charge(price(4_000, igst=True, place="MH"))
    await desk.hear()
    desk.clock.advance(60 * DAY)
    assert await flows.issue_due(desk.ports) == 0
    ids = [(await desk.read(billing.bill_of, each)).id for each in (first, second, other, elsewhere)]
    for wrong, problem in (((ids[0], ids[2]), "different drivers"), ((ids[0], ids[3]), "different places")):
        with pytest.raises(Invalid, match=problem):
            await desk.do(issue, NewInvoice(bill_ids=wrong), by="owner")
    with pytest.raises(NotFound):
        await desk.do(issue, NewInvoice(bill_ids=(ids[0], 999)), by="owner")
    await desk.turned_out(first, price(1_500))
    await desk.hear()
    made = await desk.do(issue, NewInvoice(bill_ids=(ids[1], ids[0])), by="owner")
    assert made.net_minor == 3_500, "the correction came along"


async def test_a_correction_of_what_is_invoiced_is_a_credit_note_or_one_invoice_more(desk: Desk, price: Any) -> None:
    await desk.mode("each")
    await desk.top_up(20_000)
    charge = await desk.charge(price(10_000, share=20))
    await desk.hear()
    await desk.turned_out(charge, price(4_000, share=20))
    await desk.hear()
    await desk.turned_out(charge, price(9_000, share=20))
    await desk.hear()
    desk.heard = 0
    await desk.hear()

    original, note, more = await desk.invoices()
    assert (original.number, original.status, original.credited_minor) == ("INV/26-27/0001", "paid", 7_080)
    assert (note.number, note.kind, note.total_minor, note.net_minor, note.tax_minor) == (
        "CN/26-27/0001",
        "credit_note",
        7_080,
        6_000,
        1_080,
    )
    assert note.content.original is not None
    assert (note.content.original.number, note.content.reason) == (original.number, "the charge turned out otherwise")
    assert [(each.name, each.amount_minor) for each in note.content.taxes] == [("CGST", 540), ("SGST", 540)]
    assert note.content.settled.wallet_minor == 7_080
    assert (more.number, more.kind, more.total_minor, more.original_id) == ("INV/26-27/0002", "invoice", 5_900, original.id)
    (told,) = await desk.told("credit_note_issued")
    assert (told.original_id, told.original_number, told.total_minor) == (original.id, original.number, 7_080)
    books = await desk.books()
    assert books["revenue"] + books["mall"] == original.net_minor - note.net_minor + more.net_minor
    assert books["cgst"] + books["sgst"] == original.tax_minor - note.tax_minor + more.tax_minor
    assert [each.id for each in original.related] == [note.id, more.id]


async def test_what_costs_nothing_has_no_invoice(desk: Desk, price: Any) -> None:
    await desk.mode("each")
    free = await desk.charge(price(0), energy_wh=1_000)
    await desk.hear()
    assert await desk.invoices() == []
    (bill,) = await desk.read(billing.bills_of, free)
    with pytest.raises(Invalid, match="nothing to invoice"):
        await desk.do(issue, NewInvoice(bill_ids=(bill.id,)), by="owner")


async def test_nothing_that_was_issued_changes(desk: Desk, price: Any) -> None:
    """Whatever becomes of an invoice: its row is the same but for what became of it, and so are its bills and supplies."""
    await desk.mode("each")
    charge = await desk.charge(price(10_000))
    await desk.hear()
    before = await desk.read(_stored)
    desk.clock.advance(DAY)
    await desk.top_up(5_000)
    await desk.hear()
    await desk.turned_out(charge, price(8_000))
    await desk.hear()
    await desk.top_up(50_000)
    await desk.hear()
    after = await desk.read(_stored)
    changed = {name for name in before[0] if before[0][name] != after[0][name]}
    assert changed == {"status", "due_minor", "credited_minor", "paid_at", "changed_at"}
    assert after[0]["status"] == "paid"
    assert len(after) == 2


def _stored(tx: ReadTx) -> list[dict[str, Any]]:
    assert tx.tenant == DEFAULT_TENANT
    return [dict(row) for row in tx.all("SELECT * FROM invoices WHERE tenant = :tenant ORDER BY id")]


def test_no_statement_changes_what_an_invoice_says() -> None:
    """The one UPDATE of invoices knows only what became of them, and nobody deletes any."""
    root = Path(csms.__file__).parent
    texts = [(path, path.read_text(encoding="utf-8")) for path in root.rglob("*.py")]
    changing = re.compile(r"(UPDATE|DELETE FROM) (invoices|invoice_bills|invoice_supplies|invoice_series)\b")
    found = [(path.name, match[0]) for path, text in texts for match in changing.finditer(text)]
    assert found == [("invoices.py", "UPDATE invoices")]
    assert BECAME == ("status", "due_minor", "credited_minor", "paid_at", "changed_at")
