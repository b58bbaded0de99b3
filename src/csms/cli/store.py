"""The database, as commands use it: opened for one piece of work, beside a running server or without one."""

from __future__ import annotations

import logging
import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

import attrs
import structlog
import trio

from csms.config import Config
from csms.core.errors import StoreUnavailable
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import ReadTx, Tx
from csms.db import StoreDatabase, open_database
from csms.db.location import Location, SqliteLocation, locate
from csms.db.migrate import MigrationError, core_migrations, pending
from csms.outside import SystemClock

T = TypeVar("T")

TENANT = DEFAULT_TENANT
"""Whose data the command line works on: every installation has this one."""


def in_database(config: Config, work: Callable[[StoreDatabase], Awaitable[T]]) -> T:
    """Open the database, do ``work``, close it. Raises what ``work`` raises, and ``StoreUnavailable`` when it cannot be opened."""
    log_to_stderr()
    return trio.run(_opened, config, work)


def read(config: Config, query: Callable[[ReadTx], T]) -> T:
    """One consistent look at the database."""
    return in_database(config, lambda database: database.read(query, tenant=TENANT))


def write(config: Config, verb: Callable[[Tx], T], *, keys: Iterable[str] = ()) -> T:
    """One verb in one transaction; what it returns is durable.

    A server that runs on the same database sees the change with its next read; SQLite's one lock is waited for.
    """
    return in_database(config, lambda database: database.write(verb, tenant=TENANT, keys=tuple(keys)))


def log_to_stderr() -> None:
    """Have what the layers below log go to standard error, from warnings up: standard output is for answers."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


async def _opened(config: Config, work: Callable[[StoreDatabase], Awaitable[T]]) -> T:
    await trio.to_thread.run_sync(need_migrated, config)
    modest = attrs.evolve(config.database, pool_size=1, lanes=1)
    async with open_database(modest, clock=SystemClock(), folder=config.folder) as database:
        return await work(database)


def need_database(config: Config) -> Location:
    """Where the database is. Raises ``StoreUnavailable`` when its file is not there."""
    place = locate(config.database, config.folder)
    if isinstance(place, SqliteLocation) and not place.path.exists():
        raise StoreUnavailable(f"there is no database {place}: `csms init` or `csms serve` makes it")
    return place


def need_migrated(config: Config) -> None:
    """Raise ``StoreUnavailable`` unless the database is there and as new as this program."""
    place = need_database(config)
    try:
        missing = pending(config.database, [core_migrations()], folder=config.folder)
    except MigrationError as error:
        raise StoreUnavailable(str(error)) from None
    if missing:
        raise StoreUnavailable(f"the database {place} lacks {len(missing)} migrations: `csms migrate` applies them")
