"""Finding a transaction narrows to its charger, token or id at once, however many there are: SQLite plans without statistics."""

from __future__ import annotations

import re

import pytest

from csms.core.ids import Place
from csms.domain.transactions.model import Transaction
from csms.domain.transactions.store import audit, progress, readings, rows, steps

NARROW = re.compile(
    r"SEARCH \w+ USING (INTEGER PRIMARY KEY \(rowid=\?\)"
    r"|INDEX \w+ \((tenant=\? AND (charger_id|token_folded|state)=\?|transaction_id=\?).*\))"
)


class Planner:
    """A transaction that plans its statements instead of running them."""

    tenant = 1
    now = 0

    def __init__(self, connection):
        self._connection = connection
        self.steps = []

    def _plan(self, sql, **parameters):
        named = {name: parameters.get(name, 1) for name in re.findall(r":([a-z_]\w*)", sql)}
        self.steps += [row[3] for row in self._connection.execute(f"EXPLAIN QUERY PLAN {sql}", named)]

    one = value = _plan

    def all(self, sql, **parameters):
        self._plan(sql, **parameters)
        return []

    def run(self, sql, **parameters):
        self._plan(sql, **parameters)
        return 0


FINDERS = {
    "by id": lambda tx: rows.by_id(tx, 1),
    "by reference": lambda tx: rows.by_reference(tx, "C", "R"),
    "by start": lambda tx: rows.by_start(tx, "C", evse=1, token="T", started_at=1, started_at_raw="", meter_start_wh=1),
    "by untrusted start": lambda tx: rows.by_start(tx, "C", evse=1, token="T", started_at=1, started_at_raw="x", meter_start_wh=1),
    "covering": lambda tx: rows.covering(tx, "C", 1, 1),
    "open at": lambda tx: rows.open_at(tx, "C", 1),
    "open of": lambda tx: rows.open_of(tx, "C"),
    "waiting": lambda tx: rows.waiting_start(tx, "C", token="T", evse=1),
    "asked": lambda tx: rows.asked_start(tx, "C", 1),
    "waiting or expired": lambda tx: rows.waiting_start(tx, "C", token="T", evse=1, started_at=1),
    "latest": lambda tx: rows.latest(tx, "C"),
    "ended by": lambda tx: rows.ended_by(tx, "C", stopped_at=1, stopped_at_raw="", meter_stop_wh=1, reason="Local", token="T"),
    "after": lambda tx: rows.after(tx, "C", 1, 1),
    "begins alike": lambda tx: rows.begins_alike(
        tx, Transaction(charger_id="C", evse=1, token="T", started_at=1, meter_start_wh=1)
    ),
    "count": lambda tx: rows.count_running(tx, "T", besides=1, charger_id="C", evse=1, waiting=False),
    "overdue": lambda tx: rows.overdue(tx, "pending_start", 1),
    "metered": lambda tx: progress.metered(tx, "C", 1, energy_wh=1, at=1),
    "metered at": lambda tx: progress.metered_at(tx, "C", 1, energy_wh=1, at=1),
    "stepped": lambda tx: progress.stepped(tx, "C", "R", seq_no=1, occurred_at=1, place=Place(), charging_state="", meter=(1, 1)),
    "first reading": lambda tx: readings.first(tx, 1),
    "last reading": lambda tx: readings.last(tx, 1),
    "registers": lambda tx: readings.registers(tx, 1, until=1),
    "adopted": lambda tx: readings.adopt(tx, "C", 1, since=1, until=2, transaction_id=1),
    "unsure": lambda tx: readings.any_unsure(tx, "C", 1, 1),
    "released": lambda tx: readings.release(tx, 1, since=1, until=2),
    "readings": lambda tx: readings.of_transaction(tx, 1),
    "loose stops": lambda tx: audit.loose_stops(tx, "C"),
    "stop of": lambda tx: audit.stop_of(tx, 1),
    "metered and known": lambda tx: audit.resolve_meter(tx, Transaction(charger_id="C", evse=1, started_at=1)),
    "steps": lambda tx: steps.of(tx, 1),
}


@pytest.mark.parametrize("name", FINDERS)
def test_a_finder_does_not_walk(memory_store, name):
    planner = Planner(memory_store().connection)
    FINDERS[name](planner)
    searches = [step for step in planner.steps if step.startswith(("SEARCH", "SCAN")) and step != "SCAN latest"]
    assert searches
    assert all(NARROW.match(step) for step in searches), searches


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("by start", "transactions_by_start"),
        ("by start", "transactions_by_raw_start"),
        ("by untrusted start", "transactions_by_raw_start"),
        ("waiting or expired", "transactions_expired"),
    ],
)
def test_a_start_is_looked_up_in_its_own_index(memory_store, name, index):
    planner = Planner(memory_store().connection)
    FINDERS[name](planner)
    assert any(f"USING INDEX {index} " in step for step in planner.steps), planner.steps


@pytest.mark.parametrize("name", ["open at", "open of", "waiting", "count"])
def test_what_goes_on_is_found_without_looking_at_what_ended(memory_store, name):
    planner = Planner(memory_store().connection)
    FINDERS[name](planner)
    searches = [step for step in planner.steps if step.startswith(("SEARCH", "SCAN"))]
    assert searches
    assert all("transactions_open_by" in step for step in searches), planner.steps
