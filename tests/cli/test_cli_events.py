"""``csms events``: what is stored, who has heard it, and dead letters that are heard again."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from .conftest import Run, facts


@pytest.fixture
def told(store: Run, tmp_path: Path) -> Run:
    """Two chargers were approved, so there are two events; one consumer gave up on the first."""
    for charger in ("C1", "C2"):
        store("charger", "add", charger, "--pending")
        store("charger", "approve", charger)
    with sqlite3.connect(tmp_path / "csms.db") as connection:
        connection.execute("INSERT INTO cursors VALUES ('plugin:webhook', 0, 2, 0, 0)")
        connection.execute(
            "INSERT INTO deliveries (consumer, sequence, xid, key, state, attempts, error, changed_at)"
            " VALUES ('plugin:webhook', 1, 0, 'charger:C1', 'dead', 12, 'no route to host', 0)"
        )
    connection.close()
    return store


def state(folder: Path) -> list[tuple[int, str]]:
    with sqlite3.connect(folder / "csms.db") as connection:
        found = connection.execute("SELECT sequence, state FROM deliveries ORDER BY sequence").fetchall()
    connection.close()
    return found


@pytest.mark.parametrize(
    ("options", "keys"),
    [
        ([], ["charger:C2", "charger:C1"]),
        (["--charger", "C1"], ["charger:C1"]),
        (["--key", "charger:C2"], ["charger:C2"]),
        (["--limit", "1"], ["charger:C2"]),
        (["--type", "charger_registration_changed"], ["charger:C2", "charger:C1"]),
        (["--type", "transaction_ended"], []),
        (["--since", "1h"], ["charger:C2", "charger:C1"]),
        (["--since", "2099-01-01"], []),
    ],
)
def test_stored_events_newest_first(told: Run, options: list[str], keys: list[str]) -> None:
    assert [each["key"] for each in facts(told("events", "list", *options, "--json"))] == keys


def test_an_event_is_shown_with_its_facts(told: Run) -> None:
    (event,) = facts(told("events", "list", "--charger", "C1", "--json"))
    assert event["payload"]["approval"] == "accepted"
    assert "charger_registration_changed" in told("events", "list").output
    told("events", "list", "--charger", "C1", "--key", "charger:C1", code=2)


def test_consumers_and_their_progress(told: Run) -> None:
    (consumer,) = facts(told("events", "consumers", "--json"))
    assert (consumer["name"], consumer["behind"], consumer["dead"]) == ("plugin:webhook", 0, 1)
    assert "plugin:webhook" in told("events", "consumers").output


def test_dead_letters_say_why(told: Run) -> None:
    (letter,) = facts(told("events", "dead", "--json"))
    assert (letter["event_id"], letter["consumer"], letter["error"]) == (1, "plugin:webhook", "no route to host")
    assert "no route to host" in told("events", "dead", "plugin:webhook").output
    assert told("events", "dead", "plugin:other").output == "There are no dead letters\n"


def test_dead_letters_are_delivered_again(told: Run, tmp_path: Path) -> None:
    assert told("events", "replay", "plugin:webhook").output == "plugin:webhook hears 1 events again\n"
    assert state(tmp_path) == [(1, "retry")]
    assert facts(told("events", "dead", "--json")) == []


def test_one_event_or_a_range_is_delivered_again(told: Run, tmp_path: Path) -> None:
    assert facts(told("events", "replay", "plugin:webhook", "--event", "2", "--json"))["events"] == 1
    assert state(tmp_path) == [(1, "dead"), (2, "retry")]
    assert facts(told("events", "replay", "plugin:webhook", "--first", "1", "--json"))["events"] == 2
    assert state(tmp_path) == [(1, "retry"), (2, "retry")]
    told("events", "replay", "plugin:webhook", "--event", "1", "--last", "2", code=2)


def test_a_consumer_that_nobody_knows(told: Run) -> None:
    assert told("events", "replay", "plugin:other", code=1).stderr == "csms: there is no consumer 'plugin:other'\n"
    told("events", "forget", "plugin:other", code=1)


def test_a_consumer_is_forgotten(told: Run, tmp_path: Path) -> None:
    told("events", "forget", "plugin:webhook")
    assert facts(told("events", "consumers", "--json")) == []
    assert state(tmp_path) == []
