"""SQL of which places should be in service, and of maintenance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from csms.core.ids import Place
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.upkeep.model.availability import Availability, Window

from .table import Table

WINDOWS = Table(Window, "maintenance_windows")

_NAMES = [field.name for field in attrs.fields(Availability)]
_SELECT = f"""
SELECT {", ".join("w." + name for name in _NAMES)} FROM availability_wishes w JOIN chargers c ON c.id = w.charger_id
WHERE w.tenant = :tenant AND c.tenant = :tenant AND c.removed_at IS NULL AND c.created_at = w.charger_created_at"""  # noqa: S608
_SAVE = (
    f"INSERT INTO availability_wishes (tenant, {', '.join(_NAMES)})"  # noqa: S608 (columns of a noun)
    f" VALUES (:tenant, {', '.join(':' + name for name in _NAMES)})"
    " ON CONFLICT (charger_id, evse, connector) DO UPDATE SET tenant = excluded.tenant, "
    + ", ".join(f"{name} = excluded.{name}" for name in _NAMES if name not in ("charger_id", "evse", "connector"))
)


def of_place(tx: ReadTx, charger_id: str, place: Place) -> Availability | None:
    """What is wanted of a place, if anything was ever."""
    row = tx.one(
        _SELECT + " AND w.charger_id = :charger_id AND w.evse = :evse AND w.connector = :connector",
        charger_id=charger_id,
        evse=place.evse,
        connector=place.connector,
    )
    return None if row is None else Availability(**row)


def of_charger(tx: ReadTx, charger_id: str) -> list[Availability]:
    """What is wanted of a charger's places, the whole first."""
    rows = tx.all(_SELECT + " AND w.charger_id = :charger_id ORDER BY w.evse, w.connector", charger_id=charger_id)
    return [Availability(**row) for row in rows]


def everything(tx: ReadTx, *, after: tuple[str, int, int] = ("", -1, -1), limit: int = 500) -> list[Availability]:
    """What is wanted of all chargers' places, by charger and place, a page after one."""
    rows = tx.all(
        _SELECT
        + """ AND (w.charger_id > :charger_id OR (w.charger_id = :charger_id AND (w.evse > :evse
            OR (w.evse = :evse AND w.connector > :connector))))
        ORDER BY w.charger_id, w.evse, w.connector LIMIT :limit""",
        charger_id=after[0],
        evse=after[1],
        connector=after[2],
        limit=limit,
    )
    return [Availability(**row) for row in rows]


def save(tx: Tx, known: Availability) -> None:
    """Store what is wanted of a place and how far it is."""
    tx.run(_SAVE, **attrs.asdict(known) | {"wished": int(known.wished), "operative": int(known.operative)})


def due(tx: ReadTx, limit: int) -> Sequence[Row]:
    """``charger_id`` and ``tenant`` of connected and accepted chargers, of all tenants, of which a place is to be looked at."""
    return tx.system("availability of all tenants is told by one task").all(
        """
        SELECT w.charger_id, w.tenant FROM availability_wishes w JOIN chargers c ON c.id = w.charger_id
        WHERE w.due_at <= :now AND c.tenant = w.tenant AND c.created_at = w.charger_created_at AND c.connection_id <> ''
            AND c.registration = 'accepted' AND c.approval = 'accepted' AND c.removed_at IS NULL
        GROUP BY w.charger_id, w.tenant ORDER BY min(w.due_at), w.charger_id LIMIT :limit""",
        limit=limit,
    )


# --- maintenance ------------------------------------------------------------------------------------------------------------------


def window(tx: ReadTx, window_id: int) -> Window | None:
    """One window of maintenance."""
    return WINDOWS.one(tx, "AND id = :window_id", window_id=window_id)


def running(tx: ReadTx, charger_id: str, place: Place) -> Window | None:
    """The window that runs at this very place, the one that ends last."""
    return WINDOWS.one(
        tx,
        "AND charger_id = :charger_id AND evse = :evse AND connector = :connector AND state = 'running'"
        " ORDER BY until_at DESC LIMIT 1",
        charger_id=charger_id,
        evse=place.evse,
        connector=place.connector,
    )


def turning(tx: ReadTx, limit: int) -> Sequence[Window]:
    """Windows that are to begin or to end now."""
    return WINDOWS.all(tx, "AND next_at <= :now ORDER BY next_at, id LIMIT :limit", now=tx.now, limit=limit)


def list_windows(tx: ReadTx, *, charger_id: str | None = None, is_open: bool | None = None, limit: int = 50) -> Sequence[Window]:
    """Windows, the newest first."""
    where, parameters = [""], dict[str, Any](limit=limit)
    if charger_id is not None:
        where.append("charger_id = :charger_id")
        parameters["charger_id"] = charger_id
    if is_open is not None:
        where.append("next_at IS NOT NULL" if is_open else "next_at IS NULL")
    return WINDOWS.all(tx, " AND ".join(where) + " ORDER BY id DESC LIMIT :limit", **parameters)
