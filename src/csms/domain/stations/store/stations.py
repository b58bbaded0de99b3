"""SQL of stations and their groups."""

from __future__ import annotations

from csms.core.ports import ReadTx, Row, Tx
from csms.domain.stations.model import Station, StationGroup

_SELECT = """
SELECT s.id, s.name, s.address, s.latitude, s.longitude, s.access, s.station_group_id, s.created_at,
    (SELECT count(*) FROM chargers c WHERE c.station_id = s.id) AS chargers
FROM stations s WHERE s.tenant = :tenant"""


def station(tx: ReadTx, station_id: int) -> Station | None:
    """One station of the tenant."""
    row = tx.one(_SELECT + " AND s.id = :station_id", station_id=station_id)
    return None if row is None else _station(row)


def list_stations(tx: ReadTx, *, after: int = 0, limit: int = 100) -> list[Station]:
    """Stations of the tenant by id, a page of ``limit`` after the id ``after``."""
    return [_station(row) for row in tx.all(_SELECT + " AND s.id > :after ORDER BY s.id LIMIT :limit", after=after, limit=limit)]


def insert_station(
    tx: Tx,
    *,
    name: str,
    address: str,
    latitude: float | None,
    longitude: float | None,
    access: str,
    station_group_id: int | None,
) -> int | None:
    """The id of the new station, None when its name is taken."""
    found: int | None = tx.value(
        """
        INSERT INTO stations (tenant, name, address, latitude, longitude, access, station_group_id, created_at)
        VALUES (:tenant, :name, :address, :latitude, :longitude, :access, :station_group_id, :created_at)
        ON CONFLICT DO NOTHING RETURNING id""",
        name=name,
        address=address,
        latitude=latitude,
        longitude=longitude,
        access=access,
        station_group_id=station_group_id,
        created_at=tx.now,
    )
    return found


def update_station(tx: Tx, station: Station) -> bool:
    """Store a changed station; False when another station has its name."""
    touched = tx.run(
        """
        UPDATE stations SET name = :name, address = :address, latitude = :latitude, longitude = :longitude, access = :access,
            station_group_id = :station_group_id
        WHERE id = :id AND tenant = :tenant
            AND NOT EXISTS (SELECT 1 FROM stations o WHERE o.tenant = :tenant AND o.name = :name AND o.id <> :id)""",
        id=station.id,
        name=station.name,
        address=station.address,
        latitude=station.latitude,
        longitude=station.longitude,
        access=station.access,
        station_group_id=station.station_group_id,
    )
    return touched > 0


def delete_station(tx: Tx, station_id: int) -> None:
    """Delete a station that has no chargers, with the grants for it."""
    tx.run("DELETE FROM stations WHERE id = :station_id AND tenant = :tenant", station_id=station_id)


def list_station_groups(tx: ReadTx) -> list[StationGroup]:
    """The station groups of the tenant by name."""
    rows = tx.all("SELECT id, name FROM station_groups WHERE tenant = :tenant ORDER BY name")
    return [StationGroup(id=row["id"], name=row["name"]) for row in rows]


def insert_station_group(tx: Tx, name: str) -> int | None:
    """The id of the new group, None when its name is taken."""
    found: int | None = tx.value(
        "INSERT INTO station_groups (tenant, name, created_at) VALUES (:tenant, :name, :created_at) ON CONFLICT DO NOTHING RETURNING id",
        name=name,
        created_at=tx.now,
    )
    return found


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


def _station(row: Row) -> Station:
    return Station(
        id=row["id"],
        name=row["name"],
        address=row["address"],
        latitude=row["latitude"],
        longitude=row["longitude"],
        access=row["access"],
        station_group_id=row["station_group_id"],
        created_at=row["created_at"],
        chargers=row["chargers"],
    )
