"""Events told to the listener of the alerts slice, and what becomes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import attrs
import pytest

from csms.core.events import Delivered, Event
from csms.core.ids import DEFAULT_TENANT, Place
from csms.core.ports import Ports, ReadTx
from csms.db import StoreDatabase
from csms.domain.alerts import listeners, store
from csms.domain.alerts.model import Alert, AlertsQuery
from csms.domain.stations.model import ChargerStatusChanged
from csms.testing.plugins import example
from csms.testing.stores import SettableClock


@attrs.define
class Scene:
    """A store and the listener; every event has an id of its own unless one is given."""

    database: StoreDatabase
    clock: SettableClock
    _ids: Any = attrs.field(factory=lambda: count(1))

    @property
    def ports(self) -> Ports:
        absent: Any = None
        return Ports(
            database=self.database,
            chargers=absent,
            decisions=absent,
            clock=self.clock,
            random=absent,
            blocking=absent,
            http=absent,
        )

    async def do(self, verb: Callable[..., Any], *arguments: Any) -> Any:
        return await self.database.write(verb, *arguments, tenant=DEFAULT_TENANT)

    async def tell(self, event: Event, event_id: int = 0) -> int:
        number = event_id or next(self._ids)
        await listeners.heard(self.ports, Delivered(number, DEFAULT_TENANT, self.clock.now(), event))
        return number

    async def status(self, status: str, previous: str, *, event_id: int = 0, evse: int = 1, error: str = "NoError") -> int:
        place = Place(evse, min(evse, 1))
        changed = example(
            ChargerStatusChanged,
            charger_id="C1",
            place=place,
            status=status,
            previous_status=previous,
            error_code=error,
            vendor_error_code="",
            info="",
        )
        return await self.tell(changed, event_id)

    async def all(self, **which: Any) -> Sequence[Alert]:
        """The alerts, the oldest first."""

        def query(tx: ReadTx) -> Sequence[Alert]:
            return store.alerts(tx, AlertsQuery(**which), 1000)

        found: Sequence[Alert] = await self.database.read(query, tenant=DEFAULT_TENANT)
        return found[::-1]

    async def only(self) -> Alert:
        (found,) = await self.all()
        return found

    async def told(self) -> list[str]:
        """The types of the events about alerts so far."""

        def query(tx: ReadTx) -> list[str]:
            return [row["type"] for row in tx.all("SELECT type FROM events WHERE tenant = :tenant ORDER BY sequence")]

        found: list[str] = await self.database.read(query, tenant=DEFAULT_TENANT)
        return found


@pytest.fixture
def scene(database: StoreDatabase, clock: SettableClock) -> Scene:
    """Both engines, one after the other."""
    return Scene(database, clock)
