"""``csms bill``: what charges cost, and what is to be done about those that could not be billed."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from csms.cli.store import write
from csms.config import load
from csms.core.ports import Tx
from csms.core.pricing import Price, PriceLine, TaxLine
from csms.domain.billing import service
from csms.domain.billing.service.making import basis_of
from csms.domain.billing.service.settling import Offer
from csms.domain.billing.store import due
from csms.domain.transactions.model import COMPLETED, REGISTER, REPORTED, Transaction
from csms.domain.transactions.store import rows

from .conftest import Run, facts

NOON = 1_767_268_800_000  # 2026-01-01T12:00Z


def ended(number: int, driver_id: int | None) -> Transaction:
    return Transaction(
        charger_id="C1", evse=1, connector=1, state=COMPLETED, token=f"T{number}", driver_id=driver_id, started_at=NOON + number,
        meter_start_wh=0, stopped_at=NOON + 3_600_000, meter_stop_wh=12_345, energy_wh=12_345, energy_basis=REGISTER,
        stop_reason="Local", stop_source=REPORTED, created_at=NOON, updated_at=NOON, closed_at=NOON + 3_600_000,
    )  # fmt: skip


def settled(tx: Tx, transaction_id: int) -> None:
    line = PriceLine(
        kind="energy",
        description="energy",
        quantity=Decimal("12.345"),
        unit="kWh",
        unit_price=Decimal(10),
        amount=Decimal("123.45"),
    )
    tax = TaxLine(name="GST", rate_percent=Decimal(18), taxable_minor=12_345, amount_minor=2_222)
    price = Price(currency="INR", lines=(line,), net_minor=12_345, taxes=(tax,), total_minor=14_567, tariff="Flat")
    transaction = due.transaction(tx, transaction_id)
    bill = service.bill_of(tx, transaction_id)
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
    service.settle(tx, offer)


@pytest.fixture
def billed(store: Run, tmp_path: Path) -> Run:
    """A database with a bill that is owed, and one that waits for a price."""
    store("charger", "add", "C1")
    driver = facts(store("driver", "add", "Asha", "--json"))["id"]
    config = load(None, {"CSMS_DATABASE_URL": f"sqlite:///{tmp_path}/csms.db"})
    for number in (1, 2):
        transaction_id = write(config, partial(rows.insert, new=ended(number, driver)))
        write(config, partial(service.make, transaction_id=transaction_id))
    write(config, partial(settled, transaction_id=1))
    return store


def test_list(billed: Run) -> None:
    assert [each["id"] for each in facts(billed("bill", "list", "--json"))] == [2, 1]
    assert [each["total"] for each in facts(billed("bill", "list", "--state", "SETTLED", "--json"))] == ["₹145.67"]
    assert [each["open"] for each in facts(billed("bill", "list", "--open", "--json"))] == ["₹145.67"]
    table = billed("bill", "list").output
    assert "12.345 kWh" in table
    assert "Asha" in table


def test_show(billed: Run) -> None:
    shown = facts(billed("bill", "show", "1", "--json"))
    assert (shown["total_minor"], shown["lines"][0]["amount"], shown["state"]) == (14_567, "123.45", "SETTLED")
    told = billed("bill", "show", "1").output
    assert "₹145.67" in told
    assert "GST" in told
    assert billed("bill", "show", "9", code=1).stderr == "csms: there is no bill 9\n"


def test_retry_and_write_off(billed: Run) -> None:
    assert billed("bill", "retry", "2").output == "Bill 2 is priced again\n"
    assert "settled" in billed("bill", "retry", "1", code=1).stderr
    assert billed("bill", "write-off", "1", "--reason", "meter at fault").output == "Bill 1 is written off\n"
    shown = facts(billed("bill", "show", "1", "--json"))
    assert (shown["open_minor"], shown["written_off_minor"], shown["note"]) == (0, 14_567, "written off: meter at fault")
    assert facts(billed("bill", "write-off", "2", "--reason", "free", "--json"))["state"] == "NOT_BILLABLE"
