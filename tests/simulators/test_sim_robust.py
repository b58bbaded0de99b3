"""Whatever a server says, a charger lives on: it is a judge of servers, not their victim."""

from __future__ import annotations

import random

import pytest
import trio

from simulators import frames
from simulators.charger import Car, Tag
from simulators.charger.orders16 import ORDERS as ORDERS_16
from simulators.charger.orders201 import ORDERS as ORDERS_201

WORDS = (
    "status",
    "interval",
    "currentTime",
    "idTagInfo",
    "idTokenInfo",
    "transactionId",
    "key",
    "value",
    "type",
    "connectorId",
    "evseId",
)


def nonsense(rng: random.Random, depth: int = 0):
    choices = [None, True, -1, 0, 1, 2**63, 1.5, 1e308, "", "Accepted", "Hard", "2027-13-45T99:99:99Z", "x" * 300, [], {}]
    if depth < 3 and rng.random() < 0.6:
        if rng.random() < 0.3:
            return [nonsense(rng, depth + 1) for _ in range(rng.randint(0, 3))]
        return {rng.choice(WORDS): nonsense(rng, depth + 1) for _ in range(rng.randint(0, 4))}
    return rng.choice(choices)


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
@pytest.mark.parametrize("seed", range(5))
async def test_nonsense_for_an_answer(autojump_clock, bench, version, seed):
    rng = random.Random(seed)
    charger = await bench.charger(version, settings={"retry_interval_s": "1"}, call_timeout_s=5)
    bench.server.answer = lambda connection, call: {rng.choice(WORDS): nonsense(rng) for _ in range(3)}
    for _ in range(40):
        if charger.box.connector(1).car is None:
            charger.box.plug(1, Car())
        await charger.box.tap(1, Tag("TAG-1"))
        await charger.life.duties.beat()
        await trio.sleep(70)
    charger.life.drop("cut", 0)
    await trio.sleep(5)
    bench.server.answer = bench.server.yes
    await bench.delivered(charger)


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_nonsense_for_a_command(autojump_clock, bench, version):
    rng = random.Random(version)
    await bench.charger(version, restart_s=0)
    for _ in range(400):
        if "CH-1" not in bench.server.connections:
            await bench.until(lambda: "CH-1" in bench.server.connections)
        action = rng.choice([*(ORDERS_16 if version == "1.6" else ORDERS_201), "Nonsense"])
        payload = {rng.choice(WORDS): nonsense(rng) for _ in range(rng.randint(0, 4))}
        answer = await bench.server.command("CH-1", action, payload, timeout_s=5)
        assert isinstance(answer, frames.Result | frames.Error)
        if action == "Reset":
            await trio.sleep(1)


@pytest.mark.parametrize(
    "text", ["", "[", "[3]", '[3,"x"]', '[5,"x","y",{}]', "[" * 5000, b"\xff\x00", '[2,"i","Reset",[]]', "null"]
)
async def test_frames_that_are_none(autojump_clock, bench, text):
    await bench.charger()
    await bench.server.connections["CH-1"].socket.send_message(text)
    answer = await bench.server.command("CH-1", "ClearCache", {})
    assert answer.payload == {"status": "Accepted"}


async def test_a_server_that_hangs_up_at_once(autojump_clock, bench):
    async def hang_up(stream):
        await trio.aclose_forcefully(stream)

    usual, bench.server.serve_stream = bench.server.serve_stream, hang_up
    charger = await bench.charger(online=False, backoff_max_s=5)
    await trio.sleep(60)
    assert len(bench.dials) > 5
    assert ("turned_away", "the connection ended during the handshake") in bench.diary.entries
    bench.server.serve_stream = usual
    await bench.until(lambda: charger.online, limit_s=30)


class Stuck(trio.abc.Stream):
    """A charger's end of a stream whose other end reads nothing any more once ``stuck`` is set."""

    def __init__(self, stream, stuck):
        self._stream = stream
        self._stuck = stuck

    async def send_all(self, data):
        if self._stuck.is_set():
            await trio.sleep_forever()
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self):
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes=None):
        return await self._stream.receive_some(max_bytes)

    async def aclose(self):
        await self._stream.aclose()


@pytest.mark.parametrize(("drops", "within_s"), [(True, 5), (False, 30)])
async def test_a_server_that_reads_no_more(autojump_clock, bench, drops, within_s):
    stuck = trio.Event()
    usual = bench.stream

    async def stream(address):
        return Stuck(await usual(address), stuck if not bench.dials[1:] else trio.Event())

    bench.stream = stream
    charger = await bench.charger()
    charger.box.plug(1, Car())
    stuck.set()
    with trio.move_on_after(0.5):
        await charger.box.tap(1, Tag("TAG-1"))
    if drops:
        charger.life.drop("cut", 0)
    await bench.until(lambda: bench.server.connected == 2 and charger.online, limit_s=within_s)


class PingsAtFarewell(trio.abc.Stream):
    """A server's end of a stream that pings when it hears the charger's close frame, before it answers it."""

    def __init__(self, stream):
        self._stream = stream

    async def send_all(self, data):
        await self._stream.send_all(data)

    async def wait_send_all_might_not_block(self):
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes=None):
        data = await self._stream.receive_some(max_bytes)
        if data[:1] == b"\x88":
            await self._stream.send_all(b"\x89\x04ping")
        return data

    async def aclose(self):
        await self._stream.aclose()


async def test_a_ping_while_saying_farewell(autojump_clock, bench):
    usual = bench.server.serve_stream
    bench.server.serve_stream = lambda stream: usual(PingsAtFarewell(stream))
    charger = await bench.charger()
    charger.life.drop("close", 0)
    await bench.until(lambda: bench.server.connected == 2 and charger.online)
    await charger.finish(5)
    assert bench.ledger.connected_now == 0


async def test_a_server_that_never_finishes_the_handshake(autojump_clock, bench):
    async def be_silent(stream):
        await trio.sleep_forever()

    bench.server.serve_stream = be_silent
    await bench.charger(online=False)
    await trio.sleep(60)
    assert ("turned_away", "no handshake in time") in bench.diary.entries
