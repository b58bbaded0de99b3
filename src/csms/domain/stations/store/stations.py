"""SQL of stations and their groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import cattrs
import msgspec

from csms.core.paging import Page
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, conditions, page, whether
from csms.domain.stations import geometry
from csms.domain.stations.model import (
    ALWAYS_OPEN,
    Address,
    Contact,
    OpeningHours,
    Station,
    StationGroup,
    StationGroupQuery,
    StationSearch,
)

_COLUMNS = """s.id, s.name, s.status, s.address, s.city, s.state, s.postal_code, s.country, s.directions, s.latitude, s.longitude,
    s.time_zone, s.opening_hours, s.contacts, s.amenities, s.access, s.station_group_id, s.created_at,
    (SELECT count(*) FROM chargers c WHERE c.station_id = s.id) AS chargers"""
_SELECT = f"SELECT {_COLUMNS} FROM stations s WHERE s.tenant = :tenant"  # noqa: S608 (our own text)

STATIONS = Listing(
    columns=_COLUMNS,
    source="stations s WHERE s.tenant = :tenant",
    filters={
        "status": "s.status = :status",
        "access": "s.access = :access",
        "station_group_id": "s.station_group_id = :station_group_id",
        "city": "s.city = :city",
        "country": "s.country = :country",
        "amenity": "s.amenities LIKE '% ' || :amenity || ' %'",
        "stations": "s.id IN ({stations})",
        "ids": "s.id IN ({ids})",
        "south": "s.latitude >= :south",
        "north": "s.latitude <= :north",
        "west": "s.longitude >= :west",
        "east": "s.longitude <= :east",
        "wraps": "s.longitude >= :from_west OR s.longitude <= :to_east",
    },
    search="lower(s.name) LIKE :search ESCAPE '!' OR lower(s.address) LIKE :search ESCAPE '!'"
    " OR lower(s.city) LIKE :search ESCAPE '!' OR lower(s.postal_code) LIKE :search ESCAPE '!'",
    sorts={"name": "s.name", "created_at": "s.created_at", "id": "s.id"},
    unique="s.id",
)
"""Lists of stations; who narrows them adds filters on ``s``."""


def station(tx: ReadTx, station_id: int) -> Station | None:
    """One station of the tenant."""
    row = tx.one(_SELECT + " AND s.id = :station_id", station_id=station_id)
    return None if row is None else _station(row)


def list_stations(tx: ReadTx, *, after: int = 0, limit: int = 100) -> list[Station]:
    """Stations of the tenant by id, a page of ``limit`` after the id ``after``."""
    return [_station(row) for row in tx.all(_SELECT + " AND s.id > :after ORDER BY s.id LIMIT :limit", after=after, limit=limit)]


def page_of_stations(
    tx: ReadTx, query: StationSearch, stations: frozenset[int] | None = None, *, listing: Listing = STATIONS, **fixed: Any
) -> Page[Station]:
    """A page of stations, of those that the caller may see; around a point, the nearest first. At most two statements."""
    fixed |= {"stations": stations}
    if query.near is None:
        return page(tx, listing, query, _station, **fixed)
    return _around(tx, listing, query, query.near[0], query.near[1], fixed)


def _around(
    tx: ReadTx, listing: Listing, query: StationSearch, latitude: float, longitude: float, fixed: Mapping[str, Any]
) -> Page[Station]:
    """The database finds what lies in a box around the point, by index; the circle and the order are reckoned here."""
    box = geometry.box_around(latitude, longitude, query.radius_m)
    bounds: dict[str, Any] = {"south": box.south, "north": box.north}
    if box.wraps:
        bounds |= {"wraps": True}
    else:
        bounds |= {"west": box.west, "east": box.east}
    where, parameters = conditions(listing, query, {**fixed, **bounds})
    parameters |= {"from_west": box.west, "to_east": box.east} if box.wraps else {}
    found = tx.all(f"SELECT s.id, s.latitude, s.longitude FROM {listing.source}{where}", **parameters)  # noqa: S608 (our own text)
    measured = [(geometry.distance_m(latitude, longitude, row["latitude"], row["longitude"]), row["id"]) for row in found]
    near = sorted(each for each in measured if each[0] <= query.radius_m)
    shown = near[(query.page - 1) * query.limit : query.page * query.limit]
    known: dict[int, Station] = {}
    if shown:
        where, parameters = conditions(STATIONS, StationSearch(), {"ids": [station_id for _, station_id in shown]})
        rows = tx.all(f"SELECT {_COLUMNS} FROM {STATIONS.source}{where}", **parameters)  # noqa: S608 (our own text)
        known = {row["id"]: _station(row) for row in rows}
    items = [attrs.evolve(known[station_id], distance_m=round(metres)) for metres, station_id in shown]
    return Page(items=items, page=query.page, limit=query.limit, total=len(near))


_INSERT = """
INSERT INTO stations (tenant, name, status, address, city, state, postal_code, country, directions, latitude, longitude, time_zone,
    opening_hours, contacts, amenities, access, station_group_id, created_at)
VALUES (:tenant, :name, :status, :address, :city, :state, :postal_code, :country, :directions, :latitude, :longitude, :time_zone,
    :opening_hours, :contacts, :amenities, :access, :station_group_id, :now)
ON CONFLICT DO NOTHING RETURNING id"""

_UPDATE = """
UPDATE stations SET name = :name, status = :status, address = :address, city = :city, state = :state, postal_code = :postal_code,
    country = :country, directions = :directions, latitude = :latitude, longitude = :longitude, time_zone = :time_zone,
    opening_hours = :opening_hours, contacts = :contacts, amenities = :amenities, access = :access,
    station_group_id = :station_group_id
WHERE id = :id AND tenant = :tenant
    AND NOT EXISTS (SELECT 1 FROM stations o WHERE o.tenant = :tenant AND o.name = :name AND o.id <> :id)"""


def insert_station(tx: Tx, station: Station) -> int | None:
    """The id of the new station, None when its name is taken; the id that ``station`` has does not count."""
    found: int | None = tx.value(_INSERT, **_values(station))
    return found


def update_station(tx: Tx, station: Station) -> bool:
    """Store a changed station; False when another station has its name."""
    return tx.run(_UPDATE, id=station.id, **_values(station)) > 0


def delete_station(tx: Tx, station_id: int) -> None:
    """Delete a station that has no chargers, with the grants for it."""
    tx.run("DELETE FROM stations WHERE id = :station_id AND tenant = :tenant", station_id=station_id)


# --- groups ---------------------------------------------------------------------------------------------------------------------

_GROUPS = Listing(
    columns="g.id, g.name, (SELECT count(*) FROM stations s WHERE s.station_group_id = g.id) AS stations",
    source="station_groups g WHERE g.tenant = :tenant",
    filters={
        "has_none": "NOT EXISTS (SELECT 1 FROM stations s WHERE s.station_group_id = g.id)",
        "has_some": "EXISTS (SELECT 1 FROM stations s WHERE s.station_group_id = g.id)",
    },
    search="lower(g.name) LIKE :search ESCAPE '!'",
    sorts={"name": "g.name", "id": "g.id"},
    unique="g.id",
)


def page_of_station_groups(tx: ReadTx, query: StationGroupQuery) -> Page[StationGroup]:
    """A page of groups."""
    return page(tx, _GROUPS, query, lambda row: StationGroup(**row), **whether(query.empty, "has_none", "has_some"))


def station_group(tx: ReadTx, station_group_id: int) -> StationGroup | None:
    """One group."""
    row = tx.one(f"SELECT {_GROUPS.columns} FROM {_GROUPS.source} AND g.id = :station_group_id", station_group_id=station_group_id)  # noqa: S608 (our own text)
    return None if row is None else StationGroup(**row)


def list_station_groups(tx: ReadTx) -> list[StationGroup]:
    """The station groups of the tenant by name."""
    rows = tx.all(f"SELECT {_GROUPS.columns} FROM {_GROUPS.source} ORDER BY g.name")  # noqa: S608 (our own text)
    return [StationGroup(**row) for row in rows]


def insert_station_group(tx: Tx, name: str) -> int | None:
    """The id of the new group, None when its name is taken."""
    found: int | None = tx.value(
        "INSERT INTO station_groups (tenant, name, created_at) VALUES (:tenant, :name, :created_at) ON CONFLICT DO NOTHING RETURNING id",
        name=name,
        created_at=tx.now,
    )
    return found


def rename_station_group(tx: Tx, station_group_id: int, name: str) -> bool:
    """Call a group something else; False when another group is called so."""
    touched = tx.run(
        """
        UPDATE station_groups SET name = :name WHERE id = :id AND tenant = :tenant
            AND NOT EXISTS (SELECT 1 FROM station_groups o WHERE o.tenant = :tenant AND o.name = :name AND o.id <> :id)""",
        id=station_group_id,
        name=name,
    )
    return touched > 0


def delete_station_group(tx: Tx, station_group_id: int) -> bool:
    """Delete a group with the grants for it; its stations stay, in no group. False when there is none."""
    tx.run(
        "UPDATE stations SET station_group_id = NULL WHERE station_group_id = :station_group_id AND tenant = :tenant",
        station_group_id=station_group_id,
    )
    return (
        tx.run("DELETE FROM station_groups WHERE id = :station_group_id AND tenant = :tenant", station_group_id=station_group_id)
        > 0
    )


# --- rows -----------------------------------------------------------------------------------------------------------------------


def _values(station: Station) -> dict[str, Any]:
    hours = station.opening_hours
    return {
        "name": station.name,
        "status": station.status,
        "address": "\n".join(station.address.lines),
        "city": station.address.city,
        "state": station.address.state,
        "postal_code": station.address.postal_code,
        "country": station.address.country,
        "directions": station.directions,
        "latitude": station.latitude,
        "longitude": station.longitude,
        "time_zone": station.time_zone,
        "opening_hours": "" if hours == ALWAYS_OPEN else _json(hours),
        "contacts": _json(station.contacts),
        "amenities": f" {' '.join(station.amenities)} " if station.amenities else "",
        "access": station.access,
        "station_group_id": station.station_group_id,
    }


def _json(value: Any) -> str:
    return msgspec.json.encode(cattrs.unstructure(value)).decode()


def _station(row: Row) -> Station:
    return Station(
        id=row["id"],
        name=row["name"],
        status=row["status"],
        address=Address(
            lines=tuple(row["address"].split("\n")) if row["address"] else (),
            city=row["city"],
            state=row["state"],
            postal_code=row["postal_code"],
            country=row["country"],
        ),
        directions=row["directions"],
        latitude=row["latitude"],
        longitude=row["longitude"],
        time_zone=row["time_zone"],
        opening_hours=_hours(row["opening_hours"]),
        contacts=cattrs.structure(msgspec.json.decode(row["contacts"]), tuple[Contact, ...]),
        amenities=tuple(row["amenities"].split()),
        access=row["access"],
        station_group_id=row["station_group_id"],
        chargers=row["chargers"],
        created_at=row["created_at"],
    )


def _hours(text: str) -> OpeningHours:
    return cattrs.structure(msgspec.json.decode(text), OpeningHours) if text else ALWAYS_OPEN
