"""Days, months and hours of a time zone."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.core.units import parse_instant
from csms.domain.analytics.periods import begin_of, by_day, by_hour, day_of, hour_of
from csms.domain.analytics.service.compliance import overlap_ms, union
from csms.domain.analytics.service.figures import PortTime, Stretch

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


@given(
    since=st.lists(st.integers(0, 100), max_size=8), begin=st.integers(0, 100), length=st.integers(0, 50), now=st.integers(0, 120)
)
def test_the_time_of_ports_is_the_sum_of_each_ports(since: list[int], begin: int, length: int, now: int) -> None:
    end = min(begin + length, now)
    expected = sum(max(0, end - max(begin, each)) for each in since) if end > begin else 0
    assert PortTime(sorted(Counter(since).items()), [], now).known_ms(begin, begin + length) == expected


intervals = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda pair: (min(pair), max(pair))), max_size=6)


@given(some=intervals, others=intervals)
def test_overlaps_are_counted_once(some: list[tuple[int, int]], others: list[tuple[int, int]]) -> None:
    first = {tick for begin, end in some for tick in range(begin, end)}
    second = {tick for begin, end in others for tick in range(begin, end)}
    assert overlap_ms(union(some), union(others)) == len(first & second)
