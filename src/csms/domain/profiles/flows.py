"""What needs to wait: sending profiles to chargers, clearing them, and asking for composite schedules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import attrs

from csms.core.charging import ChargingProfile
from csms.core.commands import Answered, ClearChargingProfile, GetCompositeSchedule, GetVariables, Outcome, SetChargingProfile
from csms.core.ids import Place, TenantId, charger_key
from csms.core.ports import Ports, ReadTx
from csms.core.units import parse_instant
from csms.domain.tenants import flows as tenants

from . import service, store
from .checking import check, check_place
from .comparing import Difference, differences
from .composing import Stretch
from .fitting import VARIABLES, limits_from
from .model import Held, Limits, Rules, Template
from .service import Composite

MOST_IN_A_ROW = 100
"""What one charger is sent before it is another's turn."""
ALIGN_SLICE = 25
SAME_CLOCK_MS = 60_000
"""How far a charger's clock may be off for its word on when a schedule starts to be taken."""


# --- once, for an operator ------------------------------------------------------------------------------------------------------


async def send_profile(
    ports: Ports,
    rules: Rules,
    charger_id: str,
    place: Place,
    profile: ChargingProfile,
    *,
    tenant: TenantId,
    template: Template | None = None,
) -> tuple[Held, Outcome]:
    """Send a charging profile now (1.6 §5.16): how it stands, and what the charger answered. Raises like ``service.request``."""
    check_place(check(profile), place)
    await learn_limits(ports, charger_id, tenant=tenant)
    keys = (charger_key(charger_id),)
    held = await ports.database.write(
        service.request, charger_id, place, profile, rules, None if template is None else template.id, tenant=tenant, keys=keys
    )
    outcome = await ports.chargers.send(charger_id, SetChargingProfile(place, held.effective))
    after = await ports.database.write(service.answered, held.id, held.sent_no, outcome, tenant=tenant, keys=keys)
    return after or held, outcome


async def send_template(
    ports: Ports, rules: Rules, charger_id: str, place: Place, name: str, *, tenant: TenantId
) -> tuple[Held, Outcome]:
    """Send a template now, once. Raises ``NotFound``, and like ``send_profile``."""
    template = await ports.database.read(service.need_template, name, tenant=tenant)
    return await send_profile(ports, rules, charger_id, place, template.profile, tenant=tenant, template=template)


async def clear(
    ports: Ports, charger_id: str, criteria: ClearChargingProfile, *, tenant: TenantId
) -> tuple[Sequence[Held], Outcome]:
    """Clear what meets the criteria, at the charger and in our store: what is over, and what the charger answered.

    With an id nothing else is said: of two errata (3.25, 3.26) one has the rest ignored and the other does not.
    """
    if criteria.profile_id is not None:
        criteria = ClearChargingProfile(profile_id=criteria.profile_id)
    keys = (charger_key(charger_id),)
    asked = await ports.database.write(service.clearing, charger_id, criteria, tenant=tenant, keys=keys)
    outcome = await ports.chargers.send(charger_id, criteria)
    over = await ports.database.write(service.clear_answered, charger_id, asked, outcome, tenant=tenant, keys=keys)
    return over, outcome


@attrs.frozen(slots=True, kw_only=True)
class Compared:
    """A composite schedule as the charger reports it, if it does, beside ours, and where they differ."""

    outcome: Outcome
    computed: Composite
    reported: tuple[Stretch, ...] | None = None
    differences: tuple[Difference, ...] = ()


async def composite(ports: Ports, rules: Rules, charger_id: str, asked: GetCompositeSchedule, *, tenant: TenantId) -> Compared:
    """Ask a charger for its composite schedule (1.6 §5.7) and reckon it ourselves. Raises ``Invalid``, ``NotFound``."""

    def reckon(tx: ReadTx, start_at: int, unit: str) -> Composite:
        return service.composite(tx, charger_id, asked.place, asked.duration_s, unit, start_at, rules)

    now = ports.clock.now()
    ours = await ports.database.read(reckon, now, asked.unit, tenant=tenant)
    outcome = await ports.chargers.send(charger_id, attrs.evolve(asked, unit=asked.unit or ours.unit))
    detail = outcome.detail if isinstance(outcome, Answered) and outcome.accepted else {}
    reported = _stretches(detail)
    if reported is None:
        return Compared(outcome=outcome, computed=ours)
    unit, start_at = str(detail.get("unit") or ours.unit), _start(detail.get("start"), now)
    if (unit, start_at) != (ours.unit, ours.start_at) and unit in ("A", "W"):
        ours = await ports.database.read(reckon, start_at, unit, tenant=tenant)
    window_s = min(asked.duration_s, _number(detail.get("duration_s")) or asked.duration_s)
    return Compared(outcome=outcome, computed=ours, reported=reported, differences=differences(ours.periods, reported, window_s))


def _start(told: Any, now: int) -> int:
    """When the charger's schedule starts, by our clock."""
    try:
        start_at, _ = parse_instant(told) if isinstance(told, str) else (now, True)
    except ValueError:
        return now
    return start_at if abs(start_at - now) <= SAME_CLOCK_MS else now


def _stretches(detail: Mapping[str, Any]) -> tuple[Stretch, ...] | None:
    """The periods that a charger told, as far as they can be read; None when it told none."""
    periods = detail.get("periods")
    if not isinstance(periods, list):
        return None
    found = []
    for each in periods:
        try:
            limit = None if each.get("limit") is None else Decimal(str(each["limit"]))
        except InvalidOperation:
            continue
        start_s = _number(each.get("start_s"))
        if start_s is not None and (limit is None or limit.is_finite()):
            found.append(Stretch(start_s, limit, _number(each.get("phases"))))
    return tuple(sorted(found, key=lambda each: each.start_s))


def _number(value: Any) -> int | None:
    try:
        return None if value is None else int(value)
    except (TypeError, ValueError, OverflowError):
        return None


async def learn_limits(ports: Ports, charger_id: str, *, tenant: TenantId) -> Limits:
    """What a charger can hold (1.6 §3.13.5): as it said before, else it is asked. One that does not answer is asked another time."""
    known = await ports.database.read(store.limits, charger_id, tenant=tenant)
    if known.read_at is not None or not {"GetVariables", "SetChargingProfile"} <= ports.chargers.can_say(charger_id):
        return known
    outcome = await ports.chargers.send(charger_id, GetVariables(VARIABLES))
    if not isinstance(outcome, Answered):
        return known
    found = limits_from(outcome.detail.get("variables", ()), ports.clock.now())
    await ports.database.write(service.keep_limits, charger_id, found, tenant=tenant, keys=(charger_key(charger_id),))
    return found


# --- by itself ------------------------------------------------------------------------------------------------------------------


async def deliver(ports: Ports, rules: Rules, charger_id: str, *, tenant: TenantId) -> int:
    """Send a connected charger what is due to it, and clear what is due to go; how much that was."""
    keys = (charger_key(charger_id),)
    if ports.chargers.connection(charger_id) is None:
        return 0
    await learn_limits(ports, charger_id, tenant=tenant)
    for count in range(MOST_IN_A_ROW):
        held = await ports.database.write(service.take, charger_id, rules, tenant=tenant, keys=keys)
        if held is None:
            return count
        if held.leaving:
            outcome = await ports.chargers.send(charger_id, ClearChargingProfile(profile_id=held.profile.id))
            await ports.database.write(service.clear_answered, charger_id, (held,), outcome, tenant=tenant, keys=keys)
        else:
            outcome = await ports.chargers.send(charger_id, SetChargingProfile(held.place, held.effective))
            await ports.database.write(service.answered, held.id, held.sent_no, outcome, tenant=tenant, keys=keys)
    return MOST_IN_A_ROW


async def align(ports: Ports) -> int:
    """Bring every charger that changed place or model, or for which assignments changed, in line with them; how many those were."""

    async def work(tenant: TenantId) -> int:
        done = 0
        while stale := await ports.database.read(_stale, tenant=tenant):
            keys = [charger_key(charger_id) for charger_id in stale]
            done += await ports.database.write(service.align, stale, tenant=tenant, keys=keys)
        return done

    return await tenants.for_each(ports, work)


def _stale(tx: ReadTx) -> Sequence[str]:
    return store.stale_chargers(tx, ALIGN_SLICE) if store.mark(tx) else ()


# --- with a remote start --------------------------------------------------------------------------------------------------------


async def start_answered(ports: Ports, charger_id: str, transaction_id: int, outcome: Outcome, *, tenant: TenantId) -> None:
    """Note what became of the profile that went with a remote start, if one did."""
    keys = (charger_key(charger_id),)
    await ports.database.write(service.start_answered, charger_id, transaction_id, outcome, tenant=tenant, keys=keys)
