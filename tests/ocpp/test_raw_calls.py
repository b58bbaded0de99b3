"""A call that is sent as it is written: checked against the version's schema unless told not to, and gated like any other."""

from __future__ import annotations

import pytest

from csms.core.commands import RawCall
from csms.core.errors import CannotSay
from csms.ocpp.codec import codec_for
from csms.ocpp.errands import gate
from csms.ocpp.registry import SUBPROTOCOLS, dialect_for

START = {"ocpp1.6": "RemoteStartTransaction", "ocpp2.0.1": "RequestStartTransaction"}


@pytest.mark.parametrize("protocol", SUBPROTOCOLS)
def test_a_raw_call_is_checked_unless_told_not_to(protocol: str) -> None:
    codec = codec_for(dialect_for(protocol))
    mouth, payload = codec.say(RawCall("DataTransfer", {"vendorId": "acme"}))
    assert (mouth.row.action, payload) == ("DataTransfer", {"vendorId": "acme"})
    for wrong in (RawCall("DataTransfer", {}), RawCall("Heartbeats"), RawCall("DataTransfer", {"vendorId": "\ud800"})):
        with pytest.raises(CannotSay):
            codec.say(wrong)
    for action in ("DataTransfer", "AcmeSecret", "AcmeOther"):
        mouth, payload = codec.say(RawCall(action, {"any": 1}, check=False))
        assert (mouth.row.action, payload) == (action, {"any": 1})


@pytest.mark.parametrize("protocol", SUBPROTOCOLS)
def test_its_answer_is_told_whole(protocol: str) -> None:
    codec = codec_for(dialect_for(protocol))
    mouth, _ = codec.say(RawCall("ClearCache"))
    outcome, odd = codec.outcome(mouth, {"status": "Accepted", "vendor": {"x": 1}})
    assert (outcome.status, outcome.detail, odd) == ("Accepted", {"status": "Accepted", "vendor": {"x": 1}}, "")
    assert codec.outcome(mouth, {"status": 7})[0].status == "Accepted"


@pytest.mark.parametrize("protocol", SUBPROTOCOLS)
def test_a_pending_charger_is_not_told_to_start_by_this_door_either(protocol: str) -> None:
    codec = codec_for(dialect_for(protocol))
    start, _ = codec.say(RawCall(START[protocol], {}, check=False))
    reset, _ = codec.say(RawCall("Reset", {"type": "Hard"}, check=False))
    assert gate(start.row, "pending")
    assert not gate(reset.row, "pending")
    assert gate(reset.row, "rejected")
