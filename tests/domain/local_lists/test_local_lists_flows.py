"""A charger's local list follows who may charge there, whatever the charger, the link or the server does meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from csms.core.commands import (
    Answered,
    CallError,
    Command,
    GetLocalListVersion,
    GetVariables,
    LocalListEntry,
    Lost,
    Offline,
    Outcome,
    SendLocalList,
)
from csms.core.errors import Invalid
from csms.core.events import Delivered
from csms.core.ids import DEFAULT_TENANT, charger_key
from csms.core.ports import Ports, ReadTx, Tx
from csms.core.reports import Booted, Token, TokenVerdict
from csms.db import StoreDatabase
from csms.domain.drivers import service as drivers
from csms.domain.drivers.model import TokensChanged
from csms.domain.local_lists import flows, listeners, service, store
from csms.domain.local_lists.model import BEHIND, DISABLED, FAILED, IN_STEP, UNSUPPORTED, LocalList
from csms.domain.stations import service as stations
from csms.domain.stations.model import BootPolicy, ChargerBooted
from csms.testing.stores import SettableClock

CP = "CP-1"


@attrs.frozen
class Settings:
    mode: str = "auto"
    message_limit: int = 100
    check_interval_s: int = 3600


@attrs.define(slots=False)
class Box:
    """A charger with a local list, as the domain meets it."""

    version: int = 0
    entries: dict[str, str] = attrs.field(factory=dict)
    limits: dict[str, str] = attrs.field(factory=dict)
    heard: list[Command] = attrs.field(factory=list)
    refuse: Callable[[Command], Outcome | None] = lambda command: None
    lose: Callable[[Command], bool] = lambda command: False

    async def send(self, charger_id: str, command: Command, /, **limits: Any) -> Outcome:
        self.heard.append(command)
        refused = self.refuse(command)
        if refused is not None:
            return refused
        outcome = self._obey(command)
        return Lost() if self.lose(command) else outcome

    def _obey(self, command: Command) -> Outcome:
        if isinstance(command, GetVariables):
            known = [{"name": name, "value": value} for name, value in self.limits.items()]
            return Answered("Accepted", {"variables": known})
        if isinstance(command, GetLocalListVersion):
            return Answered("NotSupported" if self.version < 0 else "Accepted", {"version": self.version})
        assert isinstance(command, SendLocalList)
        if not command.full and command.version <= self.version:
            return Answered("VersionMismatch")
        if len(command.entries) > int(self.limits.get("SendLocalListMaxLength", "1000")):
            return Answered("Failed")
        if command.full:
            self.entries = {}
        for entry in command.entries:
            if entry.verdict is None:
                self.entries.pop(entry.token.value, None)
            else:
                self.entries[entry.token.value] = entry.verdict.status
        self.version = command.version
        return Answered("Accepted")

    def sent(self) -> list[SendLocalList]:
        return [each for each in self.heard if isinstance(each, SendLocalList)]


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
async def ports(database: StoreDatabase, clock: SettableClock, box: Box) -> Ports:
    absent: Any = None
    chargers: Any = box
    await database.write(lambda tx: stations.add_charger(tx, CP), tenant=DEFAULT_TENANT, keys=(charger_key(CP),))
    return Ports(database=database, chargers=chargers, decisions=absent, clock=clock, random=absent, blocking=absent, http=absent)


async def write(ports: Ports, verb: Callable[..., Any], *arguments: Any) -> Any:
    return await ports.database.write(verb, *arguments, tenant=DEFAULT_TENANT)


async def synchronise(ports: Ports, settings: Settings | None = None, **more: Any) -> LocalList:
    return await flows.synchronise(ports, settings or Settings(), CP, tenant=DEFAULT_TENANT, **more)


async def stored(ports: Ports) -> dict[str, str]:
    def query(tx: ReadTx) -> dict[str, str]:
        return {each.token: each.status for each in store.entries(tx, CP).values()}

    return await ports.database.read(query, tenant=DEFAULT_TENANT)


async def add(ports: Ports, *tokens: str) -> None:
    for token in tokens:
        await write(ports, drivers.add_token, token)


async def test_tokens_that_may_charge_there_come_onto_the_list_and_leave_it(ports: Ports, box: Box) -> None:
    await add(ports, "A", "B")
    await write(ports, drivers.block_token, "B")
    state = await synchronise(ports)
    assert (state.state, state.version, box.entries) == (IN_STEP, 1, {"A": "Accepted"})
    await write(ports, drivers.unblock_token, "B")
    await add(ports, "C")
    assert (await synchronise(ports)).version == 2
    assert box.entries == {"A": "Accepted", "B": "Accepted", "C": "Accepted"} == await stored(ports)
    assert [(each.full, len(each.entries)) for each in box.sent()] == [(True, 1), (False, 2)]
    await write(ports, drivers.remove_token, "A")
    await synchronise(ports)
    assert set(box.entries) == {"B", "C"}


async def test_what_is_in_step_is_only_compared(ports: Ports, box: Box) -> None:
    await add(ports, "A")
    await synchronise(ports)
    box.heard.clear()
    state = await synchronise(ports)
    assert box.heard == [GetLocalListVersion()]
    assert state.state == IN_STEP


async def test_a_station_that_grants_has_only_its_own_on_the_list(ports: Ports, box: Box) -> None:
    await add(ports, "MINE", "OTHER")
    station = await write(ports, lambda tx: stations.add_station(tx, "Yard", access="granted"))
    await write(ports, stations.place_charger, CP, station.id)
    await write(ports, lambda tx: drivers.grant(tx, token="MINE", station_id=station.id))
    await synchronise(ports)
    assert set(box.entries) == {"MINE"}


async def test_long_lists_are_split_as_the_charger_asks(ports: Ports, box: Box) -> None:
    box.limits = {"SendLocalListMaxLength": "2", "LocalAuthListMaxLength": "5", "LocalAuthListEnabled": "true"}
    await add(ports, *(f"T{number}" for number in range(7)))
    state = await synchronise(ports)
    assert [(each.full, each.version, len(each.entries)) for each in box.sent()] == [(True, 1, 2), (False, 2, 2), (False, 3, 1)]
    assert (state.state, state.left_out, len(box.entries)) == (IN_STEP, 2, 5)
    assert state.problem == "2 tokens have no room on it, or are longer than 20 characters"
    assert "2 tokens" in state.problem


async def test_drift_is_noticed_and_mended_with_a_full_list(ports: Ports, box: Box) -> None:
    await add(ports, "A")
    await synchronise(ports)
    box.version, box.entries = 7, {"STRANGER": "Accepted"}
    state = await synchronise(ports)
    assert (box.version, box.entries, state.version) == (8, {"A": "Accepted"}, 8)
    box.version, box.entries = 0, {}
    await synchronise(ports)
    assert box.entries == {"A": "Accepted"}


@pytest.mark.parametrize("arrived", [True, False])
async def test_a_lost_answer_is_settled_by_the_charger_s_version(ports: Ports, box: Box, arrived: bool) -> None:
    await add(ports, "A")
    if arrived:
        box.lose = lambda command: isinstance(command, SendLocalList)
    else:
        box.refuse = lambda command: Lost() if isinstance(command, SendLocalList) else None
    state = await synchronise(ports)
    assert (state.state, await stored(ports)) == (BEHIND, {})
    assert state.due_at is not None
    box.lose, box.refuse = (lambda command: False), (lambda command: None)
    state = await synchronise(ports)
    assert (state.state, box.entries, await stored(ports)) == (IN_STEP, {"A": "Accepted"}, {"A": "Accepted"})
    assert len(box.sent()) == (1 if arrived else 2), "what arrived is not sent again"


async def test_a_differential_that_fails_is_followed_by_a_full_one(ports: Ports, box: Box) -> None:
    await add(ports, "A")
    await synchronise(ports)
    await add(ports, "B")
    box.refuse = lambda command: Answered("Failed") if isinstance(command, SendLocalList) else None
    assert (await synchronise(ports)).state == FAILED
    box.refuse = lambda command: None
    assert (await synchronise(ports)).state == IN_STEP
    assert box.sent()[-1].full
    assert set(box.entries) == {"A", "B"}


async def test_failures_wait_longer_each_time(ports: Ports, box: Box, clock: SettableClock) -> None:
    await add(ports, "A")
    box.refuse = lambda command: Answered("Failed") if isinstance(command, SendLocalList) else None
    waits = []
    for _ in range(4):
        state = await synchronise(ports)
        waits.append((state.due_at or 0) - clock.at)
    assert waits == [30_000, 60_000, 120_000, 240_000]


@pytest.mark.parametrize(
    "refusal", [Answered("NotSupported", {"version": -1}), CallError("NotImplemented"), CallError("NotSupported")]
)
async def test_a_charger_without_local_lists_is_left_in_peace(ports: Ports, box: Box, refusal: Outcome) -> None:
    await add(ports, "A")
    box.refuse = lambda command: refusal if isinstance(command, GetLocalListVersion) else None
    state = await synchronise(ports)
    assert (state.state, box.sent()) == (UNSUPPORTED, [])


async def test_a_charger_that_does_not_use_its_list_is_not_sent_one(ports: Ports, box: Box) -> None:
    await add(ports, "A")
    box.limits = {"LocalAuthListEnabled": "False"}
    state = await synchronise(ports)
    assert (state.state, box.sent()) == (DISABLED, [])
    assert "LocalAuthListEnabled" in state.problem


async def test_an_offline_charger_is_tried_again(ports: Ports, box: Box) -> None:
    box.refuse = lambda command: Offline()
    state = await synchronise(ports)
    assert state.due_at is not None
    assert "Offline" in state.problem


async def test_an_empty_list_is_not_sent_to_a_charger_that_has_none(ports: Ports, box: Box) -> None:
    assert (await synchronise(ports)).state == IN_STEP
    assert box.sent() == []


async def test_a_token_that_becomes_valid_later_makes_the_list_due_then(ports: Ports, box: Box, clock: SettableClock) -> None:
    await write(ports, lambda tx: drivers.add_token(tx, "LATER", valid_from=clock.at + 60_000))
    state = await synchronise(ports)
    assert (box.entries, state.due_at) == ({}, clock.at + 60_000)
    clock.advance(60_000)
    await synchronise(ports)
    assert set(box.entries) == {"LATER"}


async def test_changes_and_boots_make_connected_lists_due(ports: Ports, box: Box, clock: SettableClock) -> None:
    def connect(tx: Tx) -> None:
        tx.run("UPDATE chargers SET connection_id = 'x', connected_at = 1 WHERE id = :id AND tenant = :tenant", id=CP)

    await write(ports, connect)
    await add(ports, "A")
    assert await flows.synchronise_due(Settings("off"), ports) == 0
    assert await flows.synchronise_due(Settings(), ports) == 1
    assert box.entries == {"A": "Accepted"}
    assert await flows.synchronise_due(Settings(), ports) == 0
    await add(ports, "B")
    await listeners.heard(ports, Delivered(1, DEFAULT_TENANT, clock.at, TokensChanged(what="token", name="B")))
    assert await flows.synchronise_due(Settings(), ports) == 0, "changes in quick succession are sent as one"
    clock.advance(listeners.SETTLE_S * 1000)
    assert await flows.synchronise_due(Settings(), ports) == 1
    assert set(box.entries) == {"A", "B"}
    report = Booted(charger_id=CP, received_at=clock.at, vendor="V", model="M")
    await write(ports, stations.boot, report, BootPolicy(heartbeat_interval_s=300, retry_interval_s=60))
    box.version, box.entries = 0, {}
    booted = ChargerBooted(
        charger_id=CP, registration="accepted", vendor="V", model="M", serial="", firmware="", previous_firmware="", reason=""
    )
    await listeners.heard(ports, Delivered(2, DEFAULT_TENANT, clock.at, booted))
    assert await flows.synchronise_due(Settings(), ports) == 1
    assert set(box.entries) == {"A", "B"}


async def test_a_charger_may_say_otherwise_than_the_configuration(ports: Ports) -> None:
    assert (await write(ports, service.set_mode, CP, "off")).mode == "off"
    assert await flows.synchronise_due(Settings(), ports) == 0
    with pytest.raises(Invalid, match="auto, off"):
        await write(ports, service.set_mode, CP, "sometimes")


async def test_a_list_sent_by_hand_is_remembered(ports: Ports, box: Box) -> None:
    entry = LocalListEntry(Token("HAND"), TokenVerdict("Accepted"))
    outcome = await flows.send(ports, DEFAULT_TENANT, CP, SendLocalList(5, (entry,)))
    assert outcome == Answered("Accepted")
    assert await stored(ports) == {"HAND": "Accepted"}
    await synchronise(ports)
    assert box.entries == {}, "a list that is kept in step is put right again"


async def test_a_version_that_cannot_be_counted_on_starts_over(ports: Ports, box: Box) -> None:
    box.version, box.entries = 2**31 - 1, {"STRANGER": "Accepted"}
    await add(ports, "A")
    state = await synchronise(ports)
    assert (state.state, state.version, box.version, box.entries) == (IN_STEP, 1, 1, {"A": "Accepted"})
    await add(ports, "B")
    assert (await synchronise(ports)).version == 2


async def test_a_charger_whose_answers_break_us_keeps_no_other_waiting(ports: Ports, box: Box) -> None:
    bad, say = "CP-0", box.send

    async def send(charger_id: str, command: Command, /, **limits: Any) -> Outcome:
        if charger_id == bad:
            raise OverflowError("a number too large for the store")
        return await say(charger_id, command, **limits)

    def connect(tx: Tx) -> None:
        stations.add_charger(tx, bad)
        tx.run("UPDATE chargers SET connection_id = id, connected_at = 1 WHERE tenant = :tenant")

    box.send = send  # type: ignore[method-assign]
    await ports.database.write(connect, tenant=DEFAULT_TENANT, keys=(charger_key(CP), charger_key(bad)))
    await add(ports, "A")
    assert await flows.synchronise_due(Settings(), ports) == 2
    assert box.entries == {"A": "Accepted"}
    assert await flows.synchronise_due(Settings(), ports) == 0, "the bad one is tried again, but later"
