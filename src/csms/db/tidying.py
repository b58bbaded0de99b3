"""Rewrites the indexes of texts, so that nothing stays in them of what rows held once; in slices, as retention does."""

from __future__ import annotations

from functools import partial

import trio

from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import ReadTx, Tx

from .database import StoreDatabase
from .location import SQLITE
from .texts import INDEXED, index_of

PAGES = 16
"""What a slice writes: a millisecond, about."""


async def tidy(database: StoreDatabase, *, rest_s: float = 0.05) -> int:
    """Put the pieces of each index together into one, in slices, so that nothing stays of what rows held once; how many slices.

    What is changed or erased is found no more at once, but its triples stay in older pieces of the index until those are written anew.
    """
    slices = 0
    for table in INDEXED if database.engine == SQLITE else ():
        pieces, pages = await database.read(partial(_size, index_of(table)), tenant=DEFAULT_TENANT)
        most = pages // PAGES + 3  # what is written meanwhile makes new pieces: those are for the next time
        for number in range(most if pieces > 1 else 0):
            pieces = await database.write(_tidy_slice, index_of(table), -PAGES if number == 0 else PAGES, tenant=DEFAULT_TENANT)
            slices += 1
            if pieces < 2:
                break
            await trio.sleep(rest_s)
    return slices


def _size(index: str, tx: ReadTx) -> tuple[int, int]:
    """How many pieces an index has, and how many pages."""
    row = tx.system("an index is of all tenants").one(f"SELECT count(DISTINCT segid) AS pieces, count(*) AS pages FROM {index}_idx")  # noqa: S608
    return (0, 0) if row is None else (row["pieces"], row["pages"])


def _tidy_slice(tx: Tx, index: str, pages: int) -> int:
    """Write a few pages anew; how many pieces there are now. A negative number begins, with all pieces that there are."""
    tx.system("an index is of all tenants").run(f"INSERT INTO {index} ({index}, rank) VALUES ('merge', :pages)", pages=pages)  # noqa: S608
    return _size(index, tx)[0]
