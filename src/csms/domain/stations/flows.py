"""Flows of the stations slice: letting chargers in, noting that they come and go, and the questions before a verb."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import trio

from csms.core.commands import TriggerMessage
from csms.core.ids import DEFAULT_TENANT, Place, TenantId, charger_key
from csms.core.ports import Admission, ConnectionInfo, Handshake, Ports, Turned
from csms.core.quirks import Quirks
from csms.core.reports import Booted, DataSent, DataVerdict, Oddity
from csms.domain.tenants import store as tenants_store

from . import judging, keys, qr, service, store
from .model import ACCEPTED, REJECTED, BootPolicy, Charger, ConnectorDetail, Gate, OcppSettings, standing

Judge = Callable[[Handshake, TenantId], Awaitable[str]]
"""Asked about a client certificate that TLS verified and that names the charger: why it is no longer good, ``""`` when it is."""


BOOT_WAIT_S = 2.0
"""How long an approval waits for the charger to say whether it boots once more."""

QuirksOf = Callable[[str, str, str], Quirks]
"""The quirks of a kind of charger, by vendor, model and firmware."""


async def admit(ports: Ports, settings: OcppSettings, handshake: Handshake, judge: Judge | None = None) -> Admission | Turned:
    """Whether a charger may connect, from one indexed read, and how its link is to be treated.

    A charger must log in with the security profile that is required of it (``judging.required_profile``) or a higher one
    (1.6 security whitepaper, A00.FR.002):

    - 0: nobody is asked for anything, and everybody counts as authenticated;
    - 1: it must show its key (401), with its id as the user name; 2: the same over TLS (403);
    - 3: it must show a client certificate with its id as the CN (403), which ``judge`` has not revoked. It needs no key.

    On profiles 1 and 2:

    - an unknown charger is turned away (404), or added to the default tenant where ``unknown_chargers`` says so;
    - **trust on first use**: the first key that a charger without one shows becomes its key, if it is ``pending`` (an operator then
      approves the very box that showed it) or if unknown chargers are ``accepted``. A charger accepted without a key elsewhere needs
      one from the operator (401);
    - a ``pending`` or ``rejected`` charger without a key is let in without one, ``authenticated`` False: it can do little but boot;
    - a key that it was offered (``service.offer_key``) opens as well, and becomes its key with this log-in.

    Chargers of a closed tenant are turned away as if nobody knew them (404). Plugins are asked last, about chargers that would be let in, and can only refuse.
    """
    if not service.is_charger_id(handshake.charger_id):
        return Turned(404, "not a charger id")
    known = await ports.database.read(store.gate, handshake.charger_id, tenant=DEFAULT_TENANT)
    if known is not None and known.closed:
        return Turned(404, "its tenant is closed")
    objection = "no client certificate"
    if handshake.certificate_fingerprint is not None:
        objection = judging.objection(settings, handshake, ports.clock.now())
        if not objection and judge is not None:
            objection = await judge(handshake, DEFAULT_TENANT if known is None else known.tenant)
    entry = judging.judged(settings, known, handshake, objection)
    if isinstance(entry, Turned):
        return entry
    answer = await ports.decisions.ask("admit_charger", handshake=handshake, known=known is not None)
    if isinstance(answer, Turned):
        return answer
    if known is None or entry.binds or entry.offer:
        settled = await _settle(ports, settings, handshake.charger_id, known, entry)
        if isinstance(settled, Turned):
            return settled
        known = settled
        # another connection may have been first, with another key
        entry = judging.judged(settings, known, handshake, objection)
        if isinstance(entry, Turned):
            return entry
    return Admission(
        charger_id=known.charger_id,
        tenant=known.tenant,
        registration=standing(known.approval, known.registration),
        authenticated=entry.authenticated,
        heartbeat_interval_s=known.heartbeat_interval_s or settings.heartbeat_interval_s,
        answers_pings=known.answers_pings,
        subprotocol_fallback=known.subprotocol_fallback,
        security_profile=entry.profile,
        vendor=known.vendor,
        model=known.model,
        firmware=known.firmware,
        time_zone=known.time_zone,
    )


async def _settle(ports: Ports, settings: OcppSettings, charger_id: str, known: Gate | None, entry: judging.Entry) -> Gate | Turned:
    """Store what a log-in settles: that the charger exists, its first key, or that an offered key is its key now."""
    tenant = DEFAULT_TENANT if known is None else known.tenant
    found: Gate | None
    if entry.offer:
        found = await ports.database.write(
            service.shown_offer, charger_id, entry.offer, tenant=tenant, keys=(charger_key(charger_id),)
        )
        return found or Turned(404, "unknown charger")
    sealed = keys.seal(entry.key, ports.random) if entry.binds and entry.key is not None else ""
    found = await ports.database.write(
        service.meet, charger_id, settings.unknown_chargers, sealed, tenant=tenant, keys=(charger_key(charger_id),)
    )
    if found is not None:
        return found
    gone = settings.unknown_chargers == REJECTED
    return Turned(404, "unknown charger") if gone else Turned(503, "too many chargers wait for approval")


async def connected(ports: Ports, admission: Admission, info: ConnectionInfo) -> None:
    """A charger's connection is up. Raises ``StoreUnavailable`` when that could not be stored."""
    await ports.database.write(
        service.link_up, info, admission.security_profile, tenant=admission.tenant, keys=(charger_key(admission.charger_id),)
    )
    await _seen(ports, admission, info.connected_at)


async def disconnected(ports: Ports, admission: Admission, info: ConnectionInfo, reason: str) -> None:
    """A charger's connection ended. The caller shields this: it runs while the link's nursery is cancelled."""
    await _seen(ports, admission, info.last_heard_at)
    await ports.database.write(service.link_down, info, reason, tenant=admission.tenant, keys=(charger_key(admission.charger_id),))


async def _seen(ports: Ports, admission: Admission, at: int) -> None:
    rows = store.last_seen_rows(admission.tenant, {admission.charger_id: at})
    await ports.database.append(store.LAST_SEEN_UPDATE, rows, key="last-seen", tenant=admission.tenant)


async def notice(ports: Ports, admission: Admission, noticed: Sequence[tuple[Oddity, int]]) -> None:
    """Count what a link did wrong besides its messages, with how often."""
    rows = store.notice_rows(admission, noticed, ports.clock.now())
    await ports.database.append(store.NOTICE_INSERT, rows, key=charger_key(admission.charger_id), tenant=admission.tenant)


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


async def ask_boot(settings: OcppSettings, quirks_of: QuirksOf, ports: Ports, report: Booted, tenant: TenantId) -> BootPolicy:
    """The intervals to tell at boot. Bind the first two with ``functools.partial`` for the dispatch table."""
    quirk_s = quirks_of(report.vendor, report.model, report.firmware).heartbeat_interval_s
    return BootPolicy(heartbeat_interval_s=quirk_s or settings.heartbeat_interval_s, retry_interval_s=settings.retry_interval_s)


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


async def call_to_boot(ports: Ports, charger_id: str) -> None:
    """Have a connected charger boot once more, where it can be asked, so that it need not wait for its interval to hear a decision.

    Nothing depends on its answer, so nobody waits for it for long: a charger that does not care for it boots when its interval is over.
    """
    if "TriggerMessage" in ports.chargers.can_say(charger_id):
        with trio.move_on_after(BOOT_WAIT_S):
            await ports.chargers.send(charger_id, TriggerMessage("BootNotification"), ttl_s=BOOT_WAIT_S)


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


async def give_codes(ports: Ports, tenant: TenantId, places: Sequence[tuple[str, Place]], *, anew: bool = False) -> None:
    """Give connectors the codes of their stickers: those that have none, or all of these ``anew``. Raises ``NotFound``."""
    codes = [(charger_id, place, qr.new_code(ports.random)) for charger_id, place in places]
    claimed = sorted({charger_key(charger_id) for charger_id, _ in places})
    await ports.database.write(partial(service.give_codes, anew=anew), codes, tenant=tenant, keys=claimed)


async def with_code(ports: Ports, tenant: TenantId, charger_id: str, place: Place, *, anew: bool = False) -> ConnectorDetail:
    """A connector that has a code, made now where it had none, or in any case ``anew``. Raises ``NotFound``."""
    known = await ports.database.read(service.need_connector, charger_id, place, tenant=tenant)
    if known.qr_code and not anew:
        return known
    await give_codes(ports, tenant, [(charger_id, place)], anew=anew)
    return await ports.database.read(service.need_connector, charger_id, place, tenant=tenant)
