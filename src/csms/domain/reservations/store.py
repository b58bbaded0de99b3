"""SQL of the reservations slice."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

import attrs

from csms.core.paging import Page
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, at_chargers, first, page, whether

from .model import MAX_RESERVATION_ID, PUBLIC, Reservation, ReservationItem, ReservationsQuery

COLUMNS = tuple(field.name for field in attrs.fields(Reservation))
_WRITTEN = tuple(name for name in COLUMNS if name != "id")

# The names in these texts are Reservation's own fields.
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM reservations WHERE tenant = :tenant"  # noqa: S608
_INSERT = (
    f"INSERT INTO reservations (tenant, token_folded, {', '.join(_WRITTEN)})"  # noqa: S608
    f" VALUES (:tenant, :token_folded, {', '.join(':' + name for name in _WRITTEN)}) RETURNING id"
)


def _reservation(row: Row) -> Reservation:
    return Reservation(**{name: row[name] for name in COLUMNS})


def _stored(subject: Reservation) -> dict[str, Any]:
    values = {name: getattr(subject, name) for name in _WRITTEN}
    return values | {"shown": int(subject.shown), "token_folded": subject.token.casefold()}


def insert(tx: Tx, new: Reservation) -> int:
    """Store a new reservation; its id."""
    found: int = tx.value(_INSERT, **_stored(new))
    return found


def save(tx: Tx, stored: Reservation, changed: Reservation) -> None:
    """Store what changed of a reservation."""
    before = _stored(stored)
    changes = {name: value for name, value in _stored(changed).items() if value != before[name]}
    tx.run(_update(tuple(changes)), id=changed.id, **changes)


@lru_cache(maxsize=128)
def _update(names: tuple[str, ...]) -> str:
    return f"UPDATE reservations SET {', '.join(f'{name} = :{name}' for name in names)} WHERE tenant = :tenant AND id = :id"  # noqa: S608


def by_id(tx: ReadTx, reservation_id: int) -> Reservation | None:
    """The reservation of that id; None also for a number that can be no id."""
    if not 0 < reservation_id <= MAX_RESERVATION_ID:
        return None
    row = tx.one(f"{_SELECT} AND id = :id", id=reservation_id)
    return None if row is None else _reservation(row)


def open_of(tx: ReadTx, charger_id: str) -> Sequence[Reservation]:
    """Every reservation of a charger that may stand, the oldest first."""
    found = [
        _reservation(row) for row in tx.all(f"{_SELECT} AND charger_id = :charger_id AND ended_at IS NULL", charger_id=charger_id)
    ]
    return sorted(found, key=lambda each: each.id)


def overdue(tx: ReadTx, limit: int) -> Sequence[Reservation]:
    """Open reservations whose time has passed, the most overdue first."""
    sql = f"{_SELECT} AND ended_at IS NULL AND expires_at <= :now ORDER BY expires_at, id LIMIT :limit"
    return [_reservation(row) for row in tx.all(sql, now=tx.now, limit=limit)]


_TO_ASK = """
SELECT id, tenant, charger_id, ask_at FROM reservations
WHERE ask_at IS NOT NULL AND ask_at <= :now AND (ask_at > :after_at OR (ask_at = :after_at AND id > :after_id))
ORDER BY ask_at, id LIMIT :limit"""


def to_ask(tx: ReadTx, *, after_at: int, after_id: int, limit: int) -> Sequence[Row]:
    """Whose charger is to be asked again, of every tenant, page by page: id, tenant, charger_id, ask_at."""
    system = tx.system("reservations of every tenant are asked about again")
    return system.all(_TO_ASK, now=tx.now, after_at=after_at, after_id=after_id, limit=limit)


# --- lists ----------------------------------------------------------------------------------------------------------------------

RESERVATIONS = Listing(
    columns=", ".join(PUBLIC),
    source="reservations WHERE tenant = :tenant",
    filters={
        **at_chargers("charger_id"),
        "state": "state = :state",
        "folded": "token_folded = :folded",
        "driver_id": "driver_id = :driver_id",
        "standing": "ended_at IS NULL",
        "ended": "ended_at IS NOT NULL",
        "from_at": "expires_at >= :from_at",
        "to_at": "expires_at < :to_at",
    },
    search="lower(charger_id) LIKE :search ESCAPE '!' OR token_folded LIKE :search ESCAPE '!' OR lower(note) LIKE :search ESCAPE '!'",
    sorts={"created_at": "id", "expires_at": "expires_at"},  # they are numbered as they are made
    unique="id",
)


def _more(query: ReservationsQuery) -> dict[str, Any]:
    folded = None if query.token is None else query.token.casefold()
    return {"folded": folded, **whether(query.open, "standing", "ended")}


def _item(row: Row) -> ReservationItem:
    return ReservationItem(**row)


def page_of_reservations(tx: ReadTx, query: ReservationsQuery, stations: Collection[int] | None = None) -> Page[ReservationItem]:
    """A page of reservations; of those at chargers of ``stations`` only, unless that is None."""
    return page(tx, RESERVATIONS, query, _item, **_more(query), stations=stations)


def reservations(tx: ReadTx, query: ReservationsQuery, limit: int) -> list[ReservationItem]:
    """The first reservations of a list, uncounted."""
    return first(tx, RESERVATIONS, query, _item, limit, **_more(query))
