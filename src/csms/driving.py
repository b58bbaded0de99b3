"""Charging on a driver's behalf, for plugins: the desk that fills ``core.driving.Driving``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import attrs

from csms import command_flows, smart_charging
from csms.config import Config
from csms.core.commands import StopCharging
from csms.core.driving import ChargerTold, KnownDriver, RunningCharge
from csms.core.errors import Refused
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.money import Money
from csms.core.ports import Ports, ReadTx
from csms.domain.drivers import store as drivers
from csms.domain.transactions import flows as transactions
from csms.domain.transactions.model import StartMine, TransactionFilter, TransactionItem
from csms.domain.transactions.store import lists

MOST_OPEN = 20
"""Charges of one driver at a time that are looked at."""


@attrs.define(slots=True, eq=False)
class DrivingDesk:
    """``Driving`` on the flows that the API uses."""

    ports: Ports
    config: Config

    async def by_phone(self, phone: str, /) -> KnownDriver | None:
        """See the port."""
        rows = await self.ports.database.read(drivers.by_phone, phone, tenant=DEFAULT_TENANT)
        if len(rows) != 1:
            return None
        [row] = rows
        return KnownDriver(tenant=TenantId(row["tenant"]), driver_id=row["id"], name=row["name"], language=row["language"])

    async def start(self, driver: KnownDriver, code: str, /) -> ChargerTold:
        """See the port."""
        wanted = StartMine(qr_code=code)
        start = partial(smart_charging.start, self.config)
        told = await transactions.start_own(self.ports, wanted, driver.driver_id, tenant=driver.tenant, start=start)
        return ChargerTold(told.transaction.id, told.accepted, told.status)

    async def stop(self, driver: KnownDriver, /) -> Sequence[ChargerTold]:
        """See the port."""
        flow = command_flows.table(self.config)[StopCharging]
        found = []
        for each in await self._open(driver):
            try:
                told = await transactions.stop(self.ports, each.id, tenant=driver.tenant, stop=flow, driver_id=driver.driver_id)
            except Refused:  # it ended meanwhile
                continue
            found.append(ChargerTold(each.id, told.accepted, told.status))
        return found

    async def running(self, driver: KnownDriver, /) -> Sequence[RunningCharge]:
        """See the port."""
        return [await self._shown(driver, each) for each in await self._open(driver)]

    async def _open(self, driver: KnownDriver) -> Sequence[TransactionItem]:
        def query(tx: ReadTx) -> Sequence[TransactionItem]:
            return lists.select(tx, TransactionFilter(driver_id=driver.driver_id, open=True), limit=MOST_OPEN)

        return await self.ports.database.read(query, tenant=driver.tenant)

    async def _shown(self, driver: KnownDriver, each: TransactionItem) -> RunningCharge:
        cost = await transactions.cost_so_far(self.ports, each, driver.tenant)
        return RunningCharge(
            transaction_id=each.id,
            charger_id=each.charger_id,
            station_name=each.station_name or "",
            evse=each.evse,
            state=each.state,
            started_at=each.started_at,
            energy_wh=each.energy_so_far_wh,
            cost=None if cost is None else Money(cost.amount_minor, cost.currency),
        )
