"""Chargers' certificates over HTTP: what there is, what was asked to be signed, renewing and revoking."""

from __future__ import annotations

import attrs

from csms.api.calls import Call, Subject
from csms.api.routes import CHARGER, CHARGER_LIMIT_S, LIST, Routes
from csms.core.outcomes import Told, facts
from csms.core.paging import Page
from csms.core.ports import ReadTx
from csms.domain.security import flows, service
from csms.domain.security.model import SecuritySettings
from csms.domain.security.shown import (
    CertificateDetail,
    CertificateItem,
    CertificateRequestDetail,
    CertificateRequestItem,
    CertificatesQuery,
    RequestsQuery,
    Revocation,
)
from csms.domain.security.store import certificates as store
from csms.domain.security.store import requests as requests_store
from csms.domain.stations.service import need_charger


@attrs.frozen(slots=True, kw_only=True)
class Authority:
    """Who signs chargers' certificates: ``pem`` is of all roots by which they are verified at the door, ``""`` while there is none."""

    signs: bool
    pem: str


def routes(settings: SecuritySettings) -> Routes:
    """Routes of chargers' certificates."""
    made = Routes("certificates", "Chargers' certificates, and who signs them.", tag="Certificates and keys")

    def subject(certificate_id: int) -> Subject:
        def view(tx: ReadTx) -> CertificateDetail:
            return service.need_certificate(tx, certificate_id)

        return Subject("certificate", str(certificate_id), view)

    async def need(call: Call, certificate_id: int) -> CertificateDetail:
        found = await call.read(service.need_certificate, certificate_id)
        await call.needs_charger(found.charger_id)
        return found

    @made.get("/certificates", needs="certificates:read", reach=LIST)
    async def list_(call: Call, query: CertificatesQuery) -> Page[CertificateItem]:
        """Chargers' certificates, the newest first."""
        return await call.read(store.page_of_certificates, query, call.stations)

    @made.get("/chargers/<path:charger_id>/certificates", needs="certificates:read", reach=CHARGER)
    async def of_charger(call: Call, charger_id: str, query: CertificatesQuery) -> Page[CertificateItem]:
        """A charger's certificates, the newest first."""

        def read(tx: ReadTx) -> Page[CertificateItem]:
            need_charger(tx, charger_id)
            return store.page_of_certificates(tx, attrs.evolve(query, charger_id=charger_id))

        return await call.read(read)

    @made.get("/certificates/<int:certificate_id>", needs="certificates:read", reach=LIST)
    async def show(call: Call, certificate_id: int) -> CertificateDetail:
        """One certificate, with its PEM."""
        return await need(call, certificate_id)

    @made.post(
        "/certificates/<int:certificate_id>/revoke",
        needs="certificates:write",
        reach=LIST,
        moves=True,
        example={"reason": "stolen"},
        errors={409: "it was revoked already"},
    )
    async def revoke(call: Call, certificate_id: int, body: Revocation) -> CertificateDetail:
        """Revoke a charger's certificate: it opens no connection from now on, and the one that its charger has is ended."""
        known = await need(call, certificate_id)
        async with call.noting(subject(certificate_id), {"reason": body.reason, "charger_id": known.charger_id}):
            await flows.revoke(call.ports, call.tenant, certificate_id, body.reason)
        return await call.read(service.need_certificate, certificate_id)

    @made.post(
        "/chargers/<path:charger_id>/certificate/renew",
        needs="certificates:write",
        reach=CHARGER,
        moves=True,
        limit_s=CHARGER_LIMIT_S,
    )
    async def renew(call: Call, charger_id: str) -> Told:
        """Have a connected charger ask for a certificate now. It answers at once; the certificate follows within seconds."""
        await call.read(need_charger, charger_id)
        async with call.noting(Subject("charger", charger_id)) as noted:
            outcome = await flows.renew(settings, call.ports, call.tenant, charger_id)
            noted.detail["outcome"] = type(outcome).__name__
        return Told(**facts(outcome))

    @made.get("/certificate-requests", needs="certificates:read", reach=LIST, name="requests")
    async def requests(call: Call, query: RequestsQuery) -> Page[CertificateRequestItem]:
        """What chargers asked to have signed, the newest first, and why it was not."""
        return await call.read(requests_store.page_of_requests, query, call.stations)

    @made.get("/certificate-requests/<int:request_id>", needs="certificates:read", reach=LIST)
    async def request(call: Call, request_id: int) -> CertificateRequestDetail:
        """One certificate request, with its PEM."""
        found = await call.read(service.need_request, request_id)
        await call.needs_charger(found.charger_id)
        return found

    @made.get("/certificate-authority", needs="certificates:read", reach=LIST)
    async def authority(call: Call) -> Authority:
        """The roots by which chargers' certificates are verified at the door."""
        signer = call.ports.authority
        return Authority(signs=signer is not None, pem="" if signer is None else await signer.trust_anchors())

    return made
