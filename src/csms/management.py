"""Composes the management API: who may log in, what is recorded, and the routes of every slice."""

from __future__ import annotations

import base64
from functools import partial
from typing import Any

import attrs
import trio

from csms import charger_security, command_flows, document_subjects, messaging, premises, privacy, smart_charging
from csms.api import auth
from csms.api.calls import Authenticate, Backing, Given
from csms.api.limits import Limits
from csms.api.routes import Routes
from csms.config import Config
from csms.core.access import Principal
from csms.core.commands import StopCharging
from csms.core.errors import Conflict
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Ports, ReadTx
from csms.core.vault import NoKey
from csms.domain.alerts import routes as alerts_routes
from csms.domain.alerts import rule_routes as alert_rule_routes
from csms.domain.analytics import routes as analytics_routes
from csms.domain.audit import routes as audit_routes
from csms.domain.audit import service as audit
from csms.domain.billing.routes import billing_routes
from csms.domain.billing.service import funds as billing_funds
from csms.domain.billing.service import views as billing_views
from csms.domain.documents import routes as documents_routes
from csms.domain.drivers import routes as drivers_routes
from csms.domain.invoices.routes import invoices_routes
from csms.domain.local_lists import routes as local_lists_routes
from csms.domain.messages import routes as messages_routes
from csms.domain.payments import routes as payments_routes
from csms.domain.privacy import routes as privacy_routes
from csms.domain.profiles.routes import profile_routes
from csms.domain.reservations import routes as reservations_routes
from csms.domain.security.routes import security_routes
from csms.domain.stations import store as stations
from csms.domain.tenants import routes as tenants_routes
from csms.domain.tenants import store as tenants
from csms.domain.tickets import routes as tickets_routes
from csms.domain.transactions import routes as transactions_routes
from csms.domain.upkeep.routes import upkeep_routes
from csms.domain.users import routes as users_routes
from csms.domain.users.gate import Gate
from csms.domain.users.routes import external as users_external
from csms.domain.users.routes import ways as users_ways
from csms.domain.users.service import members
from csms.domain.wallets import routes as wallets_routes
from csms.domain.wallets.store import lists as wallets
from csms.inside import Inside, nowhere
from csms.inside import routes as inside_routes

READERS_LEFT = 2
"""Readers that the API leaves to the charger side."""


def readers_of(config: Config) -> trio.CapacityLimiter:
    """The readers that the API may use at a time."""
    return trio.CapacityLimiter(max(1, config.database.pool_size - READERS_LEFT))


def backing(ports: Ports, config: Config, key: str, gate: Gate) -> Backing:
    """What the API needs of the rest."""
    return Backing(
        ports=ports,
        authenticate=auth.first_of(*logins(ports, config, key, gate)),
        record=audit.record,
        answers=KeptAnswers(ports),
        station_of=_station_of(ports),
        readers=gate.standings.readers,
        limits=Limits(config.limits, operator_key=key),
    )


def logins(ports: Ports, config: Config, key: str, gate: Gate) -> list[Authenticate]:
    """The ways to say who one is, in the order in which they are tried."""

    async def tenant_of(slug: str) -> TenantId | None:
        found = await ports.database.read(tenants.by_slug, slug, tenant=DEFAULT_TENANT)
        return None if found is None else found.id

    return [auth.operator_key(key, tenant_of), *users_ways.ways(gate), *users_external.ways(gate)]


def slices(ports: Ports, config: Config, inside: Inside, gate: Gate) -> list[Routes]:
    """The routes of every slice; ``inside.nowhere()`` will do where none is to be called."""
    flows = command_flows.table(config)
    return [
        *inside_routes(inside),
        *users_routes.routes(gate),
        audit_routes.routes(),
        *premises.routes(config, command_flows.running),
        analytics_routes.routes(config.analytics),
        reservations_routes.routes(config.reservations),
        *security_routes(config.security, charger_security.offered(config)),
        local_lists_routes.routes(config.local_lists),
        *profile_routes(smart_charging.rules(config)),
        *upkeep_routes(config.files, config.upkeep, command_flows.running),
        alerts_routes.routes(),
        alert_rule_routes.routes(),
        tenants_routes.routes(gate.standings.forget_all),
        *drivers_routes.routes(sources={"charge": billing_views.charges, "wallet": wallets.activity}),
        *wallets_routes.routes(),
        *payments_routes.routes(),
        *transactions_routes.routes(
            config.transactions,
            start=lambda asker: inside.sender.asked_by(asker, partial(smart_charging.start, config)),
            stop=lambda asker: inside.sender.asked_by(asker, flows[StopCharging]),
            spending=billing_views.spent,
            objection=billing_funds.objection,
        ),
        *billing_routes(premises.start_url(config), stop=flows[StopCharging]),
        *invoices_routes(document_subjects.settings(config)),
        documents_routes.routes(desk := document_subjects.desk(config)),
        drivers_routes.place_routes(desk),
        tickets_routes.routes(desk, _name_of(ports)),
        *messages_routes.routes(messaging.ring_of(ports)),
        privacy_routes.routes(
            partial(privacy.export, inside.personal), partial(privacy.erase, inside.personal, gate.standings.forget)
        ),
    ]


def declared(config: Config) -> list[Routes]:
    """The routes of every slice where no server runs, for whoever only asks which there are; none of them may be called."""
    nothing: Any = Nowhere()
    return slices(nothing, config, nowhere(), nothing)


class Nowhere:
    """Stands for ports where no server runs: it can be passed on, and not called."""

    def __getattr__(self, name: str) -> Nowhere:
        return self


def _name_of(ports: Ports) -> tickets_routes.NameOf:
    async def name_of(tenant: TenantId, user_id: int) -> str:
        return (await ports.database.read(members.need_member, user_id, tenant=tenant)).name

    return name_of


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
        try:
            body = self.ports.vault.open(known.body) if known.body else ""
        except NoKey:
            raise Conflict("what was answered under this Idempotency-Key cannot be read any more: use a new one") from None
        return Given(
            fingerprint=known.fingerprint,
            status=known.status,
            body=base64.b64decode(body),
            content_type=known.content_type,
            headers=known.headers,
        )

    async def finish(self, who: Principal, key: str, given: Given) -> None:
        """Keep the answer, encrypted: it may show a key that is shown once."""
        body = self.ports.vault.seal(base64.b64encode(given.body).decode())  # it may be no text: an archive
        await self.ports.database.write(
            audit.keep_answer, who.identity, key, given.status, given.content_type, body, given.headers, tenant=who.tenant
        )

    async def forget(self, who: Principal, key: str) -> None:
        """Give a key back."""
        await self.ports.database.write(audit.forget_answer, who.identity, key, tenant=who.tenant)
