"""Templates that are wanted at chargers, stations and models, and how they get there, and away again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from csms.core.charging import CHARGER_MAX, TX, ChargingProfile
from csms.core.commands import Answered, ClearChargingProfile, Offline, Outcome, SetChargingProfile, TimedOut
from csms.core.errors import Conflict, Invalid, NotFound, Refused
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Tx
from csms.domain.profiles import flows, service, store
from csms.domain.profiles.fitting import STACK_LEVEL
from csms.domain.profiles.model import Target
from csms.domain.stations import service as stations

from .conftest import Scene

Make = Callable[..., ChargingProfile]
C1, DEPOT, M1 = Target(charger_id="C1"), Target(station_id=7), Target(model="M1")
SECOND = 1000


async def settle(scene: Scene, *charger_ids: str) -> None:
    """What the server does by itself, once."""
    await flows.align(scene.ports)
    for charger_id in charger_ids or ("C1", "C2"):
        await flows.deliver(scene.ports, scene.rules, charger_id, tenant=DEFAULT_TENANT)


def place_c1(tx: Tx) -> None:
    stations.place_charger(tx, "C1", 7)


async def test_templates_are_kept_by_name(scene: Scene, make: Make) -> None:
    added = await scene.do(service.add_template, "Night", make(6), description=" slow ")
    assert (added.name, added.description, added.profile, added.assignments) == ("Night", "slow", make(6), 0)
    with pytest.raises(Conflict):
        await scene.do(service.add_template, "NIGHT", make())
    with pytest.raises(Invalid):
        await scene.do(service.add_template, " ", make())
    changed = await scene.do(service.change_template, "night", make(10))
    assert (changed.name, changed.profile) == ("Night", make(10))
    assert [each.name for each in await scene.do(store.list_templates)] == ["Night"]
    await scene.do(service.remove_template, "nighT")
    with pytest.raises(NotFound):
        await scene.do(service.need_template, "Night")


async def test_an_assignment_must_name_what_there_is(scene: Scene, make: Make) -> None:
    await scene.do(service.add_template, "max", make(purpose=CHARGER_MAX))
    for target, evse, error in (
        (Target(charger_id="C9"), 0, NotFound),
        (Target(station_id=9), 0, NotFound),
        (Target(model=""), 0, Invalid),
        (C1, 1, Invalid),
    ):
        with pytest.raises(error):
            await scene.do(service.assign, "max", target, evse)
    with pytest.raises(NotFound):
        await scene.do(service.unassign, "max", C1)


async def test_all_chargers_of_a_model_get_it_and_lose_it(scene: Scene, make: Make) -> None:
    await scene.do(service.add_template, "day", make(16))
    await scene.do(service.assign, "day", M1)
    await settle(scene)
    assert [charger_id for charger_id, _ in scene.chargers.sent] == ["C1", "C2"]
    assert await scene.states("C1") == await scene.states("C2") == [(1, "installed", "Accepted")]
    with pytest.raises(Refused, match="assigned to model M1"):
        await scene.do(service.remove_template, "day")
    scene.said()
    await scene.do(service.unassign, "day", M1)
    await settle(scene)
    assert scene.cleared() == [1, 1]
    assert await scene.states("C2") == [(1, "cleared", "Accepted")]
    await settle(scene)
    assert scene.said() == [], "once is enough"


async def test_a_charger_that_moves_to_a_station_gets_what_is_wanted_there(scene: Scene, make: Make) -> None:
    await scene.do(service.add_template, "depot", make(16))
    await scene.do(service.assign, "depot", DEPOT)
    await settle(scene)
    assert scene.said() == []
    await scene.do(place_c1)
    await settle(scene)
    assert [charger_id for charger_id, _ in scene.chargers.sent] == ["C1"]
    await scene.do(stations.place_charger, "C1", None)
    scene.said()
    await settle(scene)
    assert scene.cleared() == [1]


async def test_the_nearest_wish_wins_and_the_farther_comes_back(scene: Scene, make: Make) -> None:
    for name, limit, target in (("own", 6, C1), ("station", 10, DEPOT), ("model", 16, M1)):
        await scene.do(service.add_template, name, make(limit))
        await scene.do(service.assign, name, target)
    await scene.do(place_c1)
    await settle(scene)
    assert [(held.template, held.state) for held in await scene.held("C1")] == [("own", "installed")]
    assert [(held.template, held.state) for held in await scene.held("C2")] == [("model", "installed")]
    await scene.do(service.unassign, "own", C1)
    await settle(scene)
    assert [(held.template, held.state) for held in await scene.held("C1")] == [("station", "installed")]
    assert not any(isinstance(command, ClearChargingProfile) for command in scene.said()), "it took the other's place"
    await scene.do(stations.place_charger, "C1", None)
    await settle(scene)
    assert [(held.template, held.state) for held in await scene.held("C1")] == [("model", "installed")]


async def test_a_changed_template_is_sent_again_under_its_number(scene: Scene, make: Make) -> None:
    await scene.do(service.add_template, "day", make(16))
    await scene.do(service.assign, "day", C1)
    await settle(scene)
    scene.said()
    await scene.do(service.change_template, "day", make(20, stack_level=2))
    await settle(scene)
    (command,) = scene.said()
    assert (command.profile.id, command.profile.stack_level, command.profile.schedule.periods[0].limit) == (1, 2, 20)
    with pytest.raises(Refused):
        await scene.do(service.change_template, "day", make(purpose=TX))


async def test_what_an_operator_cleared_stays_so_until_it_is_assigned_again(scene: Scene, make: Make) -> None:
    await scene.do(service.add_template, "day", make(16))
    await scene.do(service.assign, "day", C1)
    await settle(scene)
    await flows.clear(scene.ports, "C1", ClearChargingProfile(), tenant=DEFAULT_TENANT)
    await scene.do(service.add_template, "other", make())
    await scene.do(service.assign, "other", Target(model="M9"))
    scene.said()
    await settle(scene)
    assert scene.said() == []
    await scene.do(service.assign, "day", C1)
    await settle(scene)
    assert [type(command) for command in scene.said()] == [SetChargingProfile]


async def test_nobody_who_is_away_is_asked(scene: Scene, make: Make) -> None:
    await scene.do(service.add_template, "day", make(16))
    await scene.do(service.assign, "day", C1)
    await flows.align(scene.ports)
    assert [row["charger_id"] for row in await scene.do(store.due_chargers, 10)] == ["C1"]
    scene.chargers.connected = False
    assert await flows.deliver(scene.ports, scene.rules, "C1", tenant=DEFAULT_TENANT) == 0
    await scene.do(lambda tx: tx.run("UPDATE chargers SET approval = 'pending' WHERE tenant = :tenant"))
    assert await scene.do(store.due_chargers, 10) == []
    assert await scene.states() == [(1, "wanted", "")]


@pytest.mark.parametrize(("outcome", "state"), [(TimedOut(), "uncertain"), (Offline(), "wanted")])
async def test_without_an_answer_it_is_tried_again_later_each_time_and_not_for_ever(
    scene: Scene, make: Make, outcome: Outcome, state: str
) -> None:
    await scene.do(service.add_template, "day", make(16))
    await scene.do(service.assign, "day", C1)
    scene.chargers.answers[SetChargingProfile] = outcome
    await settle(scene, "C1")
    waits = []
    while (held := (await scene.held())[0]).try_at is not None:
        assert held.state == state
        waits.append((held.try_at - scene.clock.now()) // SECOND)
        scene.clock.at = held.try_at - 1
        await settle(scene, "C1")
        assert len(scene.said()) == (1 if len(waits) == 1 else 0), "not before its time"
        scene.clock.at = held.try_at
        await settle(scene, "C1")
        scene.said()
    assert waits == [30, 60, 120, 240, 480, 960, 1920]
    await scene.do(service.booted, "C1", new_firmware=False)
    scene.chargers.answers[SetChargingProfile] = Answered("Accepted")
    await settle(scene, "C1")
    assert [state for _, state, _ in await scene.states()] == ["installed"]


async def test_what_is_on_its_way_is_nobody_elses_business(scene: Scene, make: Make) -> None:
    await scene.do(service.add_template, "day", make(16))
    await scene.do(service.assign, "day", C1)
    await flows.align(scene.ports)
    assert (await scene.do(service.take, "C1", scene.rules)).profile.id == 1
    assert await scene.do(service.take, "C1", scene.rules) is None
    scene.clock.advance(200 * SECOND)
    assert (await scene.do(service.take, "C1", scene.rules)).profile.id == 1, "whoever took it crashed"


async def test_a_refusal_holds_until_the_next_boot(scene: Scene, make: Make) -> None:
    await scene.do(service.add_template, "day", make(16))
    await scene.do(service.assign, "day", C1)
    scene.chargers.answers[SetChargingProfile] = [Answered("Rejected"), Answered("Accepted")]
    await settle(scene, "C1")
    scene.clock.advance(86_400 * SECOND)
    await settle(scene, "C1")
    assert await scene.states() == [(1, "refused", "Rejected")]
    await scene.do(service.booted, "C1", new_firmware=False)
    await settle(scene, "C1")
    assert await scene.states() == [(1, "installed", "Accepted")]


async def test_what_cannot_be_held_is_refused_without_asking(scene: Scene, make: Make) -> None:
    scene.chargers.limits = {STACK_LEVEL: "0"}
    await scene.do(service.add_template, "high", make(stack_level=5))
    await scene.do(service.assign, "high", C1)
    await settle(scene, "C1")
    assert scene.said() == []
    assert [(number, state) for number, state, _ in await scene.states()] == [(1, "refused")]
    scene.chargers.limits = {STACK_LEVEL: "9"}
    await scene.do(service.booted, "C1", new_firmware=True)
    await settle(scene, "C1")
    assert await scene.states() == [(1, "installed", "Accepted")], "new firmware may have other limits"


async def test_a_clearing_without_an_answer_is_tried_again(scene: Scene, make: Make) -> None:
    await scene.do(service.add_template, "day", make(16))
    await scene.do(service.assign, "day", C1)
    await settle(scene, "C1")
    await scene.do(service.unassign, "day", C1)
    scene.chargers.answers[ClearChargingProfile] = [TimedOut(), Answered("Accepted")]
    await settle(scene, "C1")
    assert await scene.states() == [(1, "uncertain", "TimedOut")]
    scene.clock.advance(60 * SECOND)
    await settle(scene, "C1")
    assert await scene.states() == [(1, "cleared", "Accepted")]


async def test_a_charger_that_was_removed_and_added_again_holds_nothing(scene: Scene, make: Make) -> None:
    await scene.do(service.add_template, "day", make(16))
    await scene.do(service.assign, "day", C1)
    await settle(scene, "C1")
    await scene.do(stations.remove_charger, "C1")
    scene.clock.advance(SECOND)
    await scene.do(stations.add_charger, "C1")
    await scene.connect("C1")
    await settle(scene, "C1")
    assert await scene.states() == [(1, "cleared", "ChargerRemoved"), (1, "installed", "Accepted")]


async def test_an_idle_installation_has_nothing_to_align(scene: Scene, make: Make) -> None:
    assert await flows.align(scene.ports) == 0
    await scene.do(service.add_template, "day", make(16))
    await scene.do(service.assign, "day", C1)
    assert await flows.align(scene.ports) == 2
    assert await flows.align(scene.ports) == 0
