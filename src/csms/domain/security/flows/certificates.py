"""Certificates on their way: handed over, renewed, judged at the door, revoked; and the jobs that do what is due."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import structlog
import trio

from csms.core.commands import Answered, CertificateSigned, GetVariables, Outcome, Setting, SetVariables, TriggerMessage
from csms.core.errors import StoreUnavailable
from csms.core.ids import TenantId, charger_key
from csms.core.ports import Handshake, Ports
from csms.domain.security import service
from csms.domain.security.model import CHAIN_LIMIT_VARIABLE, ORGANIZATION_VARIABLE, ChargerCertificate, SecuritySettings
from csms.domain.security.store import certificates as store
from csms.domain.security.store import keys as keys_store
from csms.domain.security.store import requests as requests_store
from csms.domain.stations import service as stations
from csms.domain.tenants import flows as tenants

from .requests import DAY_MS, sign_due

AT_ONCE = 16
"""Chargers that are spoken to at a time."""
SLICE = 200
COMMAND_TTL_S, ANSWER_LIMIT_S = 10.0, 30.0
_END = "-----END CERTIFICATE-----\n"

log = structlog.get_logger("csms.security")


async def hand_out_due(settings: SecuritySettings, ports: Ports) -> int:
    """Job: have signed what waits for it, and hand over what was signed; how much."""

    async def one(tenant: TenantId) -> int:
        return await sign_due(settings, ports, tenant) + await deliver_due(ports, tenant)

    return await tenants.for_each(ports, one)


async def renew_and_settle(settings: SecuritySettings, default_profile: int, ports: Ports) -> int:
    """Job: have renewed what ends, and note which chargers have reached the security profile they were wanted on; how many."""

    async def one(tenant: TenantId) -> int:
        done = await renew_due(settings, ports, tenant)
        while await ports.database.read(keys_store.reached_upgrades, 1, tenant=tenant):
            done += await ports.database.write(service.settle_upgrades, default_profile, tenant=tenant)
        return done

    return await tenants.for_each(ports, one)


async def take_stock(settings: SecuritySettings, ports: Ports) -> int:
    """Job: note which certificates have ended or will soon, and which new keys are settled; how many certificates."""

    async def one(tenant: TenantId) -> int:
        done = 0
        warn = partial(service.warn_of_ends, expiring_ms=round(settings.expiring_days * DAY_MS))
        for verb in (service.expire, service.revoke_removed, warn):
            while count := await ports.database.write(verb, tenant=tenant):
                done += count
        after = await ports.database.write(service.settle_rotations, tenant=tenant)
        while after:
            after = await ports.database.write(service.settle_rotations, after, tenant=tenant)
        return done

    return await tenants.for_each(ports, one)


# --- handing over ---------------------------------------------------------------------------------------------------------------


async def deliver_due(ports: Ports, tenant: TenantId) -> int:
    """Hand over every issued certificate whose charger is there to take it; how many."""
    due = await ports.database.read(store.to_deliver, SLICE, tenant=tenant)
    await _all_at_once(due, partial(_deliver, ports, tenant))
    return len(due)


async def _deliver(ports: Ports, tenant: TenantId, known: ChargerCertificate) -> None:
    live = ports.chargers.connection(known.charger_id)
    if live is None:
        return
    keys = (charger_key(known.charger_id),)
    waiting = await ports.database.write(service.handing_over, known.id, live.connection_id, tenant=tenant, keys=keys)
    if waiting is None:
        return
    chain = await _fitting(ports, waiting)
    outcome = await _send(ports, known.charger_id, CertificateSigned(chain))
    state = await ports.database.write(service.handed_over, known.id, outcome, tenant=tenant, keys=keys)
    log.info("certificate.handed_over", charger=known.charger_id, serial=known.serial, outcome=type(outcome).__name__, state=state)


async def _fitting(ports: Ports, known: ChargerCertificate) -> str:
    """The chain, or of one that is too long for the charger as much as it takes (1.6 security whitepaper §7.3), at least the first."""
    parts = [part + _END for part in known.chain.split(_END) if part.strip()]
    if len(parts) < 2:
        return known.chain
    outcome = await _send(ports, known.charger_id, GetVariables((CHAIN_LIMIT_VARIABLE,)))
    variables = outcome.detail.get("variables", []) if isinstance(outcome, Answered) else []
    limit = next((str(each.get("value")) for each in variables if each.get("value") is not None), "")
    if not (limit.isascii() and limit.isdigit() and len(limit) < 10):
        return known.chain
    while len(parts) > 1 and sum(map(len, parts)) > int(limit):
        parts.pop()
    return "".join(parts)


# --- renewing -------------------------------------------------------------------------------------------------------------------


async def renew_due(settings: SecuritySettings, ports: Ports, tenant: TenantId) -> int:
    """Have every charger renew whose certificate ends; how many were told."""
    due = await ports.database.read(store.to_renew, SLICE, tenant=tenant)

    async def one(known: ChargerCertificate) -> None:
        keys = (charger_key(known.charger_id),)
        if await ports.database.write(service.renewing, known.id, tenant=tenant, keys=keys):
            outcome = await ask_to_renew(settings, ports, tenant, known.charger_id)
            log.info("certificate.renewal_asked", charger=known.charger_id, serial=known.serial, outcome=type(outcome).__name__)

    await _all_at_once(due, one)
    return len(due)


async def renew(settings: SecuritySettings, ports: Ports, tenant: TenantId, charger_id: str) -> Outcome:
    """Have a charger ask for a certificate now (A02). It answers at once; its request follows. Raises ``NotFound``."""
    await ports.database.read(stations.need_charger, charger_id, tenant=tenant)
    return await ask_to_renew(settings, ports, tenant, charger_id)


async def ask_to_renew(settings: SecuritySettings, ports: Ports, tenant: TenantId, charger_id: str) -> Outcome:
    """Trigger a request for a certificate, in the operator's name where that is configured and the charger does not know it yet."""
    if settings.organization:
        latest = await ports.database.read(requests_store.latest, charger_id, tenant=tenant)
        if latest is None or latest.organization != settings.organization:
            # A02, prerequisite. A charger that will not have it may still ask: our authority says whose it is
            await _send(ports, charger_id, SetVariables((Setting(ORGANIZATION_VARIABLE, settings.organization),)))
    return await _send(ports, charger_id, TriggerMessage("SignChargingStationCertificate"))


# --- revoking, and the door -----------------------------------------------------------------------------------------------------


async def revoke(ports: Ports, tenant: TenantId, certificate_id: int, reason: str = "") -> ChargerCertificate:
    """Revoke a certificate and end its charger's connection, so that it counts at once. Raises ``NotFound`` or ``Refused``."""
    known = await ports.database.write(service.revoke, certificate_id, reason, tenant=tenant)
    await ports.chargers.drop(known.charger_id, "its certificate was revoked")
    return known


async def judge(ports: Ports, handshake: Handshake, tenant: TenantId, *, strangers: bool) -> str:
    """Why a client certificate that TLS verified is no longer good, ``""`` when it is (A00.FR.702 to A00.FR.704).

    The first log-in with a certificate makes it the one in use. ``strangers``: one that nobody here issued counts as well.
    """
    objection, news = await ports.database.read(partial(service.objection, strangers=strangers), handshake, tenant=tenant)
    keys = (charger_key(handshake.charger_id),)
    if objection:
        await ports.database.write(service.refused_at_door, handshake.charger_id, objection, tenant=tenant, keys=keys)
    elif news:
        await ports.database.write(service.logged_in, handshake, tenant=tenant, keys=keys)
    return objection


# --- both -----------------------------------------------------------------------------------------------------------------------


async def _all_at_once(due: Sequence[ChargerCertificate], act: Callable[[ChargerCertificate], Awaitable[None]]) -> None:
    limiter = trio.CapacityLimiter(AT_ONCE)

    async def one(known: ChargerCertificate) -> None:
        async with limiter:
            try:
                await act(known)
            except StoreUnavailable:
                raise
            except Exception:  # whatever one charger does to us, the others get theirs
                log.exception("certificate.turn_failed", charger=known.charger_id)

    async with trio.open_nursery() as nursery:
        for known in due:
            nursery.start_soon(one, known)


async def _send(
    ports: Ports, charger_id: str, command: CertificateSigned | GetVariables | SetVariables | TriggerMessage
) -> Outcome:
    return await ports.chargers.send(charger_id, command, ttl_s=COMMAND_TTL_S, timeout_s=ANSWER_LIMIT_S)
