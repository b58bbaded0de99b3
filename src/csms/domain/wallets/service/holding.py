"""Money of a wallet that is kept for something: held, used by movements, and what is left of it released."""

from __future__ import annotations

from csms.core.errors import Conflict, Invalid, NotFound
from csms.core.ledger import HELD, HOLD, RELEASE, WALLET, AccountRef, Leg, NewMovement, wallet_key
from csms.core.ports import ReadTx, Tx
from csms.domain.wallets.model import Hold
from csms.domain.wallets.model.words import LONGEST_DESCRIPTION, LONGEST_NAME
from csms.domain.wallets.store import accounts
from csms.domain.wallets.store import holds as store
from csms.domain.wallets.store import wallets as wallets_store

from .posting import post

AT_A_TIME = 50


def need_hold(tx: ReadTx, hold_id: int, driver_id: int) -> Hold:
    """A driver's hold. Raises ``NotFound``."""
    found = store.by_id(tx, hold_id)
    if found is None or found.driver_id != driver_id:
        raise NotFound(f"driver {driver_id} has no hold {hold_id}")
    return found


def hold(
    tx: Tx,
    driver_id: int,
    amount_minor: int,
    *,
    key: str,
    reference_kind: str,
    reference_id: str,
    description: str,
    expires_at: int | None = None,
) -> Hold:
    """Hold money of the driver's wallet in the account ``held`` named ``key``; one key holds once, whatever became of it since.

    Movements may take from that account. Raises ``Refused`` when less is available, ``Conflict`` when another hold has the key,
    ``Invalid``, ``NotFound``.
    """
    tx.claim(wallet_key(tx.tenant, driver_id))
    known = store.by_key(tx, key)
    if known is not None:
        if (known.driver_id, known.amount_minor) != (driver_id, amount_minor):
            raise Conflict(f"another hold has the key {key!r}: {known.amount_minor} of driver {known.driver_id}")
        return known
    if amount_minor <= 0:
        raise Invalid(f"a hold is of more than 0, not of {amount_minor}", field="amount_minor")
    if not 1 <= len(key) <= LONGEST_NAME:
        raise Invalid(f"a hold's key has 1 to {LONGEST_NAME} characters", field="key")
    currency = wallets_store.currency(tx)
    account = AccountRef(kind=HELD, unit=currency, name=key, driver_id=driver_id)
    wallet = AccountRef(kind=WALLET, unit=currency, driver_id=driver_id)
    made = post(
        tx,
        NewMovement(
            kind=HOLD,
            key=f"hold:{key}",
            legs=(Leg(wallet, -amount_minor), Leg(account, amount_minor)),
            description=description,
            reference_kind=reference_kind,
            reference_id=reference_id,
        ),
    )
    store.insert(
        tx,
        key=key,
        driver_id=driver_id,
        account_id=made.entries[1].account_id,
        currency=currency,
        amount_minor=amount_minor,
        reference_kind=reference_kind,
        reference_id=reference_id,
        description=description,
        expires_at=expires_at,
    )
    stored = store.by_key(tx, key)
    assert stored is not None
    return stored


def held(tx: ReadTx, key: str) -> int:
    """What is left of a hold; 0 where there is none."""
    known = store.by_key(tx, key)
    return 0 if known is None else known.left_minor


def release(tx: Tx, key: str, *, description: str = "", by: str = "") -> int:
    """Give back what is left of a hold, and how much that was: 0 where there is nothing, or no such hold."""
    known = store.by_key(tx, key)
    if known is None:
        return 0
    tx.claim(wallet_key(tx.tenant, known.driver_id))  # held since this write began, or it begins anew: what was read holds
    left = known.left_minor
    if left:
        account = AccountRef(kind=HELD, unit=known.currency, name=key, driver_id=known.driver_id)
        wallet = AccountRef(kind=WALLET, unit=known.currency, driver_id=known.driver_id)
        number = accounts.find(tx, [account])[account].entries  # should something come back to it, that is released, too
        post(
            tx,
            NewMovement(
                kind=RELEASE,
                key=f"release:{key}:{number}",
                legs=(Leg(account, -left), Leg(wallet, left)),
                description=(description or known.description)[:LONGEST_DESCRIPTION],
                reference_kind=known.reference_kind,
                reference_id=known.reference_id,
                by=by,
            ),
        )
    if known.released_at is None:
        store.end(tx, known.id)
    return left


def release_hold(tx: Tx, driver_id: int, hold_id: int, *, reason: str, by: str) -> Hold:
    """Release a driver's hold by an operator's word. Raises ``NotFound``."""
    tx.claim(wallet_key(tx.tenant, driver_id))
    release(tx, need_hold(tx, hold_id, driver_id).key, description=reason, by=by)
    return need_hold(tx, hold_id, driver_id)


def release_expired(tx: Tx) -> int:
    """Release some holds that expired; how many."""
    due = store.due(tx, AT_A_TIME)
    tx.claim(*sorted({wallet_key(tx.tenant, each.driver_id) for each in due}))
    for each in due:
        release(tx, each.key, description="the hold expired")
    return len(due)
