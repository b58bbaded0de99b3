"""What operators do with stations and their groups."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import attrs

from csms.core.errors import Conflict, Invalid, NotFound, Refused
from csms.core.ports import ReadTx, Tx
from csms.domain.stations import store
from csms.domain.stations.model import ACCESS, OPEN, STATION_STATUSES, Address, Station, StationChange, StationGroup, station_key


def need_station(tx: ReadTx, station_id: int) -> Station:
    """A station of the tenant. Raises ``NotFound``."""
    found = store.station(tx, station_id)
    if found is None:
        raise NotFound(f"there is no station {station_id}")
    return found


def add_station(
    tx: Tx,
    name: str,
    *,
    address: Address | str = "",
    latitude: float | None = None,
    longitude: float | None = None,
    access: str = OPEN,
    station_group_id: int | None = None,
    **more: Any,
) -> Station:
    """Add a station; ``more`` are other fields of ``Station``, and an ``address`` that is text is its first line.

    Raises ``Invalid``, ``NotFound`` for the group, ``Conflict`` when the name is taken.
    """
    if isinstance(address, str):
        address = Address(lines=(address.strip(),) if address.strip() else ())
    station = Station(
        id=0,
        name=name.strip(),
        address=address,
        latitude=latitude,
        longitude=longitude,
        access=access,
        station_group_id=station_group_id,
        created_at=tx.now,
        **more,
    )
    _check(tx, station)
    added = store.insert_station(tx, station)
    if added is None:
        raise Conflict(f"there is a station {station.name!r} already")
    return need_station(tx, added)


def change_station(tx: Tx, station: Station) -> Station:
    """Store a changed station. Raises ``Invalid``, ``NotFound``, or ``Conflict`` when the new name is taken."""
    tx.claim(station_key(tx.tenant, station.id))
    need_station(tx, station.id)
    station = attrs.evolve(station, name=station.name.strip())
    _check(tx, station)
    if not store.update_station(tx, station):
        raise Conflict(f"there is a station {station.name!r} already")
    return need_station(tx, station.id)


def alter_station(tx: Tx, station_id: int, change: StationChange) -> Station:
    """Change what ``change`` names of a station. Raises like ``change_station``."""
    tx.claim(station_key(tx.tenant, station_id))
    given = {
        field.name: value
        for field in attrs.fields(StationChange)
        if field.name != "clear" and (value := getattr(change, field.name)) is not None
    }
    if "position" in change.clear:
        given |= {"latitude": None, "longitude": None}
    if "station_group_id" in change.clear:
        given["station_group_id"] = None
    return change_station(tx, attrs.evolve(need_station(tx, station_id), **given))


def remove_station(tx: Tx, station_id: int) -> None:
    """Remove a station, with the grants for it. Raises ``NotFound``, or ``Refused`` while chargers stand there.

    What was charged there is kept with the chargers. A station that is to stay in the books is decommissioned instead.
    """
    tx.claim(station_key(tx.tenant, station_id))
    station = need_station(tx, station_id)
    if station.chargers:
        raise Refused(
            f"station {station.name!r} has {station.chargers} chargers; place or remove them first, or say that it is decommissioned"
        )
    store.delete_station(tx, station_id)


def need_station_group(tx: ReadTx, station_group_id: int) -> StationGroup:
    """A group of stations. Raises ``NotFound``."""
    found = store.station_group(tx, station_group_id)
    if found is None:
        raise NotFound(f"there is no station group {station_group_id}")
    return found


def add_station_group(tx: Tx, name: str) -> int:
    """Add a group of stations; its id. Raises ``Invalid`` or ``Conflict``."""
    _check_name(name)
    added = store.insert_station_group(tx, name.strip())
    if added is None:
        raise Conflict(f"there is a station group {name.strip()!r} already")
    return added


def rename_station_group(tx: Tx, station_group_id: int, name: str) -> StationGroup:
    """Call a group something else. Raises ``Invalid``, ``NotFound`` or ``Conflict``."""
    tx.claim(_group_key(tx, station_group_id))
    need_station_group(tx, station_group_id)
    _check_name(name)
    if not store.rename_station_group(tx, station_group_id, name.strip()):
        raise Conflict(f"there is a station group {name.strip()!r} already")
    return need_station_group(tx, station_group_id)


def remove_station_group(tx: Tx, station_group_id: int) -> None:
    """Remove a group, with the grants for it; its stations stay. Raises ``NotFound``."""
    tx.claim(_group_key(tx, station_group_id))
    if not store.delete_station_group(tx, station_group_id):
        raise NotFound(f"there is no station group {station_group_id}")


def _group_key(tx: ReadTx, station_group_id: int) -> str:
    return f"station_group:{tx.tenant}:{station_group_id}"


def _check_name(name: str) -> None:
    if not 1 <= len(name.strip()) <= 200 or not name.strip().isprintable():
        raise Invalid("a name has 1 to 200 printable characters", field="name")


def _check(tx: Tx, station: Station) -> None:
    _check_name(station.name)
    if station.latitude is not None and not -90 <= station.latitude <= 90:
        raise Invalid(f"a latitude is -90 to 90 degrees, not {station.latitude}", field="latitude")
    if station.longitude is not None and not -180 <= station.longitude <= 180:
        raise Invalid(f"a longitude is -180 to 180 degrees, not {station.longitude}", field="longitude")
    if (station.latitude is None) != (station.longitude is None):
        missing = "latitude" if station.latitude is None else "longitude"
        raise Invalid("a position has a latitude and a longitude", field=missing)
    if station.access not in ACCESS:
        raise Invalid(f"access {station.access!r}: use one of {', '.join(ACCESS)}", field="access")
    if station.status not in STATION_STATUSES:
        raise Invalid(f"status {station.status!r}: use one of {', '.join(STATION_STATUSES)}", field="status")
    if not all(line.isprintable() for line in station.address.lines):
        raise Invalid("a line of an address has printable characters only", field="address.lines")
    if station.time_zone and not _is_time_zone(station.time_zone):
        raise Invalid(f"{station.time_zone!r} is no IANA time zone such as Asia/Kolkata", field="time_zone")
    if station.station_group_id is not None:
        need_station_group(tx, station.station_group_id)


def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return False
    return True
