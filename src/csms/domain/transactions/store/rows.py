"""Transactions as rows: found by what a charger says of them, inserted and saved whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from csms.core.ports import ReadTx, Row, Tx
from csms.domain.transactions.model import ACCEPTED, NEXT_START, Transaction

COLUMNS = tuple(field.name for field in attrs.fields(Transaction))
_NAMES = ", ".join(COLUMNS)
_CHANGING = tuple(name for name in COLUMNS if name not in ("id", "charger_id", "created_at"))
_WRITTEN = tuple(name for name in COLUMNS if name != "id")

# The names in these texts are Transaction's own fields.
SELECT = f"SELECT {_NAMES} FROM transactions WHERE tenant = :tenant"  # noqa: S608
_INSERT = (
    f"INSERT INTO transactions (tenant, token_folded, {', '.join(_WRITTEN)})"  # noqa: S608
    f" VALUES (:tenant, :token_folded, {', '.join(':' + name for name in _WRITTEN)}) RETURNING id"
)
_SAVE = (
    f"UPDATE transactions SET token_folded = :token_folded, {', '.join(f'{name} = :{name}' for name in _CHANGING)}"  # noqa: S608
    " WHERE tenant = :tenant AND id = :id"
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


def save(tx: Tx, changed: Transaction) -> None:
    """Store all that may change of a transaction."""
    parameters = _parameters(changed)
    for name in ("charger_id", "created_at"):
        del parameters[name]
    tx.run(_SAVE, **parameters)


# --- found by what is said of them ----------------------------------------------------------------------------------------------


def by_id(tx: ReadTx, transaction_id: int) -> Transaction | None:
    """The transaction of that id, of whatever charger."""
    return _one(tx, f"{SELECT} AND id = :id", id=transaction_id)


def of_charger(tx: ReadTx, charger_id: str, transaction_id: int) -> Transaction | None:
    """The transaction of that id, if it is the charger's."""
    return _one(tx, f"{SELECT} AND id = :id AND charger_id = :charger_id", id=transaction_id, charger_id=charger_id)


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

    A time that cannot be trusted may be the same at every start, so with such a time it is a repeat only while that transaction runs.
    """
    start = {"charger_id": charger_id, "evse": evse, "token_folded": token.casefold(), "meter_start_wh": meter_start_wh}
    same = (
        f"{SELECT} AND charger_id = :charger_id AND evse = :evse AND token_folded = :token_folded AND reference = ''"
        " AND meter_start_wh IS NOT DISTINCT FROM :meter_start_wh"
    )
    if started_at_raw:
        still = f"{same} AND started_at_raw = :started_at_raw AND (started_at = :started_at OR closed_at IS NULL)"
        return _one(tx, f"{still} ORDER BY id DESC LIMIT 1", started_at_raw=started_at_raw, started_at=started_at, **start)
    return _one(tx, f"{same} AND started_at_raw = '' AND started_at = :started_at", started_at=started_at, **start)


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


def open_at(tx: ReadTx, charger_id: str, evse: int) -> Sequence[Transaction]:
    """What goes on at an EVSE, the oldest first; remote starts that wait are not among it."""
    return _all(
        tx,
        f"{SELECT} AND charger_id = :charger_id AND evse = :evse AND closed_at IS NULL AND started_at IS NOT NULL"
        " ORDER BY started_at, id",
        charger_id=charger_id,
        evse=evse,
    )


def open_of(tx: ReadTx, charger_id: str) -> Sequence[Transaction]:
    """What goes on at a charger, the oldest first; remote starts that wait are not among it."""
    return _all(
        tx,
        f"{SELECT} AND charger_id = :charger_id AND closed_at IS NULL AND started_at IS NOT NULL ORDER BY started_at, id",
        charger_id=charger_id,
    )


def waiting_start(tx: ReadTx, charger_id: str, *, token: str, evse: int) -> Transaction | None:
    """The oldest remote start that a start of this token at this EVSE answers."""
    return _one(
        tx,
        f"{SELECT} AND charger_id = :charger_id AND closed_at IS NULL AND state = 'pending_start' AND token_folded = :token_folded"
        " AND evse IN (0, :evse) ORDER BY id LIMIT 1",
        charger_id=charger_id,
        token_folded=token.casefold(),
        evse=evse,
    )


def asked_start(tx: ReadTx, charger_id: str, remote_start_id: int) -> Transaction | None:
    """The remote start that we gave this id, if no transaction came of it yet; it may have expired meanwhile."""
    return _one(
        tx,
        f"{SELECT} AND id = :id AND charger_id = :charger_id AND started_at IS NULL AND state IN ('pending_start', 'expired')",
        id=remote_start_id,
        charger_id=charger_id,
    )


def without_stop(tx: ReadTx, charger_id: str, until: int) -> Sequence[Transaction]:
    """Transactions of a 1.6 charger, started until an instant, whose stop it has not reported: open ones and estimates, newest first."""
    return _all(
        tx,
        f"{SELECT} AND charger_id = :charger_id AND reference = '' AND started_at <= :until AND stop_source <> 'reported'"
        " ORDER BY started_at DESC, id DESC LIMIT 32",
        charger_id=charger_id,
        until=until,
    )


def ended_by(
    tx: ReadTx, charger_id: str, *, stopped_at: int, stopped_at_raw: str, meter_stop_wh: int | None, reason: str
) -> Transaction | None:
    """The 1.6 transaction that this very stop ended."""
    time = "stopped_at_raw = :stopped_at_raw" if stopped_at_raw else "stopped_at = :stopped_at"
    said = {"stopped_at_raw": stopped_at_raw} if stopped_at_raw else {"stopped_at": stopped_at}
    return _one(
        tx,
        f"{SELECT} AND charger_id = :charger_id AND reference = '' AND stop_source = 'reported' AND {time}"
        " AND meter_stop_wh IS NOT DISTINCT FROM :meter_stop_wh AND stop_reason = :reason ORDER BY id DESC LIMIT 1",
        charger_id=charger_id,
        meter_stop_wh=meter_stop_wh,
        reason=reason,
        **said,
    )


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
_COUNT_STARTED = f"{_COUNT} AND started_at IS NOT NULL"


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


# --- metered --------------------------------------------------------------------------------------------------------------------


def note_meter(tx: Tx, charger_id: str, transaction_id: int, *, energy_wh: int, at: int) -> bool:
    """Remember the newest meter value of a transaction that plainly runs; False where there is more to it, and nothing was done.

    The one statement that most meter messages need besides storing the reading.
    """
    touched = tx.run(
        "UPDATE transactions SET last_meter_wh = :energy_wh, last_meter_at = :at WHERE tenant = :tenant AND id = :id"
        " AND charger_id = :charger_id AND state IN ('running', 'suspended', 'pending_stop') AND meter_start_wh IS NOT NULL"
        " AND (last_meter_at IS NULL OR last_meter_at < :at)",
        energy_wh=energy_wh,
        at=at,
        id=transaction_id,
        charger_id=charger_id,
    )
    return touched == 1
