"""Drivers, their vehicles and their favourite stations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from attrs import validators

from csms.core.paging import Paged, filter_by, one_of, sorts
from csms.domain.stations.model import STATION_STATUSES

from .words import ACTIVE, ARCHIVED, BLOCKED

LANGUAGE = r"|[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}"
CONNECTOR_TYPE = r"[A-Za-z0-9][A-Za-z0-9 ._/-]{0,29}"


@attrs.frozen(slots=True, kw_only=True)
class Driver:
    """A person who charges. ``reference`` is another system's name for them. A blocked driver's tokens are all blocked.

    ``user_id`` is who logs in as them. One that is ``archived`` (since ``archived_at``) was removed, and is shown because transactions
    name it.
    """

    id: int
    name: str
    email: str
    phone: str
    reference: str
    status: str
    created_at: int
    address: str = ""
    language: str = ""
    membership: str = ""
    groups: tuple[str, ...] = ()
    preferences: Mapping[str, str] = attrs.field(factory=dict)
    note: str = ""
    user_id: int | None = None
    archived_at: int | None = None


@attrs.frozen(slots=True, kw_only=True)
class Vehicle:
    """A driver's vehicle; ``is_default`` where it is the one they usually charge."""

    id: int
    driver_id: int
    name: str
    plate: str
    vin: str
    make: str
    model: str
    battery_wh: int | None = None
    connector_types: tuple[str, ...] = ()
    is_default: bool = False


@attrs.frozen(slots=True, kw_only=True)
class Favourite:
    """A station that a driver wants to find again."""

    station_id: int
    name: str
    address: str
    latitude: float | None
    longitude: float | None
    added_at: int


# --- what is asked and said over HTTP -------------------------------------------------------------------------------------------


def _text(longest: int, about: str, default: Any = "") -> Any:
    check: Any = validators.max_len(longest)
    return attrs.field(
        default=default, validator=check if default is not None else validators.optional(check), metadata={"help": about}
    )


_NAMES: Any = validators.and_(
    validators.max_len(20), validators.deep_iterable(validators.and_(validators.min_len(1), validators.max_len(50)))
)
_PREFERENCES: Any = validators.and_(
    validators.max_len(50),
    validators.deep_mapping(
        key_validator=validators.and_(validators.min_len(1), validators.max_len(50)), value_validator=validators.max_len(500)
    ),
)
_CONNECTORS: Any = validators.and_(validators.max_len(10), validators.deep_iterable(validators.matches_re(CONNECTOR_TYPE)))
_BATTERY = validators.and_(validators.ge(1), validators.le(10_000_000))
_LANGUAGE = validators.matches_re(LANGUAGE)


@attrs.frozen(slots=True, kw_only=True)
class NewDriver:
    """The body that adds a driver."""

    name: str = attrs.field(validator=[validators.min_len(1), validators.max_len(200)])
    email: str = _text(200, "e-mail address; no two drivers share one")
    phone: str = _text(200, "telephone number")
    reference: str = _text(200, "another system's name for them; no two drivers share one")
    address: str = _text(500, "postal address")
    language: str = attrs.field(default="", validator=_LANGUAGE, metadata={"help": "such as en or hi-IN"})
    membership: str = _text(50, "membership level, such as gold")
    groups: tuple[str, ...] = attrs.field(default=(), validator=_NAMES, metadata={"help": "names to find drivers by"})
    preferences: Mapping[str, str] = attrs.field(
        factory=dict, validator=_PREFERENCES, metadata={"help": "an app's settings, by name"}
    )
    note: str = _text(2000, "what staff should know; the driver does not see it")


@attrs.frozen(slots=True, kw_only=True)
class ProfileChanges:
    """What drivers may change of their own profile; what is not given stays, and preferences are replaced as a whole."""

    name: str | None = attrs.field(default=None, validator=validators.optional([validators.min_len(1), validators.max_len(200)]))
    phone: str | None = _text(200, "telephone number", None)
    address: str | None = _text(500, "postal address", None)
    language: str | None = attrs.field(
        default=None, validator=validators.optional(_LANGUAGE), metadata={"help": "such as en or hi-IN"}
    )
    preferences: Mapping[str, str] | None = attrs.field(default=None, validator=validators.optional(_PREFERENCES))


@attrs.frozen(slots=True, kw_only=True)
class DriverChanges(ProfileChanges):
    """What changes of a driver; what is not given stays, and an empty text clears."""

    email: str | None = _text(200, "e-mail address; no two drivers share one", None)
    reference: str | None = _text(200, "another system's name for them; no two drivers share one", None)
    membership: str | None = _text(50, "membership level, such as gold", None)
    groups: tuple[str, ...] | None = attrs.field(
        default=None, validator=validators.optional(_NAMES), metadata={"help": "all groups from now on"}
    )
    note: str | None = _text(2000, "what staff should know; the driver does not see it", None)


@attrs.frozen(slots=True, kw_only=True)
class DriversQuery(Paged):
    """Which drivers somebody wants; archived ones only where asked for."""

    sort: str = sorts("name", "created_at", default="name")
    status: str | None = one_of(ACTIVE, BLOCKED, ARCHIVED, help="active, blocked or archived")
    membership: str | None = filter_by("membership level")
    group: str | None = filter_by("the name of a group that they are in")
    user_id: int | None = filter_by("who logs in as them")


@attrs.frozen(slots=True, kw_only=True)
class NewVehicle:
    """The body that adds a vehicle: a name, a plate, a VIN, or make and model at least."""

    name: str = _text(200, "what its driver calls it")
    plate: str = _text(200, "number plate; no two vehicles share one")
    vin: str = _text(200, "vehicle identification number")
    make: str = _text(200, "who made it")
    model: str = _text(200, "what it is called")
    battery_wh: int | None = attrs.field(default=None, validator=validators.optional(_BATTERY))
    connector_types: tuple[str, ...] = attrs.field(default=(), validator=_CONNECTORS, metadata={"help": "such as CCS2 and Type2"})
    is_default: bool = False


@attrs.frozen(slots=True, kw_only=True)
class VehicleChanges:
    """What changes of a vehicle; what is not given stays, and an empty text clears. ``clear`` empties what null cannot."""

    name: str | None = _text(200, "what its driver calls it", None)
    plate: str | None = _text(200, "number plate; no two vehicles share one", None)
    vin: str | None = _text(200, "vehicle identification number", None)
    make: str | None = _text(200, "who made it", None)
    model: str | None = _text(200, "what it is called", None)
    battery_wh: int | None = attrs.field(default=None, validator=validators.optional(_BATTERY))
    connector_types: tuple[str, ...] | None = attrs.field(default=None, validator=validators.optional(_CONNECTORS))
    is_default: bool | None = None
    clear: tuple[str, ...] = attrs.field(default=(), validator=validators.deep_iterable(validators.in_(("battery_wh",))))


@attrs.frozen(slots=True, kw_only=True)
class FavouritesQuery(Paged):
    """Which favourites somebody wants."""

    sort: str = sorts("name", "added_at", default="name")
    status: str | None = one_of(*STATION_STATUSES, help="what operators say of the station")
    city: str | None = filter_by("the station's city, as it is written")


@attrs.frozen(slots=True, kw_only=True)
class VehiclesQuery(Paged):
    """Which of a driver's vehicles somebody wants."""

    sort: str = sorts("id", "name", "make", default="id")
    make: str | None = filter_by("who made it, in any case")
    connector_type: str | None = filter_by("with a socket of this type, as it is written")
    is_default: bool | None = filter_by("true: the one that is usually charged; false: the others")
