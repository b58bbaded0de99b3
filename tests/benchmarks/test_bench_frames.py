"""What the load generator and the stand-ins say is valid OCPP 1.6, or the comparison would measure something else."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import jsonschema_rs
import pytest

from benchmarks import floors, frames
from benchmarks.load import ANSWERS, OWN_ANSWER

SCHEMAS = files("ocpp") / "v16" / "schemas"

CALLS = {
    "BootNotification": frames.boot("1-1"),
    "StatusNotification": frames.status("1-2", 7),
    "Heartbeat": frames.heartbeat("1-3"),
    "MeterValues": frames.meter_values("1-4", 2**31 - 1, 100_000),
    "StartTransaction": frames.start("1-5", "TOKEN-04999", 3),
    "StopTransaction": frames.stop("1-6", 17, "TOKEN-04999", 3),
}


def check(name: str, payload: Any) -> None:
    jsonschema_rs.validator_for(json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8-sig"))).validate(payload)


@pytest.mark.parametrize("action", CALLS)
def test_every_call_fits_its_schema(action: str) -> None:
    kind, message_id, name, payload = json.loads(CALLS[action])
    assert (kind, name) == (2, action)
    assert 0 < len(message_id) <= 36
    check(action, payload)


def test_a_frame_with_something_wrong_would_not_pass() -> None:
    payload = json.loads(CALLS["MeterValues"])[3]
    payload["meterValue"][0]["sampledValue"][0]["unit"] = "furlong"
    with pytest.raises(jsonschema_rs.ValidationError):
        check("MeterValues", payload)


def test_meter_values_are_the_four_samples_that_are_published() -> None:
    (reading,) = json.loads(CALLS["MeterValues"])[3]["meterValue"]
    measurands = [sample["measurand"] for sample in reading["sampledValue"]]
    assert measurands == ["Energy.Active.Import.Register", "Power.Active.Import", "Current.Import", "Voltage"]


def test_no_two_frames_of_a_charger_are_alike() -> None:
    """A repeated reading or start would be recognized as such and cost less."""
    numbers = range(20_000)
    assert len({frames.timestamp(number) for number in numbers}) == len(numbers)
    assert len({frames.meter_values("1", 1, number) for number in numbers}) == len(numbers)
    assert frames.status("1", 1) != frames.status("1", 2)


@pytest.mark.parametrize("action", ["GetConfiguration", "RemoteStartTransaction"])
def test_what_the_generator_answers_fits_its_schema(action: str) -> None:
    check(f"{action}Response", ANSWERS[action])


def test_any_other_command_is_accepted() -> None:
    for action in ("Reset", "ChangeAvailability", "ClearCache"):
        check(f"{action}Response", OWN_ANSWER)


@pytest.mark.parametrize("action", CALLS)
def test_a_floor_answers_the_call_that_it_heard(action: str) -> None:
    kind, message_id, payload = json.loads(floors.answer(CALLS[action].decode()))
    assert kind == 3
    assert message_id == json.loads(CALLS[action])[1]
    assert payload["status"] == "Accepted"
