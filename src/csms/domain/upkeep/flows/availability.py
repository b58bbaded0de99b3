"""Taking places out of service and putting them back: written, told, and told again until it shows."""

from __future__ import annotations

from functools import partial

from csms.core.commands import Offline, Outcome
from csms.core.ids import Place, TenantId, charger_key
from csms.core.ports import Ports
from csms.domain.upkeep.model.availability import BY_OPERATOR, PENDING, Availability
from csms.domain.upkeep.model.settings import UpkeepSettings
from csms.domain.upkeep.service import availability as service

TTL_S, ANSWER_S = 30.0, 60.0
MOST_IN_A_ROW = 50


async def change(
    ports: Ports,
    settings: UpkeepSettings,
    tenant: TenantId,
    charger_id: str,
    place: Place,
    operative: bool,
    *,
    reason: str = "",
    set_by: str = BY_OPERATOR,
) -> tuple[Availability, Outcome]:
    """Take a place out of service, or put it back (1.6 §5.2): how it stands, and what the charger answered.

    It is remembered and holds: a charger that is not there, or that forgets, is told when it can be. Raises ``NotFound``, ``Invalid``
    or ``Refused``; then nothing was changed.
    """
    keys = (charger_key(charger_id),)
    order = partial(service.order, reason=reason, set_by=set_by)
    known, command = await ports.database.write(order, charger_id, place, operative, tenant=tenant, keys=keys)
    outcome = await ports.chargers.send(charger_id, command)
    after = await ports.database.write(
        service.answered, charger_id, place, operative, outcome, settings.status_wait_s, tenant=tenant, keys=keys
    )
    return after or known, outcome


async def tell_due(ports: Ports, settings: UpkeepSettings, tenant: TenantId, charger_id: str) -> int:
    """Tell a connected charger what is due; how much that was."""
    keys = (charger_key(charger_id),)
    for count in range(MOST_IN_A_ROW):
        due = await ports.database.write(service.next_due, charger_id, tenant=tenant, keys=keys)
        if due is None:
            return count
        known, command = due
        outcome = await ports.chargers.send(charger_id, command, ttl_s=TTL_S, timeout_s=ANSWER_S)
        after = await ports.database.write(
            service.answered, charger_id, known.place, command.operative, outcome, settings.status_wait_s, tenant=tenant, keys=keys
        )
        if not outcome.certain or isinstance(outcome, Offline) or (after is not None and after.state == PENDING):
            return count
    return MOST_IN_A_ROW
