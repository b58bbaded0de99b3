"""Deletes what has been kept long enough, from the oldest, in slices so short that the writer's other work does not notice."""

from __future__ import annotations

from time import perf_counter

import attrs
import trio

from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Tx

from .database import StoreDatabase

FIRST_SLICE_ROWS = 50
FEWEST_ROWS, MOST_ROWS = 10, 20_000
SHARE = 0.5
"""Of the slice, for the statements; the rest is for COMMIT, which has to write what they touched."""


@attrs.frozen(slots=True)
class Kept:
    """A table whose rows grow old: ``number`` grows with every row, ``at`` is when we got it, ``condition`` what else must hold."""

    table: str
    number: str = "id"
    at: str = "at"
    condition: str = ""


FRAMES = Kept("frames")
AUDIT_LOG = Kept("audit_log")
METER_READINGS = Kept("meter_readings", at="received_at")
SECURITY_EVENTS = Kept("security_events", at="received_at")
COMMANDS = Kept("commands", at="asked_at", condition="AND progress NOT IN ('queued', 'under_way')")
BULK_COMMANDS = Kept(
    "bulk_commands",
    at="asked_at",
    condition="AND state <> 'running' AND NOT EXISTS (SELECT 1 FROM commands c WHERE c.bulk_id = bulk_commands.id)",
)
WEBHOOK_DELIVERIES = Kept("webhook_deliveries", at="created_at")
MESSAGES = Kept("messages", at="created_at", condition="AND state NOT IN ('queued', 'held', 'sending')")
NOTICES = Kept("notices", at="created_at", condition="AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.notice_id = notices.id)")
EVENTS = Kept(
    "events",
    number="sequence",
    condition=(
        "AND NOT EXISTS (SELECT 1 FROM cursors c WHERE (c.xid, c.sequence) < (events.xid, events.sequence)) "
        "AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.sequence = events.sequence)"
    ),
)
"""Events only once every known consumer has them, and not while one is to be tried again or is a dead letter."""


@attrs.frozen(slots=True)
class Slice:
    """What one verb did: rows deleted, the highest number it looked at, its time; ``more`` while there may be old rows above, ``whole``
    where all that it looked at was old."""

    deleted: int
    last: int
    seconds: float
    more: bool
    whole: bool = False


async def forget_old(
    database: StoreDatabase,
    kept: Kept,
    *,
    before: int,
    slice_ms: float = 10.0,
    rest_s: float = 0.05,
    reached: dict[str, int] | None = None,
) -> int:
    """Delete the rows of a table that are older than the instant ``before``; how many.

    ``reached`` remembers by table up to where everything was old: the next time it is not looked at again, which counts where rows stay
    that ``kept.condition`` keeps.

    Every slice is a write of its own and takes about ``slice_ms`` of the writer at most, finding out by itself how many rows that
    is; between slices the writer is left alone for ``rest_s``. Raises ``StoreUnavailable``; what was deleted until then stays so.
    """
    deleted, last, rows, more, whole = 0, (reached or {}).get(kept.table, -(2**62)), FIRST_SLICE_ROWS, True, True
    while more:
        done = await database.write(
            delete_slice, kept, before, last, rows, tenant=DEFAULT_TENANT, keys=(f"retention:{kept.table}",)
        )
        deleted += done.deleted
        last, more, whole = done.last, done.more, whole and done.whole
        if whole and reached is not None:
            reached[kept.table] = last
        wanted = rows * SHARE * slice_ms / 1000 / max(done.seconds, 1e-6)
        rows = round(min(max(wanted, rows / 4, FEWEST_ROWS), rows * 2, MOST_ROWS))
        if more:
            await trio.sleep(rest_s)
    return deleted


def delete_slice(tx: Tx, kept: Kept, before: int, after: int, rows: int) -> Slice:
    """Delete the old ones among the next rows by number."""
    started = perf_counter()
    system = tx.system("retention concerns the installation")
    table, number, at = kept.table, kept.number, kept.at
    look = (
        f"SELECT max({number}) AS last, count(*) AS looked_at, sum(CASE WHEN {at} < :before THEN 1 ELSE 0 END) AS old FROM "  # noqa: S608 - constants
        f"(SELECT {number}, {at} FROM {table} WHERE {number} > :after ORDER BY {number} LIMIT :rows) next"
    )
    row = system.one(look, before=before, after=after, rows=rows)
    if row is None or not row["old"]:
        return Slice(0, after, perf_counter() - started, False)
    delete = f"DELETE FROM {table} WHERE {number} > :after AND {number} <= :last AND {at} < :before {kept.condition}"  # noqa: S608 - constants
    deleted = system.run(delete, after=after, last=row["last"], before=before)
    return Slice(deleted, row["last"], perf_counter() - started, True, row["old"] == row["looked_at"])


# --- what ended -----------------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True)
class Ended:
    """A table whose rows count as old by when they ended, with an index on ``at`` (null while they have not); ``key`` tells them apart."""

    table: str
    at: str
    key: tuple[str, ...] = ("id",)


ENDED_ALERTS = Ended("alerts", "resolved_at")
ENDED_RESERVATIONS = Ended("reservations", "ended_at")
ENDED_RESETS = Ended("charger_resets", "closed_at")
GIVEN_ANSWERS = Ended("given_answers", "at", ("tenant", "identity", "key"))


async def forget_ended(database: StoreDatabase, ended: Ended, *, before: int, slice_ms: float = 10.0, rest_s: float = 0.05) -> int:
    """Delete the rows of a table that ended before an instant, as ``forget_old`` does: in slices; how many. Raises ``StoreUnavailable``."""
    deleted, rows, more = 0, FIRST_SLICE_ROWS, True
    while more:
        done, seconds = await database.write(
            delete_ended, ended, before, rows, tenant=DEFAULT_TENANT, keys=(f"retention:{ended.table}",)
        )
        deleted += done
        more = done == rows
        rows = round(min(max(rows * SHARE * slice_ms / 1000 / max(seconds, 1e-6), rows / 4, FEWEST_ROWS), rows * 2, MOST_ROWS))
        if more:
            await trio.sleep(rest_s)
    return deleted


def delete_ended(tx: Tx, ended: Ended, before: int, rows: int) -> tuple[int, float]:
    """Delete the rows that ended first; how many, and how long it took."""
    started = perf_counter()
    key = ", ".join(ended.key)
    deleted = tx.system("retention concerns the installation").run(
        f"DELETE FROM {ended.table} WHERE ({key}) IN"  # noqa: S608 - constants
        f" (SELECT {key} FROM {ended.table} WHERE {ended.at} < :before ORDER BY {ended.at} LIMIT :rows)",
        before=before,
        rows=rows,
    )
    return deleted, perf_counter() - started
