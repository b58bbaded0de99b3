"""What is shown to plugins of bills that are due: read for many at a time."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from csms.core.ports import ReadTx, Row
from csms.core.pricing import AllowanceUse, Charge, Covered, MeterPoint
from csms.domain.billing.model import SETTLED, UNBILLED, Bill
from csms.domain.billing.store import bills as store
from csms.domain.transactions.service.consumption import charges_of

from .making import basis_of_charge, course_of


@attrs.frozen(slots=True, kw_only=True)
class Due:
    """A bill that is due, and the charge that it is about. ``covered`` and ``uses`` are what earlier bills of it took of allowances; where
    that ``stays``, it is not asked what more they would pay."""

    bill_id: int
    transaction_id: int
    driver_id: int | None
    payment_id: int | None
    basis: str
    course: str
    charge: Charge
    covered: Covered | None = None
    uses: tuple[AllowanceUse, ...] = ()
    stays: bool = False

    @property
    def is_free(self) -> bool:
        """Whether nobody need be asked: no energy was taken, or another driver is to pay for it."""
        return not self.charge.energy_wh or self.charge.driver_id != self.driver_id


def prepare(tx: ReadTx, rows: Sequence[Row]) -> list[Due]:
    """Due bills of one tenant with their charges. As many statements as for one bill, and one more for each correction."""
    charges = charges_of(tx, sorted({row["transaction_id"] for row in rows}))
    found = {each.id: each for each in store.some(tx, [row["id"] for row in rows])}
    ready = []
    for row in rows:
        bill, charge = found.get(row["id"]), charges.get(row["transaction_id"])
        if bill is not None and charge is not None and bill.state == UNBILLED:
            ready.append(
                _due(bill, charge, _taken_before(store.of_transaction(tx, bill.transaction_id), bill) if bill.number else None)
            )
    return ready


def due_again(settled: Sequence[Bill], charge: Charge) -> Due:
    """The last bill of a charge as if it were due once more: allowances go on paying what they paid. ``settled`` are its driver's bills of
    it, in their order."""
    last = settled[-1]
    due = _due(last, charge, _taken_before(settled, last))
    if not last.course and not due.uses:  # of a bill so old nobody knows whether a plan had a rate for it
        return due
    return attrs.evolve(due, covered=last.covered or Covered(), stays=True)


def _due(bill: Bill, charge: Charge, before: tuple[Covered | None, tuple[AllowanceUse, ...]] | None) -> Due:
    covered, uses = (None, ()) if before is None else before
    return Due(
        bill_id=bill.id,
        transaction_id=bill.transaction_id,
        driver_id=charge.driver_id if before is None else bill.driver_id,
        payment_id=bill.payment_id,
        basis=basis_of_charge(charge),
        course=course_of(charge),
        charge=charge,
        covered=covered,
        uses=uses,
    )


def _taken_before(bills: Sequence[Bill], bill: Bill) -> tuple[Covered | None, tuple[AllowanceUse, ...]]:
    before = [each for each in bills if each.state == SETTLED and each.driver_id == bill.driver_id]
    sums: dict[tuple[int, str], int] = {}
    for used in (used for each in before for used in each.uses):
        sums[used.account_id, used.unit] = sums.get((used.account_id, used.unit), 0) + used.amount
    uses = tuple(
        AllowanceUse(account_id=account_id, unit=unit, amount=amount) for (account_id, unit), amount in sums.items() if amount > 0
    )
    covered = before[-1].covered if before else None
    return (covered if uses else None), uses


def beyond(charge: Charge, energy_wh: int) -> Charge:
    """The part of a charge after its first ``energy_wh``: what more an allowance may pay, where some of it did already."""
    points = [each for each in charge.points if each.energy_wh >= energy_wh]
    shifted = [attrs.evolve(each, energy_wh=each.energy_wh - energy_wh) for each in points]
    begin = shifted[0].at if shifted else charge.started_at
    if not shifted or shifted[0].energy_wh:
        shifted.insert(0, MeterPoint(begin, 0))
    return attrs.evolve(charge, energy_wh=max(0, charge.energy_wh - energy_wh), points=tuple(shifted))


def together(
    charge: Charge,
    covered: Covered,
    uses: Sequence[AllowanceUse],
    more: Covered | None,
    more_uses: Sequence[AllowanceUse],
) -> tuple[Covered, tuple[AllowanceUse, ...]]:
    """What allowances pay of a charge that turned out otherwise: what they paid before, no more of it than there is, and what is added."""
    sums: dict[tuple[int, str], int] = {(each.account_id, each.unit): each.amount for each in uses}
    if more is None:
        kept = min(covered.energy_wh, charge.energy_wh)
        _give_back(sums, covered.energy_wh - kept)
        whole = attrs.evolve(covered, energy_wh=kept)
    else:
        for use in more_uses:
            sums[use.account_id, use.unit] = sums.get((use.account_id, use.unit), 0) + use.amount
        whole = attrs.evolve(
            covered,
            energy_wh=covered.energy_wh + more.energy_wh,
            whole=covered.whole or more.whole,
            rate_per_kwh=covered.rate_per_kwh if more.rate_per_kwh is None else more.rate_per_kwh,
        )
    return whole, tuple(
        AllowanceUse(account_id=account_id, unit=unit, amount=amount) for (account_id, unit), amount in sums.items() if amount > 0
    )


def _give_back(sums: dict[tuple[int, str], int], energy_wh: int) -> None:
    for name in reversed([each for each in sums if each[1] == "WH"]):
        part = min(energy_wh, sums[name])
        sums[name] -= part
        energy_wh -= part
