"""What operators ask for: a reservation, other terms for one; and asking a charger again when we do not know what stands."""

from __future__ import annotations

import attrs
import msgspec

from csms.core.errors import Invalid, NotFound, Refused
from csms.core.ids import Place, charger_key
from csms.core.ports import ReadTx, Tx
from csms.core.reports import Token, TokenVerdict
from csms.core.units import iso
from csms.domain.drivers.service import judge
from csms.domain.reservations import store
from csms.domain.reservations.model import ACTIVE, CANCELLING, PENDING, TERMS, Reservation, Settings, Terms
from csms.domain.stations import service as stations
from csms.domain.stations import store as stations_store
from csms.domain.stations.model import LARGEST_PLACE

from .telling import put


def need_reservation(tx: ReadTx, reservation_id: int) -> Reservation:
    """A reservation of the tenant. Raises ``NotFound``."""
    known = store.by_id(tx, reservation_id)
    if known is None:
        raise NotFound(f"there is no reservation {reservation_id}")
    return known


def reserve(
    tx: Tx,
    charger_id: str,
    place: Place,
    token: Token,
    expires_at: int,
    parent: str,
    decision: TokenVerdict | None,
    settings: Settings,
) -> Reservation:
    """A reservation that the charger is about to be asked for. ``decision`` is what plugins say about the token.

    ``parent`` names the group that may use it; ``""`` is the token's own.

    Raises ``NotFound`` for the charger, ``Invalid``, or ``Refused``: the token may not charge there, or the place is reserved.
    """
    tx.claim(charger_key(charger_id))
    stations.need_charger(tx, charger_id)
    terms = _agreed(tx, charger_id, place, token, expires_at, parent, decision, settings, besides=0)
    return put(
        tx,
        None,
        Reservation(**attrs.asdict(terms), charger_id=charger_id, state=PENDING, ask_at=tx.now + settings.retry_s * 1000),
    )


def change(
    tx: Tx,
    reservation_id: int,
    place: Place,
    token: Token,
    expires_at: int,
    parent: str,
    decision: TokenVerdict | None,
    settings: Settings,
) -> Reservation:
    """Other terms for a reservation; the charger, asked with the same id, replaces its own by them (1.6 §5.13).

    Until it takes them it keeps to the old ones. Raises like ``reserve``, and ``Refused`` unless it is active.
    """
    known = need_reservation(tx, reservation_id)
    tx.claim(charger_key(known.charger_id))
    if known.state != ACTIVE:
        raise Refused(f"reservation {reservation_id} is {known.state}: only an active one can be changed")
    terms = _agreed(tx, known.charger_id, place, token, expires_at, parent, decision, settings, besides=known.id)
    standing = {name: getattr(known, name) for name in TERMS}
    asked = attrs.evolve(
        known,
        **attrs.asdict(terms),
        state=PENDING,
        asks=known.asks + 1,
        ask_at=tx.now + settings.retry_s * 1000,
        replaced=msgspec.json.encode(standing).decode(),
        shown=False,
    )
    return put(tx, known, asked)


def ask_again(tx: Tx, reservation_id: int, settings: Settings) -> Reservation | None:
    """The reservation, about which the charger is to be asked again now; None where that is not needed any more."""
    known = store.by_id(tx, reservation_id)
    if known is None:
        return None
    tx.claim(charger_key(known.charger_id))
    if known.state not in (PENDING, CANCELLING) or known.expires_at <= tx.now or known.ask_at is None or known.ask_at > tx.now:
        return None
    return put(tx, known, attrs.evolve(known, asks=known.asks + 1, ask_at=tx.now + settings.retry_s * 1000))


def _agreed(
    tx: Tx,
    charger_id: str,
    place: Place,
    token: Token,
    expires_at: int,
    parent: str,
    decision: TokenVerdict | None,
    settings: Settings,
    *,
    besides: int,
) -> Terms:
    if not (0 <= place.evse <= LARGEST_PLACE and 0 <= place.connector <= LARGEST_PLACE) or (place.connector and not place.evse):
        raise Invalid(f"there is no place {place}: name a connector, or 0 for any", field="place")
    if not (1 <= len(token.value) <= 255 and token.value.isprintable()):
        raise Invalid("a token has 1 to 255 printable characters", field="token")
    if len(parent) > 255 or not parent.isprintable():
        raise Invalid("a parent has at most 255 printable characters", field="parent")
    latest = tx.now + settings.longest_s * 1000
    if not tx.now < expires_at <= latest:
        raise Invalid(f"a reservation expires after now and by {iso(latest)}", field="expires_at")
    judgement = judge(tx, token, charger_id=charger_id, decision=decision, place=place)
    if not judgement.verdict.accepted:
        raise Refused(f"token {token.value} may not charge at {charger_id}: {judgement.verdict.status}")
    _need_room(tx, charger_id, place, besides)
    return Terms(
        evse=place.evse,
        connector=place.connector,
        token=token.value,
        token_kind=token.kind,
        token_id=judgement.token_id,
        driver_id=judgement.driver_id,
        parent=parent or judgement.verdict.parent,
        expires_at=expires_at,
    )


def _need_room(tx: Tx, charger_id: str, place: Place, besides: int) -> None:
    """Raise ``Refused`` where other reservations leave no connector. Whether one is occupied or at fault the charger knows best."""
    others = [
        each
        for each in store.open_of(tx, charger_id)
        if each.id != besides and each.state != CANCELLING and each.expires_at > tx.now
    ]
    for each in others:
        if place.evse and each.evse == place.evse:
            raise Refused(f"connector {each.evse} of {charger_id} is reserved until {iso(each.expires_at)} (reservation {each.id})")
    evses = {each.place.evse for each in stations_store.list_connectors(tx, charger_id) if each.place.evse}
    if evses and len(others) >= len(evses | {place.evse or min(evses)}):
        names = ", ".join(str(each.id) for each in others)
        raise Refused(f"every connector of {charger_id} is reserved (reservations {names})")
