"""What SQLite is told of its tables, and that what is asked all the time is looked up and not looked through."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from csms.config import DatabaseConfig
from csms.db import deliveries, spine
from csms.db.migrate import core_migrations, migrate
from csms.db.texts import candidates_sql
from csms.domain.alerts import conditions
from csms.domain.drivers.store import cards, people
from csms.domain.transactions.store import consumption
from csms.outside import SystemClock

CONFIG = DatabaseConfig(url="sqlite:///planned.db")
IDS = ", ".join(f":id_{number}" for number in range(consumption.MOST_AT_ONCE))


def migrated(folder: Path) -> sqlite3.Connection:
    migrate(CONFIG, [core_migrations()], folder=folder, clock=SystemClock())
    return sqlite3.connect(folder / "planned.db", isolation_level=None)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = migrated(tmp_path)
    yield connection
    connection.close()


def plan(store: sqlite3.Connection, sql: str) -> list[str]:
    named = dict.fromkeys(re.findall(r":(\w+)", sql), 1)
    return [row[3] for row in store.execute(f"EXPLAIN QUERY PLAN {sql}", named)]


LOOKED_UP = {
    "readings of many charges": (consumption._READINGS.replace("{ids}", IDS), "meter_readings_by_transaction (transaction_id=?)"),
    "many charges": (consumption._FACTS.replace("{ids}", IDS), "SEARCH t USING INTEGER PRIMARY KEY (rowid=?)"),
    "what waits of a key": (deliveries.DUE, "deliveries_by_state (consumer=? AND state=? AND key=?)"),
    "events of some types": (
        spine._SCAN["sqlite"].format(wanted=spine._wanted("sqlite", frozenset({"bill_settled", "bill_paid"}))[0]),
        "SEARCH e USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
    ),
    "connectors of a charger": ("SELECT 1 FROM connectors WHERE charger_id = :charger_id AND tenant = :tenant", "(charger_id=?"),
    "a driver's tokens": (
        "SELECT 1 FROM tokens WHERE driver_id = :driver_id AND tenant = :tenant AND removed_at IS NULL",
        "tokens_by_driver (driver_id=?",
    ),
    "a tenant's newest bills, of many tenants": (
        "SELECT id FROM bills WHERE tenant = :tenant ORDER BY id DESC LIMIT 20",
        "bills_by_tenant (tenant=?)",
    ),
    "a tenant's oldest bills, of many tenants": (
        "SELECT id FROM bills WHERE tenant = :tenant AND id > :after ORDER BY id ASC LIMIT 20",
        "bills_by_tenant (tenant=? AND id>?)",
    ),
    "who has an e-mail address": (
        "SELECT 1 FROM users WHERE email_folded = :folded AND email_folded <> ''",
        "user_emails (email_folded=?)",
    ),
    "drivers that may hold a text": (
        f"SELECT id FROM {people.LISTING.source} AND ({people.LISTING.narrow}) ORDER BY name, id LIMIT 20",
        "SEARCH drivers USING INTEGER PRIMARY KEY (rowid=?)",
    ),
    "tokens that may hold a text": (
        f"SELECT t.id FROM {cards.CARDS.source} AND ({cards.CARDS.narrow}) ORDER BY t.folded, t.id LIMIT 20",
        "SEARCH t USING INTEGER PRIMARY KEY (rowid=?)",
    ),
    "what a triple is in": (candidates_sql("drivers"), "SCAN drivers_texts VIRTUAL TABLE INDEX 0:M"),
    "a day's odd meters": (conditions._ODD_METERS, "transactions_by_age (tenant=? AND created_at>?)"),
    "what is due": (
        "SELECT id FROM bills WHERE due_at IS NOT NULL AND due_at <= :now ORDER BY due_at, id LIMIT 64",
        "bills_due (due_at",
    ),
}


@pytest.mark.parametrize("what", LOOKED_UP)
def test_it_is_looked_up(store: sqlite3.Connection, what: str) -> None:
    sql, wanted = LOOKED_UP[what]
    assert wanted in " | ".join(plan(store, sql))


def test_a_database_that_was_never_told_is_told_at_the_next_start(tmp_path: Path) -> None:
    store = migrated(tmp_path)
    told = set(store.execute("SELECT tbl, idx, stat FROM sqlite_stat1"))
    assert {index for _, index, _ in told} == {
        name
        for (name,) in store.execute(
            "SELECT i.name FROM pragma_table_list m JOIN pragma_index_list(m.name) i WHERE m.type = 'table'"
        )
    }
    store.execute("DELETE FROM sqlite_stat1")
    store.execute("INSERT INTO sqlite_stat1 VALUES ('bills', 'bills_by_tenant', '3 3 1')")
    store.close()
    store = migrated(tmp_path)
    assert set(store.execute("SELECT tbl, idx, stat FROM sqlite_stat1")) == told
    before = store.execute("PRAGMA data_version").fetchone()
    migrated(tmp_path).close()
    assert store.execute("PRAGMA data_version").fetchone() == before, "what is right already is not written again"
    store.close()
