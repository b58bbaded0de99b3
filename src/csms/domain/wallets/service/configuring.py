"""What operators do with wallets: adjust them, limit their credit, freeze them."""

from __future__ import annotations

from csms.core.errors import Invalid
from csms.core.ledger import ADJUSTMENT, ADJUSTMENTS, WALLET, AccountRef, Leg, NewMovement, wallet_key
from csms.core.ports import Tx
from csms.domain.wallets.model import Movement, Wallet
from csms.domain.wallets.model.shown import Adjustment, WalletChanges
from csms.domain.wallets.store import wallets as store

from . import opening
from .posting import post


def adjust(tx: Tx, driver_id: int, wanted: Adjustment, *, key: str, by: str) -> Movement:
    """Put a wallet right by an operator's word; one ``key`` does so once.

    Raises ``NotFound``, ``Refused`` where that exceeds the credit limit, ``Conflict`` where something else was done under the key.
    """
    tx.claim(wallet_key(tx.tenant, driver_id))
    currency = opening.open_wallet(tx, driver_id).currency
    legs = (
        Leg(AccountRef(kind=WALLET, unit=currency, driver_id=driver_id), wanted.amount_minor),
        Leg(AccountRef(kind=ADJUSTMENTS, unit=currency), -wanted.amount_minor),
    )
    movement = NewMovement(kind=ADJUSTMENT, key=key, legs=legs, description=wanted.reason.strip(), by=by)
    return post(tx, movement, overdraw=wanted.overdraw)


def change_wallet(tx: Tx, driver_id: int, changes: WalletChanges) -> Wallet:
    """Change a wallet's credit limit and status. Raises ``NotFound``, ``Invalid`` for a limit that is given and cleared."""
    tx.claim(wallet_key(tx.tenant, driver_id))
    if changes.clear and changes.credit_limit_minor is not None:
        raise Invalid("credit_limit_minor is given a value and cleared", field="clear")
    row = opening.stored(tx, driver_id, store.currency(tx))
    limit = row.credit_limit_minor if changes.credit_limit_minor is None else changes.credit_limit_minor
    store.configure(tx, row.id, status=changes.status or row.status, credit_limit_minor=None if changes.clear else limit)
    return opening.open_wallet(tx, driver_id)
