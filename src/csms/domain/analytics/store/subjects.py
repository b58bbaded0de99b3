"""SQL of what figures are about: the names of stations and chargers, time zones, and whether there is a driver."""

from __future__ import annotations

from csms.core.ports import ReadTx


def station_names(tx: ReadTx, stations: frozenset[int] | None) -> dict[str, str]:
    """Stations of the tenant by id; only ``stations``, if given."""
    rows = tx.all("SELECT id, name FROM stations WHERE tenant = :tenant ORDER BY id")
    return {str(row["id"]): row["name"] for row in rows if stations is None or row["id"] in stations}


def charger_names(tx: ReadTx, stations: frozenset[int] | None) -> dict[str, str]:
    """Chargers of the tenant by id; only those at ``stations``, if given."""
    rows = tx.all("SELECT id, name, station_id FROM chargers WHERE tenant = :tenant AND removed_at IS NULL ORDER BY id")
    return {row["id"]: row["name"] or row["id"] for row in rows if stations is None or row["station_id"] in stations}


def has_driver(tx: ReadTx, driver_id: int) -> bool:
    """Whether the tenant has this driver."""
    return tx.value("SELECT 1 FROM drivers WHERE tenant = :tenant AND id = :driver_id", driver_id=driver_id) is not None


def zone_of_station(tx: ReadTx, station_id: int | None) -> str:
    """The time zone of a station, ``""`` where it is the tenant's."""
    found = tx.value("SELECT time_zone FROM stations WHERE tenant = :tenant AND id = :station_id", station_id=station_id)
    return str(found or "")


def zone_of_charger(tx: ReadTx, charger_id: str) -> str:
    """The time zone of a charger's station, ``""`` where it is the tenant's."""
    found = tx.value(
        "SELECT s.time_zone FROM chargers c JOIN stations s ON s.id = c.station_id AND s.tenant = c.tenant"
        " WHERE c.tenant = :tenant AND c.id = :charger_id",
        charger_id=charger_id,
    )
    return str(found or "")
