"""Where a driver may charge: stations around them, and what stands there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from csms.core.errors import NotFound
from csms.core.ids import Place
from csms.core.paging import Page
from csms.core.ports import ReadTx, Row
from csms.domain.drivers.model import (
    ConnectorForDrivers,
    PlugCount,
    StationForDrivers,
    StationsForDriversQuery,
    StationToCharge,
)
from csms.domain.drivers.store import places as store
from csms.domain.stations import service as stations
from csms.domain.stations.model import Station

FREE = "Available"
_SHOWN = (
    "id",
    "name",
    "status",
    "address",
    "directions",
    "latitude",
    "longitude",
    "time_zone",
    "opening_hours",
    "amenities",
    "access",
    "distance_m",
)


def stations_for(tx: ReadTx, driver_id: int, query: StationsForDriversQuery) -> Page[StationForDrivers]:
    """A page of the stations where a driver may charge. Four statements, however many there are."""
    found = store.stations_for(tx, driver_id, query)
    ids = [each.id for each in found.items]
    favourites = store.favourites_among(tx, driver_id, ids)
    there: dict[int, list[ConnectorForDrivers]] = {}
    for row in store.connectors_at(tx, ids):
        there.setdefault(row["station_id"], []).append(_connector(row))
    items = [
        StationForDrivers(**_shown(each), favourite=each.id in favourites, plugs=_counted(there.get(each.id, ())))
        for each in found.items
    ]
    return Page(items=items, page=found.page, limit=found.limit, total=found.total)


def station_for(tx: ReadTx, driver_id: int, station_id: int) -> StationToCharge:
    """One station with its connectors. Raises ``NotFound``, also for one that the driver may not see."""
    need_visible(tx, driver_id, station_id)
    connectors = tuple(_connector(row) for row in store.connectors_at(tx, [station_id]))
    return StationToCharge(
        **_shown(stations.need_station(tx, station_id)),
        favourite=bool(store.favourites_among(tx, driver_id, [station_id])),
        plugs=_counted(connectors),
        connectors=connectors,
    )


def need_visible(tx: ReadTx, driver_id: int, station_id: int) -> None:
    """Raises ``NotFound`` unless there is such a station for this driver."""
    if not store.may_see(tx, driver_id, station_id):
        raise NotFound(f"there is no station {station_id}")


def uncoded(station: StationToCharge) -> list[tuple[str, Place]]:
    """The connectors that have no code for a sticker yet."""
    return [(each.charger_id, Place(each.evse, each.connector)) for each in station.connectors if not each.qr_code]


def _shown(station: Station) -> dict[str, Any]:
    return {name: getattr(station, name) for name in _SHOWN}


def _connector(row: Row) -> ConnectorForDrivers:
    status = row["status"] or "Unknown"
    reason = stations.hindrance(row, status)
    return ConnectorForDrivers(
        charger_id=row["charger_id"],
        charger_name=row["charger_name"],
        location=row["location"],
        evse=row["evse"],
        connector=row["connector"],
        label=row["label"],
        type=row["type"],
        current_type=row["current_type"],
        format=row["format"],
        max_power_w=row["max_power_w"],
        phases=row["phases"],
        qr_code=row["qr_code"] or "",
        status=status,
        startable=not reason,
        reason=reason,
    )


def _counted(connectors: Sequence[ConnectorForDrivers]) -> tuple[PlugCount, ...]:
    """How many there are of each kind, the strongest first."""
    kinds: dict[tuple[str, str, int | None], list[ConnectorForDrivers]] = {}
    for each in connectors:
        kinds.setdefault((each.type, each.current_type, each.max_power_w), []).append(each)
    return tuple(
        PlugCount(type=type_, current_type=current, max_power_w=power, total=len(members), free=_free(members))
        for (type_, current, power), members in sorted(kinds.items(), key=lambda kind: (-(kind[0][2] or 0), kind[0][:2]))
    )


def _free(connectors: Iterable[ConnectorForDrivers]) -> int:
    return sum(each.startable and each.status == FREE for each in connectors)
