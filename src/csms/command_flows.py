"""One table: the commands that a slice must prepare or follow up, and the flow that each goes through."""

from __future__ import annotations

from typing import Any

from csms.config import Config
from csms.core.commands import (
    CancelReservation,
    Command,
    GetLocalListVersion,
    ReserveNow,
    SendLocalList,
    StartCharging,
    StopCharging,
)
from csms.core.ids import TenantId
from csms.core.outcomes import Outcome
from csms.core.ports import Ports
from csms.domain.local_lists import flows as local_lists
from csms.domain.reservations import flows as reservations
from csms.domain.stations.routes import CommandFlow
from csms.domain.transactions import flows as transactions

Told = tuple[Outcome, dict[str, Any]]
"""The outcome, and what else the operator should know of it."""


def table(config: Config) -> dict[type[Command], CommandFlow]:
    """The flows by command. A command without a row is sent as it is, and nothing is remembered of it but its frames."""

    async def start(ports: Ports, tenant: TenantId, charger_id: str, command: StartCharging) -> Told:
        transaction_id, outcome = await transactions.remote_start(
            ports, config.transactions, charger_id, command.token, command.place, tenant=tenant
        )
        return outcome, {"transaction_id": transaction_id}

    async def stop(ports: Ports, tenant: TenantId, charger_id: str, command: StopCharging) -> Told:
        transaction_id, outcome = await transactions.remote_stop(ports, command.transaction_id, tenant=tenant)
        return outcome, {"transaction_id": transaction_id}

    async def reserve(ports: Ports, tenant: TenantId, charger_id: str, command: ReserveNow) -> Told:
        known, outcome = await reservations.reserve_now(ports, config.reservations, tenant, charger_id, command)
        return outcome, {"reservation_id": known.id, "state": known.state}

    async def cancel(ports: Ports, tenant: TenantId, charger_id: str, command: CancelReservation) -> Told:
        known, outcome = await reservations.cancel_reservation(ports, config.reservations, tenant, charger_id, command)
        return outcome, {"reservation_id": known.id, "state": known.state}

    return {
        StartCharging: start,
        StopCharging: stop,
        ReserveNow: reserve,
        CancelReservation: cancel,
        GetLocalListVersion: _list_version,
        SendLocalList: _list,
    }


async def _list_version(ports: Ports, tenant: TenantId, charger_id: str, command: GetLocalListVersion) -> Told:
    state, outcome = await local_lists.ask_version(ports, tenant, charger_id)
    return outcome, {"state": state.state}


async def _list(ports: Ports, tenant: TenantId, charger_id: str, command: SendLocalList) -> Told:
    return await local_lists.send(ports, tenant, charger_id, command), {}
