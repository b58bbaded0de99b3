"""What SQLite's query planner is told of tables, the same in every installation, so that its plans are the ones that were tested.

Without statistics SQLite takes any equality in an index for a find of ten rows: ``tenant = :tenant AND transaction_id IN (...)`` then walks
all that a tenant has, for there is mostly one tenant. With those of ``ANALYZE`` plans would hang on when it was last run. So
``sqlite_stat1`` is written by rule (https://www.sqlite.org/optoverview.html, "manual control of query plans using sqlite_stat tables"):
a large operator's tables, in which a tenant's name tells nothing.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator

MANY, SOME, FEW = 1_000_000, 50_000, 1_000
"""Rows of tables that grow with what happens, with chargers and drivers, and with what an operator sets up."""
_SOME = frozenset(
    {
        "chargers",
        "charger_keys",
        "charger_seen",
        "charger_profiles",
        "connectors",
        "connector_details",
        "evses",
        "drivers",
        "driver_groups",
        "tokens",
        "users",
        "vehicles",
        "wallets",
        "ledger_accounts",
        "analytics_ports",
        "analytics_ports_gone",
    }
)
_FEW = frozenset(
    {"tenants", "stations", "charger_models", "gateways", "cursors", "invoice_series", "parties", "availability_wishes"}
)
_LARGE_PART = re.compile(r"<> ''|_id IS NOT NULL|(removed|archived)_at IS NULL", re.IGNORECASE)
"""An index over what is there, or has something, has half of the table's rows; any other part of a table (what is open or due) is small."""
_ALIKE = frozenset(
    {"state", "kind", "type", "status", "unit", "currency", "period", "scope", "channel", "consumer", "template", "source"}
)
TENANTS, ALIKE_VALUES, OTHER_VALUES = 20, 10, 50_000
"""How many different values these columns have. With more tenants their rows would seem few, with one alone the rows of all tenants would
be looked through for those of one."""


def tell_planner(connection: sqlite3.Connection) -> None:
    """Write the statistics of every index that there is, where others are there; connections that are opened later plan by them."""
    wanted = list(_statistics(connection))
    known = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'").fetchone()
    if known and set(connection.execute("SELECT tbl, idx, stat FROM sqlite_stat1")) == set(wanted):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute("ANALYZE schema_migrations")  # nobody may make the table but this
        connection.execute("DELETE FROM sqlite_stat1")
        connection.executemany("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", wanted)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _statistics(connection: sqlite3.Connection) -> Iterator[tuple[str, str, str]]:
    """Table, index, and the numbers: rows in the index, then how many of them share their first column, their first two ..."""
    indexes = connection.execute(
        'SELECT m.name, i.name, i."unique", i.partial, s.sql FROM pragma_table_list m JOIN pragma_index_list(m.name) i'
        " LEFT JOIN sqlite_schema s ON s.type = 'index' AND s.name = i.name"
        " WHERE m.schema = 'main' AND m.type = 'table' AND m.name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY m.name, i.name"
    ).fetchall()
    for table, index, unique, partial, sql in indexes:
        rows = FEW if table in _FEW else SOME if table in _SOME else MANY
        if partial:
            rows = rows // 2 if _LARGE_PART.search(sql.rpartition("WHERE")[2]) else FEW
        names = [row[0] for row in connection.execute("SELECT name FROM pragma_index_info(?) ORDER BY seqno", (index,))]
        numbers, alike = [rows], rows
        for name in names:
            alike = max(2, alike // (TENANTS if name == "tenant" else ALIKE_VALUES if name in _ALIKE else OTHER_VALUES))
            numbers.append(alike)
        if unique:
            numbers[-1] = 1
        yield table, index, " ".join(map(str, numbers))
