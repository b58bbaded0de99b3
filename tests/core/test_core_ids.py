"""Places and write keys: what two layers must spell alike."""

from __future__ import annotations

import pytest

from csms.core.ids import WHOLE_CHARGER, Place, charger_key, token_key


def test_a_place_is_a_value() -> None:
    assert Place() == Place(0, 0) == WHOLE_CHARGER
    assert len({Place(1, 1), Place(1, 1), Place(1, 2), Place(2, 1)}) == 3
    assert str(Place(2, 1)) == "2.1"
    with pytest.raises(AttributeError):
        Place(1, 1).evse = 2  # type: ignore[misc]


@pytest.mark.parametrize(("place", "whole"), [(Place(0, 0), True), (Place(1, 0), False), (Place(1, 1), False), (Place(0, 1), True)])
def test_evse_0_is_the_charger_itself(place: Place, whole: bool) -> None:
    assert place.is_whole_charger is whole


def test_keys_of_different_things_differ() -> None:
    assert len({charger_key("1"), charger_key("2"), token_key(1, "1"), token_key(2, "1"), token_key(1, "2")}) == 5


def test_chargers_are_told_apart_by_case_and_tokens_are_not() -> None:
    assert charger_key("CP-1") != charger_key("cp-1")
    assert token_key(1, "ABCdef") == token_key(1, "abcDEF")
    assert token_key(1, "STRASSE") == token_key(1, "straße")
