"""Wallets, their statements, and what is held of them."""

from __future__ import annotations

import attrs

from csms.core.ledger import Funds

from .words import FROZEN


@attrs.frozen(slots=True, kw_only=True)
class Wallet:
    """What a driver has in one currency.

    ``balance_minor`` counts what is held; ``owed_minor`` is debt beside it. ``credit_limit_minor`` is the wallet's own, None where the
    tenant's holds; ``credit_minor`` is the one in force. A frozen wallet pays nothing new.
    """

    id: int
    driver_id: int
    currency: str
    status: str
    balance_minor: int
    held_minor: int
    owed_minor: int
    credit_limit_minor: int | None
    credit_minor: int
    available_minor: int
    opened_at: int
    changed_at: int

    def steady(self) -> tuple[str, int | None]:
        """What people change of it."""
        return self.status, self.credit_limit_minor

    @property
    def funds(self) -> Funds:
        """The same, as the ledger's port says it."""
        return Funds(
            currency=self.currency,
            balance_minor=self.balance_minor,
            held_minor=self.held_minor,
            credit_minor=self.credit_minor,
            owed_minor=self.owed_minor,
            frozen=self.status == FROZEN,
        )


@attrs.frozen(slots=True, kw_only=True)
class WalletItem:
    """A wallet in a list, with whose it is."""

    id: int
    driver_id: int
    driver_name: str
    driver_email: str
    currency: str
    status: str
    balance_minor: int
    held_minor: int
    owed_minor: int
    credit_limit_minor: int | None
    credit_minor: int
    available_minor: int
    opened_at: int
    changed_at: int


@attrs.frozen(slots=True, kw_only=True)
class WalletLine:
    """What a movement did to a wallet: a line of its statement. ``id`` is the movement's.

    Holding and releasing changes ``held_after_minor`` alone: what is held is still the driver's. ``owed_minor`` is by how much their
    debt grew.
    """

    id: int
    at: int
    kind: str
    description: str
    reference_kind: str
    reference_id: str
    currency: str
    amount_minor: int
    held_minor: int
    owed_minor: int
    balance_after_minor: int
    held_after_minor: int
    owed_after_minor: int


@attrs.frozen(slots=True, kw_only=True)
class Hold:
    """Money of a wallet that something may come to; ``left_minor`` is what is not used or released yet."""

    id: int
    key: str
    driver_id: int
    currency: str
    amount_minor: int
    left_minor: int
    reference_kind: str
    reference_id: str
    description: str
    made_at: int
    expires_at: int | None
    released_at: int | None


@attrs.frozen(slots=True, kw_only=True)
class Statement:
    """A wallet's lines in a stretch of time, the oldest first, between what there was before and after."""

    wallet: Wallet
    driver_name: str
    operator: str
    time_zone: str
    from_at: int
    to_at: int
    opening_minor: int
    closing_minor: int
    came_in_minor: int
    went_out_minor: int
    lines: tuple[WalletLine, ...]
    printed_at: int
