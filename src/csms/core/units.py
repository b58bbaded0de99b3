"""Instants and physical units: one normal form for everything a charger may say.

An *instant* is an integer: milliseconds since 1970-01-01T00:00:00Z. Names end in ``_at``. Durations end in ``_s`` or ``_ms``.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST_PLAUSIBLE_AT = 1_262_304_000_000
"""2010-01-01: no OCPP charger is older; earlier timestamps come from a clock that was never set."""
LATEST_PLAUSIBLE_AT = 4_102_444_800_000
"""2100-01-01: later timestamps come from a clock that went wrong, or mean "never"."""

_NAIVE_EPOCH = EPOCH.replace(tzinfo=None)
_MILLISECOND = timedelta(milliseconds=1)
_USUAL_LENGTHS = frozenset({20, 24})
"""``2026-01-31T12:00:00Z``, with or without milliseconds."""
_FIRST_AT = (datetime.min.replace(tzinfo=UTC) - EPOCH) // _MILLISECOND
_LAST_AT = (datetime.max.replace(tzinfo=UTC) - EPOCH) // _MILLISECOND
_ISO = re.compile(
    r"\s*(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::([0-5]\d|60)(?:[.,](\d{1,9})\d*)?)?"
    r"\s*([Zz]|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?\s*",
    re.ASCII,
)


def parse_instant(text: str) -> tuple[int, bool]:
    """Milliseconds since the epoch for an ISO 8601 date-time, and whether it named its zone.

    Without a zone UTC is assumed (OCPP 1.6 §3.14 asks for UTC). Seconds and fractions may be missing; a comma may stand for the
    point. A leap second counts as the one before it. Raises ``ValueError`` for anything else, and for what lies beyond the years 1 to
    9999 once its zone is reckoned with, which ``iso`` could not say.
    """
    if len(text) in _USUAL_LENGTHS and text[-1] == "Z" and text[10] == "T":  # nearly every charger; five times as fast
        try:
            return (datetime.fromisoformat(text) - EPOCH) // _MILLISECOND, True
        except ValueError:
            pass
    match = _ISO.fullmatch(text)
    if match is None:
        raise ValueError(f"not an ISO 8601 date-time: {text!r}")
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    milliseconds = int((fraction or "0").ljust(3, "0")[:3])
    moment = datetime(int(year), int(month), int(day), int(hour), int(minute), min(int(second or 0), 59), tzinfo=UTC)
    instant = int((moment - EPOCH) / timedelta(seconds=1)) * 1000 + milliseconds
    if zone is None:
        return instant, False
    if zone in "Zz":
        return instant, True
    sign = -1 if zone[0] == "-" else 1
    digits = zone[1:].replace(":", "")
    offset_minutes = int(digits[:2]) * 60 + int(digits[2:] or 0)
    instant -= sign * offset_minutes * 60_000
    if not _FIRST_AT <= instant <= _LAST_AT:
        raise ValueError(f"outside the calendar: {text!r}")
    return instant, True


def from_local(at: int, time_zone: str) -> int:
    """The instant of a moment that was told as if local time were UTC. Of an hour that comes twice it is the first."""
    moment = to_datetime(at).replace(tzinfo=ZoneInfo(time_zone))
    return (moment - EPOCH) // _MILLISECOND


def iso(instant: int) -> str:
    """``2026-01-31T12:00:00.000Z`` for an instant; the form every OCPP version accepts.

    Raises ``OverflowError`` for an instant outside the years 1 to 9999.
    """
    days, rest = divmod(instant, 86_400_000)
    minute, rest = divmod(rest, 60_000)
    return f"{_day(days)}{_MINUTES[minute]}{rest // 1000:02d}.{rest % 1000:03d}Z"


@lru_cache(4096)
def _day(days: int) -> str:
    return (_NAIVE_EPOCH + timedelta(days)).date().isoformat() + "T"


_MINUTES = tuple(f"{minute // 60:02d}:{minute % 60:02d}:" for minute in range(1440))


def to_datetime(instant: int) -> datetime:
    """An aware UTC ``datetime`` for an instant."""
    return EPOCH + timedelta(milliseconds=instant)


def from_datetime(moment: datetime) -> int:
    """The instant of an aware ``datetime``. Raises ``ValueError`` when it has no zone."""
    if moment.utcoffset() is None:
        raise ValueError("a datetime without a zone is no instant")
    return (moment - EPOCH) // _MILLISECOND


def doubled(first: int, times: int, longest: int) -> int:
    """How long to wait after so many failures: ``first``, doubled each time, ``longest`` at most; in whatever unit the two are."""
    return min(first << min(max(times, 0), 32), longest)


_PREFIXED = {
    # unit as heard (folded) -> (normal unit, power of ten)
    "wh": ("Wh", 0),
    "kwh": ("Wh", 3),
    "mwh": ("Wh", 6),
    "varh": ("varh", 0),
    "kvarh": ("varh", 3),
    "vah": ("VAh", 0),
    "kvah": ("VAh", 3),
    "w": ("W", 0),
    "kw": ("W", 3),
    "va": ("VA", 0),
    "kva": ("VA", 3),
    "var": ("var", 0),
    "kvar": ("var", 3),
    "a": ("A", 0),
    "ma": ("A", -3),
    "v": ("V", 0),
    "mv": ("V", -3),
    "kv": ("V", 3),
    "celcius": ("Celsius", 0),
    "celsius": ("Celsius", 0),
    "fahrenheit": ("Fahrenheit", 0),
    "k": ("K", 0),
    "percent": ("Percent", 0),
    "%": ("Percent", 0),
    "hz": ("Hz", 0),
    "hertz": ("Hz", 0),
    "rpm": ("RPM", 0),
    "revolutions/minute": ("RPM", 0),
    "deg": ("Deg", 0),
    "dbm": ("dBm", 0),
}


def normal_unit(value: Decimal, unit: str, multiplier: int = 0) -> tuple[Decimal, str, bool]:
    """The value in its normal unit (Wh, W, A, V, Celsius, Percent ...), that unit, and whether the unit was known.

    ``multiplier`` is OCPP 2.x's power of ten. An unknown unit is kept as it is.
    """
    normal, exponent = _PREFIXED.get(unit.strip().casefold(), ("", 0))
    shift = exponent + multiplier
    if shift:
        value = value.scaleb(shift)
    if not normal:
        return value, unit, False
    return value, normal, True


def whole(value: Decimal) -> int:
    """The nearest integer, halves away from zero: how fractional Wh become the ledger's whole Wh."""
    return int(value.to_integral_value(rounding=ROUND_HALF_UP))


def kwh(energy_wh: int) -> str:
    """An energy in Wh as kWh, exactly, with three decimals."""
    sign = "-" if energy_wh < 0 else ""
    whole_kwh, rest_wh = divmod(abs(energy_wh), 1000)
    return f"{sign}{whole_kwh}.{rest_wh:03d}"
