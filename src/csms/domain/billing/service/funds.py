"""What drivers have to charge with: whether it is enough to start, what is held of it at a start, and when they are told that it runs low."""

from __future__ import annotations

from typing import Any

from csms.core.errors import NotFound
from csms.core.ledger import wallet_key
from csms.core.money import written
from csms.core.ports import ReadTx, Tx
from csms.domain.billing.model import WalletLow, hold_key, low_wallet_key
from csms.domain.billing.store import settings as settings_store
from csms.domain.billing.store import watching
from csms.domain.wallets import service as wallets


def objection(tx: ReadTx, driver_id: int) -> str:
    """Why a driver lacks the means to charge, ``""`` where they do not: a ``FundsObjection``.

    Only where the tenant wants wallets paid before (``prepaid_wallets``): what is available, less what is owed, must reach the minimum.
    An allowance that is not used up is means, too.
    """
    settings = settings_store.settings(tx)
    if not (settings.enabled and settings.prepaid_wallets):
        return ""
    funds = wallets.funds(tx, driver_id)
    free = funds.available_minor - funds.owed_minor
    if free >= settings.minimum_minor and not funds.frozen:
        return ""
    if wallets.allowances(tx, driver_id):
        return ""
    if funds.frozen:
        return "the wallet is frozen"
    return f"{written(free, funds.currency)} is available, and {written(settings.minimum_minor, funds.currency)} is needed to start"


def available(tx: ReadTx, driver_id: int, currency: str) -> int:
    """What a driver may spend in a currency; nothing in another than the tenant's."""
    funds = wallets.funds(tx, driver_id)
    return funds.available_minor if funds.currency == currency else 0


def begin(tx: Tx, transaction_id: int, amount_minor: int) -> int:
    """Hold money for a running transaction, once: ``amount_minor``, or as much of it as there is; how much.

    Nothing is held for one that is over, was refused, has no driver, or was started by a payment.
    """
    row = watching.one(tx, transaction_id)
    if row is None:
        return 0
    if row["hold_minor"] is not None:
        return int(row["hold_minor"])
    held = 0
    driver_id: int | None = row["driver_id"]
    if driver_id is not None and amount_minor > 0 and row["payment_id"] is None and row["token_status"] in ("", "Accepted"):
        tx.claim(wallet_key(tx.tenant, driver_id))
        held = min(amount_minor, max(0, wallets.funds(tx, driver_id).available_minor))
        if held:
            wallets.hold(
                tx,
                driver_id,
                held,
                key=hold_key(transaction_id),
                reference_kind="transaction",
                reference_id=str(transaction_id),
                description=f"held for a charge at {row['charger_id']}"[:300],
            )
    values: dict[str, Any] = {"look_at": tx.now if row["look_at"] is None else row["look_at"], "hold_minor": held}
    watching.save(tx, transaction_id, **values)
    return held


def watch_threshold(tx: Tx, driver_id: int, available_minor: int, *, transaction_id: int | None = None) -> None:
    """Tell once that what a driver may spend fell below the tenant's threshold; and when it is above again, be ready to tell again."""
    threshold = settings_store.settings(tx).low_balance_minor
    if not threshold:
        return
    if available_minor >= threshold:
        watching.mark_enough(tx, driver_id)
        return
    tx.claim(low_wallet_key(driver_id))
    if not watching.mark_low(tx, driver_id):
        return
    try:
        currency = wallets.funds(tx, driver_id).currency
    except NotFound:
        return
    tx.emit(
        WalletLow(
            driver_id=driver_id,
            available_minor=available_minor,
            threshold_minor=threshold,
            currency=currency,
            transaction_id=transaction_id,
        )
    )


def watch_wallet(tx: Tx, driver_id: int) -> None:
    """Look at a driver's funds as they are now, after something moved in their wallet."""
    tx.claim(wallet_key(tx.tenant, driver_id), low_wallet_key(driver_id))
    watch_threshold(tx, driver_id, wallets.funds(tx, driver_id).available_minor)
