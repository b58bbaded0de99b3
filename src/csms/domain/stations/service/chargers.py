"""What operators do with chargers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from csms.core.errors import Conflict, Invalid, NotFound, Refused
from csms.core.ids import charger_key
from csms.core.ports import ReadTx, Tx
from csms.domain.stations import store
from csms.domain.stations.model import (
    ACCEPTED,
    APPROVALS,
    PENDING,
    REJECTED,
    SECURITY_PROFILES,
    Charger,
    ChargerRegistrationChanged,
    ChargerRemoved,
    standing,
    station_key,
)

from .sites import need_station

Running = Callable[[ReadTx, str], Sequence[int]]
"""The transactions that run at a charger, by id: what a higher slice knows."""


def _nothing(tx: ReadTx, charger_id: str) -> Sequence[int]:
    return ()


def is_charger_id(text: str) -> bool:
    """Whether this can be a charger's id: 1 to 255 printable characters. OCPP-J 1.6 §3.1.1 asks for no more."""
    return 1 <= len(text) <= 255 and text.isprintable()


def add_charger(
    tx: Tx,
    charger_id: str,
    *,
    name: str = "",
    station_id: int | None = None,
    approval: str = ACCEPTED,
    sealed_key: str = "",
    security_profile: int | None = None,
) -> Charger:
    """Add a charger, with its key sealed by ``keys.seal`` and the least ``security_profile`` it may log in with (None: the
    installation's). One that was removed starts over.

    Raises ``Invalid``, ``NotFound`` for the station, ``Conflict`` when the id is in use (here or at another tenant).
    """
    tx.claim(charger_key(charger_id))
    if not is_charger_id(charger_id):
        raise Invalid(f"charger id {charger_id!r}: use 1 to 255 printable characters", field="charger_id")
    if approval not in APPROVALS:
        raise Invalid(f"approval {approval!r}: use one of {', '.join(APPROVALS)}", field="approval")
    if station_id is not None:
        tx.claim(station_key(tx.tenant, station_id))
        need_station(tx, station_id)
    if security_profile is not None and security_profile not in SECURITY_PROFILES:
        raise Invalid(f"a security profile is 0, 1, 2 or 3, not {security_profile}", field="security_profile")
    if not store.insert_charger(
        tx, charger_id, station_id=station_id, name=_name(name), approval=approval, security_profile=security_profile
    ):
        raise Conflict(f"there is a charger {charger_id!r} already; ids are unique in the installation")
    if sealed_key:
        store.keep_key(tx, charger_id, sealed_key, "given")
    return need_charger(tx, charger_id)


def need_charger(tx: ReadTx, charger_id: str) -> Charger:
    """A charger of the tenant. Raises ``NotFound``."""
    found = store.charger(tx, charger_id)
    if found is None:
        raise NotFound(f"there is no charger {charger_id!r}")
    return found


def decide(tx: Tx, charger_id: str, approval: str) -> Charger:
    """Accept a charger, hold it pending, or reject it. It follows at once (``model.standing``), and is told at its next boot."""
    tx.claim(charger_key(charger_id))
    if approval not in APPROVALS:
        raise Invalid(f"approval {approval!r}: use one of {', '.join(APPROVALS)}", field="approval")
    known = store.approval_of(tx, charger_id)
    if known is not None and known["approval"] != approval:
        store.change(tx, charger_id, "approval", approval)
        tx.emit(
            ChargerRegistrationChanged(
                charger_id=charger_id, approval=approval, registration=standing(approval, known["registration"])
            )
        )
    return need_charger(tx, charger_id)


def approve(tx: Tx, charger_id: str) -> Charger:
    """Accept a charger. Raises ``NotFound``."""
    return decide(tx, charger_id, ACCEPTED)


def hold(tx: Tx, charger_id: str) -> Charger:
    """Hold a charger pending: everything but charging (2.0.1 B02). Raises ``NotFound``."""
    return decide(tx, charger_id, PENDING)


def reject(tx: Tx, charger_id: str) -> Charger:
    """Reject a charger: it may connect, and is told so at every boot. Raises ``NotFound``."""
    return decide(tx, charger_id, REJECTED)


def remove_charger(tx: Tx, charger_id: str, running: Running = _nothing) -> None:
    """Take a charger away. Its history, frames and transactions stay.

    Raises ``NotFound``, or ``Refused`` while transactions run there: nobody could stop them any more, and they would never be billed.
    Where unknown chargers are accepted or held it may come back by itself: reject it to keep it out.
    """
    tx.claim(charger_key(charger_id))
    if going_on := running(tx, charger_id):
        ids = ", ".join(map(str, going_on))
        raise Refused(
            f"charger {charger_id!r} is charging: stop what runs there, or end it by your word, first (transaction {ids})"
        )
    known = store.charger(tx, charger_id)
    if known is None or not store.remove_charger(tx, charger_id):
        raise NotFound(f"there is no charger {charger_id!r}")
    tx.emit(ChargerRemoved(charger_id=charger_id, station_id=known.station_id))


def rename_charger(tx: Tx, charger_id: str, name: str) -> None:
    """Call a charger something. Raises ``NotFound`` or ``Invalid``."""
    _change(tx, charger_id, "name", _name(name))


def place_charger(tx: Tx, charger_id: str, station_id: int | None) -> None:
    """Put a charger on a station, or on none. Raises ``NotFound``."""
    if station_id is not None:
        tx.claim(station_key(tx.tenant, station_id))
        need_station(tx, station_id)
    _change(tx, charger_id, "station_id", station_id)


def set_heartbeat_interval(tx: Tx, charger_id: str, seconds: int | None) -> None:
    """Give a charger a heartbeat interval of its own from its next boot on; None is the configured one."""
    if seconds is not None and not 1 <= seconds <= 86_400:
        raise Invalid(f"a heartbeat interval is 1 to 86400 seconds, not {seconds}", field="seconds")
    _change(tx, charger_id, "heartbeat_interval_s", seconds)


def set_subprotocol_fallback(tx: Tx, charger_id: str, subprotocol: str) -> None:
    """Say which OCPP subprotocol this charger speaks although it offers none; ``""`` is the configured fallback."""
    _change(tx, charger_id, "subprotocol_fallback", subprotocol)


def label_evse(tx: Tx, charger_id: str, evse: int, label: str) -> None:
    """Call an EVSE something, such as its eMI3 id. Raises ``NotFound`` or ``Invalid``."""
    tx.claim(charger_key(charger_id))
    if not store.label_evse(tx, charger_id, evse, _name(label)):
        raise NotFound(f"charger {charger_id!r} has no EVSE {evse}")


def _change(tx: Tx, charger_id: str, column: str, value: str | int | None) -> None:
    tx.claim(charger_key(charger_id))
    if not store.change(tx, charger_id, column, value):
        raise NotFound(f"there is no charger {charger_id!r}")


def _name(text: str) -> str:
    name = text.strip()
    if len(name) > 200 or not (name.isprintable() or not name):
        raise Invalid("a name has at most 200 printable characters", field="name")
    return name
