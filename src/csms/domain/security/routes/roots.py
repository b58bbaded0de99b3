"""Root certificates over HTTP: the tenant's library, and what is installed at chargers."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from csms.api.calls import Call, Subject
from csms.api.routes import CHARGER, CHARGER_LIMIT_S, LIST, Reply, Routes
from csms.core.outcomes import Told, facts
from csms.core.paging import Page
from csms.core.ports import ReadTx
from csms.domain.security import flows, service
from csms.domain.security.model import InstalledCertificate
from csms.domain.security.shown import InstalledRoots, NewRoot, PurposeQuery, RootDetail, RootItem, RootsQuery
from csms.domain.security.store import roots as store


@attrs.frozen(slots=True, kw_only=True)
class InstalledTold(Told):
    """What the charger answered, and what it said last that it has."""

    items: Sequence[InstalledCertificate]


@attrs.frozen(slots=True, kw_only=True)
class Deletion:
    """``force`` deletes also what the charger did not name, and its last root for this server, without which it cannot connect again."""

    force: bool = False


def routes() -> Routes:
    """Routes of root certificates."""
    made = Routes("root_certificates", "Root certificates, and chargers that have them.", tag="Certificates and keys")
    _library(made)
    _at_chargers(made)
    return made


def _library(made: Routes) -> None:
    def subject(root_id: int) -> Subject:
        def view(tx: ReadTx) -> RootDetail:
            return service.need_root_detail(tx, root_id)

        return Subject("root_certificate", str(root_id), view)

    @made.get("/root-certificates", needs="certificates:read", reach=LIST)
    async def list_(call: Call, query: RootsQuery) -> Page[RootItem]:
        """The root certificates of the library."""
        return await call.read(store.page_of_roots, query)

    @made.get("/root-certificates/<int:root_id>", needs="certificates:read", reach=LIST)
    async def show(call: Call, root_id: int) -> RootDetail:
        """One root certificate, with its PEM."""
        return await call.read(service.need_root_detail, root_id)

    @made.post(
        "/root-certificates",
        needs="certificates:write",
        status=201,
        tells=RootDetail,
        errors={409: "it is in the library already"},
        example={
            "pem": "-----BEGIN CERTIFICATE-----\n...\n-----END CERTIFICATE-----\n",
            "purpose": "CSMSRootCertificate",
            "name": "Root 2030",
        },
    )
    async def add(call: Call, body: NewRoot) -> Reply:
        """Add a root certificate to the library.

        From there it can be installed at chargers; manufacturers' roots also vouch for signed firmware.
        """
        keys = (f"roots:{call.tenant}",)
        added = await call.write(service.add_root, body.pem, body.purpose, body.name, keys=keys, makes="root_certificate")
        found = await call.read(service.need_root_detail, added.id)
        return Reply(body=found, status=201, headers={"Location": f"/api/v1/root-certificates/{added.id}"})

    @made.delete("/root-certificates/<int:root_id>", needs="certificates:write")
    async def remove(call: Call, root_id: int) -> None:
        """Take a root certificate off the library. At chargers it stays installed."""
        await call.write(service.remove_root, root_id, keys=(f"roots:{call.tenant}",), of=subject(root_id))


def _at_chargers(made: Routes) -> None:
    @made.get("/chargers/<path:charger_id>/root-certificates", needs="certificates:read", reach=CHARGER)
    async def installed(call: Call, charger_id: str, query: PurposeQuery) -> InstalledRoots:
        """The root certificates that a charger last said it has. It is not asked."""
        return await call.read(service.installed_roots, charger_id, query.purpose)

    @made.post(
        "/chargers/<path:charger_id>/root-certificates/read",
        needs="certificates:write",
        reach=CHARGER,
        limit_s=CHARGER_LIMIT_S,
        example={"purpose": "CSMSRootCertificate"},
    )
    async def read(call: Call, charger_id: str, body: PurposeQuery) -> InstalledTold:
        """Ask a connected charger which root certificates it has."""
        async with call.noting(Subject("charger", charger_id), {"purpose": body.purpose}) as noted:
            outcome, found = await flows.read_installed(call.ports, call.tenant, charger_id, body.purpose)
            noted.detail["outcome"] = type(outcome).__name__
        return InstalledTold(**facts(outcome), items=found)

    @made.post(
        "/chargers/<path:charger_id>/root-certificates/<int:root_id>/install",
        needs="certificates:write",
        reach=CHARGER,
        moves=True,
        limit_s=CHARGER_LIMIT_S,
    )
    async def install(call: Call, charger_id: str, root_id: int) -> Told:
        """Install a root certificate of the library at a connected charger."""
        async with call.noting(Subject("charger", charger_id), {"root_id": root_id}) as noted:
            outcome = await flows.install_root(call.ports, call.tenant, charger_id, root_id)
            noted.detail["outcome"] = type(outcome).__name__
        return Told(**facts(outcome))

    @made.post(
        "/chargers/<path:charger_id>/root-certificates/<int:root_id>/delete",
        needs="certificates:write",
        reach=CHARGER,
        moves=True,
        limit_s=CHARGER_LIMIT_S,
        errors={404: "the charger does not have it", 409: "it is its last root for this server, and it is not forced"},
        example={"force": False},
    )
    async def delete(call: Call, charger_id: str, root_id: int, body: Deletion) -> Told:
        """Have a connected charger delete a root certificate, after reading which it has."""
        async with call.noting(Subject("charger", charger_id), {"root_id": root_id, "force": body.force}) as noted:
            outcome = await flows.delete_root(call.ports, call.tenant, charger_id, root_id, force=body.force)
            noted.detail["outcome"] = type(outcome).__name__
        return Told(**facts(outcome))
