"""Places as people write them."""

from __future__ import annotations

import click
import pytest

from csms.cli.places import PlaceParam
from csms.core.ids import Place


@pytest.mark.parametrize(
    ("text", "place"),
    [("any", Place(0, 0)), ("0", Place(0, 0)), ("2", Place(2, 1)), (" 1.2 ", Place(1, 2)), ("1.0", Place(1, 0))],
)
def test_a_place_in_few_characters(text: str, place: Place) -> None:
    assert PlaceParam(whole="any", connector=1).convert(text, None, None) == place


def test_a_whole_evse_where_that_is_meant() -> None:
    assert PlaceParam(whole="0", connector=0).convert("2", None, None) == Place(2, 0)


@pytest.mark.parametrize("text", ["", "x", "0.1", "-1", "1.2.3", "1,2", "١", "9999999999"])
def test_what_is_no_place_is_refused_with_what_would_be_one(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no place: write any for the whole charger, 2 for connector 2"):
        PlaceParam(whole="any", connector=1).convert(text, None, None)
