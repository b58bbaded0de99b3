"""What a driver did and what became of it, as one timeline made of several slices' facts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from csms.core.paging import NEWEST_FIRST, Direction, Onward, filter_by, one_of
from csms.core.ports import ReadTx

KINDS = ("charge", "wallet")


@attrs.frozen(slots=True, kw_only=True)
class Activity:
    """One entry of a driver's timeline. ``kind`` says of what, and ``id`` which one: ``charge`` is a transaction, ``wallet`` a movement.

    ``amount_minor`` is what it cost (negative) or brought (positive), None where there is no price.
    """

    kind: str
    id: int
    at: int
    title: str
    state: str = ""
    station_id: int | None = None
    station_name: str | None = None
    charger_id: str | None = None
    energy_wh: int | None = None
    duration_s: int | None = None
    amount_minor: int | None = None
    currency: str | None = None


@attrs.frozen(slots=True, kw_only=True)
class ActivitySpan:
    """What of a timeline is asked for: at most ``limit`` entries of ``from_at <= at < to_at`` beyond the (at, id) last ``seen``, in order."""

    limit: int
    way: Direction = NEWEST_FIRST
    from_at: int | None = None
    to_at: int | None = None
    seen: tuple[int, int] | None = None


ActivitySource = Callable[[ReadTx, int, ActivitySpan], Sequence[Activity]]
"""``source(tx, driver_id, span)``: a driver's entries of one kind.

A slice that knows something about drivers offers one; ``management`` puts them together, by kind.
"""


@attrs.frozen(slots=True, kw_only=True)
class ActivityQuery(Onward):
    """Which stretch of a timeline somebody wants."""

    kind: str | None = one_of(*KINDS, help="only charges, or only what moved the wallet")
    from_at: int | None = filter_by("then or later")
    to_at: int | None = filter_by("before")
