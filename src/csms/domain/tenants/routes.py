"""Tenants over HTTP: every one for who runs the installation, and one's own."""

from __future__ import annotations

from collections.abc import Callable

from csms.api.calls import Call, Subject
from csms.api.routes import Reply, Routes
from csms.core.paging import Page
from csms.core.ports import ReadTx

from . import flows, service, store
from .model import (
    Bank,
    Closing,
    NewTenant,
    SettingsChange,
    ShownBank,
    TenantChange,
    TenantProfile,
    TenantSettings,
    TenantsQuery,
)


def routes(forget_logins: Callable[[], None]) -> Routes:
    """Routes of this slice; ``forget_logins`` has what is remembered of logins looked up again."""
    made = Routes("tenants", "Whose chargers, drivers and money are kept apart from everybody else's.")
    _everybody(made)
    _closing(made, forget_logins)
    _own(made)
    return made


def _subject(tenant_id: int) -> Subject:
    def view(tx: ReadTx) -> TenantProfile:
        return service.need_profile(tx, tenant_id)

    return Subject("tenant", str(tenant_id), view)


def _everybody(made: Routes) -> None:
    @made.get("/tenants", needs="tenants:read")
    async def list_(call: Call, query: TenantsQuery) -> Page[TenantProfile]:
        """Every tenant of the installation."""
        return await call.read(store.profiles, query)

    @made.post(
        "/tenants",
        needs="tenants:write",
        status=201,
        tells=TenantProfile,
        errors={409: "the slug is taken"},
        example={"slug": "north", "name": "North Charging", "currency": "INR", "time_zone": "Asia/Kolkata", "kind": "company"},
    )
    async def add(call: Call, body: NewTenant) -> Reply:
        """Add a tenant.

        Its slug stands in the header `X-Tenant`, by which who runs the installation works in it.
        """
        added = await call.write(service.open_tenant, body, makes="tenant")
        return Reply(body=added, status=201, headers={"Location": f"/api/v1/tenants/{added.id}"})

    @made.get("/tenants/<int:tenant_id>", needs="tenants:read")
    async def show(call: Call, tenant_id: int) -> TenantProfile:
        """One tenant."""
        return await call.read(service.need_profile, tenant_id)

    @made.patch("/tenants/<int:tenant_id>", needs="tenants:write", example={"name": "North Charging Ltd"})
    async def change(call: Call, tenant_id: int, body: TenantChange) -> TenantProfile:
        """Change a tenant."""
        return await call.write(service.change_profile, tenant_id, body, of=_subject(tenant_id))


def _closing(made: Routes, forget_logins: Callable[[], None]) -> None:
    @made.post(
        "/tenants/<int:tenant_id>/close",
        needs="tenants:write",
        errors={409: "it is the default tenant"},
        example={"reason": "contract ended"},
    )
    async def close(call: Call, tenant_id: int, body: Closing) -> TenantProfile:
        """Close a tenant.

        Nobody of it can log in any more, and its chargers are turned away. Its data stays, for a tenant's money has to be accounted for;
        `reopen` undoes it.
        """
        closed = await call.write(service.close, tenant_id, body.reason, of=_subject(tenant_id))
        forget_logins()
        await flows.turn_away(call.ports, tenant_id)
        return closed

    @made.post("/tenants/<int:tenant_id>/reopen", needs="tenants:write")
    async def reopen(call: Call, tenant_id: int) -> TenantProfile:
        """Open a closed tenant again."""
        opened = await call.write(service.reopen, tenant_id, of=_subject(tenant_id))
        forget_logins()
        return opened


def _own(made: Routes) -> None:
    @made.get("/tenant", needs="tenant:read", reach="list")
    async def show_own(call: Call) -> TenantProfile:
        """One's own tenant: its profile, contacts, and bank details of which only the end is shown."""
        return await call.read(service.own_profile)

    @made.patch(
        "/tenant",
        needs="tenant:write",
        example={"legal_name": "North Charging Private Limited", "tax_ids": [{"kind": "GSTIN", "value": "27AAPFU0939F1ZV"}]},
    )
    async def change_own(call: Call, body: TenantChange) -> TenantProfile:
        """Change one's own tenant."""
        return await call.write(service.change_profile, call.tenant, body, of=_subject(call.tenant))

    @made.put(
        "/tenant/bank",
        needs="tenant:write",
        example={"holder": "North Charging", "account_number": "000123456789", "routing_code": "HDFC0000001"},
    )
    async def set_bank(call: Call, body: Bank) -> ShownBank:
        """Say where the tenant's money is to go.

        It is kept encrypted; whoever asks sees the end of the account number and nothing more.
        """
        sealed, shown = flows.sealed_bank(call.ports, body)
        await call.write(service.set_bank, sealed, shown, of=Subject("bank", str(call.tenant), service.need_bank))
        return await call.read(service.need_bank)

    @made.get("/tenant/bank", needs="tenant:read", reach="list")
    async def show_bank(call: Call) -> ShownBank:
        """The tenant's bank details, masked."""
        return await call.read(service.need_bank)

    @made.delete("/tenant/bank", needs="tenant:write")
    async def forget_bank(call: Call) -> None:
        """Forget the tenant's bank details."""
        await call.write(service.set_bank, "", "", of=Subject("bank", str(call.tenant), service.need_bank))

    @made.get("/tenant/settings", needs="settings:read", reach="list")
    async def show_settings(call: Call) -> TenantSettings:
        """What is otherwise for this tenant than for the installation."""
        return await call.read(store.settings)

    @made.patch("/tenant/settings", needs="settings:write", example={"frames_days": 7, "clear": ["audit_days"]})
    async def change_settings(call: Call, body: SettingsChange) -> TenantSettings:
        """Change settings; those named in `clear` are as the installation has them again."""
        return await call.write(service.change_settings, body, of=Subject("settings", str(call.tenant), store.settings))
