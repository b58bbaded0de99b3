"""The flows of this slice on both engines, without a server: each claims what it changes, and says the same on both."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import attrs
import pytest
import trio

from csms import identity
from csms.config import Config, IdentityConfig
from csms.core.access import DRIVER, OPERATOR_KEY, PERMISSIONS, SUPPORT, SYSTEM_ADMIN, Principal
from csms.core.errors import Conflict
from csms.core.ids import DEFAULT_TENANT
from csms.core.messages import Message
from csms.core.ports import Ports
from csms.db import StoreDatabase
from csms.domain.tenants import service as tenants
from csms.domain.users import totp
from csms.domain.users.flows import accounts, inviting, second_factor, signing_in
from csms.domain.users.flows.accounts import Registration
from csms.domain.users.flows.signing_in import Device
from csms.domain.users.gate import Gate
from csms.domain.users.keys import INVITATION_PREFIX, sha256, token_of
from csms.domain.users.model import TooSoon, WrongLogin
from csms.domain.users.service import invitations
from csms.testing.plugins import InLine, SeededRandom
from csms.testing.stores import SettableClock
from csms.vault import KeyedVault

PASSWORD, NEW = "correct horse battery", "another good password"
DEVICE = Device(name="test", remote_address="192.0.2.1")


@attrs.define
class Post:
    """Keeps what was sent."""

    sent: list[Message] = attrs.field(factory=list)

    async def notify(self, message: Message, /) -> None:
        self.sent.append(message)

    @property
    def code(self) -> str:
        return self.sent[-1].secrets["code"]


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def gate(database: StoreDatabase, clock: SettableClock, post: Post) -> Gate:
    nobody = cast(Any, None)
    ports = Ports(
        database=database,
        chargers=nobody,
        decisions=nobody,
        clock=clock,
        random=SeededRandom(),
        blocking=InLine(),
        http=nobody,
        vault=KeyedVault([bytes(32)]),
        notifier=post,
    )
    config = Config(identity=IdentityConfig(password_memory_kib=64, password_passes=1, registration="drivers"))
    return identity.gate_of(config, ports, trio.CapacityLimiter(2), "secret")


async def sign_in(gate: Gate, name: str, password: str) -> signing_in.SignedIn:
    return await signing_in.sign_in(gate, await signing_in.prove(gate, name, password, "", DEVICE), DEVICE)


async def registered(gate: Gate, post: Post, email: str = "a@example.org") -> signing_in.SignedIn:
    wanted = Registration(name="Asha", email=email, phone="", password=PASSWORD, locale="en", tenant="")
    sent = await accounts.register(gate, wanted, DEVICE)
    return await accounts.finish_registration(gate, sent.challenge, post.code, DEVICE)


async def test_from_registering_to_another_password(gate: Gate, post: Post, clock: SettableClock) -> None:
    done = await registered(gate, post)
    assert (done.role, done.memberships[0].driver_id) == (DRIVER, 1)
    following = await signing_in.refresh(gate, done.refresh_token)
    clock.advance(60_000)
    with pytest.raises(WrongLogin):
        await signing_in.refresh(gate, done.refresh_token)
    assert post.sent[-1].template == "login_reused"
    with pytest.raises(WrongLogin):
        await signing_in.refresh(gate, following.refresh_token)
    sent = await accounts.forgot_password(gate, "a@example.org", DEVICE)
    code = post.code
    await accounts.reset_password(gate, sent.challenge, code, NEW, DEVICE)
    with pytest.raises(WrongLogin):
        await accounts.reset_password(gate, sent.challenge, code, NEW, DEVICE)
    with pytest.raises(WrongLogin):
        await sign_in(gate, "a@example.org", PASSWORD)
    user = (await sign_in(gate, "a@example.org", NEW)).user
    moved = await accounts.change_address(gate, user.id, email="b@example.org", phone="", device=DEVICE)
    assert (await accounts.finish_address(gate, user.id, moved.challenge, post.code, DEVICE)).email == "b@example.org"


async def test_a_code_is_good_until_it_was_used_to_its_end(gate: Gate, post: Post) -> None:
    wanted = Registration(name="Asha", email="a@example.org", phone="", password=PASSWORD, locale="en", tenant="")
    sent = await accounts.register(gate, wanted, DEVICE)
    for _ in range(4):
        with pytest.raises(WrongLogin):
            await accounts.finish_registration(gate, sent.challenge, "no code", DEVICE)
    again = await accounts.register(gate, wanted, DEVICE)
    other = post.code
    with pytest.raises(WrongLogin):
        await accounts.finish_registration(gate, sent.challenge, other, DEVICE)
    assert (await accounts.finish_registration(gate, again.challenge, other, DEVICE)).user.email == "a@example.org"
    with pytest.raises((WrongLogin, Conflict)):
        await accounts.finish_registration(gate, again.challenge, other, DEVICE)


async def test_a_second_factor(gate: Gate, post: Post, clock: SettableClock) -> None:
    user = (await registered(gate, post)).user
    secret = (await second_factor.set_up_totp(gate, user.id)).secret
    recovery = await second_factor.confirm_totp(gate, user.id, totp.code_at(secret, clock.now() // totp.STEP_MS))
    for code, good in (
        (totp.code_at(secret, clock.now() // totp.STEP_MS), False),
        (totp.code_at(secret, clock.now() // totp.STEP_MS + 1), True),
        (recovery[0], True),
        (recovery[0], False),
    ):
        proven = await signing_in.prove(gate, "a@example.org", PASSWORD, "", DEVICE)
        factors = second_factor.factors_of(gate, proven)
        wanted = await second_factor.want(gate, proven, DEVICE, factors)
        if good:
            assert (await second_factor.show(gate, wanted.sent.challenge, code, DEVICE)).user.id == user.id
        else:
            with pytest.raises(WrongLogin):
                await second_factor.show(gate, wanted.sent.challenge, code, DEVICE)


async def test_tries_at_the_second_factor_slow_down_who_knows_the_password(gate: Gate, post: Post, clock: SettableClock) -> None:
    user = (await registered(gate, post)).user
    secret = (await second_factor.set_up_totp(gate, user.id)).secret
    await second_factor.confirm_totp(gate, user.id, totp.code_at(secret, clock.now() // totp.STEP_MS))

    async def wrong() -> None:
        proven = await signing_in.prove(gate, "a@example.org", PASSWORD, "", DEVICE)
        wanted = await second_factor.want(gate, proven, DEVICE, second_factor.factors_of(gate, proven))
        await second_factor.show(gate, wanted.sent.challenge, "000000", DEVICE)

    for _ in range(2):  # each is a try at the password and one at the code
        with pytest.raises(WrongLogin):
            await wrong()
    with pytest.raises(TooSoon):
        await wrong()


async def test_an_invitation_is_accepted_by_who_has_an_account(gate: Gate, post: Post) -> None:
    user = (await registered(gate, post)).user
    add = partial(tenants.add, slug="north", name="North", currency="EUR", time_zone="UTC")
    north = await gate.ports.database.write(add, tenant=DEFAULT_TENANT)
    who = Principal(tenant=north, kind=OPERATOR_KEY, name="key", role=SYSTEM_ADMIN, permissions=frozenset(PERMISSIONS))

    def invite(tx: Any) -> Any:
        return invitations.invite(
            tx,
            gate.neighbours,
            who,
            gate.rules,
            email="A@example.org",
            name="",
            role=SUPPORT,
            station_ids=None,
            secret_hash=sha256("secret"),
        )

    invitation = await gate.ports.database.write(invite, tenant=north)
    token = token_of(INVITATION_PREFIX, invitation.id, "secret")
    joined = await inviting.accept(gate, token, name="", password="", locale="en", device=DEVICE)
    assert joined == (user, north)
    chosen = await signing_in.prove(gate, "a@example.org", PASSWORD, "north", DEVICE)
    assert (chosen.chosen.role, len(chosen.memberships)) == (SUPPORT, 2)
    with pytest.raises(WrongLogin):
        await inviting.accept(gate, token, name="", password="", locale="en", device=DEVICE)
