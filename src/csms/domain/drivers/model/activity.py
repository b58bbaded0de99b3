"""What a driver did and what became of it, as one timeline made of several slices' facts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from csms.core.paging import Following
from csms.core.ports import ReadTx

LATEST = (2**63 - 1, 2**63 - 1)
"""The ``before`` that is before nothing."""


@attrs.frozen(slots=True, kw_only=True)
class Activity:
    """One entry of a driver's timeline. ``kind`` says of what, and ``id`` which one: ``charge`` is a transaction.

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


ActivitySource = Callable[[ReadTx, int, tuple[int, int], int], Sequence[Activity]]
"""``source(tx, driver_id, before, limit)``: a driver's entries of one kind, the newest first: those with (at, id) less than ``before``.

A slice that knows something about drivers offers one; ``management`` puts them together.
"""


@attrs.frozen(slots=True, kw_only=True)
class ActivityQuery(Following):
    """Which stretch of a timeline somebody wants."""
