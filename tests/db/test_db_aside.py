"""Keys set aside: each in its time, a few at a time, none forgotten."""

from __future__ import annotations

from csms.db.aside import Aside


def test_keys_come_when_they_are_due_and_earliest_first() -> None:
    aside = Aside(10)
    aside.put("late", 300)
    aside.put("early", 100)
    aside.put("moved", 50)
    aside.put("moved", 400)
    assert aside.next_due() == 50  # old, and passed over when its time comes
    assert aside.due(99, ()) is None
    assert aside.due(200, ()) == "early"
    assert aside.due(200, ()) is None
    assert aside.due(500, ()) == "late"
    assert aside.due(500, ()) == "moved"


def test_no_more_are_delivered_at_a_time_than_allowed() -> None:
    aside = Aside(1)
    aside.put("a", 1)
    aside.put("b", 2)
    assert aside.due(5, ()) == "a"
    aside.deliver("a")
    assert aside.due(5, ()) is None
    assert aside.next_due() is None
    aside.put("a", 10)  # it failed again
    assert aside.due(5, ()) == "b"
    assert "a" in aside


def test_a_busy_key_comes_back_when_its_delivery_ends() -> None:
    aside = Aside(10)
    aside.put("a", 1)
    assert aside.due(5, {"a"}) is None
    aside.put_back("a")
    assert aside.due(5, ()) == "a"
    aside.deliver("a")
    aside.put_back("a")
    assert aside.due(0, ()) == "a"  # there may be more of it: at once
    aside.drop("a")
    assert "a" not in aside
    aside.put_back("a")
    assert aside.due(5, ()) is None


def test_what_the_database_says_counts_unless_memory_knows_better() -> None:
    aside = Aside(10)
    for key in ("gone", "being delivered", "unsaved"):
        aside.put(key, 1_000)
    aside.deliver("being delivered")
    aside.learn({"replayed": 5, "being delivered": 7, "unsaved": 9}, {"unsaved"})
    assert "gone" not in aside
    assert aside.due(10, ()) == "replayed"
    assert aside.due(10, ()) is None
    assert aside.due(1_000, ()) == "unsaved"
    assert "being delivered" in aside
