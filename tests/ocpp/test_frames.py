"""Frames: what can be read, what is tolerated, what is broken and how it says so."""

from __future__ import annotations

from typing import Any

import pytest

from csms.ocpp import frames
from csms.ocpp.frames import BrokenFrame, CallFrame, ErrorFrame, ResultFrame, parse


def test_a_call() -> None:
    assert parse('[2,"1","Heartbeat",{}]') == CallFrame("1", "Heartbeat", {}, '[2,"1","Heartbeat",{}]')


def test_a_call_in_bytes() -> None:
    frame = parse('[2,"ü","Heartbeat",{}]'.encode())
    assert isinstance(frame, CallFrame)
    assert frame.id == "ü"


def test_an_answer_and_a_refusal() -> None:
    assert parse('[3,"1",{"a":1}]') == ResultFrame("1", {"a": 1}, '[3,"1",{"a":1}]')
    text = '[4,"1","GenericError","so",{"b":2}]'
    assert parse(text) == ErrorFrame("1", "GenericError", "so", {"b": 2}, text)


@pytest.mark.parametrize(
    ("text", "payload", "problem"),
    [
        ('[2,"1","Heartbeat",null]', {}, "no payload"),
        ('[2,"1","Heartbeat"]', {}, "no payload"),
        ('[2,"1","Heartbeat",{},5]', {}, "more than four elements"),
        ('[2,1,"Heartbeat",{}]', {}, "the message id is a number"),
        ('\ufeff[2,"1","Heartbeat",{}]\x00\r\n', {}, "padded with bytes that are not JSON"),
        ('[2,"1","Heartbeat",{"a":"b\\u0000c"}]', {"a": "bc"}, "NUL characters removed"),
    ],
)
def test_what_is_tolerated_in_a_call(text: str, payload: Any, problem: str) -> None:
    frame = parse(text)
    assert isinstance(frame, CallFrame), frame
    assert (frame.payload, frame.problem) == (payload, problem)


def test_a_refusal_may_be_short_or_of_odd_types() -> None:
    assert parse('[4,"1","GenericError"]') == ErrorFrame(
        "1", "GenericError", "", {}, '[4,"1","GenericError"]', "the payload is no object"
    )
    frame = parse('[4,"1",17,null,[]]')
    assert isinstance(frame, ErrorFrame)
    assert (frame.code, frame.description, frame.details) == ("17", "", {})


def test_an_answer_without_a_payload_is_still_an_answer() -> None:
    frame = parse('[3,"1","Accepted"]')
    assert isinstance(frame, ResultFrame)
    assert (frame.payload, frame.problem) == ({}, "the payload is no object")


@pytest.mark.parametrize(
    ("text", "fault", "id"),
    [
        ("", "frame", None),
        ("hello", "frame", None),
        ("{}", "frame", None),
        ("[]", "frame", None),
        ("17", "frame", None),
        ('[2,"1","Heartbeat",{}', "frame", "1"),
        ('[2,"1","MeterValues",{"value":NaN}]', "frame", "1"),
        ('[2,"1"]', "frame", "1"),
        ('[2,"1",7,{}]', "frame", "1"),
        ('[2,null,"Heartbeat",{}]', "frame", None),
        ('[2,true,"Heartbeat",{}]', "frame", None),
        ('["2","1","Heartbeat",{}]', "frame", "1"),
        ('[null,"1"]', "frame", "1"),
        ('[2,"1","Heartbeat",[]]', "payload", "1"),
        ('[2,"1","Heartbeat","x"]', "payload", "1"),
        ('[5,"1",{}]', "type", "1"),
        ("[99]", "type", None),
        ("[3]", "answer", None),
        ('[3,"1",{"a":', "answer", None),
        ('[4,{},"GenericError"]', "answer", None),
    ],
)
def test_what_is_broken(text: str, fault: str, id: str | None) -> None:
    frame = parse(text)
    assert isinstance(frame, BrokenFrame), frame
    assert (frame.fault, frame.id) == (fault, id)
    assert frame.problem


def test_bytes_that_are_no_utf8_are_broken_but_their_id_is_salvaged() -> None:
    frame = parse(b'[2,"17","StatusNotification",{"info":"\xff\xfe"}]')
    assert isinstance(frame, BrokenFrame)
    assert (frame.problem, frame.id) == ("not UTF-8", "17")
    frame.text.encode()


def test_what_is_kept_of_garbage_can_be_stored() -> None:
    for garbage in ("\x00\x00[", "\ud800", b"\x00\xff"):
        frame = parse(garbage)
        assert isinstance(frame, BrokenFrame)
        assert "\x00" not in frame.text
        frame.text.encode()


def test_size_and_depth_are_limited() -> None:
    long = parse('[2,"1","DataTransfer",{"vendorId":"' + "x" * 500 + '"}]', max_chars=200)
    assert isinstance(long, BrokenFrame)
    assert (long.problem, long.id) == ("longer than 200 characters", "1")
    deep = parse('[2,"1","DataTransfer",{"data":' + "[" * 40 + "]" * 40 + "}]")
    assert isinstance(deep, BrokenFrame)
    assert (deep.problem, deep.fault, deep.id) == ("nested deeper than 32", "frame", "1")
    bottomless = parse("[" * 200_000 + "]" * 200_000)
    assert isinstance(bottomless, BrokenFrame)


def test_many_brackets_are_not_depth() -> None:
    frame = parse('[2,"1","DataTransfer",{"data":[' + ",".join(["[]"] * 500) + "]}]")
    assert isinstance(frame, CallFrame)


def test_an_id_with_nul_is_answered_verbatim_and_logged_without() -> None:
    frame = parse('[2,"a\\u0000b","Heartbeat",{}]')
    assert isinstance(frame, CallFrame)
    assert frames.result(frame.id, {}) == '[3,"a\\u0000b",{}]'
    assert frames.loggable(frame.id) == "ab"


def test_what_we_shape() -> None:
    assert frames.call("1", "Reset", {"type": "Soft"}) == '[2,"1","Reset",{"type":"Soft"}]'
    assert frames.result(7, {}) == "[3,7,{}]"
    assert frames.error("1", "InternalError", "d" * 300, {}) == f'[4,"1","InternalError","{"d" * 255}",{{}}]'


def test_json_values_are_limited_too() -> None:
    assert frames.json_value('{"a":[1]}') == {"a": [1]}
    for text in ("nonsense", "[" * 40 + "]" * 40, "[" * 200_000):
        with pytest.raises(ValueError):
            frames.json_value(text)
