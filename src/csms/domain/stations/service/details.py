"""What operators say of chargers and connectors besides what these tell of themselves."""

from __future__ import annotations

import re

import attrs

from csms.core.errors import Conflict, Invalid, NotFound, Refused
from csms.core.ids import Place, charger_key
from csms.core.ports import ReadTx, Tx
from csms.domain.stations import store
from csms.domain.stations.model import (
    LARGEST_PLACE,
    ChargerChange,
    ChargerDetail,
    ConnectorChange,
    ConnectorDetail,
    ConnectorKind,
    NewCharger,
    NewConnector,
    StartPlace,
)

from .catalogue import need_model
from .chargers import add_charger, need_charger, place_charger, rename_charger, set_heartbeat_interval
from .security import set_security_profile
from .starting import start_place

_PLACE = re.compile(r"([1-9][0-9]{0,2})(?:\.([1-9][0-9]{0,2}))?")


def need_detail(tx: ReadTx, charger_id: str) -> ChargerDetail:
    """A charger with everything that is known of it, archived or not. Raises ``NotFound``."""
    found = store.charger_detail(tx, charger_id)
    if found is None:
        raise NotFound(f"there is no charger {charger_id!r}")
    return found


def add_described_charger(tx: Tx, new: NewCharger, sealed_key: str) -> ChargerDetail:
    """Add a charger with what is said of it; of a known model it has that model's connectors. Raises like ``add_charger``."""
    add_charger(
        tx,
        new.id,
        name=new.name,
        station_id=new.station_id,
        approval=new.approval,
        sealed_key=sealed_key,
        security_profile=new.security_profile,
    )
    _describe(tx, new.id, new, unsaid="")
    if new.model_id is not None:
        _set_model(tx, new.id, new.model_id)
    return need_detail(tx, new.id)


def alter_charger(tx: Tx, charger_id: str, change: ChargerChange, *, default_profile: int = 0) -> ChargerDetail:
    """Change what ``change`` names of a charger.

    Raises ``NotFound`` for the charger, the station or the model, ``Invalid``, and ``Refused`` for a lower security profile.
    """
    tx.claim(charger_key(charger_id))
    need_charger(tx, charger_id)
    if change.name is not None:
        rename_charger(tx, charger_id, change.name)
    if change.station_id is not None or "station_id" in change.clear:
        place_charger(tx, charger_id, None if "station_id" in change.clear else change.station_id)
    if change.heartbeat_interval_s is not None or "heartbeat_interval_s" in change.clear:
        set_heartbeat_interval(tx, charger_id, None if "heartbeat_interval_s" in change.clear else change.heartbeat_interval_s)
    if change.security_profile is not None or "security_profile" in change.clear:
        profile = None if "security_profile" in change.clear else change.security_profile
        set_security_profile(tx, charger_id, profile, default=default_profile, force=change.force)
    if "model_id" in change.clear:
        store.change(tx, charger_id, "model_id", None)
    elif change.model_id is not None:
        _set_model(tx, charger_id, change.model_id)
    _describe(tx, charger_id, change, unsaid=None)
    return need_detail(tx, charger_id)


def _describe(tx: Tx, charger_id: str, said: NewCharger | ChargerChange, *, unsaid: str | None) -> None:
    for column in ("location", "mac", "installed_on", "warranty_until", "note"):
        value = getattr(said, column)
        if value != unsaid:
            store.change(tx, charger_id, column, value.upper().replace("-", ":") if column == "mac" else value)


def _set_model(tx: Tx, charger_id: str, model_id: int) -> None:
    """Say which entry of the catalogue a charger is of; what its connectors are is filled in where nobody said it yet."""
    entry = need_model(tx, model_id)
    store.change(tx, charger_id, "model_id", model_id)
    for evse, kind in enumerate(entry.connectors, start=1):
        place = Place(evse, 1)
        store.insert_evse(tx, charger_id, evse)
        store.insert_details(tx, charger_id, place)
        known = need_connector(tx, charger_id, place)
        for field in attrs.fields(ConnectorKind):
            said = getattr(kind, field.name)
            if said and not getattr(known, field.name):
                store.change_details(tx, charger_id, place, field.name, said)


# --- connectors -----------------------------------------------------------------------------------------------------------------


def place_of(text: str) -> Place:
    """``2.1`` is connector 1 of EVSE 2, and so is ``2``: connector 2 of a charger that knows no EVSEs. Raises ``NotFound``."""
    found = _PLACE.fullmatch(text)
    if found is None:
        raise NotFound(f"{text!r} is no connector: write 2, or 2.1 for connector 1 of EVSE 2")
    return Place(int(found[1]), int(found[2] or 1))


def need_connector(tx: ReadTx, charger_id: str, place: Place) -> ConnectorDetail:
    """A connector of a charger. Raises ``NotFound``."""
    found = store.connector(tx, charger_id, place)
    if found is None:
        raise NotFound(f"no connector {place} of charger {charger_id!r} is known: chargers tell of theirs when they connect")
    return found


def add_connector(tx: Tx, charger_id: str, new: NewConnector) -> ConnectorDetail:
    """Describe a connector before it speaks of itself. Raises ``NotFound``, ``Conflict`` when it is known."""
    tx.claim(charger_key(charger_id))
    need_charger(tx, charger_id)
    place = Place(new.evse, new.connector)
    if not (1 <= place.evse <= LARGEST_PLACE and 1 <= place.connector <= LARGEST_PLACE):
        raise Invalid(f"EVSEs and connectors are numbered from 1 to {LARGEST_PLACE}", field="evse")
    store.insert_evse(tx, charger_id, place.evse)
    if not store.insert_details(tx, charger_id, place):
        raise Conflict(f"charger {charger_id!r} has a connector {place} already")
    return change_connector(tx, charger_id, place, new)


def change_connector(tx: Tx, charger_id: str, place: Place, change: ConnectorChange) -> ConnectorDetail:
    """Change what ``change`` names of a connector. Raises ``NotFound`` or ``Invalid``."""
    tx.claim(charger_key(charger_id))
    need_connector(tx, charger_id, place)
    for column in ("label", "type", "current_type", "format"):
        said = getattr(change, column)
        if said is not None:
            store.change_details(tx, charger_id, place, column, _printable(said, column))
    for column in ("max_power_w", "phases"):
        number = getattr(change, column)
        if number is not None:
            store.change_details(tx, charger_id, place, column, number or None)
    if change.evse_id is not None:
        store.insert_evse(tx, charger_id, place.evse)
        store.label_evse(tx, charger_id, place.evse, _printable(change.evse_id, "evse_id"))
    return need_connector(tx, charger_id, place)


def remove_connector(tx: Tx, charger_id: str, place: Place) -> None:
    """Forget a connector that was described and never spoke. Raises ``NotFound``, ``Refused`` for one that did: it is there."""
    tx.claim(charger_key(charger_id))
    known = need_connector(tx, charger_id, place)
    if known.reported_at is not None:
        raise Refused(f"connector {place} of charger {charger_id!r} has told its status: take it out of service instead")
    store.delete_details(tx, charger_id, place)


def give_codes(tx: Tx, codes: list[tuple[str, Place, str]], *, anew: bool = False) -> None:
    """Give connectors the codes of their stickers, those that have none (or ``anew``). Raises ``NotFound``."""
    tx.claim(*sorted({charger_key(charger_id) for charger_id, _, _ in codes}))
    for charger_id, place, code in codes:
        need_connector(tx, charger_id, place)
        store.give_code(tx, charger_id, place, code, anew=anew)


def start_of(tx: ReadTx, code: str) -> StartPlace:
    """What a driver's start page needs to know of the connector with a code. Raises ``NotFound``."""
    row = store.behind_code(tx, code)
    if row is None:
        raise NotFound("there is no connector with this code")
    return start_place(row)


def _printable(text: str, field: str) -> str:
    if not (text.isprintable() or not text):
        raise Invalid("printable characters only", field=field)
    return text.strip()
