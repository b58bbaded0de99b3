"""Signing in: name and password, perhaps a second factor, then a login with its tokens."""

from __future__ import annotations

from functools import partial

import attrs

from csms.core.access import DRIVER, SYSTEM_ADMIN
from csms.core.errors import NotFound, Refused
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Tx
from csms.domain.tenants import store as tenants
from csms.domain.users.addresses import address_of
from csms.domain.users.gate import Gate
from csms.domain.users.keys import AccessToken, sha256
from csms.domain.users.model import Credentials, Membership, User, WrongLogin, user_key
from csms.domain.users.service import logins, throttling
from csms.domain.users.service.throttling import Bucket
from csms.domain.users.store import memberships, people

from . import codes

SECRET_BYTES = 32
WRONG = "this is no valid name and password"
NO_REFRESH = "this is no valid refresh token"


@attrs.frozen(slots=True, kw_only=True)
class Device:
    """From where somebody signs in."""

    name: str
    remote_address: str


@attrs.frozen(slots=True, kw_only=True)
class Proven:
    """Who somebody is, by their password at least; ``buckets`` is where their tries were counted."""

    known: Credentials
    chosen: Membership
    memberships: tuple[Membership, ...]
    buckets: tuple[Bucket, ...]


@attrs.frozen(slots=True, kw_only=True)
class SignedIn:
    """A login with its tokens. ``password_expires_at`` is set where somebody else made the password: it is to be changed."""

    user: User
    login_id: int
    access_token: str = attrs.field(repr=False)
    refresh_token: str = attrs.field(repr=False)
    csrf_token: str = attrs.field(repr=False)
    expires_at: int
    tenant_id: TenantId
    tenant: str
    role: str
    memberships: tuple[Membership, ...]
    password_expires_at: int | None = None


def buckets(gate: Gate, account: str, remote_address: str) -> tuple[Bucket, ...]:
    """Where tries on an account from an address are counted."""
    return (
        throttling.account(gate.keys.bucket("account", account)),
        throttling.address(gate.keys.bucket("address", remote_address)),
    )


async def begin(gate: Gate, counted: tuple[Bucket, ...]) -> None:
    """Count a try. Raises ``TooSoon``."""
    throttling.checked(await gate.ports.database.write(throttling.begin, counted, tenant=DEFAULT_TENANT))


async def prove(gate: Gate, name: str, password: str, tenant: str, device: Device) -> Proven:
    """Whose name and password these are. Raises ``WrongLogin`` after the same work whatever was wrong, ``TooSoon``, ``Refused`` for who
    belongs to no tenant, or ``NotFound`` for a tenant that they have no business with.
    """
    email, phone = address_of(name)
    database = gate.ports.database
    counted = buckets(gate, people.folded(email) or phone or name.strip().casefold(), device.remote_address)
    await begin(gate, counted)
    look = partial(people.credentials_of, email=email, phone=phone)
    known = await database.read(look, tenant=DEFAULT_TENANT)
    matched = await gate.passwords.verify("" if known is None else known.password_hash, password)
    if known is None or not matched or known.user.disabled_at is not None or _expired(gate, known):
        raise WrongLogin(WRONG)
    if gate.passwords.outdated(known.password_hash):
        renewed = await gate.passwords.hash(password)
        verb = partial(people.rehash, user_id=known.user.id, old=known.password_hash, new=renewed)
        await database.write(verb, tenant=DEFAULT_TENANT, keys=(user_key(known.user.id),))
    mine = await tenants_of(gate, known.user.id)
    return Proven(known=known, chosen=await choose(gate, mine, tenant), memberships=mine, buckets=counted)


def _expired(gate: Gate, known: Credentials) -> bool:
    return known.password_expires_at is not None and known.password_expires_at <= gate.ports.clock.now()


async def tenants_of(gate: Gate, user_id: int) -> tuple[Membership, ...]:
    """Where a user may work. Raises ``Refused`` for nowhere."""
    found = await gate.ports.database.read(memberships.of_user, user_id, tenant=DEFAULT_TENANT)
    mine = tuple(each for each in found if each.disabled_at is None)
    if not mine:
        raise Refused("this account belongs to no tenant (any more)")
    return mine


async def choose(gate: Gate, mine: tuple[Membership, ...], slug: str) -> Membership:
    """The tenant of that slug, or the first where nobody names one, staff before drivers. Raises ``NotFound``."""
    if not slug:
        return min(mine, key=lambda each: each.role == DRIVER)
    for each in mine:
        if each.tenant == slug:
            return each
    admin = next((each for each in mine if each.role == SYSTEM_ADMIN), None)
    found = None if admin is None else await gate.ports.database.read(tenants.by_slug, slug, tenant=DEFAULT_TENANT)
    if admin is None or found is None:
        raise NotFound(f"there is no tenant {slug!r}")
    return attrs.evolve(admin, tenant=found.slug, tenant_name=found.name, tenant_id=found.id, driver_id=None)


async def sign_in(gate: Gate, proven: Proven, device: Device) -> SignedIn:
    """Begin a login for somebody who proved everything that was asked."""
    secret, chosen, user = gate.ports.random.token(SECRET_BYTES), proven.chosen, proven.known.user

    def verb(tx: Tx) -> int:
        throttling.succeed(tx, proven.buckets)
        return logins.begin(
            tx,
            user.id,
            gate.rules,
            refresh_hash=sha256(secret),
            device=device.name,
            remote_address=device.remote_address,
            at_tenant=chosen.tenant_id,
        )

    keys = (user_key(user.id), *(f"throttle:{each.name}" for each in proven.buckets))
    login_id = await gate.ports.database.write(verb, tenant=chosen.tenant_id, keys=keys)
    return tokens(gate, proven.known, login_id, secret, chosen, proven.memberships)


def tokens(
    gate: Gate, known: Credentials, login_id: int, secret: str, chosen: Membership, mine: tuple[Membership, ...]
) -> SignedIn:
    """The tokens of a login."""
    now = gate.ports.clock.now()
    expires_at = now + gate.rules.access_token_s * 1000
    access = AccessToken(user_id=known.user.id, login_id=login_id, tenant=chosen.tenant_id, expires_at=expires_at)
    return SignedIn(
        user=known.user,
        login_id=login_id,
        access_token=gate.keys.access_token(access, now=now),
        refresh_token=gate.keys.refresh_token(login_id, secret),
        csrf_token=gate.keys.csrf(login_id),
        expires_at=expires_at,
        tenant_id=chosen.tenant_id,
        tenant=chosen.tenant,
        role=chosen.role,
        memberships=mine,
        password_expires_at=known.password_expires_at,
    )


async def refresh(gate: Gate, text: str) -> SignedIn:
    """Another access token for a refresh token, which is used up, with the one that follows it. Raises ``WrongLogin`` or ``Refused``."""
    parsed = gate.keys.read_refresh_token(text)
    if parsed is None:
        raise WrongLogin(NO_REFRESH)
    login_id, secret = parsed
    following = gate.keys.refreshed(login_id, secret)
    database = gate.ports.database
    verb = partial(logins.refresh, rules=gate.rules, shown_hash=sha256(secret), next_hash=sha256(following))
    used = await database.write(verb, login_id, tenant=DEFAULT_TENANT)
    if used is None:
        raise WrongLogin(NO_REFRESH)
    known = await database.read(people.credentials, used.user_id, tenant=DEFAULT_TENANT)
    if used.reused:
        gate.standings.forget(used.user_id)
        if known is not None:
            await codes.notice(gate, codes.recipient_of(known.user), "login_reused")
        raise WrongLogin(NO_REFRESH)
    if known is None or known.user.disabled_at is not None:
        raise WrongLogin(NO_REFRESH)
    mine = await tenants_of(gate, used.user_id)
    chosen = await _at(gate, mine, TenantId(used.at_tenant))
    return tokens(gate, known, login_id, following, chosen, mine)


async def _at(gate: Gate, mine: tuple[Membership, ...], tenant: TenantId) -> Membership:
    """The tenant that was chosen at login, or another where the user has no business there any more."""
    chosen = next((each for each in mine if each.tenant_id == tenant), None)
    if chosen is not None:
        return chosen
    found = await gate.ports.database.read(tenants.current, tenant=tenant)
    is_admin = any(each.role == SYSTEM_ADMIN for each in mine)
    return await choose(gate, mine, found.slug if is_admin and found is not None else "")
