"""Composes who is let in: the gate of the users slice, with its keys, its rules, and what it needs of slices above it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import attrs
import structlog
import trio

from csms.config import Config, IdentityConfig, make_identity_key
from csms.core.access import SYSTEM_ADMIN
from csms.core.errors import Conflict
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.messages import EMAIL, Message
from csms.core.ports import Database, Ports, ReadTx, Tx
from csms.domain.drivers import service as drivers
from csms.domain.stations import store as stations
from csms.domain.users.directory import Directory
from csms.domain.users.gate import Gate
from csms.domain.users.keys import Keys
from csms.domain.users.model import Rules, User
from csms.domain.users.passwords import Passwords
from csms.domain.users.providers import Provider
from csms.domain.users.service import members, people
from csms.domain.users.service.members import Neighbours
from csms.domain.users.standings import Standings
from csms.domain.users.store import memberships as memberships_store
from csms.domain.users.store import people as people_store

SECRET_BYTES = 48

log = structlog.get_logger("csms.identity")


def driver_of(tx: Tx, user: User) -> int:
    """The driver that a user charges as, in the transaction's tenant."""
    return drivers.driver_for_user(
        tx, user.id, name=user.name, email=user.email, phone=user.phone, email_verified=user.email_verified_at is not None
    ).id


def stations_among(tx: ReadTx, station_ids: Sequence[int]) -> frozenset[int]:
    """Those ids that are stations of the transaction's tenant."""
    return frozenset(each for each in station_ids if stations.station(tx, each) is not None)


NEIGHBOURS = Neighbours(driver_of=driver_of, stations_among=stations_among)


def rules_of(config: IdentityConfig) -> Rules:
    """The configuration, as the users slice knows it."""
    return Rules(**{field.name: getattr(config, field.name) for field in attrs.fields(Rules) if hasattr(config, field.name)})


def providers_of(config: IdentityConfig) -> list[Provider]:
    """The identity providers of the configuration, as the users slice knows them."""
    return [Provider(name=name, **attrs.asdict(each, recurse=False)) for name, each in config.providers.items()]


def passwords_of(config: IdentityConfig, ports: Ports) -> Passwords:
    """What hashes passwords."""
    return Passwords(ports.blocking, memory_kib=config.password_memory_kib, passes=config.password_passes)


def open_gate(config: Config, ports: Ports, readers: trio.CapacityLimiter) -> Gate:
    """The gate, with the installation's secret, made on first use. Raises ``OSError`` when its file cannot be written."""
    return gate_of(config, ports, readers, make_identity_key(config, ports.random.token(SECRET_BYTES)))


def gate_of(config: Config, ports: Ports, readers: trio.CapacityLimiter, secret: str) -> Gate:
    """The gate with a secret."""
    return Gate(
        ports=ports,
        rules=rules_of(config.identity),
        keys=Keys(secret),
        passwords=passwords_of(config.identity, ports),
        standings=Standings(ports, readers),
        neighbours=NEIGHBOURS,
        directory=Directory(ports.http, providers_of(config.identity)),
    )


async def first_admin(gate: Gate, config: IdentityConfig) -> None:
    """Make the system administrator whom the configuration names, while there are no users; their password is sent to them.

    Of two servers that start at once, one makes the account.
    """
    if await gate.ports.database.read(people_store.anybody, tenant=DEFAULT_TENANT):
        return
    if not config.first_admin:
        log.info("identity.no_users", hint="csms user add EMAIL --role system_admin; the operator key opens the API meanwhile")
        return
    password = gate.ports.random.token(12)
    hashed = await gate.passwords.hash(password)
    hours = gate.rules.temporary_password_hours
    expires_at = gate.ports.clock.now() + hours * 3_600_000
    try:
        await add_user(
            gate.ports.database, email=config.first_admin, role=SYSTEM_ADMIN, password_hash=hashed, password_expires_at=expires_at
        )
    except Conflict:
        return
    secrets = {"password": password}
    message = Message(
        kind="notice",
        channel=EMAIL,
        recipient=config.first_admin,
        template="first_password",
        fields={"hours": str(hours)},
        secrets=secrets,
    )
    await gate.ports.notifier.notify(message)
    log.info("identity.first_admin", email=config.first_admin)


async def add_user(
    database: Database,
    *,
    role: str,
    tenant: TenantId = DEFAULT_TENANT,
    stations: Sequence[int] | None = None,
    **account: Any,
) -> User:
    """Add an account and make it a member of a tenant; a driver's row is made with it. Raises as the verbs do.

    Two writes: a verb may not count on the number of what it makes. An account whose second write was lost is taken up by the next
    ``add_user`` of the same address.
    """
    try:
        user = await database.write(partial(people.add, **account), tenant=tenant)
    except Conflict:
        known = await database.read(people_store.by_email, account.get("email", ""), tenant=tenant)
        belongs = () if known is None else await database.read(memberships_store.of_user, known.id, tenant=tenant)
        if known is None or belongs:
            raise
        user = known
    await database.write(partial(members.join, neighbours=NEIGHBOURS, user=user, role=role, station_ids=stations), tenant=tenant)
    return user
