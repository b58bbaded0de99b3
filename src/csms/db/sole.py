"""One server at a time on a PostgreSQL database: two would send webhooks, run jobs and count chargers' connections twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog
import trio

from csms.config import DatabaseConfig
from csms.core.errors import CsmsError, StoreUnavailable
from csms.core.ports import Blocking

from .location import PostgresLocation, SqliteLocation, locate
from .routing import key_number

if TYPE_CHECKING:
    import psycopg

PATIENCE_S = 40.0
"""So long is waited for a server that is about to end, or of whose machine nothing is heard any more."""
TRY_EVERY_S = 0.25
LOOK_EVERY_S = 5.0
KIND = "sole server"
NOTICE_THE_DEAD = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3"
"""Else PostgreSQL would hold the place of a machine that lost its power for two hours."""
END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = %s AND backend_start = %s"
WHO = "SELECT current_schema(), pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()"

log = structlog.get_logger(__name__)


class AnotherServer(CsmsError):
    """Another server runs on the database."""


@asynccontextmanager
async def sole_server(
    config: DatabaseConfig, *, folder: Path, blocking: Blocking, patience_s: float = PATIENCE_S, look_every_s: float = LOOK_EVERY_S
) -> AsyncIterator[None]:
    """For the time of a ``with`` block, be the one server of a PostgreSQL database; of SQLite nothing is asked.

    Raises ``AnotherServer`` where one is there already, or took the place while the database was away; ``StoreUnavailable`` where the
    database cannot be asked at the beginning.
    """
    location = locate(config, folder)
    if isinstance(location, SqliteLocation):
        yield
        return
    place = _Place(location, config, blocking, patience_s)
    try:
        if not await place.take():
            raise AnotherServer(f"another server runs on the database {location}: stop it first")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(place.keep, look_every_s)
            yield
            nursery.cancel_scope.cancel()
    finally:
        with trio.CancelScope(shield=True):
            await place.leave()


class _Place:
    """A session's advisory lock, which ends with its connection however the server ends."""

    def __init__(self, location: PostgresLocation, config: DatabaseConfig, blocking: Blocking, patience_s: float) -> None:
        self._location = location
        self._config = config
        self._blocking = blocking
        self._patience_s = patience_s
        self._connection: psycopg.Connection[Any] | None = None
        self._backend: tuple[Any, ...] | None = None
        self._schema = ""
        self._taken = self._waits = False

    async def take(self) -> bool:
        """Whether the place is ours, within the patience. Raises ``StoreUnavailable``."""
        until = trio.current_time() + self._patience_s
        while not (taken := await self._blocking.run(KIND, self._try)):
            if trio.current_time() >= until:
                break
            if not self._waits:
                self._waits = True
                log.warning("sole_server.waits", database=str(self._location), hint="another server runs on it")
            await trio.sleep(TRY_EVERY_S)
        self._waits = False
        return taken

    async def keep(self, look_every_s: float) -> None:
        """See to it that the place stays ours: with its connection it is lost, and anybody's. Raises ``AnotherServer``."""
        while True:
            await trio.sleep(look_every_s)
            try:
                if not await self.take():
                    raise AnotherServer(f"another server took the database {self._location} while it was away from this one")
            except StoreUnavailable as error:
                log.warning("sole_server.unknown", reason=str(error))

    async def leave(self) -> None:
        """Make room for the next."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await self._blocking.run(KIND, connection.close)

    def _try(self) -> bool:
        try:
            import psycopg

            from .postgres_connect import connect, unavailable
        except ImportError as error:
            raise StoreUnavailable("PostgreSQL needs psycopg: install csms[postgres]") from error
        try:
            if self._taken and self._connection is not None and not self._connection.closed:
                self._connection.execute("SELECT 1")
                return True
            if self._connection is None or self._connection.closed:
                self._taken, self._connection = False, connect(self._location, self._config, "csms sole server")
                self._connection.execute(NOTICE_THE_DEAD)
                if self._backend is not None:  # it may not have noticed that the connection is gone, and still hold the place
                    self._connection.execute(END, self._backend)
                (self._schema, *backend) = self._connection.execute(WHO).fetchall()[0]
                self._backend = tuple(backend)
            number = key_number(f"the server of {self._schema}")
            self._taken = bool(self._connection.execute("SELECT pg_try_advisory_lock(%s)", (number,)).fetchall()[0][0])
            return self._taken
        except psycopg.Error as error:
            if self._connection is not None:
                self._connection.close()
            raise unavailable(self._location, error) from error
