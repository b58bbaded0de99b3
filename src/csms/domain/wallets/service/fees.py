"""Fees that a driver's wallet pays, such as a plan's."""

from __future__ import annotations

from collections.abc import Sequence

from csms.core.errors import Invalid
from csms.core.ledger import LONGEST_TAX_CODE, PLAN_FEE, REFUND, REVENUE, TAX, WALLET, AccountRef, Fee, Leg, NewMovement, wallet_key
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
    less: Fee | None = None,
    tax_code: str = "",
) -> bool:
    """Take a fee from a driver's wallet into revenue and taxes, ``less`` what of an earlier one is given back; one ``key`` takes it once.

    False, with nothing taken, when the available funds do not reach. Raises ``NotFound``, ``Invalid``, and ``Conflict`` where something
    else was done under the key.
    """
    tx.claim(wallet_key(tx.tenant, driver_id))
    if len(tax_code) > LONGEST_TAX_CODE:
        raise Invalid(f"a tax code has {LONGEST_TAX_CODE} characters at most", field="tax_code")
    fee = Fee(amount_minor=amount_minor, net_minor=net_minor, taxes=tuple(taxes), tax_code=tax_code)
    less = less or Fee(amount_minor=0, net_minor=0)
    _check(fee)
    _check(less)
    available = opening.funds(tx, driver_id).available_minor
    wanted = fee.amount_minor - less.amount_minor
    if wanted > 0 and movements.by_key(tx, key) is None and available < wanted:
        return False
    _move(tx, driver_id, fee, less, key, description, reference_kind, reference_id)
    return True


def give_back(tx: Tx, driver_id: int, fee: Fee, *, key: str, description: str, reference_kind: str, reference_id: str) -> None:
    """Give (part of) a fee back to a driver's wallet, out of revenue and taxes; one ``key`` does so once.

    Raises ``NotFound``, ``Invalid``, and ``Conflict`` where something else was done under the key.
    """
    tx.claim(wallet_key(tx.tenant, driver_id))
    _check(fee)
    opening.funds(tx, driver_id)
    _move(tx, driver_id, Fee(amount_minor=0, net_minor=0), fee, key, description, reference_kind, reference_id)


def _check(fee: Fee) -> None:
    if fee.amount_minor < 0 or fee.net_minor < 0 or any(tax < 0 for _, tax in fee.taxes):
        raise Invalid("a fee and its taxes are not below 0", field="amount_minor")
    if fee.net_minor + sum(tax for _, tax in fee.taxes) != fee.amount_minor:
        raise Invalid(f"net {fee.net_minor} and taxes do not make up the fee {fee.amount_minor}", field="amount_minor")


def _move(tx: Tx, driver_id: int, fee: Fee, less: Fee, key: str, description: str, kind: str, number: str) -> None:
    currency = store.currency(tx)
    taxes: dict[str, int] = {}
    for sign, each in ((1, fee), (-1, less)):
        for name, tax in each.taxes:
            taxes[name] = taxes.get(name, 0) + sign * tax
    wanted = fee.amount_minor - less.amount_minor
    legs = (
        Leg(AccountRef(kind=WALLET, unit=currency, driver_id=driver_id), -wanted),
        Leg(AccountRef(kind=REVENUE, unit=currency), fee.net_minor - less.net_minor),
        *(Leg(AccountRef(kind=TAX, unit=currency, name=name), tax) for name, tax in taxes.items()),
    )
    if not any(leg.amount for leg in legs):
        return
    movement = NewMovement(
        kind=PLAN_FEE if wanted > 0 else REFUND,
        key=key,
        legs=legs,
        description=description,
        reference_kind=kind,
        reference_id=number,
        tax_code=fee.tax_code if wanted > 0 else less.tax_code,
    )
    post(tx, movement)
