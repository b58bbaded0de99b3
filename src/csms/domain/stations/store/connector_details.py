"""SQL of what connectors are, and of the codes on their stickers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from csms.core.ids import Place
from csms.core.paging import Page, Stretch
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, conditions, page, stretch
from csms.domain.stations.model import (
    ConnectorDetail,
    ConnectorQuery,
    ConnectorState,
    SheetQuery,
    StatusHistoryQuery,
    StatusRow,
)

_UNKNOWN = "Unknown"

_COLUMNS = """d.charger_id, c.name AS charger_name, c.station_id, s.name AS station_name, d.evse, d.connector, d.label,
    e.label AS evse_id, d.type, d.current_type, d.format, d.max_power_w, d.phases, d.qr_code, k.status, k.error_code, k.info,
    k.vendor_error_code, k.since_at, k.reported_at"""
_JOINS = """connector_details d JOIN chargers c ON c.id = d.charger_id
    LEFT JOIN connectors k ON k.charger_id = d.charger_id AND k.evse = d.evse AND k.connector = d.connector"""
_SOURCE = (
    f"{_JOINS} LEFT JOIN stations s ON s.id = c.station_id LEFT JOIN evses e ON e.charger_id = d.charger_id AND e.evse = d.evse"
    " WHERE d.tenant = :tenant"
)

_LISTING = Listing(
    columns=_COLUMNS,
    source=_SOURCE,
    count_source=f"{_JOINS} WHERE d.tenant = :tenant",
    filters={
        "station_id": "c.station_id = :station_id",
        "stations": "c.station_id IN ({stations})",
        "charger_id": "d.charger_id = :charger_id",
        "status": "k.status = :status AND k.tenant = :tenant",
        "unheard": "k.status IS NULL OR k.status = 'Unknown'",
        "type": "d.type = :type AND d.type <> ''",
        "current_type": "d.current_type = :current_type",
        "min_power_w": "d.max_power_w >= :min_power_w",
        "evse": "d.evse = :evse",
        "connector": "d.connector = :connector",
    },
    search="lower(d.charger_id) LIKE :search ESCAPE '!' OR lower(c.name) LIKE :search ESCAPE '!'"
    " OR lower(d.label) LIKE :search ESCAPE '!'",
    sorts={"charger_id": "d.charger_id", "max_power_w": "coalesce(d.max_power_w, 0)"},
    unique="d.charger_id, d.evse, d.connector",
)
_ORDER = " ORDER BY d.charger_id, d.evse, d.connector LIMIT :limit OFFSET :skipped"


def page_of_connectors(tx: ReadTx, query: ConnectorQuery, **fixed: Any) -> Page[ConnectorDetail]:
    """A page of connectors. Two statements."""
    if query.status == _UNKNOWN:
        query, fixed = attrs.evolve(query, status=None), {**fixed, "unheard": True}
    return page(tx, _LISTING, query, _detail, **fixed)


def connector(tx: ReadTx, charger_id: str, place: Place) -> ConnectorDetail | None:
    """One connector."""
    fixed = {"charger_id": charger_id, "evse": place.evse, "connector": place.connector}
    where, parameters = conditions(_LISTING, ConnectorQuery(), fixed)
    row = tx.one(f"SELECT {_COLUMNS} FROM {_SOURCE}{where}", **parameters)  # noqa: S608 (our own text)
    return None if row is None else _detail(row)


def for_sheet(tx: ReadTx, query: SheetQuery, stations: frozenset[int] | None, limit: int) -> Sequence[ConnectorDetail]:
    """The connectors of one sheet of codes, in the order of their chargers."""
    where, parameters = conditions(_LISTING, query, {"stations": stations})
    parameters |= {"limit": limit, "skipped": (query.page - 1) * limit}
    return [_detail(row) for row in tx.all(f"SELECT {_COLUMNS} FROM {_SOURCE}{where}{_ORDER}", **parameters)]  # noqa: S608 (our own text)


def states_of(tx: ReadTx, charger_ids: Sequence[str]) -> Mapping[str, tuple[ConnectorState, ...]]:
    """The connectors of several chargers, in short. One statement."""
    if not charger_ids:
        return {}
    names = {f"charger_{number}": charger_id for number, charger_id in enumerate(charger_ids)}
    rows = tx.all(
        f"""
        SELECT d.charger_id, d.evse, d.connector, d.label, d.type, d.current_type, d.max_power_w, k.status, k.since_at
        FROM connector_details d
            LEFT JOIN connectors k ON k.charger_id = d.charger_id AND k.evse = d.evse AND k.connector = d.connector
        WHERE d.tenant = :tenant AND d.charger_id IN ({", ".join(f":{name}" for name in names)})
        ORDER BY d.charger_id, d.evse, d.connector""",  # noqa: S608 (names of parameters)
        **names,
    )
    found: dict[str, list[ConnectorState]] = {}
    for row in rows:
        state = ConnectorState(
            evse=row["evse"],
            connector=row["connector"],
            label=row["label"],
            type=row["type"],
            current_type=row["current_type"],
            max_power_w=row["max_power_w"],
            status=row["status"] or _UNKNOWN,
            since_at=row["since_at"],
        )
        found.setdefault(row["charger_id"], []).append(state)
    return {charger_id: tuple(states) for charger_id, states in found.items()}


def insert_details(tx: Tx, charger_id: str, place: Place) -> bool:
    """Make the row of a connector; False when it has one."""
    touched = tx.run(
        """
        INSERT INTO connector_details (charger_id, evse, connector, tenant, added_at)
        VALUES (:charger_id, :evse, :connector, :tenant, :now) ON CONFLICT DO NOTHING""",
        charger_id=charger_id,
        evse=place.evse,
        connector=place.connector,
    )
    return touched > 0


_CHANGE = {
    column: f"UPDATE connector_details SET {column} = :value"  # noqa: S608 (a closed list of columns)
    " WHERE charger_id = :charger_id AND evse = :evse AND connector = :connector AND tenant = :tenant"
    for column in ("label", "type", "current_type", "format", "max_power_w", "phases")
}


def change_details(tx: Tx, charger_id: str, place: Place, column: str, value: str | int | None) -> None:
    """Set one of the columns that an operator may set."""
    tx.run(_CHANGE[column], charger_id=charger_id, evse=place.evse, connector=place.connector, value=value)


def delete_details(tx: Tx, charger_id: str, place: Place) -> None:
    """Forget a connector that never spoke."""
    tx.run(
        "DELETE FROM connector_details"
        " WHERE charger_id = :charger_id AND evse = :evse AND connector = :connector AND tenant = :tenant",
        charger_id=charger_id,
        evse=place.evse,
        connector=place.connector,
    )


# --- codes ----------------------------------------------------------------------------------------------------------------------


def give_code(tx: Tx, charger_id: str, place: Place, code: str, *, anew: bool = False) -> None:
    """Give a connector a code, unless it has one (or ``anew``), or another has this very code."""
    tx.run(
        """
        UPDATE connector_details SET qr_code = :code
        WHERE charger_id = :charger_id AND evse = :evse AND connector = :connector AND tenant = :tenant
            AND (qr_code IS NULL OR 1 = :anew) AND NOT EXISTS (SELECT 1 FROM connector_details o WHERE o.qr_code = :code)""",
        charger_id=charger_id,
        evse=place.evse,
        connector=place.connector,
        code=code,
        anew=int(anew),
    )


UNDER_WAY = """EXISTS (SELECT 1 FROM transactions g
        WHERE g.tenant = c.tenant AND g.charger_id = d.charger_id AND g.closed_at IS NULL AND g.evse = d.evse AND g.token <> '') AS under_way"""
"""Whether somebody charges at the EVSE of the connector ``d`` of the charger ``c``: what only a cable began is nobody's yet."""

_START = f"""
SELECT c.tenant, t.name AS tenant_name, t.currency, t.time_zone AS tenant_zone, c.id AS charger_id, c.name AS charger_name, c.location,
    c.approval, c.connection_id, s.id AS station_id, s.name AS station_name, s.status AS station_status, s.address, s.city,
    s.postal_code, s.time_zone, d.qr_code, d.evse, d.connector, d.label, d.type, d.current_type, d.max_power_w, d.phases, k.status,
    w.status AS whole_status, {UNDER_WAY}
FROM connector_details d JOIN chargers c ON c.id = d.charger_id JOIN tenants t ON t.id = c.tenant
    LEFT JOIN stations s ON s.id = c.station_id
    LEFT JOIN connectors k ON k.charger_id = d.charger_id AND k.evse = d.evse AND k.connector = d.connector
    LEFT JOIN connectors w ON w.charger_id = d.charger_id AND w.evse = 0 AND w.connector = 0
WHERE d.qr_code = :code AND c.removed_at IS NULL"""  # noqa: S608 (our own text)


def behind_code(tx: ReadTx, code: str) -> Row | None:
    """What the street may know of the connector with a code, whosever it is."""
    return tx.system("a code is looked up before its tenant is known").one(_START, code=code)


# --- status history -------------------------------------------------------------------------------------------------------------

_HISTORY_LISTING = Listing(
    columns="id, charger_id, evse, connector, status, status_raw, error_code, info, vendor_id, vendor_error_code, reported_at,"
    " received_at, applied",
    source="connector_status_history WHERE charger_id = :charger_id AND tenant = :tenant",
    filters={
        "charger_id": "1 = 1",  # it stands in the source, for the index
        "evse": "evse = :evse",
        "connector": "connector = :connector",
        "status": "status = :status",
        "from_at": "reported_at >= :from_at",
        "to_at": "reported_at < :to_at",
    },
    search="lower(status_raw) LIKE :search ESCAPE '!' OR lower(error_code) LIKE :search ESCAPE '!'"
    " OR lower(info) LIKE :search ESCAPE '!' OR lower(vendor_error_code) LIKE :search ESCAPE '!'",
    unique="id",
)


def status_history(tx: ReadTx, query: StatusHistoryQuery, charger_id: str) -> Stretch[StatusRow]:
    """The status history of a charger, the newest row first. One statement."""
    return stretch(
        tx, _HISTORY_LISTING, query, lambda row: StatusRow(**{**row, "applied": bool(row["applied"])}), charger_id=charger_id
    )


def _detail(row: Row) -> ConnectorDetail:
    plain = dict(row)
    for name in ("station_name", "evse_id", "qr_code", "error_code", "info", "vendor_error_code"):
        plain[name] = row[name] or ""
    return ConnectorDetail(**{**plain, "status": row["status"] or _UNKNOWN})
