"""How many rows a list has, remembered until somebody writes to what was counted.

Whoever shows pages says how many rows there are, and to count them is to walk them: of 20,000 drivers that took half of the request. What is
written through this store makes what was counted before it void at once; what another process writes, such as the command line, is seen
after a second.
"""

from __future__ import annotations

from collections.abc import Iterable
from time import perf_counter
from typing import Any

from .statements import Statement

MOST_COUNTS = 1_000
LONGEST_S = 1.0
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


class Counts:
    """What was counted lately, for all readers of a store; used by several threads."""

    def __init__(self) -> None:
        self.turn = 0
        """Grows with every commit that wrote something."""
        self._written: dict[str, int] = {}
        """The turn in which a table was written to last."""
        self._everything = 0
        """The turn in which rows of a parent were last removed: those of other tables may have gone with them."""
        self._counted: dict[Key, tuple[int, int, float]] = {}

    def changed(self, statements: Iterable[Statement]) -> None:
        """These were run and are committed; before whoever waits for them hears of it."""
        self.turn = turn = self.turn + 1
        for statement in statements:
            if statement.removes and not PARENTS.isdisjoint(statement.writes):
                self._everything = turn
            for table in statement.writes:
                self._written[table] = turn

    def known(self, statement: Statement, parameters: dict[str, Any]) -> int | None:
        """How many there are, where that still holds."""
        counted = self._counted.get(_key(statement, parameters))
        if counted is None:
            return None
        total, turn, at = counted
        written = self._written
        if (
            self._everything > turn
            or perf_counter() - at > LONGEST_S
            or any(written.get(each, 0) > turn for each in statement.tables)
        ):
            return None
        return total

    def keep(self, statement: Statement, parameters: dict[str, Any], total: int, turn: int) -> None:
        """So many were counted, by what there was in ``turn``: the one before the snapshot was taken."""
        if len(self._counted) >= MOST_COUNTS:
            self._counted.clear()
        self._counted[_key(statement, parameters)] = (total, turn, perf_counter())


def _key(statement: Statement, parameters: dict[str, Any]) -> Key:
    return statement.sql, *parameters.items()
