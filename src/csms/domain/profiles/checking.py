"""Whether a charging profile makes sense (1.6 §3.13, §5.16, §7.8-§7.14 and its errata); what is wrong is said with its field."""

from __future__ import annotations

from decimal import Decimal

from csms.core.charging import ABSOLUTE, CHARGER_MAX, DAILY, RECURRING, RELATIVE, TX, WEEKLY, ChargingProfile, ChargingSchedule
from csms.core.errors import Invalid
from csms.core.ids import Place

from .model import LARGEST, LARGEST_EVSE

CYCLE_S = {DAILY: 86_400, WEEKLY: 604_800}
"""Every 24 hours or 7 days from the start, whatever clocks on walls do (errata 3.78)."""
TENTH = Decimal("0.1")


def check(profile: ChargingProfile) -> ChargingProfile:
    """A profile that a charger can follow, wherever it is for. Raises ``Invalid``."""
    _whole("id", profile.id)
    _whole("stack_level", profile.stack_level)
    _check_kind(profile)
    if profile.valid_from_at is not None and profile.valid_to_at is not None and profile.valid_from_at >= profile.valid_to_at:
        raise Invalid("it ends before it begins to be valid", field="valid_to_at")
    if profile.purpose != TX:
        for field in ("transaction_id", "reference"):
            if getattr(profile, field):
                raise Invalid(f"only a {TX} is for a transaction (1.6 §7.8)", field=field)
    _check_schedule(profile.schedule, CYCLE_S.get(profile.recurrency))
    return profile


def check_template(profile: ChargingProfile) -> ChargingProfile:
    """A profile for many chargers and transactions: it names none. Raises ``Invalid``."""
    for field in ("id", "transaction_id", "reference"):
        if getattr(profile, field):
            raise Invalid("a template has none: it is given when it is sent", field=field)
    return check(profile)


def check_place(profile: ChargingProfile, place: Place) -> None:
    """Whether a profile may be at a place of a charger (1.6 §3.13.1). Raises ``Invalid``."""
    if not 0 <= place.evse <= LARGEST_EVSE:
        raise Invalid(f"an EVSE is 1 to {LARGEST_EVSE}, and 0 the whole charger", field="evse")
    if profile.purpose == CHARGER_MAX and not place.is_whole_charger:
        raise Invalid(f"a {CHARGER_MAX} is for the whole charger, evse 0 (1.6 §3.13.1)", field="evse")
    if profile.purpose == TX and place.is_whole_charger:
        raise Invalid(f"a {TX} is for one EVSE, 1 or higher (1.6 §3.13.1)", field="evse")


def _check_kind(profile: ChargingProfile) -> None:
    start_at = profile.schedule.start_at
    if profile.kind == RECURRING:
        if not profile.recurrency:
            raise Invalid(f"what is {RECURRING} recurs {DAILY} or {WEEKLY}", field="recurrency")
    elif profile.recurrency:
        raise Invalid(f"only for what is {RECURRING} (1.6 errata 3.56)", field="recurrency")
    if profile.kind == RELATIVE:
        if start_at is not None:
            raise Invalid(f"what is {RELATIVE} starts when charging starts, not at an instant", field="schedule.start_at")
        if profile.purpose == CHARGER_MAX:
            raise Invalid(f"a {CHARGER_MAX} belongs to no transaction that it could be {RELATIVE} to", field="kind")
    elif start_at is None:
        needs = "the instant from which it recurs" if profile.kind == RECURRING else f"what is {ABSOLUTE} starts at an instant"
        raise Invalid(needs, field="schedule.start_at")


def _check_schedule(schedule: ChargingSchedule, cycle_s: int | None) -> None:
    duration_s = schedule.duration_s
    if duration_s is not None:
        if not 1 <= duration_s <= LARGEST:
            raise Invalid(f"a schedule lasts 1 to {LARGEST} seconds", field="schedule.duration_s")
        if cycle_s is not None and duration_s > cycle_s:
            raise Invalid(
                f"it recurs after {cycle_s} s; what is beyond is never done (1.6 errata 3.44)", field="schedule.duration_s"
            )
    ends_s = min(each for each in (duration_s, cycle_s, LARGEST + 1) if each is not None)
    before_s = -1
    for number, period in enumerate(schedule.periods):
        field = f"schedule.periods[{number}]"
        if number == 0 and period.start_s != 0:
            raise Invalid(f"the first period starts at 0, not at {period.start_s} (1.6 errata 3.45)", field=f"{field}.start_s")
        if period.start_s <= before_s:
            raise Invalid(f"periods are in order: {period.start_s} is not after {before_s}", field=f"{field}.start_s")
        if period.start_s >= ends_s:
            raise Invalid(
                f"{period.start_s} s is past the schedule's end at {ends_s} s: it is never done", field=f"{field}.start_s"
            )
        before_s = period.start_s
        _tenths(f"{field}.limit", period.limit)
    if schedule.min_rate is not None:
        _tenths("schedule.min_rate", schedule.min_rate)


def _whole(field: str, value: int) -> None:
    if not 0 <= value <= LARGEST:
        raise Invalid(f"a whole number from 0 to {LARGEST}, not {value}", field=field)


def _tenths(field: str, value: Decimal) -> None:
    if not value.is_finite() or not 0 <= value <= LARGEST:
        raise Invalid(f"a number from 0 to {LARGEST}, not {value}", field=field)
    if value != value.quantize(TENTH):
        raise Invalid(f"one decimal place at most, not {value} (1.6 §7.13)", field=field)
