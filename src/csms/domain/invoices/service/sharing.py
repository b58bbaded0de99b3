"""What partners share in is written down bill by bill, so that a month is summed up without reading every price again."""

from __future__ import annotations

from collections.abc import Sequence

from csms.core.ports import Tx
from csms.domain.billing.model import SETTLED, Bill
from csms.domain.invoices.store import settlements as store


def note(tx: Tx, bill: Bill, known: Sequence[Bill]) -> None:
    """Write down what parties share in by a bill; ``known`` are all bills of its transaction. Once."""
    if not bill.shares:
        return
    before = [each for each in known if each.number < bill.number and each.driver_id == bill.driver_id and each.state == SETTLED]
    electricity = _electricity(bill) - (_electricity(before[-1]) if before else 0)
    for share in bill.shares:
        store.insert_part(
            tx,
            f"bill:{bill.id}",
            share.party[:100],
            currency=bill.currency,
            station_id=bill.station_id,
            settled_at=bill.settled_at,
            energy_wh=bill.energy_wh,
            net_minor=bill.net_minor,
            tax_minor=bill.tax_minor,
            electricity_minor=electricity,
            share_minor=share.amount_minor,
        )


def _electricity(bill: Bill) -> int:
    """What the grid asked for the charge as a whole, as it was known with this bill."""
    return 0 if bill.price is None else bill.price.electricity_minor or 0
