"""One table: the commands that a slice must prepare or follow up, and the flow that each goes through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from csms import charger_security, smart_charging
from csms.config import Config
from csms.core.commands import (
    CancelReservation,
    ChangeAvailability,
    Command,
    GetDiagnostics,
    GetLocalListVersion,
    GetLog,
    ReserveNow,
    Reset,
    SendLocalList,
    SetVariables,
    StopCharging,
    UpdateFirmware,
)
from csms.core.ids import TenantId
from csms.core.outcomes import Outcome
from csms.core.ports import Ports, ReadTx
from csms.domain.commands.flows import CommandFlow
from csms.domain.local_lists import flows as local_lists
from csms.domain.reservations import flows as reservations
from csms.domain.transactions import flows as transactions
from csms.domain.transactions.store import rows as transactions_rows
from csms.domain.upkeep.flows import availability, configuration, firmware, resets, uploads

Told = tuple[Outcome, dict[str, Any]]
"""The outcome, and what else the operator should know of it."""


def table(config: Config) -> dict[type[Command], CommandFlow]:
    """The flows by command. A command without a row is sent as it is, and nothing is remembered of it but its frames."""

    async def stop(ports: Ports, tenant: TenantId, charger_id: str, command: StopCharging) -> Told:
        transaction_id, outcome = await transactions.remote_stop(ports, command.transaction_id, tenant=tenant)
        return outcome, {"transaction_id": transaction_id}

    async def reserve(ports: Ports, tenant: TenantId, charger_id: str, command: ReserveNow) -> Told:
        known, outcome = await reservations.reserve_now(ports, config.reservations, tenant, charger_id, command)
        return outcome, {"reservation_id": known.id, "state": known.state}

    async def cancel(ports: Ports, tenant: TenantId, charger_id: str, command: CancelReservation) -> Told:
        known, outcome = await reservations.cancel_reservation(ports, config.reservations, tenant, charger_id, command)
        return outcome, {"reservation_id": known.id, "state": known.state}

    async def update(ports: Ports, tenant: TenantId, charger_id: str, command: UpdateFirmware) -> Told:
        known, outcome = await firmware.send_as_given(ports, config.files, tenant, charger_id, command)
        return outcome, {"update_id": known.id, "state": known.state}

    async def upload(ports: Ports, tenant: TenantId, charger_id: str, command: GetDiagnostics | GetLog) -> Told:
        known, outcome = await uploads.send_as_given(ports, config.files, tenant, charger_id, command)
        return outcome, {"upload_id": known.id, "state": known.state}

    async def reset(ports: Ports, tenant: TenantId, charger_id: str, command: Reset) -> Told:
        # who sends the bare command means it: csms reset asks first whether somebody is charging
        known, outcome = await resets.reset(ports, config.upkeep, tenant, charger_id, command, running=running, force=True)
        return outcome, {"note": known.note} if known.note else {}

    async def change(ports: Ports, tenant: TenantId, charger_id: str, command: ChangeAvailability) -> Told:
        known, outcome = await availability.change(ports, config.upkeep, tenant, charger_id, command.place, command.operative)
        return outcome, {"state": known.state}

    async def set_variables(ports: Ports, tenant: TenantId, charger_id: str, command: SetVariables) -> Told:
        return await configuration.set_as_given(ports, tenant, charger_id, command)

    return {
        **smart_charging.command_flows(config),
        **charger_security.command_flows(config, set_variables),
        Reset: reset,
        ChangeAvailability: change,
        StopCharging: stop,
        ReserveNow: reserve,
        CancelReservation: cancel,
        GetLocalListVersion: _list_version,
        SendLocalList: _list,
        UpdateFirmware: update,
        GetDiagnostics: upload,
        GetLog: upload,
    }


def running(tx: ReadTx, charger_id: str) -> Sequence[int]:
    """The transactions that run at a charger, by id, for slices below theirs."""
    return [each.id for each in transactions_rows.open_of(tx, charger_id)]


async def _list_version(ports: Ports, tenant: TenantId, charger_id: str, command: GetLocalListVersion) -> Told:
    state, outcome = await local_lists.ask_version(ports, tenant, charger_id)
    return outcome, {"state": state.state}


async def _list(ports: Ports, tenant: TenantId, charger_id: str, command: SendLocalList) -> Told:
    return await local_lists.send(ports, tenant, charger_id, command), {}
