"""Periods and parts of them: calendars, clocks that are put forward and back, and money that is never made of nothing."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.api.shapes import structure
from csms.hooks import Fee, from_datetime, iso, parse_instant, to_datetime
from csms_plans.model import PeriodRow
from csms_plans.periods import DAY_MS, PERIODS, boundary, days_after, following, left_of, part_of
from csms_plans.terms import Terms
from csms_plans.work import credit_of

ZONES = ("Asia/Kolkata", "Europe/Berlin", "America/New_York", "Pacific/Apia", "UTC", "Australia/Lord_Howe")
zones = st.sampled_from(ZONES).map(ZoneInfo)
periods = st.sampled_from(PERIODS)
instants = st.integers(1_577_836_800_000, 2_208_988_800_000)


def local(text: str, zone: str) -> int:
    return from_datetime(to_datetime(parse_instant(f"{text}Z")[0]).replace(tzinfo=ZoneInfo(zone)))


@pytest.mark.parametrize(
    ("period", "zone", "begins", "ends"),
    [
        ("monthly", "Asia/Kolkata", "2026-01-31T10:00", ["2026-02-28T10:00", "2026-03-31T10:00", "2026-04-30T10:00"]),
        ("monthly", "Asia/Kolkata", "2028-01-30T00:00", ["2028-02-29T00:00", "2028-03-30T00:00"]),
        ("quarterly", "Europe/Berlin", "2026-11-30T12:00", ["2027-02-28T12:00", "2027-05-30T12:00"]),
        (
            "yearly",
            "Europe/Berlin",
            "2028-02-29T12:00",
            ["2029-02-28T12:00", "2030-02-28T12:00", "2031-02-28T12:00", "2032-02-29T12:00"],
        ),
        ("weekly", "Europe/Berlin", "2026-03-26T08:00", ["2026-04-02T08:00"]),
        ("daily", "Europe/Berlin", "2026-10-24T18:00", ["2026-10-25T18:00", "2026-10-26T18:00"]),
    ],
)
def test_ends_of_periods(period: str, zone: str, begins: str, ends: list[str]) -> None:
    anchor_at = local(begins, zone)
    found = [boundary(period, anchor_at, number, ZoneInfo(zone)) for number in range(1, len(ends) + 1)]
    assert [iso(each) for each in found] == [iso(local(each, zone)) for each in ends]


def test_days_that_clocks_make_longer_or_shorter() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    begins_at = local("2026-10-24T18:00", "Europe/Berlin")
    assert boundary("daily", begins_at, 1, berlin) - begins_at == 25 * 3_600_000
    begins_at = local("2026-03-28T02:30", "Europe/Berlin")
    assert iso(boundary("daily", begins_at, 1, berlin)) == "2026-03-29T01:30:00.000Z", "there is no 02:30: it is 03:30"
    assert iso(days_after(begins_at, 2, berlin)) == "2026-03-30T00:30:00.000Z"


@given(periods, instants, zones, st.integers(0, 400))
def test_every_period_follows_on_the_one_before(period: str, anchor_at: int, zone: ZoneInfo, number: int) -> None:
    at, after = boundary(period, anchor_at, number, zone), boundary(period, anchor_at, number + 1, zone)
    assert at < after
    assert following(period, anchor_at, at, at, zone) == (at, after)
    assert to_datetime(after).astimezone(zone).day <= max(to_datetime(anchor_at).astimezone(zone).day, 31)


@given(periods, instants, zones, st.integers(0, 50), st.integers(0, 900))
def test_the_period_that_follows_is_not_over(period: str, anchor_at: int, zone: ZoneInfo, number: int, days: int) -> None:
    after_at = boundary(period, anchor_at, number, zone)
    now = after_at + days * DAY_MS
    starts_at, ends_at = following(period, anchor_at, after_at, now, zone)
    assert after_at <= starts_at <= max(now, after_at)
    assert ends_at > max(now, starts_at)


TERMS = {"period": "monthly", "price_minor": 999_00, "energy_wh": 100_000, "transactions": 10}


def terms(**more: Any) -> Terms:
    return structure({**TERMS, **more}, Terms)


percents = st.decimals(0, 100, places=2).map(str)
schemes = st.sampled_from(["none", "vat", "gst"])


@given(
    st.integers(0, 10**12),
    percents,
    schemes,
    st.booleans(),
    st.sampled_from(["", "KA", "MH"]),
    st.sampled_from(["INR", "JPY", "KWD"]),
)
def test_a_fee_adds_up(price: int, percent: str, scheme: str, inclusive: bool, state: str, currency: str) -> None:
    said = {"scheme": scheme, "percent": percent, "inclusive": inclusive, "supplier_state": "KA"}
    fee = terms(price_minor=price, taxes=said).fee(currency, state)
    assert fee.net_minor + sum(tax for _, tax in fee.taxes) == fee.amount_minor
    assert fee.net_minor >= 0
    assert (fee.amount_minor if inclusive else fee.net_minor) == price
    if scheme == "gst" and Decimal(percent):
        assert [name for name, _ in fee.taxes] == (["IGST"] if state == "MH" else ["CGST", "SGST"])


@given(
    st.integers(1, 10**9),
    st.integers(0, 10**8),
    st.integers(0, 1000),
    st.integers(0, 200_000),
    st.integers(0, 20),
)
def test_never_more_is_given_back_than_was_taken(net: int, tax: int, at: int, left_wh: int, left: int) -> None:
    fee = Fee(amount_minor=net + 2 * tax, net_minor=net, taxes=(("CGST", tax), ("SGST", tax)))
    period = PeriodRow(
        subscription_id=1,
        number=1,
        plan_id=1,
        version=1,
        kind="regular",
        state="open",
        starts_at=0,
        ends_at=1000,
        anchor_at=0,
        fee=fee,
    )
    back = credit_of(period, terms(), (left_wh, left), at)
    earlier = credit_of(period, terms(), (left_wh, left), max(0, at - 100))
    amount = 0 if back is None else back.amount_minor
    assert 0 <= amount <= fee.amount_minor
    assert amount <= (0 if earlier is None else earlier.amount_minor)
    share = min(Fraction(1000 - at, 1000), Fraction(min(left_wh, 100_000), 100_000), Fraction(min(left, 10), 10))
    assert abs(amount - share * fee.amount_minor) <= Fraction(3, 2)
    if back is not None:
        assert back.net_minor <= fee.net_minor
        assert all(given <= taken for (_, given), (_, taken) in zip(back.taxes, fee.taxes, strict=True))


def test_nothing_is_left_of_what_is_over() -> None:
    assert left_of(0, 100, 100) == left_of(0, 0, 0) == 0
    assert left_of(50, 100, 0) == 1
    assert (part_of(5, Fraction(1, 2)), part_of(0, Fraction(1))) == (3, 0)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"unlimited": "energy"}, "counts no energy"),
        ({"energy_wh": 0, "transactions": 0}, "includes energy_wh or transactions"),
        ({"roll_over_energy_wh": 5}, "go with roll_over"),
        ({"stations": (1, 1)}, "twice"),
        ({"price_minor": -1}, "price_minor"),
        ({"excess_rate": Decimal("1.1234567")}, "6 digits"),
    ],
)
def test_terms_that_mean_nothing(said: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Terms(**{**TERMS, **said})


def test_what_goes_over_and_where_and_for_whom() -> None:
    assert terms().carried(5, 5) == (0, 0)
    assert terms(roll_over=True).carried(5, 6) == (5, 6)
    assert terms(roll_over=True, roll_over_energy_wh=3, roll_over_transactions=0).carried(5, 6) == (3, 0)
    place = terms(stations=[1], station_groups=[2], chargers=["C3"])
    assert [place.holds_at(*each) for each in ((1, None, ""), (9, 2, ""), (9, None, "C3"), (9, None, "C4"))] == [
        True,
        True,
        True,
        False,
    ]
    assert terms().holds_at(None, None, "C1")
    chosen = terms(memberships=["gold"], driver_groups=["taxi"])
    assert [chosen.is_for(*each) for each in (("gold", ()), ("", ("taxi",)), ("", ("bus",)))] == [True, True, False]
