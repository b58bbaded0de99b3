"""Which bytes a range means (RFC 9110 §14.1.2), for every range that there can be in a small file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.api.files.ranges import Unsatisfiable, wanted

SIZE = 10
numbers = st.integers(0, 20)


@given(numbers, numbers)
def test_from_to(first: int, last: int) -> None:
    header = f"bytes={first}-{last}"
    if last < first:
        assert wanted(header, SIZE) is None
    elif first >= SIZE:
        with pytest.raises(Unsatisfiable):
            wanted(header, SIZE)
    else:
        assert wanted(header, SIZE) == (first, min(last + 1, SIZE))


@given(numbers)
def test_from_and_last(number: int) -> None:
    if number >= SIZE:
        with pytest.raises(Unsatisfiable):
            wanted(f"bytes={number}-", SIZE)
    else:
        assert wanted(f"bytes={number}-", SIZE) == (number, SIZE)
    if number:
        assert wanted(f"bytes=-{number}", SIZE) == (max(0, SIZE - number), SIZE)
    else:
        with pytest.raises(Unsatisfiable):
            wanted("bytes=-0", SIZE)


@given(st.text(max_size=20))
def test_anything_else_is_the_whole_or_a_part_of_it(header: str) -> None:
    try:
        part = wanted(header, SIZE)
    except Unsatisfiable:
        return
    assert part is None or 0 <= part[0] < part[1] <= SIZE


def test_of_an_empty_file_there_is_no_part() -> None:
    for header in ("bytes=0-", "bytes=0-0", "bytes=-1"):
        with pytest.raises(Unsatisfiable):
            wanted(header, 0)
