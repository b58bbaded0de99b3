"""Clearing by any criteria, at the charger and in the store alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from csms.core.charging import CHARGER_MAX, TX_DEFAULT, ChargingProfile
from csms.core.commands import Answered, CallError, ClearChargingProfile, Lost, Offline, Outcome, SetChargingProfile
from csms.core.ids import DEFAULT_TENANT, Place
from csms.domain.profiles import flows, service
from csms.domain.profiles.model import Target

from .conftest import Scene

Make = Callable[..., ChargingProfile]
EVSE_1, WHOLE = Place(1, 1), Place()


@pytest.fixture
async def furnished(scene: Scene, make: Make) -> Scene:
    """1: the charger's maximum, 2: a default of all, 3 and 4: defaults of EVSE 1 on two levels."""
    wanted = ((WHOLE, make(purpose=CHARGER_MAX)), (WHOLE, make()), (EVSE_1, make()), (EVSE_1, make(stack_level=1)))
    for place, profile in wanted:
        await flows.send_profile(scene.ports, scene.rules, "C1", place, profile, tenant=DEFAULT_TENANT)
    scene.said()
    return scene


async def clear(scene: Scene, **criteria: Any) -> set[int]:
    over, _ = await flows.clear(scene.ports, "C1", ClearChargingProfile(**criteria), tenant=DEFAULT_TENANT)
    return {each.profile.id for each in over}


@pytest.mark.parametrize(
    ("criteria", "gone"),
    [
        ({}, {1, 2, 3, 4}),
        ({"profile_id": 3}, {3}),
        ({"place": WHOLE}, {1, 2}),
        ({"place": EVSE_1}, {3, 4}),
        ({"place": Place(2, 1)}, set()),
        ({"purpose": TX_DEFAULT}, {2, 3, 4}),
        ({"stack_level": 0}, {1, 2, 3}),
        ({"stack_level": 1}, {4}),
        ({"purpose": TX_DEFAULT, "place": EVSE_1, "stack_level": 0}, {3}),
        ({"purpose": CHARGER_MAX, "place": EVSE_1}, set()),
    ],
)
async def test_all_criteria_must_be_met(furnished: Scene, criteria: dict[str, Any], gone: set[int]) -> None:
    assert await clear(furnished, **criteria) == gone
    assert furnished.said() == [ClearChargingProfile(**criteria)]
    assert {number for number, state, _ in await furnished.states() if state == "cleared"} == gone
    assert [told for told in await furnished.told() if told[0] == "charging_profile_cleared"] == [
        ("charging_profile_cleared", number, "Accepted") for number in sorted(gone)
    ]


async def test_with_a_number_nothing_else_counts_and_nothing_else_is_said(furnished: Scene) -> None:
    assert await clear(furnished, profile_id=3, purpose=CHARGER_MAX, stack_level=9) == {3}
    assert furnished.said() == [ClearChargingProfile(profile_id=3)]


async def test_unknown_means_that_the_charger_has_nothing_of_it(furnished: Scene) -> None:
    furnished.chargers.answers[ClearChargingProfile] = Answered("Unknown")
    assert await clear(furnished, place=EVSE_1) == {3, 4}
    assert [status for _, state, status in await furnished.states() if state == "cleared"] == ["Unknown", "Unknown"]


@pytest.mark.parametrize("outcome", [Offline(), CallError("NotImplemented"), Answered("Rejected")])
async def test_what_was_not_done_changes_nothing(furnished: Scene, outcome: Outcome) -> None:
    furnished.chargers.answers[ClearChargingProfile] = outcome
    assert await clear(furnished) == set()
    assert {state for _, state, _ in await furnished.states()} == {"installed"}
    found = await furnished.do(service.composite, "C1", EVSE_1, 60, "", furnished.clock.now(), furnished.rules)
    assert found.certain


async def test_what_may_have_been_done_is_uncertain(furnished: Scene) -> None:
    furnished.chargers.answers[ClearChargingProfile] = Lost()
    assert await clear(furnished, profile_id=4) == set()
    assert [state for _, state, _ in await furnished.states()] == ["installed", "installed", "installed", "uncertain"]


async def test_until_the_answer_comes_it_is_doubtful(furnished: Scene) -> None:
    asked = await furnished.do(service.clearing, "C1", ClearChargingProfile(profile_id=2))
    found = await furnished.do(service.composite, "C1", EVSE_1, 60, "", furnished.clock.now(), furnished.rules)
    assert not found.certain
    await flows.send_profile(furnished.ports, furnished.rules, "C1", WHOLE, asked[0].profile, tenant=DEFAULT_TENANT)
    await furnished.do(service.clear_answered, "C1", asked, Answered("Accepted"))
    states = [state for number, state, _ in await furnished.states() if number == 2]
    assert states == ["cleared", "installed"], "what was sent again since is not what was cleared"


async def test_what_is_sent_again_during_its_clearing_is_not_taken_for_cleared(scene: Scene, make: Make) -> None:
    await scene.do(service.add_template, "day", make())
    await scene.do(service.assign, "day", Target(charger_id="C1"), again_at_boot=True)
    await flows.align(scene.ports)
    await flows.deliver(scene.ports, scene.rules, "C1", tenant=DEFAULT_TENANT)
    asked = await scene.do(service.clearing, "C1", ClearChargingProfile())
    await scene.do(service.booted, "C1", new_firmware=False)
    await flows.deliver(scene.ports, scene.rules, "C1", tenant=DEFAULT_TENANT)
    assert await scene.do(service.clear_answered, "C1", asked, Answered("Accepted")) == ()
    assert await scene.states() == [(1, "installed", "Accepted")]


async def test_what_waits_to_be_sent_is_given_up_too(scene: Scene, make: Make) -> None:
    await scene.do(service.add_template, "day", make())
    await scene.do(service.assign, "day", Target(charger_id="C1"))
    scene.chargers.answers[SetChargingProfile] = Offline()
    await flows.align(scene.ports)
    assert await clear(scene) == {1}
    assert await flows.deliver(scene.ports, scene.rules, "C1", tenant=DEFAULT_TENANT) == 0
