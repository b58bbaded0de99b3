"""Verbs on people, logins, codes and throttles, on both engines and with a clock that a test moves."""

from __future__ import annotations

from functools import partial
from typing import Any

import attrs
import pytest

from csms import identity
from csms.core.access import API_KEY, DRIVER, OPERATOR_KEY, PERMISSIONS, SYSTEM_ADMIN, TENANT_OPERATOR, TENANT_OWNER, Principal
from csms.core.errors import Conflict, Invalid, Refused
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import ReadTx, Tx
from csms.db import StoreDatabase
from csms.domain.stations import service as stations
from csms.domain.tenants import service as tenants
from csms.domain.users.keys import sha256
from csms.domain.users.model import ApiKeysQuery, InvitationsQuery, LoginsQuery, MembersQuery, Rules, User
from csms.domain.users.service import api_keys, challenges, invitations, logins, members, people, throttling, tidying
from csms.domain.users.store import api_keys as api_keys_store
from csms.domain.users.store import invitations as invitations_store
from csms.domain.users.store import logins as logins_store
from csms.domain.users.store import memberships
from csms.domain.users.store import people as people_store
from csms.testing.stores import SettableClock

RULES = Rules()
SECOND, DAY = 1000, 86_400_000


def operator(tenant: TenantId = DEFAULT_TENANT) -> Principal:
    return Principal(tenant=tenant, kind=OPERATOR_KEY, name="key", role=SYSTEM_ADMIN, permissions=frozenset(PERMISSIONS))


@attrs.frozen
class Store:
    """Verbs and queries of this slice in a test's database."""

    database: StoreDatabase

    async def do(self, verb: Any, *arguments: Any, tenant: TenantId = DEFAULT_TENANT, **named: Any) -> Any:
        return await self.database.write(partial(verb, **named), *arguments, tenant=tenant)

    async def ask(self, query: Any, *arguments: Any, tenant: TenantId = DEFAULT_TENANT, **named: Any) -> Any:
        return await self.database.read(partial(query, **named), *arguments, tenant=tenant)

    async def user(self, email: str, role: str, tenant: TenantId = DEFAULT_TENANT, **more: Any) -> User:
        return await identity.add_user(self.database, email=email, role=role, tenant=tenant, **more)

    async def tenant(self, slug: str) -> TenantId:
        found: TenantId = await self.do(tenants.add, slug=slug, name=slug, currency="EUR", time_zone="UTC")
        return found

    async def login(self, user_id: int, refresh_hash: str = "") -> int:
        begin = partial(
            logins.begin, rules=RULES, refresh_hash=refresh_hash, device="d", remote_address="a", at_tenant=DEFAULT_TENANT
        )
        return await self.database.write(begin, user_id, tenant=DEFAULT_TENANT)

    async def standing(self, login_id: int, user_id: int, tenant: int = DEFAULT_TENANT, slug: str = "") -> Any:
        look = partial(logins_store.standing, login_id=login_id, user_id=user_id)
        return await self.database.read(lambda tx: look(tx, tenant=tenant, slug=slug), tenant=DEFAULT_TENANT)


@pytest.fixture
def store(database: StoreDatabase) -> Store:
    return Store(database)


async def test_an_address_is_one_users(store: Store) -> None:
    first = await store.do(people.add, email=" Asha@Example.org ", phone="+91 20 5550 1234", name="Asha")
    assert (first.email, first.phone, first.email_verified_at is not None) == ("Asha@Example.org", "+912055501234", True)
    taken: list[dict[str, Any]] = [{"email": "ASHA@example.org"}, {"email": "b@x.org", "phone": "+912055501234"}]
    for each in taken:
        with pytest.raises(Conflict):
            await store.do(people.add, **each)
    second = await store.do(people.add, email="b@example.org")
    assert second.name == "b"
    with pytest.raises(Conflict):
        await store.do(people.set_email, second.id, "asha@EXAMPLE.org")
    assert (await store.do(people.set_email, first.id, "asha@example.org")).email == "asha@example.org", "it is their own"
    wrong: list[dict[str, Any]] = [
        {},
        {"email": "no"},
        {"email": "a b@x.org"},
        {"phone": "12345678"},
        {"email": "x@y.z", "locale": "?"},
        {"email": "x@y.z", "name": "\x07"},
    ]
    for each in wrong:
        with pytest.raises(Invalid):
            await store.do(people.add, **each)


async def test_what_a_login_is_worth(store: Store) -> None:
    north = await store.tenant("north")
    station = (await store.do(stations.add_station, name="Depot")).id
    user = await store.user("a@example.org", TENANT_OPERATOR, stations=[station])
    login = await store.login(user.id)
    here = await store.standing(login, user.id)
    assert (here.role, here.stations, here.tenant, here.name) == (
        TENANT_OPERATOR,
        frozenset({station}),
        DEFAULT_TENANT,
        "a@example.org",
    )
    assert await store.standing(login, user.id, north) is None
    assert await store.standing(login, user.id, slug="north") is None
    assert await store.standing(login, user.id + 1) is None
    admin = await store.user("root@example.org", SYSTEM_ADMIN)
    root = await store.login(admin.id)
    there = await store.standing(root, admin.id, slug="north")
    assert (there.role, there.tenant, there.stations) == (SYSTEM_ADMIN, north, None)
    await store.do(logins.end, user.id, login, "logout")
    assert await store.standing(login, user.id) is None


async def test_a_driver_is_found_again(store: Store) -> None:
    user = await store.user("d@example.org", DRIVER, name="Dev")
    first = await store.ask(memberships.member, user.id)
    await store.do(members.leave, operator(), user.id)
    again = await store.do(members.join, identity.NEIGHBOURS, user, role=DRIVER)
    assert again.driver_id == first.driver_id, "who comes back charges as the same driver"
    with pytest.raises(Conflict):
        await store.do(members.join, identity.NEIGHBOURS, user, role=DRIVER)


async def test_refreshing(store: Store, clock: SettableClock) -> None:
    user = await store.user("a@example.org", TENANT_OWNER)
    login = await store.login(user.id, sha256("one"))

    async def refresh(shown: str, following: str) -> Any:
        return await store.do(logins.refresh, login, RULES, shown_hash=sha256(shown), next_hash=sha256(following))

    assert (await refresh("one", "two")).reused is False
    clock.advance(logins.GRACE_MS)
    assert (await refresh("one", "two")).reused is False, "the answer may have been lost"
    clock.advance(1)
    assert (await refresh("one", "two")).reused is True
    assert await refresh("two", "three") is None, "it has ended"
    idle = await store.login(user.id, sha256("one"))
    clock.advance(RULES.refresh_days * DAY)
    assert await store.do(logins.refresh, idle, RULES, shown_hash=sha256("one"), next_hash="x") is None
    kept = await store.login(user.id, sha256("0"))
    for name in range(7):
        clock.advance(29 * DAY)
        found = await store.do(logins.refresh, kept, RULES, shown_hash=sha256(str(name)), next_hash=sha256(str(name + 1)))
    assert found is None, "180 days at the most, however much it is used"


async def test_a_user_has_so_many_logins(store: Store) -> None:
    user = await store.user("a@example.org", TENANT_OWNER)
    first = await store.login(user.id)
    for _ in range(logins.MOST_LOGINS):
        await store.login(user.id)
    page = await store.ask(logins_store.logins, LoginsQuery(limit=200), user.id)
    assert (page.total, first in {each.id for each in page.items}) == (logins.MOST_LOGINS, False)


async def test_a_challenge_is_met_once_within_its_time(store: Store, clock: SettableClock) -> None:
    begin = partial(challenges.begin, minutes=10, user_id=None, detail={"x": 1}, code_hash="right")

    async def meet(handle: str, code: str, purpose: str = challenges.RESET) -> Any:
        return await store.do(challenges.meet, handle, purpose, code)

    await store.do(begin, "a", challenges.RESET)
    assert await meet("a", "wrong") is None
    assert await meet("a", "right", challenges.LOGIN) is None, "it is for something else"
    assert (await meet("a", "right")).detail == {"x": 1}
    assert await meet("a", "right") is None
    await store.do(begin, "b", challenges.RESET)
    for _ in range(challenges.TRIES):
        assert await meet("b", "wrong") is None
    assert await meet("b", "right") is None
    await store.do(begin, "c", challenges.RESET)
    clock.advance(10 * 60 * SECOND)
    assert await meet("c", "right") is None
    await store.do(partial(begin, code_hash=""), "d", challenges.LOGIN)
    assert await meet("d", "", challenges.LOGIN) is None, "where no code was sent none is right"


async def test_delays_grow_and_end(store: Store, clock: SettableClock) -> None:
    bucket = throttling.account("account:x")
    waits = []
    for _ in range(20):
        wait = await store.do(throttling.begin, (bucket,))
        waits.append(wait)
        clock.advance(wait * SECOND)
        if wait:
            assert await store.do(throttling.begin, (bucket,)) == 0, "after the wait the next is taken"
    assert waits[:5] == [0, 0, 0, 0, 0]
    assert [each for each in waits if each][:5] == [1, 2, 4, 8, 16]
    assert max(waits) == 300, "its owner is not locked out for ever"
    await store.do(throttling.succeed, (bucket,))
    assert await store.do(throttling.begin, (bucket,)) == 0
    shared = throttling.address("address:x")
    for _ in range(shared.free):
        assert await store.do(throttling.begin, (shared,)) == 0
        await store.do(throttling.succeed, (shared,))
    for _ in range(shared.free):
        assert await store.do(throttling.begin, (shared,)) == 0
    assert await store.do(throttling.begin, (shared,)) > 0
    assert await store.do(throttling.begin, (shared, bucket)) > 0, "one that waits is enough"
    clock.advance(2 * DAY)
    assert await store.do(throttling.begin, (shared,)) == 0, "a day makes up for it"


async def test_lists_cost_the_same_however_long(store: Store) -> None:
    station = (await store.do(stations.add_station, name="Depot")).id
    counts = []
    for number in range(6):
        await store.user(f"u{number}@example.org", TENANT_OPERATOR, stations=[station] if number % 2 else None)
        await store.do(
            api_keys.add,
            identity.NEIGHBOURS,
            operator(),
            name=f"k{number}",
            permissions=["users:read"],
            station_ids=[station],
            expires_at=None,
            secret_hash="x",
        )

        def query(tx: ReadTx) -> int:
            asked = Counted(tx)
            memberships.members(asked, MembersQuery(staff=True, disabled=False, station_id=station, search="u"))
            api_keys_store.api_keys(asked, ApiKeysQuery(revoked=False))
            return asked.statements

        counts.append(await store.database.read(query, tenant=DEFAULT_TENANT))
    assert counts == [4] * 6
    found = await store.ask(memberships.members, MembersQuery(sort="-email", limit=2, page=2))
    assert ([each.email for each in found.items], found.total) == (["u3@example.org", "u2@example.org"], 6)
    assert [each.stations for each in found.items] == [[station], None]


class Counted:
    """A transaction that counts what it is asked."""

    def __init__(self, tx: ReadTx) -> None:
        self._tx = tx
        self.statements = 0

    def __getattr__(self, name: str) -> Any:
        self.statements += name in ("all", "one", "value", "count")
        return getattr(self._tx, name)


async def test_invitations(store: Store, clock: SettableClock) -> None:
    async def invite(email: str, role: str = TENANT_OPERATOR, who: Principal | None = None) -> Any:
        return await store.do(
            invitations.invite,
            identity.NEIGHBOURS,
            who or operator(),
            RULES,
            email=email,
            name="",
            role=role,
            station_ids=None,
            secret_hash=sha256(email),
        )

    first, second = await invite("a@example.org"), await invite("A@example.org")
    assert await store.ask(invitations_store.open_invitation, first.id) is None, "the newer one counts"
    assert (await store.ask(invitations_store.open_invitation, second.id))["tenant"] == DEFAULT_TENANT
    owner = attrs.evolve(operator(), role=TENANT_OWNER, permissions=frozenset(PERMISSIONS) - {"tenants:write", "system:write"})
    with pytest.raises(Refused):
        await invite("b@example.org", SYSTEM_ADMIN, owner)
    clock.advance(RULES.invitation_days * DAY)
    assert await store.ask(invitations_store.open_invitation, second.id) is None
    page = await store.ask(invitations_store.invitations, InvitationsQuery(open=False, sort="email"))
    assert (page.total, page.items[0].revoked_at is not None) == (2, True)


async def test_a_key_makes_no_keys_and_needs_its_maker(store: Store) -> None:
    maker = await store.user("o@example.org", TENANT_OWNER)
    await store.user("p@example.org", TENANT_OWNER)
    who = attrs.evolve(operator(), kind="user", user_id=maker.id)
    add = partial(
        api_keys.add,
        neighbours=identity.NEIGHBOURS,
        name="k",
        permissions=["users:read"],
        station_ids=None,
        expires_at=None,
        secret_hash="x",
    )
    key = await store.do(add, who=who)
    with pytest.raises(Refused):
        await store.do(add, who=attrs.evolve(who, kind=API_KEY))
    assert (await store.ask(api_keys_store.standing, key.id)).permissions == {"users:read"}
    await store.do(members.leave, operator(), maker.id)
    assert await store.ask(api_keys_store.standing, key.id) is None


async def test_what_is_of_no_use_is_forgotten(store: Store, clock: SettableClock) -> None:
    user = await store.user("a@example.org", TENANT_OWNER)
    await store.do(challenges.begin, "a", challenges.RESET, minutes=10, user_id=user.id, detail={}, code_hash="x")
    await store.do(throttling.begin, (throttling.account("account:x"),))
    ended, kept = await store.login(user.id), await store.login(user.id)
    await store.do(logins.end, user.id, ended, "logout")
    assert await store.do(tidying.tidy) == 0
    clock.advance(tidying.LOGINS_KEPT_DAYS * DAY + 1)

    def stretch(tx: Tx) -> None:
        tx.run("UPDATE logins SET expires_at = :later WHERE id = :kept", later=tx.now + DAY, kept=kept)

    await store.do(stretch)
    assert await store.do(tidying.tidy) == 3
    assert [each.id for each in await store.ask(logins_store.of_user, user.id)] == [kept]


async def test_a_password_ends_other_logins(store: Store) -> None:
    user = await store.user("a@example.org", TENANT_OWNER)
    mine, other = await store.login(user.id), await store.login(user.id)
    await store.do(people.set_password, user.id, "hash", keep_login=mine)
    assert [each.id for each in await store.ask(logins_store.of_user, user.id)] == [mine]
    assert (await store.ask(people_store.credentials, user.id)).password_hash == "hash"
    with pytest.raises(Refused, match="last owner"):
        await store.do(people.set_disabled, user.id, disabled=True)
    assert other != mine
