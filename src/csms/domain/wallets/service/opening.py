"""A wallet for every driver, and what is in it."""

from __future__ import annotations

from csms.core.errors import NotFound
from csms.core.ledger import Funds, wallet_key
from csms.core.ports import ReadTx, Tx
from csms.domain.tenants import store as tenants
from csms.domain.wallets.model import ACTIVE, FROZEN, Wallet, WalletOpened
from csms.domain.wallets.store import wallets as store
from csms.domain.wallets.store.wallets import StoredWallet


def credit_of(tx: ReadTx, row: StoredWallet | None) -> int:
    """The credit limit in force: the wallet's own, else the tenant's, else none."""
    if row is not None and row.credit_limit_minor is not None:
        return row.credit_limit_minor
    return default_credit(tx)


def default_credit(tx: ReadTx) -> int:
    """The tenant's credit limit for wallets that have none of their own."""
    return tenants.settings(tx).wallet_credit_limit_minor or 0


def shown(row: StoredWallet, credit_minor: int) -> Wallet:
    """A wallet as others see it."""
    free = row.balance_minor - row.held_minor + credit_minor
    return Wallet(
        credit_minor=credit_minor,
        available_minor=min(0, free) if row.status == FROZEN else free,
        **store.values_of(row),
    )


def stored(tx: Tx, driver_id: int, currency: str) -> StoredWallet:
    """A driver's wallet in a currency, opened where there was none; its key must be claimed. Raises ``NotFound``."""
    known = store.wallet(tx, driver_id, currency)
    if known is not None:
        return known
    need_driver(tx, driver_id)
    added = store.insert(tx, driver_id, currency)
    if added is not None:
        tx.emit(WalletOpened(driver_id=driver_id, wallet_id=added, currency=currency))
    opened = store.wallet(tx, driver_id, currency)
    assert opened is not None
    return opened


def need_driver(tx: ReadTx, driver_id: int) -> None:
    """Raise ``NotFound`` unless the tenant has such a driver, archived or not."""
    if not store.has_driver(tx, driver_id):
        raise NotFound(f"there is no driver {driver_id}")


def open_wallet(tx: Tx, driver_id: int) -> Wallet:
    """The driver's wallet in the tenant's currency, opened at the first call. Raises ``NotFound``."""
    tx.claim(wallet_key(tx.tenant, driver_id))
    row = stored(tx, driver_id, store.currency(tx))
    return shown(row, credit_of(tx, row))


def known_wallet(tx: ReadTx, driver_id: int) -> Wallet | None:
    """The driver's wallet in the tenant's currency; None as long as it is not open yet."""
    row = store.wallet(tx, driver_id, store.currency(tx))
    return None if row is None else shown(row, credit_of(tx, row))


def need_wallet(tx: ReadTx, driver_id: int) -> Wallet:
    """The driver's wallet in the tenant's currency; one that is not open yet has the id 0 and nothing in it. Raises ``NotFound``."""
    known = known_wallet(tx, driver_id)
    if known is not None:
        return known
    need_driver(tx, driver_id)
    nothing = StoredWallet(
        id=0,
        driver_id=driver_id,
        currency=store.currency(tx),
        status=ACTIVE,
        credit_limit_minor=None,
        balance_minor=0,
        held_minor=0,
        owed_minor=0,
        lines=0,
        opened_at=tx.now,
        changed_at=tx.now,
    )
    return shown(nothing, default_credit(tx))


def funds(tx: ReadTx, driver_id: int) -> Funds:
    """What a driver has in the tenant's currency. Raises ``NotFound``."""
    return need_wallet(tx, driver_id).funds
