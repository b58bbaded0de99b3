"""Charging profiles as people write them."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from typing import Any

import pytest

from csms.core.charging import DAILY, RECURRING, TX_DEFAULT, ChargingProfile, ChargingSchedule, SchedulePeriod
from csms.core.errors import Invalid
from csms.core.units import parse_instant
from csms.domain.profiles.written import document_of, profile_from

NIGHT = """
purpose = "txdefaultprofile"
kind = "Recurring"
recurrency = "Daily"
stack_level = 2
valid_to = 2027-01-01
[schedule]
unit = "a"
start_at = 2026-01-01T23:00:00+05:30
duration_s = 86400
min_rate = 6.5
periods = [{ start_s = 0, limit = 32, phases = 3 }, { start_s = 25200, limit = "8.1" }]
"""


def test_a_document_is_read_and_written_back() -> None:
    found = profile_from(tomllib.loads(NIGHT))
    start_at, _ = parse_instant("2026-01-01T17:30:00Z")
    valid_to, _ = parse_instant("2027-01-01T00:00:00Z")
    assert found == ChargingProfile(
        id=0,
        purpose=TX_DEFAULT,
        kind=RECURRING,
        recurrency=DAILY,
        stack_level=2,
        valid_to_at=valid_to,
        schedule=ChargingSchedule(
            unit="A",
            start_at=start_at,
            duration_s=86_400,
            min_rate=Decimal("6.5"),
            periods=(SchedulePeriod(0, Decimal(32), 3), SchedulePeriod(25_200, Decimal("8.1"))),
        ),
    )
    assert profile_from(document_of(found)) == found


WRONG: list[tuple[str, Any, str]] = [
    ("purpose", None, "purpose"),
    ("purpose", "Limit", "purpose"),
    ("kind", 5, "kind"),
    ("recurrency", "Monthly", "recurrency"),
    ("stack_level", -1, "stack_level"),
    ("stack_level", True, "stack_level"),
    ("stack_level", "1", "stack_level"),
    ("valid_to", "tomorrow", "valid_to"),
    ("valid_to", "2027-01-01T00:00:00", "valid_to"),
    ("stacklevel", 1, "stacklevel"),
    ("transaction_id", 1, "transaction_id"),
    ("schedule", 5, "schedule"),
    ("schedule.unit", "kW", "schedule.unit"),
    ("schedule.start_at", None, "schedule.start_at"),
    ("schedule.duration_s", 0, "schedule.duration_s"),
    ("schedule.min_rate", "fast", "schedule.min_rate"),
    ("schedule.periods", [], "schedule.periods"),
    ("schedule.periods", [5], "schedule.periods[0]"),
    ("schedule.periods", [{"start_s": 0}], "schedule.periods[0].limit"),
    ("schedule.periods", [{"start_s": 0, "limit": 1}, {"start_s": -5, "limit": 1}], "schedule.periods[1].start_s"),
    ("schedule.periods", [{"start_s": 0, "limit": 1, "phases": 4}], "schedule.periods[0].phases"),
    ("schedule.periods", [{"start_s": 0, "limit": -1}], "schedule.periods[0].limit"),
    ("schedule.periods", [{"start_s": 0, "limit": "nan"}], "schedule.periods[0].limit"),
    ("schedule.periods", [{"start_s": 0, "limit": 1, "amps": 4}], "schedule.periods[0].amps"),
    ("schedule.periods", [{"start_s": 0, "limit": 1}, {"start_s": 0, "limit": 1}], "schedule.periods[1].start_s"),
]


@pytest.mark.parametrize(("path", "value", "field"), WRONG)
def test_the_field_that_is_wrong_is_named(path: str, value: Any, field: str) -> None:
    data = tomllib.loads(NIGHT)
    table, _, name = path.rpartition(".")
    (data["schedule"] if table else data)[name] = value
    with pytest.raises(Invalid) as raised:
        profile_from({name: value for name, value in data.items() if value is not None})
    assert raised.value.field == field


def test_a_local_time_is_refused() -> None:
    with pytest.raises(Invalid, match="says no zone") as raised:
        profile_from(tomllib.loads(NIGHT.replace("+05:30", "")))
    assert raised.value.field == "schedule.start_at"
