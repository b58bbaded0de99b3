"""Turns: chargers to which something is due are served a few at a time, each alone; one that is slow or fails keeps no other waiting."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import attrs
import structlog
import trio

from csms.core.errors import StoreUnavailable
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Ports, ReadTx, Row

AT_ONCE = 32
EVERY_S = 1.0

log = structlog.get_logger("csms.turns")


@attrs.frozen(slots=True)
class Turns:
    """One kind of work for chargers.

    ``due(tx, limit)`` are rows with ``charger_id`` and ``tenant``, of all tenants, the longest due first. ``serve(ports, tenant,
    charger_id)`` does what is due, and has to see to it that the charger is not due again at once when it fails.
    """

    name: str
    due: Callable[[ReadTx, int], Sequence[Row]]
    serve: Callable[[Ports, TenantId, str], Awaitable[Any]]


async def take(turns: Turns, ports: Ports) -> None:
    """Give every charger that is due its turn, for ever."""
    busy: set[str] = set()

    async def one(tenant: TenantId, charger_id: str) -> None:
        try:
            await turns.serve(ports, tenant, charger_id)
        except StoreUnavailable as error:
            log.warning("turn.store_unavailable", of=turns.name, charger=charger_id, reason=str(error))
        except Exception:
            log.exception("turn.failed", of=turns.name, charger=charger_id)
        finally:
            busy.discard(charger_id)

    async with trio.open_nursery() as nursery:
        while True:
            served = frozenset(busy)  # one that ends while we read would seem to be due still
            for row in await _due(turns, ports):
                if row["charger_id"] not in served | busy and len(busy) < AT_ONCE:
                    busy.add(row["charger_id"])
                    nursery.start_soon(one, TenantId(row["tenant"]), row["charger_id"])
            await trio.sleep(EVERY_S)


async def _due(turns: Turns, ports: Ports) -> Sequence[Row]:
    try:
        return await ports.database.read(turns.due, AT_ONCE * 8, tenant=DEFAULT_TENANT)
    except StoreUnavailable as error:
        log.warning("turns.store_unavailable", of=turns.name, reason=str(error))
    except Exception:
        log.exception("turns.failed", of=turns.name)
    return ()
