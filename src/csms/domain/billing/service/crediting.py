"""What a credit note by hand gives back of a bill: the charge was right, and costs less all the same."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from csms.core.errors import NotFound
from csms.core.ports import Tx
from csms.core.pricing import Share, TaxLine
from csms.domain.billing.model import Bill, bill_key
from csms.domain.billing.store import bills as store

from . import telling
from .paying import paid


@attrs.frozen(slots=True, kw_only=True)
class Credit:
    """A part of a credit note, of one bill: ``net_minor`` and ``taxes`` make it up. Of it ``opened_minor`` was still owed and is not any more,
    ``lost_minor`` was written off; the rest went to the driver, or to the payment."""

    net_minor: int
    taxes: tuple[TaxLine, ...]
    opened_minor: int
    lost_minor: int

    @property
    def total_minor(self) -> int:
        """All of it."""
        return self.net_minor + sum(each.amount_minor for each in self.taxes)


def credited(tx: Tx, bill_id: int, part: Credit, *, source: str) -> None:
    """The same write gives back a part of a bill in the ledger: from now on the bill counts as so much less. Raises ``NotFound``."""
    bill = store.by_id(tx, bill_id)
    if bill is None:
        raise NotFound(f"there is no bill {bill_id}")
    tx.claim(bill_key(bill.transaction_id))
    if part.opened_minor:
        paid(tx, bill_id, part.opened_minor, source=source)
        bill = store.by_id(tx, bill_id)
        assert bill is not None
    after = attrs.evolve(
        bill,
        credited_minor=bill.credited_minor + part.total_minor,
        credited_tax_minor=bill.credited_tax_minor + part.total_minor - part.net_minor,
        credited_taxes=taxes_together((*bill.credited_taxes, *part.taxes)),
        credited_open_minor=bill.credited_open_minor + part.opened_minor,
        credited_lost_minor=bill.credited_lost_minor + part.lost_minor,
        changed_at=tx.now,
    )
    store.save(tx, bill, after)
    tx.emit(telling.credited(after, part.total_minor))


def taxes_together(taxes: Sequence[TaxLine]) -> tuple[TaxLine, ...]:
    """Taxes by name and rate."""
    sums: dict[tuple[str, object], TaxLine] = {}
    for each in taxes:
        known = sums.get((each.name, each.rate_percent))
        if known is not None:
            each = attrs.evolve(
                each, taxable_minor=known.taxable_minor + each.taxable_minor, amount_minor=known.amount_minor + each.amount_minor
            )
        sums[each.name, each.rate_percent] = each
    return tuple(sums.values())


@attrs.frozen(slots=True, kw_only=True)
class Given:
    """What credit notes gave back of a driver's bills of a transaction, all together: of it no correction gives anything back again."""

    total_minor: int
    net_minor: int
    taxes: tuple[TaxLine, ...]
    opened_minor: int
    lost_minor: int

    @property
    def returned_minor(self) -> int:
        """What went to the driver, or to the payment."""
        return self.total_minor - self.opened_minor - self.lost_minor


def given(bills: Sequence[Bill]) -> Given:
    """What credit notes gave back of bills."""
    total = sum(each.credited_minor for each in bills)
    return Given(
        total_minor=total,
        net_minor=total - sum(each.credited_tax_minor for each in bills),
        taxes=taxes_together([tax for each in bills for tax in each.credited_taxes]) if total else (),
        opened_minor=sum(each.credited_open_minor for each in bills),
        lost_minor=sum(each.credited_lost_minor for each in bills),
    )


def shares_given(bills: Sequence[Bill], total_minor: int) -> tuple[Share, ...]:
    """What of partners' shares in bills goes with so much of their total."""
    whole = sum(each.total_minor for each in bills)
    if whole <= 0:
        return ()
    return tuple(
        attrs.evolve(share, amount_minor=(2 * share.amount_minor * total_minor + whole) // (2 * whole))
        for each in bills
        for share in each.shares
    )
