"""Work that chargers are due for, done for several at a time and never twice for one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import structlog
import trio

from csms.core.errors import StoreUnavailable
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Ports, ReadTx, Row
from csms.domain.upkeep.model.settings import UpkeepSettings
from csms.domain.upkeep.store import availability as availability_store
from csms.domain.upkeep.store import configuration as configuration_store

from . import availability, configuration

POLL_S = 1.0
"""How soon what is due is noticed."""
MOST_AT_ONCE = 16
"""Chargers that are served at a time."""

Due = Callable[[ReadTx, int], Sequence[Row]]
"""``due(tx, limit)``: ``charger_id`` and ``tenant`` of those that are due, of all tenants, the longest waiting first."""
Serve = Callable[[TenantId, str], Awaitable[object]]

log = structlog.get_logger("csms.upkeep")


async def keep(ports: Ports, settings: UpkeepSettings) -> None:
    """Keep chargers' configuration and availability as they are wanted, for ever."""
    async with trio.open_nursery() as nursery:
        configure = partial(configuration.apply, ports, settings)
        nursery.start_soon(partial(_keep, ports, "configuration", configuration_store.due, configure))
        tell = partial(availability.tell_due, ports, settings)
        nursery.start_soon(partial(_keep, ports, "availability", availability_store.due, tell))


async def _keep(ports: Ports, name: str, due: Due, serve: Serve) -> None:
    busy: set[str] = set()

    async def one(tenant: TenantId, charger_id: str) -> None:
        try:
            await serve(tenant, charger_id)
        except StoreUnavailable as error:
            log.warning("upkeep.store_unavailable", of=name, charger=charger_id, reason=str(error))
        except Exception:
            # one charger's trouble must not keep the others from their turn; its own comes again
            log.exception("upkeep.failed", of=name, charger=charger_id)
        finally:
            busy.discard(charger_id)

    async with trio.open_nursery() as nursery:
        while True:
            served = frozenset(busy)  # one that ends while we read would seem to be due still
            try:
                rows = await ports.database.read(due, MOST_AT_ONCE * 2, tenant=DEFAULT_TENANT)
            except StoreUnavailable as error:
                log.warning("upkeep.store_unavailable", of=name, reason=str(error))
                rows = ()
            for row in rows:
                if row["charger_id"] not in served and len(busy) < MOST_AT_ONCE:
                    busy.add(row["charger_id"])
                    nursery.start_soon(one, TenantId(row["tenant"]), row["charger_id"])
            await trio.sleep(POLL_S)
