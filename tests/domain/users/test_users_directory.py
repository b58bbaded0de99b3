"""Tokens of identity providers: which are found true, and how their keys are kept."""

from __future__ import annotations

from typing import Any

import pytest
import trio
import trio.testing
from joserfc.jwk import OctKey, OKPKey, RSAKey
from trio.testing import MockClock

from csms.domain.users.directory import MOST, Admitted, Directory, Vouched
from csms.domain.users.jwks import AGAIN_S, RETRY_S, NoKeys
from csms.domain.users.providers import Provider, claim, grant_of

from .provider_kit import AUDIENCE, ISSUER, NOW, FakeHttp, claims, ec_key, forged, public, token, unheard

KEY = ec_key()
OTHER = ec_key()
RSA = RSAKey.generate_key(2048)
ED = OKPKey.generate_key("Ed25519")


def provider(**more: Any) -> Provider:
    return Provider(**{"name": "id", "issuer": ISSUER, "audiences": (AUDIENCE,), "default_role": "driver", **more})


def directory(http: FakeHttp, **more: Any) -> Directory:
    return Directory(http, [provider(**more)])


@pytest.fixture
def http() -> FakeHttp:
    fake = FakeHttp()
    fake.publish(public(KEY, "one"), public(RSA, "rsa"), public(ED, "ed"))
    return fake


async def vouched(known: Directory, text: str, now: int = NOW) -> Vouched | None:
    return await known.vouched(text, now=now)


async def test_a_true_token_says_who_it_is(http: FakeHttp) -> None:
    said: dict[str, Any] = {
        "name": "Asha\x00 Rao",
        "email": "asha@example.org",
        "email_verified": True,
        "phone_number": "+912055501234",
    }
    found = await vouched(directory(http), token(KEY, claims(**said), cat="what only this provider knows"))
    assert found is not None
    assert (found.person.subject, found.person.name, found.person.email) == ("u1", "Asha Rao", "asha@example.org")
    assert found.person.phone == "", "the provider does not say that it verified it"
    assert found.said_at == NOW
    assert found.until == NOW + 330_000, "its end, with the leeway"
    assert http.asked == [f"{ISSUER}/.well-known/openid-configuration", f"{ISSUER}/jwks"]


@pytest.mark.parametrize(
    ("key", "alg", "kid", "algorithms"),
    [
        (RSA, "RS256", "rsa", ("RS256",)),
        (RSA, "PS512", "rsa", ("PS512",)),
        (ED, "EdDSA", "ed", ("EdDSA",)),
        (ED, "Ed25519", "ed", ("Ed25519",)),
        (KEY, "ES256", "", ("ES256",)),
    ],
)
async def test_every_kind_of_signature_that_is_allowed(
    http: FakeHttp, key: Any, alg: str, kid: str, algorithms: tuple[str, ...]
) -> None:
    text = token(key, claims(), alg=alg, kid=kid)
    assert await vouched(directory(http, algorithms=algorithms), text) is not None
    assert await vouched(directory(http, algorithms=("ES384",)), text) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"iss": "https://elsewhere.example.org"},
        {"iss": ISSUER + "/"},
        {"iss": None},
        {"aud": "another"},
        {"aud": ["another", 7]},
        {"aud": None},
        {"aud": {"csms": 1}},
        {"exp": NOW // 1000 - 31},
        {"exp": None},
        {"exp": "soon"},
        {"exp": True},
        {"exp": 1e300},
        {"nbf": NOW // 1000 + 31},
        {"iat": NOW // 1000 + 31},
        {"iat": "today"},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 256},
        {"typ": "Refresh"},
        {"typ": "ID"},
        {"events": {"http://schemas.openid.net/event/backchannel-logout": {}}},
    ],
    ids=str,
)
async def test_claims_that_do_not_hold(http: FakeHttp, wrong: dict[str, Any]) -> None:
    assert await vouched(directory(http), token(KEY, claims(**wrong))) is None


@pytest.mark.parametrize(
    "right",
    [
        {"aud": ["other", AUDIENCE]},
        {"exp": NOW // 1000 - 29},
        {"nbf": NOW / 1000 + 29.5},
        {"iat": None},
        {"typ": "Bearer"},
    ],
    ids=str,
)
async def test_claims_that_hold(http: FakeHttp, right: dict[str, Any]) -> None:
    assert await vouched(directory(http), token(KEY, claims(**right))) is not None


async def test_tokens_without_audience_are_taken_from_named_clients(http: FakeHttp) -> None:
    known = directory(http, audiences=(), authorized_parties=("https://app.example.org",))
    assert await vouched(known, token(KEY, claims(aud=None, azp="https://app.example.org"))) is not None
    assert await vouched(known, token(KEY, claims(aud=None, azp="https://evil.example.org"))) is None
    assert await vouched(known, token(KEY, claims(aud=None))) is None


async def test_forged_tokens(http: FakeHttp) -> None:
    known = directory(http, algorithms=("RS256", "ES256"))
    good = token(KEY, claims())
    head, body, signature = good.split(".")
    _, admin, _ = token(OTHER, claims(sub="admin")).split(".")
    pem = RSA.as_pem(private=False)
    untrue = [
        token(OTHER, claims()),
        f"{head}.{admin}.{signature}",
        f"{head}.{body}.",
        f"{head}.{body}.{signature[:-4]}AAAA",
        forged("none", b"", claims(), kid="one"),
        forged("NONE", b"", claims(), kid=""),
        forged("HS256", pem, claims(), kid="rsa"),  # the public key as a shared secret
        forged("RS256", pem, claims(), kid="rsa"),
        forged("HS256", pem, claims(), kid=""),
        token(RSA, claims(), alg="RS512", kid="rsa"),
        token(RSA, claims(), alg="RS256", kid="one"),  # the name of a key of another family
        token(KEY, claims(), typ="logout+jwt"),
        token(OTHER, claims(), jwk=public(OTHER, "one")),  # brings its own key
        "a.b.c",
        f"{good}.x.y",
        good + "\u00e9",
        "." * 100_000,
        f"{head}.{body}{'A' * 20_000}.{signature}",
    ]
    for text in untrue:
        assert await vouched(known, text) is None, text[:60]
    assert await vouched(known, good) is not None


async def test_keys_that_are_not_for_signatures_are_passed_over(http: FakeHttp) -> None:
    with unheard():
        weak, secret = RSAKey.generate_key(1024), OctKey.generate_key(256)
    http.publish(
        public(weak, "weak"),
        {**secret.as_dict(), "kid": "secret"},
        {**public(KEY, "enc"), "use": "enc"},
        {"kty": "RSA", "kid": "broken", "n": 5},
        {**public(KEY, "ops"), "key_ops": 3},
        7,  # type: ignore[arg-type]  # what a broken provider might say
        public(KEY, "one"),
    )
    known = directory(http, algorithms=("RS256", "ES256"))
    assert await vouched(known, token(KEY, claims())) is not None
    assert await vouched(known, token(weak, claims(), alg="RS256", kid="weak")) is None
    assert await vouched(known, token(KEY, claims(), kid="enc")) is None


# --- keys over time -------------------------------------------------------------------------------------------------------------


async def test_keys_rotate(http: FakeHttp, mock_clock: MockClock) -> None:
    known = directory(http, jwks_url=f"{ISSUER}/jwks")
    assert await vouched(known, token(KEY, claims())) is not None
    http.publish(public(KEY, "one"), public(OTHER, "two"))
    new = token(OTHER, claims(), kid="two")
    assert await vouched(known, new) is None, "asked a moment ago"
    assert len(http.asked) == 1
    mock_clock.jump(AGAIN_S)
    assert await vouched(known, new) is not None
    assert len(http.asked) == 2
    http.publish(public(OTHER, "two"))
    mock_clock.jump(3600)
    assert await vouched(known, token(KEY, claims())) is None, "withdrawn"


async def test_names_of_keys_that_somebody_made_up_do_not_make_us_ask_often(http: FakeHttp, mock_clock: MockClock) -> None:
    known = directory(http, jwks_url=f"{ISSUER}/jwks")
    for number in range(50):
        assert await vouched(known, token(OTHER, claims(), kid=f"made up {number}")) is None
    assert len(http.asked) == 1
    mock_clock.jump(AGAIN_S)
    async with trio.open_nursery() as nursery:
        for number in range(50):
            nursery.start_soon(vouched, known, token(OTHER, claims(), kid=f"made up {number}"))
    assert len(http.asked) == 2


async def test_many_at_once_ask_once(http: FakeHttp, autojump_clock: MockClock) -> None:
    known, found = directory(http, jwks_url=f"{ISSUER}/jwks"), []
    http.gate = trio.Event()

    async def one() -> None:
        found.append(await vouched(known, token(KEY, claims())))

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(one)
        await trio.testing.wait_all_tasks_blocked()
        http.gate.set()
    assert len(http.asked) == 1
    assert all(each is not None for each in found)


async def test_while_the_provider_is_away_the_old_keys_count(http: FakeHttp, mock_clock: MockClock) -> None:
    known = directory(http)
    assert await vouched(known, token(KEY, claims())) is not None
    http.away = True
    mock_clock.jump(10 * 3600)
    for _ in range(5):
        assert await vouched(known, token(KEY, claims())) is not None
    assert len(http.asked) == 3, "it was asked again, once"
    http.away = False
    http.publish(public(OTHER, "one"))
    mock_clock.jump(AGAIN_S)
    assert await vouched(known, token(KEY, claims())) is None
    assert await vouched(known, token(OTHER, claims())) is not None


async def test_who_waits_in_vain_for_the_first_keys_is_told(http: FakeHttp, mock_clock: MockClock) -> None:
    known = directory(http)
    http.away = True
    for _ in range(3):
        with pytest.raises(NoKeys):
            await vouched(known, token(KEY, claims()))
    assert len(http.asked) == 1
    http.away = False
    mock_clock.jump(RETRY_S)
    assert await vouched(known, token(KEY, claims())) is not None


async def test_a_fetch_that_was_cut_off_is_none(http: FakeHttp, mock_clock: MockClock) -> None:
    known = directory(http, jwks_url=f"{ISSUER}/jwks")
    http.gate = trio.Event()
    with trio.CancelScope() as scope:
        scope.cancel()
        await vouched(known, token(KEY, claims()))
    http.gate.set()
    assert await vouched(known, token(KEY, claims())) is not None


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://elsewhere.example.org", "jwks_uri": f"{ISSUER}/jwks"},
        {"issuer": ISSUER, "jwks_uri": "http://id.example.org/jwks"},
        {"issuer": ISSUER, "jwks_uri": "file:///etc/passwd"},
        {"issuer": ISSUER},
        [ISSUER],
        b"<html>",
        b"[" * 300_000,
    ],
    ids=lambda document: str(document)[:30],
)
async def test_a_discovery_document_that_is_not_safe(http: FakeHttp, document: Any) -> None:
    http.documents[f"{ISSUER}/.well-known/openid-configuration"] = document
    with pytest.raises(NoKeys):
        await vouched(directory(http), token(KEY, claims()))


# --- what is remembered, and roles ----------------------------------------------------------------------------------------------


def test_what_is_remembered_is_bounded_and_ends() -> None:
    known = Directory(FakeHttp(), [])
    who = {"identity_id": 1, "user_id": 1, "tenant": 1, "tenant_slug": "default", "may_be_admin": False}
    for number in range(MOST + 10):
        known.remember(f"token {number}", Admitted(**who, until=NOW))  # type: ignore[arg-type]  # by name
    assert len(known) == MOST
    assert known.recall("token 0", now=NOW - 1) is None
    assert known.recall(f"token {MOST}", now=NOW - 1) is not None
    assert known.recall(f"token {MOST}", now=NOW) is None


def test_claims_are_found_by_name_and_by_path() -> None:
    said = {"https://example.org/role": "a", "realm_access": {"roles": ["b"]}, "x": 1}
    assert claim(said, "https://example.org/role") == "a"
    assert claim(said, "realm_access.roles") == ["b"]
    assert claim(said, "realm_access.nothing") is claim(said, "x.y") is None


def test_roles_and_tenants_out_of_claims() -> None:
    roles = {"boss": "tenant_owner", "crew": "tenant_operator", "root": "system_admin"}
    known = provider(role_claim="roles", roles=roles, tenant_claim="org", tenants={"org_1": "north"})

    def found(**said: Any) -> tuple[str, str] | None:
        grant = grant_of(known, said)
        return None if grant is None else (grant.tenant, grant.role)

    assert found(org="org_1", roles=["crew", "boss"]) == ("north", "tenant_owner"), "the first of the table"
    assert found(org="org_1", roles="crew") == ("north", "tenant_operator")
    assert found(org="org_1", roles=["root"]) == ("north", ""), "it may not make administrators"
    assert found(org="org_1", roles={"boss": 1}) == ("north", "")
    assert found(org="north") is found() is found(org=["org_1"]) is None
