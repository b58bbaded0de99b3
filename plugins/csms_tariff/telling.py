"""Takes prices that a source tells, by the API or by another plugin's event."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import attrs

from csms.hooks import PluginContext, TenantId

from . import checks, writes

LONGEST_MS = 86_400_000
"""How long a price holds that says no end and is followed by none."""


@attrs.frozen(slots=True)
class Told:
    """A price per kWh, from an instant, included, to another, not; None: until the next one, a day at most."""

    from_at: int
    to_at: int | None
    price: Decimal


async def tell(context: PluginContext, tenant: TenantId, source: str, prices: Sequence[Told], *, by: str) -> int:
    """Keep prices; how many were new. One that has begun stays as it was told. Raises ``StoreUnavailable``."""
    ordered = sorted(prices, key=lambda each: each.from_at)
    changes = []
    for number, each in enumerate(ordered):
        to_at = each.to_at
        if to_at is None:
            later = [other.from_at for other in ordered[number + 1 :] if other.from_at > each.from_at]
            to_at = min([each.from_at + LONGEST_MS, *later[:1]])
        changes.append(writes.insert_price(source, from_at=each.from_at, to_at=to_at, price=f"{each.price:f}", by=by))
    return sum(await context.store.write(*changes, tenant=tenant)) if changes else 0


def problem_of(event: Any) -> str:
    """What is wrong with a price that was told by an event; ``""`` for nothing."""
    if not isinstance(getattr(event, "source", None), str) or not checks.is_source(event.source):
        return "source is a name in small letters"
    if type(getattr(event, "from_at", None)) is not int or type(getattr(event, "to_at", None)) not in (int, type(None)):
        return "from_at is an instant, to_at one or None"
    if event.to_at is not None and event.to_at <= event.from_at:
        return "to_at is not after from_at"
    try:
        price = Decimal(str(event.price))
    except (AttributeError, InvalidOperation):
        return "price is a decimal"
    return "" if price.is_finite() and abs(price) <= checks.MOST else "price is a decimal of sane size"
