"""What a plugin may do with the database: read facts, and have the core write to the plugin's own tables and emit its own events."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from csms.core.errors import Conflict, Invalid
from csms.core.events import Event
from csms.core.ids import TenantId
from csms.core.ports import Database, ReadTx, Tx
from csms.hooks import Statement

T = TypeVar("T")

_NAME = re.compile(r"\w+", re.ASCII)
_TARGET = re.compile(r"\s*(?:insert\s+into|update|delete\s+from)\s+(\w+)\b", re.IGNORECASE)


def table_prefix(plugin: str) -> str:
    """How the names of a plugin's tables begin."""
    return f"plugin_{re.sub(r'[^A-Za-z0-9]', '_', plugin)}_".lower()


def write_key(plugin: str) -> str:
    """The write key of a plugin's tables."""
    return f"plugin:{plugin}"


def foreign_table(plugin: str, sql: str) -> str:
    """What is wrong with a statement that a plugin wants carried out, in words; nothing where it changes a table of its own."""
    target = _TARGET.match(sql)
    if target is None:
        return "a statement must begin with INSERT INTO, UPDATE or DELETE FROM and a table"
    prefix = table_prefix(plugin)
    return "" if target[1].lower().startswith(prefix) else f"table {target[1]} is not this plugin's; its tables begin with {prefix}"


def _next_id(tx: ReadTx, table: str) -> int:
    return int(tx.system("ids are of the installation").value(f"SELECT max(id) FROM {table}") or 0) + 1  # noqa: S608 (its name was checked)


def apply(tx: Tx, changes: tuple[Statement | Event, ...]) -> tuple[int, ...]:
    """The verb: core code that carries out what the plugin wants changed, so that no plugin code runs in the writer. Raises ``Conflict``."""
    touched = []
    for change in changes:
        if isinstance(change, Statement):
            touched.append(rows := tx.run(change.sql, **change.parameters))
            if change.expects not in (None, rows):
                raise Conflict(f"it changed meanwhile: {rows} rows were touched, not {change.expects}")
        else:
            tx.emit(change)
            touched.append(1)
    return tuple(touched)


class PluginStore:
    """The ``Store`` of one plugin."""

    def __init__(self, database: Database, *, plugin: str, events: frozenset[str]) -> None:
        self._database = database
        self._plugin = plugin
        self._prefix = table_prefix(plugin)
        self._events = events

    async def read(self, query: Callable[..., T], /, *arguments: Any, tenant: TenantId) -> T:
        """Run ``query(tx, *arguments)`` on a consistent snapshot, in a reader's thread."""
        return await self._database.read(query, *arguments, tenant=tenant)

    async def write(self, *changes: Statement | Event, tenant: TenantId) -> tuple[int, ...]:
        """Do all changes in one transaction. Raises ``Invalid`` for what is not the plugin's own, ``Conflict``, ``StoreUnavailable``."""
        for change in changes:
            self._check(change)
        keys = {write_key(self._plugin), *(change.key for change in changes if isinstance(change, Event))}
        return await self._database.write(apply, changes, tenant=tenant, keys=keys)

    async def add(self, table: str, make: Callable[[int], Iterable[Statement | Event]], *, tenant: TenantId) -> int:
        """Add a row under the next free id. No plugin code runs in the writer, so the id is read before: who took it meanwhile makes this
        try the next one. Raises ``Invalid``, ``Conflict``, ``StoreUnavailable``."""
        if not _NAME.fullmatch(table) or not table.lower().startswith(self._prefix):
            raise Invalid(f"table {table} is not this plugin's; its tables begin with {self._prefix}", field="table")
        taken = 0
        while True:
            number = await self._database.read(_next_id, table, tenant=tenant)
            try:
                await self.write(*make(number), tenant=tenant)
            except Conflict:
                if number == taken:
                    raise  # nobody else took that id: it is something else
                taken = number
            else:
                return number

    def _check(self, change: Statement | Event) -> None:
        if isinstance(change, Event):
            if change.type not in self._events:
                own = ", ".join(sorted(self._events)) or "none"
                raise Invalid(f"event {change.type!r} is not this plugin's to emit; it registered {own}", field="event")
            return
        if wrong := foreign_table(self._plugin, change.sql):
            raise Invalid(wrong, field="sql")
