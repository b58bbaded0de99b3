"""Flows of the stations slice: letting chargers in, noting that they come and go, and the questions before a verb."""

from __future__ import annotations

from csms.core.ids import DEFAULT_TENANT, TenantId, charger_key
from csms.core.ports import Admission, ConnectionInfo, Handshake, Ports, Turned
from csms.core.reports import Booted, DataSent, DataVerdict
from csms.domain.tenants import store as tenants_store

from . import keys, service, store
from .model import ACCEPTED, REJECTED, BootPolicy, Charger, Gate, OcppSettings, standing


async def admit(ports: Ports, settings: OcppSettings, handshake: Handshake) -> Admission | Turned:
    """Whether a charger may connect, from one indexed read, and how its link is to be treated.

    With ``authentication`` on:

    - a charger with a key must show it (401), with its id as the user name;
    - an unknown charger is turned away (404), or added to the default tenant where ``unknown_chargers`` says so;
    - **trust on first use**: the first key that a charger without one shows becomes its key, if it is ``pending`` (an operator then
      approves the very box that showed it) or if unknown chargers are ``accepted``. A charger accepted without a key elsewhere needs
      one from the operator (401);
    - a ``pending`` or ``rejected`` charger without a key is let in without one, ``authenticated`` False: it can do little but boot.

    With it off nobody is asked for a key and everybody counts as authenticated. Plugins are asked last, about chargers that would be
    let in, and can only refuse.
    """
    if not service.is_charger_id(handshake.charger_id):
        return Turned(404, "not a charger id")
    known = await ports.database.read(store.gate, handshake.charger_id, tenant=DEFAULT_TENANT)
    key = keys.shown(handshake) if settings.authentication else None
    turned = _turned(settings, known, key)
    if turned is not None:
        return turned
    answer = await ports.decisions.ask("admit_charger", handshake=handshake, known=known is not None)
    if isinstance(answer, Turned):
        return answer
    binds = key is not None and (known is None or (not known.sealed and known.approval != REJECTED))
    if known is None or binds:
        sealed = keys.seal(key, ports.random) if key is not None else ""
        known = await ports.database.write(
            service.meet,
            handshake.charger_id,
            settings.unknown_chargers,
            sealed,
            tenant=DEFAULT_TENANT if known is None else known.tenant,
            keys=(charger_key(handshake.charger_id),),
        )
        if known is None:
            gone = settings.unknown_chargers == REJECTED
            return Turned(404, "unknown charger") if gone else Turned(503, "too many chargers wait for approval")
        # another connection may have been first, with another key
        turned = _turned(settings, known, key)
        if turned is not None:
            return turned
    return Admission(
        charger_id=known.charger_id,
        tenant=known.tenant,
        registration=standing(known.approval, known.registration),
        authenticated=not settings.authentication or key is not None,
        heartbeat_interval_s=known.heartbeat_interval_s or settings.heartbeat_interval_s,
        answers_pings=known.answers_pings,
        subprotocol_fallback=known.subprotocol_fallback,
    )


def _turned(settings: OcppSettings, known: Gate | None, key: bytes | None) -> Turned | None:
    if known is None and settings.unknown_chargers == REJECTED:
        return Turned(404, "unknown charger")
    if not settings.authentication:
        return None
    if known is not None and known.sealed:
        if key is None:
            return Turned(401, "no key, or a user name that is not the charger's id")
        return None if keys.opens(known.sealed, key) else Turned(401, "wrong key")
    if (settings.unknown_chargers if known is None else known.approval) == ACCEPTED:
        if settings.unknown_chargers != ACCEPTED:
            return Turned(401, "accepted without a key: give it one")
        if key is None:
            return Turned(401, "no key to trust on first use")
    return None


async def connected(ports: Ports, admission: Admission, info: ConnectionInfo) -> None:
    """A charger's connection is up. Raises ``StoreUnavailable`` when that could not be stored."""
    await ports.database.write(service.link_up, info, tenant=admission.tenant, keys=(charger_key(admission.charger_id),))


async def disconnected(ports: Ports, admission: Admission, info: ConnectionInfo, reason: str) -> None:
    """A charger's connection ended. The caller shields this: it runs while the link's nursery is cancelled."""
    seen = store.last_seen_rows(admission.tenant, {admission.charger_id: info.last_heard_at})
    await ports.database.append(store.LAST_SEEN_UPDATE, seen, key="last-seen", tenant=admission.tenant)
    await ports.database.write(service.link_down, info, reason, tenant=admission.tenant, keys=(charger_key(admission.charger_id),))


async def pongs(ports: Ports, admission: Admission, answers: bool) -> None:
    """A charger was seen to answer pings, or not to; told once per change, it holds for the charger's next connections too."""
    await ports.database.write(
        service.pongs, admission.charger_id, answers, tenant=admission.tenant, keys=(charger_key(admission.charger_id),)
    )


async def forget_connections(ports: Ports) -> int:
    """At start-up, before the listener: end every connection that a crash left in the store; how many there were."""
    tenants = await ports.database.read(tenants_store.everybody, tenant=DEFAULT_TENANT)
    return sum([await ports.database.write(service.forget_connections, tenant=tenant.id) for tenant in tenants])


# --- questions before a verb ----------------------------------------------------------------------------------------------------


async def ask_boot(settings: OcppSettings, ports: Ports, report: Booted, tenant: TenantId) -> BootPolicy:
    """The intervals to tell at boot. Bind ``settings`` with ``functools.partial`` for the dispatch table."""
    return BootPolicy(heartbeat_interval_s=settings.heartbeat_interval_s, retry_interval_s=settings.retry_interval_s)


async def ask_data(ports: Ports, report: DataSent, tenant: TenantId) -> DataVerdict | None:
    """What plugins answer to a DataTransfer."""
    answer: DataVerdict | None = await ports.decisions.ask(
        "answer_data_transfer",
        charger_id=report.charger_id,
        vendor_id=report.vendor_id,
        message_id=report.message_id,
        data=report.data,
        tenant=tenant,
    )
    return answer


# --- what operators do, where more than a verb is needed ------------------------------------------------------------------------


async def decide(ports: Ports, tenant: TenantId, charger_id: str, approval: str) -> Charger:
    """Accept a charger, hold it or reject it, in the store and on its live link. Raises ``NotFound`` or ``Invalid``."""
    charger = await ports.database.write(service.decide, charger_id, approval, tenant=tenant, keys=(charger_key(charger_id),))
    if charger.standing:
        await ports.chargers.admit(charger_id, charger.standing)
    return charger


async def approve(ports: Ports, tenant: TenantId, charger_id: str) -> None:
    """Accept a charger. Raises ``NotFound``."""
    await decide(ports, tenant, charger_id, ACCEPTED)


async def remove_charger(ports: Ports, tenant: TenantId, charger_id: str) -> None:
    """Take a charger away and end its connection. Raises ``NotFound``."""
    await ports.database.write(service.remove_charger, charger_id, tenant=tenant, keys=(charger_key(charger_id),))
    await ports.chargers.drop(charger_id, "removed by the operator")


async def new_key(ports: Ports, tenant: TenantId, charger_id: str) -> str:
    """Give a charger a new key and return it, the only time it is seen in the clear. Raises ``NotFound``."""
    key = keys.new_key(ports.random)
    sealed = keys.seal(key.encode(), ports.random)
    await ports.database.write(service.set_key, charger_id, sealed, tenant=tenant, keys=(charger_key(charger_id),))
    return key
