"""The checker of promises finds what is absent, doubled, different or made up."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from csms.testing.promises import Promises, Said

START = ("CP1", 1000)
KNOWN = {"evse": 1, "token": "CARD"}


@pytest.fixture
def store() -> Iterator[sqlite3.Connection]:
    """Tables as far as the checker looks at them, with one charge in them."""
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    connection.executescript(
        """
        CREATE TABLE frames (charger_id, message_id, direction, kind);
        CREATE TABLE transactions (id, charger_id, reference, evse, token, started_at, state, stop_source);
        CREATE TABLE transaction_events (transaction_id, seq_no, kind, meter_wh);
        CREATE TABLE meter_readings (charger_id, evse, sampled_at, energy_wh);
        CREATE TABLE connector_status_history (charger_id, evse, reported_at, status);
        CREATE TABLE events (type, payload);
        INSERT INTO frames VALUES ('CP1', 'm1', 'in', 'call'), ('CP1', 'm1', 'out', 'result'), ('CP1', 'm2', 'in', 'call');
        INSERT INTO transactions VALUES (7, 'CP1', '', 1, 'CARD', 1000, 'running', '');
        INSERT INTO meter_readings VALUES ('CP1', 1, 2000, 50);
        INSERT INTO events VALUES ('transaction_started', '{"transaction_id": 7}');
        """
    )
    yield connection
    connection.close()


@pytest.fixture
def promises() -> Promises:
    given = Promises()
    given.say("m1", Said(charger_id="CP1", action="StartTransaction", facts=(("transaction", START, KNOWN),)))
    given.say("m2", Said(charger_id="CP1", action="MeterValues", facts=(("reading", ("CP1", 1, 2000), {"energy_wh": 50}),)))
    given.acknowledge("m1", {"transactionId": 7, "idTagInfo": {"status": "Accepted"}})
    given.acknowledge("m2", {})
    return given


def broken(promises: Promises, store: sqlite3.Connection) -> list[str]:
    return list(promises.broken(lambda sql: store.execute(sql).fetchall()))


def test_what_was_kept_is_not_complained_of(promises: Promises, store: sqlite3.Connection) -> None:
    assert broken(promises, store) == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ("DELETE FROM meter_readings", "reading ('CP1', 1, 2000): acknowledged, and 0 times there"),
        ("INSERT INTO meter_readings SELECT * FROM meter_readings", "reading ('CP1', 1, 2000): acknowledged, and 2 times there"),
        (
            "UPDATE meter_readings SET energy_wh = 51",
            "reading ('CP1', 1, 2000): stored as {'energy_wh': 51}, said as {'energy_wh': 50}",
        ),
        ("INSERT INTO meter_readings VALUES ('CP1', 1, 3000, 60)", "reading ('CP1', 1, 3000): stored, and nobody said so"),
        ("UPDATE transactions SET token = 'OTHER'", "transaction ('CP1', 1000): stored as {'token': 'OTHER'}, said as"),
        ("DELETE FROM frames WHERE message_id = 'm2'", "MeterValues m2 of CP1: acknowledged, and 0 times in the frame log"),
        ("INSERT INTO frames SELECT * FROM frames WHERE message_id = 'm2'", "MeterValues m2 of CP1: acknowledged, and 2 times"),
        ("DELETE FROM events", "transaction 7: its start was told 0 times"),
        ("UPDATE transactions SET state = 'completed'", "transaction 7 is completed: its end was told 0 times"),
    ],
)
def test_what_was_not_kept_is_told(promises: Promises, store: sqlite3.Connection, change: str, complaint: str) -> None:
    store.execute(change)
    assert any(line.startswith(complaint) for line in broken(promises, store)), broken(promises, store)


def test_the_number_that_a_charger_was_told_is_part_of_the_promise(promises: Promises, store: sqlite3.Connection) -> None:
    store.execute("UPDATE transactions SET id = 8")
    store.execute("UPDATE events SET payload = '{\"transaction_id\": 8}'")
    (complaint,) = broken(promises, store)
    assert complaint.startswith("transaction ('CP1', 1000): stored as {'id': 8}")


def test_what_was_not_acknowledged_may_be_there_or_not_but_not_twice(promises: Promises, store: sqlite3.Connection) -> None:
    del promises.acknowledged["m2"]
    store.execute("DELETE FROM frames WHERE message_id = 'm2'")
    assert broken(promises, store) == []
    store.execute("INSERT INTO meter_readings SELECT * FROM meter_readings")
    assert broken(promises, store) == ["reading ('CP1', 1, 2000): 2 times there"]
