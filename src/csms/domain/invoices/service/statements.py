"""A driver's month: what they charged and paid, and what moved their wallet."""

from __future__ import annotations

from csms.core.ports import ReadTx
from csms.domain.drivers import service as drivers
from csms.domain.invoices.model.settlements import MonthStatement, StatementBill, StatementMove
from csms.domain.invoices.store import statements as store
from csms.domain.tenants import store as tenants
from csms.domain.wallets.model.shown import LinesFilter
from csms.domain.wallets.service import listing, opening
from csms.domain.wallets.store import lists

from .settlements import months_of

MOST = 1000
"""Of each part of a statement at most so much is shown; its sums are of everything."""


def statement(tx: ReadTx, driver_id: int, month: str) -> MonthStatement:
    """A driver's month. Raises ``NotFound``, ``Invalid`` for a month that has not begun."""
    begin, end = months_of(tx, month)
    driver = drivers.known_driver(tx, driver_id)
    tenant = tenants.profile(tx, tx.tenant)
    assert tenant is not None
    wallet = opening.known_wallet(tx, driver_id)
    opened = closed = 0
    lines = []
    if wallet is not None:
        opened, closed = (lists.balance_before(tx, wallet.id, at) for at in (begin, end))
        lines = listing.lines_after(tx, driver_id, LinesFilter(from_at=begin, to_at=end), 0, MOST + 1)
    bills = store.bills(tx, driver_id, begin, end, MOST + 1)
    paid = store.payments(tx, driver_id, begin, end, MOST + 1)
    energy, charged = store.charged(tx, driver_id, begin, end, tenant.currency)
    return MonthStatement(
        month=month,
        driver_id=driver_id,
        driver_name=driver.name,
        operator=tenant.legal_name or tenant.name,
        time_zone=tenant.time_zone,
        currency=tenant.currency,
        opening_minor=opened,
        closing_minor=closed,
        owed_minor=0 if wallet is None else wallet.owed_minor,
        energy_wh=energy,
        charged_minor=charged,
        paid_minor=store.paid(tx, driver_id, begin, end, tenant.currency),
        bills=[StatementBill(**row) for row in bills[:MOST]],
        payments=[StatementMove(**row) for row in paid[:MOST]],
        wallet=[
            StatementMove(
                at=each.at,
                kind=each.kind,
                description=each.description or each.kind,
                currency=each.currency,
                amount_minor=each.amount_minor,
            )
            for each in lines[:MOST]
            if each.amount_minor
        ],
        invoices=store.numbers(tx, driver_id, begin, end, MOST),
        more=max(len(bills), len(paid), len(lines)) > MOST,
        printed_at=tx.now,
    )
