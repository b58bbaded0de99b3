"""SQL of stations as drivers look for them: those that are theirs to see, and the connectors there."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from csms.core.paging import Page
from csms.core.ports import ReadTx, Row
from csms.domain.drivers.model import StationsForDriversQuery
from csms.domain.stations.model import Station
from csms.domain.stations.store import STATIONS, UNDER_WAY, page_of_stations

# the stations that take everybody, and those that somebody let this driver, a token of theirs or its group into; who was let in
# somewhere by name may charge nowhere else (see ``service.grants``)
_SEEN = """s.access = 'open' AND NOT EXISTS (SELECT 1 FROM grants y WHERE y.tenant = :tenant AND y.driver_id = :seen_by) OR EXISTS (
    SELECT 1 FROM grants x WHERE x.tenant = :tenant AND (x.station_id = s.id OR x.station_group_id = s.station_group_id) AND (
        x.driver_id = :seen_by
        OR x.token_id IN (SELECT t.id FROM tokens t WHERE t.driver_id = :seen_by AND t.tenant = :tenant AND t.removed_at IS NULL)
        OR x.token_group_id IN
            (SELECT t.token_group_id FROM tokens t WHERE t.driver_id = :seen_by AND t.tenant = :tenant AND t.removed_at IS NULL)))"""
_FAVOURITE = "s.id IN (SELECT f.station_id FROM driver_favourites f WHERE f.tenant = :tenant AND f.driver_id = :favourite_of)"
_CONNECTORS = """connector_details d JOIN chargers c ON c.id = d.charger_id
    LEFT JOIN connectors k ON k.charger_id = d.charger_id AND k.evse = d.evse AND k.connector = d.connector
    LEFT JOIN connectors w ON w.charger_id = d.charger_id AND w.evse = 0 AND w.connector = 0"""
_FREE = """k.status = 'Available' AND s.status = 'active' AND c.approval = 'accepted' AND c.connection_id <> ''
    AND COALESCE(w.status, '') NOT IN ('Unavailable', 'Faulted')"""
_ASKED = {
    "type": "d.type = :type",
    "current_type": "d.current_type = :current_type",
    "min_power_w": "d.max_power_w >= :min_power_w",
    "free": _FREE,
}
_FILTERS = {**STATIONS.filters, "there": "s.status <> 'decommissioned'", "seen_by": _SEEN, "favourite_of": _FAVOURITE}


def stations_for(tx: ReadTx, driver_id: int, query: StationsForDriversQuery) -> Page[Station]:
    """A page of the stations that a driver may see; around a point, the nearest first. At most two statements."""
    asked = {name: part for name, part in _ASKED.items() if getattr(query, name)}
    filters = dict(_FILTERS)
    if asked:
        # one connector must be all that is asked, so this is one condition, whichever of the fields stands for it
        one = f"EXISTS (SELECT 1 FROM {_CONNECTORS} WHERE d.tenant = :tenant AND c.station_id = s.id AND {' AND '.join(asked.values())})"  # noqa: S608 (our own text)
        filters |= dict.fromkeys(asked, "1 = 1") | {next(iter(asked)): one}
    return page_of_stations(
        tx,
        query,
        listing=attrs.evolve(STATIONS, filters=filters),
        there=True,
        seen_by=driver_id,
        favourite_of=driver_id if query.favourite else None,
    )


def may_see(tx: ReadTx, driver_id: int, station_id: int) -> bool:
    """Whether a station is there for a driver to see."""
    sql = f"SELECT 1 FROM stations s WHERE s.tenant = :tenant AND s.id = :station_id AND ({_SEEN})"  # noqa: S608 (our own text)
    return tx.value(sql, station_id=station_id, seen_by=driver_id) is not None


def favourites_among(tx: ReadTx, driver_id: int, station_ids: Sequence[int]) -> frozenset[int]:
    """Which of some stations are a driver's favourites."""
    listed, names = _listed(station_ids)
    sql = f"SELECT station_id FROM driver_favourites WHERE tenant = :tenant AND driver_id = :driver_id AND station_id IN ({listed})"  # noqa: S608 (names of parameters)
    return frozenset(row["station_id"] for row in tx.all(sql, driver_id=driver_id, **names))


def connectors_at(tx: ReadTx, station_ids: Sequence[int]) -> Sequence[Row]:
    """The connectors of some stations, in the order of their chargers. One statement."""
    listed, names = _listed(station_ids)
    return tx.all(
        f"""
        SELECT c.station_id, s.status AS station_status, c.approval, c.connection_id, w.status AS whole_status, d.charger_id,
            c.name AS charger_name, c.location, d.evse, d.connector, d.label, d.type, d.current_type, d.format, d.max_power_w, d.phases,
            d.qr_code, k.status, {UNDER_WAY}
        FROM {_CONNECTORS} JOIN stations s ON s.id = c.station_id
        WHERE d.tenant = :tenant AND c.station_id IN ({listed}) ORDER BY d.charger_id, d.evse, d.connector""",  # noqa: S608 (names of parameters)
        **names,
    )


def _listed(station_ids: Sequence[int]) -> tuple[str, dict[str, int]]:
    names = {f"station_{number}": station_id for number, station_id in enumerate(station_ids)}
    return ", ".join(f":{name}" for name in names) or "NULL", names
