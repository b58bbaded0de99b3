"""Transactions over HTTP: for staff, for their drivers, and what fitted none."""

from __future__ import annotations

from csms.api.routes import Routes
from csms.domain.transactions.flows import StartFor, StopFor
from csms.domain.transactions.model import FundsObjection, Settings

from . import charging, driving, quarantined


def routes(
    settings: Settings,
    *,
    start: StartFor,
    stop: StopFor,
    spending: driving.Spending | None = None,
    objection: FundsObjection | None = None,
) -> list[Routes]:
    """Routes of this slice. ``start`` and ``stop`` give the flows of ``StartCharging`` and ``StopCharging``; ``spending`` is who knows
    what drivers spent, ``objection`` who knows whether they have the means to charge; None where nobody does."""
    return [
        charging.routes(settings, stop=stop, objection=objection),
        quarantined.routes(),
        driving.routes(start=start, stop=stop, spending=spending),
    ]
