"""The transaction that verbs and queries see, the same over both engines: a cursor, a tenant, an instant."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from sys import intern
from time import perf_counter
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeVar

import msgspec
import structlog

from csms.core.errors import NeedsKeys
from csms.core.events import Event
from csms.core.ids import TenantId
from csms.core.ports import ReadTx, Row, Tx

from .remembered import Remembered
from .statements import Statement, Statements, Unscoped
from .texts import MOST, asked_for, candidates_sql, index_of

log = structlog.get_logger(__name__)

T = TypeVar("T")

EMIT = "INSERT INTO events (tenant, key, type, payload, at, request_id) VALUES (:tenant, :key, :type, :payload, :now, :request_id)"

_encode = msgspec.json.Encoder().encode


class Cursor(Protocol):
    """What ``sqlite3.Cursor`` and ``psycopg.Cursor`` have in common."""

    @property
    def description(self) -> Any: ...  # noqa: D102

    @property
    def rowcount(self) -> int: ...  # noqa: D102

    def execute(self, sql: Any, parameters: Any = ..., /) -> Any: ...  # noqa: D102

    def executemany(self, sql: Any, parameters: Any, /) -> Any: ...  # noqa: D102

    def fetchone(self) -> Any: ...  # noqa: D102

    def fetchall(self) -> list[Any]: ...  # noqa: D102


class SpentTransaction(RuntimeError):
    """A transaction was used after its verb ended, or after one of its statements failed."""


class _Spent:
    """Stands in for the cursor once a transaction may not be used: SQLite would commit such a statement on its own."""

    description = None
    rowcount = -1

    def _refuse(self, *_: Any) -> NoReturn:
        raise SpentTransaction("this transaction has ended or failed; a verb must let database errors pass")

    execute = executemany = fetchone = fetchall = _refuse


_SPENT = _Spent()


class Run:
    """What one batch shares: the cursor, the keys it holds, and what is to be told after commit."""

    __slots__ = (
        "_cursor",
        "cursor",
        "emitted",
        "failure",
        "held",
        "needed",
        "remembered",
        "request_id",
        "turn",
        "volatile",
        "wrote",
    )

    def __init__(self, cursor: Cursor, held: frozenset[str] | None = None, *, remembered: Remembered | None = None) -> None:
        self._cursor = cursor
        self.cursor: Cursor = cursor
        self.held = held
        """Write keys that the batch holds; None where one writer holds them all (SQLite)."""
        self.failure: Exception | None = None
        """The first database error of the running verb, which it may not swallow."""
        self.needed: NeedsKeys | None = None
        self.request_id = ""
        """The request to the API that the running verb is for, which its events name."""
        self.emitted: list[str] = []
        """The types of the events that were stored."""
        self.volatile: list[tuple[TenantId, int, Event]] = []
        self.wrote: set[Statement] = set()
        """What was run that may write; what returns rows may, too."""
        self.remembered = remembered
        """Where readers remember what they found; of what is not committed nobody does."""
        self.turn = 0 if remembered is None else remembered.turn

    def begin(self, request_id: str = "") -> None:
        """Ready for the next verb."""
        self.request_id = request_id
        self.cursor = self._cursor
        self.failure = None
        self.needed = None

    def fail(self, error: Exception) -> None:
        """A statement failed: nothing more may run in this verb."""
        if self.failure is None:
            self.failure = error
        self.cursor = _SPENT


class ReadScope:
    """One tenant's view of the data; ``core.ports.ReadTx``."""

    __slots__ = ("_known", "_run", "_scoped", "_statements", "now", "tenant")

    def __init__(self, run: Run, statements: Statements, tenant: TenantId, now: int, *, scoped: bool = True) -> None:
        self._run = run
        self._statements = statements
        self._scoped = scoped
        self._known = statements.scoped if scoped else statements.system
        self.tenant = tenant
        self.now = now

    def all(self, sql: str, **parameters: Any) -> Sequence[Row]:
        """Every row."""
        statement = self._known.get(sql) or self._statements.learn(sql, scoped=self._scoped)
        if statement.binds:
            self._bind(statement, parameters)
        run = self._run
        cursor = run.cursor
        started = perf_counter()
        try:
            cursor.execute(statement.text, parameters)
            rows = cursor.fetchall()
        except Exception as error:
            run.fail(error)
            raise
        columns = statement.columns or _columns(statement, cursor)
        result = [dict(zip(columns, row, strict=True)) for row in rows]
        tally = statement.tally
        tally.count += 1
        tally.seconds += perf_counter() - started
        if statement.writes:
            run.wrote.add(statement)
        return result

    def one(self, sql: str, **parameters: Any) -> Row | None:
        """The first row or None."""
        statement = self._known.get(sql) or self._statements.learn(sql, scoped=self._scoped)
        row = self._first(statement, parameters)
        if row is None:
            return None
        columns = statement.columns or _columns(statement, self._run.cursor)
        return dict(zip(columns, row, strict=True))

    def value(self, sql: str, **parameters: Any) -> Any:
        """The first column of the first row or None."""
        row = self._first(self._known.get(sql) or self._statements.learn(sql, scoped=self._scoped), parameters)
        return None if row is None else row[0]

    def count(self, sql: str, **parameters: Any) -> int:
        """The same of a ``SELECT count(*)``, which is remembered as long as nothing writes to what it counts."""
        statement = self._known.get(sql) or self._statements.learn(sql, scoped=self._scoped)
        if statement.binds:
            self._bind(statement, parameters)
        remembered = self._run.remembered
        if remembered is None or statement.binds_now:  # what is true of one instant is not of the next
            return int(self._first(statement, parameters)[0])
        if (known := remembered.known(statement, parameters)) is not None:
            return int(known)
        (total,) = self._first(statement, parameters)
        remembered.keep(statement, parameters, total, self._run.turn)
        return int(total)

    def remembered(self, sql: str, build: Callable[[Sequence[Row]], T], **parameters: Any) -> T:
        """What ``build`` makes of every row, remembered in the same way; it is shared, and must not be changed."""
        statement = self._known.get(sql) or self._statements.learn(sql, scoped=self._scoped)
        if statement.binds:
            self._bind(statement, parameters)
        remembered = self._run.remembered
        if remembered is None or statement.binds_now:
            return build(self.all(sql, **parameters))
        known: T | None = remembered.known(statement, parameters, build)
        if known is not None:
            return known
        rows = self.all(sql, **parameters)
        made = build(rows)
        remembered.keep_built(statement, parameters, made, self._run.turn, build, len(rows))
        return made

    def candidates(self, table: str, text: str) -> Sequence[int] | None:
        """The ids of rows that may hold a text; see ``core.ports.ReadTx``. A statement or two where the engine has an index of its texts."""
        if index_of(table) in self._statements.tenant_tables:
            for triples in asked_for(text):
                found = self.all(candidates_sql(table), triples=triples)
                if len(found) <= MOST:
                    return [row["id"] for row in found if row["ours"]]
        return None

    def system(self, reason: str) -> ReadScope:
        """The same view without tenant scope."""
        log.debug("read outside a tenant", reason=reason)
        return ReadScope(self._run, self._statements, self.tenant, self.now, scoped=False)

    def _first(self, statement: Statement, parameters: dict[str, Any]) -> Any:
        if statement.binds:
            self._bind(statement, parameters)
        run = self._run
        cursor = run.cursor
        started = perf_counter()
        try:
            cursor.execute(statement.text, parameters)
            row = cursor.fetchone()
        except Exception as error:
            run.fail(error)
            raise
        tally = statement.tally
        tally.count += 1
        tally.seconds += perf_counter() - started
        if statement.writes:
            run.wrote.add(statement)
        return row

    def _bind(self, statement: Statement, parameters: dict[str, Any]) -> None:
        if statement.binds_tenant and parameters.setdefault("tenant", self.tenant) != self.tenant and self._scoped:
            raise Unscoped(f"tenant {parameters['tenant']} bound in a transaction of tenant {self.tenant}: {statement.name}")
        if statement.binds_now:
            parameters.setdefault("now", self.now)
        for name in statement.null_tests:
            parameters[f"{name} is null"] = parameters.get(name) is None


class StoreTx(ReadScope):
    """One verb's transaction; ``core.ports.Tx``."""

    __slots__ = ()

    def run(self, sql: str, **parameters: Any) -> int:
        """Execute; the number of rows touched."""
        statement = self._known.get(sql) or self._statements.learn(sql, scoped=self._scoped)
        if statement.binds:
            self._bind(statement, parameters)
        run = self._run
        cursor = run.cursor
        started = perf_counter()
        try:
            cursor.execute(statement.text, parameters)
        except Exception as error:
            run.fail(error)
            raise
        tally = statement.tally
        tally.count += 1
        tally.seconds += perf_counter() - started
        run.wrote.add(statement)
        return cursor.rowcount

    def many(self, sql: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute once per row."""
        if not rows:
            return
        statement = self._known.get(sql) or self._statements.learn(sql, scoped=self._scoped)
        run = self._run
        started = perf_counter()
        bound = [self.bound(statement, row) for row in rows]
        try:
            run.cursor.executemany(statement.text, bound)
        except Exception as error:
            run.fail(error)
            raise
        tally = statement.tally
        tally.count += len(rows)
        tally.seconds += perf_counter() - started
        run.wrote.add(statement)

    def bound(self, statement: Statement, row: Mapping[str, Any]) -> dict[str, Any]:
        """A row with what the statement takes from the transaction."""
        parameters = dict(row)
        if statement.binds:
            self._bind(statement, parameters)
        return parameters

    def claim(self, *keys: str) -> None:
        """Say which aggregates this verb changes or counts. Raises ``NeedsKeys`` when the batch does not hold one."""
        held = self._run.held
        if held is not None and not held.issuperset(keys):
            self._run.needed = NeedsKeys(frozenset(keys) - held)
            raise self._run.needed

    def emit(self, event: Event) -> None:
        """Store a durable event with the facts, or tell a volatile one after commit; its key is claimed."""
        key = event.key
        if self._run.held is not None:
            self.claim(key)
        if event.durable:
            self.run(EMIT, key=key, type=event.type, payload=_encode(event).decode(), request_id=self._run.request_id)
            self._run.emitted.append(event.type)
        else:
            self._run.volatile.append((self.tenant, self.now, event))

    def system(self, reason: str) -> StoreTx:
        """The same transaction without tenant scope; ``reason`` goes to the log."""
        log.debug("write outside a tenant", reason=reason)
        return StoreTx(self._run, self._statements, self.tenant, self.now, scoped=False)


def _columns(statement: Statement, cursor: Cursor) -> tuple[str, ...]:
    # interned, as the names of parameters are: a noun of 35 fields that is built by name takes 3 microseconds so, and else 9
    statement.columns = tuple(intern(column[0]) for column in cursor.description or ())
    return statement.columns


if TYPE_CHECKING:
    _READS: type[ReadTx] = ReadScope
    _WRITES: type[Tx] = StoreTx
