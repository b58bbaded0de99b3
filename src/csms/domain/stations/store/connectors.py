"""SQL of EVSEs, connectors and their status history."""

from __future__ import annotations

from typing import Any

from csms.core.ids import Place
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.stations.model import Connector, Evse, StatusChange

from .connector_details import insert_details

_PRESENT = """
SELECT c.clock_drift_ms, c.connected_at, p.status, p.status_raw, p.error_code, p.vendor_error_code, p.reported_at
FROM chargers c LEFT JOIN connectors p ON p.charger_id = c.id AND p.evse = :evse AND p.connector = :connector
WHERE c.id = :charger_id AND c.tenant = :tenant AND c.removed_at IS NULL"""


def present(tx: ReadTx, charger_id: str, place: Place) -> Row | None:
    """A place's present status, all None where it never spoke; None when there is no such charger."""
    return tx.one(_PRESENT, charger_id=charger_id, evse=place.evse, connector=place.connector)


_INSERT_EVSE = """
INSERT INTO evses (charger_id, evse, tenant, added_at) VALUES (:charger_id, :evse, :tenant, :added_at) ON CONFLICT DO NOTHING"""

_INSERT_CONNECTOR = """
INSERT INTO connectors (charger_id, evse, connector, tenant, status, status_raw, error_code, info, vendor_id, vendor_error_code,
    reported_at, received_at, since_at)
VALUES (:charger_id, :evse, :connector, :tenant, :status, :status_raw, :error_code, :info, :vendor_id, :vendor_error_code,
    :reported_at, :received_at, :reported_at)"""


def insert_evse(tx: Tx, charger_id: str, evse: int) -> None:
    """Store an EVSE, unless it is known."""
    tx.run(_INSERT_EVSE, charger_id=charger_id, evse=evse, added_at=tx.now)


def insert_connector(tx: Tx, status: dict[str, Any]) -> None:
    """Store a place that spoke for the first time, with its EVSE."""
    if status["evse"]:
        insert_evse(tx, status["charger_id"], status["evse"])
    if status["evse"] and status["connector"]:
        insert_details(tx, status["charger_id"], Place(status["evse"], status["connector"]))
    tx.run(_INSERT_CONNECTOR, **status)


_UPDATE_CONNECTOR = """
UPDATE connectors SET status = :status, status_raw = :status_raw, error_code = :error_code, info = :info, vendor_id = :vendor_id,
    vendor_error_code = :vendor_error_code, reported_at = :reported_at, received_at = :received_at,
    since_at = CASE WHEN status = :status THEN since_at ELSE :reported_at END
WHERE charger_id = :charger_id AND evse = :evse AND connector = :connector AND tenant = :tenant"""


def update_connector(tx: Tx, status: dict[str, Any]) -> None:
    """Store a place's new present status."""
    tx.run(_UPDATE_CONNECTOR, **status)


_INSERT_HISTORY = """
INSERT INTO connector_status_history (tenant, charger_id, evse, connector, status, status_raw, error_code, info, vendor_id,
    vendor_error_code, reported_at, received_at, applied)
VALUES (:tenant, :charger_id, :evse, :connector, :status, :status_raw, :error_code, :info, :vendor_id,
    :vendor_error_code, :reported_at, :received_at, :applied)"""


def insert_history(tx: Tx, status: dict[str, Any], *, applied: bool) -> None:
    """Add a row to the status history."""
    tx.run(_INSERT_HISTORY, **status, applied=int(applied))


def history_has(tx: ReadTx, status: dict[str, Any]) -> bool:
    """Whether the history has this very status already: a queue that was sent twice."""
    found = tx.value(
        """
        SELECT 1 FROM connector_status_history
        WHERE charger_id = :charger_id AND tenant = :tenant AND reported_at = :reported_at AND evse = :evse
            AND connector = :connector AND status = :status AND error_code = :error_code
        LIMIT 1""",
        **{name: status[name] for name in ("charger_id", "reported_at", "evse", "connector", "status", "error_code")},
    )
    return found is not None


# --- lists ----------------------------------------------------------------------------------------------------------------------


def list_evses(tx: ReadTx, charger_id: str) -> list[Evse]:
    """The EVSEs of a charger."""
    rows = tx.all(
        "SELECT charger_id, evse, label FROM evses WHERE charger_id = :charger_id AND tenant = :tenant ORDER BY evse",
        charger_id=charger_id,
    )
    return [Evse(charger_id=row["charger_id"], evse=row["evse"], label=row["label"]) for row in rows]


def label_evse(tx: Tx, charger_id: str, evse: int, label: str) -> bool:
    """Set an EVSE's label; False when there is no such EVSE."""
    touched = tx.run(
        "UPDATE evses SET label = :label WHERE charger_id = :charger_id AND evse = :evse AND tenant = :tenant",
        charger_id=charger_id,
        evse=evse,
        label=label,
    )
    return touched > 0


def list_connectors(tx: ReadTx, charger_id: str) -> list[Connector]:
    """Every place of a charger that spoke of itself, the whole charger first."""
    rows = tx.all(_CONNECTORS, charger_id=charger_id)
    return [Connector(**_status(row), since_at=row["since_at"]) for row in rows]


_CONNECTORS = """
SELECT charger_id, evse, connector, status, status_raw, error_code, info, vendor_id, vendor_error_code, reported_at, received_at,
    since_at
FROM connectors WHERE charger_id = :charger_id AND tenant = :tenant ORDER BY evse, connector"""

_HISTORY = """
SELECT id, charger_id, evse, connector, status, status_raw, error_code, info, vendor_id, vendor_error_code, reported_at, received_at,
    applied
FROM connector_status_history
WHERE charger_id = :charger_id AND tenant = :tenant AND reported_at >= :since AND reported_at < :until"""


def list_history(
    tx: ReadTx, charger_id: str, *, since: int, until: int, place: Place | None = None, limit: int = 100
) -> list[StatusChange]:
    """The status history of a charger, or of one place of it, the newest first, within ``since <= reported_at < until``."""
    sql, parameters = _HISTORY, {"charger_id": charger_id, "since": since, "until": until, "limit": limit}
    if place is not None:
        sql += " AND evse = :evse AND connector = :connector"
        parameters |= {"evse": place.evse, "connector": place.connector}
    rows = tx.all(sql + " ORDER BY reported_at DESC, id DESC LIMIT :limit", **parameters)
    return [StatusChange(**_status(row), id=row["id"], applied=bool(row["applied"])) for row in rows]


def _status(row: Row) -> dict[str, Any]:
    return {
        "charger_id": row["charger_id"],
        "place": Place(row["evse"], row["connector"]),
        "status": row["status"],
        "status_raw": row["status_raw"],
        "error_code": row["error_code"],
        "info": row["info"],
        "vendor_id": row["vendor_id"],
        "vendor_error_code": row["vendor_error_code"],
        "reported_at": row["reported_at"],
        "received_at": row["received_at"],
    }
