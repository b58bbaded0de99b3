"""The index of texts that SQLite has beside some tables: which of their rows may hold a text in the column ``searched`` (ADR 19).

It knows triples of characters, and of each the rows that hold it. A row that holds a text holds all its triples; one that holds the triples
need not hold the text, so that whoever asks looks at what is found here once more.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

MOST = 200
"""Rows that are worth looking at one by one; to look through all of a tenant's is quicker than to look up more."""
TRIPLE, MOST_TRIPLES, FEWEST_TELLING = 3, 7, 2
INDEXED = ("drivers", "tokens")


def index_of(table: str) -> str:
    """The name of the index of a table's texts."""
    return f"{table}_texts"


def candidates_sql(table: str) -> str:
    """The statement that finds rows of every tenant, ``ours`` 1 for those of ``:tenant``; at most one more than ``MOST``.

    The bound is one of the index: what other tenants have costs nobody more than that.
    """
    index = index_of(table)
    return (
        f"SELECT found.rowid AS id, t.id IS NOT NULL AS ours FROM (SELECT rowid FROM {index} WHERE {index} MATCH :triples"  # noqa: S608 - our own words
        f" LIMIT {MOST + 1}) AS found LEFT JOIN {table} t ON t.tenant = :tenant AND t.id = found.rowid"
    )


def asked_for(text: str) -> tuple[str, ...]:
    """What to ask the index for, one after the other until it names few rows; nothing where it cannot know: it has nothing shorter than a
    triple, and ends at a NUL.

    Every third triple covers the text, and the last its end; of a long one the first few do. What they find needlessly costs less than
    more of them would. First those with digits: of cards, numbers and addresses they tell one from another, while their letters
    (``.com``) are in every row, and to walk all of those takes ten times as long.
    """
    sought = text.strip().lower()
    if len(sought) < TRIPLE or "\0" in sought:
        return ()
    end = len(sought) - TRIPLE
    every = list(dict.fromkeys(sought[place : place + TRIPLE] for place in (*range(0, end, TRIPLE)[: MOST_TRIPLES - 1], end)))
    telling = [triple for triple in every if any(each.isdigit() for each in triple)]
    if FEWEST_TELLING <= len(telling) < len(every):
        return _phrases(telling), _phrases(every)
    return (_phrases(every),)


def _phrases(triples: Iterable[str]) -> str:
    return " ".join(f'"{triple.replace(chr(34), chr(34) * 2)}"' for triple in triples)


def lacking(connection: sqlite3.Connection) -> str:
    """What SQLite lacks to have such an index, ``""`` where it lacks nothing."""
    if connection.execute("SELECT 1 FROM pragma_module_list WHERE name = 'fts5'").fetchone():
        return ""
    return f"the SQLite of this Python ({sqlite3.sqlite_version}) was built without FTS5, which csms needs for searching; use one that has it"
