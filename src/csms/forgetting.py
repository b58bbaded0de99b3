"""What is forgotten besides what only grows old: what ended long ago, and what a tenant wants kept for less time than the installation."""

from __future__ import annotations

import attrs
import structlog

from csms.config import RetentionConfig
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Ports
from csms.db import StoreDatabase
from csms.db.retention import (
    AUDIT_LOG,
    ENDED_ALERTS,
    ENDED_RESERVATIONS,
    ENDED_RESETS,
    EVENTS,
    FRAMES,
    GIVEN_ANSWERS,
    METER_READINGS,
    SECURITY_EVENTS,
    Kept,
    forget_ended,
    forget_old,
)
from csms.domain.tenants import store as tenants
from csms.domain.tenants.model import TenantSettings

DAY_MS = 86_400_000
ANSWER_DAYS = 1
"""An answer under an idempotency key is given again for so long."""

log = structlog.get_logger("csms.jobs")


async def forget_what_ended(config: RetentionConfig, database: StoreDatabase, ports: Ports) -> None:
    """Delete what ended long enough ago; 0 days keep for ever. Job."""
    now = ports.clock.now()
    for ended, days in (
        (ENDED_ALERTS, config.resolved_alerts_days),
        (ENDED_RESERVATIONS, config.ended_reservations_days),
        (ENDED_RESETS, config.ended_resets_days),
        (GIVEN_ANSWERS, ANSWER_DAYS),
    ):
        if days and (deleted := await forget_ended(database, ended, before=now - days * DAY_MS, slice_ms=config.slice_ms)):
            log.info("job.forgot", table=ended.table, rows=deleted, ended_before_days=days)


@attrs.define(slots=True, eq=False)
class TenantRetention:
    """Deletes what tenants want kept for less time than the installation keeps it. Job.

    It remembers, until the server stops, up to which row a tenant's are gone, so that others' rows are looked at once.
    """

    config: RetentionConfig
    database: StoreDatabase
    reached: dict[TenantId, dict[str, int]] = attrs.field(factory=dict)

    async def turn(self, ports: Ports) -> int:
        """One look; how many rows went."""
        now = ports.clock.now()
        deleted = 0
        for tenant, settings in (await ports.database.read(tenants.all_settings, tenant=DEFAULT_TENANT)).items():
            for kept, days in self._shorter(settings):
                own = attrs.evolve(kept, condition=f"{kept.condition} AND tenant = {int(tenant)}")
                gone = await forget_old(
                    self.database,
                    own,
                    before=now - days * DAY_MS,
                    slice_ms=self.config.slice_ms,
                    reached=self.reached.setdefault(tenant, {}),
                )
                deleted += gone
                if gone:
                    log.info("job.forgot", table=kept.table, rows=gone, older_than_days=days, tenant=tenant)
        return deleted

    def _shorter(self, settings: TenantSettings) -> list[tuple[Kept, int]]:
        """What a tenant wants kept for less time."""
        wishes = (
            (FRAMES, settings.frames_days, self.config.frames_days),
            (METER_READINGS, settings.meter_readings_days, self.config.meter_readings_days),
            (EVENTS, settings.events_days, self.config.events_days),
            (SECURITY_EVENTS, settings.security_events_days, self.config.security_events_days),
            (AUDIT_LOG, settings.audit_days, self.config.audit_days),
        )
        return [(kept, days) for kept, days, usual in wishes if days is not None and (not usual or days < usual)]
