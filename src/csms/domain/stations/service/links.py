"""How chargers come and go: first contact, connections, and what a crash of ours left behind."""

from __future__ import annotations

from csms.core.ids import charger_key
from csms.core.ports import ConnectionInfo, Tx
from csms.domain.stations import store
from csms.domain.stations.model import PENDING, REJECTED, ChargerConnected, ChargerDisconnected, ChargerRegistrationChanged, Gate

from .security import note_security_profile

PENDING_LIMIT = 10_000
"""Chargers that may wait for approval at a time: anybody may make one up."""


def meet(tx: Tx, charger_id: str, approval: str, sealed: str) -> Gate | None:
    """First contact: add an unknown charger with this approval, and bind the key it showed if it has none (trust on first use).

    Returns how the charger stands now, which may be another connection's doing; None when it is not to be added: rejected, or too many wait for approval already.
    """
    tx.claim(charger_key(charger_id))
    known = store.gate(tx, charger_id)
    if known is None:
        if approval == REJECTED or (approval == PENDING and store.pending_count(tx) >= PENDING_LIMIT):
            return None
        store.insert_charger(tx, charger_id, station_id=None, name="", approval=approval)
        tx.emit(ChargerRegistrationChanged(charger_id=charger_id, approval=approval, registration=""))
    elif known.sealed:
        return known
    if sealed:
        store.keep_key(tx, charger_id, sealed, "first_use")
    return store.gate(tx, charger_id)


def link_up(tx: Tx, info: ConnectionInfo, security_profile: int | None = None) -> None:
    """A charger is connected, by this security profile."""
    tx.claim(charger_key(info.charger_id))
    known = store.link_up(
        tx,
        info.charger_id,
        connection_id=info.connection_id,
        connected_at=info.connected_at,
        protocol=info.protocol,
        remote_address=info.remote_address,
    )
    if known:
        tx.emit(
            ChargerConnected(
                charger_id=info.charger_id,
                connection_id=info.connection_id,
                protocol=info.protocol,
                remote_address=info.remote_address,
            )
        )
        if security_profile is not None:
            note_security_profile(tx, info.charger_id, security_profile)


def link_down(tx: Tx, info: ConnectionInfo, reason: str) -> None:
    """A connection ended. After a takeover the charger's newer connection stays as it is."""
    tx.claim(charger_key(info.charger_id))
    was_present = store.link_down(tx, info.charger_id, info.connection_id)
    tx.emit(
        ChargerDisconnected(charger_id=info.charger_id, connection_id=info.connection_id, reason=reason, replaced=not was_present)
    )


def forget_connections(tx: Tx) -> int:
    """At start-up, before the listener: no charger of this tenant is connected, whatever a crash left behind; how many there were."""
    left = store.connected_chargers(tx)
    if left:
        # all at once, or the writer would rerun this verb for every key it had not declared
        tx.claim(*(charger_key(row["id"]) for row in left))
        store.forget_connections(tx)
    for row in left:
        tx.emit(ChargerDisconnected(charger_id=row["id"], connection_id=row["connection_id"], reason="the server stopped"))
    return len(left)


def pongs(tx: Tx, charger_id: str, answers: bool) -> None:
    """A charger was seen to answer WebSocket pings, or never does."""
    tx.claim(charger_key(charger_id))
    store.save_pongs(tx, charger_id, answers)
