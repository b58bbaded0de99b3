"""What upkeep reacts to: a charger that came back is told what it could not be told."""

from __future__ import annotations

from csms.core.events import Delivered
from csms.core.ids import TenantId, charger_key
from csms.core.ports import Listener, Ports, Tx
from csms.domain.stations.model import ChargerConnected

from .service import availability, configuration


async def heard(ports: Ports, delivered: Delivered) -> None:
    """Have what waits for a charger looked at."""
    event = delivered.event
    if isinstance(event, ChargerConnected):
        key = charger_key(event.charger_id)
        await ports.database.write(_connected, event.charger_id, tenant=TenantId(delivered.tenant), keys=(key,))


def _connected(tx: Tx, charger_id: str) -> None:
    configuration.came_back(tx, charger_id)
    availability.came_back(tx, charger_id)


LISTENERS = (Listener(name="upkeep", types=frozenset({ChargerConnected.type}), handle=heard),)
