"""One transaction of a PostgreSQL lane, run in a thread: locks, verbs in savepoints, rows in bulk, COMMIT."""

from __future__ import annotations

from itertools import groupby
from time import perf_counter
from typing import Any

import outcome
import psycopg
import structlog

from csms.core.errors import NeedsKeys, StoreUnavailable
from csms.core.ports import Clock

from .lane import Batch
from .postgres_connect import AGAIN, GONE, in_our_words, out_of_order
from .rounds import rounds
from .routing import key_number
from .statements import Statements
from .stats import Stats
from .tx import Run, StoreTx
from .work import MOST_RERUNS, Append, Work, Write

log = structlog.get_logger(__name__)

_NEXT = "RELEASE SAVEPOINT verb; SAVEPOINT verb"
_BACK = "ROLLBACK TO SAVEPOINT verb"
_LAST = "RELEASE SAVEPOINT verb; SELECT pg_current_xact_id_if_assigned()::text"


class Again(Exception):
    """A deadlock or a serialization failure: nothing was written, and it may work the next time."""


class Lost(Exception):
    """The connection broke. With ``xid``, COMMIT had been sent: whether it took effect must be asked."""

    def __init__(self, batch: Batch, xid: int | None, *, opening: bool) -> None:
        super().__init__("connection lost")
        self.batch = batch
        self.xid = xid
        self.opening = opening


class Attempt:
    """One try to run a batch in one transaction; afterwards every ``Write`` that is not left over has its outcome."""

    def __init__(self, connection: psycopg.Connection[Any], statements: Statements, clock: Clock, stats: Stats) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._statements = statements
        self._clock = clock
        self._stats = stats
        self._done = Batch()
        self._run = Run(self._cursor, frozenset())
        self._opening = True
        self._xid: int | None = None
        self._fresh = True

    def run(self, batch: list[Work], budget_s: float) -> Batch:
        """Run, for about ``budget_s``; what had no time is left over. Raises ``Again``, ``Lost``, or ``psycopg.Error``."""
        try:
            return self._transaction(batch, budget_s)
        except psycopg.Error as error:
            if self._connection.closed or error.sqlstate in GONE:
                self._connection.close()
                raise Lost(self._done, self._xid, opening=self._opening) from error
            self._roll_back()
            if error.sqlstate in AGAIN:
                raise Again from error
            raise
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        try:
            self._connection.execute("ROLLBACK")
        except psycopg.Error as error:
            log.warning("rollback failed", error=str(error))
            self._connection.close()

    def _transaction(self, batch: list[Work], budget_s: float) -> Batch:
        started = perf_counter()
        held = frozenset[str]().union(*(work.keys for work in batch if isinstance(work, Write)))
        self._run.held = held
        self._cursor.execute(_opening(held))
        self._opening = False
        ran = self._works(batch, perf_counter() + budget_s)
        again = set(map(id, self._done.left_over))
        self._done.left_over = [work for work in batch if id(work) not in ran or id(work) in again]
        commit_started = perf_counter()
        self._cursor.execute(_LAST)
        self._cursor.nextset()
        row = self._cursor.fetchone()
        if row is not None and row[0] is not None:
            self._xid = int(row[0])
        self._done.emitted = self._run.emitted
        self._done.volatile = self._run.volatile
        self._done.wrote = self._run.wrote
        self._cursor.execute("COMMIT")
        if self._cursor.statusmessage != "COMMIT":
            raise StoreUnavailable(f"PostgreSQL answered {self._cursor.statusmessage} to COMMIT")
        self._done.seconds = perf_counter() - started
        self._done.commit_seconds = perf_counter() - commit_started
        return self._done

    def _works(self, batch: list[Work], ends: float) -> set[int]:
        """Run what there is time for, always something; what ran, by ``id``."""
        ran: set[int] = set()
        for works in rounds(batch):
            appends = [work for work in works if isinstance(work, Append)]
            if appends:
                self._rows(appends)
                ran.update(map(id, appends))
            for work in works:
                if isinstance(work, Write):
                    self._verb(work)
                    ran.add(id(work))
                    if perf_counter() > ends:
                        return ran
            if perf_counter() > ends:
                return ran
        return ran

    def _savepoint(self) -> None:
        if not self._fresh:
            self._cursor.execute(_NEXT)
        self._fresh = False

    def _roll_back_to_savepoint(self) -> None:
        self._cursor.execute(_BACK)
        self._fresh = True

    def _verb(self, work: Write) -> None:
        run = self._run
        run.begin(work.request_id)
        told, emitted = len(run.volatile), len(run.emitted)
        self._savepoint()
        try:
            tx = StoreTx(run, self._statements, work.tenant, self._clock.now())
            result = work.verb(tx, *work.arguments)
            if run.failure is not None:
                raise run.failure
            if run.needed is not None:
                raise run.needed
        except Exception as error:
            failure = run.failure or error
            if _fatal(failure):
                raise failure from None
            self._roll_back_to_savepoint()
            del run.volatile[told:]
            del run.emitted[emitted:]
            if run.needed is not None and work.reruns < MOST_RERUNS:
                self._rerun(work, run.needed)
            else:
                work.outcome = outcome.Error(in_our_words(error))
        else:
            work.outcome = outcome.Value(result)

    def _rerun(self, work: Write, needed: NeedsKeys) -> None:
        work.keys |= needed.keys
        work.reruns += 1
        work.outcome = None
        self._stats.reruns += 1
        self._done.left_over.append(work)

    def _rows(self, works: list[Append]) -> None:
        for sql, group in groupby(sorted(works, key=lambda work: work.sql), key=lambda work: work.sql):
            appends = list(group)
            self._savepoint()
            try:
                self._bulk(sql, [append for append in appends if not self._stored_before(append)])
            except Exception as error:
                if _fatal(error):
                    raise
                self._roll_back_to_savepoint()
                self._one_by_one(appends)

    def _stored_before(self, append: Append) -> bool:
        """Whether a transaction whose end nobody heard has stored these rows."""
        if append.doubt is None:
            return False
        status = self._connection.execute("SELECT pg_xact_status(%s::text::xid8)", (str(append.doubt),)).fetchone()
        if status is not None and status[0] == "in progress":
            raise StoreUnavailable("an earlier transaction has not ended yet")
        append.doubt = None
        stored = status is not None and status[0] == "committed"
        if stored:
            append.rows = ()
        return stored

    def _bulk(self, sql: str, appends: list[Append]) -> None:
        statement = self._statements.scoped.get(sql) or self._statements.learn(sql, scoped=True)
        rows: list[dict[str, Any]] = []
        now = self._clock.now()
        for append in appends:
            tx = StoreTx(self._run, self._statements, append.tenant, now)
            rows += [tx.bound(statement, row) for row in append.rows]
        if not rows:
            return
        started = perf_counter()
        self._cursor.executemany(statement.text, rows)
        statement.tally.count += len(rows)
        statement.tally.seconds += perf_counter() - started
        self._run.wrote.add(statement)
        self._done.rows += len(rows)

    def _one_by_one(self, appends: list[Append]) -> None:
        """Some row was refused: store the others."""
        for append in appends:
            tx = StoreTx(self._run, self._statements, append.tenant, self._clock.now())
            for row in append.rows:
                self._run.begin()
                self._savepoint()
                try:
                    tx.run(append.sql, **row)
                    self._done.rows += 1
                except Exception as error:
                    if _fatal(error):
                        raise
                    self._roll_back_to_savepoint()
                    self._stats.refused_rows += 1
                    sql = " ".join(append.sql.split())[:100]
                    log.error("an appended row was refused", error=str(error), key=append.key, sql=sql)


def _opening(held: frozenset[str]) -> str:
    """BEGIN, every key in one order (so that lanes cannot deadlock on them), the first savepoint: one round trip."""
    numbers = sorted({key_number(key) for key in held})
    locks = ""
    if numbers:
        listed = ",".join(map(str, numbers))
        locks = f"SELECT pg_advisory_xact_lock(number) FROM unnest('{{{listed}}}'::bigint[]) AS number;"  # noqa: S608 - integers
    return f"BEGIN ISOLATION LEVEL READ COMMITTED; {locks} SAVEPOINT verb"


def _fatal(error: Exception) -> bool:
    """Whether the whole transaction ends with this error."""
    if isinstance(error, StoreUnavailable):
        return True
    return isinstance(error, psycopg.Error) and (error.sqlstate in AGAIN or out_of_order(error))
