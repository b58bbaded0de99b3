"""One table: which question and which verb hear each kind of report."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import attrs

from csms.config import Config
from csms.core.ids import TenantId, charger_key, token_key
from csms.core.ports import Admission, Ports, ReadTx, Tx
from csms.core.reports import (
    Booted,
    CertificateRequested,
    DataSent,
    FirmwareStatusReported,
    HeartbeatSent,
    LogStatusReported,
    Mangled,
    MeterSampled,
    Report,
    SecurityEventReported,
    StartReported,
    StatusReported,
    StopReported,
    TimeTold,
    TokenPresented,
    UpdateReported,
    Verdict,
)
from csms.domain.billing.service import funds
from csms.domain.drivers import flows as drivers_flows
from csms.domain.drivers import service as drivers
from csms.domain.reservations import service as reservations
from csms.domain.security import flows as security_flows
from csms.domain.security import service as security
from csms.domain.stations import flows as stations_flows
from csms.domain.stations import service as stations
from csms.domain.transactions import flows as transactions_flows
from csms.domain.transactions import service as transactions
from csms.domain.transactions.store import rows as transactions_rows
from csms.domain.upkeep.service import availability as upkeep_availability
from csms.domain.upkeep.service import configuration as upkeep_configuration
from csms.domain.upkeep.service import firmware as upkeep_firmware
from csms.domain.upkeep.service import resets as upkeep_resets
from csms.domain.upkeep.service import uploads as upkeep_uploads
from csms.quirks import Book, load

Ask = Callable[[Ports, Any, TenantId], Awaitable[Any]]
Verb = Callable[[Tx, Any, Any], Any]


@attrs.frozen(slots=True)
class Row:
    """What hears one kind of report: the verb, and the question asked before it, or a decision that is always the same."""

    verb: Verb
    ask: Ask | None = None
    decision: Any = None


def table(config: Config, book: Book) -> dict[type[Report], Row]:
    """The dispatch table. ``HeartbeatSent`` is not in it: it is answered without a write."""
    settings = config.transactions
    policy = transactions_flows.policy(settings)
    asked = partial(_swap, partial(transactions_flows.ask, objection=funds.objection), settings)

    def boot(tx: Tx, report: Booted, decision: Any) -> Any:
        verdict = stations.boot(tx, report, decision)
        transactions.booted(tx, report, policy)
        reservations.booted(tx, report)
        upkeep_firmware.booted(tx, report)
        upkeep_configuration.booted(tx, report)
        upkeep_availability.booted(tx, report)
        upkeep_resets.booted(tx, report)
        return verdict

    def status(tx: Tx, report: StatusReported, decision: Any) -> Any:
        verdict = stations.status(tx, report, decision)
        transactions.status_seen(tx, report, policy)
        reservations.status_seen(tx, report)
        upkeep_availability.status_seen(tx, report)
        return verdict

    def start(tx: Tx, report: StartReported, decision: Any) -> Any:
        verdict = transactions.start(tx, report, decision)
        reservations.start_seen(tx, report, verdict)
        return verdict

    def authorize(tx: Tx, report: TokenPresented, decision: Any) -> Any:
        def objection(tx: ReadTx, driver_id: int) -> str:
            stops = transactions_rows.runs_at(tx, report.charger_id, driver_id)  # who charges there may want to stop
            return "" if stops else funds.objection(tx, driver_id)

        return drivers.authorize(tx, report, decision, objection=objection)

    return {
        Booted: Row(boot, partial(stations_flows.ask_boot, config.ocpp, book.quirks_of)),
        StatusReported: Row(status),
        DataSent: Row(stations.data, stations_flows.ask_data),
        TokenPresented: Row(authorize, drivers_flows.ask_token),
        StartReported: Row(start, asked),
        UpdateReported: Row(transactions.update, asked),
        StopReported: Row(transactions.stop, asked),
        MeterSampled: Row(transactions.meter, decision=policy),
        Mangled: Row(transactions.mangled, decision=policy),
        CertificateRequested: Row(security.request_certificate, partial(security_flows.ask_certificate, config.security)),
        SecurityEventReported: Row(security.security_event),
        FirmwareStatusReported: Row(upkeep_firmware.firmware_status, decision=config.files),
        LogStatusReported: Row(upkeep_uploads.log_status, decision=config.files),
    }


async def _swap(ask: Callable[..., Awaitable[Any]], settings: Any, ports: Ports, report: Any, tenant: TenantId) -> Any:
    return await ask(ports, settings, report, tenant)


def _noting_oddities(verb: Verb) -> Verb:
    def noting(tx: Tx, report: Any, decision: Any) -> Any:
        verdict = verb(tx, report, decision)
        stations.note_oddities(tx, report)
        return verdict

    return noting


class Dispatch:
    """Hears reports: asks, writes, and gives the verdict once it is durable."""

    def __init__(self, ports: Ports, config: Config, book: Book | None = None) -> None:
        self._ports = ports
        self._rows = table(config, book or load())
        self._noting = {kind: _noting_oddities(row.verb) for kind, row in self._rows.items()}

    async def hear(self, admission: Admission, report: Report) -> Verdict:
        """The verdict on a report. Raises ``StoreUnavailable`` when nothing was stored: then nothing may be acknowledged."""
        kind = type(report)
        if kind is HeartbeatSent:
            return TimeTold(self._ports.clock.now())
        row = self._rows[kind]
        decision = row.decision if row.ask is None else await row.ask(self._ports, report, admission.tenant)
        verb = self._noting[kind] if report.oddities else row.verb
        verdict: Verdict = await self._ports.database.write(
            verb, report, decision, tenant=admission.tenant, keys=keys_of(report, admission)
        )
        return verdict


COUNTING = (StartReported, UpdateReported)
"""Reports on which the transactions of a token are counted. An Authorize counts none (1.6 §7.2), a stop is never refused."""


def keys_of(report: Report, admission: Admission) -> tuple[str, ...]:
    """Every aggregate that hearing this report may change or count."""
    key = charger_key(report.charger_id)
    if isinstance(report, COUNTING) and report.token is not None:
        return key, token_key(admission.tenant, report.token.value)
    return (key,)
