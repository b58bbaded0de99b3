"""People whom identity providers vouch for: met, granted roles, told to have changed or gone; on both engines."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import attrs
import pytest

from csms import identity
from csms.core.access import DRIVER, SYSTEM_ADMIN, TENANT_OPERATOR, TENANT_OWNER
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import ReadTx, Tx
from csms.db import StoreDatabase
from csms.domain.audit import store as audit
from csms.domain.audit.model import AuditQuery
from csms.domain.users import personal
from csms.domain.users.bearer import Untrue
from csms.domain.users.model import Member, Rules, Standing, User
from csms.domain.users.providers import Person, Provider
from csms.domain.users.service import external as service
from csms.domain.users.service import logins, people
from csms.domain.users.service.external import wanted_role
from csms.domain.users.store import external as store
from csms.domain.users.store import logins as logins_store
from csms.domain.users.store import memberships
from csms.domain.users.store.external import Granted, Identity
from csms.domain.users.user_webhooks import Told, read, signed
from csms.testing.stores import SettableClock

from .provider_kit import ISSUER, NOW, SECRET
from .provider_kit import signed as headers_of

PROVIDER = Provider(name="id", issuer=ISSUER, default_role=DRIVER)
ASHA = Person(issuer=ISSUER, subject="u1", name="Asha", email="asha@example.org", phone="")


@attrs.frozen
class Known:
    """What the tests of this module do, in one database."""

    database: StoreDatabase

    async def meet(self, person: Person = ASHA, provider: Provider = PROVIDER) -> Identity:
        return await self.database.write(partial(service.meet, provider=provider, person=person), tenant=DEFAULT_TENANT)

    async def grant(self, known: Identity, said: str, said_at: int, provider: Provider = PROVIDER, *, whole: bool = True) -> str:
        """Their role then, "" for none."""
        verb = partial(
            service.grant,
            neighbours=identity.NEIGHBOURS,
            provider=provider,
            identity=known,
            said=said,
            said_at=said_at,
            whole=whole,
        )
        await self.database.write(verb, tenant=DEFAULT_TENANT)
        member = await self.database.read(memberships.member, known.user_id, tenant=DEFAULT_TENANT)
        return "" if member is None else member.role

    async def tell(self, told_at: int, *, provider: Provider = PROVIDER, person: Person = ASHA, **more: Any) -> str:
        """What came of it."""
        told = Told(**{"person": person, "active": True, "deleted": False, "told_at": told_at, "grant": None, **more})
        _, outcome = await self.database.write(partial(service.tell, provider=provider, told=told), tenant=DEFAULT_TENANT)
        return outcome

    async def identity(self) -> Identity:
        found = await self.database.read(store.identity, ISSUER, "u1", tenant=DEFAULT_TENANT)
        assert found is not None
        return found

    async def user(self, user_id: int | None = None) -> User:
        chosen = user_id or (await self.identity()).user_id
        return await self.database.read(people.need_user, chosen, tenant=DEFAULT_TENANT)

    async def local(self, email: str, role: str) -> User:
        return await identity.add_user(self.database, email=email, role=role)

    async def standing(self, known: Identity, *, may_be_admin: bool = False) -> Standing | None:
        look = partial(store.standing, at_tenant=DEFAULT_TENANT, slug="", may_be_admin=may_be_admin)
        return await self.database.read(look, known.id, known.user_id, tenant=DEFAULT_TENANT)

    async def log_in(self, user_id: int) -> None:
        begin = partial(logins.begin, rules=Rules(), refresh_hash="", device="d", remote_address="", at_tenant=DEFAULT_TENANT)
        await self.database.write(begin, user_id, tenant=DEFAULT_TENANT)

    async def open_logins(self, user_id: int) -> int:
        return len(await self.database.read(logins_store.of_user, user_id, tenant=DEFAULT_TENANT))


@pytest.fixture
def known(database: StoreDatabase) -> Known:
    return Known(database)


async def test_somebody_is_met_once(known: Known) -> None:
    first = await known.meet()
    assert await known.meet(attrs.evolve(ASHA, email="other@example.org")) == first
    user = await known.user()
    assert (user.name, user.email) == ("Asha", "asha@example.org")
    assert user.email_verified_at is not None


async def test_an_address_alone_makes_nobody_somebody_else(known: Known) -> None:
    local = await known.local("Asha@Example.org", TENANT_OWNER)
    met = await known.meet()
    assert met.user_id != local.id
    assert (await known.user()).email == "", "it stays with whom it belongs to"


async def test_a_verified_address_links_where_the_configuration_says_so(known: Known) -> None:
    linking = attrs.evolve(PROVIDER, link_verified_emails=True)
    local = await known.local("Asha@Example.org", TENANT_OWNER)
    met = await known.meet(provider=linking)
    assert met.user_id == local.id
    assert await known.grant(met, "", 1, linking) == TENANT_OWNER, "the default is for who is nobody here yet"
    unverified = await known.meet(attrs.evolve(ASHA, subject="u2", email=""), linking)
    assert unverified.user_id != local.id


async def test_a_system_administrators_account_is_not_taken_over(known: Known) -> None:
    linking = attrs.evolve(PROVIDER, link_verified_emails=True)
    admin = await known.local("asha@example.org", SYSTEM_ADMIN)
    met = await known.meet(provider=linking)
    assert met.user_id != admin.id
    allowed = attrs.evolve(linking, system_admins=True)
    assert (await known.meet(attrs.evolve(ASHA, subject="u2"), allowed)).user_id == admin.id


async def test_an_administrator_is_one_only_by_a_provider_that_may_make_some(known: Known) -> None:
    met = await known.meet()
    await known.grant(met, SYSTEM_ADMIN, 1, attrs.evolve(PROVIDER, system_admins=True))
    assert await known.standing(met) is None
    found = await known.standing(met, may_be_admin=True)
    assert found is not None
    assert found.role == SYSTEM_ADMIN


async def test_roles_follow_what_was_said_last(known: Known) -> None:
    met = await known.meet()
    assert await known.grant(met, TENANT_OWNER, 100) == TENANT_OWNER
    assert await known.grant(met, TENANT_OPERATOR, 200) == TENANT_OPERATOR, "even the last owner: the provider is in charge"
    assert await known.grant(met, TENANT_OWNER, 150) == TENANT_OPERATOR, "said before"
    assert await known.grant(met, "", 300, whole=False) == TENANT_OPERATOR, "a message need not say it"
    assert await known.grant(met, "", 300) == DRIVER, "withdrawn: the default is left"
    assert await known.grant(met, TENANT_OWNER, 400, attrs.evolve(PROVIDER, default_role="")) == TENANT_OWNER
    assert await known.grant(met, "", 500, attrs.evolve(PROVIDER, default_role="")) == "", "withdrawn without a default"
    assert await known.standing(met) is None
    assert await known.grant(met, TENANT_OWNER, 450) == "", "said before"
    assert await known.grant(met, DRIVER, 600) == DRIVER
    entries = (await known.database.read(audit.records, AuditQuery(), tenant=DEFAULT_TENANT)).items
    assert {(each.action, each.actor_kind, each.actor_name, each.subject_id) for each in entries} == {
        ("identity_providers.grant", "identity_provider", f"identity provider {PROVIDER.name}", str(met.user_id))
    }
    roles = [
        ((each.before or {}).get("role"), (each.after or {}).get("role")) for each in sorted(entries, key=lambda each: each.id)
    ]
    assert roles == [
        (None, TENANT_OWNER),
        (TENANT_OWNER, TENANT_OPERATOR),
        (TENANT_OPERATOR, DRIVER),
        (DRIVER, TENANT_OWNER),
        (TENANT_OWNER, None),
        (None, DRIVER),
    ], "every change, and nothing else"


def test_a_role_that_people_here_gave_stays() -> None:
    member: Any = Member(
        id=1, name="", email="", phone="", role=TENANT_OPERATOR, stations=None, driver_id=None, second_factor="", joined_at=0,
        disabled_at=None, account_disabled=False,
    )  # fmt: skip
    by_default = Granted(role="", said_at=1)
    assert wanted_role(PROVIDER, by_default, member, "", 2, whole=True) is None
    assert wanted_role(PROVIDER, by_default, attrs.evolve(member, disabled_at=1), TENANT_OWNER, 2, whole=True) is None
    assert wanted_role(PROVIDER, by_default, attrs.evolve(member, role=SYSTEM_ADMIN), DRIVER, 2, whole=True) is None


# --- what webhooks tell ---------------------------------------------------------------------------------------------------------


async def test_messages_out_of_order(known: Known) -> None:
    assert await known.tell(200, person=attrs.evolve(ASHA, name="Newer")) == "made"
    assert await known.tell(100) == "older"
    assert (await known.user()).name == "Newer"
    assert await known.tell(200, person=attrs.evolve(ASHA, name="Newer")) == "changed", "told again: the same comes of it"
    assert await known.tell(300, person=attrs.evolve(ASHA, name="Newest", email="new@example.org")) == "changed"
    user = await known.user()
    assert (user.name, user.email) == ("Newest", "new@example.org")
    await known.local("taken@example.org", DRIVER)
    await known.tell(400, person=attrs.evolve(ASHA, email="taken@example.org"))
    assert (await known.user()).email == "new@example.org"


async def test_deactivating_ends_logins_and_comes_undone(known: Known, clock: SettableClock) -> None:
    met = await known.meet()
    assert met.user_id is not None
    await known.grant(met, TENANT_OWNER, 1)
    await known.log_in(met.user_id)
    assert await known.tell(100, active=False) == "deactivated"
    assert await known.open_logins(met.user_id) == 0
    assert await known.standing(met) is None
    assert await known.tell(50) == "older"
    assert (await known.user()).disabled_at is not None
    clock.advance(1000)
    assert await known.tell(200) == "changed"
    assert (await known.user()).disabled_at is None
    assert await known.standing(met) is not None


async def test_who_was_disabled_here_stays_so(known: Known) -> None:
    met = await known.meet()
    assert met.user_id is not None
    await known.grant(met, DRIVER, 1)
    disable = partial(people.set_disabled, user_id=met.user_id, disabled=True)
    await known.database.write(disable, tenant=DEFAULT_TENANT)
    await known.tell(100, active=False)
    await known.tell(200)
    assert (await known.user()).disabled_at is not None
    assert await known.standing(met) is None


async def test_who_was_deleted_does_not_come_back(known: Known) -> None:
    assert await known.tell(300, active=False, deleted=True) == "deleted"
    assert await known.tell(400) == "older"
    found = await known.identity()
    assert (found.user_id, found.deleted) == (None, True)
    assert (await known.meet()).deactivated_at is not None, "a token of theirs makes no account"


async def test_who_was_deleted_before_a_newer_change_is_gone_all_the_same(known: Known) -> None:
    await known.tell(300)
    assert await known.tell(200, active=False, deleted=True) == "deleted"
    assert await known.tell(400) == "older"
    assert (await known.user()).disabled_at is not None


async def test_who_came_deactivated_gets_an_account_when_active(known: Known) -> None:
    await known.tell(100, active=False)
    assert (await known.identity()).user_id is None
    await known.tell(200)
    assert (await known.user()).name == "Asha"


async def test_what_a_provider_calls_somebody_is_theirs_to_have_and_to_have_forgotten(known: Known) -> None:
    met = await known.meet()
    await known.grant(met, DRIVER, 1)
    found = await known.standing(met)
    assert found is not None
    assert found.driver_id is not None
    held = await known.database.read(personal.holdings, found.driver_id, tenant=DEFAULT_TENANT)
    assert [(each["issuer"], each["subject"]) for each in held["identities"]] == [(ISSUER, "u1")]
    await known.database.write(personal.erase, found.driver_id, "forgotten", tenant=DEFAULT_TENANT)
    assert await known.database.read(store.identity, ISSUER, "u1", tenant=DEFAULT_TENANT) is None
    assert await known.standing(met) is None


async def test_messages_are_known_again_for_some_time(known: Known, clock: SettableClock) -> None:
    def heed(tx: Tx) -> bool:
        return store.heed(tx, "id", "msg_1")

    def heeded(tx: ReadTx) -> bool:
        return store.was_heeded(tx, "id", "msg_1")

    def forget(tx: Tx) -> int:
        return store.forget_old(tx, tx.now, 10)

    assert await known.database.write(heed, tenant=DEFAULT_TENANT)
    assert not await known.database.write(heed, tenant=DEFAULT_TENANT)
    assert await known.database.read(heeded, tenant=DEFAULT_TENANT)
    assert await known.database.write(forget, tenant=DEFAULT_TENANT) == 0
    clock.advance(1)
    assert await known.database.write(forget, tenant=DEFAULT_TENANT) == 1
    assert not await known.database.read(heeded, tenant=DEFAULT_TENANT)


# --- signatures and forms -------------------------------------------------------------------------------------------------------

BODY = json.dumps({"type": "user.updated", "data": {"sub": "u1"}}).encode()


@pytest.mark.parametrize("prefix", ["svix", "webhook"])
def test_a_signature_that_is_good(prefix: str) -> None:
    headers = headers_of(BODY, at=NOW, prefix=prefix)
    headers[f"{prefix}-signature"] = f"v1,AAAA v2,BBBB {headers[f'{prefix}-signature']}"
    found = signed(("whsec_" + "A" * 32, SECRET), headers, BODY, now=NOW + 299_000)
    assert (found.id, found.sent_at) == ("msg_1", NOW)


def test_the_signature_of_a_published_example() -> None:
    """The example in the documentation of Svix."""
    headers = {
        "svix-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "svix-timestamp": "1614265330",
        "svix-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    signed(("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",), headers, b'{"test": 2432232314}', now=1_614_265_330_000)


@pytest.mark.parametrize(
    "change",
    [
        {"svix-signature": "v1,AAAA"},
        {"svix-signature": ""},
        {"svix-signature": "v2," + "A" * 44},
        {"svix-id": "msg_2"},
        {"svix-id": ""},
        {"svix-timestamp": str(NOW // 1000 - 1)},
        {"svix-timestamp": "yesterday"},
        {"svix-timestamp": "9" * 40},
    ],
    ids=str,
)
def test_a_signature_that_is_not(change: dict[str, str]) -> None:
    with pytest.raises(Untrue):
        signed((SECRET,), {**headers_of(BODY, at=NOW), **change}, BODY, now=NOW)


def test_another_body_another_secret_and_another_time() -> None:
    headers = headers_of(BODY, at=NOW)
    for secrets, body, now in (((SECRET,), BODY + b" ", NOW), (("whsec_" + "A" * 32,), BODY, NOW), ((), BODY, NOW)):
        with pytest.raises(Untrue, match="signature"):
            signed(secrets, headers, body, now=now)
    for now in (NOW + 301_000, NOW - 301_000):
        with pytest.raises(Untrue, match="old"):
            signed((SECRET,), headers, BODY, now=now)


CLERK: dict[str, Any] = {
    "type": "user.updated",
    "data": {
        "id": "user_1",
        "object": "user",
        "first_name": "Asha",
        "last_name": "Rao",
        "primary_email_address_id": "e2",
        "email_addresses": [
            {"id": "e1", "email_address": "old@example.org", "verification": {"status": "verified"}},
            {"id": "e2", "email_address": "asha@example.org", "verification": {"status": "verified"}},
        ],
        "phone_numbers": [],
        "banned": False,
        "public_metadata": {"role": "boss"},
        "updated_at": NOW - 5000,
    },
}


def test_clerks_form() -> None:
    provider = attrs.evolve(PROVIDER, role_claim="metadata.role", roles={"boss": TENANT_OWNER})
    told = read(provider, CLERK, sent_at=NOW, now=NOW)
    assert told is not None
    assert (told.person.subject, told.person.name, told.person.email) == ("user_1", "Asha Rao", "asha@example.org")
    assert (told.active, told.deleted, told.told_at) == (True, False, NOW - 5000)
    assert told.grant is not None
    assert told.grant.role == TENANT_OWNER
    gone = read(provider, {"type": "user.deleted", "data": {"id": "user_1", "deleted": True}}, sent_at=NOW, now=NOW)
    assert gone is not None
    assert (gone.active, gone.deleted, gone.told_at) == (False, True, NOW)
    data: dict[str, Any] = dict(CLERK["data"])
    banned = read(provider, {**CLERK, "data": {**data, "banned": True}}, sent_at=NOW, now=NOW)
    assert banned is not None
    assert not banned.active
    data["email_addresses"][1]["verification"] = {"status": "unverified"}
    unverified = read(provider, {**CLERK, "data": data}, sent_at=NOW, now=NOW)
    assert unverified is not None
    assert unverified.person.email == ""


def test_the_general_form() -> None:
    data = {"sub": "u1", "email": "a@example.org", "email_verified": True, "name": "A", "active": False}
    payload = {"type": "user.updated", "timestamp": "2027-01-15T08:00:00Z", "data": data}
    told = read(PROVIDER, payload, sent_at=NOW, now=NOW)
    assert told is not None
    assert (told.person.email, told.active, told.told_at) == ("a@example.org", False, 1_800_000_000_000)
    assert read(PROVIDER, {"type": "session.created", "data": {}}, sent_at=NOW, now=NOW) is None
    far = read(PROVIDER, {"type": "user.deactivated", "timestamp": NOW * 5, "data": data}, sent_at=NOW, now=NOW)
    assert far is not None
    assert far.told_at == NOW + 300_000, "what comes after is not shut out for ever"


@pytest.mark.parametrize(
    "payload", [[], {}, {"type": 1}, {"type": "user.created"}, {"type": "user.created", "data": {"id": 7}}], ids=str
)
def test_what_cannot_be_read(payload: Any) -> None:
    with pytest.raises(ValueError, match="data"):
        read(PROVIDER, payload, sent_at=NOW, now=NOW)
