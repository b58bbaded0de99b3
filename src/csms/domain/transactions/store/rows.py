"""Transactions as rows: found by what a charger says of them, inserted and saved whole."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import attrs

from csms.core.ids import MAX_TRANSACTION_ID
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.transactions.clocks import said
from csms.domain.transactions.model import ACCEPTED, NEXT_START, Transaction

COLUMNS = tuple(field.name for field in attrs.fields(Transaction))
_NAMES = ", ".join(COLUMNS)
_WRITTEN = tuple(name for name in COLUMNS if name != "id")

# The names in these texts are Transaction's own fields.
SELECT = f"SELECT {_NAMES} FROM transactions WHERE tenant = :tenant"  # noqa: S608
# Where the charger stands is kept, for it may stand elsewhere later.
_INSERT = (
    f"INSERT INTO transactions (tenant, token_folded, station_id, {', '.join(_WRITTEN)})"  # noqa: S608
    " VALUES (:tenant, :token_folded, (SELECT station_id FROM chargers WHERE id = :charger_id AND tenant = :tenant),"
    f" {', '.join(':' + name for name in _WRITTEN)}) RETURNING id"
)


def transaction(row: Row) -> Transaction:
    """The noun of a row."""
    return Transaction(**{name: row[name] for name in COLUMNS})


def _one(tx: ReadTx, sql: str, **parameters: Any) -> Transaction | None:
    row = tx.one(sql, **parameters)
    return None if row is None else transaction(row)


def _all(tx: ReadTx, sql: str, **parameters: Any) -> Sequence[Transaction]:
    return [transaction(row) for row in tx.all(sql, **parameters)]


def _parameters(subject: Transaction) -> dict[str, Any]:
    return {name: getattr(subject, name) for name in COLUMNS} | {
        "token_folded": subject.token.casefold(),
        "offline": int(subject.offline),
    }


def insert(tx: Tx, new: Transaction) -> int:
    """Store a new transaction; its id."""
    parameters = _parameters(new)
    del parameters["id"]
    found: int = tx.value(_INSERT, **parameters)
    return found


def save(tx: Tx, stored: Transaction, changed: Transaction) -> None:
    """Store what changed of a transaction. Only that: every column named in an UPDATE costs the indexes that it is in."""
    changes = {name: value for name in COLUMNS if (value := getattr(changed, name)) != getattr(stored, name)}
    if "token" in changes:
        changes["token_folded"] = changed.token.casefold()
    if "offline" in changes:
        changes["offline"] = int(changed.offline)
    tx.run(_update(tuple(changes)), id=changed.id, **changes)


@lru_cache(maxsize=256)
def _update(names: tuple[str, ...]) -> str:
    return f"UPDATE transactions SET {', '.join(f'{name} = :{name}' for name in names)} WHERE tenant = :tenant AND id = :id"  # noqa: S608


# --- found by what is said of them ----------------------------------------------------------------------------------------------


def by_id(tx: ReadTx, transaction_id: int) -> Transaction | None:
    """The transaction of that id, of whatever charger; None also for a number that can be no id."""
    if not 0 < transaction_id <= MAX_TRANSACTION_ID:
        return None
    return _one(tx, f"{SELECT} AND id = :id", id=transaction_id)


def of_charger(tx: ReadTx, charger_id: str, transaction_id: int) -> Transaction | None:
    """The transaction of that id, if it is the charger's."""
    found = by_id(tx, transaction_id)
    return found if found is not None and found.charger_id == charger_id else None


def by_reference(tx: ReadTx, charger_id: str, reference: str) -> Transaction | None:
    """The transaction that the charger calls so (2.x)."""
    return _one(
        tx,
        f"{SELECT} AND charger_id = :charger_id AND reference = :reference AND reference <> ''",
        charger_id=charger_id,
        reference=reference,
    )


def by_start(
    tx: ReadTx, charger_id: str, *, evse: int, token: str, started_at: int, started_at_raw: str, meter_start_wh: int | None
) -> Transaction | None:
    """The transaction that this start told of before (1.6).

    A time that cannot be trusted may be the same at every start, so with such a time it is a repeat only while that transaction runs or
    its stop is not known, or where the register has moved on since and could not show the same again. One of a time that we came to
    distrust keeps it raw.
    """
    start = {"charger_id": charger_id, "evse": evse, "token_folded": token.casefold(), "meter_start_wh": meter_start_wh}
    if started_at_raw:
        return _one(tx, _BY_RAW_START + _STILL, started_at_raw=started_at_raw, started_at=started_at, **start)
    found = _one(tx, _BY_START, started_at=started_at, **start)
    return found or _one(tx, _BY_RAW_START, started_at_raw=said(started_at), **start)


_START = "evse = :evse AND token_folded = :token_folded AND meter_start_wh IS NOT DISTINCT FROM :meter_start_wh AND reference = ''"
_BY_START = f"{SELECT} AND charger_id = :charger_id AND {_START} AND started_at_raw = '' AND started_at = :started_at"
_BY_RAW_START = f"{SELECT} AND charger_id = :charger_id AND started_at_raw = :started_at_raw AND started_at_raw <> '' AND {_START}"
_STILL = (
    " AND (started_at = :started_at OR closed_at IS NULL OR stop_source = 'estimated'"
    " OR (meter_start_wh > 0 AND energy_wh > 0 AND energy_basis = 'register'))"
)


def begins_alike(tx: ReadTx, changed: Transaction) -> bool:
    """Whether another transaction has the start that this one would have after a change: then it must stay as it is."""
    found = tx.value(
        "SELECT id FROM transactions WHERE tenant = :tenant AND charger_id = :charger_id AND evse = :evse AND token_folded = :token"
        " AND started_at = :started_at AND meter_start_wh = :meter_start_wh AND started_at_raw = :raw AND reference = '' AND id <> :id",
        charger_id=changed.charger_id,
        evse=changed.evse,
        token=changed.token.casefold(),
        started_at=changed.started_at,
        meter_start_wh=changed.meter_start_wh,
        raw=changed.started_at_raw,
        id=changed.id,
    )
    return found is not None


_RECENT = """
SELECT id, stopped_at, stop_source, stop_reason, token_status FROM transactions
WHERE tenant = :tenant AND charger_id = :charger_id AND evse = :evse AND started_at <= :at
ORDER BY started_at DESC, id DESC LIMIT 8"""


def covering(tx: ReadTx, charger_id: str, evse: int, at: int) -> Transaction | None:
    """The transaction that was going on at an EVSE at an instant: the last that may charge to start before it, unless it had ended.

    One that the next start ended goes on until that start, for nobody knows better. A refused one only where there is no other.
    """
    chosen: int | None = None
    for row in tx.all(_RECENT, charger_id=charger_id, evse=evse, at=at):
        ended = row["stopped_at"] is not None and row["stopped_at"] < at and row["stop_reason"] != NEXT_START
        if row["token_status"] in ("", ACCEPTED):
            chosen = chosen if ended else row["id"]
            break
        if chosen is None and not ended:
            chosen = row["id"]
    return None if chosen is None else by_id(tx, chosen)


_GOING_ON = f"{SELECT} AND charger_id = :charger_id AND closed_at IS NULL AND state <> 'pending_start'"


def open_at(tx: ReadTx, charger_id: str, evse: int) -> Sequence[Transaction]:
    """What goes on at an EVSE, the oldest first; remote starts that wait are not among it."""
    return sorted(_all(tx, f"{_GOING_ON} AND evse = :evse", charger_id=charger_id, evse=evse), key=_age)


def open_of(tx: ReadTx, charger_id: str) -> Sequence[Transaction]:
    """What goes on at a charger, the oldest first; remote starts that wait are not among it."""
    return sorted(_all(tx, _GOING_ON, charger_id=charger_id), key=_age)


def taken(tx: ReadTx, charger_id: str) -> frozenset[int]:
    """The EVSEs of a charger at which something goes on or a remote start waits."""
    sql = "SELECT DISTINCT evse FROM transactions WHERE tenant = :tenant AND charger_id = :charger_id AND closed_at IS NULL"
    return frozenset(row["evse"] for row in tx.all(sql, charger_id=charger_id)) - {0}


def _age(subject: Transaction) -> tuple[int, int]:
    return subject.started_at or 0, subject.id


def waiting_start(tx: ReadTx, charger_id: str, *, token: str, evse: int, started_at: int | None = None) -> Transaction | None:
    """The remote start that a start of this token at this EVSE answers: one for this very EVSE before one for any, then the oldest.

    ``started_at`` finds one that has expired too, if the start happened while it waited and only the news of it was late.
    """
    found = _one(tx, _WAITING, charger_id=charger_id, token_folded=token.casefold(), evse=evse)
    if found is not None or started_at is None:
        return found
    return _one(tx, _EXPIRED, charger_id=charger_id, token_folded=token.casefold(), evse=evse, started_at=started_at)


_WAITING = f"""
{SELECT} AND charger_id = :charger_id AND closed_at IS NULL AND state = 'pending_start' AND token_folded = :token_folded
    AND evse IN (0, :evse)
ORDER BY CASE WHEN evse = :evse THEN 0 ELSE 1 END, id LIMIT 1"""
_EXPIRED = f"""
{SELECT} AND charger_id = :charger_id AND state = 'expired' AND closed_at >= :started_at AND created_at <= :started_at
    AND started_at IS NULL AND token_folded = :token_folded AND evse IN (0, :evse)
ORDER BY CASE WHEN evse = :evse THEN 0 ELSE 1 END, id LIMIT 1"""


def asked_start(tx: ReadTx, charger_id: str, remote_start_id: int) -> Transaction | None:
    """The remote start that we gave this id, if no transaction came of it yet; it may have expired meanwhile."""
    return _one(
        tx,
        f"{SELECT} AND id = :id AND charger_id = :charger_id AND started_at IS NULL AND state IN ('pending_start', 'expired')",
        id=remote_start_id,
        charger_id=charger_id,
    )


_LATEST = f"""
SELECT {_NAMES} FROM (
    SELECT * FROM transactions WHERE tenant = :tenant AND charger_id = :charger_id ORDER BY id DESC LIMIT 64
) AS latest
WHERE reference = '' AND started_at IS NOT NULL"""  # noqa: S608


def latest(tx: ReadTx, charger_id: str) -> Sequence[Transaction]:
    """The latest transactions of a 1.6 charger that have started, in the order in which they began."""
    return sorted(_all(tx, _LATEST, charger_id=charger_id), key=_age)


def ended_by(
    tx: ReadTx, charger_id: str, *, stopped_at: int, stopped_at_raw: str, meter_stop_wh: int | None, reason: str, token: str
) -> Transaction | None:
    """That of the latest transactions of a 1.6 charger which this very stop ended."""
    time = "stopped_at_raw = :stopped_at_raw" if stopped_at_raw else "stopped_at = :stopped_at"
    said = {"stopped_at_raw": stopped_at_raw} if stopped_at_raw else {"stopped_at": stopped_at}
    return _one(
        tx,
        f"{_LATEST} AND stop_source = 'reported' AND {time}"
        " AND meter_stop_wh IS NOT DISTINCT FROM :meter_stop_wh AND stop_reason = :reason AND stop_token = :token",
        charger_id=charger_id,
        meter_stop_wh=meter_stop_wh,
        reason=reason,
        token=token,
        **said,
    )


def after(tx: ReadTx, charger_id: str, evse: int, at: int) -> Sequence[Transaction]:
    """The next few transactions that may charge and started at an EVSE after an instant, the earliest first."""
    sql = (
        f"{SELECT} AND charger_id = :charger_id AND evse = :evse AND started_at > :at AND token_status IN ('', 'Accepted')"
        " ORDER BY started_at, id LIMIT 8"
    )
    return _all(tx, sql, charger_id=charger_id, evse=evse, at=at)


# --- counted --------------------------------------------------------------------------------------------------------------------


def count_running(tx: ReadTx, token: str, *, besides: int, charger_id: str, evse: int, waiting: bool) -> int:
    """How many accepted transactions a token runs, besides one and besides those at an EVSE (a new start there ends them).

    With ``waiting``, remote starts that wait count too.
    """
    found: int = tx.value(
        _COUNT if waiting else _COUNT_STARTED,
        token_folded=token.casefold(),
        besides=besides,
        charger_id=charger_id,
        evse=evse,
    )
    return found


_COUNT = """
SELECT COUNT(*) FROM transactions
WHERE tenant = :tenant AND token_folded = :token_folded AND closed_at IS NULL AND token_status = 'Accepted' AND id <> :besides
    AND NOT (evse > 0 AND charger_id = :charger_id AND evse = :evse)"""
_COUNT_STARTED = f"{_COUNT} AND state <> 'pending_start'"


def runs_at(tx: ReadTx, charger_id: str, driver_id: int) -> bool:
    """Whether a transaction of a driver goes on at a charger."""
    found = tx.value(
        "SELECT id FROM transactions WHERE tenant = :tenant AND charger_id = :charger_id AND closed_at IS NULL"
        " AND started_at IS NOT NULL AND driver_id = :driver_id LIMIT 1",
        charger_id=charger_id,
        driver_id=driver_id,
    )
    return found is not None


def was_let_in(tx: ReadTx, transaction_id: int) -> bool:
    """Whether a transaction goes on already and its token was accepted."""
    found = tx.value(
        "SELECT id FROM transactions WHERE tenant = :tenant AND id = :id AND started_at IS NOT NULL AND token_status = 'Accepted'",
        id=transaction_id,
    )
    return found is not None


# --- due ------------------------------------------------------------------------------------------------------------------------


def overdue(tx: ReadTx, state: str, limit: int) -> Sequence[Transaction]:
    """Transactions of a state whose deadline has passed, the most overdue first."""
    return _all(
        tx,
        f"{SELECT} AND deadline_at <= :now AND state = :state ORDER BY deadline_at, id LIMIT :limit",
        now=tx.now,
        state=state,
        limit=limit,
    )
