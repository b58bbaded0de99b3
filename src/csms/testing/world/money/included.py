"""A plugin of the world: what drivers were granted in kWh pays the beginning of their charges, as a plan's would."""

from __future__ import annotations

from csms.core.errors import NotFound
from csms.core.ledger import WH
from csms.core.pricing import SUPPOSED, AllowanceUse, Charge, Coverage, Covered
from csms.hooks import PluginContext, TenantId, hookimpl


class Included:
    """Covers a charge by its driver's allowances, the first to expire first."""

    @hookimpl
    async def cover_charge(self, charge: Charge, tenant: TenantId, context: PluginContext) -> Coverage | None:
        """As much of the energy as there is left."""
        if charge.driver_id is None or charge.purpose == SUPPOSED:
            return None
        try:
            found = await context.ledger.allowances(charge.driver_id, tenant=tenant)
        except NotFound:
            return None
        uses, left = [], charge.energy_wh
        for each in found:
            if each.unit == WH and left and each.balance > 0:
                part = min(left, each.balance)
                uses.append(AllowanceUse(account_id=each.account_id, unit=WH, amount=part))
                left -= part
        if not uses:
            return None
        return Coverage(covered=Covered(energy_wh=charge.energy_wh - left, by="what is included"), uses=tuple(uses))
