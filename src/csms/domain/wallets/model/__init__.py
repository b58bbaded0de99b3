"""Nouns and events of the wallets slice."""

from __future__ import annotations

from .events import LedgerUnbalanced, WalletMoved, WalletOpened
from .ledger import (
    Account,
    AccountBalance,
    Entry,
    Finding,
    LedgerCheck,
    Movement,
    TrialBalance,
    TrialRow,
    UnitTotal,
    is_running,
)
from .wallets import Hold, Statement, Wallet, WalletItem, WalletLine
from .words import ACTIVE, FROZEN, STATUSES

__all__ = [
    "ACTIVE",
    "FROZEN",
    "STATUSES",
    "Account",
    "AccountBalance",
    "Entry",
    "Finding",
    "Hold",
    "LedgerCheck",
    "LedgerUnbalanced",
    "Movement",
    "Statement",
    "TrialBalance",
    "TrialRow",
    "UnitTotal",
    "Wallet",
    "WalletItem",
    "WalletLine",
    "WalletMoved",
    "WalletOpened",
    "is_running",
]
