"""What is sent makes the charger's list what it should be, in messages that it can take."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from csms.core.commands import LocalListEntry
from csms.core.reports import Token, TokenVerdict
from csms.domain.local_lists.model import Listed
from csms.domain.local_lists.planning import applied, differences, fitting, plan

listed = st.builds(
    Listed,
    st.sampled_from([f"TAG{number}" for number in range(8)]),
    st.just(""),
    st.just("Accepted"),
    st.none() | st.integers(1, 3),
    st.sampled_from(["", "GROUP"]),
)
lists = st.lists(listed, max_size=8, unique_by=lambda each: each.folded)


@given(before=lists, wanted=lists, most=st.integers(1, 4), version=st.integers(0, 100), full=st.booleans())
def test_the_messages_make_the_list_what_it_should_be(
    before: list[Listed], wanted: list[Listed], most: int, version: int, full: bool
) -> None:
    present = {each.folded: each for each in before}
    messages = plan(present, wanted, version=version, full=full, most=most)
    for number, message in enumerate(messages, start=1):
        assert len(message.entries) <= most
        assert message.version == version + number
        assert not message.full or number == 1, "only the first may throw away what was there"
        present = applied(present, message)
    assert present == {each.folded: each for each in wanted}


def test_nothing_to_change_is_nothing_to_send() -> None:
    one = Listed("A")
    assert plan({"a": one}, [one], version=3, full=False, most=10) == []


def test_an_empty_full_list_is_one_message_that_empties() -> None:
    (message,) = plan({}, [], version=3, full=True, most=10)
    assert (message.version, message.full, message.entries) == (4, True, ())


def test_more_changes_than_entries_are_sent_as_a_full_list() -> None:
    before = {name.casefold(): Listed(name) for name in ("A", "B", "C", "D")}
    (message,) = plan(before, [Listed("E")], version=1, full=False, most=10)
    assert message.full
    assert message.entries == (LocalListEntry(Token("E"), TokenVerdict("Accepted")),)


def test_removals_come_first_so_that_there_is_room() -> None:
    changes = differences({"a": Listed("A"), "b": Listed("B")}, [Listed("A", parent="G"), Listed("C")])
    assert [(each.token.value, each.verdict is None) for each in changes] == [("B", True), ("A", False), ("C", False)]


def test_what_a_charger_cannot_keep_is_left_out_and_counted() -> None:
    kept, left_out = fitting([Listed("A"), Listed("X" * 21), Listed("B"), Listed("C")], 2)
    assert [each.token for each in kept] == ["A", "B"]
    assert left_out == 2
