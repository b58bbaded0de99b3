"""Our commands: one outstanding, a bounded queue, and a true outcome for every end."""

from __future__ import annotations

from typing import Any

import pytest

from csms.core import commands
from csms.core.commands import (
    Answered,
    CallError,
    ChangeAvailability,
    ClearCache,
    Expired,
    Lost,
    NotSupported,
    Offline,
    QueueFull,
    Reset,
    StartCharging,
    StopCharging,
    Superseded,
    TimedOut,
)
from csms.core.ids import Place
from csms.core.reports import Registration, Token
from csms.ocpp.conversation import Ended, Heard, Send

ON, OFF = ChangeAvailability(Place(1, 1), True), ChangeAvailability(Place(1, 1), False)
BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}


def test_a_command_is_sent_at_once_and_ends_with_the_answer(script: Any) -> None:
    s = script("ocpp1.6")
    (send,) = s.command(1, Reset())
    assert send.text == '[2,"ours-1","Reset",{"type":"Soft"}]'
    assert (send.entry.direction, send.entry.kind, send.entry.message_id, send.entry.action) == ("out", "call", "ours-1", "Reset")
    s.mono += 0.5
    heard, ended = s.hear([3, "ours-1", {"status": "Accepted"}])
    assert (heard.entry.kind, heard.entry.action, heard.entry.took_ms, heard.entry.problem) == ("result", "Reset", 500.0, "")
    assert ended == Ended(1, Answered("Accepted"))
    assert s.conversation.next_deadline() is None


def test_a_refusal_of_the_charger_is_an_outcome(script: Any) -> None:
    s = script("ocpp1.6")
    s.command(1, Reset())
    effects = s.hear([4, "ours-1", "NotSupported", "no reset here", {"why": 1}])
    assert s.ended(effects) == {1: CallError("NotSupported", "no reset here", {"why": 1})}
    assert s.problem(effects) == "NotSupported"


def test_of_endless_words_only_the_beginning_is_kept(script: Any) -> None:
    s = script("ocpp1.6")
    s.command(1, Reset())
    (outcome,) = s.ended(s.hear([3, "ours-1", {"status": "X" * 100_000}])).values()
    assert outcome == Answered("X" * 100)
    s.command(2, Reset())
    (outcome,) = s.ended(s.hear([4, "ours-2", "E" * 100_000, "because " * 100_000, {}])).values()
    assert (len(outcome.code), len(outcome.description)) == (100, 1000)


def test_one_command_at_a_time_in_order(script: Any) -> None:
    s = script("ocpp1.6")
    assert len(s.sent(s.command(1, Reset()))) == 1
    assert s.command(2, ClearCache()) == []
    assert s.command(3, Reset("immediately")) == []
    assert s.conversation.queued == 2
    first = s.hear([3, "ours-1", {"status": "Accepted"}])
    assert [frame[2] for frame in s.sent(first)] == ["ClearCache"]
    assert [frame[3] for frame in s.sent(s.hear([3, "ours-2", {"status": "Accepted"}]))] == [{"type": "Hard"}]
    assert s.ended(s.hear([3, "ours-3", {"status": "Rejected"}])) == {3: Answered("Rejected")}


def test_the_chargers_calls_never_wait_for_ours(script: Any) -> None:
    s = script("ocpp1.6")
    s.command(1, Reset())
    s.reply(s.verdict(s.told("Heartbeat")))


def test_no_answer_in_time(script: Any) -> None:
    s = script("ocpp1.6", call_timeout_s=30)
    s.command(1, Reset())
    s.command(2, ClearCache(), timeout_s=5)
    assert s.conversation.next_deadline() == 1030
    assert s.wait(29.9) == []
    effects = s.wait(0.1)
    assert s.ended(effects) == {1: TimedOut()}
    assert [frame[2] for frame in s.sent(effects)] == ["ClearCache"]
    assert s.conversation.next_deadline() == 1035
    assert s.ended(s.wait(5)) == {2: TimedOut()}


def test_an_answer_that_comes_too_late_is_logged_by_name_and_changes_nothing(script: Any) -> None:
    s = script("ocpp1.6")
    s.command(1, Reset())
    s.wait(31)
    s.command(2, ClearCache())
    (heard,) = s.hear([3, "ours-1", {"status": "Accepted"}])
    assert isinstance(heard, Heard)
    assert (heard.entry.action, heard.entry.problem) == ("Reset", "an answer that came too late")
    assert s.ended(s.hear([3, "ours-2", {"status": "Accepted"}])) == {2: Answered("Accepted")}


def test_only_the_last_late_ones_are_remembered_by_name(script: Any) -> None:
    s = script("ocpp1.6")
    for ticket in range(9):
        s.command(ticket, Reset())
        s.wait(31)
    assert s.problem(s.hear([3, "ours-9", {"status": "Accepted"}])) == "an answer that came too late"
    assert s.problem(s.hear([3, "ours-1", {"status": "Accepted"}])) == "an answer to nothing that was asked"


def test_what_waits_too_long_expires_unsent(script: Any) -> None:
    s = script("ocpp1.6", call_timeout_s=100, command_ttl_s=20)
    s.command(1, Reset())
    s.command(2, ClearCache())
    s.command(3, Reset("immediately"), ttl_s=5)
    assert s.conversation.next_deadline() == 1005
    assert s.ended(s.wait(5)) == {3: Expired()}
    assert s.ended(s.wait(15)) == {2: Expired()}
    assert s.conversation.queued == 0


def test_what_expired_is_not_sent_even_if_nobody_ticked(script: Any) -> None:
    s = script("ocpp1.6")
    s.command(1, Reset())
    s.command(2, ClearCache(), ttl_s=1)
    s.mono += 10
    effects = s.hear([3, "ours-1", {"status": "Accepted"}])
    assert s.ended(effects) == {1: Answered("Accepted"), 2: Expired()}
    assert s.sent(effects) == []


def test_a_full_queue_takes_no_more(script: Any) -> None:
    s = script("ocpp1.6", command_queue_limit=2)
    for ticket in range(3):
        assert not s.ended(s.command(ticket, Reset()))
    assert s.ended(s.command(3, Reset())) == {3: QueueFull()}
    assert s.conversation.queued == 2


def test_the_newest_of_two_equal_idempotent_commands_wins(script: Any) -> None:
    s = script("ocpp1.6", command_queue_limit=2)
    s.command(0, Reset())
    s.command(1, ON)
    s.command(2, OFF)
    assert s.ended(s.command(3, ON)) == {1: Superseded()}
    sent = []
    for number in (1, 2, 3):
        effects = s.hear([3, f"ours-{number}", {"status": "Accepted"}])
        sent += [frame[3]["type"] for frame in s.sent(effects)]
    assert sent == ["Inoperative", "Operative"]


def test_other_commands_are_each_carried_out(script: Any) -> None:
    s = script("ocpp1.6")
    for ticket in range(3):
        assert not s.ended(s.command(ticket, Reset()))
    assert s.conversation.queued == 2


def test_what_is_under_way_is_not_superseded(script: Any) -> None:
    s = script("ocpp1.6")
    s.command(1, ON)
    assert s.command(2, ON) == []
    assert s.ended(s.hear([3, "ours-1", {"status": "Accepted"}])) == {1: Answered("Accepted")}


def test_withdrawn_before_it_was_sent(script: Any) -> None:
    s = script("ocpp1.6")
    s.command(1, Reset())
    s.command(2, ClearCache())
    assert s.conversation.withdraw(2, s.now, s.mono) == []
    assert s.conversation.queued == 0
    assert s.conversation.withdraw(1, s.now, s.mono) == []
    assert s.ended(s.hear([3, "ours-1", {"status": "Accepted"}])) == {1: Answered("Accepted")}


def test_when_the_link_dies_what_was_sent_is_lost_and_what_waits_was_offline(script: Any) -> None:
    s = script("ocpp1.6")
    s.command(1, Reset())
    s.command(2, ClearCache())
    s.told("Heartbeat")
    assert s.ended(s.close()) == {1: Lost(), 2: Offline("the connection closed")}
    assert s.close() == []
    assert s.ended(s.command(3, Reset())) == {3: Offline()}
    assert s.wait(1000) == []
    assert s.conversation.next_deadline() is None


def test_outcomes_know_whether_the_charger_may_have_obeyed() -> None:
    assert not TimedOut().certain
    assert not Lost().certain
    assert all(
        outcome.certain for outcome in (Expired(), Superseded(), QueueFull(), Offline(), NotSupported(), Answered("Rejected"))
    )


# --- the boot gate --------------------------------------------------------------------------------------------------------------

START, STOP = StartCharging(Token("ABC")), StopCharging(1, "T")


@pytest.mark.parametrize("protocol", ["ocpp1.6", "ocpp2.0.1"])
@pytest.mark.parametrize(
    ("registration", "command", "allowed"),
    [
        ("accepted", START, True),
        ("pending", START, False),
        ("pending", STOP, False),
        ("pending", Reset(), True),
        ("rejected", Reset(), False),
        ("rejected", START, False),
        ("", Reset(), False),
    ],
)
def test_the_registration_says_what_may_be_commanded(
    script: Any, protocol: str, registration: str, command: commands.Command, allowed: bool
) -> None:
    s = script(protocol, registration)
    effects = s.command(1, command)
    assert [type(effect) for effect in effects] == [Send if allowed else Ended]
    if not allowed:
        outcome = s.ended(effects)[1]
        assert isinstance(outcome, Offline)
        assert "the charger" in outcome.reason


def test_a_boot_that_is_not_accepted_ends_what_it_forbids(script: Any) -> None:
    s = script("ocpp1.6")
    s.command(1, ClearCache())
    s.command(2, START)
    s.command(3, Reset())
    s.told("BootNotification", BOOT)
    effects = s.answer(Registration("pending", 60, s.NOW))
    assert isinstance(effects[0], Send)
    assert list(s.ended(effects)) == [2]
    assert s.conversation.queued == 1
    assert list(s.ended(s.admit("rejected"))) == [3]


# --- what cannot be said --------------------------------------------------------------------------------------------------------


def test_a_command_without_a_row_is_not_supported(script: Any) -> None:
    class Dance(commands.Command):
        pass

    s = script("ocpp1.6")
    assert s.ended(s.command(1, Dance())) == {1: NotSupported("csms has no OCPP 1.6 message for Dance")}


@pytest.mark.parametrize(
    ("protocol", "command", "reason"),
    [
        ("ocpp1.6", StartCharging(Token("A" * 21)), "idTag"),
        ("ocpp1.6", StartCharging(Token("A"), Place(1, 2)), "1.1"),
        ("ocpp1.6", Reset(evse=1), "as a whole"),
        ("ocpp1.6", commands.UnlockConnector(Place(0, 0)), "1 or higher"),
        ("ocpp1.6", commands.SetVariables(()), "one configuration key"),
        ("ocpp1.6", commands.SetVariables((commands.Setting(commands.VariableName("K" * 51), "v"),)), "key"),
        ("ocpp1.6", commands.GetVariables((commands.VariableName("K", "OCPPCommCtrlr"),)), "component"),
        ("ocpp1.6", commands.SendData("v", data="\ud800"), "surrogates"),
        ("ocpp2.0.1", StartCharging(Token("A" * 37)), "idToken"),
        ("ocpp2.0.1", StartCharging(Token("A", "Tattoo")), "Tattoo"),
        ("ocpp2.0.1", StopCharging(17), "reference"),
        ("ocpp2.0.1", commands.UnlockConnector(Place(1, 0)), "1.1"),
        ("ocpp2.0.1", commands.GetVariables(), "at least one"),
        ("ocpp2.0.1", commands.GetVariables((commands.VariableName("K"),)), "component"),
        ("ocpp2.0.1", commands.SetVariables(()), "at least one"),
    ],
)
def test_an_invalid_command_never_leaves_and_says_why(script: Any, protocol: str, command: commands.Command, reason: str) -> None:
    s = script(protocol)
    effects = s.command(1, command)
    assert s.sent(effects) == []
    outcome = s.ended(effects)[1]
    assert isinstance(outcome, NotSupported)
    assert reason in outcome.reason


# --- answers that are not valid -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "outcome", "odd"),
    [
        ({"status": "accepted"}, Answered("Accepted"), "enum status"),
        ({"status": "Perhaps"}, Answered("Perhaps"), "enum status"),
        ({"status": "Accepted", "mood": 1}, Answered("Accepted"), "extra mood"),
        ({}, Answered(""), ""),
        (None, Answered(""), "no object"),
        ("Accepted", Answered(""), "no object"),
    ],
)
def test_an_invalid_answer_is_read_as_far_as_it_goes(script: Any, answer: Any, outcome: Answered, odd: str) -> None:
    s = script("ocpp1.6")
    s.command(1, Reset())
    effects = s.hear([3, "ours-1", answer])
    assert s.ended(effects) == {1: outcome}
    assert odd in s.problem(effects)
