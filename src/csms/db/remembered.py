"""What was found lately, such as how many rows a list has, remembered until somebody writes to what it was found in.

Whoever shows pages says how many rows there are, and to count them is to walk them: of 20,000 drivers that took half of the request. What is
written through this store makes what was found before it void at once; what another process writes, such as the command line, is seen
with the next commit here, and after a second at the latest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import Lock
from time import perf_counter
from typing import Any

from .statements import Statement

MOST_COUNTS, MOST_ROWS = 1_000, 50_000
"""How many counts are remembered, and of how many rows all that was made of them: some ten megabytes. What is more than that by itself is
not."""
LONGEST_S = 1.0
"""How long what was found holds while nobody looks whether another process wrote."""
PARENTS = frozenset(
    {
        "api_keys",
        "certificate_requests",
        "chargers",
        "configuration_templates",
        "cursors",
        "drivers",
        "external_identities",
        "installed_reads",
        "local_lists",
        "memberships",
        "messages",
        "station_groups",
        "stations",
        "token_groups",
        "tokens",
    }
)
"""The tables whose rows take those of other tables with them when they are removed, or change them."""

Key = tuple[Any, ...]
Build = Callable[..., Any]


class Remembered:
    """What was found lately, for all readers of a store; used by several threads."""

    def __init__(self) -> None:
        self.turn = 0
        """Grows with every commit that wrote something."""
        self._written: dict[str, int] = {}
        """The turn in which a table was written to last, other than by updates of a few columns."""
        self._updated: dict[str, dict[frozenset[str], int]] = {}
        """The turns in which some columns of a table were last updated."""
        self._everything = 0
        """The turn in which rows of a parent were last removed, so that those of other tables may have gone with them, or somebody else
        wrote."""
        self._alone_at = float("-inf")
        """When it was last known that nobody else had written."""
        self.parents = PARENTS
        """``PARENTS``, and those of plugins: from the schema, when the store is opened."""
        self._keeping = Lock()
        self._counts: dict[Key, tuple[Any, int, float]] = {}
        self._built: dict[Key, tuple[Any, int, float]] = {}
        self._rows: dict[Key, int] = {}

    def changed(self, statements: Iterable[Statement]) -> None:
        """These were run and are committed; before whoever waits for them hears of it."""
        self.turn = turn = self.turn + 1
        for statement in statements:
            if statement.obscure or (statement.removes and not self.parents.isdisjoint(statement.writes)):
                self._everything = turn
            for table in statement.writes:
                if statement.updates:
                    self._updated[table] = {
                        **self._updated.get(table, {}),
                        statement.updates: turn,
                    }  # a thread may look at the old one
                else:
                    self._written[table] = turn

    def alone(self, at: float) -> None:
        """Nobody else wrote since this was last said, until ``at``."""
        self._alone_at = at

    def others_wrote(self) -> None:
        """Another process wrote, nobody knows what."""
        self.turn = self._everything = self.turn + 1

    def known(self, statement: Statement, parameters: dict[str, Any], build: Build | None = None) -> Any:
        """What was found, where that still holds; else None."""
        found = (self._counts if build is None else self._built).get(_key(statement, parameters, build))
        if found is None:
            return None
        value, turn, at = found
        if self._everything > turn or perf_counter() - max(at, self._alone_at) > LONGEST_S or self._is_changed(statement, turn):
            return None
        return value

    def keep(self, statement: Statement, parameters: dict[str, Any], total: int, turn: int) -> None:
        """So many were counted, by what there was in ``turn``: the one before the snapshot was taken."""
        if len(self._counts) >= MOST_COUNTS:
            self._counts.clear()
        self._counts[_key(statement, parameters, None)] = (total, turn, perf_counter())

    def keep_built(self, statement: Statement, parameters: dict[str, Any], value: Any, turn: int, build: Build, rows: int) -> None:
        """That was made of so many ``rows``, of what there was in ``turn``."""
        key = _key(statement, parameters, build)
        with self._keeping:
            if sum(self._rows.values()) + rows >= MOST_ROWS or len(self._rows) >= MOST_COUNTS:
                self._built.clear()
                self._rows.clear()
            if rows < MOST_ROWS:
                self._built[key], self._rows[key] = (value, turn, perf_counter()), rows

    def _is_changed(self, statement: Statement, turn: int) -> bool:
        """Whether anything was written since that may change the result: an update only of columns that the text does not name does not."""
        written, updated, words = self._written, self._updated, statement.tables
        for word in words:
            if written.get(word, 0) > turn:
                return True
            for columns, when in updated[word].items() if word in updated else ():
                if when > turn and (statement.vague or not columns.isdisjoint(words)):
                    return True
        return False


def _key(statement: Statement, parameters: dict[str, Any], build: Build | None) -> Key:
    return statement.sql, build, *parameters.items()
