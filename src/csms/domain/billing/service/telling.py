"""Events that tell of bills, made of them."""

from __future__ import annotations

from typing import Any

import attrs

from csms.domain.billing.model import BillCorrected, BillCredited, BillFailed, BillNotBillable, BillOpen, BillPaid, BillSettled
from csms.domain.billing.model.bills import Bill
from csms.domain.billing.model.events import AboutBill

_SAID = tuple(field.name for field in attrs.fields(AboutBill) if field.name != "bill_id")


def _about(bill: Bill) -> dict[str, Any]:
    return {"bill_id": bill.id} | {name: getattr(bill, name) for name in _SAID}


def settled(bill: Bill) -> BillSettled | BillCorrected:
    """It is in the ledger."""
    return BillCorrected(**_about(bill)) if bill.number else BillSettled(**_about(bill))


def left_open(bill: Bill) -> BillOpen:
    """Somewhat is owed."""
    return BillOpen(**_about(bill))


def paid(bill: Bill) -> BillPaid:
    """Nothing is owed any more."""
    return BillPaid(**_about(bill), written_off_minor=bill.written_off_minor)


def credited(bill: Bill, given_minor: int) -> BillCredited:
    """A credit note gave back something of it."""
    return BillCredited(
        **_about(bill),
        given_minor=given_minor,
        credited_minor=bill.credited_minor,
        credited_net_minor=bill.credited_minor - bill.credited_tax_minor,
    )


def not_billable(bill: Bill) -> BillNotBillable:
    """It costs nothing."""
    return BillNotBillable(**_about(bill), note=bill.note)


def failed(bill: Bill) -> BillFailed:
    """It was tried too often."""
    return BillFailed(**_about(bill), error=bill.error, attempts=bill.attempts)
