"""Chargers are found by any part of what they are called."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from csms.domain.stations.store.names import _Names

letters = st.text("ab\n1", max_size=5)


@given(
    chargers=st.lists(st.tuples(letters, letters), max_size=8),
    word=st.text("ab\n1", max_size=4),
    most=st.integers(1, 4),
)
def test_every_charger_with_the_word_is_found_once_and_no_other(chargers: list[tuple[str, str]], word: str, most: int) -> None:
    rows = [{"id": str(number), "called": called, "named": named} for number, (called, named) in enumerate(chargers)]
    expected = [row["id"] for row in rows if word in row["called"] or word in row["named"]]
    assert _Names(rows).holding(word, most) == expected[:most]
    assert _Names(rows).holding(word, 100) == expected
