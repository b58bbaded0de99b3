"""The audit log: what is written stays as it was written, and is found again; on both engines."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest

from csms.core.access import AuditEntry
from csms.core.errors import NotFound
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Database
from csms.domain.audit import service, store
from csms.domain.audit.model import AuditQuery
from csms.domain.tenants import service as tenants

SOURCE = Path(__file__).parents[3] / "src" / "csms"
ENTRY = AuditEntry(
    actor_kind="user",
    actor_id=7,
    actor_name="Ada@Example.org",
    action="stations.change",
    subject_kind="station",
    subject_id="3",
    before={"name": "Old"},
    after={"name": "New"},
    detail={"why": "50% off_season"},
    remote_address="192.0.2.7",
    request_id="r1",
)


async def found(database: Database, tenant: TenantId = DEFAULT_TENANT, **query: Any) -> list[str]:
    """The request ids of what a query finds, in its order."""
    stretch = await database.read(store.records, AuditQuery(**query), tenant=tenant)
    return [each.request_id for each in stretch.items]


async def test_entries_are_found_by_every_filter_and_by_words(database: Database, clock: Any) -> None:
    start = clock.now()
    entries = [
        ENTRY,
        attrs.evolve(ENTRY, request_id="r2", action="stations.remove", before=None, after=None),
        attrs.evolve(ENTRY, request_id="r3", subject_kind="charger", subject_id="CP_1"),
        attrs.evolve(ENTRY, request_id="r4", actor_kind="api_key", actor_id=9, actor_name="script", subject_id="CPX1"),
    ]
    for entry in entries:
        await database.write(service.record, entry, tenant=DEFAULT_TENANT)
        clock.advance(1000)
    add = partial(tenants.add, slug="north", name="North", currency="EUR", time_zone="UTC")
    north = await database.write(add, tenant=DEFAULT_TENANT)
    await database.write(service.record, attrs.evolve(ENTRY, request_id="other"), tenant=north)
    assert await found(database) == ["r4", "r3", "r2", "r1"], "the newest first, and nothing of another tenant"
    assert await found(database, action="stations.remove") == ["r2"]
    assert await found(database, subject_kind="station", subject_id="3") == ["r2", "r1"]
    assert await found(database, actor_kind="api_key") == ["r4"]
    assert await found(database, actor_id=7) == ["r3", "r2", "r1"]
    assert await found(database, from_at=start + 1000, to_at=start + 3000) == ["r3", "r2"]
    assert await found(database, search="ADA@") == ["r3", "r2", "r1"]
    assert await found(database, search="cp_1") == ["r3"], "an underscore is an underscore"
    assert await found(database, search="REMOVE") == ["r2"]
    first = await database.read(store.records, AuditQuery(limit=3), tenant=DEFAULT_TENANT)
    assert await found(database, limit=3, after=first.next) == ["r1"]
    assert await found(database, tenant=north) == ["other"]


async def test_an_entry_stays_as_it_was_written(database: Database) -> None:
    await database.write(service.record, ENTRY, tenant=DEFAULT_TENANT)
    stretch = await database.read(store.records, AuditQuery(), tenant=DEFAULT_TENANT)
    (kept,) = stretch.items
    assert {name: getattr(kept, name) for name in ("before", "after", "detail", "remote_address", "actor_name")} == {
        name: getattr(ENTRY, name) for name in ("before", "after", "detail", "remote_address", "actor_name")
    }
    assert await database.read(service.need_record, kept.id, tenant=DEFAULT_TENANT) == kept
    with pytest.raises(NotFound):
        await database.read(service.need_record, kept.id, tenant=TenantId(2))


def test_nothing_in_the_source_changes_an_entry() -> None:
    changing = re.compile(r"(UPDATE|DELETE\s+FROM|REPLACE\s+INTO)\s+audit_log", re.IGNORECASE)
    for path in SOURCE.rglob("*"):
        if path.suffix in (".py", ".sql"):
            assert not changing.search(path.read_text(encoding="utf-8")), f"{path} changes the audit log"
