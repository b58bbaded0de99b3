"""Composes the management API: who may log in, what is recorded, and the routes of every slice."""

from __future__ import annotations

from typing import Any

import attrs
import trio

from csms import charger_security, command_flows, smart_charging
from csms.api import auth
from csms.api.calls import Authenticate, Backing, Given
from csms.api.routes import Routes
from csms.config import Config
from csms.core.access import Principal
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Ports, ReadTx
from csms.domain.alerts import routes as alerts_routes
from csms.domain.audit import routes as audit_routes
from csms.domain.audit import service as audit
from csms.domain.local_lists import routes as local_lists_routes
from csms.domain.profiles import routes as profiles_routes
from csms.domain.reservations import routes as reservations_routes
from csms.domain.security import routes as security_routes
from csms.domain.stations import flows as stations_flows
from csms.domain.stations import routes as stations_routes
from csms.domain.stations import store as stations
from csms.domain.tenants import store as tenants
from csms.domain.upkeep import routes as upkeep_routes

READERS_LEFT = 2
"""Readers that the API leaves to the charger side."""


def backing(ports: Ports, config: Config, key: str) -> Backing:
    """What the API needs of the rest."""
    return Backing(
        ports=ports,
        authenticate=auth.first_of(*logins(ports, config, key)),
        record=audit.record,
        answers=KeptAnswers(ports),
        station_of=_station_of(ports),
        readers=trio.CapacityLimiter(max(1, config.database.pool_size - READERS_LEFT)),
    )


def logins(ports: Ports, config: Config, key: str) -> list[Authenticate]:
    """The ways to say who one is, in the order in which they are tried."""

    async def tenant_of(slug: str) -> TenantId | None:
        found = await ports.database.read(tenants.by_slug, slug, tenant=DEFAULT_TENANT)
        return None if found is None else found.id

    return [auth.operator_key(key, tenant_of)]


def slices(ports: Ports, config: Config) -> list[Routes]:
    """The routes of every slice."""
    return [
        audit_routes.routes(),
    ]


def blueprints(ports: Ports, config: Config) -> list[Any]:
    """The routes of slices that are not declared as ``Routes``."""
    return [
        stations_routes.blueprint(ports, flows=command_flows.table(config), approve=stations_flows.approve),
        local_lists_routes.blueprint(ports, config.local_lists),
        reservations_routes.blueprint(ports, config.reservations),
        alerts_routes.blueprint(ports),
        profiles_routes.blueprint(ports, smart_charging.rules(config)),
        upkeep_routes.blueprint(ports, config.files, config.upkeep, command_flows.running),
        security_routes.blueprint(ports, config.security, offered=charger_security.offered(config)),
    ]


def _station_of(ports: Ports) -> Any:
    def query(tx: ReadTx, charger_id: str) -> int | None:
        found = stations.charger(tx, charger_id)
        return None if found is None else found.station_id

    async def station_of(tenant: TenantId, charger_id: str) -> int | None:
        return await ports.database.read(query, charger_id, tenant=tenant)

    return station_of


@attrs.frozen(slots=True)
class KeptAnswers:
    """Answers under idempotency keys, in the store."""

    ports: Ports

    async def begin(self, who: Principal, key: str, fingerprint: str) -> Given | None:
        """Claim a key; None when it is new, else what was given under it."""
        known = await self.ports.database.write(audit.begin_answer, who.identity, key, fingerprint, tenant=who.tenant)
        if known is None:
            return None
        return Given(fingerprint=known.fingerprint, status=known.status, body=known.body.encode(), content_type=known.content_type)

    async def finish(self, who: Principal, key: str, given: Given) -> None:
        """Keep the answer."""
        await self.ports.database.write(
            audit.keep_answer, who.identity, key, given.status, given.content_type, given.body.decode(), tenant=who.tenant
        )

    async def forget(self, who: Principal, key: str) -> None:
        """Give a key back."""
        await self.ports.database.write(audit.forget_answer, who.identity, key, tenant=who.tenant)
