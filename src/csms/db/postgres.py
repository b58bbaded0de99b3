"""A PostgreSQL writer lane: batches in a thread, and what to do when one deadlocks or its connection breaks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import outcome
import psycopg
import structlog
import trio

from csms.config import DatabaseConfig
from csms.core.errors import StoreUnavailable
from csms.core.ports import Blocking, Clock

from .attempt import Again, Attempt, Lost
from .lane import Batch
from .location import PostgresLocation
from .postgres_connect import connect, in_our_words, out_of_order, unavailable
from .statements import Statement, Statements
from .stats import Stats
from .work import Append, Work, Write

log = structlog.get_logger(__name__)

BUDGET_S = 0.010
MOST_TRIES = 5
"""Tries of a single verb after deadlocks or lost connections."""
FATE_POLL_S = 0.05


class CommitUnknown(StoreUnavailable):
    """The connection broke during COMMIT and the server cannot be asked: the verb was written, or not."""


class PostgresWriter:
    """The writer of one lane."""

    def __init__(
        self,
        location: PostgresLocation,
        config: DatabaseConfig,
        tenant_tables: frozenset[str],
        *,
        clock: Clock,
        threads: Blocking,
        stats: Stats,
    ) -> None:
        self._location = location
        self._tenant_tables = tenant_tables
        self._config = config
        self._clock = clock
        self._threads = threads
        self._stats = stats
        self._connection: psycopg.Connection[Any] | None = None
        self._statements: Statements | None = None

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await self._threads.run("writer", connection.close)

    async def run(self, batch: list[Work], settle: Callable[[Batch], None]) -> None:
        """Run, commit and ``settle``. Raises ``StoreUnavailable``: nothing was written, or (``CommitUnknown``) nobody can tell."""
        settle(await self._done(batch))

    async def _done(self, batch: list[Work]) -> Batch:
        try:
            try:
                return await self._attempt(batch)
            except Lost as lost:
                if not lost.opening:
                    raise
                return await self._attempt(batch)
        except Again:
            pass
        except Lost as lost:
            if await self._committed(lost, batch):
                return lost.batch
        self._stats.replays += 1
        return await self._one_by_one(batch)

    async def _one_by_one(self, batch: list[Work]) -> Batch:
        total = Batch()
        volatile, emitted = list(total.volatile), list(total.emitted)
        wrote: set[Statement] = set()
        for position, work in enumerate(batch):
            try:
                done = await self._alone(work)
            except StoreUnavailable as error:
                total.problem = error
                total.left_over += [later for later in batch[position:] if isinstance(later, Append)]
                break
            total.left_over += done.left_over
            emitted += done.emitted
            wrote.update(done.wrote)
            total.rows += done.rows
            total.seconds += done.seconds
            total.commit_seconds += done.commit_seconds
            volatile += done.volatile
        total.volatile, total.emitted, total.wrote = volatile, emitted, wrote
        return total

    async def _alone(self, work: Work) -> Batch:
        for attempt in range(MOST_TRIES):
            try:
                return await self._attempt([work])
            except Again:
                await trio.sleep(0.002 * 2**attempt)
            except Lost as lost:
                if await self._committed(lost, [work]):
                    return lost.batch
            except psycopg.Error as error:
                if isinstance(work, Append):
                    break
                work.outcome = outcome.Error(in_our_words(error))
                return Batch()
        reason = f"given up after {MOST_TRIES} deadlocks or lost connections"
        if isinstance(work, Write):
            work.outcome = outcome.Error(StoreUnavailable(reason))
        else:
            self._stats.refused_rows += len(work.rows)
            log.error("appended rows were refused", rows=len(work.rows), key=work.key, reason=reason)
        return Batch()

    async def _attempt(self, batch: list[Work]) -> Batch:
        return await self._threads.run("writer", self._in_thread, batch)

    def _in_thread(self, batch: list[Work]) -> Batch:
        connection = self._connect()
        assert self._statements is not None
        for work in batch:
            if isinstance(work, Write):
                work.outcome = None
        try:
            return Attempt(connection, self._statements, self._clock, self._stats).run(batch, BUDGET_S)
        except psycopg.Error as error:
            if out_of_order(error):
                raise unavailable(self._location, error) from error
            if len(batch) == 1:
                raise
            raise Again from error
        finally:
            if connection.closed:
                self._connection = None

    def _connect(self) -> psycopg.Connection[Any]:
        if self._connection is None:
            connection = connect(self._location, self._config, "csms writer")
            if self._statements is None:
                self._statements = Statements(self._tenant_tables, percent=True)
                self._stats.connections.append(self._statements)
            self._connection = connection
        return self._connection

    async def _committed(self, lost: Lost, batch: list[Work]) -> bool:
        """Whether a transaction whose COMMIT was not answered took effect. Raises ``CommitUnknown``."""
        if lost.xid is None:
            return False
        deadline = trio.current_time() + self._config.connect_timeout_s + self._config.statement_timeout_s
        problem = ""
        while trio.current_time() < deadline:
            try:
                status = await self._threads.run("writer", self._fate, lost.xid)
            except StoreUnavailable as error:
                problem = str(error)
                await trio.sleep(FATE_POLL_S * 4)
                continue
            if status != "in progress":
                log.warning("a lost connection left a commit in doubt", transaction=lost.xid, status=status)
                return status == "committed"
            problem = "the transaction is still in progress"
            await trio.sleep(FATE_POLL_S)
        for work in batch:
            if isinstance(work, Append):
                work.doubt = lost.xid
        raise CommitUnknown(f"the connection was lost during COMMIT, and whether it was written cannot be asked: {problem}")

    def _fate(self, xid: int) -> str:
        try:
            row = self._connect().execute("SELECT pg_xact_status(%s::text::xid8)", (str(xid),)).fetchone()
        except psycopg.Error as error:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            raise unavailable(self._location, error) from error
        return str(row[0]) if row is not None else "in progress"
