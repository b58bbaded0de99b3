"""Letting in whom an identity provider vouches for, and heeding what it tells of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from csms.core.errors import Refused
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import ReadTx, Tx
from csms.domain.tenants import store as tenants
from csms.domain.tenants.model import Tenant
from csms.domain.users.directory import Admitted, Vouched
from csms.domain.users.gate import Gate
from csms.domain.users.model import Member
from csms.domain.users.providers import Grant, Person, Provider
from csms.domain.users.service import external as service
from csms.domain.users.store import external as store
from csms.domain.users.store import memberships
from csms.domain.users.store.external import Granted, Identity
from csms.domain.users.user_webhooks import Message, Told

T = TypeVar("T")


async def admit(gate: Gate, vouched: Vouched) -> Admitted:
    """Let somebody in; at the first time they get an account, and whenever their provider says another role, they have it.

    Raises ``Refused`` for who was deactivated or belongs nowhere here.
    """
    provider, person = vouched.provider, vouched.person
    if vouched.grant is None:
        raise Refused(f"{provider.name} names no tenant for this account")
    tenant, known = await _read(gate, partial(_known, person=person, grant=vouched.grant), DEFAULT_TENANT)
    if tenant is None:
        raise Refused(f"{provider.name} names a tenant for this account that there is not")
    if known is None:
        meet = partial(service.meet, provider=provider, person=person)
        known = await gate.ports.database.write(meet, tenant=DEFAULT_TENANT, keys=(service.identity_key(person),))
    if known.user_id is None or known.deactivated_at is not None:
        raise Refused(f"{provider.name} has deactivated this account")
    await _grant(gate, provider, known, tenant.id, vouched.grant, vouched.said_at, whole=True)
    return Admitted(
        identity_id=known.id,
        user_id=known.user_id,
        tenant=tenant.id,
        tenant_slug=tenant.slug,
        may_be_admin=provider.system_admins,
        until=vouched.until,
    )


def _known(tx: ReadTx, person: Person, grant: Grant) -> tuple[Tenant | None, Identity | None]:
    tenant = tenants.by_slug(tx, grant.tenant)
    open_tenant = tenant if tenant is not None and tenant.closed_at is None else None
    return open_tenant, store.identity(tx, person.issuer, person.subject)


async def _grant(
    gate: Gate, provider: Provider, known: Identity, tenant: TenantId, grant: Grant, said_at: int, *, whole: bool
) -> None:
    """Make somebody what their provider says; where that is what they are, only keep that it said so."""
    user_id = known.user_id
    assert user_id is not None

    def look(tx: ReadTx) -> tuple[Granted | None, Member | None]:
        return store.granted(tx, known.id), memberships.member(tx, user_id)

    before, member = await _read(gate, look, tenant)
    if service.wanted_role(provider, before, member, grant.role, said_at, whole=whole) is not None:
        verb = partial(
            service.grant,
            neighbours=gate.neighbours,
            provider=provider,
            identity=known,
            said=grant.role,
            said_at=said_at,
            whole=whole,
        )
        await gate.ports.database.write(verb, tenant=tenant)
        gate.standings.forget(user_id)
    elif before is not None and before.said_at < said_at and before.role == grant.role:
        row = {"identity_id": known.id, "at_tenant": tenant, "said_at": said_at}
        await gate.ports.database.append(store.SAID_UPDATE, [row], key=f"external_grant:{known.id}", tenant=tenant)


async def _read(gate: Gate, query: Callable[[ReadTx], T], tenant: TenantId) -> T:
    async with gate.standings.readers:
        return await gate.ports.database.read(query, tenant=tenant)


async def heed(gate: Gate, provider: Provider, told: Told, message: Message) -> tuple[int | None, str]:
    """Heed what a signed message tells, once; the user whom it is about, and what came of it (see ``service.external.tell``).

    That it was heeded is kept at the end: one that was cut off is told again by its sender, and does no harm.
    """
    database = gate.ports.database
    if await _read(gate, partial(store.was_heeded, provider=provider.name, message_id=message.id), DEFAULT_TENANT):
        return None, "repeated"
    verb = partial(service.tell, provider=provider, told=told)
    known, outcome = await database.write(verb, tenant=DEFAULT_TENANT, keys=(service.identity_key(told.person),))
    if known.user_id is not None:
        gate.standings.forget(known.user_id)
    if told.grant is not None and known.user_id is not None and known.deactivated_at is None and outcome != "older":
        tenant, _ = await _read(gate, partial(_known, person=told.person, grant=told.grant), DEFAULT_TENANT)
        if tenant is not None:
            await _grant(gate, provider, known, tenant.id, told.grant, told.told_at, whole=False)

    def heeded(tx: Tx) -> None:
        store.heed(tx, provider.name, message.id)

    await database.write(heeded, tenant=DEFAULT_TENANT, keys=(f"external_message:{provider.name}:{message.id}",))
    return known.user_id, outcome
