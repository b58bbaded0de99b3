"""What makes no sense is refused with the name of its field."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import attrs
import pytest

from csms.core.charging import (
    CHARGER_MAX,
    DAILY,
    RECURRING,
    RELATIVE,
    TX,
    TX_DEFAULT,
    WEEKLY,
    ChargingProfile,
    SchedulePeriod,
)
from csms.core.errors import Invalid
from csms.core.ids import Place
from csms.domain.profiles.checking import check, check_place, check_template

Make = Callable[..., ChargingProfile]


def starts(make: Make, *seconds: int, **more: Any) -> ChargingProfile:
    made = make(**more)
    periods = tuple(SchedulePeriod(second, Decimal(6)) for second in seconds)
    return attrs.evolve(made, schedule=attrs.evolve(made.schedule, periods=periods))


GOOD: list[Callable[[Make], ChargingProfile]] = [
    lambda make: make(),
    lambda make: make(kind=RELATIVE, start_at=None),
    lambda make: make(16, 10, kind=RECURRING, recurrency=DAILY, duration_s=86_400),
    lambda make: make(kind=RECURRING, recurrency=WEEKLY, duration_s=604_800),
    lambda make: make(purpose=CHARGER_MAX, valid_from_at=1, valid_to_at=2),
    lambda make: make(purpose=TX, transaction_id=5, kind=RELATIVE, start_at=None),
    lambda make: make("8.1"),
]


@pytest.mark.parametrize("build", GOOD)
def test_what_a_charger_can_follow_is_left_as_it_is(build: Callable[[Make], ChargingProfile], make: Make) -> None:
    made = build(make)
    assert check(made) is made


BAD: list[tuple[str, Callable[[Make], ChargingProfile]]] = [
    ("id", lambda make: make(id=-1)),
    ("id", lambda make: make(id=2**31)),
    ("stack_level", lambda make: make(stack_level=2**31)),
    ("recurrency", lambda make: make(kind=RECURRING)),
    ("recurrency", lambda make: make(recurrency=DAILY)),
    ("schedule.start_at", lambda make: make(kind=RECURRING, recurrency=DAILY, start_at=None)),
    ("schedule.start_at", lambda make: make(start_at=None)),
    ("schedule.start_at", lambda make: make(kind=RELATIVE)),
    ("kind", lambda make: make(kind=RELATIVE, start_at=None, purpose=CHARGER_MAX)),
    ("valid_to_at", lambda make: make(valid_from_at=5, valid_to_at=5)),
    ("transaction_id", lambda make: make(transaction_id=5)),
    ("reference", lambda make: make(reference="x")),
    ("schedule.duration_s", lambda make: make(duration_s=0)),
    ("schedule.duration_s", lambda make: make(kind=RECURRING, recurrency=DAILY, duration_s=86_401)),
    ("schedule.periods[0].start_s", lambda make: starts(make, 1)),
    ("schedule.periods[2].start_s", lambda make: starts(make, 0, 60, 60)),
    ("schedule.periods[1].start_s", lambda make: starts(make, 0, 600, duration_s=600)),
    ("schedule.periods[1].start_s", lambda make: starts(make, 0, 86_400, kind=RECURRING, recurrency=DAILY)),
    ("schedule.periods[0].limit", lambda make: make("8.15")),
    ("schedule.periods[0].limit", lambda make: make("1e30")),
]


@pytest.mark.parametrize(("field", "build"), BAD)
def test_the_field_that_is_wrong_is_named(field: str, build: Callable[[Make], ChargingProfile], make: Make) -> None:
    with pytest.raises(Invalid) as raised:
        check(build(make))
    assert raised.value.field == field


def test_a_template_names_no_transaction_and_no_number(make: Make) -> None:
    assert check_template(make(purpose=TX))
    for field, made in (("id", make(id=3)), ("transaction_id", make(purpose=TX, transaction_id=3))):
        with pytest.raises(Invalid) as raised:
            check_template(made)
        assert raised.value.field == field


@pytest.mark.parametrize(
    ("purpose", "evse", "allowed"),
    [
        (CHARGER_MAX, 0, True),
        (CHARGER_MAX, 1, False),
        (TX, 0, False),
        (TX, 1, True),
        (TX_DEFAULT, 0, True),
        (TX_DEFAULT, 1000, False),
    ],
)
def test_each_purpose_has_its_places(purpose: str, evse: int, allowed: bool, make: Make) -> None:
    made = make(purpose=purpose)
    if allowed:
        check_place(made, Place(evse, min(evse, 1)))
    else:
        with pytest.raises(Invalid):
            check_place(made, Place(evse, 1))
