"""Chargers by what they are called: looked through in memory, for every search among transactions asks for them, too."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from csms.core.ports import ReadTx, Row


class _Names:
    """The ids and names of chargers, in lower case, one after another in one text."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._ids = [row["id"] for row in rows]
        self._names = [(row["called"], row["named"]) for row in rows]
        entries = [f"{called}\n{named}\n" for called, named in self._names]
        self._begins = [0, *accumulate(map(len, entries))]
        self._text = "".join(entries)

    def holding(self, word: str, most: int) -> list[str]:
        """The first chargers with a word in their id or name; without a word all."""
        if not word:
            return self._ids[:most]
        found: list[str] = []
        at = self._text.find(word)
        while at >= 0 and len(found) < most:
            place = bisect_right(self._begins, at) - 1
            if any(word in each for each in self._names[place]):  # and not only in one and the next together
                found.append(self._ids[place])
            at = self._text.find(word, self._begins[place + 1])
        return found


def chargers_called(tx: ReadTx, text: str, most: int) -> list[str]:
    """At most ``most`` chargers whose id or name holds a text, in any case, by id."""
    names = tx.remembered(
        "SELECT id, lower(id) AS called, lower(name) AS named FROM chargers WHERE tenant = :tenant ORDER BY id", _Names
    )
    return names.holding(text.strip().lower(), most)
