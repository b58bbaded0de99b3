"""Availability by what statuses show, and what becomes of orders and maintenance: on both engines."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from csms.config import UpkeepConfig
from csms.core.commands import Answered, ChangeAvailability, Expired, Lost, Outcome, TimedOut
from csms.core.errors import Invalid, NotFound, Refused
from csms.core.ids import DEFAULT_TENANT, WHOLE_CHARGER, Place
from csms.core.ports import Tx
from csms.core.reports import StatusReported
from csms.domain.stations import service as stations
from csms.domain.upkeep.flows import availability as flows
from csms.domain.upkeep.model.availability import BUSY, Availability, AvailabilityQuery, shows
from csms.domain.upkeep.service import availability as service
from csms.domain.upkeep.service import maintenance
from csms.domain.upkeep.store import availability as store

from .conftest import MINUTE, World

SETTINGS = UpkeepConfig(status_wait_s=60)
ONE, TWO = Place(1, 1), Place(2, 1)


@pytest.mark.parametrize(
    ("place", "statuses", "shown"),
    [
        (ONE, {}, None),
        (ONE, {ONE: "Unavailable"}, False),
        (ONE, {ONE: "Available"}, True),
        (ONE, {ONE: "Charging"}, BUSY),
        (ONE, {ONE: "Faulted"}, None),
        (ONE, {ONE: "Unknown"}, None),
        (ONE, {TWO: "Unavailable"}, None),
        (Place(1, 0), {ONE: "Unavailable"}, False),
        (Place(1, 0), {ONE: "Unavailable", Place(1, 2): "Available"}, True),
        (WHOLE_CHARGER, {ONE: "Unavailable", TWO: "Unavailable"}, False),
        (WHOLE_CHARGER, {ONE: "Unavailable", TWO: "Charging"}, BUSY),
        (WHOLE_CHARGER, {ONE: "Unavailable", TWO: "Available"}, True),
        (WHOLE_CHARGER, {WHOLE_CHARGER: "Unavailable", TWO: "Available"}, False),
        (WHOLE_CHARGER, {WHOLE_CHARGER: "Available", ONE: "Unavailable"}, False),
        (WHOLE_CHARGER, {WHOLE_CHARGER: "Available"}, True),
        (WHOLE_CHARGER, {WHOLE_CHARGER: "Available", ONE: "Faulted"}, True),
    ],
)
def test_what_statuses_show(place: Place, statuses: dict[Place, str], shown: Any) -> None:
    assert shows(place, statuses.items()) == shown


class Scene:
    """Orders about C1, and what it makes of them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.answers: list[Outcome] = []
        world.fleet.answers["C1"] = lambda command: self.answers.pop(0) if self.answers else Answered("Accepted")

    async def order(self, place: Place, operative: bool, *answers: Outcome) -> str:
        self.answers = list(answers)
        known, _ = await flows.change(self.world.ports, SETTINGS, DEFAULT_TENANT, "C1", place, operative)
        return known.state

    async def tell(self, *answers: Outcome) -> list[tuple[str, bool]]:
        """What C1 is told that is due."""
        self.answers = list(answers)
        before = len(self.world.fleet.told)
        await flows.tell_due(self.world.ports, SETTINGS, DEFAULT_TENANT, "C1")
        told = [command for _, command in self.world.fleet.told[before:]]
        return [(str(each.place), each.operative) for each in told if isinstance(each, ChangeAvailability)]

    async def status(self, place: Place, status: str) -> None:
        now = self.world.clock.now()
        report = StatusReported(charger_id="C1", received_at=now, reported_at=now, place=place, status=status)

        def verb(tx: Tx) -> None:
            stations.status(tx, report)
            service.status_seen(tx, report)

        await self.world.do(verb)

    async def known(self, place: Place = ONE) -> Availability:
        found: Availability | None = await self.world.look(store.of_place, "C1", place)
        assert found is not None
        return found

    async def due(self) -> list[str]:
        return [row["charger_id"] for row in await self.world.look(store.due, 10)]


@pytest.fixture
async def scene(world: World) -> Scene:
    await world.add("C1")
    return Scene(world)


async def test_already_out_of_service(scene: Scene) -> None:
    """1.6 §5.2: asked for what it is already, a charger says Accepted; no status follows."""
    await scene.status(ONE, "Unavailable")
    assert await scene.order(ONE, False) == "in_force"


@pytest.mark.parametrize("outcome", [TimedOut(), Lost()])
async def test_silence_is_asked_again_at_longer_intervals(scene: Scene, outcome: Outcome) -> None:
    assert await scene.order(ONE, False, outcome) == "uncertain"
    waits = []
    for _ in range(3):
        known = await scene.known()
        assert known.due_at is not None
        waits.append((known.due_at - scene.world.clock.now()) // 1000)
        assert await scene.tell() == []
        scene.world.clock.advance(known.due_at - scene.world.clock.now())
        assert await scene.due() == ["C1"]
        assert await scene.tell(outcome) == [("1.1", False)]
    assert waits == [30, 60, 120]
    await scene.status(ONE, "Unavailable")
    assert (await scene.known()).state == "in_force"


async def test_what_was_not_sent_is_pending(scene: Scene) -> None:
    assert await scene.order(ONE, False, Expired()) == "pending"


async def test_a_newer_order_wins_over_a_late_answer(scene: Scene) -> None:
    await scene.world.do(service.order, "C1", ONE, False)
    await scene.world.do(service.order, "C1", ONE, True)
    await scene.world.do(service.answered, "C1", ONE, False, Answered("Accepted"), 60)
    known = await scene.known()
    assert (known.operative, known.state) == (True, "uncertain")


async def test_a_yes_that_does_not_show_is_repeated_and_given_up_for_service(scene: Scene) -> None:
    await scene.status(ONE, "Unavailable")
    assert await scene.order(ONE, True) == "accepted"
    tries = 1
    while (await scene.known()).state == "accepted":
        scene.world.clock.advance(MINUTE)
        tries += len(await scene.tell())
    assert (tries, (await scene.known()).state) == (service.MOST_TRIES, "unconfirmed")


async def test_a_yes_under_a_transaction_waits_for_its_end(scene: Scene) -> None:
    """A charger that says Accepted where it should say Scheduled."""
    await scene.status(ONE, "Charging")
    assert await scene.order(ONE, False) == "accepted"
    scene.world.clock.advance(MINUTE)
    assert await scene.tell() == []
    assert (await scene.known()).state == "scheduled"
    await scene.status(ONE, "Available")
    scene.world.clock.advance(MINUTE)
    assert await scene.tell() == [("1.1", False)]


async def test_in_service_is_not_insisted_on(scene: Scene) -> None:
    await scene.status(ONE, "Unavailable")
    await scene.order(ONE, True)
    await scene.status(ONE, "Available")
    assert (await scene.known()).state == "in_force"
    await scene.status(ONE, "Unavailable")  # an update, a service technician
    scene.world.clock.advance(60 * MINUTE)
    assert await scene.tell() == []


async def test_a_charger_that_keeps_forgetting_is_told_less_and_less(scene: Scene) -> None:
    await scene.order(ONE, False)
    waits = []
    for _ in range(4):
        await scene.status(ONE, "Unavailable")
        await scene.status(ONE, "Available")
        known = await scene.known()
        assert known.due_at is not None
        waits.append((known.due_at - scene.world.clock.now()) // 1000)
        scene.world.clock.advance(known.due_at - scene.world.clock.now())
        assert await scene.tell() == [("1.1", False)]
    assert waits == [0, 30, 60, 120]


async def test_maintenance_of_what_is_out_of_service_changes_nothing(scene: Scene) -> None:
    now = scene.world.clock.now()
    await scene.status(ONE, "Unavailable")
    await scene.order(ONE, False)
    await scene.world.do(maintenance.plan, "C1", ONE, now + MINUTE, now + 2 * MINUTE)
    for _ in range(3):
        scene.world.clock.advance(MINUTE)
        await scene.world.do(maintenance.turn)
        assert await scene.tell() == []
    assert not (await scene.known()).operative, "it was out of service before, and still is"


async def test_windows_that_overlap(scene: Scene) -> None:
    now = scene.world.clock.now()
    await scene.world.do(maintenance.plan, "C1", ONE, now + MINUTE, now + 3 * MINUTE)
    await scene.world.do(maintenance.plan, "C1", ONE, now + 2 * MINUTE, now + 4 * MINUTE)
    told = []
    for _ in range(5):
        scene.world.clock.advance(MINUTE)
        await scene.world.do(maintenance.turn)
        told.append(await scene.tell())
        await scene.status(ONE, "Unavailable" if not (await scene.known()).operative else "Available")
    assert told == [[("1.1", False)], [], [], [("1.1", True)], []]


async def test_a_window_that_passed_while_nobody_looked(scene: Scene) -> None:
    now = scene.world.clock.now()
    window = await scene.world.do(maintenance.plan, "C1", ONE, now + MINUTE, now + 2 * MINUTE)
    scene.world.clock.advance(10 * MINUTE)
    assert await scene.world.do(maintenance.turn) == 1
    assert await scene.world.do(maintenance.turn) == 0
    assert (await scene.world.look(maintenance.need_window, window.id)).state == "over"
    assert await scene.tell() == []
    with pytest.raises(Refused):
        await scene.world.do(maintenance.cancel, window.id)


@pytest.mark.parametrize(
    ("place", "begins", "ends", "error"),
    [
        (ONE, 0, 0, Invalid),
        (ONE, 2, 1, Invalid),
        (ONE, -2, -1, Invalid),
        (ONE, 0, 10**9, Invalid),
        (Place(0, 1), 0, 1, Invalid),
        (Place(-1, 0), 0, 1, Invalid),
        (Place(1000, 0), 0, 1, Invalid),
    ],
)
async def test_what_is_no_maintenance(scene: Scene, place: Place, begins: int, ends: int, error: type[Exception]) -> None:
    now = scene.world.clock.now()
    with pytest.raises(error):
        await scene.world.do(maintenance.plan, "C1", place, now + begins * MINUTE, now + ends * MINUTE)


async def test_nobody_is_put_out_of_service(scene: Scene) -> None:
    now = scene.world.clock.now()
    for verb in (
        partial(maintenance.plan, place=ONE, from_at=now, until_at=now + 1),
        partial(service.order, place=ONE, operative=False),
    ):
        with pytest.raises(NotFound):
            await scene.world.do(verb, charger_id="C9")
    with pytest.raises(NotFound):
        await scene.world.do(maintenance.cancel, 99)
    with pytest.raises(Invalid):
        await scene.world.do(service.order, "C1", ONE, False, reason="x" * 201)


async def test_a_charger_that_was_added_anew_is_in_service(scene: Scene) -> None:
    await scene.order(ONE, False, Expired())
    await scene.world.do(stations.remove_charger, "C1")
    scene.world.clock.advance(1)
    await scene.world.add("C1")
    scene.world.clock.advance(60 * MINUTE)
    assert await scene.due() == []
    assert await scene.world.look(store.list_places, AvailabilityQuery(), 10) == []
