"""What a movement may not do: looked at before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from csms.core.errors import Invalid, Refused
from csms.core.ledger import ALLOWANCE, CHARGE_DEDUCT, GRANTED, HOLD, PAYOUT, PLAN_FEE, WALLET, AccountRef, Leg, NewMovement
from csms.core.money import MOST_MINOR, written
from csms.core.ports import ReadTx
from csms.domain.wallets.model import FROZEN, Account, is_running
from csms.domain.wallets.model.words import ALLOWANCE_UNITS, NEVER_BELOW_ZERO
from csms.domain.wallets.store import wallets as store
from csms.domain.wallets.store.wallets import StoredWallet

from . import opening

SPENDING = frozenset({HOLD, CHARGE_DEDUCT, PLAN_FEE, PAYOUT})
"""What a frozen wallet does not do."""
Holdings = Mapping[tuple[int, str], StoredWallet | None]
"""Wallets that a movement touches, by driver and currency; None where one is to be opened."""


def changes_of(legs: Sequence[Leg]) -> dict[AccountRef, int]:
    """What a movement does to each account, all its legs together."""
    changes: dict[AccountRef, int] = {}
    for leg in legs:
        changes[leg.account] = changes.get(leg.account, 0) + leg.amount
    return changes


def check_legs(legs: Sequence[Leg]) -> None:
    """Raise ``Invalid`` for what no ledger keeps."""
    if len(legs) < 2:
        raise Invalid("a movement moves something from one account to another", field="legs")
    for leg in legs:
        ref = leg.account
        if abs(leg.amount) > MOST_MINOR:
            raise Invalid(f"nobody moves {leg.amount} at once", field="legs")
        counted = ref.unit in ALLOWANCE_UNITS
        if counted != (ref.kind == ALLOWANCE) and ref.kind != GRANTED:
            raise Invalid(f"an account of kind {ref.kind} is not kept in {ref.unit}", field="unit")


def check_drivers(tx: ReadTx, refs: Sequence[AccountRef], known: Mapping[AccountRef, Account], holdings: Holdings) -> None:
    """Raise ``NotFound`` for a driver whom the tenant has not, and ``Invalid`` for a wallet in another currency than the tenant's."""
    for ref in refs:
        if ref.driver_id is not None and ref not in known:
            opening.need_driver(tx, ref.driver_id)
    for (_, unit), row in holdings.items():
        if row is None and unit != (own := store.currency(tx)):
            raise Invalid(f"a wallet is opened in the tenant's currency, {own}, not in {unit}", field="currency")


def keep_floors(
    tx: ReadTx,
    movement: NewMovement,
    legs: Sequence[Leg],
    known: Mapping[AccountRef, Account],
    holdings: Holdings,
    *,
    overdraw: bool,
) -> None:
    """Raise ``Refused`` for what an account does not have."""
    for ref, change in changes_of(legs).items():
        if not is_running(ref) or change >= 0:
            continue
        there = known[ref].balance if ref in known else 0
        if ref.kind in NEVER_BELOW_ZERO and there + change < 0:
            raise Refused(f"{named(ref)} has {_amount(there, ref.unit)}; {_amount(-change, ref.unit)} are needed")
        if ref.kind == WALLET and ref.driver_id is not None and not overdraw:
            row = holdings[ref.driver_id, ref.unit]
            if row is not None and row.status == FROZEN and movement.kind in SPENDING:
                raise Refused(f"{named(ref)} is frozen")
            if there + change < 0 and there + change < -(credit := opening.credit_of(tx, row)):
                free = _amount(max(0, there + credit), ref.unit)
                raise Refused(f"{named(ref)} has {free} available; {_amount(-change, ref.unit)} are needed")


def named(ref: AccountRef) -> str:
    """An account, for people."""
    if ref.kind == WALLET:
        return f"the wallet of driver {ref.driver_id}"
    return f"{ref.kind} {ref.name}".strip()


def _amount(amount: int, unit: str) -> str:
    return f"{amount} {unit}" if unit in ALLOWANCE_UNITS else written(amount, unit)
