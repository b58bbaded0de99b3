"""Peers that mean harm: they cost themselves, and nobody else."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from csms.net.connection import Closed
from csms.net.lean import LeanWebSocket

from .conftest import HEARTBEAT, Logs, Serve, masked


async def test_fragments_without_content_take_no_memory() -> None:
    ours, theirs = trio.testing.memory_stream_pair()
    connection = LeanWebSocket(ours, masked(1, b"", fin=False) + masked(0, b"", fin=False) * 5000, 1024)
    assert len(connection._parts) <= 1
    await theirs.send_all(masked(0, b"[", fin=False) + masked(0, b"", fin=False) + masked(0, b"]"))
    assert await connection.receive() == "[]"
    await theirs.send_all(masked(1, b"", fin=False) + masked(0, b""))
    assert await connection.receive() == ""


async def test_words_that_come_after_a_send_failed_are_the_words_of_a_dead_link() -> None:
    """A reset cuts what we send, while something the peer sent before is still to be read: that is a lost link, not a failure."""
    ours, theirs = trio.testing.memory_stream_pair()
    await ours.send_stream.aclose()
    connection = LeanWebSocket(ours, b"", 1024)
    heard: list[Closed] = []

    async def read() -> None:
        with pytest.raises(Closed) as closed:
            await connection.receive()
        heard.append(closed.value)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(Closed):
            await connection.send("[]")
        await theirs.send_all(masked(1, b"[]"))
    assert [closed.code for closed in heard] == [1006]


async def test_those_who_say_nothing_do_not_keep_others_out(serve: Serve, monkeypatch: pytest.MonkeyPatch, logs: Logs) -> None:
    monkeypatch.setattr("csms.net.door.HANDSHAKE_HEADROOM", 3)
    async with serve(max_connections=1) as world:
        silent = [await world.call(b"GET /ocpp/CP1 HTTP/1.1\r\n") for _ in range(4)]
        charger = await world.connect("/ocpp/CP1")
        assert (await charger.ask(HEARTBEAT))[0] == 3
        assert await silent[0].read() == (-1, b"")  # the one that had taken longest
        assert world.observer.refusals == ["limit"]
        assert [entry["reason"] for entry in logs if entry["event"] == "charger.refused"] == ["displaced by a newer handshake"]
        again = await world.connect("/ocpp/CP1")  # and a link is never displaced
        assert (await again.ask(HEARTBEAT))[0] == 3


async def test_guesses_at_many_ids_do_not_fill_the_log(serve: Serve, logs: Logs) -> None:
    async with serve(authentication=True, keys={"CP1": b"right"}) as world:
        async with trio.open_nursery() as nursery:
            for number in range(120):
                nursery.start_soon(world.knock, f"/ocpp/X{number}")
        assert world.observer.refusals == ["not_found"] * 120
        assert (await world.knock("/ocpp/CP1", auth=b"CP1:right")).status == 101
    said = sum(1 for entry in logs if entry["event"] == "charger.refused" and entry["log_level"] == "info")
    assert 0 < said < 120
