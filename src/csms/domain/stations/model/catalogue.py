"""The catalogue of kinds of chargers, and what was done at chargers."""

from __future__ import annotations

import attrs
from attrs import validators

from csms.core.paging import Paged, filter_by, one_of, sorts

from .connectors import CONNECTOR_TYPES, CURRENT_TYPES, FORMATS

SERVICE_KINDS = ("installation", "inspection", "maintenance", "repair", "replacement", "calibration", "cleaning", "other")
"""What people do at a charger."""


def kilowatts(watts: int | None) -> float | None:
    """A power as people speak of it."""
    return None if watts is None else watts / 1000


@attrs.frozen(slots=True, kw_only=True)
class ConnectorKind:
    """What a kind of charger has at one EVSE; ``""`` is unknown."""

    type: str = attrs.field(default="", validator=validators.in_(("", *CONNECTOR_TYPES)))
    current_type: str = attrs.field(default="", validator=validators.in_(("", *CURRENT_TYPES)))
    format: str = attrs.field(default="", validator=validators.in_(("", *FORMATS)))
    max_power_w: int | None = attrs.field(
        default=None, validator=validators.optional([validators.ge(1), validators.le(10_000_000)])
    )
    phases: int | None = attrs.field(default=None, validator=validators.optional([validators.ge(1), validators.le(3)]))


@attrs.frozen(slots=True, kw_only=True)
class ChargerModel:
    """A kind of charger: its capacity, and its ``connectors``, one per EVSE in their order.

    It holds for chargers that report its vendor and model (case does not matter) and for those that an operator says are of it.
    """

    id: int
    vendor: str
    model: str
    max_power_w: int | None
    capacity_kw: float | None
    connectors: tuple[ConnectorKind, ...]
    quirks_note: str
    created_at: int


@attrs.frozen(slots=True, kw_only=True)
class ModelQuery(Paged):
    """Which entries of the catalogue somebody wants."""

    sort: str = sorts("vendor", "max_power_w", "created_at", default="vendor")
    vendor: str | None = filter_by("its vendor; case does not matter")


@attrs.frozen(slots=True, kw_only=True)
class ServiceRecord:
    """Something that was done at a charger, by whom, and what it cost (``amount_minor`` of ``currency``)."""

    id: int
    charger_id: str
    kind: str
    done_at: int
    done_by: str
    note: str
    amount_minor: int | None
    currency: str
    created_at: int


@attrs.frozen(slots=True, kw_only=True)
class NewServiceRecord:
    """Something that was done at a charger; ``done_at`` not given is now."""

    kind: str = attrs.field(validator=validators.in_(SERVICE_KINDS))
    done_at: int | None = None
    done_by: str = attrs.field(default="", validator=validators.max_len(200))
    note: str = attrs.field(default="", validator=validators.max_len(4000))
    amount_minor: int | None = attrs.field(default=None, validator=validators.optional([validators.ge(0), validators.le(10**12)]))
    currency: str = attrs.field(default="", validator=validators.matches_re("(?:[A-Z]{3})?"))

    def __attrs_post_init__(self) -> None:
        if (self.amount_minor is None) != (not self.currency):
            raise ValueError("amount_minor and currency are given together, or neither")


@attrs.frozen(slots=True, kw_only=True)
class ServiceQuery(Paged):
    """Which service records somebody wants."""

    sort: str = sorts("done_at", "id", default="-done_at")
    kind: str | None = one_of(*SERVICE_KINDS, help="what was done")
    from_at: int | None = filter_by("done not before")
    to_at: int | None = filter_by("done before")
