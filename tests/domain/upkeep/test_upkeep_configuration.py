"""Configuration that chargers tell, that is wanted of them, and how the two are brought together: on both engines."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import attrs
import pytest

from csms.config import UpkeepConfig
from csms.core.commands import (
    Answered,
    CallError,
    Command,
    GetVariables,
    Lost,
    NotSupported,
    Offline,
    Outcome,
    Setting,
    SetVariables,
    TimedOut,
    VariableName,
)
from csms.core.errors import Conflict, Invalid, NotFound, StoreUnavailable
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Ports, ReadTx, Tx
from csms.core.reports import Booted
from csms.domain.stations import service as stations
from csms.domain.upkeep.flows import configuration as flows
from csms.domain.upkeep.flows.hearing import Hearing
from csms.domain.upkeep.model.configuration import MOST_VALUES, Key, Standing, Template
from csms.domain.upkeep.model.configured import DriftQuery
from csms.domain.upkeep.service import configuration as service
from csms.domain.upkeep.service import templates
from csms.domain.upkeep.store import configuration as store
from csms.domain.upkeep.store import templates as templates_store

from .conftest import MINUTE, Fleet, World

SETTINGS = UpkeepConfig()
HOUR = 60 * MINUTE


@attrs.define
class Box:
    """The configuration of C1 and how it answers; ``verdicts`` by key, an outcome or a status."""

    values: dict[str, str]
    verdicts: dict[str, str | Outcome] = attrs.field(factory=dict)
    reading: Outcome | None = None
    log: list[Any] = attrs.field(factory=list)

    def __call__(self, command: Command) -> Outcome:
        if isinstance(command, GetVariables):
            self.log.append([each.name for each in command.variables])
            return self.reading or Answered("Accepted", {"variables": [self.told(each.name) for each in command.variables]})
        assert isinstance(command, SetVariables)
        (setting,) = command.settings
        name = setting.variable.name
        self.log.append((name, setting.value))
        verdict = self.verdicts.get(name, "Accepted")
        if isinstance(verdict, Outcome):
            return verdict
        if verdict in ("Accepted", "RebootRequired"):
            self.values[name] = setting.value
        return Answered(verdict)

    def told(self, name: str) -> Mapping[str, Any]:
        if name not in self.values:
            return {"name": name, "status": "UnknownVariable"}
        return {"name": name, "status": "Accepted", "value": self.values[name], "readonly": False}


@attrs.define
class Scene:
    world: World
    box: Box

    @property
    def ports(self) -> Ports:
        chargers: Any = Linked(self.world.fleet)
        return attrs.evolve(self.world.ports, chargers=Hearing(chargers, self.world.database))

    async def want(self, **settings: str) -> None:
        await self.world.do(templates.want, "C1", settings)

    async def apply(self, **more: Any) -> Standing:
        standing = await flows.apply(self.ports, SETTINGS, DEFAULT_TENANT, "C1", **more)
        assert standing is not None
        return standing

    async def states(self) -> dict[str, str]:
        return {each.variable: each.state for each in await self.keys()}

    async def keys(self) -> list[Key]:
        found: list[Key] = await self.world.look(store.keys_of, "C1")
        return found

    async def hear(self, **values: str) -> None:
        """C1 is asked for some of its configuration, by somebody."""
        self.box.values.update(values)
        await self.ports.chargers.send("C1", GetVariables(tuple(map(VariableName, values))))

    async def boot(self, firmware: str) -> None:
        await self.world.boot("C1", firmware)
        report = Booted(charger_id="C1", received_at=self.world.clock.now(), vendor="Acme", model="AC22", firmware=firmware)
        await self.world.do(service.booted, report)

    async def due(self) -> list[str]:
        return [row["charger_id"] for row in await self.world.look(store.due, 10)]


class Linked:
    """The fleet of the tests, whose links say whose chargers they are."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet

    async def send(self, charger_id: str, command: Command, /, **limits: Any) -> Outcome:
        return await self.fleet.send(charger_id, command, **limits)

    def connection(self, charger_id: str) -> Any:
        @attrs.frozen
        class Link:
            tenant: int = DEFAULT_TENANT

        return Link()


@pytest.fixture
async def scene(world: World) -> Scene:
    await world.add("C1")
    box = Box({"GetConfigurationMaxKeys": "50", "A": "1", "B": "1"})
    world.fleet.answers["C1"] = box
    return Scene(world, box)


# --- what is wanted -------------------------------------------------------------------------------------------------------------


async def test_nothing_is_due_where_nothing_is_wanted(scene: Scene) -> None:
    assert await scene.due() == []
    assert await flows.apply(scene.ports, SETTINGS, DEFAULT_TENANT, "C1") is None
    assert scene.box.log == []
    await scene.want(A="2")
    assert await scene.due() == ["C1"]
    await scene.world.do(templates.unwant, "C1", ["a"])
    assert await scene.due() == []
    with pytest.raises(NotFound):
        await scene.world.do(templates.unwant, "C1", ["a"])


async def test_one_by_one_and_read_back(scene: Scene) -> None:
    await scene.want(A="2", B="3")
    standing = await scene.apply()
    assert scene.box.log == [["GetConfigurationMaxKeys"], ["A", "B"], ("A", "2"), ("B", "3"), ["A", "B"]]
    assert await scene.states() == {"A": "in_step", "B": "in_step"}
    assert standing.due_at == scene.world.clock.now() + SETTINGS.check_configuration_s * 1000
    assert await scene.due() == []
    scene.world.clock.advance(SETTINGS.check_configuration_s * 1000)
    assert await scene.due() == ["C1"]


async def test_a_charger_that_cannot_be_read_is_told_blindly(scene: Scene) -> None:
    scene.box.reading = CallError("NotImplemented")
    await scene.want(A="2")
    await scene.apply()
    (key,) = await scene.keys()
    assert (key.state, key.answer) == ("in_step", "it does not show it")
    assert [each for each in scene.box.log if isinstance(each, tuple)] == [("A", "2")]


@pytest.mark.parametrize("outcome", [TimedOut(), Lost()])
async def test_silence_ends_the_turn_and_the_wait_doubles(scene: Scene, outcome: Outcome) -> None:
    scene.box.verdicts = {"A": outcome}
    await scene.want(A="2", B="2")
    waits = []
    for _ in range(3):
        standing = await scene.apply()
        assert standing.due_at is not None
        waits.append((standing.due_at - scene.world.clock.now()) // 1000)
        assert await scene.states() == {"A": "uncertain", "B": "pending"}
    assert waits == [30, 60, 120]
    scene.box.verdicts.clear()
    scene.box.values["A"] = "2"  # it had obeyed all the time
    before = len(scene.box.log)
    await scene.apply()
    assert ("A", "2") not in scene.box.log[before:]
    assert await scene.states() == {"A": "in_step", "B": "in_step"}
    applied = await scene.world.events("configuration_applied")
    assert [each["keys"] for each in applied] == [["A", "B"]]


async def test_what_was_not_sent_is_still_to_be_told(scene: Scene) -> None:
    scene.box.verdicts = {"A": Offline()}
    await scene.want(A="2")
    standing = await scene.apply()
    assert await scene.states() == {"A": "pending"}
    assert standing.problem == "Offline: not connected"
    await scene.world.do(service.came_back, "C1")
    assert await scene.due() == ["C1"]


async def test_a_charger_that_is_away_is_not_due(scene: Scene) -> None:
    await scene.want(A="2")
    await scene.world.disconnect("C1")
    assert await scene.due() == []
    await scene.world.connect("C1")
    await scene.world.do(stations.reject, "C1")
    assert await scene.due() == []


async def test_a_change_in_the_middle_is_due_at_once(scene: Scene) -> None:
    await scene.want(A="2")
    answer = scene.box

    async def changed() -> None:
        await scene.want(A="3")

    taken = await scene.world.do(service.take, "C1", "")
    assert taken is not None
    await changed()
    await scene.world.do(service.was_set, "C1", "A", "2", answer(SetVariables((Setting(VariableName("A"), "2"),))))
    assert await scene.states() == {"A": "pending"}
    assert (await scene.world.do(partial(service.settle, charger_id="C1", problem="", check_s=9, applies=True))).due_at == (
        scene.world.clock.now()
    )
    await scene.apply()
    assert scene.box.values["A"] == "3"


# --- what chargers tell -----------------------------------------------------------------------------------------------------------


async def test_drift_is_told_once_per_drift(scene: Scene) -> None:
    await scene.want(A="1")
    await scene.apply()
    for _ in range(2):
        await scene.hear(A="7")
    assert await scene.states() == {"A": "pending"}
    assert await scene.due() == ["C1"]
    assert [(each["keys"], each["refused"]) for each in await scene.world.events("configuration_drifted")] == [(["A"], [])]
    await scene.apply()
    await scene.hear(A="8")
    assert len(await scene.world.events("configuration_drifted")) == 2


async def test_what_comes_right_by_itself_is_left_alone(scene: Scene) -> None:
    scene.box.verdicts = {"A": "Rejected"}
    await scene.want(A="2")
    await scene.apply()
    assert await scene.states() == {"A": "rejected"}
    await scene.hear(A="2.0")
    assert await scene.states() == {"A": "in_step"}


async def test_new_firmware_is_told_what_the_old_refused(scene: Scene) -> None:
    scene.box.verdicts = {"A": "Rejected", "C": "NotSupported"}
    await scene.want(A="2", C="2")
    await scene.apply()
    await scene.boot("1.0")
    assert await scene.states() == {"A": "rejected", "C": "not_supported"}
    await scene.boot("2.0")
    assert await scene.states() == {"A": "pending", "C": "pending"}


async def test_a_reboot_that_does_not_help_is_seen(scene: Scene) -> None:
    scene.box.verdicts = {"A": "RebootRequired"}
    await scene.want(A="2")
    standing = await scene.apply()
    assert standing.reboot_since_at == scene.world.clock.now()
    applied = await scene.world.events("configuration_applied")
    assert applied == [{"charger_id": "C1", "keys": ["A"], "reboot_required": ["A"]}]
    scene.box.values["A"] = "1"
    await scene.boot("1.0")
    await scene.apply()
    assert await scene.states() == {"A": "not_kept"}
    (drift,) = await scene.world.events("configuration_drifted")
    assert drift == {"charger_id": "C1", "keys": ["A"], "refused": ["A"]}


async def test_all_that_is_told_replaces_what_was_told_before(scene: Scene) -> None:
    await scene.hear(A="1", B="2")
    scene.world.clock.advance(1)
    every: Any = [{"name": "a", "value": "5", "readonly": True}, {"name": "A", "value": "6"}, {"name": ""}, {"name": "C"}]
    await scene.world.do(service.heard, "C1", every, True)
    readings = await scene.world.look(store.readings, "C1")
    assert {each.variable: each.value for each in readings.values()} == {"A": "6", "C": None}
    await scene.world.do(service.heard, "C1", [], True)
    assert len(await scene.world.look(store.readings, "C1")) == 2, "nothing told is nothing learnt"


async def test_a_charger_cannot_fill_the_store(scene: Scene) -> None:
    for part in range(3):
        names: Any = [{"name": f"{part}-{number}", "value": "\x00" * 9999} for number in range(MOST_VALUES)]
        scene.world.clock.advance(1)
        await scene.world.do(service.heard, "C1", names, False)
    readings = await scene.world.look(store.readings, "C1")
    assert len(readings) == MOST_VALUES
    assert all(each.variable.startswith("2-") and len(each.value or "") <= 2500 for each in readings.values())


async def test_variables_of_components(scene: Scene) -> None:
    """OCPP 2.x tells variables of components, and errors one by one."""
    told: Any = [
        {"name": "Available", "component": "EVSE", "evse": 1, "status": "Accepted", "value": "true"},
        {"name": "Nothing", "component": "EVSE", "status": "UnknownVariable"},
        {"name": "Hidden", "component": "EVSE", "status": "Rejected"},
    ]
    await scene.world.do(service.heard, "C1", told, False)
    readings = await scene.world.look(store.readings, "C1")
    assert {each.variable: (each.known, each.value) for each in readings.values()} == {
        "EVSE@1.Available": (True, "true"),
        "EVSE.Nothing": (False, None),
    }
    await scene.world.do(templates.want, "C1", {"EVSE@1.Available": "false"})
    (variable,) = await scene.world.look(service.to_read, "C1")
    assert variable == VariableName("Available", "EVSE", evse=1)


async def test_an_answer_is_given_although_it_cannot_be_remembered(scene: Scene) -> None:
    class Away:
        async def write(self, *_: Any, **__: Any) -> None:
            raise StoreUnavailable("away")

    away: Any = Away()
    chargers: Any = Linked(scene.world.fleet)
    outcome = await Hearing(chargers, away).send("C1", GetVariables((VariableName("A"),)))
    assert isinstance(outcome, Answered)


async def test_a_charger_that_was_added_anew_starts_over(scene: Scene) -> None:
    await scene.want(A="2")
    await scene.apply()
    await scene.world.do(stations.remove_charger, "C1")
    scene.world.clock.advance(1)
    await scene.world.add("C1")
    assert await scene.due() == []
    assert await scene.world.look(store.list_drift, DriftQuery(), 10) == []
    await scene.want(B="3")
    assert await scene.states() == {"B": "pending"}


# --- templates ------------------------------------------------------------------------------------------------------------------


async def test_templates_reach_those_they_are_for(scene: Scene) -> None:
    world = scene.world
    await world.add("C2", model="DC50")
    await world.add("C3", vendor="Other")
    station = await world.do(partial(stations.add_station, name="Campus"))
    add = templates.add_template
    await world.do(add, Template(name="Everybody"), {"A": "all"})
    await world.do(add, Template(name="Acme", scope="model", vendor="ACME"), {"B": "acme"})
    await world.do(add, Template(name="DC", scope="model", vendor="acme", model="dc50"), {"B": "dc"})
    await world.do(add, Template(name="Site", scope="station", station_id=station.id), {"A": "site"})
    await world.do(add, Template(name="Pilot", scope="chargers"), {"C": "pilot"}, ["C3"])
    await world.do(stations.place_charger, "C2", station.id)
    assert await flows.align(world.ports) == 3
    assert await flows.align(world.ports) == 0
    assert await wanted(world) == {
        "C1": {"A": "all", "B": "acme"},
        "C2": {"A": "site", "B": "dc"},
        "C3": {"A": "all", "C": "pilot"},
    }
    await world.do(stations.place_charger, "C2", None)
    await world.do(templates.change_template, "pilot", {"D": "4"}, ["c"])
    await world.do(templates.change_chargers, "Pilot", ["C1"], ["C3"])
    await world.do(templates.remove_template, "DC")
    await world.boot("C3", "1.0", vendor="Acme")
    await flows.align(world.ports)
    assert await wanted(world) == {
        "C1": {"A": "all", "B": "acme", "D": "4"},
        "C2": {"A": "all", "B": "acme"},
        "C3": {"A": "all", "B": "acme"},
    }
    assert sorted(row["charger_id"] for row in await world.look(store.due, 10)) == ["C1", "C2", "C3"]


async def wanted(world: World) -> dict[str, dict[str, str]]:
    def query(tx: ReadTx) -> dict[str, dict[str, str]]:
        return {each: {key.variable: key.value for key in store.keys_of(tx, each)} for each in ("C1", "C2", "C3")}

    found: dict[str, dict[str, str]] = await world.look(query)
    return found


async def test_a_change_of_source_alone_tells_nobody_anything(scene: Scene) -> None:
    await scene.want(A="1")
    await scene.apply()
    await scene.world.do(templates.add_template, Template(name="Everybody"), {"A": "1"})
    await scene.world.do(templates.unwant, "C1", ["A"])
    await flows.align(scene.world.ports)
    (key,) = await scene.keys()
    assert (key.source, key.state) == ("Everybody", "in_step")
    assert await scene.due() == []


@pytest.mark.parametrize(
    ("template", "settings", "charger_ids", "error"),
    [
        (Template(name=" "), {}, [], Invalid),
        (Template(name="x", scope="moon"), {}, [], Invalid),
        (Template(name="x", scope="model"), {}, [], Invalid),
        (Template(name="x", vendor="Acme"), {}, [], Invalid),
        (Template(name="x", scope="model", model="AC"), {}, [], Invalid),
        (Template(name="x", scope="station"), {}, [], Invalid),
        (Template(name="x", scope="station", station_id=99), {}, [], NotFound),
        (Template(name="x", scope="chargers"), {}, [], Invalid),
        (Template(name="x"), {}, ["C1"], Invalid),
        (Template(name="x", scope="chargers"), {}, ["C9"], NotFound),
        (Template(name="x"), {"A": "1", "a": "2"}, [], Invalid),
        (Template(name="x"), {f"A{number}": "1" for number in range(501)}, [], Invalid),
        (Template(name="TAKEN"), {}, [], Conflict),
    ],
)
async def test_what_is_no_template(
    scene: Scene, template: Template, settings: dict[str, str], charger_ids: list[str], error: type[Exception]
) -> None:
    await scene.world.do(templates.add_template, Template(name="Taken"), {})
    with pytest.raises(error):
        await scene.world.do(templates.add_template, template, settings, charger_ids)
    assert [each.name for each in await scene.world.look(templates_store.list_templates)] == ["Taken"]


async def test_a_command_that_cannot_be_said_is_not_supported(scene: Scene) -> None:
    scene.box.verdicts = {"A": NotSupported("no words")}
    await scene.want(A="2")
    standing = await scene.apply()
    assert await scene.states() == {"A": "not_supported"}
    assert standing.problem == ""


async def test_one_charger_of_another_tenant_is_not_touched(scene: Scene) -> None:
    def query(tx: Tx) -> Any:
        return store.readings(tx, "C1")

    await scene.hear(A="1")
    other = await scene.world.database.write(
        lambda tx: tx.system("a test").value(
            "INSERT INTO tenants (slug, name, currency, time_zone, created_at)"
            " VALUES ('other', 'Other', 'EUR', 'UTC', 0) RETURNING id"
        ),
        tenant=DEFAULT_TENANT,
    )
    assert await scene.world.database.read(query, tenant=other) == {}
    with pytest.raises(NotFound):
        await scene.world.database.write(templates.want, "C1", {"A": "1"}, tenant=other)
