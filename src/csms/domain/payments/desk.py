"""What plugins ask payments for: ``core.payments.Payments``."""

from __future__ import annotations

import attrs

from csms.core.ids import TenantId
from csms.core.payments import Mandate, MandateWanted, PaymentAsked
from csms.core.ports import Ports

from . import flows
from .model import PLAN, NewPayment, Payment


@attrs.frozen(slots=True)
class PaymentsDesk:
    """Takes on what plugins want."""

    ports: Ports

    async def ask(
        self,
        driver_id: int,
        *,
        amount_minor: int,
        way: str,
        key: str,
        description: str,
        reference_kind: str,
        reference_id: str,
        tenant: TenantId,
    ) -> PaymentAsked:
        """Ask a driver for a payment; one ``key`` asks once. Raises ``NotFound``, ``Refused`` where the tenant has no gateway."""
        new = NewPayment(
            purpose=PLAN,
            way=way,
            amount_minor=amount_minor,
            key=f"plugin:{key}",
            description=description,
            driver_id=driver_id,
            reference_kind=reference_kind,
            reference_id=reference_id,
        )
        return asked(await flows.want(self.ports, new, tenant))

    async def start_mandate(
        self, driver_id: int, wanted: MandateWanted, *, reference_kind: str, reference_id: str, tenant: TenantId
    ) -> Mandate:
        """Set up a recurring payment. Raises ``NotFound``, ``Refused``; ask again with the same reference."""
        return flows.mandate_of(await flows.start_mandate(self.ports, driver_id, wanted, reference_kind, reference_id, tenant))

    async def change_mandate(self, mandate_id: str, change: str, *, tenant: TenantId) -> Mandate:
        """``pause``, ``resume`` or ``cancel`` a recurring payment. Raises ``NotFound``, ``Refused``."""
        return flows.mandate_of(await flows.change_mandate(self.ports, mandate_id, change, tenant))


def asked(known: Payment) -> PaymentAsked:
    """A payment as plugins are told of it."""
    return PaymentAsked(
        id=known.id,
        state=known.state,
        way=known.way,
        amount_minor=known.amount_minor,
        currency=known.currency,
        pay_url=known.pay_url,
        image_url=known.image_url,
        checkout=known.checkout,
    )
