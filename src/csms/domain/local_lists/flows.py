"""Keeping chargers' local lists in step: ask for the version, send what is missing, remember what was taken."""

from __future__ import annotations

from functools import partial
from typing import Any

import structlog
import trio

from csms.core.commands import Answered, GetLocalListVersion, GetVariables, Outcome, SendLocalList, VariableName
from csms.core.errors import StoreUnavailable
from csms.core.ids import TenantId, charger_key
from csms.core.ports import Ports
from csms.domain.tenants import flows as tenants

from . import service, store
from .model import AUTO, DISABLED, UNSUPPORTED, LocalList, Settings

ENABLED, LIST_LIMIT, MESSAGE_LIMIT = "LocalAuthListEnabled", "LocalAuthListMaxLength", "SendLocalListMaxLength"
AT_ONCE = 10
"""Lists that are synchronised at a time."""
SLICE = 200

log = structlog.get_logger("csms.local_lists")


async def synchronise(ports: Ports, settings: Settings, charger_id: str, *, tenant: TenantId, full: bool = False) -> LocalList:
    """Bring a charger's list in step with who may charge there (1.6 §5.10, §5.15); how it stands afterwards.

    ``full`` sends everything, whatever the charger has. Needs the charger connected; if not, or if an answer is missing, it is tried
    again when it is due. Nothing is believed to be on the charger that it did not confirm.
    """
    key = (charger_key(charger_id),)
    await _ask_limits(ports, charger_id, tenant)
    state, told = await ask_version(ports, tenant, charger_id)
    outcome: Outcome | None = None
    later = ports.clock.now() + settings.check_interval_s * 1000
    if isinstance(told, Answered) and state.state not in (UNSUPPORTED, DISABLED):
        if full:
            state = await ports.database.write(_want_full, charger_id, tenant=tenant, keys=key)
        messages, left_out, valid_at = await ports.database.read(
            service.next_messages, charger_id, settings.message_limit, tenant=tenant
        )
        for message in messages:
            await ports.database.write(service.sending, charger_id, message, tenant=tenant, keys=key)
            outcome = await ports.chargers.send(charger_id, SendLocalList(message.version, message.entries, message.full))
            await ports.database.write(service.answered, charger_id, message, outcome, tenant=tenant, keys=key)
            if not _took(outcome):
                break
        if outcome is None or _took(outcome):
            check_at = later if valid_at is None else min(later, valid_at)
            return await ports.database.write(
                lambda tx: service.settled(tx, charger_id, left_out=left_out, check_at=check_at), tenant=tenant, keys=key
            )
    return await ports.database.write(lambda tx: service.postponed(tx, charger_id, check_at=later), tenant=tenant, keys=key)


def _took(outcome: Outcome) -> bool:
    return isinstance(outcome, Answered) and outcome.accepted


def _want_full(tx: Any, charger_id: str) -> LocalList:
    tx.claim(charger_key(charger_id))
    return service.put(tx, service.known(tx, charger_id), needs_full=True)


async def ask_version(ports: Ports, tenant: TenantId, charger_id: str) -> tuple[LocalList, Outcome]:
    """Ask a charger for the version of its list: how the list stands after the answer, and the answer."""
    outcome = await ports.chargers.send(charger_id, GetLocalListVersion())
    keys = (charger_key(charger_id),)
    return await ports.database.write(service.version_heard, charger_id, outcome, tenant=tenant, keys=keys), outcome


async def send(ports: Ports, tenant: TenantId, charger_id: str, command: SendLocalList) -> Outcome:
    """Send a list that an operator wrote by hand; a list that is kept in step will be put right at its next check."""
    outcome = await ports.chargers.send(charger_id, command)
    await ports.database.write(
        service.manual,
        charger_id,
        command.version,
        command.entries,
        command.full,
        outcome,
        tenant=tenant,
        keys=(charger_key(charger_id),),
    )
    return outcome


async def _ask_limits(ports: Ports, charger_id: str, tenant: TenantId) -> None:
    """Ask once per boot how much the charger takes."""
    state = await ports.database.read(service.known, charger_id, tenant=tenant)
    if state.limits_at is not None:
        return
    names = tuple(VariableName(name) for name in (ENABLED, LIST_LIMIT, MESSAGE_LIMIT))
    outcome = await ports.chargers.send(charger_id, GetVariables(names))
    if not isinstance(outcome, Answered):
        return
    heard = {str(each.get("name")): each.get("value") for each in outcome.detail.get("variables", [])}
    enabled = heard.get(ENABLED)
    await ports.database.write(
        service.limits_heard,
        charger_id,
        None if enabled is None else str(enabled).strip().casefold() != "false",
        _number(heard.get(LIST_LIMIT)),
        _number(heard.get(MESSAGE_LIMIT)),
        tenant=tenant,
        keys=(charger_key(charger_id),),
    )


def _number(value: Any) -> int | None:
    try:
        number = int(str(value))
    except ValueError:
        return None
    return number if 0 <= number < 2**31 else None


async def synchronise_due(settings: Settings, ports: Ports) -> int:
    """Job: synchronise every list that is due and whose charger is connected; how many."""

    async def work(tenant: TenantId) -> int:
        if settings.mode == AUTO:
            await ports.database.write(_adopt, tenant=tenant)
        due = await ports.database.read(_due, settings.mode == AUTO, tenant=tenant)
        limiter = trio.CapacityLimiter(AT_ONCE)
        async with trio.open_nursery() as nursery:
            for charger_id in due:
                nursery.start_soon(_turn, ports, settings, tenant, charger_id, limiter)
        return len(due)

    return await tenants.for_each(ports, work)


async def _turn(ports: Ports, settings: Settings, tenant: TenantId, charger_id: str, limiter: trio.CapacityLimiter) -> None:
    async with limiter:
        try:
            await synchronise(ports, settings, charger_id, tenant=tenant)
        except StoreUnavailable:
            raise
        except Exception:  # whatever one charger does to us, the others' lists are kept in step
            log.exception("local_list.failed", charger=charger_id)
            later = ports.clock.now() + settings.check_interval_s * 1000
            await ports.database.write(
                partial(service.postponed, charger_id=charger_id, check_at=later), tenant=tenant, keys=(charger_key(charger_id),)
            )


def _due(tx: Any, automatic: bool) -> list[str]:
    return [row["charger_id"] for row in store.due(tx, automatic=automatic, limit=SLICE)]


def _adopt(tx: Any) -> int:
    """Where lists are kept in step unless told otherwise, a charger that nobody spoke of gets one, due at once."""
    strangers = [row["id"] for row in store.chargers_without(tx, SLICE)]
    tx.claim(*(charger_key(each) for each in strangers))
    for each in strangers:
        service.put(tx, LocalList(charger_id=each), due_at=tx.now)
    return len(strangers)
