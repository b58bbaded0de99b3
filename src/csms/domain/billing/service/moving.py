"""The movements in the ledger that bills make: the charge itself, partners' shares, allowances, debts paid and written off."""

from __future__ import annotations

import attrs

from csms.core.ledger import (
    ADJUSTMENT,
    ADJUSTMENTS,
    ALLOWANCE,
    CORRECTION,
    GRANTED,
    HELD,
    PARTNER,
    PAYMENT,
    PREPAYMENT,
    RECEIVABLE,
    REVENUE,
    SHARE,
    TAX,
    USE,
    WALLET,
    AccountRef,
    Leg,
    NewMovement,
)
from csms.core.ports import Tx
from csms.core.units import kwh
from csms.domain.billing.model import Bill, hold_key
from csms.domain.wallets import service as wallets

WRITTEN_OFF = "written off"
"""The account of what was owed and never came."""


@attrs.frozen(slots=True, kw_only=True)
class Ways:
    """How a bill is settled; ``held_minor`` comes out of the hold, ``written_off_minor`` is in ``owed_minor``. Below zero: given back."""

    prepaid_minor: int = 0
    held_minor: int = 0
    wallet_minor: int = 0
    owed_minor: int = 0
    waived_minor: int = 0
    written_off_minor: int = 0


def charge(tx: Tx, bill: Bill, ways: Ways, *, kind: str) -> None:
    """Post a bill: out of what paid for it, into revenue and taxes."""
    unit = bill.currency
    legs = [Leg(AccountRef(kind=REVENUE, unit=unit), bill.net_minor)]
    legs += [Leg(AccountRef(kind=TAX, unit=unit, name=each.name), each.amount_minor) for each in bill.taxes]
    legs.append(Leg(AccountRef(kind=ADJUSTMENTS, unit=unit, name=WRITTEN_OFF), -ways.waived_minor - ways.written_off_minor))
    if bill.payment_id is not None:
        legs.append(Leg(AccountRef(kind=PREPAYMENT, unit=unit, name=str(bill.payment_id)), -ways.prepaid_minor))
    if bill.driver_id is not None:
        held = AccountRef(kind=HELD, unit=unit, name=hold_key(bill.transaction_id), driver_id=bill.driver_id)
        legs += [
            Leg(held, -ways.held_minor),
            Leg(AccountRef(kind=WALLET, unit=unit, driver_id=bill.driver_id), -ways.wallet_minor),
            Leg(AccountRef(kind=RECEIVABLE, unit=unit, driver_id=bill.driver_id), ways.written_off_minor - ways.owed_minor),
        ]
    _post(tx, bill, kind, f"bill:{bill.id}", legs, f"{kwh(bill.energy_wh)} kWh at {bill.charger_id}"[:300])


def share_out(tx: Tx, bill: Bill) -> None:
    """Post what of a bill's net belongs to partners."""
    unit = bill.currency
    legs = [Leg(AccountRef(kind=PARTNER, unit=unit, name=each.party[:100]), each.amount_minor) for each in bill.shares]
    legs.append(Leg(AccountRef(kind=REVENUE, unit=unit), -sum(each.amount_minor for each in bill.shares)))
    _post(tx, bill, SHARE, f"bill:{bill.id}:share", legs, f"shares in charge {bill.transaction_id}")


def use_allowances(tx: Tx, bill: Bill) -> None:
    """Take what a bill uses of allowances, or give back what a correction does not use any more; to one that expired nothing comes back."""
    legs = []
    for each in bill.uses:
        found = wallets.need_allowance(tx, each.account_id)
        if each.amount < 0 and found.expires_at is not None and found.expires_at <= tx.now:
            continue
        account = AccountRef(kind=ALLOWANCE, unit=each.unit, name=found.name, driver_id=found.driver_id)
        legs += [Leg(account, -each.amount), Leg(AccountRef(kind=GRANTED, unit=each.unit), each.amount)]
    kind = CORRECTION if any(each.amount < 0 for each in bill.uses) else USE
    _post(tx, bill, kind, f"bill:{bill.id}:use", legs, f"charge {bill.transaction_id} at {bill.charger_id}"[:300])


def write_off(tx: Tx, bill: Bill, amount_minor: int, *, by: str, reason: str) -> None:
    """Post that what is open of a bill will never come."""
    legs = [
        Leg(AccountRef(kind=RECEIVABLE, unit=bill.currency, driver_id=bill.driver_id), amount_minor),
        Leg(AccountRef(kind=ADJUSTMENTS, unit=bill.currency, name=WRITTEN_OFF), -amount_minor),
    ]
    _post(tx, bill, ADJUSTMENT, f"bill:{bill.id}:write-off", legs, f"written off: {reason}"[:300], by=by)


def collect(tx: Tx, bill: Bill, amount_minor: int) -> None:
    """Pay a part of a bill's debt out of its driver's wallet. What is open only falls, so its amount names the payment."""
    legs = [
        Leg(AccountRef(kind=WALLET, unit=bill.currency, driver_id=bill.driver_id), -amount_minor),
        Leg(AccountRef(kind=RECEIVABLE, unit=bill.currency, driver_id=bill.driver_id), amount_minor),
    ]
    _post(tx, bill, PAYMENT, f"bill:{bill.id}:collect:{bill.open_minor}", legs, f"what was owed for charge {bill.transaction_id}")


def to_wallet(tx: Tx, driver_id: int, unit: str, amount_minor: int, *, source: str) -> None:
    """Move what was paid of debts that were none any more to the driver's wallet."""
    wallets.post(
        tx,
        NewMovement(
            kind=PAYMENT,
            key=f"debts:{driver_id}:too-much:{source}:{amount_minor}"[:200],
            legs=(
                Leg(AccountRef(kind=RECEIVABLE, unit=unit, driver_id=driver_id), -amount_minor),
                Leg(AccountRef(kind=WALLET, unit=unit, driver_id=driver_id), amount_minor),
            ),
            description="more was paid than was owed",
        ),
    )


def out_of_wallet(tx: Tx, driver_id: int, unit: str, amount_minor: int, *, source: str) -> None:
    """Move a debt that is no bill's to the driver's wallet, whatever is left there; one ``source`` does so once."""
    wallets.post(
        tx,
        NewMovement(
            kind=PAYMENT,
            key=f"debts:{driver_id}:no-bill:{source}"[:200],
            legs=(
                Leg(AccountRef(kind=WALLET, unit=unit, driver_id=driver_id), -amount_minor),
                Leg(AccountRef(kind=RECEIVABLE, unit=unit, driver_id=driver_id), amount_minor),
            ),
            description="taken back, and no bill's",
        ),
        overdraw=True,
    )


def _post(tx: Tx, bill: Bill, kind: str, key: str, legs: list[Leg], description: str, *, by: str = "") -> None:
    moved = tuple(leg for leg in legs if leg.amount)
    if not moved:
        return
    wallets.post(
        tx,
        NewMovement(
            kind=kind,
            key=key,
            legs=moved,
            description=description,
            reference_kind="transaction",
            reference_id=str(bill.transaction_id),
            by=by,
        ),
    )
