"""What billing reacts to: charges that begin, end and turn out otherwise; money that comes in; prices that change."""

from __future__ import annotations

from functools import partial

from csms.core.events import Delivered
from csms.core.ids import TenantId
from csms.core.ledger import RECEIVABLE, RELEASE, wallet_key
from csms.core.ports import Listener, Ports
from csms.domain.payments.model import PaymentCancelled, PaymentDisputed, PaymentExpired, PaymentFailed, PaymentPaid
from csms.domain.payments.model.events import AboutPayment
from csms.domain.transactions.flows import StartFlow
from csms.domain.transactions.model import (
    EXPIRED,
    FAILED,
    TransactionCorrected,
    TransactionEnded,
    TransactionRemeasured,
    TransactionStarted,
    TransactionUpdated,
)
from csms.domain.wallets.model import WalletMoved

from .flows import paying as paying_flows
from .flows import prepaying, rounds, watch
from .model import BILL_REFERENCE, BillCorrected, BillNotBillable, BillSettled, bill_key, low_wallet_key
from .model.events import AboutBill
from .model.prepaying import PREPAID_REFERENCE
from .service import funds, looking, making, paying
from .store import prepaying as prepaying_store

PRICES = frozenset({"tariff_changed", "tariffs_changed"})
"""Events of plugins that price, which say that something may have a price now."""


async def heard(ports: Ports, delivered: Delivered) -> None:
    """React to one event; the same one twice changes nothing."""
    tenant = TenantId(delivered.tenant)
    match delivered.event:
        case TransactionStarted() as told:
            await watch.begin(ports, told.transaction_id, tenant)
        case TransactionUpdated() as told:
            if told.state in (FAILED, EXPIRED):
                await paying_flows.give_back_unused(ports, told.transaction_id, tenant)
        case TransactionEnded() as told:
            keys = (bill_key(told.transaction_id),)
            await ports.database.write(making.make, told.transaction_id, tenant=tenant, keys=keys)
        case TransactionCorrected() as told:
            keys = (bill_key(told.transaction_id),)
            await ports.database.write(looking.turned_out, told.transaction_id, tenant=tenant, keys=keys)
        case TransactionRemeasured() as told:
            keys = (bill_key(told.transaction_id),)
            await ports.database.write(looking.heard, told.transaction_id, tenant=tenant, keys=keys)
        case other:
            raise TypeError(f"billing heard {other!r}")


async def heard_money(ports: Ports, delivered: Delivered) -> None:
    """Something came into a wallet or was paid: debts become less, and a wallet that was low may not be any more."""
    tenant = TenantId(delivered.tenant)
    event = delivered.event
    if isinstance(event, WalletMoved):
        freed = event.kind == RELEASE and event.owed_after > 0  # what is not held any more may pay a debt
        if event.unit in ("WH", "TX") or (event.amount <= 0 and not freed):
            return
        keys = (wallet_key(tenant, event.driver_id), low_wallet_key(event.driver_id))
        await ports.database.write(paying.collect, event.driver_id, tenant=tenant, keys=keys)
        await ports.database.write(funds.watch_wallet, event.driver_id, tenant=tenant, keys=keys)
        return
    if isinstance(event, PaymentDisputed):
        if event.booked_to == RECEIVABLE and event.driver_id is not None:
            back = partial(paying.taken_back, source=f"dispute:{event.dispute_id}")
            lost = (event.driver_id, event.payment_id, event.booked_minor, event.currency)
            await ports.database.write(back, *lost, tenant=tenant, keys=(wallet_key(tenant, event.driver_id),))
        return
    if isinstance(event, PaymentPaid) and event.credited_to == RECEIVABLE and event.driver_id is not None:
        names_bill = event.reference_kind == BILL_REFERENCE and event.reference_id.isdecimal()
        verb = partial(
            paying.came_in,
            source=f"payment:{event.payment_id}:{delivered.event_id}",
            bill_id=int(event.reference_id) if names_bill else None,
        )
        amount = event.amount_minor - event.to_wallet_minor
        about = wallet_key(tenant, event.driver_id)
        await ports.database.write(verb, event.driver_id, amount, event.currency, tenant=tenant, keys=(about,))


async def heard_bills(ports: Ports, delivered: Delivered) -> None:
    """A charge that a payment started is billed: what is left of the payment goes back."""
    event = delivered.event
    if isinstance(event, AboutBill) and event.payment_id is not None:
        await prepaying.give_back_rest(ports, event.payment_id, event.bill_id, TenantId(delivered.tenant))


async def heard_prices(ports: Ports, delivered: Delivered) -> None:
    """Prices changed."""
    await rounds.wake_unpriced(ports, TenantId(delivered.tenant))


LISTENERS = (
    Listener(
        name="billing",
        types=frozenset(
            each.type
            for each in (TransactionStarted, TransactionUpdated, TransactionEnded, TransactionCorrected, TransactionRemeasured)
        ),
        handle=heard,
    ),
    Listener(name="billing.money", types=frozenset({WalletMoved.type, PaymentPaid.type, PaymentDisputed.type}), handle=heard_money),
    Listener(
        name="billing.rest",
        types=frozenset({BillSettled.type, BillCorrected.type, BillNotBillable.type}),
        handle=heard_bills,
    ),
    Listener(name="billing.prices", types=PRICES, handle=heard_prices),
)


def prepaid_listener(start: StartFlow) -> Listener:
    """Takes charges further that were paid for before, as soon as something happens to their payment or their bill. ``start`` is the flow
    of ``StartCharging``; a job finds whatever was lost here."""

    async def heard_prepaid(ports: Ports, delivered: Delivered) -> None:
        event, tenant = delivered.event, TenantId(delivered.tenant)
        if isinstance(event, AboutPayment) and event.reference_kind == PREPAID_REFERENCE:
            payment_id: int | None = event.payment_id
        else:
            payment_id = event.payment_id if isinstance(event, AboutBill) else None
        if payment_id is None:
            return
        known = await ports.database.read(prepaying_store.by_payment, payment_id, tenant=tenant)
        if known is not None:
            await prepaying.look(start, ports, known.id, tenant)

    types = (PaymentPaid, PaymentFailed, PaymentExpired, PaymentCancelled, BillSettled, BillNotBillable)
    return Listener(name="billing.prepaid", types=frozenset(each.type for each in types), handle=heard_prepaid)
