"""Events of the wallets slice."""

from __future__ import annotations

from typing import ClassVar

import attrs

from csms.core.events import Event, event
from csms.core.ledger import wallet_key


@attrs.frozen(slots=True, kw_only=True)
class AboutWallet(Event):
    """What events about a driver's wallet have in common."""

    driver_id: int

    @property
    def key(self) -> str:
        """The write key of all that the driver has: what happens to it is told in order."""
        return wallet_key(0, self.driver_id)


@event
@attrs.frozen(slots=True, kw_only=True)
class WalletOpened(AboutWallet):
    """A driver has a wallet now; told once per driver and currency."""

    type: ClassVar[str] = "wallet_opened"

    wallet_id: int
    currency: str


@event
@attrs.frozen(slots=True, kw_only=True)
class WalletMoved(AboutWallet):
    """A movement changed what a driver has. ``unit`` is a currency, or ``WH`` or ``TX`` of an allowance (``account_id``).

    ``amount`` is what came to the wallet, below zero what went; 0 where it was only held or released (``held_after``), or where a debt
    alone changed (``owed_after``).
    """

    type: ClassVar[str] = "wallet_moved"

    movement_id: int
    kind: str
    unit: str
    amount: int
    balance_after: int
    held_after: int = 0
    owed_after: int = 0
    account_id: int | None = None
    reference_kind: str = ""
    reference_id: str = ""


@event
@attrs.frozen(slots=True, kw_only=True)
class LedgerUnbalanced(Event):
    """A check found that the ledger does not add up: ``what`` (an account, a movement, a wallet, a checkpoint, a unit) called ``name``.

    That is never right: somebody changed the store by hand, a disk lied, or csms has a fault.
    """

    type: ClassVar[str] = "ledger_unbalanced"

    what: str
    name: str
    expected: int
    found: int
    detail: str

    @property
    def key(self) -> str:
        """All in order."""
        return "ledger_unbalanced"
