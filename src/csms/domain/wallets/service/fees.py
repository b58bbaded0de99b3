"""Fees that a driver's wallet pays, such as a plan's."""

from __future__ import annotations

from collections.abc import Sequence

from csms.core.errors import Invalid
from csms.core.ledger import PLAN_FEE, REVENUE, TAX, WALLET, AccountRef, Leg, NewMovement, wallet_key
from csms.core.ports import Tx
from csms.domain.wallets.store import movements
from csms.domain.wallets.store import wallets as store

from . import opening
from .posting import post


def collect_fee(
    tx: Tx,
    driver_id: int,
    *,
    amount_minor: int,
    net_minor: int,
    taxes: Sequence[tuple[str, int]],
    key: str,
    description: str,
    reference_kind: str,
    reference_id: str,
) -> bool:
    """Take a fee from a driver's wallet into revenue and taxes; one ``key`` takes it once.

    False, with nothing taken, when the available funds do not reach. Raises ``NotFound``, ``Invalid``, and ``Conflict`` where something
    else was done under the key.
    """
    tx.claim(wallet_key(tx.tenant, driver_id))
    if amount_minor < 0 or net_minor < 0 or any(tax < 0 for _, tax in taxes):
        raise Invalid("a fee and its taxes are not below 0", field="amount_minor")
    if net_minor + sum(tax for _, tax in taxes) != amount_minor:
        raise Invalid(f"net {net_minor} and taxes do not make up the fee {amount_minor}", field="amount_minor")
    available = opening.funds(tx, driver_id).available_minor
    if not amount_minor:
        return True
    currency = store.currency(tx)
    if movements.by_key(tx, key) is None and available < amount_minor:
        return False
    legs = [
        Leg(AccountRef(kind=WALLET, unit=currency, driver_id=driver_id), -amount_minor),
        Leg(AccountRef(kind=REVENUE, unit=currency), net_minor),
        *(Leg(AccountRef(kind=TAX, unit=currency, name=name), tax) for name, tax in taxes),
    ]
    post(
        tx,
        NewMovement(
            kind=PLAN_FEE,
            key=key,
            legs=tuple(legs),
            description=description,
            reference_kind=reference_kind,
            reference_id=reference_id,
        ),
    )
    return True
