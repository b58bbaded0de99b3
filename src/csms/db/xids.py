"""Transaction numbers in events that came from another PostgreSQL server, and would stand above this one's horizon for ever."""

from __future__ import annotations

from typing import Any

import psycopg
import structlog

from .routing import key_number

log = structlog.get_logger(__name__)

LOCK = key_number("rebase of transaction numbers")
TABLES = ("events", "cursors", "deliveries")

_TOP = "SELECT greatest((SELECT max(xid) FROM events), (SELECT max(xid) FROM cursors), (SELECT max(xid) FROM deliveries))"
_FOREIGN = f"SELECT ({_TOP}) >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint"


def rebase(connection: psycopg.Connection[Any]) -> None:
    """Move every transaction number below zero, in order; inside the caller's transaction. New ones are above them all."""
    row = connection.execute(_TOP).fetchone()
    if row is None or row[0] is None or row[0] < 0:
        return
    for table in TABLES:
        connection.execute(f"UPDATE {table} SET xid = xid - %s WHERE xid > %s".encode(), (row[0] + 1, -(2**61)))  # noqa: S608 - constants


def rebase_foreign(connection: psycopg.Connection[Any]) -> None:
    """Do so where a number is from the future, which only another server can have written (a dump restored by hand)."""
    row = connection.execute(_FOREIGN).fetchone()
    if row is None or not row[0]:
        return
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        row = connection.execute(_FOREIGN).fetchone()
        if row is not None and row[0]:
            log.warning("the events come from another server; their transaction numbers are moved")
            rebase(connection)
