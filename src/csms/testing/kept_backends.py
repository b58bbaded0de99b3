"""Backends of PostgreSQL that outlive the connections of a test, for the next one to take up.

A new backend costs the server a process that reads the catalogue anew, which takes longer than most of what tests do in it. What a
connection leaves is discarded when it is closed, locks and settings and prepared statements, so the next one finds nothing of it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs
import psycopg
from psycopg import pq
from psycopg.adapt import AdaptersMap

MOST = 8
"""So many are kept at most: a test has hardly more at once."""
NAME = "kept for another test"
"""So nobody who asks the server takes it for a connection."""
OURS = frozenset({"autocommit", "prepare_threshold", "context", "row_factory", "cursor_factory"})
"""What of the arguments of ``connect`` the server does not hear of."""
KEY = "_csms_kept_as"


@attrs.define(eq=False)
class KeptBackends:
    """Backends of one database at a time. Any other connects as always."""

    folder: str
    """Where the socket of the server is."""
    name: str = ""
    _kept: list[tuple[Any, pq.abc.PGconn]] = attrs.field(factory=list)
    _lock: threading.Lock = attrs.field(factory=threading.Lock)

    def of(self, name: str) -> list[int]:
        """Keep backends of this database from now on, and none of another; the processes of those that there are."""
        if name != self.name:
            self.forget()
            self.name = name
        with self._lock:
            return [backend.backend_pid for _, backend in self._kept]

    def forget(self) -> None:
        """End all, and keep no more."""
        with self._lock:
            self.name, kept = "", self._kept[:]
            self._kept.clear()
        for _, backend in kept:
            backend.finish()

    def key(self, conninfo: str, arguments: dict[str, Any]) -> Any:
        """Which backends are as good as another for a connection; None where none is to be kept."""
        if conninfo or not self.name or (arguments.get("host"), arguments.get("dbname")) != (self.folder, self.name):
            return None
        return frozenset((name, value) for name, value in arguments.items() if name not in OURS)

    def take(self, key: Any) -> pq.abc.PGconn | None:
        """A backend that is still there."""
        while True:
            with self._lock:
                place = next((place for place, (kept, _) in enumerate(self._kept) if kept == key), None)
                backend = None if place is None else self._kept.pop(place)[1]
            if backend is None or _done(backend, "RESET application_name"):
                return backend
            backend.finish()

    def keep(self, key: Any, backend: pq.abc.PGconn) -> bool:
        """Keep a backend of which nothing is left; whether that was possible."""
        if not key or backend.status != pq.ConnStatus.OK or backend.transaction_status != pq.TransactionStatus.IDLE:
            return False
        if len(self._kept) >= MOST or not _done(backend, "DISCARD ALL") or not _done(backend, f"SET application_name = '{NAME}'"):
            return False
        with self._lock:
            if ("dbname", self.name) not in key:
                return False
            self._kept.append((key, backend))
        return True


def _done(backend: pq.abc.PGconn, command: str) -> bool:
    return backend.exec_(command.encode()).status == pq.ExecStatus.COMMAND_OK


@contextmanager
def keeping(backends: KeptBackends) -> Iterator[None]:
    """Connections of psycopg's take up kept backends, and leave theirs behind when they are closed."""
    connect, close, usual = psycopg.Connection.__dict__["connect"], psycopg.Connection.close, psycopg.connect
    gone = pq.PGconn.connect_start(b"host=/nonexistent")
    gone.finish()

    def take_up(cls: type[psycopg.Connection[Any]], /, conninfo: str = "", **arguments: Any) -> psycopg.Connection[Any]:
        key = backends.key(conninfo, arguments)
        backend = backends.take(key) if key else None
        if backend is None:
            made: psycopg.Connection[Any] = connect.__func__(cls, conninfo, **arguments)
        else:
            made = cls(backend)
            made.autocommit = arguments.get("autocommit", False)
            made.prepare_threshold = arguments.get("prepare_threshold", 5)
            made.row_factory = arguments.get("row_factory") or made.row_factory
            made.cursor_factory = arguments.get("cursor_factory") or made.cursor_factory
            if arguments.get("context"):
                made._adapters = AdaptersMap(arguments["context"].adapters)
        setattr(made, KEY, key)
        return made

    def leave(connection: psycopg.Connection[Any]) -> None:
        pool = getattr(connection, "_pool", None)
        if not (pool and getattr(pool, "close_returns", False)) and backends.keep(
            getattr(connection, KEY, None), connection.pgconn
        ):
            connection._closed = True
            connection.pgconn = gone
        close(connection)

    changed: Any = psycopg.Connection
    changed.connect, changed.close = classmethod(take_up), leave
    psycopg.connect = changed.connect
    try:
        yield
    finally:
        changed.connect, changed.close, psycopg.connect = connect, close, usual
        backends.forget()
