"""One table: periodic work of the core."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import attrs
import structlog
import trio

from csms import command_flows, document_subjects, memory, smart_charging, turns, vault
from csms.config import Config, RetentionConfig
from csms.core.commands import StopCharging
from csms.core.errors import StoreUnavailable
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Ports, Tx
from csms.db import StoreDatabase
from csms.db.patience import patient
from csms.db.retention import (
    AUDIT_LOG,
    BULK_COMMANDS,
    COMMANDS,
    EVENTS,
    FRAMES,
    MESSAGES,
    METER_READINGS,
    NOTICES,
    SECURITY_EVENTS,
    WEBHOOK_DELIVERIES,
    forget_old,
)
from csms.db.tidying import tidy
from csms.domain.analytics.service import excluding
from csms.domain.billing.flows import looking as billing_looking
from csms.domain.billing.flows import prepaying as billing_prepaying
from csms.domain.billing.flows import rounds as billing_rounds
from csms.domain.billing.flows import watch as billing_watch
from csms.domain.billing.service import prepaying as billing_prepaid
from csms.domain.billing.service import watching as billing_watching
from csms.domain.documents import flows as documents_flows
from csms.domain.invoices import flows as invoices_flows
from csms.domain.local_lists import flows as local_lists
from csms.domain.messages import personal as messages_personal
from csms.domain.messages import progress as messages_progress
from csms.domain.payments import flows as payments_flows
from csms.domain.payments.service import notices as payments_notices
from csms.domain.privacy import flows as privacy_flows
from csms.domain.profiles import flows as profiles_flows
from csms.domain.profiles import service as profiles
from csms.domain.profiles import store as profiles_store
from csms.domain.reservations import flows as reservations_flows
from csms.domain.reservations import service as reservations
from csms.domain.security import flows as security_flows
from csms.domain.stations import store as stations_store
from csms.domain.stations.judging import default_profile
from csms.domain.tenants import flows as tenants
from csms.domain.tickets import flows as tickets_flows
from csms.domain.transactions import service as transactions
from csms.domain.upkeep.flows import availability as upkeep_availability
from csms.domain.upkeep.flows import configuration as upkeep_configuration
from csms.domain.upkeep.flows import rounds as upkeep
from csms.domain.upkeep.service import maintenance as upkeep_maintenance
from csms.domain.upkeep.service import resets as upkeep_resets
from csms.domain.upkeep.service import uploads as upkeep_uploads
from csms.domain.upkeep.store import availability as availability_store
from csms.domain.upkeep.store import configuration as configuration_store
from csms.domain.users.service import tidying as users_tidying
from csms.domain.wallets import flows as wallets_flows
from csms.domain.wallets import service as wallets
from csms.forgetting import TenantRetention, forget_what_ended
from csms.turns import Turns

DAY_MS = 86_400_000
JOB_LIMIT_S = 600.0

log = structlog.get_logger("csms.jobs")


@attrs.frozen(slots=True)
class Job:
    """Work that is done every ``every_s`` seconds; a failure is logged, and its next turn comes all the same."""

    name: str
    every_s: float
    work: Callable[[Ports], Awaitable[Any]]


def table(config: Config, database: StoreDatabase) -> list[Job]:
    """What is done, and how often."""
    return [
        Job("close overdue transactions", 5, partial(each_tenant, transactions.close_overdue)),
        Job("expire pending starts", 5, partial(each_tenant, transactions.expire_pending)),
        Job("synchronise local lists", 5, partial(local_lists.synchronise_due, config.local_lists)),
        Job("expire reservations", 5, partial(each_tenant, reservations.expire)),
        Job("ask about reservations again", 5, partial(reservations_flows.ask_again, config.reservations)),
        Job("align charging profiles", 5, profiles_flows.align),
        Job("tidy charging profiles", 30, partial(each_tenant, profiles.tidy)),
        Job("advance firmware campaigns", 5, partial(upkeep.campaigns, config.files)),
        Job("chase overdue firmware updates", 15, upkeep.overdue),
        Job("close overdue uploads", 15, partial(each_tenant, upkeep_uploads.close_overdue)),
        Job("align configuration", 2, upkeep_configuration.align),
        Job("turn maintenance windows", 2, partial(each_tenant, upkeep_maintenance.turn)),
        Job("close overdue resets", 15, partial(each_tenant, upkeep_resets.close_overdue)),
        Job("tidy files", 3600, partial(upkeep.tidy, config.files)),
        Job("hand out certificates", 2, partial(security_flows.hand_out_due, config.security)),
        Job("renew certificates", 2, partial(security_flows.renew_and_settle, config.security, default_profile(config.ocpp))),
        Job("reckon excluded downtime", 60, partial(each_tenant, excluding.recount)),
        Job("take stock of certificates", 60, partial(security_flows.take_stock, config.security)),
        Job("note who was heard", 60, note_last_seen),
        Job("tell of expiring documents", 600, partial(documents_flows.mark_ending, document_subjects.settings(config))),
        Job("mask who was erased in logs", 30, privacy_flows.mask_traces),
        Job("tidy documents", 3600, documents_flows.sweep),
        Job("close resolved tickets", 3600, tickets_flows.close_resolved),
        Job("tell how far charging is", 20, messages_progress.tell),
        Job("tidy logins", 600, partial(until_done, users_tidying.tidy)),
        Job("open wallets", 5, wallets_flows.Opener().turn),
        Job("release expired holds", 5, partial(each_tenant, wallets.release_expired)),
        Job("expire allowances", 15, partial(each_tenant, wallets.expire_allowances)),
        Job("checkpoints of the ledger", 60, wallets_flows.checkpoint),
        Job("prove the ledger", 60, wallets_flows.Prover().turn),
        Job("look after payments", 1, payments_flows.look_after_payments),
        Job("look after refunds", 1, payments_flows.look_after_refunds),
        Job("look after mandates", 5, payments_flows.look_after_mandates),
        Job("look after disputes", 60, payments_flows.look_after_disputes),
        Job("tidy notices of gateways", 3600, partial(each_tenant, payments_notices.tidy)),
        Job("settle bills", 1, billing_rounds.settle_due),
        Job("make missing bills", 60, billing_rounds.make_missing),
        Job("look at bills again", 10, billing_looking.look_again),
        Job("watch running charges", 5, partial(billing_watch.watch, command_flows.table(config)[StopCharging])),
        Job("issue invoices", 60, invoices_flows.issue_due),
        Job("refresh open invoices", 60, invoices_flows.refresh_open),
        Job("look after prepaid charges", 2, partial(billing_prepaying.look_after, partial(smart_charging.start, config))),
        Job("forget guests", 3600, partial(each_tenant, billing_prepaid.forget_guests)),
        Job("forget what guests were told", 3600, partial(each_tenant, messages_personal.forget_guests)),
        Job("tidy watches of charges", 600, partial(each_tenant, billing_watching.tidy)),
        Job("retention", 600, partial(forget, config.retention, database)),
        Job("retention of what ended", 600, partial(forget_what_ended, config.retention, database)),
        Job("tidy indexes of texts", 3600, partial(tidy_texts, database)),
        Job("retention of single tenants", 600, TenantRetention(config.retention, database).turn),
    ]


def turns_table(config: Config) -> list[Turns]:
    """What chargers get a turn for when it is due."""
    rules = smart_charging.rules(config)

    async def deliver(ports: Ports, tenant: TenantId, charger_id: str) -> None:
        await profiles_flows.deliver(ports, rules, charger_id, tenant=tenant)

    async def configure(ports: Ports, tenant: TenantId, charger_id: str) -> None:
        await upkeep_configuration.apply(ports, config.upkeep, tenant, charger_id)

    async def tell(ports: Ports, tenant: TenantId, charger_id: str) -> None:
        await upkeep_availability.tell_due(ports, config.upkeep, tenant, charger_id)

    return [
        Turns("charging profiles", profiles_store.due_chargers, deliver),
        Turns("configuration", configuration_store.due, configure),
        Turns("availability", availability_store.due, tell),
    ]


async def each_tenant(verb: Callable[[Tx], int], ports: Ports) -> int:
    """Run a verb for every tenant until it finds nothing more to do; how much it did.

    What fails for one tenant keeps nobody else waiting. Raises an ``ExceptionGroup`` of what failed, or ``StoreUnavailable``.
    """

    async def work(tenant: TenantId) -> int:
        done = 0
        while count := await ports.database.write(verb, tenant=tenant):
            done += count
        return done

    return await tenants.for_each(ports, work)


async def until_done(verb: Callable[[Tx], int], ports: Ports) -> int:
    """Run a verb that concerns the installation until it finds nothing more to do; how much it did."""
    done = 0
    while count := await ports.database.write(verb, tenant=DEFAULT_TENANT):
        done += count
    return done


async def note_last_seen(ports: Ports) -> None:
    """Store when each connected charger was last heard: heartbeats alone are not written."""
    seen: dict[TenantId, dict[str, int]] = {}
    for info in ports.chargers.connections():
        seen.setdefault(info.tenant, {})[info.charger_id] = info.last_heard_at
    for tenant, chargers in seen.items():
        rows = stations_store.last_seen_rows(tenant, chargers)
        await ports.database.append(stations_store.LAST_SEEN_UPDATE, rows, key="last-seen", tenant=tenant)


async def forget(config: RetentionConfig, database: StoreDatabase, ports: Ports) -> None:
    """Delete what has been kept long enough; 0 days keep for ever."""
    now = ports.clock.now()
    for kept, days in (
        (FRAMES, config.frames_days),
        (METER_READINGS, config.meter_readings_days),
        (EVENTS, config.events_days),
        (SECURITY_EVENTS, config.security_events_days),
        (AUDIT_LOG, config.audit_days),
        (COMMANDS, config.commands_days),
        (BULK_COMMANDS, config.commands_days),
        (WEBHOOK_DELIVERIES, config.webhook_deliveries_days),
        (MESSAGES, config.messages_days),
        (NOTICES, config.messages_days),
    ):
        if days:
            deleted = await forget_old(database, kept, before=now - days * DAY_MS, slice_ms=config.slice_ms)
            if deleted:
                log.info("job.forgot", table=kept.table, rows=deleted, older_than_days=days)


async def tidy_texts(database: StoreDatabase, _: Ports) -> None:
    """Let go of what indexes of texts still hold of names that were changed or erased."""
    await tidy(database)


async def run(ports: Ports, config: Config, database: StoreDatabase) -> None:
    """Run every job in its turn, for ever, each in a task of its own."""
    async with trio.open_nursery() as nursery:
        if (rotation := vault.rotation(config, ports)) is not None:
            nursery.start_soon(repeat, Job("follow the keys of secrets", 30, rotation.turn), ports)
        nursery.start_soon(memory.sweep)
        for each in turns_table(config):
            nursery.start_soon(turns.take, each, ports)
        for job in table(config, database):
            nursery.start_soon(repeat, job, ports)


async def repeat(job: Job, ports: Ports) -> None:
    """Run one job for ever. What it writes lets chargers and callers go first."""
    while True:
        await trio.sleep(job.every_s)
        try:
            with trio.fail_after(JOB_LIMIT_S):
                with patient():
                    await job.work(ports)
        except StoreUnavailable as error:
            log.warning("job.store_unavailable", job=job.name, reason=str(error))
        except Exception:
            log.exception("job.failed", job=job.name)
