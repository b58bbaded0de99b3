"""What becomes of invoices: paid by and by, past every gateway, given back by hand; fees and top-ups have documents, too."""

from __future__ import annotations

from typing import Any

import pytest

from csms.core.errors import Invalid, Refused
from csms.core.ledger import ADJUSTMENTS, GATEWAY, PREPAYMENT, AccountRef, Fee, Leg, NewMovement
from csms.core.ports import Tx
from csms.domain.billing import service as billing
from csms.domain.billing.model import BillFilter
from csms.domain.billing.service import views as bill_views
from csms.domain.billing.store import lists
from csms.domain.invoices import personal
from csms.domain.invoices.model import NewCreditNote, OutsidePayment, Recipient
from csms.domain.invoices.service import credit, paid_outside, receive, refresh_stale, settings, settlements, summary
from csms.domain.wallets import service as wallets
from csms.domain.wallets.service import proving

Desk = Any


async def test_a_debt_is_paid_by_and_by(desk: Desk, price: Any) -> None:
    await desk.mode("each")
    await desk.top_up(1_000)
    await desk.charge(price(10_000))
    await desk.hear()
    (made,) = await desk.invoices(open=True)
    assert (made.status, made.due_minor, made.content.settled.wallet_minor) == ("partly_paid", 10_800, 1_000)
    await desk.top_up(800)
    await desk.hear()
    (made,) = await desk.invoices(status="partly_paid")
    assert made.due_minor == 10_000
    (bill,) = made.bill_ids

    def part(tx: Tx) -> None:
        billing.paid(tx, bill, 4_000, source="payment:1")

    await desk.do(part)  # no event tells of that
    assert await desk.do(refresh_stale) == 1
    assert await desk.do(refresh_stale) == 0
    assert (await desk.invoices())[0].due_minor == 6_000
    await desk.top_up(6_000)
    await desk.hear()
    (made,) = await desk.invoices()
    assert (made.status, made.due_minor, made.paid_at is not None) == ("paid", 0, True)
    (told,) = await desk.told("invoice_paid")
    assert (told.invoice_id, told.due_minor, told.status) == (made.id, 0, "paid")


async def test_paid_past_every_gateway(desk: Desk, price: Any) -> None:
    await desk.mode("each")
    await desk.charge(price(10_000))
    await desk.hear()
    (made,) = await desk.invoices()
    with pytest.raises(Invalid, match="is open"):
        await desk.do(paid_outside, made.id, OutsidePayment(reason="cash", amount_minor=11_801), by="owner")
    known = await desk.do(paid_outside, made.id, OutsidePayment(reason="cash", amount_minor=1_800), by="owner")
    assert (known.status, known.due_minor) == ("partly_paid", 10_000)
    known = await desk.do(paid_outside, made.id, OutsidePayment(reason="bank"), by="owner")
    assert (known.status, known.due_minor) == ("paid", 0)
    with pytest.raises(Refused, match="nothing of"):
        await desk.do(paid_outside, made.id, OutsidePayment(reason="bank"), by="owner")
    outside = await desk.read(wallets.balance, AccountRef(kind=GATEWAY, unit="INR", name="outside"))
    assert (outside, (await desk.books())["owed"]) == (-11_800, 0)


async def test_given_back_by_hand_in_parts_that_are_the_whole(desk: Desk, price: Any) -> None:
    await desk.mode("each")
    await desk.top_up(5_000)
    await desk.charge(price(9_999, share=30))
    await desk.hear()
    (made,) = await desk.invoices()
    assert (made.total_minor, made.due_minor) == (11_799, 6_799)
    first = await desk.do(credit, made.id, NewCreditNote(reason="too slow", amount_minor=7_000), by="owner")
    (known,) = await desk.invoices(kind="invoice")
    assert (known.status, known.due_minor, known.credited_minor) == ("paid", 0, 7_000)
    assert first.net_minor + first.tax_minor == 7_000
    books = await desk.books()
    assert (books["wallet"], books["owed"]) == (201, 0)
    with pytest.raises(Invalid, match="is left"):
        await desk.do(credit, made.id, NewCreditNote(reason="too slow", amount_minor=4_800), by="owner")
    await desk.do(credit, made.id, NewCreditNote(reason="all of it"), by="owner")
    books = await desk.books()
    assert books == {"wallet": 5_000, "owed": 0, "revenue": 0, "cgst": 0, "sgst": 0, "igst": 0, "mall": 0}
    (known,) = await desk.invoices(kind="invoice")
    assert (known.status, known.credited_minor) == ("credited", 11_799)
    with pytest.raises(Refused, match="already"):
        await desk.do(credit, made.id, NewCreditNote(reason="once more"), by="owner")
    with pytest.raises(Refused, match="credit note"):
        await desk.do(credit, first.id, NewCreditNote(reason="of a credit note"), by="owner")
    notes = await desk.invoices(kind="credit_note")
    assert [each.number for each in notes] == ["CN/26-27/0001", "CN/26-27/0002"]
    assert sum(each.content.supplies[0].cgst_minor for each in notes) == 900
    assert sum(each.content.supplies[0].taxable_minor for each in notes) == 9_999


async def test_a_top_up_has_a_receipt_of_its_own_series_once(desk: Desk) -> None:
    payment = await desk.do(_payment, desk.asha, "top_up")
    first = await desk.do(receive, payment, 50_000)
    assert await desk.do(receive, payment, 50_000) == first
    assert await desk.do(receive, await desk.do(_payment, desk.asha, "bill"), 100) is None
    (made,) = await desk.invoices(kind="receipt")
    assert (made.number, made.status, made.total_minor, made.tax_minor, made.payment_id) == (
        "RV/26-27/0001",
        "paid",
        50_000,
        0,
        payment,
    )
    assert made.content.supplies == ()


def _payment(tx: Tx, driver_id: int, purpose: str) -> int:
    gateway = tx.value(
        "INSERT INTO payment_gateways (tenant, name, provider, key_id, key_sealed, webhook_sealed, base_url, live, is_default, state,"
        " notice_token, mark, created_at, changed_at) VALUES (:tenant, :name, 'x', '', '', '', '', 0, 0, 'active', :name, '', :now, :now)"
        " RETURNING id",
        name=purpose,
    )
    return int(
        tx.value(
            "INSERT INTO payments (tenant, driver_id, gateway_id, way, purpose, reference_kind, reference_id, amount_minor, currency,"
            " description, customer, return_url, state, key, reference, created_at, paid_at, paid_minor) VALUES (:tenant, :driver_id, :gateway, 'link', :purpose,"
            " '', '', 50000, 'INR', 'Wallet', '{}', '', 'paid', :purpose, :purpose, :now, :now, 50000) RETURNING id",
            driver_id=driver_id,
            gateway=gateway,
            purpose=purpose,
        )
    )


async def test_bill_ledger_and_invoice_agree_after_a_credit_note(desk: Desk, price: Any) -> None:
    """Also where the charge turns out otherwise after it, whatever more than it costs by then was given back."""
    await desk.mode("each")
    await desk.top_up(11_800)
    transaction = await desk.charge(price(20_000, share=50))  # half of it is owed
    await desk.hear()
    (made,) = await desk.invoices()
    await desk.do(credit, made.id, NewCreditNote(reason="too slow", amount_minor=14_160), by="owner")
    await desk.hear()

    async def agree(net: int, wallet: int, owed: int) -> None:
        (item,) = [each for each in (await desk.read(lists.of_transaction, transaction)) if not each.number]
        whole = await desk.read(bill_views.of_transaction, transaction)
        spent = (await desk.read(bill_views.spending, desk.asha)).months[0]
        totals = (await desk.read(bill_views.summary, BillFilter())).totals[0]
        months = (await desk.read(settlements, "2027-01")).totals[0]
        gst = await desk.read(summary, "2027-01")
        books = await desk.books()
        total = net * 118 // 100
        assert (item.total_minor, item.credited_minor) == (23_600, 14_160)
        for told in (whole, spent, totals):
            assert (told.net_minor, told.tax_minor, told.total_minor) == (net, total - net, total)
        assert (whole.credited_minor, whole.open_minor, totals.open_minor) == (14_160, owed, owed)
        assert (await desk.read(bill_views.spent, desk.asha))[0].amount_minor == total
        assert sum(each.taxable_minor for each in gst.codes) == months.revenue_minor == books["revenue"] + books["mall"] == net
        assert sum(each.cgst_minor + each.sgst_minor for each in gst.codes) == books["cgst"] + books["sgst"] == total - net
        assert (books["mall"], books["wallet"], -books["owed"]) == (net // 2, wallet, owed)
        assert sum(each.total_minor * (-1 if each.kind == "credit_note" else 1) for each in await desk.invoices()) == total
        assert (await desk.do(proving.trial_balance)).balanced
        revenue = await desk.read(lambda tx: tx.value("SELECT sum(revenue_minor) FROM analytics_bills WHERE tenant = :tenant"))
        assert revenue in (None, net)

    await agree(8_000, 2_360, 0)
    await desk.turned_out(transaction, price(18_000, share=50))
    await desk.hear()
    await agree(6_000, 4_720, 0)
    await desk.turned_out(transaction, price(5_000, share=50))  # less than was given back by hand
    await desk.hear()
    await agree(0, 11_800, 0)
    await desk.turned_out(transaction, price(16_000, share=50))
    await desk.hear()
    await agree(4_000, 7_080, 0)
    told = await desk.told("bill_credited")
    assert [(each.given_minor, each.credited_minor, each.credited_net_minor) for each in told] == [(14_160, 14_160, 12_000)]


async def test_a_plans_fee_has_an_invoice(desk: Desk) -> None:
    await desk.top_up(200_000)

    def fee(tx: Tx) -> bool:
        return wallets.collect_fee(
            tx,
            desk.asha,
            amount_minor=118_000,
            net_minor=100_000,
            taxes=[("CGST", 9_000), ("SGST", 9_000)],
            key="plan:1",
            description="Gold, January 2027",
            reference_kind="subscription",
            reference_id="1",
            tax_code="998713",
        )

    assert await desk.do(fee)
    await desk.hear()
    desk.heard = 0
    await desk.hear()
    (made,) = await desk.invoices()
    said = made.content
    assert (made.kind, made.status, made.total_minor, made.tax_minor) == ("invoice", "paid", 118_000, 18_000)
    assert ([each.description for each in said.lines], said.place_code) == (["Gold, January 2027"], "29")
    assert {each.tax_code for each in (*said.lines, *said.supplies)} == {"998713"}
    assert [(each.name, str(each.rate_percent)) for each in said.taxes] == [("CGST", "9"), ("SGST", "9")]

    def back(tx: Tx) -> None:
        part = Fee(amount_minor=59_000, net_minor=50_000, taxes=(("CGST", 4_500), ("SGST", 4_500)), tax_code="998713")
        wallets.give_back(
            tx, desk.asha, part, key="back:1", description="Gold ended", reference_kind="subscription", reference_id="1"
        )

    await desk.do(back)
    await desk.hear()
    desk.heard = 0
    await desk.hear()
    (half,) = await desk.invoices(kind="credit_note")
    assert half.content.lines[0].tax_code == "998713"
    assert (half.total_minor, half.original_id, half.content.reason) == (59_000, made.id, "Gold ended")
    note = await desk.do(credit, made.id, NewCreditNote(reason="never used"), by="owner")
    assert (note.total_minor, (await desk.books())["wallet"]) == (59_000, 200_000)
    assert (await desk.invoices(kind="invoice"))[0].status == "credited"


async def test_a_guest_who_paid_in_advance(desk: Desk, price: Any) -> None:
    """Invoiced at once, whatever the mode, for there is no month to wait for; what is given back goes to the payment."""
    account = AccountRef(kind=PREPAYMENT, unit="INR", name="41")
    legs = (Leg(AccountRef(kind=GATEWAY, unit="INR", name="test"), -20_000), Leg(account, 20_000))
    await desk.do(wallets.post, NewMovement(kind="PAYMENT", key="p41", legs=legs, description="paid"))
    await desk.charge(price(10_000), card="NOBODY", payment_id=41)
    await desk.hear()
    (made,) = await desk.invoices()
    assert (made.driver_id, made.status, made.recipient_name) == (None, "paid", "Customer who paid in advance")
    assert (made.content.settled.prepaid_minor, made.period) == (11_800, "")
    note = await desk.do(credit, made.id, NewCreditNote(reason="too slow", amount_minor=1_180), by="owner")
    assert (note.net_minor, await desk.balance(PREPAYMENT, "41")) == (1_000, 20_000 - 11_800 + 1_180)
    await desk.charge(price(10_000), card="NOBODY", payment_id=42)  # paid nothing: nobody could owe it
    await desk.hear()
    lost = (await desk.invoices(kind="invoice"))[-1]
    assert (lost.content.settled.waived_minor, lost.due_minor) == (11_800, 0)
    await desk.do(credit, lost.id, NewCreditNote(reason="never came"), by="owner")
    assert await desk.balance(PREPAYMENT, "42") == 0, "nobody gets what nobody paid"
    assert await desk.balance(ADJUSTMENTS, "written off") == 0


async def test_invoices_are_kept_when_their_driver_is_forgotten(desk: Desk, price: Any) -> None:
    await desk.mode("each")
    await desk.do(settings.name_recipient, desk.asha, Recipient(name="Asha Ltd"))
    await desk.charge(price(10_000))
    await desk.hear()
    before = await desk.read(personal.holdings, desk.asha)
    assert before["invoices"][0]["content"]["recipient"]["name"] == "Asha Ltd"
    assert before["invoice_recipient"] == Recipient(name="Asha Ltd")
    await desk.do(personal.erase, desk.asha)
    after = await desk.read(personal.holdings, desk.asha)
    assert (after["invoices"], after["invoice_recipient"]) == (before["invoices"], None)
