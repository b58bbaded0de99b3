"""Charging profiles: how much a charger may draw, and when; the same nouns for what we command and what we reckon."""

from __future__ import annotations

from decimal import Decimal

import attrs

CHARGER_MAX, TX_DEFAULT, TX = "ChargingStationMaxProfile", "TxDefaultProfile", "TxProfile"
PURPOSES = (CHARGER_MAX, TX_DEFAULT, TX)
"""OCPP 2.0.1 ChargingProfilePurposeEnumType; 1.6 (§7.11) calls the first one ChargePointMaxProfile."""
ABSOLUTE, RECURRING, RELATIVE = "Absolute", "Recurring", "Relative"
KINDS = (ABSOLUTE, RECURRING, RELATIVE)
"""OCPP 1.6 §7.10."""
DAILY, WEEKLY = "Daily", "Weekly"
RECURRENCIES = ("", DAILY, WEEKLY)
"""OCPP 1.6 §7.38; ``""`` for what does not recur."""
AMPERE, WATT = "A", "W"
UNITS = (AMPERE, WATT)
"""OCPP 1.6 §7.12. Amperes count per phase, watts in total."""

_in = attrs.validators.in_
_at_least = attrs.validators.ge


@attrs.frozen(slots=True)
class SchedulePeriod:
    """From ``start_s`` seconds after the schedule's start until the next period the ``limit`` holds, in the schedule's unit.

    ``phases`` None means three where the limit is in amperes (1.6 §7.14).
    """

    start_s: int = attrs.field(validator=_at_least(0))
    limit: Decimal = attrs.field(validator=_at_least(Decimal(0)))
    phases: int | None = attrs.field(default=None, validator=attrs.validators.optional(_in((1, 2, 3))))


@attrs.frozen(slots=True, kw_only=True)
class ChargingSchedule:
    """Limits over time (1.6 §7.13). ``start_at`` is an instant; None is relative to the start of charging.

    The first period starts at 0. Beyond ``duration_s`` the schedule says nothing; None is for ever, or until it recurs.
    """

    unit: str = attrs.field(validator=_in(UNITS))
    periods: tuple[SchedulePeriod, ...] = attrs.field(validator=attrs.validators.min_len(1))
    start_at: int | None = None
    duration_s: int | None = attrs.field(default=None, validator=attrs.validators.optional(_at_least(0)))
    min_rate: Decimal | None = None


@attrs.frozen(slots=True, kw_only=True)
class ChargingProfile:
    """One charging profile (1.6 §7.8; 2.0.1 K01). Of profiles with one purpose the highest ``stack_level`` that says something wins.

    ``transaction_id`` is ours, and ``reference`` the charger's own (2.x), for what is meant for one transaction only.
    """

    id: int
    purpose: str = attrs.field(validator=_in(PURPOSES))
    kind: str = attrs.field(validator=_in(KINDS))
    schedule: ChargingSchedule
    stack_level: int = attrs.field(default=0, validator=_at_least(0))
    recurrency: str = attrs.field(default="", validator=_in(RECURRENCIES))
    transaction_id: int | None = None
    reference: str = ""
    valid_from_at: int | None = None
    valid_to_at: int | None = None
