"""Invoices on paper: everything that the law asks for is legible, and the same invoice makes the same bytes."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest

from csms.core.ids import DEFAULT_TENANT
from csms.domain.invoices import flows, paper
from csms.domain.invoices.model import InvoiceSettingsChange
from csms.domain.invoices.service import settings
from csms.pages import Code, described

Desk = Any


@pytest.fixture
def engine() -> str:
    return "sqlite"


def words(pdf: bytes) -> str:
    """What stands on a document, blanks apart."""
    tool = shutil.which("pdftotext")
    if tool is None:
        pytest.skip("pdftotext is not installed")
    text = subprocess.run([tool, "-layout", "-", "-"], input=pdf, capture_output=True, check=True).stdout.decode()
    return " ".join(text.split())


async def test_an_invoice_is_legible_and_always_the_same(desk: Desk, price: Any) -> None:
    await desk.mode("each")
    wanted = InvoiceSettingsChange(
        upi_id="green@okbank", due_days=15, footer="CIN U12345KA2020PTC000001", terms="Interest after the due date."
    )
    await desk.do(settings.change, wanted)
    await desk.top_up(1_00_000)
    await desk.charge(price(1_23_456_78), energy_wh=20_000)
    await desk.hear()
    (made,) = await desk.invoices()
    pdf, name = await flows.as_pdf(desk.ports, made.id, DEFAULT_TENANT)
    again, _ = await flows.as_pdf(desk.ports, made.id, DEFAULT_TENANT)
    assert pdf == again
    assert name == "INV-26-27-0001.pdf"
    read = words(pdf)
    for text in (
        "Green Charge Pvt Ltd",
        "1 MG Road",
        "GSTIN: 29ABCDE1234F1Z5",
        "State: Karnataka (code 29)",
        "Tax invoice",
        "INV/26-27/0001",
        "15 Jan 2027",
        "Place of supply Karnataka (29)",
        "Reverse charge No",
        "Billed to",
        "Asha",
        "998714",
        "12345.678 kWh",
        "₹1,23,456.78",
        "CGST 9 % on ₹1,23,456.78 ₹11,111.11",
        "SGST 9 %",
        "Total ₹1,45,679.00",
        "Rupees One Lakh Forty Five Thousand Six Hundred Seventy Nine Only",
        "From the wallet ₹1,000.00",
        "Amount due ₹1,44,679.00",
        "Due by 30 Jan 2027",
        "Charged at CP-1",
        "CIN U12345KA2020PTC000001",
        "Interest after the due date.",
        "Scan to pay",
        made.digest[:16],
    ):
        assert text in read, (text, read)
    codes = [each for each in paper.document(made, made.content).blocks if isinstance(each, Code)]
    assert codes[0].text == "upi://pay?pa=green%40okbank&pn=Green%20Charge%20Pvt%20Ltd&am=144679.00&cu=INR&tn=INV%2F26-27%2F0001"
    assert codes[1].text.splitlines() == ["29ABCDE1234F1Z5", made.number, "15 Jan 2027", "INR 145679.00", f"sha256:{made.digest}"]
    linked = paper.document(made, made.content, pay_url="https://pay.example/x", logo=b"")
    assert next(each.text for each in linked.blocks if isinstance(each, Code)) == "https://pay.example/x"


async def test_a_month_and_a_credit_note_on_paper(desk: Desk, price: Any) -> None:
    await desk.top_up(10**6)
    charges = [await desk.charge(price(number * 1_000)) for number in (1, 2)]
    await desk.hear()
    desk.clock.advance(40 * 86_400_000)
    await flows.issue_due(desk.ports)
    await desk.turned_out(charges[1], price(500))
    await desk.hear()
    month, note = await desk.invoices()
    text = described(paper.document(month, month.content)).decode()
    for said in ("Charging at CP-1, 15 Jan 2027 13:30", "Charges", "2027-01", "Paid on"):
        assert said in text, said
    assert "Scan to pay" not in text
    read = words((await flows.as_pdf(desk.ports, note.id, DEFAULT_TENANT))[0])
    for said in (
        "Credit note",
        "CN/26-27/0001",
        f"About {month.number} of 24 Feb 2027",
        "the charge turned out otherwise",
        "To the wallet ₹17.70",
    ):
        assert said in read, (said, read)
    statement = words(await flows.statement_as_pdf(desk.ports, desk.asha, "2027-01", DEFAULT_TENANT))
    for said in ("Statement of 2027-01", "No. 1", "Charged ₹17.70", "Wallet before ₹0.00"):
        assert said in statement, (said, statement)
