"""Verbs of the stations slice: what chargers report, how their links come and go, and what operators do."""

from __future__ import annotations

from .chargers import (
    add_charger,
    approve,
    decide,
    hold,
    is_charger_id,
    label_evse,
    need_charger,
    place_charger,
    reject,
    remove_charger,
    rename_charger,
    set_heartbeat_interval,
    set_subprotocol_fallback,
)
from .hearing import (
    DRIFT_STEP_MS,
    boot,
    data,
    note_oddities,
    status,
)
from .keys import (
    MOST_OFFERS,
    confirm_key,
    offer_key,
    set_key,
    shown_offer,
    withdraw_key,
)
from .links import (
    PENDING_LIMIT,
    forget_connections,
    link_down,
    link_up,
    meet,
    pongs,
)
from .security import (
    note_security_profile,
    set_security_profile,
)
from .sites import (
    add_station,
    add_station_group,
    change_station,
    need_station,
    remove_station,
    remove_station_group,
)

__all__ = [
    "DRIFT_STEP_MS",
    "MOST_OFFERS",
    "PENDING_LIMIT",
    "add_charger",
    "add_station",
    "add_station_group",
    "approve",
    "boot",
    "change_station",
    "confirm_key",
    "data",
    "decide",
    "forget_connections",
    "hold",
    "is_charger_id",
    "label_evse",
    "link_down",
    "link_up",
    "meet",
    "need_charger",
    "need_station",
    "note_oddities",
    "note_security_profile",
    "offer_key",
    "place_charger",
    "pongs",
    "reject",
    "remove_charger",
    "remove_station",
    "remove_station_group",
    "rename_charger",
    "set_heartbeat_interval",
    "set_key",
    "set_security_profile",
    "set_subprotocol_fallback",
    "shown_offer",
    "status",
    "withdraw_key",
]
