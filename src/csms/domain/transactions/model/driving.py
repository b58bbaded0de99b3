"""Transactions as drivers ask for them, and what a driver comes to."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from attrs import validators

from csms.core.paging import Following, filter_by


@attrs.frozen(slots=True, kw_only=True)
class Spent:
    """Money that a driver spent."""

    amount_minor: int
    currency: str


@attrs.frozen(slots=True, kw_only=True)
class DriverTotals:
    """What a driver charged so far. ``spent`` is per currency, null where nobody prices charging."""

    transactions: int
    charging_now: int
    energy_wh: int
    duration_s: int
    stations: int
    first_at: int | None
    last_at: int | None
    spent: Sequence[Spent] | None = None


@attrs.frozen(slots=True, kw_only=True)
class Wishes:
    """What whoever starts a charge asks for: at most so much money (in the tenant's currency), energy and time, and a promo code.

    ``payment_id`` is the payment that the charge was started by, which pays for it before any wallet does."""

    amount_minor: int | None = None
    energy_wh: int | None = None
    duration_s: int | None = None
    promo_code: str = ""
    payment_id: int | None = None


NO_WISHES = Wishes()
_MOST_MINOR = 10**12


@attrs.frozen(slots=True, kw_only=True)
class StartMine:
    """The body by which drivers start to charge: at the connector whose code they scanned, or at a charger, and there at an EVSE or
    wherever one is free. ``token_id`` is an own token to charge with; without, the app's own is used. It stops by itself at the amount,
    the energy or the time that is given."""

    qr_code: str | None = attrs.field(
        default=None,
        validator=validators.optional(validators.max_len(100)),
        metadata={"help": "the code at the end of the sticker's link"},
    )
    charger_id: str | None = attrs.field(
        default=None, validator=validators.optional([validators.min_len(1), validators.max_len(255)])
    )
    evse: int | None = attrs.field(default=None, validator=validators.optional([validators.ge(1), validators.le(999)]))
    token_id: int | None = None
    amount_minor: int | None = attrs.field(
        default=None,
        validator=validators.optional([validators.ge(1), validators.le(_MOST_MINOR)]),
        metadata={"help": "spend no more than this, taxes included"},
    )
    energy_wh: int | None = attrs.field(
        default=None,
        validator=validators.optional([validators.ge(100), validators.le(10_000_000)]),
        metadata={"help": "no more energy"},
    )
    duration_s: int | None = attrs.field(
        default=None, validator=validators.optional([validators.ge(60), validators.le(30 * 86_400)]), metadata={"help": "no longer"}
    )
    promo_code: str = attrs.field(default="", validator=validators.max_len(50))

    @property
    def wishes(self) -> Wishes | None:
        """What is asked for beside the place; None for nothing."""
        asked = Wishes(
            amount_minor=self.amount_minor, energy_wh=self.energy_wh, duration_s=self.duration_s, promo_code=self.promo_code.strip()
        )
        return None if asked == NO_WISHES else asked


@attrs.frozen(slots=True, kw_only=True)
class MineQuery(Following):
    """Which of their own transactions a driver wants."""

    open: bool | None = filter_by("true: may still draw energy; false: over")
    from_at: int | None = filter_by("began then or later")
    to_at: int | None = filter_by("began before")
