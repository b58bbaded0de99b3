"""Periodic work: drivers are told how far their charging is, where their tenant says every how many minutes."""

from __future__ import annotations

from functools import partial

from csms.core.errors import NotFound, Undecided
from csms.core.ids import TenantId
from csms.core.messages import Notice
from csms.core.ports import Ports, ReadTx
from csms.domain.tenants import flows as tenants
from csms.domain.transactions import flows as transactions_flows
from csms.domain.transactions.service import views

from .catalogue import PROGRESS
from .store import people, sights
from .store.sights import Running

MINUTE_MS = 60_000
PAGE = 200


async def tell(ports: Ports) -> int:
    """Tell drivers of every tenant; how many notices were taken on. Job."""
    if not ports.channels:
        return 0
    return await tenants.for_each(ports, partial(_of_tenant, ports))


async def _of_tenant(ports: Ports, tenant: TenantId) -> int:
    settings = await ports.database.read(people.settings, tenant=tenant)
    every_ms = settings.progress_every_min * MINUTE_MS
    if not every_ms or PROGRESS in settings.off:
        return 0
    now = ports.clock.now()
    done, after = 0, 0
    while found := await ports.database.read(_running, now - every_ms, after, tenant=tenant):
        for charge, station in found:
            after = charge.id
            turn, since = divmod(now - charge.started_at, every_ms)
            if since > every_ms // 2:  # its turn was missed, such as by a server that did not run
                continue
            fields = await _fields(ports, tenant, charge, station, now)
            notice = Notice(
                key=f"charging_progress:{charge.id}:{turn}", template="charging_progress", fields=fields, driver_id=charge.driver_id
            )
            done += await ports.messenger.tell(notice, tenant=tenant) is not None
    return done


def _running(tx: ReadTx, started_before: int, after: int) -> list[tuple[Running, str]]:
    found = sights.running(tx, started_before=started_before, after=after, limit=PAGE)
    return [(each, sights.station_name(tx, each.charger_id, each.station_id)) for each in found]


async def _fields(ports: Ports, tenant: TenantId, charge: Running, station: str, now: int) -> dict[str, str]:
    fields = {
        "station": station,
        "charger_id": charge.charger_id,
        "connector": str(charge.evse) if charge.evse else "",
        "duration_s": str((now - charge.started_at) // 1000),
        "energy_wh": str(charge.energy_wh or 0),
        "soc": "" if charge.soc is None else str(charge.soc),
    }
    try:
        known = await ports.database.read(views.need_item, charge.id, None, tenant=tenant)
        cost = await transactions_flows.cost_so_far(ports, known, tenant)
    except (Undecided, NotFound):  # without a price it is told all the same
        cost = None
    if cost is not None:
        fields |= {"amount_minor": str(cost.amount_minor), "currency": cost.currency}
    return fields
