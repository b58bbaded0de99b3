"""What operators do with stations and their groups."""

from __future__ import annotations

import attrs

from csms.core.errors import Conflict, Invalid, NotFound, Refused
from csms.core.ports import Tx
from csms.domain.stations import store
from csms.domain.stations.model import ACCESS, OPEN, Station, station_key


def need_station(tx: Tx, station_id: int) -> Station:
    """A station of the tenant. Raises ``NotFound``."""
    found = store.station(tx, station_id)
    if found is None:
        raise NotFound(f"there is no station {station_id}")
    return found


def add_station(
    tx: Tx,
    name: str,
    *,
    address: str = "",
    latitude: float | None = None,
    longitude: float | None = None,
    access: str = OPEN,
    station_group_id: int | None = None,
) -> Station:
    """Add a station. Raises ``Invalid``, ``NotFound`` for the group, ``Conflict`` when the name is taken."""
    _check(tx, name, latitude, longitude, access, station_group_id)
    added = store.insert_station(
        tx,
        name=name.strip(),
        address=address.strip(),
        latitude=latitude,
        longitude=longitude,
        access=access,
        station_group_id=station_group_id,
    )
    if added is None:
        raise Conflict(f"there is a station {name.strip()!r} already")
    return need_station(tx, added)


def change_station(tx: Tx, station: Station) -> Station:
    """Store a changed station. Raises ``Invalid``, ``NotFound``, or ``Conflict`` when the new name is taken."""
    tx.claim(station_key(tx.tenant, station.id))
    need_station(tx, station.id)
    _check(tx, station.name, station.latitude, station.longitude, station.access, station.station_group_id)
    if not store.update_station(tx, attrs.evolve(station, name=station.name.strip(), address=station.address.strip())):
        raise Conflict(f"there is a station {station.name.strip()!r} already")
    return need_station(tx, station.id)


def remove_station(tx: Tx, station_id: int) -> None:
    """Remove a station, with the grants for it. Raises ``NotFound``, or ``Refused`` while chargers stand there."""
    tx.claim(station_key(tx.tenant, station_id))
    station = need_station(tx, station_id)
    if station.chargers:
        raise Refused(f"station {station.name!r} has {station.chargers} chargers; place or remove them first")
    store.delete_station(tx, station_id)


def add_station_group(tx: Tx, name: str) -> int:
    """Add a group of stations; its id. Raises ``Invalid`` or ``Conflict``."""
    _check_name(name)
    added = store.insert_station_group(tx, name.strip())
    if added is None:
        raise Conflict(f"there is a station group {name.strip()!r} already")
    return added


def remove_station_group(tx: Tx, station_group_id: int) -> None:
    """Remove a group, with the grants for it; its stations stay. Raises ``NotFound``."""
    if not store.delete_station_group(tx, station_group_id):
        raise NotFound(f"there is no station group {station_group_id}")


def _check_name(name: str) -> None:
    if not 1 <= len(name.strip()) <= 200 or not name.strip().isprintable():
        raise Invalid("a name has 1 to 200 printable characters", field="name")


def _check(tx: Tx, name: str, latitude: float | None, longitude: float | None, access: str, station_group_id: int | None) -> None:
    _check_name(name)
    if latitude is not None and not -90 <= latitude <= 90:
        raise Invalid(f"a latitude is -90 to 90 degrees, not {latitude}", field="latitude")
    if longitude is not None and not -180 <= longitude <= 180:
        raise Invalid(f"a longitude is -180 to 180 degrees, not {longitude}", field="longitude")
    if access not in ACCESS:
        raise Invalid(f"access {access!r}: use one of {', '.join(ACCESS)}", field="access")
    if station_group_id is not None and all(group.id != station_group_id for group in store.list_station_groups(tx)):
        raise NotFound(f"there is no station group {station_group_id}")
