"""Who is connected, what they can be told, and who replaces whom."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from csms.core.commands import Answered, ClearCache, GetVariables, Lost, NotSupported, Offline, Reset
from csms.core.ports import Admission, Chargers, ConnectionInfo
from csms.core.reports import StatusReported
from csms.net.fleet import Fleet

from .conftest import BOOT, HEARTBEAT, Serve, status_call


def as_port(fleet: Fleet) -> Chargers:
    return fleet


async def test_nobody_is_connected() -> None:
    chargers = as_port(Fleet())
    assert await chargers.send("CP1", Reset()) == Offline()
    assert chargers.connections() == []
    assert chargers.connection("CP1") is None
    assert chargers.can_say("CP1") == frozenset()
    assert not await chargers.drop("CP1", "why not")
    assert not await chargers.admit("CP1", "accepted")


async def test_a_command_and_its_answer(serve: Serve) -> None:
    async with serve() as world, trio.open_nursery() as nursery:
        charger = await world.connect()
        await world.until(lambda: len(world.fleet) == 1)

        async def obey() -> None:
            while True:
                call = await charger.hear()
                await charger.say([3, call[1], {"status": "Accepted"}])

        nursery.start_soon(obey)
        for _ in range(20):
            assert await world.fleet.send("CP1", Reset()) == Answered("Accepted")
        nursery.cancel_scope.cancel()


async def test_what_a_charger_can_say_depends_on_its_version(serve: Serve) -> None:
    async with serve() as world:
        await world.connect()
        await world.until(lambda: len(world.fleet) == 1)
        assert {"Reset", "ClearCache"} <= world.fleet.can_say("CP1")


async def test_a_connection_tells_about_itself(serve: Serve) -> None:
    async with serve(registration="") as world:
        charger = await world.connect()
        await world.until(lambda: len(world.fleet) == 1)
        info = world.fleet.connection("CP1")
        assert info is not None
        assert (info.protocol, info.remote_address, info.registration) == ("ocpp1.6", "127.0.0.1", "")
        await charger.ask(BOOT)
        after = world.fleet.connection("CP1")
        assert after is not None
        assert after.registration == "accepted"
        assert after.last_heard_at >= info.last_heard_at
        assert after.connected_at == info.connected_at


async def test_a_cancelled_sender_withdraws_what_was_not_sent(serve: Serve) -> None:
    async with serve() as world:
        charger = await world.connect()
        await world.until(lambda: len(world.fleet) == 1)
        outcomes: list[Any] = []

        async def first() -> None:
            outcomes.append(await world.fleet.send("CP1", Reset()))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(first)
            call = await charger.hear()
            with trio.move_on_after(0.05):
                await world.fleet.send("CP1", Reset(when="immediately"))
            assert world.fleet.connections()[0].queued_commands == 0
            await charger.say([3, call[1], {"status": "Accepted"}])
        assert len(outcomes) == 1
        nothing_more = await charger.ask(HEARTBEAT)
        assert nothing_more[:2] == [3, "h1"]


async def test_a_cancelled_sender_leaves_the_line_free_once_its_answer_came(serve: Serve) -> None:
    async with serve() as world:
        charger = await world.connect()
        await world.until(lambda: len(world.fleet) == 1)
        with trio.move_on_after(0.05):
            await world.fleet.send("CP1", Reset())
        call = await charger.hear()
        await charger.say([3, call[1], {"status": "Accepted"}])
        async with trio.open_nursery() as nursery:
            outcomes: list[Any] = []

            async def second() -> None:
                outcomes.append(await world.fleet.send("CP1", ClearCache()))

            nursery.start_soon(second)
            call = await charger.hear()
            assert call[2] == "ClearCache"
            await charger.say([3, call[1], {"status": "Accepted"}])
        assert isinstance(outcomes[0], Answered)


async def test_the_operator_admits_a_live_charger(serve: Serve) -> None:
    async with serve(registration="pending") as world, trio.open_nursery() as nursery:
        charger = await world.connect()
        assert (await charger.ask(HEARTBEAT))[2] == "SecurityError"
        assert await world.fleet.admit("CP1", "accepted")
        assert (await charger.ask([2, "h2", "Heartbeat", {}]))[0] == 3
        nursery.start_soon(world.fleet.send, "CP1", GetVariables())
        assert (await charger.hear())[2] == "GetConfiguration"
        nursery.cancel_scope.cancel()


async def test_a_command_before_acceptance_is_refused(serve: Serve) -> None:
    async with serve(registration="rejected") as world:
        await world.connect()
        await world.until(lambda: len(world.fleet) == 1)
        assert isinstance(await world.fleet.send("CP1", Reset()), Offline | NotSupported)


async def test_dropping_answers_first_and_says_why(serve: Serve) -> None:
    async with serve() as world:
        charger = await world.connect()
        await charger.say(status_call("1"))
        await world.until(lambda: world.logged)
        assert await world.fleet.drop("CP1", "you are moved elsewhere")
        assert await charger.hear() == [3, "1", {}]
        assert await charger.closed() == (1008, "you are moved elsewhere")
        assert world.fleet.connection("CP1") is None
        assert world.observer.ends == [("CP1", "dropped")]


# --- takeover -----------------------------------------------------------------------------------------------------------------


async def test_the_newest_connection_wins_and_nothing_received_is_lost(serve: Serve) -> None:
    release = trio.Event()

    async def hearing(report: Any) -> None:
        if isinstance(report, StatusReported):
            await release.wait()

    async with serve(hearing=hearing) as world:
        old = await world.connect()
        await old.say(*(status_call(str(number)) for number in range(3)))
        await world.until(lambda: len(world.logged) == 3)
        new = await world.connect()
        await new.say(HEARTBEAT)
        assert await old.closed() == (1008, "replaced by a newer connection")
        assert world.heard == []
        release.set()
        assert (await new.hear())[:2] == [3, "h1"]
        assert [type(report).__name__ for report in world.heard] == ["StatusReported"] * 3 + ["HeartbeatSent"]
        assert [what for what, _ in world.events] == ["connected", "disconnected", "connected"]
        assert "replaced" in world.events[1][1]
        assert len(world.fleet) == 1


async def test_draining_the_former_link_takes_at_most_its_limit(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("csms.net.link.Link.end.__kwdefaults__", {"answer": True, "drain_s": 0.1})

    async def hearing(report: Any) -> None:
        if isinstance(report, StatusReported):
            await trio.sleep_forever()

    async with serve(hearing=hearing) as world:
        old = await world.connect()
        await old.say(status_call("1"), status_call("2"))
        await world.until(lambda: len(world.logged) == 2)
        new = await world.connect()
        assert (await new.ask(HEARTBEAT))[0] == 3
        assert len(world.heard) == 1


async def test_a_half_open_connection_does_not_keep_its_charger_out(serve: Serve) -> None:
    async with serve() as world:
        await world.connect()  # never reads, never answers
        with trio.fail_after(1.5):
            new = await world.connect()
            assert (await new.ask(HEARTBEAT))[0] == 3


async def test_a_takeover_ends_outstanding_commands_of_the_former_link(serve: Serve) -> None:
    async with serve() as world:
        old = await world.connect()
        await world.until(lambda: len(world.fleet) == 1)
        outcomes: list[Any] = []

        async def command() -> None:
            outcomes.append(await world.fleet.send("CP1", Reset()))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(command)
            await old.hear()
            new = await world.connect()
            assert (await new.ask(HEARTBEAT))[0] == 3
        assert outcomes == [Lost()]


async def test_a_storm_of_takeovers_leaves_the_last_one(serve: Serve) -> None:
    async with serve() as world:
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(world.connect)
        await world.until(lambda: len(world.events) == 39)
        assert len(world.fleet) == 1
        info = world.fleet.connection("CP1")
        assert info is not None
        starts = [who for what, who in world.events if what == "connected"]
        ends = [who.split()[0] for what, who in world.events if what == "disconnected"]
        assert len(starts) == 20
        assert sorted(ends) == sorted(set(starts) - {info.connection_id})


# --- callbacks ------------------------------------------------------------------------------------------------------------------


async def test_facts_about_the_connection_precede_its_first_message(serve: Serve) -> None:
    order: list[str] = []

    async def hearing(report: Any) -> None:
        order.append("heard")

    async with serve(hearing=hearing) as world:

        async def connected(admission: Admission, info: ConnectionInfo) -> None:
            await trio.sleep(0.02)
            order.append(f"connected {info.charger_id}")

        world.fleet._on_connected = connected
        charger = await world.connect()
        await charger.ask(HEARTBEAT)
        assert order == ["connected CP1", "heard"]


async def test_failing_or_hanging_callbacks_cost_no_link(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("csms.net.fleet.CALLBACK_LIMIT_S", 0.05)
    async with serve() as world:

        async def fails(*_: Any) -> None:
            raise RuntimeError("no database")

        async def hangs(*_: Any) -> None:
            await trio.sleep_forever()

        world.fleet._on_connected, world.fleet._on_disconnected = fails, hangs
        charger = await world.connect()
        assert (await charger.ask(HEARTBEAT))[0] == 3
        await charger.cut()
        await world.until(lambda: len(world.observer.ends) == 1)
        world.fleet._on_connected = hangs
        assert (await (await world.connect()).ask(HEARTBEAT))[0] == 3
