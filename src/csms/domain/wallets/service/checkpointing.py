"""Checkpoints of the accounts that are summed up, so that their balances are never summed up from the beginning."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from csms.core.ports import ReadTx, Tx
from csms.domain.wallets.model.words import checkpoint_key
from csms.domain.wallets.store import checkpoints as store

STEP = 2000
"""Entries between two checkpoints of an account."""
SLACK_MS = 600_000
"""How old movements are that a checkpoint sums up. PostgreSQL commits out of order, and one that commits after its checkpoint would be
missed; the server ends transactions that idle long before this."""


@attrs.frozen(slots=True)
class Due:
    """A checkpoint that is due: of which account, after which movement and up to which."""

    account_id: int
    before: int
    until: int


def due(tx: ReadTx, step: int = STEP) -> Sequence[Due]:
    """The next checkpoint of every account that has one due."""
    until = store.settled(tx, tx.now - SLACK_MS)
    found = []
    for row in store.summed(tx):
        stop = store.next_stop(tx, row["id"], row["through"], until, step)
        if stop is not None:
            found.append(Due(row["id"], row["through"], stop))
    return found


def checkpoint(tx: Tx, wanted: Due) -> bool:
    """Make a checkpoint; False where somebody else made one meanwhile."""
    tx.claim(checkpoint_key(wanted.account_id))
    total, entries = store.between(tx, wanted.account_id, wanted.before, wanted.until)
    balance = store.balance_at(tx, wanted.account_id, wanted.before) + total
    return store.advance(tx, wanted.account_id, before=wanted.before, until=wanted.until, balance=balance, entries=entries)
