"""Stations, the sites where chargers stand, and groups of them."""

from __future__ import annotations

from datetime import date
from typing import Any

import attrs
from attrs import validators

from csms.core.checks import Told
from csms.core.paging import Paged, filter_by, one_of, sorts

OPEN, GRANTED = "open", "granted"
ACCESS = (OPEN, GRANTED)
"""Whether a station takes every token of its tenant, or only those with a grant for it."""

ACTIVE, COMING_SOON, MAINTENANCE, DECOMMISSIONED = "active", "coming_soon", "maintenance", "decommissioned"
STATION_STATUSES = (ACTIVE, COMING_SOON, MAINTENANCE, DECOMMISSIONED)
"""What operators say of a station as a whole. Only an active one invites drivers: at others no start page and no app starts a charge.
Cards are not refused there, so that whoever builds or mends a charger can try it; what is out of service is said by its availability."""

AMENITIES = (
    "airport",
    "bike_sharing",
    "bus_stop",
    "cafe",
    "covered",
    "fuel_station",
    "hotel",
    "lighting",
    "lounge",
    "mall",
    "museum",
    "park",
    "parking",
    "pharmacy",
    "restaurant",
    "restroom",
    "security",
    "shop",
    "sport",
    "supermarket",
    "taxi_stand",
    "train_station",
    "wheelchair_access",
    "wifi",
)
"""What may be found at a station."""

FARTHEST_M = 500_000
"""Largest radius of a search around a point."""


def station_key(tenant: int, station_id: int) -> str:
    """The write key of one station."""
    return f"station:{tenant}:{station_id}"


def _day_or_nothing(instance: Any, attribute: Any, value: str) -> None:
    """A validator: a day as ``2026-01-31``, or nothing."""
    try:
        found = date.fromisoformat(value).isoformat() if value else ""
    except ValueError:
        found = None
    if found != value:
        raise ValueError(f"expected a day such as 2026-01-31, got {value!r}")


a_day = Told(_day_or_nothing, {"pattern": r"^(?:\d{4}-\d{2}-\d{2})?$"})
"""A validator: a day as ``2026-01-31``, or nothing."""


_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00"


@attrs.frozen(slots=True, kw_only=True)
class Address:
    """A postal address. ``country`` is its ISO 3166-1 alpha-2 code, ``""`` where nobody said."""

    lines: tuple[str, ...] = attrs.field(
        default=(),
        validator=[
            validators.max_len(5),
            validators.deep_iterable(validators.and_(validators.min_len(1), validators.max_len(200))),
        ],
    )
    city: str = attrs.field(default="", validator=validators.max_len(100))
    state: str = attrs.field(default="", validator=validators.max_len(100))
    postal_code: str = attrs.field(default="", validator=validators.max_len(20))
    country: str = attrs.field(default="", validator=validators.matches_re("(?:[A-Z]{2})?"))

    def __str__(self) -> str:
        town = " ".join(filter(None, (self.postal_code, self.city)))
        return ", ".join(filter(None, (*self.lines, town, self.state, self.country)))


NO_ADDRESS = Address()


@attrs.frozen(slots=True, kw_only=True)
class WeeklyHours:
    """Open on a weekday, 1 (Monday) to 7, from ``opens`` to ``closes`` in the station's time zone; ``24:00`` is the day's end."""

    weekday: int = attrs.field(validator=[validators.ge(1), validators.le(7)])
    opens: str = attrs.field(validator=validators.matches_re(_CLOCK))
    closes: str = attrs.field(validator=validators.matches_re(_CLOCK))

    def __attrs_post_init__(self) -> None:
        if self.opens >= self.closes:
            raise ValueError(f"opens {self.opens} must come before closes {self.closes}; write a night as two days")


@attrs.frozen(slots=True, kw_only=True)
class SpecialDay:
    """A day that is unlike its weekday: closed, or open from ``opens`` to ``closes``."""

    day: str = attrs.field(validator=a_day)
    closed: bool = True
    opens: str = attrs.field(default="", validator=validators.matches_re(f"(?:{_CLOCK})?"))
    closes: str = attrs.field(default="", validator=validators.matches_re(f"(?:{_CLOCK})?"))

    def __attrs_post_init__(self) -> None:
        if (
            not self.day
            or self.closed == bool(self.opens or self.closes)
            or (not self.closed and not "" < self.opens < self.closes)
        ):
            raise ValueError(f"{self.day}: say that it is closed, or from when to when it is open")


@attrs.frozen(slots=True, kw_only=True)
class OpeningHours:
    """When a station is open. ``always`` is day and night; ``special`` days win over either."""

    always: bool = True
    weekly: tuple[WeeklyHours, ...] = attrs.field(default=(), validator=validators.max_len(70))
    special: tuple[SpecialDay, ...] = attrs.field(default=(), validator=validators.max_len(100))

    def __attrs_post_init__(self) -> None:
        if self.always and self.weekly:
            raise ValueError("always open, or open by weekly hours: not both")


ALWAYS_OPEN = OpeningHours()


@attrs.frozen(slots=True, kw_only=True)
class Contact:
    """Whom to call about a station; ``role`` says for what, such as support or site owner."""

    name: str = attrs.field(validator=[validators.min_len(1), validators.max_len(200)])
    role: str = attrs.field(default="", validator=validators.max_len(100))
    phone: str = attrs.field(default="", validator=validators.matches_re(r"(?:\+?[0-9 ()/-]{3,30})?"))
    email: str = attrs.field(default="", validator=validators.matches_re(r"(?:[^@\s]{1,64}@[^@\s]{1,255})?"))


@attrs.frozen(slots=True, kw_only=True)
class StationGroup:
    """Stations that share a rule, such as one campus; ``stations`` counts them."""

    id: int
    name: str
    stations: int = 0


@attrs.frozen(slots=True, kw_only=True)
class Station:
    """A site. ``access`` is ``open`` or ``granted``; ``chargers`` counts the chargers that stand there.

    ``time_zone`` ``""`` is the tenant's. ``distance_m`` is how far it is, in a search around a point.
    """

    id: int
    name: str
    status: str = ACTIVE
    address: Address = NO_ADDRESS
    directions: str = ""
    latitude: float | None
    longitude: float | None
    time_zone: str = ""
    opening_hours: OpeningHours = ALWAYS_OPEN
    contacts: tuple[Contact, ...] = ()
    amenities: tuple[str, ...] = ()
    access: str
    station_group_id: int | None
    chargers: int = 0
    created_at: int
    distance_m: int | None = None


def _point(instance: Any, attribute: Any, value: tuple[float, ...] | None) -> None:
    if value is not None and (len(value) != 2 or not -90 <= value[0] <= 90 or not -180 <= value[1] <= 180):
        raise ValueError("expected a latitude and a longitude in degrees, such as 18.52,73.86")


@attrs.frozen(slots=True, kw_only=True)
class StationSearch(Paged):
    """Where to look for stations. With ``near`` they come sorted by distance, whatever ``sort`` says."""

    sort: str = sorts("name", "created_at", "id", default="name")
    city: str | None = filter_by("its city, as it is written")
    country: str | None = filter_by("its country, as ISO 3166-1 alpha-2")
    amenity: str | None = one_of(*AMENITIES, help="what is found there")
    near: tuple[float, ...] | None = attrs.field(
        default=None,
        validator=Told(_point, {"minItems": 2, "maxItems": 2}),
        metadata={"help": "latitude,longitude in degrees: only stations around that point, the nearest first"},
    )
    radius_m: int = attrs.field(
        default=10_000,
        validator=[validators.ge(1), validators.le(FARTHEST_M)],
        metadata={"help": "how far around `near`, in metres"},
    )


@attrs.frozen(slots=True, kw_only=True)
class StationQuery(StationSearch):
    """Which stations somebody wants."""

    status: str | None = one_of(*STATION_STATUSES, help="what operators say of it")
    access: str | None = one_of(*ACCESS, help="who may charge there")
    station_group_id: int | None = filter_by("the group that it is in")


@attrs.frozen(slots=True, kw_only=True)
class StationGroupQuery(Paged):
    """Which groups of stations somebody wants."""

    sort: str = sorts("name", "id", default="name")
    empty: bool | None = filter_by("true: only those without a station; false: only others")
