"""Resetting chargers, not under transactions unless told to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from csms.core.commands import Outcome, Reset
from csms.core.errors import Refused
from csms.core.ids import TenantId, charger_key
from csms.core.ports import Ports, ReadTx
from csms.domain.upkeep.model.resets import IMMEDIATELY, ChargerReset
from csms.domain.upkeep.model.settings import UpkeepSettings
from csms.domain.upkeep.service import resets as service

Running = Callable[[ReadTx, str], Sequence[int]]
"""The transactions that run at a charger, by id: a question to the slice above."""


async def reset(
    ports: Ports,
    settings: UpkeepSettings,
    tenant: TenantId,
    charger_id: str,
    command: Reset,
    *,
    running: Running,
    force: bool = False,
) -> tuple[ChargerReset, Outcome]:
    """Have a charger reset itself (1.6 §5.14; 2.0.1 B11, B12): the request, and what the charger answered.

    At once it would cut off what runs there: that is refused unless ``force`` is given. Raises ``Refused`` or ``NotFound``; then the
    charger was not asked.
    """
    found = await ports.database.read(running, charger_id, tenant=tenant)
    note = ""
    if found and command.when == IMMEDIATELY:
        what = f"{len(found)} transactions run" if len(found) > 1 else f"transaction {found[0]} runs"
        if not force:
            raise Refused(f"{what} at {charger_id}: reset it when it is idle, or force it")
        note = f"forced: {what}"
    keys = (charger_key(charger_id),)
    begun = await ports.database.write(service.begin, charger_id, command, settings.reset_limit_s, note, tenant=tenant, keys=keys)
    outcome = await ports.chargers.send(charger_id, command)
    after = await ports.database.write(service.answered, begun.id, outcome, settings.reset_limit_s, tenant=tenant, keys=keys)
    return after, outcome
