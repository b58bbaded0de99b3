"""What the street may know of a connector: whether a driver could start there, and if not, why."""

from __future__ import annotations

from csms.core.ports import Row
from csms.domain.stations.model import ACCEPTED, ACTIVE, StartPlace

_REASONS = {
    "coming_soon": "this station is not open yet",
    "maintenance": "this station is under maintenance",
    "decommissioned": "this station is closed for good",
}
_TAKES = {"Available", "Preparing", "Occupied", "Unknown"}
"""Statuses in which a transaction may begin; ``Occupied`` is a cable plugged in, with or without one."""
_UNSAID = {"Occupied", "Unknown"}
"""Statuses that do not say whether somebody charges there: then it is what the server knows that counts."""
_STATUS_REASONS = {
    "Charging": "it is charging already",
    "SuspendedEV": "it is charging already",
    "SuspendedEVSE": "it is charging already",
    "Finishing": "the last one has not unplugged yet",
    "Reserved": "it is reserved",
    "Unavailable": "it is out of service",
    "Faulted": "it is out of order",
}


def start_place(row: Row) -> StartPlace:
    """A row of ``store.behind_code`` for the start page."""
    status = row["status"] or "Unknown"
    reason = hindrance(row, status)
    town = " ".join(filter(None, (row["postal_code"], row["city"])))
    return StartPlace(
        code=row["qr_code"],
        tenant_name=row["tenant_name"],
        currency=row["currency"],
        station_id=row["station_id"],
        station_name=row["station_name"] or "",
        station_status=row["station_status"] or "",
        address=", ".join(filter(None, (*(row["address"] or "").split("\n"), town))),
        time_zone=row["time_zone"] or row["tenant_zone"],
        charger_id=row["charger_id"],
        charger_name=row["charger_name"],
        location=row["location"],
        connected=row["connection_id"] != "",
        evse=row["evse"],
        connector=row["connector"],
        label=row["label"],
        type=row["type"],
        current_type=row["current_type"],
        max_power_w=row["max_power_w"],
        phases=row["phases"],
        status=status,
        startable=not reason,
        reason=reason,
    )


def closed(station_status: str | None) -> str:
    """Why a station takes no drivers in, by what operators say of it; ``""`` for an active one, and where a charger is on none."""
    return "" if station_status in (None, ACTIVE) else _REASONS[station_status]


def hindrance(row: Row, status: str) -> str:
    """Why no driver could start at a connector that is ``status``, ``""`` where one could.

    The row has ``station_status``, the charger's ``approval``, ``connection_id`` and ``whole_status``, and whether something is
    ``under_way`` there.
    """
    if reason := closed(row["station_status"]):
        return reason
    if row["approval"] != ACCEPTED:
        return "this charger is not in service yet"
    if not row["connection_id"]:
        return "this charger is offline"
    if row["whole_status"] in ("Unavailable", "Faulted"):
        return _STATUS_REASONS[row["whole_status"]]
    if row["under_way"] and status in _UNSAID:
        return _STATUS_REASONS["Charging"]
    return "" if status in _TAKES else _STATUS_REASONS.get(status, "it is not free")
