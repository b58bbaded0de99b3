"""Places at chargers: what they are, how they are, and how they were."""

from __future__ import annotations

import attrs
from attrs import validators

from csms.core.ids import Place
from csms.core.paging import Following, Paged, filter_by, one_of, sorts

CONNECTOR_TYPES = (
    "CHADEMO",
    "CHAOJI",
    "DOMESTIC_A",
    "DOMESTIC_B",
    "DOMESTIC_C",
    "DOMESTIC_D",
    "DOMESTIC_E",
    "DOMESTIC_F",
    "DOMESTIC_G",
    "DOMESTIC_H",
    "DOMESTIC_I",
    "DOMESTIC_J",
    "DOMESTIC_K",
    "DOMESTIC_L",
    "DOMESTIC_M",
    "DOMESTIC_N",
    "DOMESTIC_O",
    "GBT_AC",
    "GBT_DC",
    "IEC_60309_2_single_16",
    "IEC_60309_2_three_16",
    "IEC_60309_2_three_32",
    "IEC_60309_2_three_64",
    "IEC_62196_T1",
    "IEC_62196_T1_COMBO",
    "IEC_62196_T2",
    "IEC_62196_T2_COMBO",
    "IEC_62196_T3A",
    "IEC_62196_T3C",
    "MCS",
    "NEMA_5_20",
    "NEMA_6_30",
    "NEMA_6_50",
    "NEMA_10_30",
    "NEMA_10_50",
    "NEMA_14_30",
    "NEMA_14_50",
    "PANTOGRAPH_BOTTOM_UP",
    "PANTOGRAPH_TOP_DOWN",
    "SAE_J3400",
    "TESLA_R",
    "TESLA_S",
)
"""Kinds of connectors, under the names that OCPI gives them (2.2.1 §8.4.5 ConnectorType, and its later additions)."""
CURRENT_TYPES = ("AC", "DC")
FORMATS = ("socket", "cable")
"""Whether drivers bring the cable."""
CONNECTOR_STATUSES = (
    "Available",
    "Preparing",
    "Charging",
    "SuspendedEV",
    "SuspendedEVSE",
    "Finishing",
    "Reserved",
    "Unavailable",
    "Faulted",
    "Occupied",
    "Unknown",
)
"""What a place may be; ``Occupied`` is 2.x's word where 1.6 says more exactly what it does, ``Unknown`` one that nobody knows."""

LARGEST_PLACE = 999
"""The largest EVSE or connector number believed; a larger one is an oddity, not a new row."""


@attrs.frozen(slots=True, kw_only=True)
class Evse:
    """One EVSE of a charger; ``label`` is what an operator calls it, such as its eMI3 id."""

    charger_id: str
    evse: int
    label: str


@attrs.frozen(slots=True, kw_only=True)
class Connector:
    """The present status of one place: a connector, an EVSE as a whole ``(n, 0)``, or the charger as a whole ``(0, 0)``.

    ``reported_at`` is when the charger last said so, never later than ``received_at``; ``since_at`` when it became so.
    """

    charger_id: str
    place: Place
    status: str
    status_raw: str
    error_code: str
    info: str
    vendor_id: str
    vendor_error_code: str
    reported_at: int
    received_at: int
    since_at: int


@attrs.frozen(slots=True, kw_only=True)
class StatusFacts:
    """What a row of the status history says. ``applied`` is False for what was already outdated when it came."""

    id: int
    charger_id: str
    status: str
    status_raw: str
    error_code: str
    info: str
    vendor_id: str
    vendor_error_code: str
    reported_at: int
    received_at: int
    applied: bool


@attrs.frozen(slots=True, kw_only=True)
class StatusChange(StatusFacts):
    """One row of the status history."""

    place: Place


@attrs.frozen(slots=True, kw_only=True)
class ConnectorState:
    """A connector in short: what it is and how it is."""

    evse: int
    connector: int
    label: str
    type: str
    current_type: str
    max_power_w: int | None
    status: str
    since_at: int | None


@attrs.frozen(slots=True, kw_only=True)
class ConnectorDetail:
    """A connector: what an operator says it is, and what it said of itself.

    ``status`` is ``Unknown`` until it spoke. ``evse_id`` names its EVSE, such as ``IN*ABC*E1``. ``type``, ``current_type`` and
    ``format`` are ``""``, and ``max_power_w`` and ``phases`` None, where nobody said. ``qr_code`` is the code of its sticker, ``""``
    until somebody asked for it.
    """

    charger_id: str
    charger_name: str
    station_id: int | None
    station_name: str
    evse: int
    connector: int
    label: str
    evse_id: str
    type: str
    current_type: str
    format: str
    max_power_w: int | None
    phases: int | None
    qr_code: str
    status: str
    error_code: str
    info: str
    vendor_error_code: str
    since_at: int | None
    reported_at: int | None

    @property
    def place(self) -> Place:
        """Where it is."""
        return Place(self.evse, self.connector)

    def steady(self) -> ConnectorDetail:
        """Without what the charger changes by itself, for ``If-Match``."""
        return attrs.evolve(
            self, status="", error_code="", info="", vendor_error_code="", since_at=None, reported_at=None, qr_code=""
        )


@attrs.frozen(slots=True, kw_only=True)
class ConnectorQuery(Paged):
    """Which connectors somebody wants."""

    sort: str = sorts("charger_id", "max_power_w", default="charger_id")
    station_id: int | None = filter_by("the station where it is")
    charger_id: str | None = filter_by("the charger that it belongs to")
    status: str | None = one_of(*CONNECTOR_STATUSES, help="how it is")
    type: str | None = one_of(*CONNECTOR_TYPES, help="what it is, as OCPI names it")
    current_type: str | None = one_of(*CURRENT_TYPES, help="AC or DC")
    min_power_w: int | None = filter_by("has at least this power, in watts")


@attrs.frozen(slots=True, kw_only=True)
class SheetQuery:
    """Whose QR codes to print."""

    station_id: int | None = filter_by("of the chargers of one station")
    charger_id: str | None = filter_by("of one charger")
    search: str | None = attrs.field(
        default=None,
        validator=validators.optional(validators.max_len(200)),
        metadata={"help": "free text, in the chargers' ids and names and the connectors' labels"},
    )
    page: int = attrs.field(
        default=1, validator=[validators.ge(1), validators.le(10_000)], metadata={"help": "which sheet, from 1, of 96 codes each"}
    )


@attrs.frozen(slots=True, kw_only=True)
class StatusHistoryQuery(Following):
    """Which rows of the status history somebody wants."""

    evse: int | None = filter_by("of this EVSE; 0 is the charger as a whole")
    connector: int | None = filter_by("of this connector of its EVSE")
    status: str | None = one_of(*CONNECTOR_STATUSES, help="what it became")
    from_at: int | None = filter_by("reported not before")
    to_at: int | None = filter_by("reported before")


@attrs.frozen(slots=True, kw_only=True)
class StatusRow(StatusFacts):
    """One row of the status history as the API shows it."""

    evse: int
    connector: int


@attrs.frozen(slots=True, kw_only=True)
class StartPlace:
    """What a driver's start page needs of the connector whose code was scanned. It tells nothing that the street does not see.

    ``startable`` says whether it would take a driver now, and ``reason`` why not.
    """

    code: str
    tenant_name: str
    currency: str
    station_id: int | None
    station_name: str
    station_status: str
    address: str
    time_zone: str
    charger_id: str
    charger_name: str
    location: str
    connected: bool
    evse: int
    connector: int
    label: str
    type: str
    current_type: str
    max_power_w: int | None
    phases: int | None
    status: str
    startable: bool
    reason: str
