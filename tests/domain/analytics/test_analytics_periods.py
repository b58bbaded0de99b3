"""Days, months and hours of a time zone."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.core.units import parse_instant
from csms.domain.analytics.model import PortLife
from csms.domain.analytics.opening import closed, common, union
from csms.domain.analytics.periods import begin_of, by_day, by_hour, day_of, hour_of, next_day, next_month
from csms.domain.analytics.service.figures import Stretch
from csms.domain.analytics.service.uptime import NO_TIME, PortTime, Time, time_of
from csms.domain.analytics.spans import Spans

HOUR_MS = 3_600_000


def at(text: str) -> int:
    return parse_instant(text)[0]


def test_a_day_is_that_of_the_time_zone() -> None:
    assert day_of(at("2026-03-31T18:29:59Z"), "Asia/Kolkata") == "2026-03-31"
    assert day_of(at("2026-03-31T18:30:00Z"), "Asia/Kolkata") == "2026-04-01"
    assert begin_of("2026-04-01", "Asia/Kolkata") == at("2026-03-31T18:30:00Z")


def test_the_day_on_which_clocks_go_forward_has_23_hours() -> None:
    parts = dict(by_day(at("2026-03-28T00:00:00Z"), at("2026-03-31T00:00:00Z"), "Europe/Berlin"))
    assert parts["2026-03-29"] == 23 * HOUR_MS
    assert parts["2026-03-28"] == 23 * HOUR_MS, "it had begun an hour earlier"


@given(
    begin=st.integers(at("2026-01-01T00:00:00Z"), at("2026-12-31T00:00:00Z")),
    length=st.integers(0, 80 * HOUR_MS),
    zone=st.sampled_from(["UTC", "Asia/Kolkata", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
)
def test_no_time_is_lost_or_counted_twice(begin: int, length: int, zone: str) -> None:
    assert sum(part for _, part in by_day(begin, begin + length, zone)) == length
    assert sum(part for _, part in by_hour(begin, begin + length, zone)) == length


def test_an_hour_of_the_week() -> None:
    hour = hour_of(at("2026-10-30T12:45:00Z"), "Asia/Kolkata")
    assert (hour.month, hour.weekday, hour.hour) == ("2026-10-01", 4, 18)


@pytest.mark.parametrize(
    ("from_day", "until_day", "parts"),
    [
        ("2026-01-01", "2026-12-31", [("month", "2026-01-01", "2026-12-01")]),
        ("2026-01-15", "2026-01-20", [("day", "2026-01-15", "2026-01-20")]),
        ("2026-01-15", "2026-02-28", [("day", "2026-01-15", "2026-01-31"), ("month", "2026-02-01", "2026-02-01")]),
        ("2026-01-01", "2026-02-03", [("month", "2026-01-01", "2026-01-01"), ("day", "2026-02-01", "2026-02-03")]),
        ("2026-01-02", "2026-01-31", [("day", "2026-01-02", "2026-01-31")]),
        (
            "2025-12-31",
            "2026-02-01",
            [("day", "2025-12-31", "2025-12-31"), ("month", "2026-01-01", "2026-01-01"), ("day", "2026-02-01", "2026-02-01")],
        ),
    ],
)
def test_whole_months_are_read_as_months(from_day: str, until_day: str, parts: list[tuple[str, str, str]]) -> None:
    assert Stretch(from_day, until_day, "UTC").parts == parts


@given(begin=st.dates(date(2025, 12, 1), date(2026, 4, 30)), length=st.integers(0, 100))
def test_what_is_added_and_taken_away_is_each_day_once(begin: date, length: int) -> None:
    wanted = {begin + timedelta(days=each) for each in range(length + 1)}
    counted: Counter[date] = Counter()
    for sign, period, first, last in Stretch(begin.isoformat(), max(wanted).isoformat(), "UTC").sums:
        assert first <= last
        after = next_month(last) if period == "month" else next_day(last)
        day = date.fromisoformat(first)
        while day < date.fromisoformat(after):
            counted[day] += sign
            day += timedelta(days=1)
    assert {day for day, times in counted.items() if times} == wanted
    assert set(counted.values()) <= {0, 1}


intervals = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda pair: (min(pair), max(pair))), max_size=6)


@given(some=intervals, others=intervals)
def test_overlaps_are_counted_once(some: list[tuple[int, int]], others: list[tuple[int, int]]) -> None:
    shared = common(union(some), union(others))
    assert shared == union(shared)
    first = {tick for begin, end in some for tick in range(begin, end)}
    second = {tick for begin, end in others for tick in range(begin, end)}
    assert {tick for begin, end in shared for tick in range(begin, end)} == first & second


@st.composite
def lives(draw: st.DrawFn) -> PortLife:
    begin = draw(st.integers(0, 100))
    end = draw(st.none() | st.integers(begin, 110))
    down = draw(st.none() | st.integers(begin, end or 110)) if end is None else None
    parts = union(draw(intervals)) if down is not None else []
    return PortLife("C1", 1, None, begin, end, down, parts)


@given(ports=st.lists(lives(), max_size=8), begin=st.integers(0, 100), length=st.integers(0, 50), now=st.integers(0, 120))
def test_the_time_of_ports_is_the_sum_of_each_ports(ports: list[PortLife], begin: int, length: int, now: int) -> None:
    end = max(begin, min(begin + length, now))
    expected = sum((time_of(each, begin, end) for each in ports), NO_TIME)
    known = [Spans((each.from_at, each.until_at) for each in half) for half in (ports[:3], ports[3:])]
    assert PortTime(known, ports, now).within(begin, begin + length) == expected
    known_ms = sum(max(0, min(end, end if each.until_at is None else each.until_at) - max(begin, each.from_at)) for each in ports)
    assert expected.known_ms == known_ms


@pytest.mark.parametrize(("lost_ms", "complies"), [(0, True), (2_999_999, True), (3_000_000, False), (3_000_400, False)])
def test_more_than_97_percent_is_not_97_percent(lost_ms: int, complies: bool) -> None:
    time = Time(100_000_000, lost_ms + 500, 500)
    assert time.complies(97.0) is complies, f"{time.uptime_percent} once it is rounded"
    assert time.complies(100.0) is (lost_ms == 0), "who lost nothing complies"


def test_a_station_is_closed_outside_its_hours() -> None:
    weekly = [{"weekday": day, "opens": "08:00", "closes": "20:00"} for day in range(1, 7)]
    special = [{"day": "2026-10-06", "closed": True}, {"day": "2026-10-07", "closed": False, "opens": "10:00", "closes": "24:00"}]
    hours = json.dumps({"always": False, "weekly": weekly, "special": special})
    found = closed(hours, "Asia/Kolkata", at("2026-10-02T18:30:00Z"), at("2026-10-08T18:30:00Z"))  # Saturday to Thursday
    assert found == [
        (at(f"2026-10-{begin}+05:30"), at(f"2026-10-{end}+05:30"))
        for begin, end in (
            ("03T00:00:00", "03T08:00:00"),
            ("03T20:00:00", "05T08:00:00"),  # Sunday
            ("05T20:00:00", "07T10:00:00"),
            ("08T00:00:00", "08T08:00:00"),
            ("08T20:00:00", "09T00:00:00"),
        )
    ]
    assert closed("", "UTC", 0, 10**12) == []
    berlin = closed(
        '{"always": true, "special": [{"day": "2026-10-25"}]}',
        "Europe/Berlin",
        at("2026-10-01T00:00:00Z"),
        at("2026-11-01T00:00:00Z"),
    )
    assert [end - begin for begin, end in berlin] == [25 * HOUR_MS], "the day on which clocks go back"
