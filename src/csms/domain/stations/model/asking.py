"""What operators send in about stations, chargers and connectors. In a change, what is None stays as it is."""

from __future__ import annotations

from typing import Any

import attrs
from attrs import validators

from .catalogue import ConnectorKind
from .chargers import ACCEPTED, APPROVALS, SECURITY_PROFILES
from .connectors import CONNECTOR_TYPES, CURRENT_TYPES, FORMATS, LARGEST_PLACE
from .sites import ACCESS, ACTIVE, ALWAYS_OPEN, AMENITIES, NO_ADDRESS, OPEN, STATION_STATUSES, Address, Contact, OpeningHours, a_day

_NAME: list[Any] = [validators.min_len(1), validators.max_len(200)]
_AMENITIES: list[Any] = [validators.max_len(len(AMENITIES)), validators.deep_iterable(validators.in_(AMENITIES))]
_LATITUDE = [validators.ge(-90), validators.le(90)]
_LONGITUDE = [validators.ge(-180), validators.le(180)]
_MAC = validators.matches_re("(?:[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5})?")
"""As stickers write it; it is kept as ``00:1B:44:11:3A:B7``."""


def _maybe(*checks: Any, default: Any = None) -> Any:
    return attrs.field(default=default, validator=validators.optional(list(checks)))


@attrs.frozen(slots=True, kw_only=True)
class NewStation:
    """A station to add."""

    name: str = attrs.field(validator=_NAME)
    status: str = attrs.field(default=ACTIVE, validator=validators.in_(STATION_STATUSES))
    address: Address = NO_ADDRESS
    directions: str = attrs.field(default="", validator=validators.max_len(2000))
    latitude: float | None = _maybe(*_LATITUDE)
    longitude: float | None = _maybe(*_LONGITUDE)
    time_zone: str = attrs.field(default="", validator=validators.max_len(64))
    opening_hours: OpeningHours = ALWAYS_OPEN
    contacts: tuple[Contact, ...] = attrs.field(default=(), validator=validators.max_len(20))
    amenities: tuple[str, ...] = attrs.field(default=(), validator=_AMENITIES)
    access: str = attrs.field(default=OPEN, validator=validators.in_(ACCESS))
    station_group_id: int | None = None


@attrs.frozen(slots=True, kw_only=True)
class StationChange:
    """What to change of a station. ``clear`` takes away its ``position`` or its ``station_group_id``."""

    name: str | None = _maybe(*_NAME)
    status: str | None = _maybe(validators.in_(STATION_STATUSES))
    address: Address | None = None
    directions: str | None = _maybe(validators.max_len(2000))
    latitude: float | None = _maybe(*_LATITUDE)
    longitude: float | None = _maybe(*_LONGITUDE)
    time_zone: str | None = _maybe(validators.max_len(64))
    opening_hours: OpeningHours | None = None
    contacts: tuple[Contact, ...] | None = _maybe(validators.max_len(20))
    amenities: tuple[str, ...] | None = _maybe(*_AMENITIES)
    access: str | None = _maybe(validators.in_(ACCESS))
    station_group_id: int | None = None
    clear: tuple[str, ...] = attrs.field(
        default=(), validator=validators.deep_iterable(validators.in_(("position", "station_group_id")))
    )


@attrs.frozen(slots=True, kw_only=True)
class GroupName:
    """What a group of stations is called."""

    name: str = attrs.field(validator=_NAME)


@attrs.frozen(slots=True, kw_only=True)
class NewCharger:
    """A charger to add. ``key`` is used instead of a fresh one; ``security_profile`` None is the installation's."""

    id: str = attrs.field(validator=[validators.min_len(1), validators.max_len(255)])
    name: str = attrs.field(default="", validator=validators.max_len(200))
    station_id: int | None = None
    location: str = attrs.field(default="", validator=validators.max_len(200))
    model_id: int | None = None
    approval: str = attrs.field(default=ACCEPTED, validator=validators.in_(APPROVALS))
    security_profile: int | None = _maybe(validators.in_(SECURITY_PROFILES))
    key: str | None = attrs.field(
        default=None, repr=False, validator=validators.optional([validators.min_len(16), validators.max_len(40)])
    )
    mac: str = attrs.field(default="", validator=_MAC)
    installed_on: str = attrs.field(default="", validator=a_day)
    warranty_until: str = attrs.field(default="", validator=a_day)
    note: str = attrs.field(default="", validator=validators.max_len(4000))


CLEARABLE = ("station_id", "model_id", "heartbeat_interval_s", "security_profile")


@attrs.frozen(slots=True, kw_only=True)
class ChargerChange:
    """What to change of a charger. ``clear`` takes values away; ``force`` also lowers a security profile."""

    name: str | None = _maybe(validators.max_len(200))
    station_id: int | None = None
    location: str | None = _maybe(validators.max_len(200))
    model_id: int | None = None
    mac: str | None = _maybe(_MAC)
    installed_on: str | None = _maybe(a_day)
    warranty_until: str | None = _maybe(a_day)
    note: str | None = _maybe(validators.max_len(4000))
    heartbeat_interval_s: int | None = _maybe(validators.ge(1), validators.le(86_400))
    security_profile: int | None = _maybe(validators.in_(SECURITY_PROFILES))
    force: bool = False
    clear: tuple[str, ...] = attrs.field(default=(), validator=validators.deep_iterable(validators.in_(CLEARABLE)))


@attrs.frozen(slots=True, kw_only=True)
class KeyWanted:
    """``key`` is used instead of a fresh one; ``tell`` tells it a charger that is connected, so that it goes on by itself."""

    key: str | None = attrs.field(
        default=None, repr=False, validator=validators.optional([validators.min_len(16), validators.max_len(40)])
    )
    tell: bool = True


@attrs.frozen(slots=True, kw_only=True)
class ConnectorChange:
    """What an operator says of a connector. ``evse_id`` names its EVSE, such as ``IN*ABC*E1``; ``""`` and 0 mean unknown again."""

    label: str | None = _maybe(validators.max_len(100))
    evse_id: str | None = _maybe(validators.max_len(100))
    type: str | None = _maybe(validators.in_(("", *CONNECTOR_TYPES)))
    current_type: str | None = _maybe(validators.in_(("", *CURRENT_TYPES)))
    format: str | None = _maybe(validators.in_(("", *FORMATS)))
    max_power_w: int | None = _maybe(validators.ge(0), validators.le(10_000_000))
    phases: int | None = _maybe(validators.ge(0), validators.le(3))


@attrs.frozen(slots=True, kw_only=True)
class NewConnector(ConnectorChange):
    """A connector to describe before it speaks of itself."""

    evse: int = attrs.field(validator=[validators.ge(1), validators.le(LARGEST_PLACE)])
    connector: int = attrs.field(default=1, validator=[validators.ge(1), validators.le(LARGEST_PLACE)])


@attrs.frozen(slots=True, kw_only=True)
class NewModel:
    """A kind of charger to add to the catalogue."""

    vendor: str = attrs.field(validator=_NAME)
    model: str = attrs.field(validator=_NAME)
    max_power_w: int | None = _maybe(validators.ge(1), validators.le(10_000_000))
    connectors: tuple[ConnectorKind, ...] = attrs.field(default=(), validator=validators.max_len(50))
    quirks_note: str = attrs.field(default="", validator=validators.max_len(4000))


@attrs.frozen(slots=True, kw_only=True)
class ModelChange:
    """What to change of an entry of the catalogue; ``clear`` takes its ``max_power_w`` away."""

    vendor: str | None = _maybe(*_NAME)
    model: str | None = _maybe(*_NAME)
    max_power_w: int | None = _maybe(validators.ge(1), validators.le(10_000_000))
    connectors: tuple[ConnectorKind, ...] | None = _maybe(validators.max_len(50))
    quirks_note: str | None = _maybe(validators.max_len(4000))
    clear: tuple[str, ...] = attrs.field(default=(), validator=validators.deep_iterable(validators.in_(("max_power_w",))))
