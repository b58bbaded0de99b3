"""Security profiles: which one a charger must log in with, which one it used, and that nothing lowers it by accident."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import attrs
import pytest

from csms.core.errors import Invalid, NotFound, Refused, StoreUnavailable
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Admission, ConnectionInfo, Database, Handshake, Ports, Turned
from csms.domain.stations import flows, keys, service, store

Events = Callable[..., Awaitable[list[dict[str, Any]]]]
KEY = b"0123456789abcdef0123"


class Noon:
    """A clock."""

    def now(self) -> int:
        return 1_000_000


@pytest.fixture
def ports(ports: Ports) -> Ports:
    return attrs.evolve(ports, clock=Noon())


def hand(*, key: bytes | None = None, tls: bool = False, cn: str | None = None, **certificate: Any) -> Handshake:
    shown: dict[str, Any] = (
        {"certificate_cn": cn, "certificate_fingerprint": "f1", "certificate_expires_at": 1_000_001} if cn else {}
    )
    return Handshake(
        charger_id="CP1",
        subprotocols=("ocpp1.6",),
        remote_address="192.0.2.7",
        username=None if key is None else "CP1",
        password=key,
        secure=tls or cn is not None,
        **(shown | certificate),
    )


PLAIN, TLS, CERTIFIED = hand(key=KEY), hand(key=KEY, tls=True), hand(cn="CP1")


async def add(ports: Ports, profile: int | None = None, *, key: bytes = KEY, approval: str = "accepted") -> None:
    sealed = keys.seal(key, ports.random) if key else ""
    verb = partial(service.add_charger, approval=approval, sealed_key=sealed, security_profile=profile)
    await ports.database.write(verb, "CP1", tenant=DEFAULT_TENANT)


async def do(ports: Ports, verb: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
    return await ports.database.write(partial(verb, **more), "CP1", *arguments, tenant=DEFAULT_TENANT)


def came_by(answer: Admission | Turned) -> int | None:
    """The security profile used; None when it was turned away."""
    return answer.security_profile if isinstance(answer, Admission) else None


# --- what is required -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize(
    ("profile", "anonymous", "plain", "tls", "certified"),
    [(0, 0, 1, 2, 3), (1, None, 1, 2, 3), (2, None, None, 2, 3), (3, None, None, None, 3), (None, None, 1, 2, 3)],
)
async def test_a_lower_profile_is_turned_away_and_a_higher_one_let_in(
    ports: Ports,
    settings: Any,
    profile: int | None,
    anonymous: int | None,
    plain: int | None,
    tls: int | None,
    certified: int | None,
) -> None:
    """A00.FR.002; None as a result is turned away."""
    await add(ports, profile)
    shown = [hand(), PLAIN, TLS, CERTIFIED]
    assert [came_by(await flows.admit(ports, settings, each)) for each in shown] == [anonymous, plain, tls, certified]


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize(
    ("profile", "handshake", "status"),
    [(1, hand(tls=True), 401), (2, PLAIN, 403), (2, hand(tls=True), 401), (3, TLS, 403), (3, hand(cn="CP2", key=KEY), 403)],
)
async def test_what_is_missing_decides_the_answer(
    ports: Ports, settings: Any, profile: int, handshake: Handshake, status: int
) -> None:
    await add(ports, profile)
    answer = await flows.admit(ports, settings, handshake)
    assert isinstance(answer, Turned)
    assert answer.http_status == status


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize("least", [1, 2, 3])
async def test_the_installation_says_what_counts_for_chargers_without_a_profile(ports: Ports, settings: Any, least: int) -> None:
    await add(ports)
    settings.min_security_profile = least
    came = [came_by(await flows.admit(ports, settings, each)) for each in (PLAIN, TLS, CERTIFIED)]
    assert came == [each if each >= least else None for each in (1, 2, 3)]


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_a_profile_of_its_own_counts_even_without_authentication(ports: Ports, settings: Any) -> None:
    settings.authentication = False
    await add(ports)
    assert came_by(await flows.admit(ports, settings, hand())) == 0
    assert came_by(await flows.admit(ports, settings, hand(key=b"wrong"))) == 0
    assert came_by(await flows.admit(ports, settings, PLAIN)) == 1
    await do(ports, service.set_security_profile, 2)
    assert [came_by(await flows.admit(ports, settings, each)) for each in (hand(), PLAIN, TLS)] == [None, None, 2]


# --- certificates ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize(
    ("handshake", "reason"),
    [
        (hand(cn="CP10"), "'CP10'"),
        (hand(cn="cp1"), "'cp1'"),
        (hand(cn="CP1", certificate_cn=None), "one CN"),
        (hand(cn="CP1", certificate_expires_at=1_000_000), "expired"),
        (hand(cn="CP1", certificate_organization="Somebody"), "'Somebody'"),
        (hand(cn="CP1"), "None"),
        (hand(tls=True), "no client certificate"),
    ],
    ids=["another's", "case", "no CN", "expired", "another organization", "no organization", "none"],
)
async def test_tc_087_a_certificate_that_does_not_prove_it_is_the_charger(
    ports: Ports, settings: Any, handshake: Handshake, reason: str
) -> None:
    """A00.FR.404, A00.FR.405."""
    settings.tls_client_organizations = ("Acme CPO",)
    await add(ports, 3)
    good = hand(cn="CP1", certificate_organization="Acme CPO")
    assert came_by(await flows.admit(ports, settings, good)) == 3
    answer = await flows.admit(ports, settings, handshake)
    assert isinstance(answer, Turned)
    assert answer.http_status == 403
    assert reason in answer.reason


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_a_revoked_certificate_counts_for_nothing_and_is_only_asked_about_when_it_would_count(
    ports: Ports, settings: Any
) -> None:
    asked: list[tuple[str | None, TenantId]] = []

    async def judge(handshake: Handshake, tenant: TenantId) -> str:
        asked.append((handshake.certificate_fingerprint, tenant))
        return "revoked by the operator"

    await add(ports, 3)
    answer = await flows.admit(ports, settings, CERTIFIED, judge)
    assert isinstance(answer, Turned)
    assert answer.reason == "security profile 3: revoked by the operator"
    assert came_by(await flows.admit(ports, settings, hand(cn="CP2"), judge)) is None
    assert came_by(await flows.admit(ports, settings, TLS, judge)) is None
    assert asked == [("f1", DEFAULT_TENANT)]
    await do(ports, service.set_security_profile, 2, force=True)
    assert came_by(await flows.admit(ports, settings, hand(cn="CP1", key=KEY), judge)) == 2
    assert came_by(await flows.admit(ports, settings, CERTIFIED, judge)) is None


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_a_judge_that_cannot_look_lets_nobody_in(ports: Ports, settings: Any) -> None:
    async def judge(handshake: Handshake, tenant: TenantId) -> str:
        raise StoreUnavailable("away")

    await add(ports, 3)
    with pytest.raises(StoreUnavailable):
        await flows.admit(ports, settings, CERTIFIED, judge)


async def test_an_unknown_charger_with_a_certificate_is_added_without_a_key_and_nobody_binds_one_later(
    ports: Ports, settings: Any
) -> None:
    settings.unknown_chargers = "accepted"
    answer = await flows.admit(ports, settings, CERTIFIED)
    assert isinstance(answer, Admission)
    await flows.connected(ports, answer, link("c1"))
    stranger = await flows.admit(ports, settings, TLS)
    assert isinstance(stranger, Turned)
    assert stranger.http_status == 401
    assert came_by(await flows.admit(ports, settings, CERTIFIED)) == 3


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize("least", [2, 3])
async def test_trust_on_first_use_asks_for_the_transport_too(ports: Ports, settings: Any, least: int) -> None:
    settings.unknown_chargers, settings.min_security_profile = "accepted", least
    assert came_by(await flows.admit(ports, settings, PLAIN)) is None
    assert came_by(await flows.admit(ports, settings, TLS)) == (2 if least == 2 else None)


# --- what is remembered ---------------------------------------------------------------------------------------------------------


def link(connection_id: str) -> ConnectionInfo:
    return ConnectionInfo(
        charger_id="CP1",
        tenant=DEFAULT_TENANT,
        connection_id=connection_id,
        protocol="ocpp1.6",
        remote_address="192.0.2.7",
        connected_at=1,
        last_heard_at=1,
        registration="",
        queued_commands=0,
    )


async def test_the_profile_used_is_remembered_and_told_when_it_changes(ports: Ports, settings: Any, events: Events) -> None:
    await add(ports)
    for number, handshake in enumerate([PLAIN, PLAIN, TLS, PLAIN]):
        admission = await flows.admit(ports, settings, handshake)
        assert isinstance(admission, Admission)
        await flows.connected(ports, admission, link(f"c{number}"))
    charger = await ports.database.read(store.charger, "CP1", tenant=DEFAULT_TENANT)
    assert charger is not None
    assert (charger.security_profile, charger.security_profile_used) == (None, 1)
    told = await events("charger_security_changed")
    assert [(each["previous_used"], each["used"]) for each in told] == [(None, 1), (1, 2), (2, 1)]


async def test_a_reconnect_by_any_profile_costs_one_read(ports: Ports, settings: Any, database: Database) -> None:
    asked: list[str] = []

    class Counting:
        def __getattr__(self, name: str) -> Any:
            asked.append(name)
            return getattr(database, name)

    await add(ports, 3)
    counting: Any = Counting()
    assert came_by(await flows.admit(attrs.evolve(ports, database=counting), settings, CERTIFIED)) == 3
    assert asked == ["read"]


# --- raising and lowering -------------------------------------------------------------------------------------------------------


async def test_a_profile_is_raised_at_once_and_lowered_only_by_force(ports: Ports, events: Events) -> None:
    """A00.FR.005."""
    await add(ports)
    await do(ports, service.set_security_profile, 2)
    await do(ports, service.set_security_profile, 2)
    await do(ports, service.set_security_profile, 3)
    for lower in (2, 0, None):
        with pytest.raises(Refused, match="only by force"):
            await do(ports, service.set_security_profile, lower)
    await do(ports, service.set_security_profile, 1, force=True)
    told = await events("charger_security_changed")
    assert [(each["previous_required"], each["required"]) for each in told] == [(None, 2), (2, 3), (3, 1)]


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_unset_counts_as_the_installations_profile(ports: Ports) -> None:
    await add(ports)
    with pytest.raises(Refused):
        await do(ports, service.set_security_profile, 1, default=2)
    await do(ports, service.set_security_profile, 2, default=2)
    await do(ports, service.set_security_profile, None, default=2)


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_only_profiles_and_chargers_that_exist(ports: Ports) -> None:
    with pytest.raises(NotFound):
        await do(ports, service.set_security_profile, 2)
    with pytest.raises(Invalid):
        await add(ports, 4)
    await add(ports)
    with pytest.raises(Invalid):
        await do(ports, service.set_security_profile, 4)


async def test_a_charger_that_was_removed_starts_over(ports: Ports, settings: Any) -> None:
    await add(ports, 3)
    await do(ports, service.offer_key, "sealed")
    await do(ports, service.remove_charger)
    await add(ports)
    charger = await ports.database.read(store.charger, "CP1", tenant=DEFAULT_TENANT)
    assert charger is not None
    assert (charger.security_profile, charger.security_profile_used, charger.keys_offered) == (None, None, 0)
    assert came_by(await flows.admit(ports, settings, PLAIN)) == 1
