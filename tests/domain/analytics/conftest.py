"""Who tells analytics what happens at a charger."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from csms.core.events import Delivered, Event
from csms.core.ids import DEFAULT_TENANT, Place
from csms.core.units import parse_instant
from csms.db import StoreDatabase
from csms.domain.analytics.listeners import count
from csms.domain.analytics.model import (
    PeriodQuery,
    analytics_key,
)
from csms.domain.drivers import service as drivers
from csms.domain.stations import service as stations
from csms.domain.stations.model import (
    ChargerConnected,
    ChargerDisconnected,
    ChargerStatusChanged,
)
from csms.domain.transactions.model import TransactionCorrected, TransactionEnded, TransactionStarted
from csms.testing.stores import SettableClock

KEY = (analytics_key(DEFAULT_TENANT),)
HOUR_MS = 3_600_000
OCTOBER = PeriodQuery(from_day="2026-10-01", until_day="2026-10-31")


def at(text: str) -> int:
    return parse_instant(text)[0]


class Teller:
    """Tells events of charger C1 as the spine would."""

    def __init__(self, database: StoreDatabase, clock: SettableClock, driver: int) -> None:
        self.database, self.clock, self.driver = database, clock, driver
        self.event_id = 0

    async def tell(self, event: Event, when: str, *, event_id: int = 0, times: int = 1) -> None:
        self.event_id = event_id or self.event_id + 1
        self.clock.at = at(when)
        delivered = Delivered(self.event_id, DEFAULT_TENANT, at(when), event)
        for _ in range(times):
            await self.database.write(count, delivered, tenant=DEFAULT_TENANT, keys=KEY)

    def _about(self, number: int, **more: Any) -> dict[str, Any]:
        about: dict[str, Any] = {
            "transaction_id": number,
            "charger_id": "C1",
            "evse": 1,
            "connector": 1,
            "reference": "",
            "state": "running",
            "token": "CARD",
            "token_status": "Accepted",
            "driver_id": self.driver,
        }
        return about | more

    async def start(self, number: int, when: str, **more: Any) -> None:
        event = TransactionStarted(
            **self._about(number, **more),
            started_at=at(when),
            meter_start_wh=0,
            remote_start_id=None,
            reservation_id=None,
            offline=False,
        )
        await self.tell(event, when)

    async def end(self, number: int, began: str, when: str, energy_wh: int, *, corrects: int | None = None, times: int = 1) -> None:
        facts: dict[str, Any] = {
            "started_at": at(began),
            "stopped_at": at(when),
            "meter_start_wh": 0,
            "meter_stop_wh": energy_wh,
            "energy_wh": energy_wh,
            "energy_basis": "register",
            "stop_reason": "",
            "stop_source": "reported",
        }
        about = self._about(number, state="completed")
        event: Event = TransactionEnded(**about, **facts)
        if corrects is not None:
            event = TransactionCorrected(**about, **facts, previous_energy_wh=corrects, previous_stop_source="estimated")
        await self.tell(event, when, times=times)

    async def up(self, when: str, **more: Any) -> None:
        await self.tell(ChargerConnected(charger_id="C1", connection_id="x", protocol="ocpp1.6", remote_address=""), when, **more)

    async def down(self, when: str, **more: Any) -> None:
        await self.tell(ChargerDisconnected(charger_id="C1", connection_id="x", reason="lost"), when, **more)

    async def status(self, word: str, when: str, evse: int = 1) -> None:
        event = ChargerStatusChanged(
            charger_id="C1",
            place=Place(evse, 1),
            status=word,
            previous_status="",
            error_code="",
            previous_error_code="",
            vendor_error_code="",
            info="",
            reported_at=at(when),
        )
        await self.tell(event, when)

    async def read(self, query: Any, *arguments: Any) -> Any:
        return await self.database.read(query, *arguments, tenant=DEFAULT_TENANT)


@pytest.fixture
async def teller(database: StoreDatabase, clock: SettableClock) -> Teller:
    station = await database.write(partial(stations.add_station, name="Depot"), tenant=DEFAULT_TENANT)
    await database.write(
        partial(stations.add_charger, charger_id="C1", station_id=station.id), tenant=DEFAULT_TENANT, keys=("charger:C1",)
    )
    driver = await database.write(partial(drivers.add_driver, name="Asha"), tenant=DEFAULT_TENANT)
    return Teller(database, clock, driver if isinstance(driver, int) else driver.id)
