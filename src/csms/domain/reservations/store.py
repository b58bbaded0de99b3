"""SQL of the reservations slice."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import attrs

from csms.core.ports import ReadTx, Row, Tx

from .model import MAX_RESERVATION_ID, Reservation

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


@attrs.frozen(slots=True, kw_only=True)
class Filter:
    """Which reservations to list. ``open`` True takes those that may stand, False those that ended."""

    state: str | None = None
    charger_id: str | None = None
    token: str | None = None
    open: bool | None = None


def page(tx: ReadTx, which: Filter, *, before: int | None = None, limit: int = 100) -> Sequence[Reservation]:
    """At most ``limit`` reservations, the newest id first; ``before`` is the last id of the page before this one."""
    conditions: list[str] = []
    values: dict[str, Any] = {"limit": limit}
    if which.state is not None:
        conditions.append("state = :state")
        values["state"] = which.state
    if which.charger_id is not None:
        conditions.append("charger_id = :charger_id")
        values["charger_id"] = which.charger_id
    if which.token is not None:
        conditions.append("token_folded = :token_folded")
        values["token_folded"] = which.token.casefold()
    if which.open is not None:
        conditions.append("ended_at IS NULL" if which.open else "ended_at IS NOT NULL")
    if before is not None:
        conditions.append("id < :before")
        values["before"] = before
    sql = _SELECT + "".join(f" AND {condition}" for condition in conditions) + " ORDER BY id DESC LIMIT :limit"
    return [_reservation(row) for row in tx.all(sql, **values)]
