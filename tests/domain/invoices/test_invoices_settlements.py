"""A partner's month equals the ledger to the paisa; the tax summary equals the documents; a statement equals the wallet."""

from __future__ import annotations

from typing import Any

import pytest

from csms.core.errors import Conflict, Invalid, NotFound, Refused
from csms.core.ledger import GATEWAY, AccountRef
from csms.domain.invoices.model import NewCreditNote, Recipient
from csms.domain.invoices.model.settlements import NewPayout
from csms.domain.invoices.service import credit, pay_out, settings, settlement, settlements, statement, summary
from csms.domain.wallets import service as wallets

Desk = Any
DAY = 86_400_000


async def test_a_settlement_equals_the_ledger(desk: Desk, price: Any) -> None:
    await desk.mode("each")
    await desk.top_up(10**6)
    charge = await desk.charge(price(10_000, share=20, electricity=3_000))
    await desk.charge(price(20_000, share=20, electricity=6_000, igst=True, place="MH"), card="BEN")
    await desk.charge(price(5_000))
    await desk.hear()
    await desk.turned_out(charge, price(8_000, share=20, electricity=2_400))
    await desk.hear()
    first, *_ = await desk.invoices()
    await desk.do(credit, first.id, NewCreditNote(reason="goodwill", amount_minor=1_180), by="owner")

    month = await desk.read(settlements, "2027-01")
    (mall,) = month.partners
    (total,) = month.totals
    books = await desk.books()
    assert mall.closing_minor == mall.due_minor == mall.share_minor == books["mall"] == 1_600 + 4_000 - 200
    assert (mall.bills, mall.energy_wh, mall.electricity_minor) == (4, 28_000, 8_400)
    assert mall.revenue_minor == 8_000 + 20_000 - 1_000
    assert mall.tax_minor == 1_440 + 3_600 - 180
    assert total.kept_minor == books["revenue"]
    assert total.revenue_minor - total.shares_minor == total.kept_minor
    assert total.revenue_minor == 8_000 + 20_000 + 5_000 - 1_000
    assert {each.name: each.amount_minor for each in total.taxes} == {
        "CGST": books["cgst"],
        "SGST": books["sgst"],
        "IGST": books["igst"],
    }

    with pytest.raises(Refused, match="is due"):
        await desk.do(pay_out, mall.party_id, NewPayout(month="2027-01", reference="U1", amount_minor=5_401), by="owner")
    for _ in range(2):
        paid = await desk.do(pay_out, mall.party_id, NewPayout(month="2027-01", reference="U1", amount_minor=5_000), by="owner")
    with pytest.raises(Conflict):
        await desk.do(pay_out, mall.party_id, NewPayout(month="2027-01", reference="U1", amount_minor=400), by="owner")
    desk.clock.advance(31 * DAY)
    await desk.do(pay_out, mall.party_id, NewPayout(month="2027-01", reference="U2"), by="owner")
    bank = await desk.read(wallets.balance, AccountRef(kind=GATEWAY, unit="INR", name="bank"))
    assert (bank, (await desk.books())["mall"]) == (5_400, 0)
    detail = await desk.read(settlement, mall.party_id, "2027-01")
    assert [(each.reference, each.amount_minor) for each in detail.payouts] == [("U1", 5_000), ("U2", 400)]
    assert (detail.paid_out_minor, detail.closing_minor, detail.due_minor) == (5_000, 400, 0)
    assert paid.id == detail.payouts[0].id
    after = (await desk.read(settlements, "2027-02")).partners[0]
    assert (after.opening_minor, after.share_minor, after.paid_out_minor, after.closing_minor) == (400, 0, 400, 0)
    with pytest.raises(Invalid, match="not begun"):
        await desk.read(settlements, "2027-12")
    with pytest.raises(NotFound):
        await desk.read(settlement, 999, "2027-01")


async def test_the_tax_summary_equals_the_documents(desk: Desk, price: Any) -> None:
    await desk.mode("each")
    await desk.top_up(10**6)
    await desk.do(settings.name_recipient, desk.ben, Recipient(name="Ben Ltd", tax_id="27AAAAA0000A1Z5"))
    charge = await desk.charge(price(10_000))
    await desk.charge(price(30_000, rate=5))
    await desk.charge(price(20_000, igst=True, place="MH"), card="BEN")
    await desk.hear()
    await desk.turned_out(charge, price(4_000))
    await desk.hear()
    found = await desk.read(summary, "2027-01")

    (business,) = found.b2b
    assert (business.tax_id, business.number, business.place, business.rate_percent) == (
        "27AAAAA0000A1Z5",
        "INV/26-27/0003",
        "27",
        "18",
    )
    assert (business.taxable_minor, business.igst_minor, business.total_minor) == (20_000, 3_600, 23_600)
    assert [
        (each.place, each.rate_percent, each.documents, each.taxable_minor, each.cgst_minor, each.sgst_minor) for each in found.b2c
    ] == [
        ("29", "18", 2, 4_000, 360, 360),
        ("29", "5", 1, 30_000, 750, 750),
    ]
    assert [(each.tax_code, each.rate_percent, each.energy_wh, each.taxable_minor) for each in found.codes] == [
        ("998714", "18", 24_000, 24_000),
        ("998714", "5", 30_000, 30_000),
    ]
    assert [(each.kind, each.first, each.last, each.count, each.cancelled) for each in found.documents] == [
        ("credit_note", "CN/26-27/0001", "CN/26-27/0001", 1, 0),
        ("invoice", "INV/26-27/0001", "INV/26-27/0003", 3, 0),
    ]
    books = await desk.books()
    assert sum(each.cgst_minor for each in found.codes) == books["cgst"]
    assert sum(each.igst_minor for each in found.codes) == books["igst"]
    assert (await desk.read(summary, "2026-12")).documents == []


async def test_a_statement_equals_the_wallet(desk: Desk, price: Any) -> None:
    await desk.mode("each")
    await desk.top_up(30_000)
    await desk.charge(price(10_000))
    desk.clock.advance(30 * DAY)
    await desk.top_up(1_000)
    await desk.charge(price(20_000))
    await desk.hear()
    first, second = [await desk.read(statement, desk.asha, month) for month in ("2027-01", "2027-02")]
    assert (first.opening_minor, first.closing_minor, first.charged_minor, first.energy_wh) == (0, 18_200, 11_800, 10_000)
    assert [each.amount_minor for each in first.wallet] == [30_000, -11_800]
    assert (second.opening_minor, second.closing_minor, second.charged_minor, second.owed_minor) == (18_200, 0, 23_600, 4_400)
    assert ([each.open_minor for each in second.bills], second.invoices) == ([4_400], ["INV/26-27/0001", "INV/26-27/0002"])
    assert second.opening_minor + sum(each.amount_minor for each in second.wallet) == second.closing_minor
    empty = await desk.read(statement, desk.ben, "2027-01")
    assert (empty.bills, empty.wallet, empty.closing_minor) == ([], [], 0)
