"""``csms invoice`` and ``csms settlement``: what was issued, issuing by hand, on paper; what partners are due."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from csms.cli.store import write
from csms.config import load
from csms.core.ports import Tx
from csms.core.pricing import Price, PriceLine, Share, TaxLine
from csms.domain.billing import service as billing
from csms.domain.billing.model import BillingSettingsChange
from csms.domain.billing.service import settings
from csms.domain.billing.service.making import basis_of
from csms.domain.billing.service.settling import Offer
from csms.domain.billing.store import due
from csms.domain.invoices.numbering import month_of
from csms.domain.invoices.service import take
from csms.domain.transactions.model import COMPLETED, REGISTER, REPORTED, Transaction
from csms.domain.transactions.store import rows
from csms.outside import SystemClock

from .conftest import Run, facts

NOON = 1_767_268_800_000  # 2026-01-01T12:00Z


def ended(number: int, driver_id: int) -> Transaction:
    return Transaction(
        charger_id="C1", evse=1, connector=1, state=COMPLETED, token=f"T{number}", driver_id=driver_id, started_at=NOON + number,
        meter_start_wh=0, stopped_at=NOON + 3_600_000, meter_stop_wh=10_000, energy_wh=10_000, energy_basis=REGISTER,
        stop_reason="Local", stop_source=REPORTED, created_at=NOON, updated_at=NOON, closed_at=NOON + 3_600_000,
    )  # fmt: skip


def settled(tx: Tx, transaction_id: int) -> None:
    """Settle a transaction at ₹100 and tax, of which a fifth is the mall's; it waits for its invoice."""
    billing.make(tx, transaction_id)
    line = PriceLine(
        kind="energy",
        description="energy",
        quantity=Decimal(10),
        unit="kWh",
        unit_price=Decimal(10),
        amount=Decimal(100),
    )
    tax = TaxLine(name="IGST", rate_percent=Decimal(18), taxable_minor=10_000, amount_minor=1_800)
    share = Share(party="Mall", amount_minor=2_000)
    price = Price(currency="INR", lines=(line,), net_minor=10_000, taxes=(tax,), total_minor=11_800, shares=(share,))
    transaction, bill = due.transaction(tx, transaction_id), billing.bill_of(tx, transaction_id)
    assert transaction is not None
    assert bill is not None
    offer = Offer(
        bill_id=bill.id,
        transaction_id=transaction_id,
        driver_id=transaction["driver_id"],
        payment_id=None,
        basis=basis_of(transaction),
        price=price,
    )
    billing.settle(tx, offer)
    take(tx, bill.id, transaction_id)


@pytest.fixture
def charged(store: Run, tmp_path: Path) -> Run:
    """A database with two settled bills that wait for invoices."""
    store("charger", "add", "C1")
    driver = facts(store("driver", "add", "Asha", "--json"))["id"]
    config = load(None, {"CSMS_DATABASE_URL": f"sqlite:///{tmp_path}/csms.db"})
    write(config, partial(settings.change, wanted=BillingSettingsChange(invoice_mode="manual")))
    for number in (1, 2):
        transaction_id = write(config, partial(rows.insert, new=ended(number, driver)))
        write(config, partial(settled, transaction_id=transaction_id))
    return store


def test_issued_by_hand_listed_and_shown(charged: Run, tmp_path: Path) -> None:
    made = facts(charged("invoice", "issue", "--bill", "1", "--bill", "2", "--json"))
    number = made["number"]
    assert (made["total_minor"], number[:4], number[-5:]) == (23_600, "INV/", "/0001")
    assert "already" in charged("invoice", "issue", "--bill", "1", code=1).stderr
    assert [each["number"] for each in facts(charged("invoice", "list", "--open", "--json"))] == [number]
    table = charged("invoice", "list").output
    assert "Asha" in table
    assert "₹236.00" in table
    assert charged("invoice", "list", "--status", "paid").output == "There are no such invoices\n"
    assert facts(charged("invoice", "show", number, "--json"))["bill_ids"] == [1, 2]
    told = charged("invoice", "show", "1").output
    assert "Rupees Two Hundred Thirty Six Only" in told
    assert "IGST" in told
    assert charged("invoice", "show", "INV/9", code=1).stderr == "csms: there is no invoice INV/9\n"
    target = tmp_path / "invoice.pdf"
    assert charged("invoice", "pdf", number, "--to", str(target)).output == f"{number} is in {target}\n"
    assert target.read_bytes().startswith(b"%PDF")


def test_what_a_partner_is_due(charged: Run) -> None:
    month = month_of(SystemClock().now(), "UTC")
    found = facts(charged("settlement", "list", "--month", month, "--json"))
    (mall,) = found["partners"]
    assert (mall["party"], mall["share_minor"], mall["revenue_minor"], mall["due_minor"]) == ("Mall", 4_000, 20_000, 4_000)
    assert "₹40.00" in charged("settlement", "list", "--month", month).output
    assert "₹40.00" in charged("settlement", "show", str(mall["party_id"]), "--month", month).output
    assert "like 2026-10" in charged("settlement", "list", "--month", "soon", code=2).stderr
    assert charged("settlement", "show", "99", "--month", month, code=1).stderr == "csms: there is no partner 99\n"
