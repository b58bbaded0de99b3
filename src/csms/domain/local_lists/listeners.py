"""What makes a local list be looked at: who may charge has changed, or a charger came back."""

from __future__ import annotations

from csms.core.events import Delivered
from csms.core.ids import TenantId, charger_key
from csms.core.ports import Listener, Ports, Tx
from csms.domain.drivers.model import TokensChanged
from csms.domain.stations.model import ChargerBooted, ChargerConnected

from . import service, store
from .model import UNKNOWN, UNSUPPORTED

SETTLE_S = 5
"""Changes that follow each other within so many seconds are sent as one."""


async def heard(ports: Ports, delivered: Delivered) -> None:
    """Have the lists looked at that an event concerns."""
    event, tenant = delivered.event, TenantId(delivered.tenant)
    if isinstance(event, TokensChanged):
        await ports.database.write(_everybody, tenant=tenant)
    elif isinstance(event, ChargerBooted):
        await ports.database.write(_booted, event.charger_id, tenant=tenant, keys=(charger_key(event.charger_id),))
    elif isinstance(event, ChargerConnected):
        await ports.database.write(_connected, event.charger_id, tenant=tenant, keys=(charger_key(event.charger_id),))


def _everybody(tx: Tx) -> None:
    store.hurry(tx, tx.now + SETTLE_S * 1000)


def _booted(tx: Tx, charger_id: str) -> None:
    """New firmware may have other limits, and a boot may have emptied the list."""
    tx.claim(charger_key(charger_id))
    state = store.of_charger(tx, charger_id)
    if state is not None:
        again = UNKNOWN if state.state == UNSUPPORTED else state.state
        service.put(tx, state, limits_at=None, state=again, due_at=tx.now, failures=0)


def _connected(tx: Tx, charger_id: str) -> None:
    """Something may have changed while it was away; what is in step is only compared when it is due."""
    tx.claim(charger_key(charger_id))
    state = store.of_charger(tx, charger_id)
    if state is not None and state.failures:
        service.put(tx, state, due_at=tx.now, failures=0)


LISTENERS = (
    Listener(
        name="local_lists",
        types=frozenset({TokensChanged.type, ChargerBooted.type, ChargerConnected.type}),
        handle=heard,
    ),
)
