"""Charging profiles as people write them, in TOML or JSON: read with the field that is wrong, and written back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

from csms.core.charging import KINDS, PURPOSES, RECURRENCIES, UNITS, ChargingProfile, ChargingSchedule, SchedulePeriod
from csms.core.errors import Invalid
from csms.core.units import from_datetime, iso, parse_instant

from .checking import check_template

_MOST_PERIODS = 1000


class _Table:
    """One table of the document; what is read is taken away, and what is left nobody knows."""

    def __init__(self, data: Any, path: str) -> None:
        if not isinstance(data, Mapping):
            raise Invalid("it must be a table", field=path or "profile")
        self._left = dict(data)
        self._path = path

    def field(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def take(self, name: str, *, needed: bool = False) -> Any:
        value = self._left.pop(name, None)
        if value is None and needed:
            raise Invalid("it is missing", field=self.field(name))
        return value

    def whole(self, name: str, *, needed: bool = False) -> int | None:
        value = self.take(name, needed=needed)
        if value is not None and type(value) is not int:
            raise Invalid(f"a whole number, not {value!r}", field=self.field(name))
        return value

    def number(self, name: str, *, needed: bool = False) -> Decimal | None:
        value = self.take(name, needed=needed)
        if value is None:
            return None
        try:
            found = Decimal(str(value)) if type(value) in (int, float, str, Decimal) else None
        except InvalidOperation:
            found = None
        if found is None or not found.is_finite() or found < 0:
            raise Invalid(f"a number from 0, not {value!r}", field=self.field(name))
        return found

    def word(self, name: str, options: Sequence[str], *, needed: bool = False) -> str:
        value = self.take(name, needed=needed)
        by_fold = {option.casefold(): option for option in options}
        if value is None:
            return ""
        if not isinstance(value, str) or value.casefold() not in by_fold:
            raise Invalid(f"one of {', '.join(filter(None, options))}, not {value!r}", field=self.field(name))
        return by_fold[value.casefold()]

    def instant(self, name: str) -> int | None:
        """A date and time, with its zone: TOML's own, or ISO 8601 text. A date alone is its midnight, UTC."""
        value = self.take(name)
        if isinstance(value, date) and not isinstance(value, datetime):
            value = datetime.combine(value, time()).isoformat() + "Z"
        if isinstance(value, datetime):
            if value.tzinfo is None:
                raise Invalid(f"{value} says no zone: add Z or +05:30", field=self.field(name))
            return from_datetime(value)
        if value is None:
            return None
        try:
            at, zoned = parse_instant(value if isinstance(value, str) else "")
        except ValueError:
            raise Invalid(f"a date and time such as 2026-01-31T18:30:00Z, not {value!r}", field=self.field(name)) from None
        if not zoned:
            raise Invalid(f"{value} says no zone: add Z or +05:30", field=self.field(name))
        return at

    def finish(self) -> None:
        if self._left:
            raise Invalid("there is no such field", field=self.field(next(iter(self._left))))


def profile_from(data: Mapping[str, Any]) -> ChargingProfile:
    """The template that a document describes. Raises ``Invalid`` with the field that is wrong."""
    table = _Table(data, "")
    purpose = table.word("purpose", PURPOSES, needed=True)
    kind = table.word("kind", KINDS, needed=True)
    recurrency = table.word("recurrency", RECURRENCIES)
    stack_level = table.whole("stack_level")
    if stack_level is not None and stack_level < 0:
        raise Invalid(f"a whole number from 0, not {stack_level}", field="stack_level")
    valid_from, valid_to = table.instant("valid_from"), table.instant("valid_to")
    schedule = _schedule(table.take("schedule", needed=True))
    table.finish()
    profile = ChargingProfile(
        id=0,
        purpose=purpose,
        kind=kind,
        recurrency=recurrency,
        stack_level=stack_level or 0,
        valid_from_at=valid_from,
        valid_to_at=valid_to,
        schedule=schedule,
    )
    return check_template(profile)


def _schedule(data: Any) -> ChargingSchedule:
    table = _Table(data, "schedule")
    unit = table.word("unit", UNITS, needed=True)
    start_at, duration_s, min_rate = table.instant("start_at"), table.whole("duration_s"), table.number("min_rate")
    if duration_s is not None and duration_s < 1:
        raise Invalid(f"a whole number from 1, not {duration_s}", field="schedule.duration_s")
    periods = table.take("periods", needed=True)
    if not isinstance(periods, list) or not 1 <= len(periods) <= _MOST_PERIODS:
        raise Invalid(f"a list of 1 to {_MOST_PERIODS} periods", field="schedule.periods")
    table.finish()
    return ChargingSchedule(
        unit=unit,
        periods=tuple(_period(each, number) for number, each in enumerate(periods)),
        start_at=start_at,
        duration_s=duration_s,
        min_rate=min_rate,
    )


def _period(data: Any, number: int) -> SchedulePeriod:
    table = _Table(data, f"schedule.periods[{number}]")
    start_s, limit, phases = table.whole("start_s", needed=True), table.number("limit", needed=True), table.whole("phases")
    if start_s is None or limit is None or start_s < 0:
        raise Invalid(f"seconds from 0, not {start_s}", field=table.field("start_s"))
    if phases not in (None, 1, 2, 3):
        raise Invalid(f"1, 2 or 3, not {phases}", field=table.field("phases"))
    table.finish()
    return SchedulePeriod(start_s, limit, phases)


def document_of(profile: ChargingProfile) -> dict[str, Any]:
    """The document that describes a template; what it does not say is left out."""
    schedule = profile.schedule
    periods = [
        {"start_s": each.start_s, "limit": _plain(each.limit), **({} if each.phases is None else {"phases": each.phases})}
        for each in schedule.periods
    ]
    told: dict[str, Any] = {
        "purpose": profile.purpose,
        "kind": profile.kind,
        "recurrency": profile.recurrency or None,
        "stack_level": profile.stack_level,
        "valid_from": None if profile.valid_from_at is None else iso(profile.valid_from_at),
        "valid_to": None if profile.valid_to_at is None else iso(profile.valid_to_at),
        "schedule": {
            "unit": schedule.unit,
            "start_at": None if schedule.start_at is None else iso(schedule.start_at),
            "duration_s": schedule.duration_s,
            "min_rate": None if schedule.min_rate is None else _plain(schedule.min_rate),
            "periods": periods,
        },
    }
    told["schedule"] = {name: value for name, value in told["schedule"].items() if value is not None}
    return {name: value for name, value in told.items() if value is not None}


def _plain(limit: Decimal) -> int | float:
    return int(limit) if limit == limit.to_integral_value() else float(limit)
