"""What a tenant wants of billing."""

from __future__ import annotations

from csms.api.calls import Call, Subject
from csms.api.routes import Routes
from csms.domain.billing.model import BillingSettings, BillingSettingsChange
from csms.domain.billing.service import settings as service
from csms.domain.billing.store import settings as store


def routes() -> Routes:
    """Routes of billing settings."""
    made = Routes("billing", "What a tenant wants of billing: wallets paid before, holds, limits.", tag="Bills")

    @made.get("/billing/settings", needs="settings:read")
    async def show(call: Call) -> BillingSettings:
        """What the tenant wants of billing."""
        return await call.read(store.settings)

    @made.patch(
        "/billing/settings",
        needs="settings:write",
        example={"prepaid_wallets": True, "minimum_minor": 10000, "hold_minor": 20000, "stop_at_funds": True},
    )
    async def change(call: Call, body: BillingSettingsChange) -> BillingSettings:
        """Change what the tenant wants of billing; what is not given stays. Limits named in `clear` hold no more."""
        return await call.write(service.change, body, of=Subject("billing_settings", str(call.tenant), store.settings))

    return made
