"""What follows from boots, transactions and the passing of time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from csms.core.charging import RELATIVE, TX, ChargingProfile
from csms.core.commands import Answered, CallError, Lost, SetChargingProfile
from csms.core.errors import Invalid, Refused
from csms.core.events import Delivered
from csms.core.ids import DEFAULT_TENANT, Place
from csms.domain.profiles import flows, service
from csms.domain.profiles.fitting import STACK_LEVEL
from csms.domain.profiles.listeners import hear
from csms.domain.profiles.model import Limits, Target
from csms.domain.stations.model import ChargerBooted
from csms.domain.transactions.model import TransactionEnded, TransactionStarted, TransactionUpdated
from csms.testing.plugins import example

from .conftest import Scene

Make = Callable[..., ChargingProfile]
C1 = Target(charger_id="C1")
EVSE_1 = Place(1, 1)


async def settle(scene: Scene) -> None:
    await flows.align(scene.ports)
    await flows.deliver(scene.ports, scene.rules, "C1", tenant=DEFAULT_TENANT)


async def told(scene: Scene, kind: type[Any], **facts: Any) -> None:
    event = example(kind, charger_id="C1", **facts)
    await hear(scene.ports, scene.rules, Delivered(1, DEFAULT_TENANT, scene.clock.now(), event))


async def started(scene: Scene, transaction_id: int = 70, evse: int = 1, **facts: Any) -> None:
    await scene.charge("C1", transaction_id, evse)
    facts = {"offline": False, "started_at": scene.clock.now(), **facts}
    await told(scene, TransactionStarted, transaction_id=transaction_id, evse=evse, **facts)


async def boot(scene: Scene, registration: str = "accepted", **facts: Any) -> None:
    await told(scene, ChargerBooted, registration=registration, **{"firmware": "1", "previous_firmware": "1", **facts})


async def assign(scene: Scene, profile: ChargingProfile, name: str = "it", **more: Any) -> None:
    await scene.do(service.add_template, name, profile)
    await scene.do(service.assign, name, C1, **more)
    await settle(scene)


# --- boots ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("again", "times"), [(True, 1), (False, 0)])
async def test_a_boot_has_it_sent_again_where_the_operator_said_so(scene: Scene, make: Make, again: bool, times: int) -> None:
    await assign(scene, make(), again_at_boot=again)
    scene.said()
    await boot(scene, "pending")
    await settle(scene)
    assert scene.said() == []
    await boot(scene)
    await settle(scene)
    assert len(scene.said()) == times
    assert await scene.states() == [(1, "installed", "Accepted")]


async def test_what_an_operator_sent_once_is_not_sent_again_at_a_boot(scene: Scene, make: Make) -> None:
    await flows.send_profile(scene.ports, scene.rules, "C1", EVSE_1, make(), tenant=DEFAULT_TENANT)
    scene.said()
    await boot(scene)
    await settle(scene)
    assert scene.said() == []


async def test_new_firmware_is_asked_for_its_limits_again(scene: Scene) -> None:
    await flows.learn_limits(scene.ports, "C1", tenant=DEFAULT_TENANT)
    scene.chargers.limits = {STACK_LEVEL: "3"}
    await boot(scene)
    assert (await flows.learn_limits(scene.ports, "C1", tenant=DEFAULT_TENANT)).max_stack_level is None
    await boot(scene, firmware="2")
    assert (await flows.learn_limits(scene.ports, "C1", tenant=DEFAULT_TENANT)).max_stack_level == 3


# --- transactions ---------------------------------------------------------------------------------------------------------------


async def test_each_transaction_gets_the_profiles_that_are_assigned_to_it(scene: Scene, make: Make) -> None:
    await assign(scene, make(10, purpose=TX), "all")
    await assign(scene, make(6, purpose=TX, stack_level=1), "second", evse=2)
    assert scene.said() == [], "there is no transaction yet"
    await started(scene, 70, evse=1)
    await started(scene, 71, evse=2)
    await settle(scene)
    sent = [(command.place.evse, command.profile.transaction_id, command.profile.stack_level) for command in scene.said()]
    assert sorted(sent) == [(1, 70, 0), (2, 71, 0), (2, 71, 1)]
    await started(scene, 70, evse=1)
    await settle(scene)
    assert scene.said() == [], "an event may come twice"
    scene.charging["C1"].clear()
    await told(scene, TransactionEnded, transaction_id=71)
    assert sorted(await scene.states()) == [
        (1, "installed", "Accepted"),
        (2, "cleared", "TransactionEnded"),
        (3, "cleared", "TransactionEnded"),
    ]


async def test_a_start_that_is_told_late_gets_none(scene: Scene, make: Make) -> None:
    await assign(scene, make(purpose=TX))
    await started(scene, 70, offline=True)
    await started(scene, 71, evse=2, started_at=scene.clock.now() - 3_600_000)
    await told(scene, TransactionStarted, transaction_id=72, offline=False, started_at=scene.clock.now())
    await settle(scene)
    assert scene.said() == [], "the last is over already"


async def test_what_ends_before_it_is_sent_is_not_sent(scene: Scene, make: Make) -> None:
    await assign(scene, make(purpose=TX))
    await started(scene)
    scene.charging["C1"].clear()
    await settle(scene)
    assert scene.said() == []
    assert await scene.states() == [(1, "cleared", "TransactionEnded")]


async def test_an_answer_after_the_end_changes_nothing(scene: Scene, make: Make) -> None:
    await assign(scene, make(purpose=TX))
    await started(scene)
    held = await scene.do(service.take, "C1", scene.rules)
    await told(scene, TransactionEnded, transaction_id=70)
    await scene.do(service.answered, held.id, held.sent_no, Answered("Accepted"))
    assert await scene.states() == [(1, "cleared", "TransactionEnded")]


# --- remote starts --------------------------------------------------------------------------------------------------------------


async def remote(scene: Scene, place: Place | None = EVSE_1, given: ChargingProfile | None = None, **more: Any) -> Any:
    return await scene.do(service.for_start, 70, "C1", place, scene.rules, given, **more)


async def test_a_remote_start_takes_the_highest_profile_and_the_rest_follows(scene: Scene, make: Make) -> None:
    await assign(scene, make(10, purpose=TX, kind=RELATIVE, start_at=None), "low")
    await assign(scene, make(6, purpose=TX, stack_level=3), "high")
    await assign(scene, make(6, purpose=TX, stack_level=5), "elsewhere", evse=2)
    profile = await remote(scene)
    assert (profile.stack_level, profile.id, profile.transaction_id) == (3, 1, 70)
    assert await scene.states() == [(1, "uncertain", "")]
    await scene.do(service.start_answered, "C1", 70, Answered("Accepted"))
    await started(scene, 70)
    await settle(scene)
    assert [command.profile.stack_level for command in scene.said()] == [0]
    assert await scene.states() == [(1, "installed", "Accepted"), (2, "installed", "Accepted")]


async def test_without_a_place_it_takes_what_is_for_any_and_learns_where_it_is(scene: Scene, make: Make) -> None:
    await assign(scene, make(6, purpose=TX, stack_level=5), "second", evse=2)
    assert await remote(scene, place=None) is None
    await assign(scene, make(10, purpose=TX), "any")
    assert (await remote(scene, place=None)).stack_level == 0
    await scene.do(service.start_answered, "C1", 70, Answered("Accepted"))
    await started(scene, 70, evse=1)
    assert [(held.evse, held.state) for held in await scene.held()] == [(1, "installed")]
    found = await scene.do(service.composite, "C1", EVSE_1, 60, "", scene.clock.now(), scene.rules)
    assert [each.limit for each in found.periods] == [10]


async def test_nothing_is_assigned_where_it_is_left_out_or_does_not_fit(scene: Scene, make: Make) -> None:
    await assign(scene, make(purpose=TX, stack_level=4))
    assert await remote(scene, assigned=False) is None
    await scene.do(service.keep_limits, "C1", Limits(max_stack_level=3, read_at=1))
    assert await remote(scene) is None
    with pytest.raises(Refused, match=STACK_LEVEL):
        await remote(scene, given=make(purpose=TX, stack_level=4, id=1))
    with pytest.raises(Invalid) as raised:
        await remote(scene, given=make(id=1))
    assert raised.value.field == "profile.purpose"
    assert await scene.states() == []


async def test_the_profile_that_the_operator_gave_is_the_one(scene: Scene, make: Make) -> None:
    await assign(scene, make(purpose=TX, stack_level=4))
    profile = await remote(scene, given=make(purpose=TX, id=33, transaction_id=5))
    assert (profile.id, profile.stack_level, profile.transaction_id) == (33, 0, 70)


@pytest.mark.parametrize(
    ("outcome", "state"), [(Answered("Rejected"), "refused"), (CallError("NotSupported"), "refused"), (Lost(), "uncertain")]
)
async def test_a_remote_start_that_was_not_accepted(scene: Scene, make: Make, outcome: Any, state: str) -> None:
    await assign(scene, make(purpose=TX))
    await remote(scene)
    await scene.do(service.start_answered, "C1", 70, outcome)
    assert [found for _, found, _ in await scene.states()] == [state]
    await told(scene, TransactionUpdated, transaction_id=70, state="expired")
    assert [found for _, found, _ in await scene.states()] == ["cleared"]


async def test_where_nobody_knows_whether_it_came_with_the_start_it_is_sent_again(scene: Scene, make: Make) -> None:
    await assign(scene, make(purpose=TX))
    await remote(scene)
    await scene.do(service.start_answered, "C1", 70, Lost())
    await started(scene, 70)
    await settle(scene)
    (command,) = scene.said()
    assert isinstance(command, SetChargingProfile)
    assert (command.profile.id, command.profile.transaction_id) == (1, 70)
    assert await scene.states() == [(1, "installed", "Accepted")]


# --- time -----------------------------------------------------------------------------------------------------------------------


async def test_what_is_past_its_validity_is_cleared_and_not_wanted_again(scene: Scene, make: Make) -> None:
    ends_at = scene.clock.now() + 60_000
    await assign(scene, make(valid_to_at=ends_at))
    await flows.send_profile(scene.ports, scene.rules, "C1", EVSE_1, make(valid_to_at=ends_at), tenant=DEFAULT_TENANT)
    assert await scene.do(service.tidy) == 0
    scene.clock.advance(60_000)
    scene.said()
    assert await scene.do(service.tidy) == 2
    assert await scene.do(service.tidy) == 0
    await settle(scene)
    assert sorted(map(str, scene.cleared())) == ["1", "2"]
    await boot(scene)
    await settle(scene)
    assert scene.said() == []
    assert [state for _, state, _ in await scene.states()] == ["cleared", "cleared"]


async def test_history_is_forgotten_after_a_month_and_what_holds_is_not(scene: Scene, make: Make) -> None:
    for limit in (16, 10):
        await flows.send_profile(scene.ports, scene.rules, "C1", EVSE_1, make(limit), tenant=DEFAULT_TENANT)
    await assign(scene, make(purpose=TX))
    await started(scene)
    await settle(scene)
    await told(scene, TransactionEnded, transaction_id=70)
    scene.clock.advance(29 * 86_400_000)
    assert await scene.do(service.tidy) == 0
    scene.clock.advance(2 * 86_400_000)
    assert await scene.do(service.tidy) == 2
    assert await scene.states() == [(2, "installed", "Accepted")]
