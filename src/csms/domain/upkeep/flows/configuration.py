"""Reading chargers' configuration and bringing it in line with what is wanted.

``ports.chargers`` remembers what chargers answer to ``GetVariables`` (``hearing.Hearing``): to read something is to ask for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from csms.core.commands import Answered, CallError, GetVariables, NotSupported, Outcome, SetVariables, VariableName
from csms.core.ids import TenantId, charger_key
from csms.core.outcomes import told
from csms.core.ports import Ports, ReadTx
from csms.domain.stations import service as stations
from csms.domain.tenants import flows as tenants
from csms.domain.upkeep.model.configuration import MAX_KEYS, Standing, is_secret, spelled
from csms.domain.upkeep.model.settings import UpkeepSettings
from csms.domain.upkeep.service import configuration as service
from csms.domain.upkeep.store import configuration as store
from csms.domain.upkeep.store import templates

TTL_S, ANSWER_S = 30.0, 60.0
"""A charger that keeps silent is left alone for a while."""
MOST_AT_A_TIME = 20
"""Variables that are asked for in one message, of a charger that does not say how many it tells."""
MOST_IN_A_ROW = 100
"""Settings that one charger is told before it is looked at again."""
ALIGN_SLICE = 25


# --- reading --------------------------------------------------------------------------------------------------------------------


async def read(ports: Ports, tenant: TenantId, charger_id: str, variables: Sequence[VariableName] = ()) -> Outcome:
    """Read variables of a charger, as many at a time as it tells; none named: all (1.6 §5.8). The outcome of the last message.

    Raises ``NotFound``.
    """
    await ports.database.read(stations.need_charger, charger_id, tenant=tenant)
    return await _read(ports, tenant, charger_id, variables, ttl_s=None, timeout_s=None)


async def _read(
    ports: Ports,
    tenant: TenantId,
    charger_id: str,
    variables: Sequence[VariableName],
    *,
    ttl_s: float | None = TTL_S,
    timeout_s: float | None = ANSWER_S,
) -> Outcome:
    ask = partial(ports.chargers.send, charger_id, ttl_s=ttl_s, timeout_s=timeout_s)
    if not variables:
        return await ask(GetVariables(()))
    most = await _most(ports, tenant, charger_id)
    if most is None and len(variables) > 1:
        outcome = await ask(GetVariables((MAX_KEYS,)))
        if _problem(outcome):
            return outcome
        most = await _most(ports, tenant, charger_id)
    most = most or MOST_AT_A_TIME
    for start in range(0, len(variables), most):
        outcome = await ask(GetVariables(tuple(variables[start : start + most])))
        if not isinstance(outcome, Answered):
            break
    return outcome


async def _most(ports: Ports, tenant: TenantId, charger_id: str) -> int | None:
    """How many keys a charger tells at a time; None where it was not asked."""
    known = await ports.database.read(store.reading, charger_id, MAX_KEYS.name.casefold(), tenant=tenant)
    if known is None:
        return None
    text = (known.value or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 5 and int(text) else MOST_AT_A_TIME


# --- applying -------------------------------------------------------------------------------------------------------------------


async def apply(
    ports: Ports, settings: UpkeepSettings, tenant: TenantId, charger_id: str, *, force: bool = False
) -> Standing | None:
    """Bring a connected charger's configuration in line: read what is wanted, set what differs one by one, read it back.

    How it stands then; None where nothing is wanted of it. What it refuses is not tried again until something changes. Where
    ``apply_configuration`` is off it is only read, unless ``force``.
    """
    keys = (charger_key(charger_id),)
    variables = await ports.database.read(service.to_read, charger_id, tenant=tenant)
    if not variables:
        return None
    outcome = await _read(ports, tenant, charger_id, variables)
    problem = _problem(outcome)
    applies = force or settings.apply_configuration
    if applies and not problem:
        problem, changed = await _set_all(ports, tenant, charger_id)
        if changed and not problem:
            problem = _problem(await _read(ports, tenant, charger_id, changed))
    verb = partial(service.settle, charger_id=charger_id, problem=problem, check_s=settings.check_configuration_s, applies=applies)
    return await ports.database.write(verb, tenant=tenant, keys=keys)


def _problem(outcome: Outcome) -> str:
    """Why it makes no sense to go on now, ``""`` where it does: also with a charger that cannot tell its configuration."""
    return "" if isinstance(outcome, (Answered, CallError, NotSupported)) else told(outcome)


async def _set_all(ports: Ports, tenant: TenantId, charger_id: str) -> tuple[str, list[VariableName]]:
    """Tell a charger what is to be told, one by one: why that ended early, and what it took."""
    keys = (charger_key(charger_id),)
    after, changed = "", list[VariableName]()
    for _ in range(MOST_IN_A_ROW):
        taken = await ports.database.write(service.take, charger_id, after, tenant=tenant, keys=keys)
        if taken is None:
            break
        key, setting = taken
        after = key.folded
        outcome = await ports.chargers.send(charger_id, SetVariables((setting,)), ttl_s=TTL_S, timeout_s=ANSWER_S)
        await ports.database.write(service.was_set, charger_id, key.variable, key.value, outcome, tenant=tenant, keys=keys)
        if problem := _problem(outcome):
            return problem, changed
        if isinstance(outcome, Answered) and outcome.accepted:
            changed.append(setting.variable)
    return "", changed


async def set_as_given(ports: Ports, tenant: TenantId, charger_id: str, given: SetVariables) -> tuple[Outcome, dict[str, Any]]:
    """Send an operator's own settings. Where something else is wanted of the charger that is said, and will be put right."""
    keys = (charger_key(charger_id),)
    outcome = await ports.chargers.send(charger_id, given)
    if not isinstance(outcome, (Answered, CallError)):
        return outcome, {}
    single = len(given.settings) == 1
    overruled: dict[str, str] = {}
    for each in given.settings:
        name = spelled(each.variable)
        if is_secret(name):
            continue
        wanted = await ports.database.read(store.key, charger_id, name.casefold(), tenant=tenant)
        if wanted is None:
            continue
        known = None
        if single:  # with several the one status says nothing of each
            known = await ports.database.write(service.was_set, charger_id, name, each.value, outcome, tenant=tenant, keys=keys)
        if known is None:
            overruled[name] = wanted.value
    if overruled:
        await ports.database.write(service.hurry, charger_id, tenant=tenant, keys=keys)
    return outcome, {"wanted": overruled} if overruled else {}


# --- by itself ------------------------------------------------------------------------------------------------------------------


async def align(ports: Ports) -> int:
    """Bring every charger that changed place or kind, or for which templates changed, in line with them; how many. Job."""

    async def work(tenant: TenantId) -> int:
        done = 0
        while stale := await ports.database.read(_stale, tenant=tenant):
            keys = [charger_key(charger_id) for charger_id in stale]
            done += await ports.database.write(service.align_all, stale, tenant=tenant, keys=keys)
        return done

    return await tenants.for_each(ports, work)


def _stale(tx: ReadTx) -> Sequence[str]:
    mark = templates.mark(tx)
    return store.stale(tx, mark, ALIGN_SLICE) if mark else ()
