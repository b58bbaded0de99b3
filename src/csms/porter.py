"""The porter: judges chargers' log-ins with what the slices know, and notes when somebody guesses."""

from __future__ import annotations

import structlog
import trio

from csms.config import Config
from csms.core.errors import StoreUnavailable
from csms.core.ids import DEFAULT_TENANT, TenantId, charger_key
from csms.core.ports import Admission, Handshake, Ports, Turned
from csms.domain.security import flows, service
from csms.domain.security.model import LOGINS_FAILED
from csms.domain.stations import flows as stations_flows
from csms.domain.stations import store as stations_store
from csms.net.logins import FailedLogins

LOGINS_NOTED_EVERY_S = 600.0
MOST_NOTED = 10_000

log = structlog.get_logger("csms.security")


class Porter:
    """Judges log-ins with what the security slice knows, and notes when somebody guesses."""

    def __init__(self, ports: Ports, config: Config) -> None:
        self._ports = ports
        self._config = config
        self._failures = FailedLogins(config.ocpp.login_failures_limit)
        self._noted: dict[str, float] = {}

    async def admit(self, handshake: Handshake) -> Admission | Turned:
        """Whether a charger may connect. Raises ``StoreUnavailable``."""
        judged = await stations_flows.admit(self._ports, self._config.ocpp, handshake, self._judge)
        if isinstance(judged, Turned) and judged.http_status in (401, 403):
            await self._count(handshake)
        return judged

    async def _judge(self, handshake: Handshake, tenant: TenantId) -> str:
        strangers = bool(self._config.ocpp.tls_client_ca)
        return await flows.judge(self._ports, handshake, tenant, strangers=strangers)

    async def _count(self, handshake: Handshake) -> None:
        """A log-in failed; of too many within a minute a security event is kept, at most every ten minutes."""
        charger_id, mono = handshake.charger_id, trio.current_time()
        self._failures.failed(charger_id, mono)
        if not self._failures.exhausted(charger_id, mono) or self._noted.get(charger_id, -1e9) > mono - LOGINS_NOTED_EVERY_S:
            return
        if len(self._noted) >= MOST_NOTED:
            self._noted.clear()
        self._noted[charger_id] = mono
        known = await self._ports.database.read(stations_store.gate, charger_id, tenant=DEFAULT_TENANT)
        if known is None:
            return
        words = f"{self._config.ocpp.login_failures_limit} failed log-ins within a minute, the last from {handshake.remote_address}"
        try:
            await self._ports.database.write(
                service.notice, charger_id, LOGINS_FAILED, words, tenant=known.tenant, keys=(charger_key(charger_id),)
            )
        except StoreUnavailable as error:
            log.warning("security.not_noted", charger=charger_id, reason=str(error))
