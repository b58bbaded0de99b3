"""Accounts, movements and what proves them right."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from csms.core.ledger import AccountRef

from .words import RUNNING


@attrs.frozen(slots=True, kw_only=True)
class Account:
    """An account as it is stored. ``through`` is None where ``balance`` runs; else ``balance`` sums up movements to that one."""

    id: int
    kind: str
    unit: str
    name: str
    driver_id: int | None
    balance: int
    entries: int
    through: int | None

    @property
    def ref(self) -> AccountRef:
        """Which one it is."""
        return AccountRef(kind=self.kind, unit=self.unit, name=self.name, driver_id=self.driver_id)


def is_running(ref: AccountRef) -> bool:
    """Whether an account's balance runs along with its entries."""
    return ref.kind in RUNNING


@attrs.frozen(slots=True, kw_only=True)
class Entry:
    """One side of a movement as it was made. ``balance_after`` is known of accounts whose balance runs."""

    account_id: int
    kind: str
    unit: str
    name: str
    driver_id: int | None
    amount: int
    balance_after: int | None


@attrs.frozen(slots=True, kw_only=True)
class Movement:
    """A movement as it was made. ``again``: it was there already, by its key, and nothing moved now. ``by`` is who wanted it;
    ``tax_code`` the HSN or SAC of what it was a fee for."""

    id: int
    key: str
    kind: str
    at: int
    description: str
    reference_kind: str
    reference_id: str
    by: str
    entries: Sequence[Entry]
    tax_code: str = ""
    again: bool = False


@attrs.frozen(slots=True, kw_only=True)
class AccountBalance:
    """An account and what is in it."""

    id: int
    kind: str
    unit: str
    name: str
    driver_id: int | None
    balance: int
    opened_at: int


@attrs.frozen(slots=True, kw_only=True)
class TrialRow:
    """All accounts of one kind and unit, summed up. Debit is what is below zero, as a positive number."""

    kind: str
    unit: str
    accounts: int
    debit: int
    credit: int


@attrs.frozen(slots=True, kw_only=True)
class UnitTotal:
    """Debits and credits of a unit, which are equal as long as nothing is wrong."""

    unit: str
    debit: int
    credit: int


@attrs.frozen(slots=True, kw_only=True)
class TrialBalance:
    """Every account of the tenant, by kind and unit, at one moment."""

    at: int
    rows: Sequence[TrialRow]
    totals: Sequence[UnitTotal]
    balanced: bool


@attrs.frozen(slots=True, kw_only=True)
class Finding:
    """Something in the ledger that does not add up. ``what`` is a movement, an account, a wallet, a checkpoint or a unit."""

    what: str
    name: str
    expected: int
    found: int
    detail: str


@attrs.frozen(slots=True, kw_only=True)
class LedgerCheck:
    """What a check of the whole ledger came to, and of how much it looked at."""

    started_at: int
    ended_at: int
    movements: int
    accounts: int
    wallets: int
    checkpoints: int
    findings: Sequence[Finding]
    balanced: bool
