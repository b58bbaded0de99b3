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
class StartMine:
    """The body by which drivers start to charge: at the connector whose code they scanned, or at a charger, and there at an EVSE or
    wherever one is free. ``token_id`` is an own token to charge with; without, the app's own is used."""

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


@attrs.frozen(slots=True, kw_only=True)
class MineQuery(Following):
    """Which of their own transactions a driver wants."""

    open: bool | None = filter_by("true: may still draw energy; false: over")
    from_at: int | None = filter_by("began then or later")
    to_at: int | None = filter_by("began before")
