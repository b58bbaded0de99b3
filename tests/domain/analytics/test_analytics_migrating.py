"""What was counted before uptime had exclusions, removed chargers an end, and revenue its currency."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

from csms.config import DatabaseConfig
from csms.db.migrate import MigrationSource, core_migrations, migrate

BEFORE = """
INSERT INTO stations (id, tenant, name, created_at) VALUES (7, 1, 'Depot', 0);
INSERT INTO chargers (id, tenant, station_id, name, approval, registration, created_at, removed_at) VALUES
    ('HERE', 1, 7, '', 'accepted', '', 0, NULL), ('GONE', 1, NULL, '', 'accepted', '', 0, 1000);
INSERT INTO analytics_ports (charger_id, evse, tenant, known_since_at, down_since_at) VALUES
    ('HERE', 1, 1, 100, NULL), ('GONE', 0, 1, 100, NULL), ('GONE', 1, 1, 100, 900), ('GONE', 2, 1, 100, 1001), ('GONE', 3, 1, 1000, NULL);
INSERT INTO outages (tenant, charger_id, evse, from_at, until_at, why) VALUES (1, 'HERE', 1, 200, 300, ''), (1, 'HERE', 1, 400, 500, '');
INSERT INTO uptime_exclusions (tenant, charger_id, from_at, until_at, reason, note, created_at) VALUES (1, 'HERE', 450, 460, 'grid', '', 0);
INSERT INTO analytics_counts (tenant, period, scope, subject, begins, drivers, revenue_minor) VALUES
    (1, 'day', 'tenant', '', '2026-10-09', 2, 500), (1, 'day', 'charger', 'HERE', '2026-10-09', 0, 0);
INSERT INTO analytics_drivers (tenant, period, begins, driver_id, transactions) VALUES
    (1, 'day', '2026-10-09', 1, 0), (1, 'day', '2026-10-09', 2, 3);
INSERT INTO analytics_bills (bill_id, tenant, month, currency, revenue_minor) VALUES (1, 1, '2026-10-01', 'INR', 500);
"""


def test_what_there_is_is_taken_over(tmp_path: Path, clock: Any) -> None:
    core = core_migrations()
    old = tmp_path / "old"
    old.mkdir()
    for each in sorted(Path(str(core.folder)).glob("*.sql")):
        if each.name < "0041":
            shutil.copy(each, old)
    config = DatabaseConfig(url="sqlite:///old.db")
    migrate(config, [MigrationSource(core.name, old)], folder=tmp_path, clock=clock)
    store = sqlite3.connect(tmp_path / "old.db")
    store.executescript(BEFORE)
    migrate(config, [core], folder=tmp_path, clock=clock)

    gone = "SELECT evse, station_id, from_at, until_at FROM analytics_ports_gone WHERE charger_id = 'GONE' ORDER BY evse"
    assert store.execute(gone).fetchall() == [(1, None, 100, 900), (2, None, 100, 1000)]
    assert store.execute("SELECT charger_id, evse FROM analytics_ports").fetchall() == [("HERE", 1)]
    assert store.execute("SELECT from_at, recount FROM outages ORDER BY id").fetchall() == [(200, 0), (400, 1)], "for the job"
    assert store.execute("SELECT currency, revenue_minor FROM analytics_revenue").fetchall() == [("INR", 500)]
    assert store.execute("SELECT drivers FROM analytics_counts ORDER BY drivers").fetchall() == [(0,), (1,)]
    assert store.execute("SELECT driver_id FROM analytics_drivers").fetchall() == [(2,)]
    store.close()
