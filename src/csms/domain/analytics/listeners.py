"""Hears what figures are made of."""

from __future__ import annotations

from csms.core.events import Delivered
from csms.core.ids import TenantId
from csms.core.ports import Listener, Ports, Tx
from csms.domain.billing.model import BillCorrected, BillCredited, BillSettled
from csms.domain.stations.model import ChargerConnected, ChargerDisconnected, ChargerRemoved, ChargerStatusChanged
from csms.domain.transactions.model import Ending, TransactionCorrected, TransactionEnded, TransactionStarted

from .model import analytics_key
from .service import counting, watching


def count(tx: Tx, delivered: Delivered) -> None:
    """Count what an event tells; twice the same event is once."""
    match delivered.event:
        case TransactionStarted() as told:
            counting.started(tx, told)
        case Ending() as told:
            counting.ended(tx, told)
        case BillSettled() | BillCorrected() as told:
            counting.billed(tx, told)
        case BillCredited() as told:
            counting.credited(tx, told)
        case ChargerConnected() as told:
            watching.link(tx, told.charger_id, up=True, at=delivered.occurred_at, event_id=delivered.event_id)
        case ChargerDisconnected() as told:
            if not told.replaced:
                watching.link(tx, told.charger_id, up=False, at=delivered.occurred_at, event_id=delivered.event_id)
        case ChargerStatusChanged() as told:
            watching.status(
                tx, told.charger_id, told.place.evse, told.status, at=delivered.occurred_at, event_id=delivered.event_id
            )
        case ChargerRemoved() as told:
            watching.removed(tx, told.charger_id, told.station_id, at=delivered.occurred_at, event_id=delivered.event_id)
        case other:
            raise TypeError(f"analytics heard {other!r}")


async def heard(ports: Ports, delivered: Delivered) -> None:
    """Count in a write of its own."""
    tenant = TenantId(delivered.tenant)
    await ports.database.write(count, delivered, tenant=tenant, keys=(analytics_key(tenant),))


TYPES = frozenset(
    each.type
    for each in (
        TransactionStarted,
        TransactionEnded,
        TransactionCorrected,
        BillSettled,
        BillCorrected,
        BillCredited,
        ChargerConnected,
        ChargerDisconnected,
        ChargerRemoved,
        ChargerStatusChanged,
    )
)

LISTENERS = (Listener(name="analytics", types=TYPES, handle=heard),)
