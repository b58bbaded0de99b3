"""Stations as drivers look for them, and the connectors there."""

from __future__ import annotations

import attrs
from attrs import validators

from csms.core.paging import one_of
from csms.domain.documents.model import Shown
from csms.domain.stations.model import CONNECTOR_TYPES, CURRENT_TYPES, Address, OpeningHours, StationSearch

MOST_POWER_W = 10_000_000


@attrs.frozen(slots=True, kw_only=True)
class PlugCount:
    """Connectors of a kind at a station: how many there are, and how many are free now."""

    type: str
    current_type: str
    max_power_w: int | None
    total: int
    free: int


@attrs.frozen(slots=True, kw_only=True)
class StationForDrivers:
    """A station as drivers see it.

    ``access`` is ``granted`` where only those may charge who were let in, as whoever asks was. ``distance_m`` is how far it is, in a
    search around a point.
    """

    id: int
    name: str
    status: str
    address: Address
    directions: str
    latitude: float | None
    longitude: float | None
    time_zone: str
    opening_hours: OpeningHours
    amenities: tuple[str, ...]
    access: str
    favourite: bool
    plugs: tuple[PlugCount, ...]
    distance_m: int | None = None


@attrs.frozen(slots=True, kw_only=True)
class ConnectorForDrivers:
    """A connector where a driver may want to charge. ``startable`` says whether it would take one now, and ``reason`` why not.

    ``qr_code`` is what its sticker says: ``POST /me/transactions`` starts there, and ``GET /start/CODE/price`` says what it costs.
    """

    charger_id: str
    charger_name: str
    location: str
    evse: int
    connector: int
    label: str
    type: str
    current_type: str
    format: str
    max_power_w: int | None
    phases: int | None
    qr_code: str
    status: str
    startable: bool
    reason: str


@attrs.frozen(slots=True, kw_only=True)
class StationToCharge(StationForDrivers):
    """A station as drivers see it, with its connectors one by one, and pictures."""

    connectors: tuple[ConnectorForDrivers, ...] = ()
    images: tuple[Shown, ...] = ()


@attrs.frozen(slots=True, kw_only=True)
class StationsForDriversQuery(StationSearch):
    """Where a driver wants to charge. What is asked of a connector must all hold for one connector."""

    type: str | None = one_of(*CONNECTOR_TYPES, help="has a connector of this type, as OCPI names it")
    current_type: str | None = one_of(*CURRENT_TYPES, help="has an AC or a DC connector")
    min_power_w: int | None = attrs.field(
        default=None,
        validator=validators.optional([validators.ge(1), validators.le(MOST_POWER_W)]),
        metadata={"help": "has a connector of at least this power, in watts"},
    )
    free: bool = attrs.field(default=False, metadata={"help": "has such a connector that is free now"})
    favourite: bool = attrs.field(default=False, metadata={"help": "only one's favourites"})
