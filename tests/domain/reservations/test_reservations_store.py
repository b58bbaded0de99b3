"""Lists of reservations for operators."""

from __future__ import annotations

from typing import Any

from csms.core.commands import Answered
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import ReadTx
from csms.domain.reservations import store

from .conftest import Scene


async def test_lists(scene: Scene) -> None:
    first = await scene.reserve(Answered("Rejected"))
    second = await scene.reserve(token="OTHER")

    async def ids(before: int | None = None, limit: int = 100, **which: Any) -> list[int]:
        def query(tx: ReadTx) -> list[int]:
            return [each.id for each in store.page(tx, store.Filter(**which), before=before, limit=limit)]

        found: list[int] = await scene.database.read(query, tenant=DEFAULT_TENANT)
        return found

    assert await ids() == [second.id, first.id]
    assert await ids(limit=1) == [second.id]
    assert await ids(before=second.id) == [first.id]
    assert await ids(open=True) == await ids(state="active") == await ids(token="other") == [second.id]
    assert await ids(open=False) == await ids(state="refused") == [first.id]
    assert await ids(charger_id="CP-2") == []
