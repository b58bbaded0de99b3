"""SQL of what figures are about: the names of stations and chargers, and whether there is a driver."""

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
