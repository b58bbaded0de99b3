"""From a charger's request to a certificate: read it, have it signed."""

from __future__ import annotations

from functools import partial
from typing import TypeVar

import structlog
import trio

from csms.core.certificates import CHARGER_CERTIFICATE
from csms.core.errors import CsmsError, Invalid, Refused, StoreUnavailable
from csms.core.ids import TenantId, charger_key
from csms.core.ports import CertificateAuthority, Ports
from csms.core.reports import CertificateRequested
from csms.domain.security import service
from csms.domain.security.model import LONGEST_CHAIN, CertificateRequest, NewCertificate, RequestReading, SecuritySettings
from csms.domain.security.store import requests as store
from csms.pki import certificates, issuing, requests

T = TypeVar("T")

DAY_MS = 86_400_000
SIGN_LIMIT_S = 30.0
AT_ONCE = 8
"""Requests that are with the authority at a time."""
SLICE = 100

log = structlog.get_logger("csms.security")


async def ask_certificate(
    settings: SecuritySettings, ports: Ports, report: CertificateRequested, tenant: TenantId
) -> RequestReading:
    """What is in a request and whether it will do; the crypto is done in a thread. Bind ``settings`` with ``functools.partial``."""
    limit = settings.requests_per_hour
    if ports.authority is None:
        return RequestReading(problem="this server signs no certificates (security.authority)", requests_per_hour=limit)
    if report.purpose != CHARGER_CERTIFICATE:
        return RequestReading(problem=f"no authority here signs a {report.purpose}", requests_per_hour=limit)
    try:
        found = await ports.blocking.run("certificate", requests.read_request, report.csr)
        if found.common_name != report.charger_id and not settings.sign_other_names:
            raise Invalid(f"it is for {found.common_name!r}, and this is {report.charger_id!r} (security.sign_other_names)")
        issuing.check_name(report.charger_id)
    except Invalid as error:
        return RequestReading(problem=f"the certificate request will not do: {error}", requests_per_hour=limit)
    return RequestReading(digest=found.digest, organization=found.organization, key_kind=found.key, requests_per_hour=limit)


async def sign_due(settings: SecuritySettings, ports: Ports, tenant: TenantId) -> int:
    """Have every request signed that waits for it; how many were tried. What a crash interrupts is found again here."""
    authority = ports.authority
    if authority is None:
        return 0
    due = await ports.database.read(store.due, SLICE, tenant=tenant)
    limiter = trio.CapacityLimiter(AT_ONCE)

    async def one(request: CertificateRequest) -> None:
        async with limiter:
            await _sign(settings, ports, authority, request, tenant)

    async with trio.open_nursery() as nursery:
        for request in due:
            nursery.start_soon(one, request)
    return len(due)


async def _sign(
    settings: SecuritySettings, ports: Ports, authority: CertificateAuthority, request: CertificateRequest, tenant: TenantId
) -> None:
    write = partial(ports.database.write, tenant=tenant, keys=(charger_key(request.charger_id),))
    try:
        with trio.fail_after(SIGN_LIMIT_S):
            chain = await authority.sign(
                request.csr,
                charger_id=request.charger_id,
                organization=settings.organization or request.organization,
                lifetime_s=settings.certificate_days * DAY_MS / 1000,
            )
            certificate = await ports.blocking.run("certificate", read_signed, chain, request)
    except (Invalid, Refused) as error:
        await write(service.not_signed, request.id, str(error))
    except StoreUnavailable:
        raise
    except Exception as error:
        # whatever an authority raises, the request waits for another attempt: it must not keep the others from being signed
        reason = "it did not answer in time" if isinstance(error, trio.TooSlowError) else str(error) or type(error).__name__
        log.warning("certificate.not_signed", charger=request.charger_id, reason=reason, attempts=request.attempts + 1)
        if not isinstance(error, (CsmsError, OSError, trio.TooSlowError)):
            log.error("certificate.authority_failed", charger=request.charger_id, exc_info=error)
        await write(service.not_reached, request.id, reason)
    else:
        await write(service.signed, request.id, certificate, renew_at(settings, certificate, ports.clock.now()))


def read_signed(chain: str, request: CertificateRequest) -> NewCertificate:
    """What an authority gave, checked against what was asked for: it may be somebody else's program. Raises ``Invalid``."""
    first = certificates.load_all(chain)[0]
    facts = certificates.facts(first)
    if first.public_key() != requests.load_request(request.csr).public_key():
        raise Invalid("the authority signed another key than the one it was given")
    if facts.common_name != request.charger_id:
        raise Invalid(f"the authority signed for {facts.common_name!r} instead of {request.charger_id!r}")
    text = "".join(f"{each.strip()}\n" for each in chain.splitlines() if each.strip())
    if len(text) > LONGEST_CHAIN:
        raise Invalid(f"the authority's chain has {len(text)} characters; OCPP allows {LONGEST_CHAIN}")
    return NewCertificate(
        chain=text,
        fingerprint=facts.fingerprint,
        serial=facts.serial,
        subject=facts.subject,
        issuer=facts.issuer,
        not_before_at=facts.not_before_at,
        not_after_at=facts.not_after_at,
    )


def renew_at(settings: SecuritySettings, certificate: NewCertificate, now: int) -> int:
    """When a certificate that was signed now is to be renewed: in its last days as configured, never before its last third."""
    return certificate.not_after_at - min(round(settings.renew_before_days * DAY_MS), (certificate.not_after_at - now) // 3)
