"""SQL of the privacy slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from csms.core.ids import TenantId
from csms.core.ports import ReadTx, Row, Tx

from .model import Erasure, Progress, Trace

_COLUMNS = "id, driver_id, asked_by, asked_at, masked, done_at"


def of_driver(tx: ReadTx, driver_id: int) -> Erasure | None:
    """The erasure of a driver."""
    row = tx.one(f"SELECT {_COLUMNS} FROM erasures WHERE tenant = :tenant AND driver_id = :driver_id", driver_id=driver_id)  # noqa: S608
    return None if row is None else Erasure(**row)


def insert(tx: Tx, driver_id: int, *, by: str, sealed: str) -> None:
    """Note that a driver's data is erased; with nothing left to mask it is done at once."""
    tx.run(
        "INSERT INTO erasures (tenant, driver_id, asked_by, asked_at, sealed, done_at)"
        " VALUES (:tenant, :driver_id, :by, :at, :sealed, :done_at)",
        driver_id=driver_id,
        by=by,
        at=tx.now,
        sealed=sealed,
        done_at=None if sealed else tx.now,
    )


def to_do(tx: ReadTx, *, before: int) -> Sequence[tuple[TenantId, Progress]]:
    """Erasures that were asked for before an instant and are not done with, of all tenants, the oldest first."""
    rows = tx.system("erasures of all tenants are followed up by one job").all(
        "SELECT tenant, id, sealed, place, last FROM erasures WHERE done_at IS NULL AND asked_at < :before ORDER BY id LIMIT 100",
        before=before,
    )
    return [
        (TenantId(row["tenant"]), Progress(erasure_id=row["id"], sealed=row["sealed"], place=row["place"], last=row["last"]))
        for row in rows
    ]


def advance(tx: Tx, erasure_id: int, *, place: str, last: int, masked: int) -> None:
    """Note how far the logs are masked."""
    tx.run(
        "UPDATE erasures SET place = :place, last = :last, masked = masked + :masked WHERE tenant = :tenant AND id = :id",
        id=erasure_id,
        place=place,
        last=last,
        masked=masked,
    )


def finish(tx: Tx, erasure_id: int) -> None:
    """The logs are masked: what was looked for is forgotten."""
    tx.run("UPDATE erasures SET sealed = '', done_at = :at WHERE tenant = :tenant AND id = :id", id=erasure_id, at=tx.now)


# --- logs -----------------------------------------------------------------------------------------------------------------------


def next_row(tx: ReadTx, trace: Trace, after: int) -> int | None:
    """The number of the first row of a log after one, whosever."""
    found: int | None = tx.system("a log is gone through by its numbers").value(
        f"SELECT min({trace.id}) FROM {trace.table} WHERE {trace.id} > :after",  # noqa: S608 (names of TRACES)
        after=after,
    )
    return found


def suspects(tx: ReadTx, trace: Trace, *, first: int, last: int, patterns: Sequence[str]) -> Sequence[Row]:
    """Rows of the tenant between two numbers that may name whom nobody is to name, as ``id`` and the columns of ``trace``."""
    values: dict[str, Any] = {f"pattern_{number}": pattern for number, pattern in enumerate(patterns)}
    found = " OR ".join(f"lower({column}) LIKE :{name} ESCAPE '!'" for column in trace.columns for name in values)
    return tx.all(
        f"SELECT {trace.id} AS id, {', '.join(trace.columns)} FROM {trace.table}"  # noqa: S608 (names of TRACES)
        f" WHERE tenant = :tenant AND {trace.id} BETWEEN :first AND :last AND ({found})",
        first=first,
        last=last,
        **values,
    )


def mask(tx: Tx, trace: Trace, rows: Sequence[Mapping[str, Any]]) -> None:
    """Replace the texts of rows (``id`` and the columns of ``trace``)."""
    assigned = ", ".join(f"{column} = :{column}" for column in trace.columns)
    sql = f"UPDATE {trace.table} SET {assigned} WHERE tenant = :tenant AND {trace.id} = :id"  # noqa: S608 (names of TRACES)
    for row in rows:
        tx.run(sql, **row)
