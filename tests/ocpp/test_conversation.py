"""One charger's link as a script: what it says, what it is answered, what the frame log keeps."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from csms.core.reports import DataVerdict, Mangled, Noted, Registration, TimeTold, TokenVerdict, TransactionVerdict
from csms.ocpp.conversation import Heard, Send, Told

BOOT = {
    "ocpp1.6": {"chargePointVendor": "V", "chargePointModel": "M"},
    "ocpp2.0.1": {"reason": "PowerUp", "chargingStation": {"vendorName": "V", "model": "M"}},
}
STATUS = {
    "ocpp1.6": {"connectorId": 1, "errorCode": "NoError", "status": "Available"},
    "ocpp2.0.1": {"timestamp": "2026-01-01T00:00:00Z", "connectorStatus": "Available", "evseId": 1, "connectorId": 1},
}
AUTHORIZE = {"ocpp1.6": {"idTag": "ABC"}, "ocpp2.0.1": {"idToken": {"idToken": "ABC", "type": "ISO14443"}}}
START = {"connectorId": 1, "idTag": "ABC", "meterStart": 5, "timestamp": "2026-01-01T00:00:00Z"}

both = pytest.mark.parametrize("protocol", ["ocpp1.6", "ocpp2.0.1"])


# --- a call and its answer ------------------------------------------------------------------------------------------------------


@both
def test_a_call_is_logged_told_and_answered(script: Any, protocol: str) -> None:
    s = script(protocol)
    heard, told = s.call("Heartbeat", id="h1")
    assert isinstance(heard, Heard)
    entry = heard.entry
    assert (entry.direction, entry.kind, entry.message_id, entry.action) == ("in", "call", "h1", "Heartbeat")
    assert (entry.connection_id, entry.at, entry.text, entry.problem) == ("link-1", s.NOW, '[2, "h1", "Heartbeat", {}]', "")
    assert s.conversation.waiting_calls == 1
    s.mono += 0.25
    (send,) = s.answer(TimeTold(s.NOW), told.call)
    assert send.text == '[3,"h1",{"currentTime":"2026-01-01T00:00:00.000Z"}]'
    assert (send.entry.direction, send.entry.kind, send.entry.message_id) == ("out", "result", "h1")
    assert (send.entry.action, send.entry.took_ms, send.entry.text) == ("Heartbeat", 250.0, send.text)
    assert s.conversation.waiting_calls == 0


def test_calls_may_be_pipelined_and_answered_in_any_order(script: Any) -> None:
    s = script("ocpp1.6")
    calls = []
    for number in range(3):
        s.call("Heartbeat", id=str(number))
        calls.append(s.told_call())
    assert s.conversation.waiting_calls == 3
    assert [s.sent(s.answer(TimeTold(0), call))[0][1] for call in reversed(calls)] == ["2", "1", "0"]


def test_a_call_is_answered_once(script: Any) -> None:
    s = script("ocpp1.6")
    s.call("Heartbeat")
    call = s.told_call()
    assert s.answer(TimeTold(0), call)
    assert s.answer(TimeTold(0), call) == []
    assert s.conversation.fail(call, "late", s.NOW, 0) == []


@both
def test_a_call_that_could_not_be_stored_gets_internal_error(script: Any, protocol: str) -> None:
    s = script(protocol)
    s.call("StatusNotification", STATUS[protocol], id="s1")
    effects = s.conversation.fail(s.told_call(), "the database is away", s.NOW, s.mono)
    assert s.sent(effects) == [[4, "s1", "InternalError", "the database is away", {}]]
    assert effects[0].entry.kind == "error"
    assert s.conversation.waiting_calls == 0


def test_a_verdict_of_another_report_is_a_mistake_of_ours(script: Any) -> None:
    s = script("ocpp1.6")
    s.call("Heartbeat")
    with pytest.raises(TypeError, match="TimeTold"):
        s.answer(Noted())


@both
def test_a_text_that_is_no_unicode_never_leaves(script: Any, protocol: str) -> None:
    s = script(protocol)
    s.told("DataTransfer", {"vendorId": "V"}, id="d1")
    assert s.sent(s.answer(DataVerdict("Accepted", "\ud800")))[0][:3] == [4, "d1", "InternalError"]


@both
def test_an_answer_that_is_not_valid_never_leaves(script: Any, protocol: str) -> None:
    s = script(protocol)
    s.told("Heartbeat", id="h1")
    call = s.told_call()
    wrong = attrs.evolve(call.ear.row, write=lambda _request, _verdict: {"currentTime": "tea time"})
    call.ear = attrs.evolve(call.ear, row=wrong)
    assert s.sent(s.answer(TimeTold(s.NOW), call))[0][:3] == [4, "h1", "InternalError"]


# --- message ids ----------------------------------------------------------------------------------------------------------------


@both
def test_a_long_id_is_answered_verbatim_and_recorded(script: Any, protocol: str) -> None:
    s = script(protocol)
    long = "x" * 100
    effects = s.call("Heartbeat", id=long)
    assert "longer than 36" in s.problem(effects)
    assert s.sent(s.answer(TimeTold(0)))[0][1] == long


@both
def test_a_number_as_id_is_answered_as_that_number(script: Any, protocol: str) -> None:
    s = script(protocol)
    s.call("Heartbeat", id=2**70)
    assert s.sent(s.answer(TimeTold(0)))[0][1] == 2**70


# --- repeated messages ----------------------------------------------------------------------------------------------------------


def test_a_repeated_message_gets_the_same_answer_and_takes_effect_once(script: Any) -> None:
    s = script("ocpp1.6")
    s.call("StartTransaction", START, id="t1")
    first = s.sent(s.answer(TransactionVerdict(17, TokenVerdict("Accepted"))))
    effects = s.call("StartTransaction", START, id="t1")
    assert not any(isinstance(effect, Told) for effect in effects)
    assert s.sent(effects) == first
    assert "repeated" in s.problem(effects)


def test_a_repetition_in_progress_shares_the_answer(script: Any) -> None:
    s = script("ocpp1.6")
    s.call("StartTransaction", START, id="t1")
    call = s.told_call()
    assert [type(effect) for effect in s.call("StartTransaction", START, id="t1")] == [Heard]
    assert s.conversation.waiting_calls == 1
    frames = s.sent(s.answer(TransactionVerdict(17, TokenVerdict("Accepted")), call))
    assert len(frames) == 2
    assert frames[0] == frames[1]


def test_a_failed_call_is_not_remembered(script: Any) -> None:
    s = script("ocpp1.6")
    s.call("StartTransaction", START, id="t1")
    s.conversation.fail(s.told_call(), "away", s.NOW, s.mono)
    s.told("StartTransaction", START, id="t1")


def test_the_same_id_with_other_content_is_new(script: Any) -> None:
    s = script("ocpp1.6")
    s.call("StartTransaction", START, id="t1")
    s.answer(TransactionVerdict(17, TokenVerdict("Accepted")))
    other = s.told("StartTransaction", START | {"meterStart": 6}, id="t1")
    assert other.meter_start_wh == 6
    assert s.reply(TransactionVerdict(18, TokenVerdict("Accepted")))["transactionId"] == 18


@both
def test_heartbeat_boot_and_authorize_are_always_processed_anew(script: Any, protocol: str) -> None:
    s = script(protocol)
    for action, payload in (("Heartbeat", {}), ("BootNotification", BOOT[protocol]), ("Authorize", AUTHORIZE[protocol])):
        for _ in range(2):
            s.reply(s.verdict(s.told(action, payload, id="same")))


@both
def test_heartbeat_boot_and_authorize_share_nothing_while_in_progress(script: Any, protocol: str) -> None:
    for action, payload in (("Heartbeat", {}), ("BootNotification", BOOT[protocol]), ("Authorize", AUTHORIZE[protocol])):
        s = script(protocol)
        verdict = s.verdict(s.told(action, payload, id="same"))
        first = s.told_call()
        s.told(action, payload, id="same")
        assert s.conversation.waiting_calls == 2
        second = s.told_call()
        assert len(s.sent(s.answer(verdict, first))) == len(s.sent(s.answer(verdict, second))) == 1


def test_only_so_many_answers_are_remembered(script: Any) -> None:
    s = script("ocpp1.6", duplicate_ids=3)
    for number in range(4):
        s.told("StatusNotification", STATUS["ocpp1.6"], id=str(number))
        s.answer(Noted())
    assert [type(effect) for effect in s.call("StatusNotification", STATUS["ocpp1.6"], id="1")] == [Heard, Send]
    assert [type(effect) for effect in s.call("StatusNotification", STATUS["ocpp1.6"], id="0")] == [Heard, Told]


# --- the boot gate --------------------------------------------------------------------------------------------------------------


@both
@pytest.mark.parametrize("registration", ["", "pending", "rejected"])
def test_before_acceptance_only_boot_and_what_policy_admits_is_heard(script: Any, protocol: str, registration: str) -> None:
    s = script(protocol, registration, before_boot=frozenset({"StatusNotification"}))
    for action, payload in (("Heartbeat", {}), ("Authorize", AUTHORIZE[protocol]), ("Unheard-of", {})):
        ((kind, _, code, description, _),) = s.sent(s.call(action, payload))
        assert (kind, code) == (4, "SecurityError")
        assert action in description
    s.told("StatusNotification", STATUS[protocol])
    s.told("BootNotification", BOOT[protocol])


@both
def test_policy_may_admit_nothing_but_boot(script: Any, protocol: str) -> None:
    s = script(protocol, "", before_boot=frozenset())
    assert s.sent(s.call("StatusNotification", STATUS[protocol]))[0][2] == "SecurityError"


@both
def test_a_boot_that_is_accepted_opens_the_gate(script: Any, protocol: str) -> None:
    s = script(protocol, "")
    s.told("BootNotification", BOOT[protocol])
    assert s.reply(Registration("accepted", 300, s.NOW)) == {
        "status": "Accepted",
        "currentTime": "2026-01-01T00:00:00.000Z",
        "interval": 300,
    }
    assert s.conversation.registration == "accepted"
    s.told("Heartbeat")


@both
def test_a_boot_that_is_rejected_closes_it(script: Any, protocol: str) -> None:
    s = script(protocol, "accepted")
    s.told("BootNotification", BOOT[protocol])
    assert s.reply(Registration("rejected", 60, s.NOW))["status"] == "Rejected"
    assert s.conversation.registration == "rejected"
    assert s.sent(s.call("Heartbeat"))[0][2] == "SecurityError"


@both
@pytest.mark.parametrize("status", ["pending", "rejected"])
def test_a_retry_wait_is_never_zero(script: Any, protocol: str, status: str) -> None:
    s = script(protocol, "", retry_interval_s=45)
    s.told("BootNotification", BOOT[protocol])
    assert s.reply(Registration(status, 0, s.NOW))["interval"] == 45


def test_the_operator_may_admit_a_charger(script: Any) -> None:
    s = script("ocpp1.6", "pending")
    assert s.admit("accepted") == []
    assert s.conversation.registration == "accepted"
    s.told("Heartbeat")


# --- refusals -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("protocol", "action", "payload", "code", "named"),
    [
        ("ocpp1.6", "MakeCoffee", {}, "NotImplemented", "MakeCoffee"),
        ("ocpp2.0.1", "FirmwareStatusNotification", {"status": "Idle"}, "NotSupported", "FirmwareStatusNotification"),
        ("ocpp1.6", "RemoteStartTransaction", {"idTag": "A"}, "NotSupported", "RemoteStartTransaction"),
        ("ocpp1.6", "Authorize", {}, "OccurenceConstraintViolation", "idTag"),
        ("ocpp1.6", "Authorize", {"idTag": None}, "OccurenceConstraintViolation", "idTag"),
        (
            "ocpp1.6",
            "StatusNotification",
            {"connectorId": "one", "errorCode": "", "status": ""},
            "TypeConstraintViolation",
            "connectorId",
        ),
        ("ocpp1.6", "Heartbeat", [], "FormationViolation", "payload"),
        ("ocpp2.0.1", "MakeCoffee", {}, "NotImplemented", "MakeCoffee"),
        ("ocpp2.0.1", "NotifyEvent", {}, "NotSupported", "NotifyEvent"),
        ("ocpp2.0.1", "StartTransaction", {}, "NotImplemented", "StartTransaction"),
        ("ocpp2.0.1", "Authorize", {"idToken": {"type": "Central"}}, "OccurrenceConstraintViolation", "idToken.idToken"),
        ("ocpp2.0.1", "MeterValues", {"evseId": [], "meterValue": []}, "TypeConstraintViolation", "evseId"),
        ("ocpp2.0.1", "Heartbeat", "x", "FormatViolation", "payload"),
    ],
)
def test_a_refusal_has_the_code_of_its_version_and_names_the_field(
    script: Any, protocol: str, action: str, payload: Any, code: str, named: str
) -> None:
    s = script(protocol)
    effects = s.call(action, payload, id="r1")
    ((kind, id, said, description, details),) = s.sent(effects)
    assert (kind, id, said) == (4, "r1", code)
    assert named in description
    assert isinstance(details, dict)
    assert s.problem(effects)
    assert s.conversation.waiting_calls == 0
    s.told("Heartbeat")


def test_an_event_of_unknown_type_is_quarantined_under_its_transaction(script: Any) -> None:
    s = script("ocpp2.0.1")
    mangled = s.told(
        "TransactionEvent",
        {
            "eventType": "Paused",
            "timestamp": "2026-01-01T00:00:00Z",
            "triggerReason": "Trigger",
            "seqNo": 1,
            "transactionInfo": {"transactionId": "T"},
        },
    )
    assert isinstance(mangled, Mangled)
    assert mangled.missing == ("eventType",)


# --- what is no frame -----------------------------------------------------------------------------------------------------------

UNREADABLE: list[Any] = ["nonsense", "", b"\xff\x00", "{}", "[]", "[2]", '[2,null,"Heartbeat",{}]', "[" * 5000 + "]" * 5000]


@pytest.mark.parametrize("text", UNREADABLE)
def test_unreadable_in_1_6_is_logged(script: Any, text: Any) -> None:
    s = script("ocpp1.6")
    (heard,) = s.hear(text)
    assert heard.entry.kind == "unreadable"
    assert heard.entry.problem
    s.told("Heartbeat")


@pytest.mark.parametrize("text", UNREADABLE)
def test_unreadable_in_2_0_1_is_answered_with_minus_one(script: Any, text: Any) -> None:
    s = script("ocpp2.0.1")
    ((kind, id, code, description, details),) = s.sent(s.hear(text))
    assert (kind, id, code, details) == (4, "-1", "RpcFrameworkError", {})
    assert description
    s.told("Heartbeat")


@pytest.mark.parametrize(("protocol", "code"), [("ocpp1.6", "FormationViolation"), ("ocpp2.0.1", "RpcFrameworkError")])
@pytest.mark.parametrize("text", ['[2,"u1","Heartbeat",{"a":NaN}]', '[2,"u1",17,{}]', b'[2,"u1","Heartbeat",{"a":"\xff"}]'])
def test_unreadable_with_a_readable_id_is_answered_with_it(script: Any, protocol: str, code: str, text: Any) -> None:
    s = script(protocol)
    ((kind, id, said, _, _),) = s.sent(s.hear(text))
    assert (kind, id, said) == (4, "u1", code)


def test_an_unknown_message_type_is_ignored_in_1_6_and_refused_in_2_0_1(script: Any) -> None:
    s = script("ocpp1.6")
    (heard,) = s.hear([6, "m1", "NotifyPeriodicEventStream", {}])
    assert "unknown message type 6" in heard.entry.problem
    s = script("ocpp2.0.1")
    assert s.sent(s.hear([6, "m1", "NotifyPeriodicEventStream", {}]))[0][:3] == [4, "m1", "MessageTypeNotSupported"]
    assert s.sent(s.hear([17]))[0][:3] == [4, "-1", "MessageTypeNotSupported"]


@both
@pytest.mark.parametrize("text", ['[3,"nobody",{}]', '[4,"nobody","InternalError","",{}]', "[3]", "[4,{}]", '[3,"x",{"a":', "[4"])
def test_an_answer_to_nothing_is_logged_and_never_answered(script: Any, protocol: str, text: str) -> None:
    s = script(protocol)
    effects = s.hear(text)
    if text != "[4":  # nobody can tell that this was to be a CALLERROR
        assert [type(effect) for effect in effects] == [Heard]
    assert effects[0].entry.problem
    s.told("Heartbeat")


def test_a_frame_that_is_too_long_is_refused_and_the_link_lives(script: Any) -> None:
    s = script("ocpp1.6", max_frame_chars=300)
    long = '[2,"big","DataTransfer",{"vendorId":"' + "v" * 300 + '"}]'
    assert s.sent(s.hear(long))[0][:3] == [4, "big", "FormationViolation"]
    s.told("Heartbeat")


@both
def test_what_was_tolerated_stands_in_the_frame_log(script: Any, protocol: str) -> None:
    s = script(protocol)
    assert "extra mood" in s.problem(s.call("Heartbeat", {"mood": "good"}))


@both
def test_a_reader_that_breaks_does_not_break_the_link(script: Any, protocol: str, monkeypatch: pytest.MonkeyPatch) -> None:
    s = script(protocol)

    def broken(*_: Any) -> Any:
        raise ArithmeticError("unforeseen")

    monkeypatch.setattr("csms.ocpp.codec.Codec.hear", broken)
    effects = s.call("Heartbeat", id="h1")
    assert s.sent(effects)[0][:3] == [4, "h1", "InternalError"]
    assert "unforeseen" in s.problem(effects)
