"""Charger keys: given by an operator, or offered while the present one stays valid and confirmed by the charger that shows it."""

from __future__ import annotations

from csms.core.errors import Invalid, NotFound, Refused
from csms.core.ids import charger_key
from csms.core.ports import Tx
from csms.domain.stations import store
from csms.domain.stations.model import ChargerKeyChanged, Gate

MOST_OFFERS = 4
"""Keys that may be offered to a charger and stand unconfirmed. Each may have reached it, so none is dropped to make room."""


def set_key(tx: Tx, charger_id: str, sealed: str) -> None:
    """Give a charger a new key, sealed by ``keys.seal``, in place of the old one and of every offered one. Raises ``NotFound``."""
    _need(tx, charger_id)
    store.keep_key(tx, charger_id, sealed, "given")
    store.delete_offers(tx, charger_id)
    tx.emit(ChargerKeyChanged(charger_id=charger_id, origin="given"))


def offer_key(tx: Tx, charger_id: str, sealed: str, expires_at: int | None = None) -> None:
    """Let a charger show a second key, sealed by ``keys.seal``, until one of the two is confirmed or withdrawn.

    Store the offer *before* the charger is told of it (1.6 security whitepaper A01: ChangeConfiguration of AuthorizationKey): if the
    answer is lost nobody knows which key it will show, and either opens. Its next log-in with an offered key makes that its key
    (``charger_key_changed``); one with the old key changes nothing. ``expires_at`` is an instant, None for never: an offer that may
    have reached the charger should not expire, or the charger stays outside.

    Offering again does not take back an earlier offer. Raises ``NotFound``, ``Invalid`` for an ``expires_at`` that has passed, and
    ``Refused`` when ``MOST_OFFERS`` stand already.
    """
    _need(tx, charger_id)
    if expires_at is not None and expires_at <= tx.now:
        raise Invalid("an offered key cannot have expired already", field="expires_at")
    store.delete_expired_offers(tx, charger_id)
    standing = store.list_offers(tx, charger_id)
    if len(standing) >= MOST_OFFERS and all(each.sealed != sealed for each in standing):
        raise Refused(f"charger {charger_id!r} was offered {MOST_OFFERS} keys and has shown none of them: withdraw them first")
    store.insert_offer(tx, charger_id, sealed, expires_at)


def confirm_key(tx: Tx, charger_id: str, sealed: str = "") -> bool:
    """Make an offered key the charger's key: the latest one offered, or ``sealed``. False when it is not on offer (any more).

    The key it had, and offers older than this one, open no longer; later offers stand, for they may yet take effect at the charger.
    """
    tx.claim(charger_key(charger_id))
    for offer in reversed(store.list_offers(tx, charger_id)):
        if sealed in ("", offer.sealed):
            store.keep_key(tx, charger_id, offer.sealed, "given")
            store.delete_offers(tx, charger_id, up_to=offer.id)
            tx.emit(ChargerKeyChanged(charger_id=charger_id, origin="offered"))
            return True
    return False


def withdraw_key(tx: Tx, charger_id: str, sealed: str = "") -> int:
    """Take back what was offered, all of it or one ``sealed`` key, as when the charger refused it; how many offers there were."""
    tx.claim(charger_key(charger_id))
    if not sealed:
        return store.delete_offers(tx, charger_id)
    found = [offer for offer in store.list_offers(tx, charger_id) if offer.sealed == sealed]
    for offer in found:
        store.delete_offer(tx, offer.id)
    return len(found)


def shown_offer(tx: Tx, charger_id: str, sealed: str) -> Gate | None:
    """A charger logs in with an offered key: confirm it. Returns how the charger stands now, which may be another connection's doing."""
    confirm_key(tx, charger_id, sealed)
    return store.gate(tx, charger_id)


def _need(tx: Tx, charger_id: str) -> None:
    tx.claim(charger_key(charger_id))
    if store.approval_of(tx, charger_id) is None:
        raise NotFound(f"there is no charger {charger_id!r}")
