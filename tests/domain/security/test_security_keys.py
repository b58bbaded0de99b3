"""Keys that chargers are told, and higher security profiles: a lost answer locks nobody out (A01, A05)."""

from __future__ import annotations

from typing import Any

import pytest

from csms.config import SecurityConfig
from csms.core.commands import Answered, CallError, Lost, NotSupported, Outcome, Setting, SetVariables, TimedOut
from csms.core.errors import Invalid, NotFound, Refused
from csms.core.ids import DEFAULT_TENANT
from csms.domain.security import flows, service
from csms.domain.security.model import PROFILE_VARIABLE, KeyRotation, Offered, ProfileUpgrade
from csms.domain.security.shown import KeyRotationItem, RotationsQuery
from csms.domain.security.store import keys as store
from csms.domain.stations import keys
from csms.domain.stations import service as stations
from csms.domain.stations import store as stations_store

from .conftest import CP, World, csr

OLD = "0123456789abcdef0123456789abcdef01234567"
EVERYTHING, PLAIN = Offered(1, 3), Offered(1, 1)


async def add(world: World) -> None:
    await world.add(sealed_key=keys.seal(OLD.encode(), world.ports.random))
    await world.link("one")


async def rotate(world: World, *outcomes: Outcome, **how: Any) -> KeyRotation:
    world.fleet.answers["SetVariables"] = list(outcomes)
    rotation, _ = await flows.rotate_key(world.settings, world.ports, DEFAULT_TENANT, CP, **how)
    return rotation


async def settle(world: World) -> None:
    await flows.take_stock(world.settings, world.ports)


def told(world: World) -> str:
    """The key that the charger was told last."""
    commands = [command for _, command in world.fleet.sent if isinstance(command, SetVariables)]
    return commands[-1].settings[0].value


async def opens(world: World, key: str) -> bool:
    gate = await world.read(stations_store.gate, CP)
    return any(keys.opens(sealed, key.encode()) for sealed in (gate.sealed, *gate.offered) if sealed)


async def log_in(world: World, key: str) -> None:
    """As the door does: showing an offered key confirms it."""
    gate = await world.read(stations_store.gate, CP)
    for sealed in gate.offered:
        if keys.opens(sealed, key.encode()):
            await world.write(stations.shown_offer, CP, sealed)


async def state(world: World) -> list[str]:
    found: list[KeyRotationItem] = await world.read(store.rotations, RotationsQuery(charger_id=CP), 50)
    return [each.state for each in found]


async def test_accepted_both_open_until_the_charger_shows_the_new_one(world: World) -> None:
    await add(world)
    assert (await rotate(world, Answered("Accepted"))).state == "accepted"
    new = told(world)
    assert len(bytes.fromhex(new)) == 20
    assert (await opens(world, OLD), await opens(world, new)) == (True, True)
    await log_in(world, new)
    assert (await opens(world, OLD), await opens(world, new)) == (False, True)
    await settle(world)
    assert await state(world) == ["confirmed"]


async def test_accepted_the_new_one_is_the_only_one_after_a_while(world: World) -> None:
    world.settings = SecurityConfig(key_grace_h=2)
    await add(world)
    await rotate(world, Answered("Accepted"))
    world.clock.advance(7_199_000)
    await settle(world)
    assert await opens(world, OLD)
    world.clock.advance(1_000)
    await settle(world)
    assert (await opens(world, OLD), await opens(world, told(world))) == (False, True)
    assert await state(world) == ["settled"]


async def test_after_a_reboot_nobody_knows_when(world: World) -> None:
    await add(world)
    assert (await rotate(world, Answered("RebootRequired"))).state == "reboot"
    world.clock.advance(10**9)
    await settle(world)
    assert (await opens(world, OLD), await opens(world, told(world))) == (True, True)


@pytest.mark.parametrize("outcome", [Answered("Rejected"), Answered("NotSupported"), NotSupported(), CallError("InternalError")])
async def test_refused_the_old_one_stays_alone(world: World, outcome: Outcome) -> None:
    await add(world)
    assert (await rotate(world, outcome)).state == "refused"
    assert (await opens(world, OLD), await opens(world, told(world))) == (True, False)


@pytest.mark.parametrize("outcome", [TimedOut(), Lost()])
async def test_unanswered_both_open_for_as_long_as_it_takes(world: World, outcome: Outcome) -> None:
    await add(world)
    assert (await rotate(world, outcome)).state == "uncertain"
    world.clock.advance(10**10)
    await settle(world)
    new = told(world)
    assert (await opens(world, OLD), await opens(world, new)) == (True, True)
    await log_in(world, new)
    await settle(world)
    assert (await opens(world, OLD), await state(world)) == (False, ["confirmed"])


async def test_a_charger_that_is_not_there_is_not_offered_anything(world: World) -> None:
    await add(world)
    await world.unlink()
    assert (await rotate(world)).state == "refused"
    assert (await world.read(stations_store.gate, CP)).offered == ()


async def test_after_a_crash_it_is_uncertain(world: World) -> None:
    await add(world)
    await world.write(service.begin_rotation, CP, keys.seal(b"a new key, never noted", world.ports.random))
    await settle(world)
    assert await state(world) == ["asked"]
    world.clock.advance(600_001)
    await settle(world)
    assert await state(world) == ["uncertain"]
    assert await opens(world, "a new key, never noted")


async def test_a_key_by_hand_must_do(world: World) -> None:
    await add(world)
    with pytest.raises(Invalid):
        await rotate(world, key="short")
    await rotate(world, Answered("Accepted"), key="a key that somebody chose")
    assert told(world) == "a key that somebody chose"


async def test_offers_that_nobody_shows_can_be_forgotten(world: World) -> None:
    await add(world)
    for _ in range(stations.MOST_OFFERS):
        await rotate(world, TimedOut())
    with pytest.raises(Refused, match="withdraw"):
        await rotate(world, Answered("Accepted"))
    await rotate(world, Answered("Accepted"), forget=True)
    assert (await opens(world, OLD), await opens(world, told(world))) == (True, True)
    await settle(world)
    assert await state(world) == ["accepted"] + ["refused"] * stations.MOST_OFFERS


async def test_the_key_is_in_no_row_and_no_event(world: World) -> None:
    await add(world)
    await rotate(world, Answered("Accepted"))
    for table in ("key_rotations", "charger_keys", "charger_key_offers", "events"):
        rows = await world.rows(f"SELECT * FROM {table} WHERE tenant = :tenant")
        assert rows or table == "events"
        assert told(world) not in repr(rows)
    assert told(world) not in repr(await world.read(store.latest_rotation, CP))


# --- profile upgrades -----------------------------------------------------------------------------------------------------------


async def upgrade(world: World, profile: int, *outcomes: Outcome, offered: Offered = EVERYTHING) -> ProfileUpgrade:
    world.fleet.answers["SetVariables"] = list(outcomes)
    known, _ = await flows.upgrade_profile(world.ports, DEFAULT_TENANT, CP, profile, offered)
    return known


async def settle_upgrades(world: World) -> int | None:
    await flows.renew_and_settle(world.settings, 1, world.ports)
    charger = await world.read(stations_store.charger, CP)
    required: int | None = charger.security_profile
    return required


async def test_an_upgrade_is_required_once_it_was_used(world: World) -> None:
    await add(world)
    assert (await upgrade(world, 2, Answered("Accepted"))).state == "wanted"
    assert (world.fleet.sent[-1][1]) == SetVariables((world_setting("2"),))
    assert await settle_upgrades(world) is None
    world.clock.advance(1000)
    await world.link("two", profile=1)
    assert await settle_upgrades(world) is None, "it fell back (A05.FR.08)"
    await world.link("three", profile=2)
    assert await settle_upgrades(world) == 2
    known = await world.read(store.upgrade, CP)
    assert known.state == "done"


def world_setting(value: str) -> Any:
    return Setting(PROFILE_VARIABLE, value)


@pytest.mark.parametrize(
    ("outcome", "state"), [(Answered("Rejected"), "refused"), (TimedOut(), "wanted"), (NotSupported(), "refused")]
)
async def test_what_a_charger_says_to_an_upgrade(world: World, outcome: Outcome, state: str) -> None:
    await add(world)
    assert (await upgrade(world, 2, outcome)).state == state


async def test_what_is_missing_for_an_upgrade(world: World) -> None:
    with pytest.raises(NotFound):
        await upgrade(world, 2)
    await world.add()
    await world.link("one", profile=0)
    with pytest.raises(Refused, match="no key"):
        await upgrade(world, 1)
    with pytest.raises(Refused, match="no certificate"):
        await upgrade(world, 3)
    with pytest.raises(Refused, match=r"up to 1; 3 needs ocpp\.tls_certificate"):
        await upgrade(world, 3, offered=PLAIN)
    with pytest.raises(Invalid):
        await upgrade(world, 4)
    assert world.fleet.sent == []
    assert await world.request(csr()) == "Accepted"
    await world.sign()
    await world.deliver()
    assert (await upgrade(world, 3, Answered("Accepted"))).state == "wanted"


@pytest.mark.parametrize("profile", [1, 2])
async def test_never_down_and_never_to_the_same(world: World, profile: int) -> None:
    await add(world)
    await world.link("two", profile=2)
    with pytest.raises(Refused, match="already"):
        await upgrade(world, profile)
    assert world.fleet.sent == []
