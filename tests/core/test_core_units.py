"""Instants in every way a charger writes them, and physical units in their normal form."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csms.core.units import doubled, from_datetime, iso, normal_unit, parse_instant, to_datetime, whole

NOON = 1_769_860_800_000
"""2026-01-31T12:00:00Z."""
FIRST, LAST = -62_135_596_800_000, 253_402_300_799_999
"""The calendar of ISO 8601: years 1 to 9999."""

quick = settings(max_examples=150, deadline=None, derandomize=True, database=None)
instants = st.integers(FIRST, LAST)
zones = st.integers(-(23 * 60 + 59), 23 * 60 + 59)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-01-31T12:00:00Z", NOON),
        ("2026-01-31T12:00:00.000Z", NOON),
        ("2026-01-31t12:00:00z", NOON),
        ("2026-01-31 12:00:00Z", NOON),
        ("  2026-01-31T12:00:00 Z ", NOON),
        ("2026-01-31T12:00Z", NOON),
        ("2026-01-31T12:00:00.25Z", NOON + 250),
        ("2026-01-31T12:00:00,250Z", NOON + 250),
        ("2026-01-31T12:00:00,5Z", NOON + 500),
        ("2026-01-31T12:00:00.0009Z", NOON),
        ("2026-01-31T12:00:00.123456789012Z", NOON + 123),
        ("2026-01-31T17:30:00+05:30", NOON),
        ("2026-01-31T17:30:00.250+0530", NOON + 250),
        ("2026-01-31T14:00+02", NOON),
        ("2026-01-31T07:00:00-05:00", NOON),
        ("2026-01-30T21:30:00-14:30", NOON),
        ("2026-01-31T12:00:00-00:00", NOON),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000),
        ("1970-01-01T00:00:00Z", 0),
        ("1969-12-31T23:59:59.999Z", -1),
        ("1969-12-31T23:59:59.999+00:00", -1),
        ("0001-01-01T00:00:00Z", FIRST),
        ("9999-12-31T23:59:59.999Z", LAST),
    ],
)
def test_what_chargers_write_for_one_moment(text: str, instant: int) -> None:
    assert parse_instant(text) == (instant, True)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-01-31T12:00:00", NOON),
        ("2026-01-31T12:00", NOON),
        ("2026-01-31T12:00:00.125", NOON + 125),
        ("2026-01-31T12:00:00,125 ", NOON + 125),
    ],
)
def test_without_a_zone_it_is_utc_and_that_is_told(text: str, instant: int) -> None:
    assert parse_instant(text) == (instant, False)


@pytest.mark.parametrize("zone", ["Z", "+00:00", ""])
def test_a_leap_second_is_the_second_before_it(zone: str) -> None:
    at, _ = parse_instant(f"2016-12-31T23:59:60{zone}")
    assert at == parse_instant("2016-12-31T23:59:59Z")[0]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "Z",
        "now",
        "1769860800",
        "1769860800000",
        "2026-01-31",
        "12:00:00Z",
        "31-01-2026T12:00:00Z",
        "2026-1-31T12:00:00Z",
        "2026/01/31T12:00:00Z",
        "2026-01-31x12:00:00Z",
        "2026-01-31_12:00:00.000Z",
        "2026-01-31T12Z",
        "2026-01-31T12:00:00ZZ",
        "2026-01-31T12:00:00Zulu",
        "2026-01-31T12:00:00 UTC",
        "2026-01-31T12:00:00.Z",
        "2026-13-01T12:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-02-29T12:00:00.000Z",
        "2026-01-31T25:00:00Z",
        "2026-01-31T12:60:00Z",
        "2026-01-31T12:00:61Z",
        "2026-01-31T12:00:99+00:00",
        "2026-01-31T12:00:00+99:99",
        "2026-01-31T12:00:00+24:00",
        "2026-01-31T12:00:00+05:60",
        "2026-01-31T12:00:00+5",
        "0000-01-01T00:00:00Z",
        "٢٠٢٦-٠١-٣١T١٢:٠٠:٠٠Z",
        "٢٠٢٦-٠١-٣١T١٢:٠٠Z",
        "2026-01-31T12:00:00Z\x00",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_instant(text)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "9999-12-31T23:59:59-23:59"])
def test_a_zone_may_not_lead_out_of_the_calendar(text: str) -> None:
    with pytest.raises(ValueError, match="calendar"):
        parse_instant(text)


@quick
@given(instants)
def test_what_we_write_we_read(instant: int) -> None:
    text = iso(instant)
    assert len(text) == len("2026-01-31T12:00:00.000Z")
    assert parse_instant(text) == (instant, True)
    assert from_datetime(to_datetime(instant)) == instant


@quick
@given(instants, zones, st.sampled_from([":", ""]), st.sampled_from([".", ","]), st.sampled_from("Tt "))
def test_every_zone_tells_the_same_moment(instant: int, offset: int, colon: str, point: str, between: str) -> None:
    local = instant + offset * 60_000
    if not FIRST <= local <= LAST:
        return
    hours, minutes = divmod(abs(offset), 60)
    zone = f"{'-' if offset < 0 else '+'}{hours:02d}{colon}{minutes:02d}"
    text = iso(local)[:-1].replace("T", between).replace(".", point) + zone
    assert parse_instant(text) == (instant, True)


@quick
@given(instants)
def test_seconds_may_be_missing(instant: int) -> None:
    assert parse_instant(f"{iso(instant)[:16]}Z")[0] == instant // 60_000 * 60_000


@quick
@given(instants, instants)
def test_texts_sort_like_the_instants_they_stand_for(one: int, other: int) -> None:
    assert (iso(one) < iso(other)) == (one < other)


almost = st.text("0123456789-:.,TtZz+ W", min_size=0, max_size=30)
mutated = st.builds(
    lambda text, at, what: text[:at] + what + text[at + 1 :],
    st.sampled_from(["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000Z", "2026-01-31T12:00:00+05:30"]),
    st.integers(0, 25),
    st.sampled_from(["", "0", "9", "Z", "T", "-", "+", ":", ".", " ", "W", "é"]),
)


@settings(quick, max_examples=400)
@given(almost | mutated | st.text(max_size=40))
def test_whatever_is_read_can_be_written(text: str) -> None:
    try:
        at, zoned = parse_instant(text)
    except ValueError:
        return
    assert parse_instant(iso(at)) == (at, True)
    assert isinstance(zoned, bool)


def test_datetimes_need_a_zone() -> None:
    with pytest.raises(ValueError, match="zone"):
        from_datetime(datetime(2026, 1, 31, 12))
    assert from_datetime(datetime(2026, 1, 31, 17, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))) == NOON
    assert from_datetime(datetime.min.replace(tzinfo=UTC)) == FIRST
    assert to_datetime(NOON) == datetime(2026, 1, 31, 12, tzinfo=UTC)


def test_an_instant_beyond_the_calendar_has_no_text() -> None:
    for instant in (FIRST - 1, LAST + 1, 2**63):
        with pytest.raises(OverflowError):
            iso(instant)


# --- units ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "unit", "normal"),
    [
        ("7", "Wh", ("7", "Wh")),
        ("7.36", "kWh", ("7360", "Wh")),
        ("0.002", "MWh", ("2000", "Wh")),
        ("3", "kvarh", ("3000", "varh")),
        ("3", "kVAh", ("3000", "VAh")),
        ("11.04", "kW", ("11040", "W")),
        ("5", "kVA", ("5000", "VA")),
        ("1.5", "kvar", ("1500", "var")),
        ("16", "A", ("16", "A")),
        ("16000", "mA", ("16", "A")),
        ("230100", "mV", ("230.1", "V")),
        ("0.4", "kV", ("400", "V")),
        ("21.5", "Celcius", ("21.5", "Celsius")),
        ("21.5", "Celsius", ("21.5", "Celsius")),
        ("70", "Fahrenheit", ("70", "Fahrenheit")),
        ("300", "K", ("300", "K")),
        ("80", "Percent", ("80", "Percent")),
        ("80", "%", ("80", "Percent")),
        ("50", "Hertz", ("50", "Hz")),
        ("50", "Hz", ("50", "Hz")),
        ("800", "Revolutions/Minute", ("800", "RPM")),
        ("-70", "dBm", ("-70", "dBm")),
    ],
)
def test_the_normal_unit(value: str, unit: str, normal: tuple[str, str]) -> None:
    for spelling in (unit, unit.upper(), unit.lower(), f" {unit} "):
        assert normal_unit(Decimal(value), spelling) == (Decimal(normal[0]), normal[1], True)


@pytest.mark.parametrize("unit", ["", "furlong", "Wh/h", "kkWh"])
def test_an_unknown_unit_stays_with_its_value(unit: str) -> None:
    assert normal_unit(Decimal("1.50"), unit) == (Decimal("1.50"), unit, False)
    assert normal_unit(Decimal("1.5"), unit, 3) == (Decimal(1500), unit, False)


def test_the_multiplier_of_ocpp_2_is_a_power_of_ten_beside_the_prefix() -> None:
    assert normal_unit(Decimal(72), "W", 2) == (Decimal(7200), "W", True)
    assert normal_unit(Decimal(72), "kWh", -1) == (Decimal(7200), "Wh", True)
    assert normal_unit(Decimal("7200"), "kWh", -3) == (Decimal(7200), "Wh", True)
    assert normal_unit(Decimal(5), "mA", 3) == (Decimal(5), "A", True)


@quick
@given(st.decimals("-1e12", "1e12", places=6), st.integers(-9, 9))
def test_no_digit_is_lost(value: Decimal, multiplier: int) -> None:
    normal, unit, known = normal_unit(value, "kWh", multiplier)
    assert (unit, known) == ("Wh", True)
    assert normal.scaleb(-3 - multiplier) == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", 0),
        ("0.4999999999999999999999999999999999", 0),
        ("0.5", 1),
        ("1.5", 2),
        ("2.5", 3),
        ("-0.5", -1),
        ("-2.4", -2),
        ("-2.5", -3),
        ("12345678901234567890123456789012.5", 12345678901234567890123456789013),
        ("7.2E+3", 7200),
    ],
)
def test_halves_are_rounded_away_from_zero(value: str, expected: int) -> None:
    assert whole(Decimal(value)) == expected


@quick
@given(st.decimals("-1e15", "1e15", allow_nan=False))
def test_rounding_moves_by_half_at_most(value: Decimal) -> None:
    assert abs(whole(value) - value) <= Decimal("0.5")
    assert whole(-value) == -whole(value)


def test_a_wait_doubles_up_to_the_longest() -> None:
    assert [doubled(30, times, 3600) for times in (-1, 0, 1, 2, 7, 10_000_000)] == [30, 30, 60, 120, 3600, 3600]
