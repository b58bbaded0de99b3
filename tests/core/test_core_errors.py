"""Errors that cross layers: caught by their kind, and saying what was wrong."""

from __future__ import annotations

import pickle

import pytest

from csms.core import errors
from csms.core.errors import Conflict, CsmsError, Invalid, NeedsKeys, NotFound, Refused, StoreUnavailable, WriterStopped


def test_every_error_on_purpose_has_one_root() -> None:
    raised = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, Exception)]
    assert all(issubclass(each, CsmsError) for each in raised)
    assert len(raised) == 10


def test_a_stopped_writer_is_a_store_that_is_away() -> None:
    with pytest.raises(StoreUnavailable):
        raise WriterStopped("the writer has stopped")


@pytest.mark.parametrize("kind", [Refused, NotFound, Conflict, Invalid, StoreUnavailable])
def test_an_error_says_what_was_wrong(kind: type[CsmsError]) -> None:
    assert str(kind("there is no charger CP-1")) == "there is no charger CP-1"


def test_invalid_names_the_field() -> None:
    error = Invalid("a name has 1 to 200 characters", field="name")
    assert (str(error), error.field) == ("a name has 1 to 200 characters", "name")
    assert Invalid("no").field == ""


def test_needs_keys_names_them_in_order() -> None:
    error = NeedsKeys(frozenset({"token:1:b", "charger:a"}))
    assert error.keys == {"token:1:b", "charger:a"}
    assert str(error) == "undeclared write keys: charger:a, token:1:b"


def test_a_plain_error_travels_between_processes() -> None:
    again = pickle.loads(pickle.dumps(NotFound("there is no charger CP-1")))
    assert type(again) is NotFound
    assert str(again) == "there is no charger CP-1"
