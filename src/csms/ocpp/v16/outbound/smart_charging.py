"""What we tell an OCPP 1.6 charger in the Smart Charging profile (§5.5, §5.7, §5.16)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from csms.core import commands
from csms.core.charging import CHARGER_MAX, TX, TX_DEFAULT, ChargingProfile, ChargingSchedule
from csms.core.commands import Answered
from csms.core.errors import CannotSay
from csms.ocpp.dialect import Payload, Says
from csms.ocpp.v16.places import connector
from csms.ocpp.wording import answered, instant

_PURPOSES = {CHARGER_MAX: "ChargePointMaxProfile", TX_DEFAULT: "TxDefaultProfile", TX: "TxProfile"}
_TENTH = Decimal("0.1")


def _rate(limit: Decimal) -> int | float:
    """A limit with at most one digit after the point (§7.13, §7.14)."""
    if limit != limit.quantize(_TENTH):
        raise CannotSay(f"OCPP 1.6 knows limits to one decimal place, not {limit}")
    return int(limit) if limit == limit.to_integral_value() else float(limit)


def _schedule(schedule: ChargingSchedule) -> Payload:
    periods: list[Payload] = []
    for period in schedule.periods:
        said: Payload = {"startPeriod": period.start_s, "limit": _rate(period.limit)}
        if period.phases is not None:
            said["numberPhases"] = period.phases
        periods.append(said)
    payload: Payload = {"chargingRateUnit": schedule.unit, "chargingSchedulePeriod": periods}
    if schedule.duration_s is not None:
        payload["duration"] = schedule.duration_s
    if schedule.start_at is not None:
        payload["startSchedule"] = instant(schedule.start_at)
    if schedule.min_rate is not None:
        payload["minChargingRate"] = _rate(schedule.min_rate)
    return payload


def profile(profile: ChargingProfile) -> Payload:
    """A ChargingProfile (§7.8). Raises ``CannotSay`` for what 1.6 does not know."""
    payload: Payload = {
        "chargingProfileId": profile.id,
        "stackLevel": profile.stack_level,
        "chargingProfilePurpose": _PURPOSES[profile.purpose],
        "chargingProfileKind": profile.kind,
        "chargingSchedule": _schedule(profile.schedule),
    }
    if profile.transaction_id is not None:
        payload["transactionId"] = profile.transaction_id
    if profile.recurrency:
        payload["recurrencyKind"] = profile.recurrency
    if profile.valid_from_at is not None:
        payload["validFrom"] = instant(profile.valid_from_at)
    if profile.valid_to_at is not None:
        payload["validTo"] = instant(profile.valid_to_at)
    return payload


def for_start(wanted: ChargingProfile) -> Payload:
    """The profile of a remote start: a TxProfile without a transaction id, which the charger is yet to learn (§5.11, §5.16.2)."""
    if wanted.purpose != TX:
        raise CannotSay(f"a remote start takes a TxProfile, not a {wanted.purpose}")
    payload = profile(wanted)
    payload.pop("transactionId", None)
    return payload


def _set(command: commands.SetChargingProfile) -> Payload:
    if command.profile.purpose == TX and command.place.is_whole_charger:
        raise CannotSay("a TxProfile is for a connector, 1 or higher (OCPP 1.6 §5.16.2)")
    if command.profile.purpose == CHARGER_MAX and not command.place.is_whole_charger:
        raise CannotSay("a ChargingStationMaxProfile is for the charger as a whole, evse 0 (OCPP 1.6 §5.16.4)")
    return {"connectorId": connector(command.place), "csChargingProfiles": profile(command.profile)}


def _clear(command: commands.ClearChargingProfile) -> Payload:
    payload: Payload = {}
    if command.profile_id is not None:
        payload["id"] = command.profile_id
    if command.place is not None:
        payload["connectorId"] = connector(command.place)
    if command.purpose:
        payload["chargingProfilePurpose"] = _PURPOSES[command.purpose]
    if command.stack_level is not None:
        payload["stackLevel"] = command.stack_level
    return payload


def _composite(command: commands.GetCompositeSchedule) -> Payload:
    payload: Payload = {"connectorId": connector(command.place), "duration": command.duration_s}
    if command.unit:
        payload["chargingRateUnit"] = command.unit
    return payload


def _composed(payload: Payload) -> Answered:
    detail: dict[str, Any] = {}
    if "connectorId" in payload:
        detail["evse"] = payload["connectorId"]
    schedule = payload.get("chargingSchedule", {})
    start = payload.get("scheduleStart") or schedule.get("startSchedule")
    if start is not None:
        detail["start"] = start
    for theirs, ours in (("duration", "duration_s"), ("chargingRateUnit", "unit"), ("minChargingRate", "min_rate")):
        if theirs in schedule:
            detail[ours] = schedule[theirs]
    if "chargingSchedulePeriod" in schedule:
        detail["periods"] = [
            {"start_s": period.get("startPeriod"), "limit": period.get("limit"), "phases": period.get("numberPhases")}
            for period in schedule["chargingSchedulePeriod"]
        ]
    return Answered(payload.get("status", ""), detail)


ROWS = (
    Says(command=commands.SetChargingProfile, action="SetChargingProfile", write=_set, read=answered),
    Says(command=commands.ClearChargingProfile, action="ClearChargingProfile", write=_clear, read=answered),
    Says(command=commands.GetCompositeSchedule, action="GetCompositeSchedule", write=_composite, read=_composed),
)
