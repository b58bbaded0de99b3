"""What ended long ago is forgotten, and what a tenant wants kept for less time, on both engines."""

from __future__ import annotations

from functools import partial
from typing import Any

import attrs
import pytest

from csms.config import RetentionConfig
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.db import StoreDatabase
from csms.domain.tenants import service as tenants
from csms.domain.tenants.model import SettingsChange
from csms.forgetting import TenantRetention, forget_what_ended

DAY_MS = 86_400_000

ALERT = """
INSERT INTO alerts (tenant, kind, severity, subject, charger_id, message, detail, event_id, times, raised_at, last_raised_at,
    acknowledged_by, resolved_by, note, resolved_at)
VALUES (:tenant, 'k', 'info', :name, '', '', '{}', 0, 1, 0, 0, '', '', '', :at)"""
ANSWER = "INSERT INTO given_answers (tenant, identity, key, fingerprint, at) VALUES (:tenant, 'user:1', :name, 'f', :at)"
AUDIT = """
INSERT INTO audit_log (tenant, at, actor_kind, actor_name, action, subject_kind, subject_id, remote_address, request_id)
VALUES (:tenant, :at, 'user', :name, 'a', 's', '1', '', '')"""
FRAME = """
INSERT INTO frames (tenant, charger_id, connection_id, at, direction, kind, message_id, action, text, problem)
VALUES (:tenant, 'C', 'c', :at, 'in', 'call', 'm', 'a', :name, '')"""


@attrs.frozen
class OnlyDatabase:
    """As much of the ports as these jobs need."""

    database: StoreDatabase
    clock: Any


async def names(database: StoreDatabase, table: str, column: str) -> list[str]:
    sql = f"SELECT {column} AS name FROM {table} ORDER BY 1"
    rows = await database.read(lambda tx: tx.system("a test").all(sql), tenant=DEFAULT_TENANT)
    return [row["name"] for row in rows]


async def test_what_ended_long_ago_is_forgotten(database: StoreDatabase, clock: Any) -> None:
    now = clock.now()

    def fill(tx: Any) -> None:
        tx.many(ALERT, [{"name": f"old {number}", "at": now - 400 * DAY_MS} for number in range(120)])
        tx.many(ALERT, [{"name": "young", "at": now - DAY_MS}, {"name": "open", "at": None}])
        tx.many(ANSWER, [{"name": "old", "at": now - 2 * DAY_MS}, {"name": "young", "at": now - 1000}])

    await database.write(fill, tenant=DEFAULT_TENANT)
    ports: Any = OnlyDatabase(database, clock)
    await forget_what_ended(RetentionConfig(resolved_alerts_days=0), database, ports)
    assert len(await names(database, "alerts", "subject")) == 122, "0 keeps all"
    await forget_what_ended(RetentionConfig(), database, ports)
    assert await names(database, "alerts", "subject") == ["open", "young"]
    assert await names(database, "given_answers", "key") == ["young"]


async def test_a_tenant_may_keep_less_than_the_installation_but_not_more(database: StoreDatabase, clock: Any) -> None:
    now = clock.now()
    add = partial(tenants.add, slug="north", name="North", currency="EUR", time_zone="UTC")
    north: TenantId = await database.write(add, tenant=DEFAULT_TENANT)
    for day in range(40, 0, -1):
        for tenant, name in ((DEFAULT_TENANT, "ours"), (north, "north")):
            row = {"name": f"{name} {day:02}", "at": now - day * DAY_MS}
            await database.write(lambda tx, row=row: (tx.run(FRAME, **row), tx.run(AUDIT, **row)), tenant=tenant)
    await database.write(partial(tenants.change_settings, wanted=SettingsChange(frames_days=7)), tenant=north)
    await database.write(partial(tenants.change_settings, wanted=SettingsChange(frames_days=90)), tenant=DEFAULT_TENANT)
    job = TenantRetention(RetentionConfig(frames_days=30), database)
    ports: Any = OnlyDatabase(database, clock)
    assert await job.turn(ports) == 33, "of one tenant alone: a longer time than the installation's is none"
    left = await names(database, "frames", "text")
    assert left == [f"north {day:02}" for day in range(1, 8)] + [f"ours {day:02}" for day in range(1, 41)]
    assert len(await names(database, "audit_log", "actor_name")) == 80
    assert await job.turn(ports) == 0
    clock.advance(DAY_MS)
    assert await job.turn(ports) == 1, "what grew old since"
    await database.write(partial(tenants.change_settings, wanted=SettingsChange(frames_days=3)), tenant=north)
    assert await job.turn(ports) == 4


@pytest.mark.parametrize("engine", ["sqlite"])  # no SQL of its own
async def test_a_setting_that_keeps_as_long_as_the_installation_costs_nothing(database: StoreDatabase, clock: Any) -> None:
    await database.write(partial(tenants.change_settings, wanted=SettingsChange(frames_days=30)), tenant=DEFAULT_TENANT)
    batches = database.stats.batches
    ports: Any = OnlyDatabase(database, clock)
    assert await TenantRetention(RetentionConfig(frames_days=30), database).turn(ports) == 0
    assert database.stats.batches == batches
