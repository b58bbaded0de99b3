"""Driving: what a plugin may do for a driver who asks by other ways than the API, such as a message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn, Protocol

import attrs

from .errors import Refused
from .ids import TenantId
from .money import Money


@attrs.frozen(slots=True, kw_only=True)
class KnownDriver:
    """A driver as somebody who writes is known. ``language`` is BCP 47, ``""`` where nobody said."""

    tenant: TenantId
    driver_id: int
    name: str
    language: str = ""


@attrs.frozen(slots=True, kw_only=True)
class RunningCharge:
    """A charge of a driver that goes on. ``energy_wh`` and ``cost`` are so far, None while nobody knows."""

    transaction_id: int
    charger_id: str
    station_name: str
    evse: int
    state: str
    started_at: int | None
    energy_wh: int | None
    cost: Money | None


@attrs.frozen(slots=True)
class ChargerTold:
    """What a charger made of what a driver asked: ``accepted`` None where it said nothing; ``status`` is its word, or why there is none."""

    transaction_id: int
    accepted: bool | None
    status: str


class Driving(Protocol):
    """Charging on a driver's behalf: with their own token, limits, wallet and plans, as if they had asked the API."""

    async def by_phone(self, phone: str, /) -> KnownDriver | None:
        """The one driver with this telephone number (E.164); None for nobody, and for more than one."""
        ...

    async def start(self, driver: KnownDriver, code: str, /) -> ChargerTold:
        """Start charging at the connector with a code. Raises ``NotFound``, ``Refused``, ``Invalid`` or ``StoreUnavailable``."""
        ...

    async def stop(self, driver: KnownDriver, /) -> Sequence[ChargerTold]:
        """Stop whatever the driver charges. Raises ``StoreUnavailable``."""
        ...

    async def running(self, driver: KnownDriver, /) -> Sequence[RunningCharge]:
        """What the driver charges now."""
        ...


class NoDriving:
    """``Driving`` of a process that starts nothing."""

    async def _refuse(self, *_: Any) -> NoReturn:
        raise Refused("this process speaks to no chargers")

    by_phone = start = stop = running = _refuse
