"""Nouns of the analytics slice."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from attrs import validators

from csms.core.paging import Paged, filter_by, one_of, sorts

TENANT, STATION, CHARGER, PORT = "tenant", "station", "charger", "port"
SCOPES = (TENANT, STATION, CHARGER, PORT)
DAY, MONTH = "day", "month"
PERIODS = (DAY, MONTH)
OFFLINE, FAULTED, OUT_OF_SERVICE = "offline", "faulted", "out_of_service"
DOWN_STATUSES = {"Faulted": FAULTED, "Unavailable": OUT_OF_SERVICE}
REASONS = ("maintenance", "grid", "network", "vandalism", "nature", "other")
"""Why time does not count as down, in the sense of 23 CFR 680.116(b)(3)."""

Interval = tuple[int, int]
"""From an instant until another, in milliseconds."""
Part = tuple[int, str, str, str]
"""``(sign, period, first, last)``: rows of days or months that are added up, or with sign -1 taken away."""

_YEAR = "(19|2[01])[0-9]{2}"
"""Years that calendars and time zones know, with room before and after them."""
_CURRENCY = validators.optional(validators.matches_re("[A-Z]{3}"))
_DATE = validators.optional(validators.matches_re(rf"{_YEAR}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"))
_MONTH = validators.matches_re("(19[7-9][0-9]|2[01][0-9]{2})-(0[1-9]|1[0-2])")


def analytics_key(tenant: int) -> str:
    """The write key of a tenant's figures: they are counted one event after another."""
    return f"analytics:{tenant}"


def port(charger_id: str, evse: int) -> str:
    """How a port is called in the figures."""
    return f"{charger_id}/{evse}"


@attrs.frozen(slots=True, kw_only=True)
class Counted:
    """What was counted of a transaction."""

    transaction_id: int
    charger_id: str
    station_id: int | None
    evse: int
    driver_id: int | None
    refused: bool
    started_at: int
    ended_at: int | None
    energy_wh: int
    zone: str = ""
    """In which the hours of its charger and station are counted; ``""`` is the tenant's."""


@attrs.frozen(slots=True)
class PortLife:
    """A port as long as its charger is there, ``until_at`` None while it is, and since when it is down, None while it is up.

    ``excluded`` are the parts of the outage that goes on which do not count as down.
    """

    charger_id: str
    evse: int
    station_id: int | None
    from_at: int
    until_at: int | None
    down_since_at: int | None
    excluded: Sequence[Interval] = ()


@attrs.frozen(slots=True, kw_only=True)
class PortState:
    """A port and whether it is down now; EVSE 0 is the charger's connection."""

    charger_id: str
    evse: int
    known_since_at: int
    offline: bool
    status: str
    down_since_at: int | None
    why: str
    last_event_id: int


@attrs.frozen(slots=True, kw_only=True)
class Figures:
    """What happened in a period. Times are in milliseconds; ``energy_wh`` is of the transactions that ended in it.

    ``utilisation_percent`` is the share of the ports' time with a transaction, None where no port is known. ``uptime_percent`` is the
    share in which they could be used, as 23 CFR 680.116(b) reckons: of ``down_ms``, which has the outages that go on, ``excluded_ms``
    does not count. Ports count until their charger is removed. ``revenue_minor`` is what was billed for the transactions that ended in it, without taxes; None
    while nothing is billed. It is of one ``currency``; bills in others do not count in it.
    """

    begins: str
    starts: int
    refused: int
    transactions: int
    energy_wh: int
    charging_ms: int
    faults: int
    disconnects: int
    down_ms: int
    excluded_ms: int
    drivers: int | None
    new_drivers: int | None
    co2_avoided_g: int
    utilisation_percent: float | None = None
    uptime_percent: float | None = None
    revenue_minor: int | None = None
    currency: str = ""


@attrs.frozen(slots=True, kw_only=True)
class FigureSeries:
    """Figures of one subject: all told, and by day or month."""

    scope: str
    subject: str
    from_day: str
    until_day: str
    time_zone: str
    period: str
    total: Figures
    items: Sequence[Figures]


@attrs.frozen(slots=True, kw_only=True)
class SubjectFigures:
    """Figures of one of many subjects, such as a station among the stations."""

    subject: str
    name: str
    figures: Figures


@attrs.frozen(slots=True, kw_only=True)
class HeatMap:
    """When people charge: 7 rows (Monday first) of 24 hours, in the station's time zone, of the tenant in the tenant's."""

    from_month: str
    until_month: str
    time_zone: str
    starts: Sequence[Sequence[int]]
    charging_ms: Sequence[Sequence[int]]
    revenue_minor: Sequence[Sequence[int]] | None
    """What the charges that began then brought, without taxes; null while nothing is billed."""
    currency: str
    busiest: Sequence[str]
    """The three hours with most charging time, such as ``Friday 18:00``."""


@attrs.frozen(slots=True, kw_only=True)
class DriverPattern:
    """How one driver charges."""

    driver_id: int
    first_at: int | None
    last_at: int | None
    transactions: int
    energy_wh: int
    charging_ms: int
    usual_energy_wh: int | None
    usual_duration_ms: int | None
    hours: Sequence[int]
    """Starts by hour of the day, 24 numbers."""
    weekdays: Sequence[int]
    """Starts by day of the week, Monday first."""
    favourite_station_ids: Sequence[int]
    months: Sequence[DriverMonth]


@attrs.frozen(slots=True, kw_only=True)
class DriverMonth:
    """What a driver charged in a month."""

    begins: str
    transactions: int
    energy_wh: int
    charging_ms: int
    revenue_minor: int | None = None
    currency: str = ""


@attrs.frozen(slots=True, kw_only=True)
class Outage:
    """A time in which a port was down; EVSE 0 is the whole charger. ``until_at`` None: it is down now.

    ``excluded_ms`` of it does not count as down; of a whole charger that is said of its ports.
    """

    charger_id: str
    evse: int
    from_at: int
    until_at: int | None
    why: str
    excluded_ms: int = 0


@attrs.frozen(slots=True, kw_only=True)
class Exclusion:
    """Time that does not count as down, and why."""

    id: int
    charger_id: str
    from_at: int
    until_at: int
    reason: str
    note: str
    created_at: int


@attrs.frozen(slots=True, kw_only=True)
class PortUptime:
    """How available a port was, as 23 CFR 680.116(b) reckons: what is excluded of the time that it was down counts as up.

    ``compliant`` is whether more than what is required was up, of the milliseconds, not of the rounded ``uptime_percent``; a port that
    was never down always is.
    """

    charger_id: str
    evse: int
    in_service_ms: int
    down_ms: int
    excluded_ms: int
    uptime_percent: float
    compliant: bool


@attrs.frozen(slots=True, kw_only=True)
class ComplianceReport:
    """Ports against a required uptime, the worst first."""

    from_day: str
    until_day: str
    required_percent: float
    ports: int
    compliant: int
    uptime_percent: float | None
    items: Sequence[PortUptime]


# --- queries --------------------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True, kw_only=True)
class PeriodQuery:
    """A stretch of whole days in the tenant's time zone, both included; the last 30 unless given."""

    from_day: str | None = attrs.field(default=None, validator=_DATE, metadata={"help": "the first day, such as 2026-01-01"})
    until_day: str | None = attrs.field(default=None, validator=_DATE, metadata={"help": "the last day"})


@attrs.frozen(slots=True, kw_only=True)
class FiguresQuery(PeriodQuery):
    """Whose figures, and how fine."""

    period: str = attrs.field(default=DAY, validator=validators.in_(PERIODS), metadata={"help": "by day or by month"})
    station_id: int | None = filter_by("of one station")
    charger_id: str | None = filter_by("of one charger")
    currency: str | None = attrs.field(
        default=None,
        validator=_CURRENCY,
        metadata={"help": "of which currency the revenue is; that of the newest bill unless given"},
    )


@attrs.frozen(slots=True, kw_only=True)
class RankingQuery(Paged):
    """Stations or chargers beside each other."""

    from_day: str | None = attrs.field(default=None, validator=_DATE, metadata={"help": "the first day, such as 2026-01-01"})
    until_day: str | None = attrs.field(default=None, validator=_DATE, metadata={"help": "the last day"})
    sort: str = sorts(
        "energy_wh",
        "transactions",
        "charging_ms",
        "faults",
        "disconnects",
        "down_ms",
        "uptime_percent",
        "utilisation_percent",
        "revenue_minor",
        default="-energy_wh",
    )
    currency: str | None = attrs.field(
        default=None,
        validator=_CURRENCY,
        metadata={"help": "of which currency the revenue is; that of the newest bill unless given"},
    )
    format: str = attrs.field(default="json", validator=validators.in_(("json", "csv", "xlsx")), metadata={"help": "as what"})


@attrs.frozen(slots=True, kw_only=True)
class HeatQuery(PeriodQuery):
    """Whose heat map; whole months."""

    station_id: int | None = filter_by("of one station")
    charger_id: str | None = filter_by("of one charger")
    currency: str | None = attrs.field(
        default=None,
        validator=_CURRENCY,
        metadata={"help": "of which currency the revenue is; that of the newest bill unless given"},
    )


@attrs.frozen(slots=True, kw_only=True)
class ComplianceQuery(PeriodQuery):
    """Which ports, and what is required of them."""

    required_percent: float = attrs.field(
        default=97.0, validator=[validators.ge(0), validators.le(100)], metadata={"help": "23 CFR 680.116(b) asks for more than 97"}
    )
    station_id: int | None = filter_by("of one station")
    charger_id: str | None = filter_by("of one charger")
    format: str = attrs.field(default="json", validator=validators.in_(("json", "csv", "xlsx")), metadata={"help": "as what"})


@attrs.frozen(slots=True, kw_only=True)
class MonthQuery:
    """One month."""

    month: str = attrs.field(validator=_MONTH, metadata={"help": "such as 2026-10"})
    format: str = attrs.field(default="json", validator=validators.in_(("json", "csv", "xlsx")), metadata={"help": "as what"})


@attrs.frozen(slots=True, kw_only=True)
class MonthlyReport:
    """A month of a tenant: all told, against the month before, by station, and the compliance of its ports."""

    month: str
    total: Figures
    before: Figures
    stations: Sequence[SubjectFigures]
    compliance: ComplianceReport


@attrs.frozen(slots=True, kw_only=True)
class ExclusionQuery(Paged):
    """Which exclusions."""

    charger_id: str | None = filter_by("of one charger")
    reason: str | None = one_of(*REASONS, help="why")
    sort: str = sorts("from_at", default="-from_at")


@attrs.frozen(slots=True, kw_only=True)
class NewExclusion:
    """The body that excludes a time from what counts as down."""

    charger_id: str = attrs.field(validator=[validators.min_len(1), validators.max_len(255)])
    from_at: int
    until_at: int
    reason: str = attrs.field(validator=validators.in_(REASONS))
    note: str = attrs.field(default="", validator=validators.max_len(1000))
