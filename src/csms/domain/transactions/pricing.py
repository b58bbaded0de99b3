"""Asking what a charge costs: what allowances pay of it first, then what the rest comes to."""

from __future__ import annotations

import attrs

from csms.core.ids import TenantId
from csms.core.ports import Ports
from csms.core.pricing import AllowanceUse, Charge, Coverage, Price


@attrs.frozen(slots=True, kw_only=True)
class Priced:
    """A charge and what was said of it. ``charge.covered`` is what allowances pay; ``uses`` is what is to be taken from them for that.
    ``price`` None: nobody has one."""

    charge: Charge
    price: Price | None
    uses: tuple[AllowanceUse, ...] = ()


async def priced(ports: Ports, charge: Charge, tenant: TenantId) -> Priced:
    """What plugins say that a charge costs. Nothing is written. Raises ``Undecided`` where one failed: nobody guesses."""
    coverage: Coverage | None = None
    if charge.driver_id is not None:
        coverage = await ports.decisions.ask("cover_charge", charge=charge, tenant=tenant)
    uses: tuple[AllowanceUse, ...] = ()
    if coverage is not None:
        charge, uses = attrs.evolve(charge, covered=coverage.covered), coverage.uses
    price: Price | None = await ports.decisions.ask("price_charge", charge=charge, tenant=tenant)
    return Priced(charge=charge, price=price, uses=uses)
