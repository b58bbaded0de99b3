"""SQL of which places should be in service, and of maintenance."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import attrs

from csms.core.ids import Place
from csms.core.paging import Page
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, at_chargers, first, page, whether
from csms.domain.upkeep.model.availability import (
    Availability,
    AvailabilityQuery,
    PlaceAvailability,
    Window,
    WindowsQuery,
    shown,
)

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


# --- lists ----------------------------------------------------------------------------------------------------------------------

PLACES = Listing(
    columns=", ".join("w." + name for name in _NAMES),
    source="availability_wishes w JOIN chargers c ON c.id = w.charger_id WHERE w.tenant = :tenant AND c.tenant = :tenant"
    " AND c.removed_at IS NULL AND c.created_at = w.charger_created_at",
    filters={
        **at_chargers("w.charger_id"),
        "operative": "w.operative = :operative",
        "state": "w.state = :state",
    },
    search="lower(w.charger_id) LIKE :search ESCAPE '!' OR lower(w.reason) LIKE :search ESCAPE '!'"
    " OR lower(w.set_by) LIKE :search ESCAPE '!'",
    sorts={"charger_id": "w.charger_id", "since_at": "w.since_at"},
    unique="w.charger_id, w.evse, w.connector",
)

WINDOWS_LISTED = Listing(
    columns=", ".join(WINDOWS.columns),
    source="maintenance_windows WHERE tenant = :tenant",
    filters={
        **at_chargers("charger_id"),
        "state": "state = :state",
        "to_come": "next_at IS NOT NULL",
        "past": "next_at IS NULL",
        "from_at": "until_at >= :from_at",
        "to_at": "from_at < :to_at",
    },
    search="lower(charger_id) LIKE :search ESCAPE '!' OR lower(reason) LIKE :search ESCAPE '!' OR lower(set_by) LIKE :search ESCAPE '!'",
    sorts={"created_at": "id", "from_at": "from_at"},  # they are numbered as they are planned
    unique="id",
)


def _place(row: Row) -> PlaceAvailability:
    return shown(Availability(**row))


def page_of_places(tx: ReadTx, query: AvailabilityQuery, stations: Collection[int] | None = None) -> Page[PlaceAvailability]:
    """A page of places that somebody took out of service or put back; of chargers of ``stations`` only, unless that is None."""
    return page(tx, PLACES, query, _place, stations=stations)


def list_places(tx: ReadTx, query: AvailabilityQuery, limit: int) -> list[PlaceAvailability]:
    """The first places of a list, uncounted."""
    return first(tx, PLACES, query, _place, limit)


def page_of_windows(tx: ReadTx, query: WindowsQuery, stations: Collection[int] | None = None) -> Page[Window]:
    """A page of maintenance; of chargers of ``stations`` only, unless that is None."""
    return page(tx, WINDOWS_LISTED, query, WINDOWS.noun, **whether(query.open, "to_come", "past"), stations=stations)


def list_windows(tx: ReadTx, query: WindowsQuery, limit: int) -> list[Window]:
    """The first windows of a list, uncounted."""
    return first(tx, WINDOWS_LISTED, query, WINDOWS.noun, limit, **whether(query.open, "to_come", "past"))
