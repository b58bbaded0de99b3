"""Inviting people to a tenant, and their coming."""

from __future__ import annotations

from functools import partial

import attrs

from csms.core.errors import Conflict, Invalid
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.messages import EMAIL, Message
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.users import passwords
from csms.domain.users.addresses import name_of
from csms.domain.users.gate import Gate
from csms.domain.users.keys import INVITATION_PREFIX, parse_token, same, sha256, token_of
from csms.domain.users.model import Invitation, User, WrongLogin, members_key
from csms.domain.users.service import members, throttling
from csms.domain.users.service import people as service
from csms.domain.users.store import invitations as store
from csms.domain.users.store import memberships, people

from . import signing_in
from .signing_in import Device

WRONG = "this invitation is not good (any more): ask for another"
SECRET_BYTES = 32


@attrs.frozen(slots=True, kw_only=True)
class Welcome:
    """What somebody is invited to. ``has_account``: no name and password are wanted, they stay what they are."""

    tenant: str
    role: str
    email: str
    name: str
    has_account: bool


async def send(gate: Gate, invitation: Invitation, secret: str, tenant_name: str) -> None:
    """Send the link. Raises ``CannotNotify``."""
    token = token_of(INVITATION_PREFIX, invitation.id, secret)
    link = f"{gate.rules.public_url}/invitation#{token}" if gate.rules.public_url else token
    message = Message(
        kind="invitation",
        channel=EMAIL,
        recipient=invitation.email,
        template="invitation",
        fields={"tenant": tenant_name, "role": invitation.role, "days": str(gate.rules.invitation_days)},
        secrets={"link": link},
    )
    await gate.ports.notifier.notify(message)


async def look(gate: Gate, token: str, device: Device) -> Welcome:
    """What an invitation is to. Raises ``WrongLogin`` or ``TooSoon``."""
    address = throttling.address(gate.keys.bucket("address", device.remote_address))
    await signing_in.begin(gate, (address,))
    parsed = parse_token(INVITATION_PREFIX, token)

    def query(tx: ReadTx) -> tuple[Row, bool] | None:
        row = _open(tx, parsed)
        return None if row is None else (row, people.by_email(tx, row["email"]) is not None)

    found = await gate.ports.database.read(query, tenant=DEFAULT_TENANT)
    if found is None:
        raise WrongLogin(WRONG)
    await gate.ports.database.write(throttling.succeed, (address,), tenant=DEFAULT_TENANT)
    row, known = found
    return Welcome(tenant=row["tenant_name"], role=row["role"], email=row["email"], name=row["name"], has_account=known)


def _open(tx: ReadTx, parsed: tuple[int, str] | None) -> Row | None:
    row = None if parsed is None else store.open_invitation(tx, parsed[0])
    if row is None or parsed is None or not same(row["secret_hash"], sha256(parsed[1])):
        return None
    return row


async def accept(gate: Gate, token: str, *, name: str, password: str, locale: str, device: Device) -> tuple[User, TenantId]:
    """Join the tenant, with an account that is made for it where the address has none. The link was sent there: it is verified.

    Two writes, as in registering; who made an account and was cut off accepts again. Raises ``WrongLogin``, ``TooSoon``, ``Invalid``
    or ``Conflict``.
    """
    welcome = await look(gate, token, device)
    parsed = parse_token(INVITATION_PREFIX, token)
    database = gate.ports.database
    if not welcome.has_account:
        called = name_of(name or welcome.name)
        if not password:
            raise Invalid("a new account needs a password", field="password")
        passwords.check(password, least=gate.rules.password_min, about=(called, welcome.email))
        hashed = await gate.passwords.hash(password)
        make = partial(service.add, name=called, email=welcome.email, locale=locale, password_hash=hashed)
        await database.write(make, tenant=DEFAULT_TENANT)
    user = await database.read(people.by_email, welcome.email, tenant=DEFAULT_TENANT)
    row = await database.read(_open, parsed, tenant=DEFAULT_TENANT)
    if user is None or row is None:
        raise WrongLogin(WRONG)

    def join(tx: Tx) -> None:
        tx.claim(members_key(tx.tenant))
        mine = _open(tx, parsed)
        if mine is None:
            raise Conflict(WRONG)
        if user.email_verified_at is None:
            service.set_email(tx, user.id, user.email)
        invitation = store.invitation(tx, mine["id"])
        assert invitation is not None
        stations = invitation.stations
        if stations is not None:  # one may have gone since
            stations = sorted(gate.neighbours.stations_among(tx, stations))
        if memberships.member(tx, user.id) is None:
            members.join(tx, gate.neighbours, user, role=invitation.role, station_ids=stations)
        store.accept(tx, mine["id"])

    tenant = TenantId(row["tenant"])
    await database.write(join, tenant=tenant, keys=(members_key(tenant),))
    gate.standings.forget(user.id)
    return user, tenant
