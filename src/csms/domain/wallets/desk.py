"""The desk of the ledger: where plugins ask about funds, and grant and take back allowances (``core.ledger.Ledger``)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import attrs

from csms.core.errors import Invalid
from csms.core.ids import TenantId
from csms.core.ledger import Allowance, Fee, Funds, wallet_key
from csms.core.ports import Database

from . import service
from .model.words import LONGEST_KEY

OF_THE_CORE = (
    "adjustment:",
    "bill:",
    "credit_note:",
    "debts:",
    "dispute:",
    "expiry:",
    "hold:",
    "invoice:",
    "payment:",
    "payout:",
    "refund:",
    "release:",
)
"""What keys of the core's own movements begin with: under one of those no plugin moves anything, or a bill could not be settled."""


def own(key: str) -> str:
    """A plugin's key. Raises ``Invalid`` for one that may be the core's."""
    if not 1 <= len(key) <= LONGEST_KEY or key.startswith(OF_THE_CORE):
        raise Invalid(f"a key has 1 to {LONGEST_KEY} characters and begins with none of {', '.join(OF_THE_CORE)}", field="key")
    return key


@attrs.frozen(slots=True)
class WalletDesk:
    """The ledger behind a database."""

    database: Database

    async def funds(self, driver_id: int, *, tenant: TenantId) -> Funds:
        """What a driver has in the tenant's currency. Raises ``NotFound``."""
        return await self.database.read(service.funds, driver_id, tenant=tenant)

    async def allowances(self, driver_id: int, *, tenant: TenantId) -> Sequence[Allowance]:
        """What a driver may use now, the first to expire first. Raises ``NotFound``."""
        return await self.database.read(service.allowances, driver_id, tenant=tenant)

    async def grant(
        self,
        driver_id: int,
        *,
        unit: str,
        amount: int,
        name: str,
        key: str,
        description: str,
        expires_at: int | None = None,
        tenant: TenantId,
    ) -> Allowance:
        """Grant an allowance; one ``key`` grants once. Raises ``NotFound``, ``Invalid``, ``Conflict``."""
        verb = partial(
            service.grant,
            driver_id=driver_id,
            unit=unit,
            amount=amount,
            name=name,
            key=own(key),
            description=description,
            expires_at=expires_at,
        )
        return await self.database.write(verb, tenant=tenant, keys=(wallet_key(tenant, driver_id),))

    async def withdraw(self, account_id: int, *, key: str, description: str, tenant: TenantId) -> int:
        """Take back what is left of an allowance, and how much that was. Raises ``NotFound``, ``Conflict``."""
        verb = partial(service.withdraw, account_id=account_id, key=own(key), description=description)
        return await self.database.write(verb, tenant=tenant)

    async def collect_fee(
        self,
        driver_id: int,
        *,
        amount_minor: int,
        net_minor: int,
        taxes: Sequence[tuple[str, int]],
        key: str,
        description: str,
        reference_kind: str,
        reference_id: str,
        less: Fee | None = None,
        tax_code: str = "",
        tenant: TenantId,
    ) -> bool:
        """Take a fee from a driver's wallet; False where the available funds do not reach. Raises ``NotFound``, ``Invalid``, ``Conflict``."""
        verb = partial(
            service.collect_fee,
            driver_id=driver_id,
            amount_minor=amount_minor,
            net_minor=net_minor,
            taxes=tuple(taxes),
            key=own(key),
            description=description,
            reference_kind=reference_kind,
            reference_id=reference_id,
            less=less,
            tax_code=tax_code,
        )
        return await self.database.write(verb, tenant=tenant, keys=(wallet_key(tenant, driver_id),))

    async def give_back(
        self,
        driver_id: int,
        fee: Fee,
        *,
        key: str,
        description: str,
        reference_kind: str,
        reference_id: str,
        tenant: TenantId,
    ) -> None:
        """Give (part of) a fee back to a driver's wallet. Raises ``NotFound``, ``Invalid``, ``Conflict``."""
        verb = partial(
            service.give_back,
            driver_id=driver_id,
            fee=fee,
            key=own(key),
            description=description,
            reference_kind=reference_kind,
            reference_id=reference_id,
        )
        await self.database.write(verb, tenant=tenant, keys=(wallet_key(tenant, driver_id),))
