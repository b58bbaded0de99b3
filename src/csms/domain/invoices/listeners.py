"""What invoices react to: bills that are settled, corrected and paid; money that comes into wallets, and fees that leave them."""

from __future__ import annotations

from functools import partial

import attrs
import trio

from csms.core.events import Delivered
from csms.core.ids import TenantId
from csms.core.ledger import PAYMENT, PLAN_FEE, REFUND
from csms.core.ports import Listener, Ports, ReadTx
from csms.domain.billing.model import EACH, BillCorrected, BillPaid, BillSettled, bill_key
from csms.domain.billing.store import settings as billing_settings
from csms.domain.documents.model import DocumentSettings
from csms.domain.payments.model import PaymentPaid
from csms.domain.wallets.model import WalletMoved

from . import flows
from .model import INVOICE, InvoiceIssued, invoices_key
from .service import charge_fee, receive, refresh_transaction, take
from .service.opening import series

HINT_S = 60.0


@attrs.define(slots=True, eq=False)
class Numbers:
    """Which series invoices are in at present, so that whoever issues one declares its key and need not be run twice. Only a hint: in the
    minute in which a year begins it is wrong, and the write finds the right one."""

    known: dict[TenantId, tuple[tuple[str, ...], float]] = attrs.field(factory=dict)

    async def keys(self, ports: Ports, tenant: TenantId) -> tuple[str, ...]:
        """The key of the tenant's series of invoices, where each bill gets one at once."""
        keys, asked = self.known.get(tenant, ((), -HINT_S))
        if trio.current_time() - asked >= HINT_S:
            keys = await ports.database.read(_taken, tenant=tenant)
            self.known[tenant] = (keys, trio.current_time())
        return keys


def _taken(tx: ReadTx) -> tuple[str, ...]:
    return (series(tx, INVOICE).key,) if billing_settings.settings(tx).invoice_mode == EACH else ()


async def heard(numbers: Numbers, ports: Ports, delivered: Delivered) -> None:
    """React to one event; the same one twice changes nothing."""
    tenant = TenantId(delivered.tenant)
    match delivered.event:
        case BillSettled() | BillCorrected() as told:
            mine = invoices_key(told.driver_id, told.transaction_id)
            keys = (bill_key(told.transaction_id), mine, *await numbers.keys(ports, tenant))
            await ports.database.write(take, told.bill_id, told.transaction_id, tenant=tenant, keys=keys)
        case BillPaid() as told:
            await ports.database.write(refresh_transaction, told.transaction_id, tenant=tenant)
        case other:
            raise TypeError(f"invoices heard {other!r}")


async def heard_money(ports: Ports, delivered: Delivered) -> None:
    """Money came into a wallet, a fee left it, or a part of a debt was paid out of it."""
    tenant = TenantId(delivered.tenant)
    match delivered.event:
        case PaymentPaid() as told:
            if told.credited_to == "wallet":
                await ports.database.write(receive, told.payment_id, told.amount_minor, tenant=tenant)
        case WalletMoved(kind=kind) as told:
            if (kind == PLAN_FEE and told.amount < 0) or (kind == REFUND and told.amount > 0):
                await ports.database.write(charge_fee, told.movement_id, tenant=tenant)
            elif kind == PAYMENT and told.reference_kind == "transaction" and told.reference_id.isdigit():
                await ports.database.write(refresh_transaction, int(told.reference_id), tenant=tenant)
        case other:
            raise TypeError(f"invoices heard {other!r}")


async def heard_issued(settings: DocumentSettings, ports: Ports, delivered: Delivered) -> None:
    """An invoice was issued that its driver is to have as a document."""
    event = delivered.event
    if isinstance(event, InvoiceIssued) and event.sends_pdf:
        key = f"{event.type}:{delivered.event_id}"
        await flows.send(ports, settings, event.invoice_id, TenantId(delivered.tenant), key=key)


def listeners(settings: DocumentSettings) -> list[Listener]:
    """This slice's listeners. Receipts and printing have consumers of their own: neither waits for bills."""
    return [
        Listener(
            name="invoices",
            types=frozenset({BillSettled.type, BillCorrected.type, BillPaid.type}),
            handle=partial(heard, Numbers()),
        ),
        Listener(name="invoices.money", types=frozenset({PaymentPaid.type, WalletMoved.type}), handle=heard_money),
        Listener(name="invoices.sent", types=frozenset({InvoiceIssued.type}), handle=partial(heard_issued, settings)),
    ]
