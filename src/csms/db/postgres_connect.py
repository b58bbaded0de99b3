"""Connections to PostgreSQL: how they are made, how values travel, and what its errors mean to us."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import psycopg
from psycopg.adapt import AdaptersMap, Buffer, Dumper, Loader
from psycopg.types.numeric import Int8Dumper

from csms.config import DatabaseConfig
from csms.core.errors import Conflict, StoreUnavailable

from .location import PostgresLocation

PREPARE_AFTER = 2
MOST_PREPARED = 500
IDLE_IN_TRANSACTION_S = 60
"""A process that stands still in the middle of a batch must not hold its keys against other nodes for longer."""

AGAIN = frozenset({"40001", "40P01"})
"""Serialization failure and deadlock: the transaction is to be run again."""
GONE = frozenset({"57P01", "57P02", "57P05"})
"""The server ends the connection: shut down, crashed, idle for too long."""
_OUT_OF_ORDER_CLASSES = ("08", "53", "58", "XX")
_OUT_OF_ORDER = frozenset({"25006", "57P03", *GONE})
"""Read-only, starting up, gone."""
_TIMED_OUT = "57014"
_CONFLICT = frozenset({"23503", "23505"})


class _Text(Dumper):
    """Text as ``text``, so that the server never has to guess. It stores no NUL; chargers have been seen to send one."""

    oid = psycopg.adapters.types["text"].oid

    def dump(self, obj: Any) -> Buffer | None:
        text: str = obj
        return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace")


class _Truth(Int8Dumper):
    """Booleans are 0 and 1 on both engines."""

    def dump(self, obj: Any) -> Buffer | None:
        return b"1" if obj else b"0"


class _Whole(Loader):
    """``sum(bigint)`` is numeric; it is an integer on both engines."""

    def load(self, data: Buffer) -> Any:
        text = bytes(data).decode()
        return int(text) if text.lstrip("-").isdigit() else Decimal(text)


def _adapters() -> AdaptersMap:
    adapters = AdaptersMap(psycopg.adapters)
    adapters.register_dumper(int, Int8Dumper)
    adapters.register_dumper(bool, _Truth)
    adapters.register_dumper(str, _Text)
    adapters.register_loader("numeric", _Whole)
    return adapters


class _Context:
    """What psycopg copies the adapters from."""

    connection = None
    adapters = _adapters()


CONTEXT = _Context()


def parameters(location: PostgresLocation, config: DatabaseConfig, application: str) -> dict[str, Any]:
    """Arguments for ``psycopg.connect``: bounded waits everywhere, and statements prepared once."""
    keep_alive = {"keepalives": 1, "keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3}
    return {
        "connect_timeout": max(2, round(config.connect_timeout_s)),
        "tcp_user_timeout": 30_000,
        "application_name": application,
        **keep_alive,
        **location.parameters,
        "autocommit": True,
        "prepare_threshold": PREPARE_AFTER,
        "context": CONTEXT,
    }


def prepare(connection: psycopg.Connection[Any], config: DatabaseConfig) -> None:
    """Settings of a new connection. An answer is a promise, so a server that commits to memory only is asked for the disk."""
    connection.prepared_max = MOST_PREPARED
    connection.execute(
        f"SET statement_timeout = {int(config.statement_timeout_s * 1000)};"
        f"SET idle_in_transaction_session_timeout = {IDLE_IN_TRANSACTION_S * 1000};"
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )


def connect(location: PostgresLocation, config: DatabaseConfig, application: str) -> psycopg.Connection[Any]:
    """A connection in autocommit mode. Raises ``StoreUnavailable``."""
    connection: psycopg.Connection[Any] | None = None
    try:
        connection = psycopg.connect(**parameters(location, config, application))
        prepare(connection, config)
    except psycopg.Error as error:
        if connection is not None:
            connection.close()
        raise unavailable(location, error) from error
    return connection


def parents(connection: psycopg.Connection[Any]) -> frozenset[str]:
    """Every table whose rows take those of others with them when they are removed, or change them."""
    rows = connection.execute(
        "SELECT DISTINCT t.relname FROM pg_constraint c JOIN pg_class t ON t.oid = c.confrelid"
        " WHERE c.contype = 'f' AND c.confdeltype NOT IN ('a', 'r')"
    )
    return frozenset(row[0].lower() for row in rows)


def tenant_tables(connection: psycopg.Connection[Any]) -> frozenset[str]:
    """Every table that has a column ``tenant``.

    The catalogue is asked directly: ``information_schema.columns`` looks up much more, and a new connection would take longer for it than
    for everything else together.
    """
    rows = connection.execute(
        "SELECT c.relname FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid JOIN pg_attribute a ON a.attrelid = c.oid "
        "WHERE n.nspname = ANY (current_schemas(false)) AND c.relkind IN ('r', 'p', 'v', 'f') "
        "AND a.attname = 'tenant' AND NOT a.attisdropped"
    ).fetchall()
    return frozenset(row[0] for row in rows)


def out_of_order(error: BaseException) -> bool:
    """Whether an error speaks of the server or the connection and not of one statement."""
    if not isinstance(error, psycopg.Error):
        return False
    state = error.sqlstate
    if state is None:
        return isinstance(error, psycopg.OperationalError)
    return state in _OUT_OF_ORDER or state.startswith(_OUT_OF_ORDER_CLASSES)


def unavailable(location: PostgresLocation, error: BaseException) -> StoreUnavailable:
    """The same error in our words; libpq's messages never contain the password."""
    text = " ".join(str(error).split())
    return StoreUnavailable(f"PostgreSQL database {location}: {text or type(error).__name__}")


def in_our_words(error: Exception) -> Exception:
    """A broken uniqueness or reference as ``Conflict``, a time-out as ``StoreUnavailable``; anything else as it is."""
    ours: Exception = error
    if isinstance(error, psycopg.Error):
        if error.sqlstate in _CONFLICT:
            ours = Conflict(str(error))
            ours.__cause__ = error
        elif error.sqlstate == _TIMED_OUT:
            ours = StoreUnavailable(f"PostgreSQL took too long: {error}")
            ours.__cause__ = error
    return ours
