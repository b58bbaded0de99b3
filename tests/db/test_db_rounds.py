"""Rounds: rows of many chargers together, and yet each key in order."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from csms.core.ids import DEFAULT_TENANT
from csms.db.rounds import rounds
from csms.db.work import Append, Work, Write


def verb(*keys: str) -> Write:
    return Write(len, (), DEFAULT_TENANT, frozenset(keys))


def rows(sql: str, key: str) -> Append:
    return Append(sql, [{}], key, DEFAULT_TENANT)


def test_rows_of_many_chargers_travel_together() -> None:
    batch: list[Work] = []
    for number in range(20):
        key = f"charger:{number}"
        batch += [rows("frames", key), verb(key), rows("frames", key)]
    assert [len(works) for works in rounds(batch)] == [20, 20, 20]


KEYS = st.sampled_from("abc")
WORK = st.one_of(st.builds(verb, KEYS), st.builds(verb, KEYS, KEYS), st.builds(rows, st.sampled_from(["x", "y"]), KEYS))


@given(st.lists(WORK, max_size=30))
def test_order_per_key_survives(batch: list[Work]) -> None:
    ordered = rounds(batch)
    assert sorted(map(id, batch)) == sorted(id(work) for works in ordered for work in works)
    place = {id(work): (number, position) for number, works in enumerate(ordered) for position, work in enumerate(works)}
    by_key: dict[str, list[Work]] = defaultdict(list)
    for work in batch:
        for key in work.keys if isinstance(work, Write) else {work.key}:
            by_key[key].append(work)
    for works in by_key.values():
        for before, after in pairwise(works):
            assert place[id(before)] < place[id(after)]
            if place[id(before)][0] == place[id(after)][0]:
                kinds = {work.sql if isinstance(work, Append) else "" for work in (before, after)}
                assert len(kinds) == 1
