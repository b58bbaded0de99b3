"""Commands on the record, on both engines: what is under way, what became of it, bulks and their counts."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import trio
import trio.testing

from csms.core.commands import Answered, ClearCache, Command, Offline, Outcome, SetVariables
from csms.core.errors import NotFound, Refused
from csms.core.ids import DEFAULT_TENANT, charger_key
from csms.core.ports import Database, Ports
from csms.domain.commands import flows, service, store
from csms.domain.commands.flows import Sender
from csms.domain.commands.model import Asker, BulksQuery, ChosenBy, CommandsQuery, Limits, ResultsQuery
from csms.domain.stations import service as stations

ASKER = Asker(kind="user", name="ada@example.org")
NO_LIMITS = Limits()


class Chargers:
    """Chargers that answer when a test lets them; it remembers how many were spoken to at a time."""

    def __init__(self) -> None:
        self.go = trio.Event()
        self.said: list[tuple[str, Command]] = []
        self.now = self.most = 0

    async def send(self, charger_id: str, command: Command, /, **limits: Any) -> Outcome:
        self.said.append((charger_id, command))
        self.now += 1
        self.most = max(self.most, self.now)
        await self.go.wait()
        self.now -= 1
        if charger_id.endswith("9"):
            raise LookupError("a mistake of ours")
        return Offline() if charger_id.endswith("8") else Answered("Accepted")


@pytest.fixture
def chargers() -> Chargers:
    return Chargers()


@pytest.fixture
def ports(database: Database, chargers: Chargers) -> Ports:
    absent: Any = None
    linked: Any = chargers
    return Ports(database=database, chargers=linked, decisions=absent, clock=absent, random=absent, blocking=absent, http=absent)


async def add(database: Database, *charger_ids: str) -> None:
    for charger_id in charger_ids:
        verb = partial(stations.add_charger, charger_id=charger_id)
        await database.write(verb, tenant=DEFAULT_TENANT, keys=(charger_key(charger_id),))


async def do(database: Database, verb: Any, *arguments: Any, **named: Any) -> Any:
    return await database.write(partial(verb, **named) if named else verb, *arguments, tenant=DEFAULT_TENANT)


async def plan(database: Database, command: str = "ClearCache", body: str = "{}", at_a_time: int = 2, **chosen: Any) -> Any:
    return await do(
        database,
        service.plan,
        command=command,
        body=body,
        sealed="",
        chosen_by=ChosenBy(**chosen),
        at_a_time=at_a_time,
        limits=NO_LIMITS,
        asker=ASKER,
    )


async def read(database: Database, query: Any, *arguments: Any) -> Any:
    return await database.read(query, *arguments, tenant=DEFAULT_TENANT)


async def finished(database: Database, bulk_id: int) -> Any:
    with trio.fail_after(10):
        while (bulk := await read(database, service.need_bulk, bulk_id)).state == "running":
            await trio.sleep(0.01)
    return bulk


async def test_a_command_from_asking_to_its_end(database: Database) -> None:
    await add(database, "C1", "C2")
    first = await do(database, service.ask, "C1", "Reset", '{"when": "immediately"}', ASKER)
    second = await do(database, service.ask, "C2", "Reset", "{}", ASKER)
    with pytest.raises(NotFound):
        await do(database, service.ask, "C3", "Reset", "{}", ASKER)
    answer = await do(
        database, service.ended, first, Answered("Accepted", {"a": 1}), {"state": "sent", "note": "mind it", "odd": 2}
    )
    assert (answer.progress, answer.status, answer.detail, answer.accepted) == ("ended", "Accepted", {"a": 1}, True)
    assert (answer.state, answer.note, answer.more, answer.ended_at) == ("sent", "mind it", {"odd": 2}, answer.asked_at)
    await do(database, service.not_sent, first, "failed", "too late")
    assert await read(database, service.need, first) == answer, "an end is the end"
    assert (await read(database, service.need_detail, first)).body == {"when": "immediately"}
    page = await read(database, store.commands, CommandsQuery(charger_id="C2"), None)
    assert [each.id for each in page.items] == [second]
    assert (await read(database, store.commands, CommandsQuery(search="ada@"), None)).items
    assert (await read(database, store.commands, CommandsQuery(), frozenset({7}))).items == [], "none stands at that station"

    assert await do(database, service.forget) == 1
    lost = await read(database, service.need, second)
    assert (lost.progress, lost.outcome, lost.accepted) == ("lost", None, None)
    assert "may have obeyed" in lost.note


async def test_a_long_body_is_not_kept(database: Database) -> None:
    await add(database, "C1")
    number = await do(database, service.ask, "C1", "SendLocalList", "x" * 100_000, ASKER)
    assert (await read(database, service.need_detail, number)).body == {"too_long": "100000 characters"}


async def test_chargers_are_chosen_by_what_they_are(database: Database) -> None:
    await add(database, "C1", "C2", "C3")
    station = await do(database, lambda tx: stations.add_station(tx, "North").id)
    await database.write(stations.place_charger, "C2", station, tenant=DEFAULT_TENANT, keys=(charger_key("C2"),))
    assert (await plan(database, everyone=True)).counts.total == 3
    assert (await plan(database, station_id=station)).counts.total == 1
    assert (await plan(database, connected=False, charger_ids=("C1", "C3", "C1"))).counts.total == 2
    for chosen in ({"model": "none"}, {"connected": True}, {"charger_ids": ("C1", "C9")}):
        with pytest.raises(NotFound):
            await plan(database, **chosen)
    page = await read(database, store.bulks, BulksQuery(limit=2))
    assert (page.total, [each.counts.queued for each in page.items]) == (3, [2, 1])
    assert page.items[0].chosen_by == {"charger_ids": ["C1", "C3", "C1"], "connected": False}


async def test_a_bulk_is_worked_off_a_few_at_a_time(database: Database, ports: Ports, chargers: Chargers) -> None:
    await add(database, *(f"C{number}" for number in range(1, 10)))
    bulk = await plan(database, everyone=True, at_a_time=3)
    sender = Sender(ports, {})
    async with trio.open_nursery() as nursery:
        await nursery.start(sender.run)
        with trio.fail_after(5):
            while chargers.now < 3:
                await trio.sleep(0.01)
        assert sender.under_way == 3
        chargers.go.set()
        done = await finished(database, bulk.id)
        nursery.cancel_scope.cancel()
    assert chargers.most == 3
    counts = done.counts
    assert (counts.total, counts.ended, counts.accepted, counts.failed) == (9, 8, 7, 1)
    page = await read(database, store.results, bulk.id, ResultsQuery(progress="failed"))
    assert [each.charger_id for each in page.items] == ["C9"]
    assert "mistake" not in page.items[0].note, "what went wrong inside is for the log"
    with pytest.raises(Refused):
        await do(database, service.cancel, bulk.id)


async def test_what_was_under_way_is_lost_and_the_rest_goes_on(database: Database, ports: Ports, chargers: Chargers) -> None:
    await add(database, "C1", "C2", "C3")
    bulk = await plan(database, everyone=True, at_a_time=1)
    async with trio.open_nursery() as nursery:  # a server that is cut off
        await nursery.start(Sender(ports, {}).run)
        with trio.fail_after(5):
            while not chargers.said:
                await trio.sleep(0.01)
        nursery.cancel_scope.cancel()
    chargers.go.set()
    async with trio.open_nursery() as nursery:
        await nursery.start(Sender(ports, {}).run)
        done = await finished(database, bulk.id)
        nursery.cancel_scope.cancel()
    assert [charger_id for charger_id, _ in chargers.said] == ["C1", "C2", "C3"], "nobody is told twice"
    assert (done.counts.lost, done.counts.accepted) == (1, 2)


async def test_before_the_end_nobody_gets_a_turn_any_more(database: Database, ports: Ports, chargers: Chargers) -> None:
    await add(database, "C1", "C2")
    bulk = await plan(database, everyone=True, at_a_time=1)
    sender = Sender(ports, {})
    async with trio.open_nursery() as nursery:
        await nursery.start(sender.run)
        with trio.fail_after(5):
            while not chargers.said:
                await trio.sleep(0.01)
        sender.stop()
        chargers.go.set()
        with trio.fail_after(5):
            while (counts := (await read(database, service.need_bulk, bulk.id)).counts).ended == 0:
                await trio.sleep(0.01)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert (counts.ended, counts.queued, len(chargers.said)) == (1, 1, 1)


async def test_a_bulk_that_cannot_go_on_says_so(database: Database, ports: Ports) -> None:
    await add(database, "C1")
    bulk = await plan(database, command="SetVariables", body='{"settings": 1}', everyone=True)
    async with trio.open_nursery() as nursery:
        await nursery.start(Sender(ports, {}).run)
        done = await finished(database, bulk.id)
        nursery.cancel_scope.cancel()
    assert (done.state, done.counts.cancelled) == ("cancelled", 1)


async def test_a_flow_that_is_asked_answers_who_waits(database: Database, ports: Ports, chargers: Chargers) -> None:
    await add(database, "C1")
    asked: list[Any] = []

    async def flow(ports: Ports, tenant: int, charger_id: str, command: Any) -> tuple[Outcome, dict[str, Any]]:
        asked.append((tenant, charger_id, command))
        if len(asked) > 1:
            raise Refused("not twice")
        return Answered("Accepted"), {"profile_id": 7}

    sender = Sender(ports, {SetVariables: flow})
    with pytest.raises(RuntimeError):
        sender.send(DEFAULT_TENANT, "C1", 1, ClearCache(), NO_LIMITS)
    assert sender.full, "nothing is sent before it runs"
    async with trio.open_nursery() as nursery:
        await nursery.start(sender.run)
        for expected in ("ended", "refused"):
            number = await do(database, service.ask, "C1", "SetVariables", "{}", ASKER)
            pending = sender.send(DEFAULT_TENANT, "C1", number, SetVariables(()), Limits(ttl_s=1))
            await pending.ended.wait()
            assert (await read(database, service.need, number)).progress == expected
            if expected == "ended":
                assert pending.result().profile_id == 7
            else:
                with pytest.raises(Refused, match="not twice"):
                    pending.result()
        nursery.cancel_scope.cancel()
    assert asked[0] == (DEFAULT_TENANT, "C1", SetVariables(()))


async def test_no_more_than_so_many_are_taken(database: Database, ports: Ports, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows, "MOST_UNDER_WAY", 1)
    await add(database, "C1")
    sender = Sender(ports, {})
    async with trio.open_nursery() as nursery:
        await nursery.start(sender.run)
        assert not sender.full
        sender.send(DEFAULT_TENANT, "C1", await do(database, service.ask, "C1", "ClearCache", "{}", ASKER), ClearCache(), NO_LIMITS)
        assert sender.full
        nursery.cancel_scope.cancel()
