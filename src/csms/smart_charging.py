"""Smart charging put together: the profiles slice with what the slice above it knows of transactions, and its command flows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import attrs

from csms import free_connectors
from csms.config import Config
from csms.core.commands import ClearChargingProfile, GetCompositeSchedule, Outcome, SetChargingProfile, StartCharging
from csms.core.ids import TenantId
from csms.core.ports import Ports, ReadTx
from csms.domain.billing.service import funds
from csms.domain.profiles import flows, service
from csms.domain.profiles.model import Charge, Rules
from csms.domain.transactions import flows as transactions_flows
from csms.domain.transactions.model import Wishes
from csms.domain.transactions.store import rows as transactions_rows

Answer = tuple[Outcome, dict[str, Any]]


def charges(tx: ReadTx, charger_id: str) -> Sequence[Charge]:
    """The transactions that go on at a charger, as charging profiles need to know them."""
    return [
        Charge(
            transaction_id=each.id,
            evse=each.evse,
            started_at=tx.now if each.started_at is None else each.started_at,
            reference=each.reference,
        )
        for each in transactions_rows.open_of(tx, charger_id)
    ]


def rules(config: Config) -> Rules:
    """What the profiles slice needs to know beyond the store."""
    return Rules(charges=charges, voltage_v=config.smart_charging.voltage_v)


async def start(
    config: Config, ports: Ports, tenant: TenantId, charger_id: str, command: StartCharging, *, wishes: Wishes | None = None
) -> Answer:
    """A remote start with the TxProfile that the command brings, or else with the one that is assigned there (1.6 §5.16.2).

    One that names no connector takes a free one. Between the choice and the start another may take it: then the charger refuses.
    ``wishes`` are limits and the payment that it is started by.
    """
    if (command.place is None or command.place.is_whole_charger) and ports.chargers.connection(charger_id) is not None:
        place = await ports.database.read(free_connectors.choose, charger_id, command.token, tenant=tenant)
        command = attrs.evolve(command, place=place)
    profile = partial(
        service.for_start,
        charger_id=charger_id,
        place=command.place,
        rules=rules(config),
        given=command.profile,
        assigned="SetChargingProfile" in ports.chargers.can_say(charger_id),
    )
    transaction_id, outcome = await transactions_flows.remote_start(
        ports,
        config.transactions,
        charger_id,
        command.token,
        command.place,
        tenant=tenant,
        profile=profile,
        wishes=wishes,
        objection=funds.objection,
    )
    await flows.start_answered(ports, charger_id, transaction_id, outcome, tenant=tenant)
    return outcome, {"transaction_id": transaction_id}


def command_flows(config: Config) -> dict[type[Any], Any]:
    """The commands about charging profiles, which keep the store in step with the charger."""
    known = rules(config)

    async def put(ports: Ports, tenant: TenantId, charger_id: str, command: SetChargingProfile) -> Answer:
        held, outcome = await flows.send_profile(ports, known, charger_id, command.place, command.profile, tenant=tenant)
        return outcome, {"profile_id": held.profile.id, "state": held.state}

    async def clear(ports: Ports, tenant: TenantId, charger_id: str, command: ClearChargingProfile) -> Answer:
        over, outcome = await flows.clear(ports, charger_id, command, tenant=tenant)
        return outcome, {"cleared": [each.profile.id for each in over]}

    async def composite(ports: Ports, tenant: TenantId, charger_id: str, command: GetCompositeSchedule) -> Answer:
        found = await flows.composite(ports, known, charger_id, command, tenant=tenant)
        return found.outcome, {
            "computed": attrs.asdict(found.computed),
            "reported": None if found.reported is None else [attrs.asdict(each) for each in found.reported],
            "differences": [attrs.asdict(each) for each in found.differences],
        }

    return {
        StartCharging: partial(start, config),
        SetChargingProfile: put,
        ClearChargingProfile: clear,
        GetCompositeSchedule: composite,
    }
