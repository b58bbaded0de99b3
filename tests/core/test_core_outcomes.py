"""What became of a command, in words and for scripts: the same wherever it is stored, shown or answered."""

from __future__ import annotations

import pytest

from csms.core.outcomes import (
    LONGEST_WORDS,
    Answered,
    CallError,
    Expired,
    Lost,
    NotSupported,
    Offline,
    Outcome,
    TimedOut,
    cannot,
    obeyed,
    plain,
    told,
)


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Answered("Rejected"), "Rejected"),
        (CallError("GenericError", "no room"), "CallError: GenericError no room"),
        (CallError("GenericError"), "CallError: GenericError"),
        (Offline(), "Offline: not connected"),
        (TimedOut(), "TimedOut"),
    ],
)
def test_an_outcome_in_words(outcome: Outcome, words: str) -> None:
    assert told(outcome) == words


@pytest.mark.parametrize("outcome", [Answered("\x00\ud800" + "x" * 1000), CallError("a\x00", "b\n\x1b[31m\ud800" + "x" * 1000)])
def test_words_can_be_stored_whatever_the_charger_said(outcome: Outcome) -> None:
    words = told(outcome)
    assert words.isprintable()
    assert len(words) == LONGEST_WORDS
    words.encode()


@pytest.mark.parametrize(
    ("outcome", "will"),
    [
        (Answered("Scheduled"), True),
        (Answered("Rejected"), False),
        (CallError("InternalError"), False),
        (Expired(), False),
        (TimedOut(), None),
        (Lost(), None),
    ],
)
def test_whether_it_obeys(outcome: Outcome, will: bool | None) -> None:
    assert obeyed(outcome) is will


def test_what_a_charger_does_not_know_at_all() -> None:
    assert all(map(cannot, (NotSupported(), CallError("NotImplemented"), CallError("NotSupported"))))
    assert not any(map(cannot, (CallError("GenericError"), Answered("Rejected"), TimedOut())))


def test_for_scripts() -> None:
    assert plain(CallError("GenericError", "no room")) == {
        "outcome": "CallError",
        "certain": True,
        "code": "GenericError",
        "description": "no room",
        "details": {},
    }
    assert plain(Lost()) == {"outcome": "Lost", "certain": False}
