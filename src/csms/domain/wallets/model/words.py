"""Words that wallets, movements and holds share."""

from __future__ import annotations

from csms.core.ledger import (
    ACCOUNT_KINDS,
    ALLOWANCE,
    HELD,
    OF_DRIVERS,
    PREPAYMENT,
    RECEIVABLE,
    TX,
    WALLET,
    WH,
)

ACTIVE, FROZEN = "active", "frozen"
STATUSES = (ACTIVE, FROZEN)

RUNNING = (*OF_DRIVERS, PREPAYMENT)
"""Kinds of accounts whose balance runs along with their entries; that of others is summed up when it is asked for."""
NEVER_BELOW_ZERO = (HELD, PREPAYMENT, ALLOWANCE)
ALLOWANCE_UNITS = (WH, TX)
MONEY_OF_DRIVERS = (WALLET, HELD, RECEIVABLE)
SUMMED = tuple(kind for kind in ACCOUNT_KINDS if kind not in RUNNING)

LONGEST_NAME = 100
LONGEST_KEY = 200
LONGEST_DESCRIPTION = 300


def accounts_key(tenant: int) -> str:
    """The write key of opening accounts that are nobody's own."""
    return f"ledger_accounts:{tenant}"


def checkpoint_key(account_id: int) -> str:
    """The write key of an account's checkpoints."""
    return f"ledger_checkpoint:{account_id}"
