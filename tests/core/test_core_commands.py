"""Commands and what can become of them."""

from __future__ import annotations

import attrs
import pytest

from csms.core.commands import (
    COMMANDS,
    Answered,
    CallError,
    Command,
    Lost,
    Offline,
    Outcome,
    RawCall,
    Reset,
    StartCharging,
    TimedOut,
)
from csms.core.ids import Place
from csms.core.reports import Token

OUTCOMES = {each.__name__: each for each in Outcome.__subclasses__()}.values()
"""By name, since attrs makes each class twice, and one of them lives until garbage is collected."""


def test_every_command_is_listed_and_says_what_it_does() -> None:
    assert {*COMMANDS, RawCall.__name__} == {each.__name__ for each in Command.__subclasses__()}
    for name, command in COMMANDS.items():
        assert name == command.__name__
        assert command.title, f"{name} needs a title: it is what `csms send --list` shows"
        assert command.__doc__


def test_only_what_may_be_repeated_is_idempotent() -> None:
    """The newest of two equal queued commands wins (HOUSE §5), which must never swallow a start, a stop, a reset or a setting."""
    assert {name for name, command in COMMANDS.items() if command.idempotent} == {
        "ChangeAvailability",
        "GetVariables",
        "ClearCache",
        "GetLocalListVersion",
        "GetCompositeSchedule",
        "GetInstalledCertificates",
    }


def test_commands_are_values() -> None:
    one, other = StartCharging(Token("A"), Place(1, 1)), StartCharging(Token("A"), Place(1, 1))
    assert one == other
    assert len({one, other}) == 1
    assert attrs.evolve(one, place=None) != one
    with pytest.raises(AttributeError):
        one.token = Token("B")  # type: ignore[misc]


@pytest.mark.parametrize("when", ["immediately", "when_idle"])
def test_a_reset_knows_two_moments(when: str) -> None:
    assert Reset(when).when == when


@pytest.mark.parametrize("when", ["", "Hard", "now", None])
def test_a_reset_at_any_other_moment_is_refused(when: str) -> None:
    with pytest.raises(ValueError, match="when_idle"):
        Reset(when)


def test_a_reset_is_gentle_unless_told_otherwise() -> None:
    assert Reset().when == "when_idle"


@pytest.mark.parametrize("status", ["Accepted", "Scheduled", "RebootRequired", "Unlocked"])
def test_a_yes_with_conditions_is_a_yes(status: str) -> None:
    assert Answered(status).accepted


@pytest.mark.parametrize(
    "status", ["Rejected", "", "accepted", "NotSupported", "UnlockFailed", "UnknownVendorId", "NotImplemented"]
)
def test_anything_else_is_a_no(status: str) -> None:
    assert not Answered(status).accepted


def test_it_is_certain_what_became_of_a_command_unless_it_was_sent_and_never_answered() -> None:
    """Refunds and retries depend on the difference (HOUSE §5)."""
    assert {outcome for outcome in OUTCOMES if not outcome.certain} == {TimedOut, Lost}
    assert len(OUTCOMES) == 9


def test_outcomes_carry_what_the_charger_said() -> None:
    assert Answered("Accepted", {"data": "x"}) == Answered("Accepted", {"data": "x"}) != Answered("Accepted")
    assert Answered("Accepted").detail is not Answered("Accepted").detail, "no dictionary is shared"
    assert CallError("NotSupported", "no", {"a": 1}).details == {"a": 1}
    assert Offline().reason == "not connected"
    assert len({Lost(), Lost(), TimedOut()}) == 2
