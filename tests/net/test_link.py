"""One charger's link: order, back-pressure, failures, and what happens when it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import trio
from structlog.contextvars import get_contextvars
from trio.testing import MockClock, lockstep_stream_pair

from csms.core.commands import Answered, ClearCache, Lost, Reset, TimedOut
from csms.core.errors import StoreUnavailable
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Admission
from csms.core.reports import HeartbeatSent, StatusReported
from csms.net.connection import NEVER, Framing
from csms.net.link import Link
from csms.net.listener import open_door
from csms.net.terms import REASONS
from csms.ocpp.conversation import Conversation, ConversationSettings, Shut
from csms.ocpp.registry import dialect_for

from .conftest import BOOT, HEARTBEAT, Logs, RawCharger, Serve, make_world, masked, simulating, status_call

# --- order and concurrency ------------------------------------------------------------------------------------------------------


async def test_pipelined_calls_are_answered_in_order(serve: Serve) -> None:
    async with serve() as world:
        charger = await world.connect()
        ids = [str(number) for number in range(300)]
        await charger.say(*(status_call(id) for id in ids))
        assert [(await charger.hear())[1] for _ in ids] == ids
        assert len(world.heard) == 300


async def test_an_answer_waits_for_the_commit(serve: Serve) -> None:
    commit = trio.Event()

    async def hearing(report: Any) -> None:
        await commit.wait()

    async with serve(hearing=hearing) as world:
        charger = await world.connect()
        await charger.say(status_call("1"))
        await world.until(lambda: len(world.logged) == 1)
        with trio.move_on_after(0.05):
            await charger.read()
            pytest.fail("answered before the commit")
        commit.set()
        assert await charger.hear() == [3, "1", {}]


async def test_our_command_does_not_wait_for_a_slow_hear(serve: Serve) -> None:
    release = trio.Event()

    async def hearing(report: Any) -> None:
        if isinstance(report, StatusReported):
            await release.wait()

    async with serve(hearing=hearing) as world:
        charger = await world.connect()
        await charger.say(status_call("slow"))
        await world.until(lambda: world.logged)
        outcomes: list[Any] = []

        async def command() -> None:
            outcomes.append(await world.fleet.send("CP1", Reset()))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(command)
            call = await charger.hear()
            assert call[2:] == ["Reset", {"type": "Soft"}]
            await charger.say([3, call[1], {"status": "Accepted"}])
        assert outcomes == [Answered("Accepted", outcomes[0].detail)]
        release.set()
        assert (await charger.hear())[1] == "slow"


async def test_hearing_may_itself_command_the_charger(serve: Serve) -> None:
    async def hearing(report: Any) -> None:
        if isinstance(report, StatusReported):
            assert await world.fleet.send("CP1", ClearCache()) == Answered("Accepted")

    async with serve(hearing=hearing) as world:
        charger = await world.connect()
        await charger.say(status_call("1"))
        call = await charger.hear()
        assert call[2] == "ClearCache"
        await charger.say([3, call[1], {"status": "Accepted"}])
        assert await charger.hear() == [3, "1", {}]


async def test_a_full_inbox_pauses_reading_and_nothing_is_lost(serve: Serve) -> None:
    release = trio.Event()

    async def hearing(report: Any) -> None:
        await release.wait()

    async with serve(hearing=hearing, inbox_limit=5) as world:
        charger = await world.connect()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(charger.say, *(status_call(str(number)) for number in range(200)))
            await world.until(lambda: len(world.logged) >= 6)
            for _ in range(50):
                await trio.lowlevel.checkpoint()
            assert len(world.logged) == 6  # five wait, one is being heard
            release.set()
            assert [(await charger.hear())[1] for _ in range(200)] == [str(number) for number in range(200)]


async def test_results_get_through_while_the_inbox_has_room(serve: Serve) -> None:
    release = trio.Event()

    async def hearing(report: Any) -> None:
        await release.wait()

    async with serve(hearing=hearing, inbox_limit=5) as world, trio.open_nursery() as nursery:
        charger = await world.connect()
        await charger.say(*(status_call(str(number)) for number in range(5)))  # one heard, four waiting
        await world.until(lambda: len(world.logged) == 5)
        outcomes: list[Any] = []

        async def command() -> None:
            outcomes.append(await world.fleet.send("CP1", Reset()))

        nursery.start_soon(command)
        call = await charger.hear()
        await charger.say([3, call[1], {"status": "Rejected"}])
        await world.until(lambda: outcomes)
        assert outcomes[0].status == "Rejected"
        release.set()


async def test_a_slow_message_is_logged_with_its_stages(simulate: Serve, autojump_clock: MockClock, logs: Logs) -> None:
    async def hearing(report: Any) -> None:
        await trio.sleep(0.2)

    async with simulate(hearing=hearing, slow_message_ms=300) as world:
        charger = await world.connect()
        await charger.say(status_call("1"), status_call("2"))
        await charger.hear()
        await charger.hear()
        await world.until(lambda: any(entry["event"] == "link.slow_message" for entry in logs))
        (slow,) = [entry for entry in logs if entry["event"] == "link.slow_message"]
        assert (slow["charger"], slow["action"], slow["message_id"]) == ("CP1", "StatusNotification", "2")
        assert slow["queued_ms"] == pytest.approx(200, abs=1)
        assert slow["heard_ms"] == pytest.approx(200, abs=1)


async def test_what_is_logged_while_hearing_names_charger_and_call(serve: Serve) -> None:
    contexts: list[dict[str, Any]] = []

    async def hearing(report: Any) -> None:
        contexts.append(dict(get_contextvars()))

    async with serve(hearing=hearing) as world:
        for id in ("CP1", "CP2"):
            charger = await world.connect(f"/ocpp/{id}")
            await charger.ask(status_call("s"))
            await charger.ask(HEARTBEAT)
    assert [(context["charger"], context["call"]) for context in contexts] == [
        ("CP1", "s"),
        ("CP1", "h1"),
        ("CP2", "s"),
        ("CP2", "h1"),
    ]


async def test_the_frame_log_is_in_order(serve: Serve) -> None:
    async with serve() as world:
        charger = await world.connect()
        await charger.ask(status_call("1"))
        await charger.say(["nonsense"])
        await charger.ask(status_call("2"))
        await world.until(lambda: len(world.logged) == 5)
        assert [(e.direction, e.kind, e.message_id) for e in world.logged if e.kind != "unreadable"] == [
            ("in", "call", "1"),
            ("out", "result", "1"),
            ("in", "call", "2"),
            ("out", "result", "2"),
        ]
        (info,) = world.fleet.connections()
        assert (info.received_frames, info.sent_frames) == (3, 2)
        assert {entry.connection_id for entry in world.logged} == {info.connection_id}


# --- what goes wrong ----------------------------------------------------------------------------------------------------------


async def test_a_failing_hear_refuses_that_call_and_the_link_goes_on(serve: Serve, logs: Logs) -> None:
    async def hearing(report: Any) -> None:
        if isinstance(report, StatusReported):
            raise ZeroDivisionError("a bug")

    async with serve(hearing=hearing) as world:
        charger = await world.connect()
        answer = await charger.ask(status_call("1"))
        assert answer[:3] == [4, "1", "InternalError"]
        assert "bug" not in answer[3]
        assert (await charger.ask(HEARTBEAT))[0] == 3
        await world.until(lambda: len(world.observer.messages) == 2)
        assert world.observer.messages == [("CP1", "StatusNotification", False), ("CP1", "Heartbeat", True)]
        (entry,) = [entry for entry in logs if entry["event"] == "link.call_failed"]
        assert isinstance(entry["exc_info"], ZeroDivisionError)


async def test_nothing_unsaved_is_acknowledged(serve: Serve, logs: Logs) -> None:
    away = True

    async def hearing(report: Any) -> None:
        if away:
            raise StoreUnavailable("disk full")

    async with serve(hearing=hearing) as world:
        charger = await world.connect()
        for _ in range(3):
            assert (await charger.ask(status_call("1")))[:3] == [4, "1", "InternalError"]
        away = False
        assert await charger.ask(status_call("1")) == [3, "1", {}]
        assert len([entry for entry in logs if entry["event"] == "link.store_unavailable"]) == 1


async def test_a_frame_log_that_fails_costs_nobody_an_answer(serve: Serve, logs: Logs) -> None:
    async with serve() as world:
        world.log_away = True
        charger = await world.connect()
        for _ in range(3):
            assert (await charger.ask(HEARTBEAT))[0] == 3
        assert [entry["event"] for entry in logs].count("link.frame_log_failed") == 1


async def test_the_conversation_may_close_the_link(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Conversation, "receive", lambda *_: [Shut(1002, "enough")])
    async with serve() as world:
        charger = await world.connect()
        await charger.say(HEARTBEAT)
        assert await charger.closed() == (1002, "enough")
        await world.until(lambda: world.observer.ends == [("CP1", "protocol")])


class Scripted:
    """A connection whose every ``receive`` is the next step of a script."""

    last_control_at = last_pong_at = NEVER

    def __init__(self, *script: Callable[[], str]) -> None:
        self.script = list(script)
        self.said: list[str] = []

    async def receive(self) -> str:
        if not self.script:
            await trio.sleep_forever()
        return self.script.pop(0)()

    async def send(self, text: str) -> None:
        self.said.append(text)

    async def ping(self) -> None:
        pass

    async def close(self, code: int, reason: str) -> None:
        self.said.append(f"{code} {reason}")


@pytest.mark.parametrize("answer", [True, False])
async def test_what_arrives_in_the_moment_of_the_ending_is_heard(framing: Framing, answer: bool) -> None:
    world = make_world(framing, {})
    door = open_door(**world.wiring())
    admission = Admission(charger_id="CP1", tenant=DEFAULT_TENANT, registration="accepted")
    dialect = dialect_for("ocpp1.6")
    conversation = Conversation(
        dialect,
        charger_id="CP1",
        connection_id="c",
        registration="accepted",
        settings=ConversationSettings(),
        new_message_id=lambda: "m",
    )
    link = Link(admission, conversation, dialect, door.terms, connection_id="c", remote_address="")

    def at_the_end() -> str:
        link.end(1001, "bye", "shutdown", answer=answer)
        return json.dumps(status_call("1"))

    connection = Scripted(at_the_end)
    with trio.fail_after(5):
        await world.fleet.serve(link, lambda nursery: connection)
    assert len(world.heard) == 1
    assert connection.said == (['[3,"1",{}]'] if answer else []) + ["1001 bye"]
    assert world.events[-1] == ("disconnected", "c shutdown")


async def test_a_bug_in_one_link_ends_that_link_only(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    receive = Conversation.receive

    def faulty(self: Conversation, text: Any, now: int, mono: float) -> Any:
        if "poison" in text:
            raise RuntimeError("a bug")
        return receive(self, text, now, mono)

    monkeypatch.setattr(Conversation, "receive", faulty)
    async with serve() as world:
        charger, other = await world.connect(), await world.connect("/ocpp/CP2")
        await charger.say(["poison"])
        assert (await charger.closed())[0] == 1011
        assert (await other.ask(HEARTBEAT))[0] == 3
        await world.until(lambda: world.observer.ends == [("CP1", "failed")])
        assert (await (await world.connect()).ask(HEARTBEAT))[0] == 3


async def test_a_message_too_large_is_refused_and_the_connection_lives(serve: Serve) -> None:
    async with serve(max_message_bytes=2000) as world:
        charger = await world.connect()
        assert (await charger.ask([2, "1", "DataTransfer", {"vendorId": "x", "data": "y" * 1500}]))[:2] == [3, "1"]
        assert (await charger.ask([2, "2", "DataTransfer", {"vendorId": "x", "data": "y" * 2500}]))[:2] == [4, "2"]
        assert (await charger.ask(HEARTBEAT))[0] == 3
        assert [len(entry.text) for entry in world.logged if entry.kind == "unreadable"] == [2000]


async def test_a_message_far_too_large_closes_with_1009(serve: Serve) -> None:
    async with serve(max_message_bytes=2000) as world:
        charger = await world.connect()
        await charger.say([2, "2", "DataTransfer", {"vendorId": "x", "data": "y" * 8000}])
        assert (await charger.closed())[0] == 1009
        await world.until(lambda: len(world.fleet) == 0)
        assert world.observer.ends == [("CP1", "peer_closed")]


async def test_a_message_announced_far_too_large_is_not_awaited(serve: Serve) -> None:
    async with serve(max_message_bytes=2000) as world:
        charger = await world.connect()
        await charger.stream.send_all(bytes([0x81, 0xFF]) + (1 << 40).to_bytes(8, "big") + b"mask" + b"x" * 9000)
        assert (await charger.closed())[0] == 1009
        await world.until(lambda: len(world.fleet) == 0)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x81\x05hello",  # not masked
        b"\xf1\x80mask",  # reserved bits
        b"\x83\x80mask",  # unknown opcode
        masked(0, b"continues nothing"),
        masked(1, b"\xff\xfe\xfd"),  # not UTF-8
        masked(8, b"\x00"),
        masked(9, b"x" * 126),
    ],
    ids=["unmasked", "reserved", "opcode", "continuation", "utf-8", "close", "ping"],
)
async def test_broken_framing_ends_one_link_quietly(serve: Serve, garbage: bytes) -> None:
    async with serve() as world:
        charger = await world.connect()
        await charger.ask(HEARTBEAT)
        await charger.stream.send_all(garbage)
        await charger.closed()
        await world.until(lambda: len(world.fleet) == 0)
        assert world.observer.ends[0][1] in REASONS - {"failed"}
        assert (await (await world.connect()).ask(HEARTBEAT))[0] == 3


@pytest.mark.parametrize("garbage", [b"", b"{", b"[]", b"[2]", b"null", b'[9,"1"]', b"[" * 5000, b'[2,"1","Nope",{}]'])
async def test_broken_messages_leave_the_link_alive(serve: Serve, garbage: bytes) -> None:
    async with serve() as world:
        charger = await world.connect()
        await charger.say(garbage, HEARTBEAT)
        while (answer := await charger.hear())[1] != "h1":
            assert answer[0] == 4
        assert answer[0] == 3


async def test_fragments_binary_messages_and_pings(serve: Serve) -> None:
    async with serve() as world:
        charger = await world.connect()
        text = b'[2,"f1","Heartbeat",{}]'
        parts = masked(1, text[:5], fin=False) + masked(9, b"hi") + masked(0, text[5:9], fin=False) + masked(0, text[9:])
        await charger.stream.send_all(parts)
        assert await charger.read() == (10, b"hi")
        assert (await charger.hear())[:2] == [3, "f1"]
        await charger.stream.send_all(masked(2, b'[2,"f2","Heartbeat",{}]'))
        assert (await charger.hear())[:2] == [3, "f2"]


# --- its end --------------------------------------------------------------------------------------------------------------------


async def test_what_was_received_is_heard_even_if_the_charger_leaves(serve: Serve) -> None:
    release = trio.Event()

    async def hearing(report: Any) -> None:
        await release.wait()

    async with serve(hearing=hearing) as world:
        charger = await world.connect()
        await charger.say(*(status_call(str(number)) for number in range(5)))
        await world.until(lambda: len(world.logged) == 5)
        await charger.control(8, b"\x03\xe8bye")
        assert (await charger.closed())[0] == 1000
        release.set()
        await world.until(lambda: len(world.heard) == 5)
        await world.until(lambda: world.observer.ends == [("CP1", "peer_closed")])


async def test_a_lost_connection_ends_outstanding_commands(serve: Serve) -> None:
    async with serve() as world:
        charger = await world.connect()
        await world.until(lambda: len(world.fleet) == 1)
        outcomes: list[Any] = []

        async def command() -> None:
            outcomes.append(await world.fleet.send("CP1", Reset()))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(command)
            await charger.hear()
            await charger.cut()
        assert outcomes == [Lost()]
        await world.until(lambda: world.observer.ends == [("CP1", "lost")])


# --- virtual time -----------------------------------------------------------------------------------------------------------------


async def pong_until(charger: RawCharger, at: float) -> None:
    charger.patient = True
    while trio.current_time() < at:
        opcode, payload = await charger.read()
        assert opcode == 9
        await charger.control(10, payload)


async def test_a_dead_link_shows_within_ninety_seconds(simulate: Serve, autojump_clock: MockClock) -> None:
    async with simulate() as world:
        charger = await world.connect()
        await pong_until(charger, 3600)
        died = trio.current_time()
        assert (await charger.closed())[0] in (1001, 1006)
        await world.until(lambda: len(world.fleet) == 0)
        assert 60 <= trio.current_time() - died <= 95
        assert world.observer.ends == [("CP1", "silent")]


async def test_frames_count_as_life_where_pongs_are_missing(simulate: Serve, autojump_clock: MockClock) -> None:
    async with simulate(admission={"answers_pings": True}) as world, trio.open_nursery() as nursery:
        charger = await world.connect()
        charger.patient = True
        nursery.start_soon(charger.closed)
        for _ in range(20):
            await trio.sleep(50)
            await charger.say(HEARTBEAT)
        assert len(world.fleet) == 1
        nursery.cancel_scope.cancel()


async def test_a_charger_that_never_pongs_has_three_heartbeats(simulate: Serve, autojump_clock: MockClock) -> None:
    async with simulate(registration="") as world:
        charger = await world.connect()
        charger.patient = True
        await charger.ask(BOOT)  # accepted with an interval of 300 s
        spoke = trio.current_time()
        await charger.closed()
        await world.until(lambda: len(world.fleet) == 0)
        assert 890 <= trio.current_time() - spoke <= 935


async def test_what_the_charger_did_with_pings_is_told(simulate: Serve, autojump_clock: MockClock) -> None:
    async with simulate() as world:
        charger = await world.connect()
        await world.until(lambda: len(world.fleet) == 1)
        assert world.fleet.connections()[0].answers_pings is None
        await pong_until(charger, 31)
        await world.until(lambda: world.fleet.connections()[0].answers_pings)


async def test_without_pings_nothing_is_sent(simulate: Serve, autojump_clock: MockClock) -> None:
    async with simulate(ping_interval_s=0, heartbeat_interval_s=300) as world:
        charger = await world.connect()
        charger.patient = True
        await charger.closed()
        assert trio.current_time() >= 899


async def test_commands_time_out(simulate: Serve, autojump_clock: MockClock) -> None:
    async with simulate(call_timeout_s=20) as world:
        charger = await world.connect()
        await world.until(lambda: len(world.fleet) == 1)
        start = trio.current_time()
        assert await world.fleet.send("CP1", Reset()) == TimedOut()
        assert 20 <= trio.current_time() - start < 21
        assert await world.fleet.send("CP1", Reset(), timeout_s=5) == TimedOut()
        assert 25 <= trio.current_time() - start < 27
        await charger.cut()


async def test_a_peer_that_takes_nothing_is_given_up(framing: Framing, autojump_clock: MockClock) -> None:
    async with simulating(framing, lockstep_stream_pair) as world:
        charger = await world.connect()
        await charger.say(HEARTBEAT)  # the answer blocks: nobody reads
        await world.until(lambda: len(world.heard) == 1)
        with trio.fail_after(120):
            while len(world.fleet):
                await trio.sleep(1)
        assert world.observer.ends == [("CP1", "stuck")]
        assert isinstance(world.heard[0], HeartbeatSent)


async def test_a_paused_reader_does_not_mistake_itself_for_a_dead_peer(simulate: Serve, autojump_clock: MockClock) -> None:
    async def hearing(report: Any) -> None:
        await trio.sleep(1000)

    async with simulate(hearing=hearing, inbox_limit=1, admission={"answers_pings": True}) as world:
        charger = await world.connect()
        charger.patient = True
        await charger.say(*(status_call(str(number)) for number in range(4)))
        for number in range(4):
            assert (await charger.hear())[1] == str(number)
        assert len(world.fleet) == 1
