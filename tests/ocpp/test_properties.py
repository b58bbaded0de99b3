"""Garbage and mutated frames: the conversation never raises, answers every call once, and goes on."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csms.core import commands
from csms.core.ids import Place
from csms.ocpp.conversation import Told
from csms.testing.messages import WHOLE_16

AT = "2026-01-01T00:00:00Z"
SAMPLE_16 = {"value": "1.5", "measurand": "Voltage", "unit": "V", "context": "Trigger", "phase": "L1", "location": "Body"}
SAMPLE_20 = {"value": 1.5, "measurand": "Voltage", "unitOfMeasure": {"unit": "V", "multiplier": 1}}
TOKEN = {"idToken": "ABC", "type": "Central"}
CALLS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "ocpp1.6": [
        ("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}),
        ("Heartbeat", {}),
        ("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Available", "timestamp": AT}),
        ("MeterValues", {"connectorId": 1, "transactionId": 2, "meterValue": [{"timestamp": AT, "sampledValue": [SAMPLE_16] * 2}]}),
        ("Authorize", {"idTag": "ABC"}),
        ("StartTransaction", {"connectorId": 1, "idTag": "ABC", "meterStart": 1, "timestamp": AT, "reservationId": 1}),
        (
            "StopTransaction",
            {
                "transactionId": 1,
                "meterStop": 1,
                "timestamp": AT,
                "transactionData": [{"timestamp": AT, "sampledValue": [SAMPLE_16]}],
            },
        ),
        ("DataTransfer", {"vendorId": "V", "messageId": "M", "data": "D"}),
        *WHOLE_16.items(),
        ("Reset", {"type": "Soft"}),
    ],
    "ocpp2.0.1": [
        ("BootNotification", {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M", "modem": {"iccid": "1"}}}),
        ("Heartbeat", {"customData": {"vendorId": "V", "more": [1]}}),
        ("StatusNotification", {"timestamp": AT, "connectorStatus": "Available", "evseId": 1, "connectorId": 1}),
        ("MeterValues", {"evseId": 1, "meterValue": [{"timestamp": AT, "sampledValue": [SAMPLE_20] * 2}]}),
        ("Authorize", {"idToken": TOKEN}),
        *(
            (
                "TransactionEvent",
                {
                    "eventType": kind,
                    "timestamp": AT,
                    "triggerReason": "Trigger",
                    "seqNo": 1,
                    "evse": {"id": 1, "connectorId": 1},
                    "idToken": TOKEN,
                    "transactionInfo": {"transactionId": "T", "chargingState": "Charging", "remoteStartId": 1},
                    "meterValue": [{"timestamp": AT, "sampledValue": [SAMPLE_20]}],
                },
            )
            for kind in ("Started", "Updated", "Ended")
        ),
        ("DataTransfer", {"vendorId": "V", "data": {"a": [1]}}),
        ("NotifyEvent", {}),
    ],
}
BAD: list[Any] = [
    None, True, False, 0, -1, 2**31, 2**63 - 1, 2**63, -(10**300), 0.5, 1e300, "", " ", "x" * 600, "\x00", "NaN", "1e999999", "5,5", "1970-01-01T00:00:00Z",
    "9999-12-31T23:59:59+00:01", "0001-01-01T00:00:00+23:59", "٢٠٢٦-٠١-٠١T00:00:00Z", "😀", [], [[]], {}, {"a": {}}, [None], [1, "2"],
]  # fmt: skip
json_values = st.recursive(
    st.sampled_from(BAD) | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
campaign = settings(max_examples=300, deadline=None, derandomize=True, database=None)
both = pytest.mark.parametrize("protocol", list(CALLS))


def mutated(value: Any, chance: random.Random, bad: Any) -> Any:
    """A copy with something replaced, dropped, added, renamed or repeated somewhere inside."""
    if not isinstance(value, dict | list) or not value or chance.random() < 0.2:
        return bad
    if isinstance(value, list):
        at = chance.randrange(len(value))
        match chance.randrange(3):
            case 0:
                return value[:at] + value[at + 1 :]
            case 1:
                return [*value, bad]
        return [*value[:at], mutated(value[at], chance, bad), *value[at + 1 :]]
    name = chance.choice(sorted(value))
    match chance.randrange(5):
        case 0:
            return {other: found for other, found in value.items() if other != name}
        case 1:
            return value | {"unknown": bad}
        case 2:
            return {other.upper() if other == name else other: found for other, found in value.items()}
    return value | {name: mutated(value[name], chance, bad)}


def feed(s: Any, text: str | bytes) -> None:
    """The charger says this. Whatever it is: at most one thing is told, it can be answered, and a heartbeat still works."""
    effects = s.hear(text)
    frames = s.sent(effects)
    assert all(frame[0] == 4 and frame[2] != "InternalError" for frame in frames), frames
    told = [effect for effect in effects if isinstance(effect, Told)]
    assert len(told) + len(frames) <= 1
    for effect in effects:
        if hasattr(effect, "entry"):
            effect.entry.text.encode()
            assert "\x00" not in effect.entry.text + effect.entry.message_id + effect.entry.action + effect.entry.problem
    for effect in told:
        assert "\\x00" not in repr(effect.report).replace("\\\\", "")
        (frame,) = s.sent(s.answer(s.verdict(effect.report), effect.call))
        assert frame[0] == 3, frame
    s.admit("accepted")
    s.reply(s.verdict(s.told("Heartbeat")))
    assert s.conversation.waiting_calls == 0


@both
@campaign
@given(garbage=st.binary(max_size=80) | st.text(max_size=80) | st.text('[]{}",:234Hb\\u0 ', max_size=40))
def test_arbitrary_bytes(script: Any, protocol: str, garbage: str | bytes) -> None:
    feed(script(protocol), garbage)


@both
@campaign
@given(
    frame=json_values
    | st.lists(json_values, max_size=6)
    | st.tuples(st.sampled_from([2, 3, 4, 5, 2.0, "2"]), json_values, json_values)
)
def test_arbitrary_json(script: Any, protocol: str, frame: Any) -> None:
    feed(script(protocol), json.dumps(frame))


@both
@campaign
@given(seed=st.integers(0, 2**32), times=st.integers(1, 4), bad=json_values, which=st.integers(0, 100))
def test_mutated_calls(script: Any, protocol: str, seed: int, times: int, bad: Any, which: int) -> None:
    chance = random.Random(seed)
    action, payload = CALLS[protocol][which % len(CALLS[protocol])]
    frame: Any = [2, "m1", action, payload]
    for _ in range(times):
        if chance.random() < 0.85 and isinstance(frame, list) and len(frame) > 3:
            frame = [*frame[:3], mutated(frame[3], chance, bad)]
        else:
            frame = mutated(frame, chance, bad)
    feed(script(protocol), json.dumps(frame))


@both
@campaign
@given(seed=st.integers(0, 2**32), which=st.integers(0, 100), flips=st.integers(1, 4))
def test_mutated_bytes(script: Any, protocol: str, seed: int, which: int, flips: int) -> None:
    chance = random.Random(seed)
    action, payload = CALLS[protocol][which % len(CALLS[protocol])]
    text = bytearray(json.dumps([2, "m1", action, payload]).encode())
    for _ in range(flips):
        text[chance.randrange(len(text))] = chance.randrange(256)
    feed(script(protocol), bytes(text))


@both
def test_every_call_is_valid_unmutated(script: Any, protocol: str) -> None:
    for action, payload in CALLS[protocol][:-1]:
        report = script(protocol).told(action, payload)
        assert report.oddities == (), action


@both
@campaign
@given(answer=json_values, kind=st.sampled_from([3, 4]), rest=st.lists(json_values, max_size=3))
def test_arbitrary_answers_to_a_command(script: Any, protocol: str, answer: Any, kind: int, rest: list[Any]) -> None:
    names = (commands.VariableName("A", "" if protocol == "ocpp1.6" else "C"),)
    for command in (
        commands.UnlockConnector(Place(1, 1)),
        commands.GetVariables(names),
        commands.SetVariables((commands.Setting(names[0], "1"),)),
        commands.SendData("V"),
    ):
        s = script(protocol)
        s.command(1, command)
        ((_, id, _, _),) = s.sent(s.effects)
        effects = s.hear([kind, id, answer, *rest])
        assert list(s.ended(effects)) == [1]
        s.reply(s.verdict(s.told("Heartbeat")))
