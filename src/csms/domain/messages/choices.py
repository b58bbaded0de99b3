"""What tenants and people choose: which messages, by which channels, at which hours."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs
from attrs import validators

from csms.core.checks import Told

from .catalogue import KINDS, TEMPLATES
from .quiet import CLOCK

LANGUAGE = r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,2}"
CHANNEL = r"[a-z][a-z0-9_]{0,29}"
MOST_CHANNELS = 10
SEVERITIES = ("info", "warning", "error", "critical")
LONGEST_SIGNATURE = 500

_SWITCHED_OFF = frozenset({*(name for name, kind in KINDS.items() if not kind.needed), *TEMPLATES})
_OPTIONAL = frozenset(name for name, kind in KINDS.items() if kind.optional)


def _some_of(known: frozenset[str], what: str) -> Any:
    def check(instance: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if len(value) > len(known) or not set(value) <= known:
            raise ValueError(f"{attribute.name}: {what}: {', '.join(sorted(known))}")

    return Told(check, {"items": {"enum": sorted(known)}, "maxItems": len(known)})


def _zone(instance: Any, attribute: attrs.Attribute[Any], value: str) -> None:
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"time zone {value!r} is unknown; use an IANA name such as Asia/Kolkata") from None


_CLOCK = validators.matches_re(CLOCK)
_CHANNELS: Any = [validators.max_len(MOST_CHANNELS), validators.deep_iterable(validators.matches_re(CHANNEL))]
ZONE = Told(_zone, {"maxLength": 100})


def texts(values: Iterable[str]) -> tuple[str, ...]:
    """A tuple of what was kept as a list."""
    return tuple(values)


def known_kinds(names: Sequence[str]) -> tuple[str, ...]:
    """Those that tenants may still switch off; one that was stored by an earlier version may be gone."""
    return tuple(name for name in names if name in _SWITCHED_OFF)


# --- tenants --------------------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class MessageSettings:
    """How a tenant's messages go. ``channels`` is the usual order, empty for the server's own; ``off`` are kinds or templates not sent.

    Quiet hours are times of day (``22:00``), ``""`` for none, in the tenant's time zone unless the recipient has another. A recipient
    gets at most so many an hour and a day (one-time codes are not counted, and 0 is no limit); the rest waits.
    ``progress_every_min`` 0 tells nobody how far charging is; alerts are told from ``alerts_from`` up. ``signature`` ends e-mails.
    """

    default_language: str = attrs.field(default="en", validator=validators.matches_re(LANGUAGE))
    channels: tuple[str, ...] = attrs.field(default=(), converter=texts, validator=_CHANNELS)
    quiet_from: str = attrs.field(default="", validator=_CLOCK)
    quiet_to: str = attrs.field(default="", validator=_CLOCK)
    most_per_hour: int = attrs.field(default=20, validator=[validators.ge(0), validators.le(10_000)])
    most_per_day: int = attrs.field(default=100, validator=[validators.ge(0), validators.le(100_000)])
    off: tuple[str, ...] = attrs.field(default=(), converter=texts, validator=_some_of(_SWITCHED_OFF, "kinds or templates of"))
    progress_every_min: int = attrs.field(default=0, validator=[validators.ge(0), validators.le(1440)])
    alerts_from: str = attrs.field(default="error", validator=validators.in_(SEVERITIES))
    sms_most_parts: int = attrs.field(default=6, validator=[validators.ge(1), validators.le(10)])
    signature: str = attrs.field(default="", validator=validators.max_len(LONGEST_SIGNATURE))

    def allows(self, kind: str, template: str) -> bool:
        """Whether the tenant sends such messages."""
        return KINDS[kind].needed or not {kind, template} & set(self.off)


@attrs.frozen(slots=True, kw_only=True)
class MessageSettingsChange:
    """Settings that shall be otherwise; what is not given, or null, stays as it is. An empty list or text empties a field."""

    default_language: str | None = attrs.field(default=None, validator=validators.optional(validators.matches_re(LANGUAGE)))
    channels: tuple[str, ...] | None = attrs.field(default=None, validator=validators.optional(_CHANNELS))
    quiet_from: str | None = attrs.field(default=None, validator=validators.optional(_CLOCK))
    quiet_to: str | None = attrs.field(default=None, validator=validators.optional(_CLOCK))
    most_per_hour: int | None = attrs.field(default=None, validator=validators.optional([validators.ge(0), validators.le(10_000)]))
    most_per_day: int | None = attrs.field(default=None, validator=validators.optional([validators.ge(0), validators.le(100_000)]))
    off: tuple[str, ...] | None = attrs.field(
        default=None, validator=validators.optional(_some_of(_SWITCHED_OFF, "kinds or templates of"))
    )
    progress_every_min: int | None = attrs.field(
        default=None, validator=validators.optional([validators.ge(0), validators.le(1440)])
    )
    alerts_from: str | None = attrs.field(default=None, validator=validators.optional(validators.in_(SEVERITIES)))
    sms_most_parts: int | None = attrs.field(default=None, validator=validators.optional([validators.ge(1), validators.le(10)]))
    signature: str | None = attrs.field(default=None, validator=validators.optional(validators.max_len(LONGEST_SIGNATURE)))


@attrs.frozen(slots=True, kw_only=True)
class KindShown:
    """A kind of messages, and whether it is sent. ``optional``: a person may do without it."""

    name: str
    about: str
    sent: bool
    needed: bool
    optional: bool


@attrs.frozen(slots=True, kw_only=True)
class SettingsShown:
    """A tenant's settings, with the kinds that there are and the channels that are there to be used, in the usual order."""

    settings: MessageSettings
    time_zone: str
    kinds: Sequence[KindShown]
    usual_channels: Sequence[str]


# --- people ---------------------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class Preferences:
    """What somebody wants to be told, and how. ``channels`` are those that they want, in their order; null is the tenant's.

    Quiet hours null are the tenant's, ``""`` none. ``off`` are kinds that they do without. ``language`` and ``time_zone`` ``""`` are
    the profile's and the tenant's.
    """

    language: str = attrs.field(default="", validator=validators.matches_re(f"|{LANGUAGE}"))
    channels: tuple[str, ...] | None = attrs.field(default=None, validator=validators.optional(_CHANNELS))
    quiet_from: str | None = attrs.field(default=None, validator=validators.optional(_CLOCK))
    quiet_to: str | None = attrs.field(default=None, validator=validators.optional(_CLOCK))
    time_zone: str = ""
    off: tuple[str, ...] = attrs.field(default=(), converter=texts, validator=_some_of(_OPTIONAL, "kinds that are optional"))


@attrs.frozen(slots=True, kw_only=True)
class PreferencesChange:
    """Preferences that shall be otherwise; what is not given, or null, stays. Those in ``clear`` are the tenant's (the profile's) again."""

    language: str | None = attrs.field(default=None, validator=validators.optional(validators.matches_re(LANGUAGE)))
    channels: tuple[str, ...] | None = attrs.field(default=None, validator=validators.optional(_CHANNELS))
    quiet_from: str | None = attrs.field(default=None, validator=validators.optional(_CLOCK))
    quiet_to: str | None = attrs.field(default=None, validator=validators.optional(_CLOCK))
    time_zone: str | None = attrs.field(default=None, validator=validators.optional(ZONE))
    off: tuple[str, ...] | None = attrs.field(
        default=None, validator=validators.optional(_some_of(_OPTIONAL, "kinds that are optional"))
    )
    clear: tuple[str, ...] = attrs.field(
        default=(),
        validator=_some_of(frozenset({"language", "channels", "quiet_from", "quiet_to", "time_zone", "off"}), "fields of"),
    )


@attrs.frozen(slots=True, kw_only=True)
class PreferencesShown:
    """Somebody's preferences, with what there is to choose from. ``reached_by`` are the channels by which they can be reached now."""

    preferences: Preferences
    kinds: Sequence[KindShown]
    channels: Sequence[str]
    reached_by: Sequence[str]


@attrs.frozen(slots=True, kw_only=True)
class Person:
    """Somebody to tell something: how they are reached, and what they chose. An ``ADDRESS`` has ``channel`` and ``recipient`` alone; the
    ``id`` of a ``GUEST`` is that of their payment."""

    kind: str
    id: int | None = None
    name: str = ""
    email: str = ""
    phone: str = ""
    language: str = ""
    preferences: Preferences = attrs.field(factory=Preferences)
    channel: str = ""
    recipient: str = ""
    gone: bool = False
    """Whether they were removed: then only what concerns what they did is still told them."""


def merged(known: Any, wanted: Any, names: Sequence[str]) -> Mapping[str, Any]:
    """The fields of what is known, with those that are given in their place."""
    return {name: getattr(known, name) if (given := getattr(wanted, name)) is None else given for name in names}
