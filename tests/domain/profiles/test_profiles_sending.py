"""Sending profiles: what is believed before and after every kind of answer, on both engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from csms.core.charging import CHARGER_MAX, TX, ChargingProfile
from csms.core.commands import (
    Answered,
    CallError,
    Lost,
    NotSupported,
    Offline,
    Outcome,
    QueueFull,
    SetChargingProfile,
    TimedOut,
)
from csms.core.errors import Invalid, NotFound, Refused
from csms.core.ids import DEFAULT_TENANT, Place
from csms.domain.profiles import flows, service, store
from csms.domain.profiles.fitting import INSTALLED_MOST, RATE_UNITS, STACK_LEVEL

from .conftest import Scene

Make = Callable[..., ChargingProfile]
EVSE_1, WHOLE = Place(1, 1), Place()


async def send(scene: Scene, profile: ChargingProfile, place: Place = EVSE_1, outcome: Outcome | None = None) -> str:
    if outcome is not None:
        scene.chargers.answers[SetChargingProfile] = outcome
    held, _ = await flows.send_profile(scene.ports, scene.rules, "C1", place, profile, tenant=DEFAULT_TENANT)
    state: str = held.state
    return state


@pytest.mark.parametrize(
    ("outcome", "state", "status"),
    [
        (Answered("Accepted"), "installed", "Accepted"),
        (Answered("Rejected"), "refused", "Rejected"),
        (Answered("NotSupported"), "refused", "NotSupported"),
        (CallError("NotImplemented", "no smart charging"), "refused", "CallError: NotImplemented no smart charging"),
        (NotSupported("no such message"), "refused", "NotSupported: no such message"),
        (TimedOut(), "uncertain", "TimedOut"),
        (Lost(), "uncertain", "Lost"),
        (Offline(), "refused", "Offline: not connected"),
        (QueueFull(), "refused", "QueueFull"),
    ],
)
async def test_what_became_of_it_is_kept(scene: Scene, make: Make, outcome: Outcome, state: str, status: str) -> None:
    assert await send(scene, make(), outcome=outcome) == state
    assert await scene.states() == [(1, state, status)]
    (held,) = await scene.held()
    assert held.try_at is None, "what an operator sends once is not sent again by itself"
    told = {"installed": [("charging_profile_installed", 1, "")], "refused": [("charging_profile_refused", 1, status)]}
    assert await scene.told() == told.get(state, [])


async def test_it_is_uncertain_while_it_is_on_its_way(scene: Scene, make: Make) -> None:
    seen = []

    class Slow(type(scene.chargers)):  # type: ignore[misc]
        async def send(self, charger_id: str, command: Any, /, **waits: Any) -> Outcome:
            seen.append(await scene.states())
            return Answered("Accepted")

    scene.chargers = Slow(can=frozenset())
    await send(scene, make())
    assert seen == [[(1, "uncertain", "")]]


async def test_one_profile_of_a_purpose_and_level_is_at_a_place(scene: Scene, make: Make) -> None:
    await send(scene, make(16))
    await send(scene, make(10))
    await send(scene, make(10), WHOLE)
    await send(scene, make(10, stack_level=1))
    await send(scene, make(10, purpose=CHARGER_MAX), WHOLE)
    assert await scene.states() == [
        (1, "cleared", "Replaced"),
        *((number, "installed", "Accepted") for number in (2, 3, 4, 5)),
    ]
    assert ("charging_profile_cleared", 1, "Replaced") in await scene.told()


async def test_a_profile_takes_the_place_of_its_own_number_wherever_that_was(scene: Scene, make: Make) -> None:
    await send(scene, make(16, id=9))
    await send(scene, make(10, id=9, stack_level=2), WHOLE)
    assert await scene.states() == [(9, "cleared", "Replaced"), (9, "installed", "Accepted")]


async def test_a_refused_successor_leaves_what_was_there(scene: Scene, make: Make) -> None:
    await send(scene, make(16))
    await send(scene, make(10), outcome=Answered("Rejected"))
    assert await scene.states() == [(1, "installed", "Accepted"), (2, "refused", "Rejected")]
    (held,) = await scene.do(service.believed, "C1")
    assert held.profile.id == 1


async def test_the_last_that_was_sent_is_believed_while_nobody_knows(scene: Scene, make: Make) -> None:
    await send(scene, make(16))
    await send(scene, make(10), outcome=TimedOut())
    (held,) = await scene.do(service.believed, "C1")
    assert (held.profile.id, held.state) == (2, "uncertain")
    found = await scene.do(service.composite, "C1", EVSE_1, 60, "", scene.clock.now(), scene.rules)
    assert ([each.limit for each in found.periods], found.certain) == ([10], False)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_in_whatever_order_answers_are_noted_what_was_sent_last_is_there(
    scene: Scene, make: Make, order: tuple[int, ...]
) -> None:
    sent = [await scene.do(service.request, "C1", EVSE_1, make(limit), scene.rules) for limit in (16, 10)]
    for number in order:
        await scene.do(service.answered, sent[number].id, sent[number].sent_no, Answered("Accepted"))
    assert await scene.states() == [(1, "cleared", "Replaced"), (2, "installed", "Accepted")]


async def test_numbers_are_the_chargers_own_and_never_one_that_is_in_use(scene: Scene, make: Make) -> None:
    await send(scene, make(id=2))
    await send(scene, make(stack_level=1))
    await send(scene, make(stack_level=2))
    assert [number for number, _, _ in await scene.states()] == [2, 1, 3]


async def test_a_profile_for_a_transaction_names_it(scene: Scene, make: Make) -> None:
    with pytest.raises(Refused, match="no transaction goes on at EVSE 1"):
        await send(scene, make(purpose=TX))
    await scene.charge("C1", 70, evse=1)
    with pytest.raises(Refused, match="transaction 70 goes on at EVSE 1, not 71"):
        await send(scene, make(purpose=TX, transaction_id=71))
    with pytest.raises(Invalid):
        await send(scene, make(purpose=TX), WHOLE)
    assert await scene.states() == []
    await send(scene, make(purpose=TX))
    (command,) = scene.said()
    assert command.profile.transaction_id == 70


async def test_what_the_charger_can_hold_is_asked_once_and_respected(scene: Scene, make: Make) -> None:
    scene.chargers.limits = {STACK_LEVEL: "1", RATE_UNITS: "Current", INSTALLED_MOST: "2"}
    await send(scene, make(6900, unit="W"))
    (command,) = scene.said()
    assert (command.profile.schedule.unit, command.profile.schedule.periods[0].limit) == ("A", 10)
    scene.chargers.limits = {}
    with pytest.raises(Refused, match=STACK_LEVEL):
        await send(scene, make(stack_level=2))
    await send(scene, make(stack_level=1))
    with pytest.raises(Refused, match=INSTALLED_MOST):
        await send(scene, make(), Place(2, 1))
    await send(scene, make(12))
    assert [state for _, state, _ in await scene.states()] == ["cleared", "installed", "installed"], (
        "it takes a place that is taken"
    )


async def test_nobody_else_is_asked_for_limits(scene: Scene, make: Make) -> None:
    scene.chargers.can = frozenset({"GetVariables"})
    assert (await flows.learn_limits(scene.ports, "C1", tenant=DEFAULT_TENANT)).read_at is None


async def test_an_unknown_charger_and_a_senseless_profile_are_refused(scene: Scene, make: Make) -> None:
    with pytest.raises(NotFound):
        await flows.send_profile(scene.ports, scene.rules, "C9", EVSE_1, make(), tenant=DEFAULT_TENANT)
    with pytest.raises(Invalid):
        await send(scene, make(start_at=None))
    assert scene.said() == []
    assert await scene.do(store.due_chargers, 10) == []
