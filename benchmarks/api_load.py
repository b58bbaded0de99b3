"""Loads of requests: one after another, several at once, at a fixed rate; and listeners of the live feed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import datetime

import attrs

from . import proc
from .api_routes import Measured, mix
from .http_client import Asked, Connection

ROUND_S = 5.0
"""How long a route is measured at most in a round."""
SETTLED = 0.03
"""The share of a core that a server uses at most when nothing is left to do."""
SEVERAL = 8
"""Connections that ask at once where throughput is measured."""


@attrs.define
class Took:
    """What one round of a route cost."""

    cpu_us: float
    times_ms: list[float]
    answer_bytes: int


async def one_after_another(pid: int, connection: Connection, each: Measured, first: int, count: int, idle: float) -> Took:
    """CPU per request on a connection that is kept: what the process used, less what it uses anyway."""
    for number in range(first, first + 3):
        await _good(connection, each.ask(number))
    times: list[float] = []
    size = 0
    began, cpu = time.perf_counter(), proc.cpu_ns(pid)
    for number in range(first + 3, first + 3 + count):
        started = time.perf_counter()
        if started - began > ROUND_S:
            break
        size = len(await _good(connection, each.ask(number)))
        times.append((time.perf_counter() - started) * 1000)
    used_ns = proc.cpu_ns(pid) - cpu - idle * (time.perf_counter() - began) * 1e9
    return Took(max(used_ns, 0) / len(times) / 1000, times, size)


async def _good(connection: Connection, request: Asked) -> bytes:
    status, body = await connection.ask(request)
    if status >= 400:
        raise RuntimeError(f"{request.method} {request.path} answered {status}: {body[:300].decode()}")
    return body


async def idle_share(pid: int, seconds: float) -> float:
    """CPU seconds per second that the server uses while nobody asks."""
    began, cpu = time.perf_counter(), proc.cpu_ns(pid)
    await asyncio.sleep(seconds)
    return (proc.cpu_ns(pid) - cpu) / 1e9 / (time.perf_counter() - began)


async def settled(pid: int, patience_s: float) -> float:
    """``idle_share`` once it is small: what chargers left behind when they arrived is done, such as telling consumers of it."""
    until = time.perf_counter() + patience_s
    while (share := await idle_share(pid, 2.0)) > SETTLED and time.perf_counter() < until:
        pass
    return share


async def at_once(port: int, key: str, each: Measured, first: int, seconds: float) -> float:
    """Requests per second where ``SEVERAL`` connections ask as fast as they are answered."""
    done = 0
    until = time.perf_counter() + seconds

    async def client(number: int) -> None:
        nonlocal done
        connection = Connection(port, key)
        try:
            while time.perf_counter() < until:
                await _good(connection, each.ask(number))
                number += SEVERAL
                done += 1
        finally:
            connection.close()

    began = time.perf_counter()
    await asyncio.gather(*(client(first + number) for number in range(SEVERAL)))
    return done / (time.perf_counter() - began)


@attrs.define
class Load:
    """What a mixed load of requests met: per kind of route the time from when it was due until it was answered."""

    times_ms: dict[str, list[float]] = attrs.field(factory=lambda: defaultdict(list))
    wrong: dict[str, int] = attrs.field(factory=lambda: defaultdict(int))
    seconds: float = 0.0


async def steady(port: int, key: str, measured: list[Measured], rate: float, seconds: float, connections: int = 64) -> Load:
    """Requests of the mix at a fixed rate, whatever the server does; those that find no free connection wait for one, and that counts."""
    load = Load()
    free = [Connection(port, key) for _ in range(connections)]
    everyone = list(free)
    gate = asyncio.Semaphore(connections)
    turns = mix(measured)

    async def one(number: int, due: float) -> None:
        each = turns[number % len(turns)]
        async with gate:
            connection = free.pop()
            try:
                status, _ = await connection.ask(each.ask(number))
            except (OSError, asyncio.IncompleteReadError):
                status = 0
                connection.close()
            free.append(connection)
        load.times_ms[each.kind].append((time.perf_counter() - due) * 1000)
        if not 200 <= status < 400:
            load.wrong[f"{each.name}: {status}"] += 1

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        number = 0
        while (elapsed := time.perf_counter() - began) < seconds:
            while number < elapsed * rate:
                group.create_task(one(number, began + number / rate))
                number += 1
            await asyncio.sleep(0.001)
    load.seconds = time.perf_counter() - began
    for connection in everyone:
        connection.close()
    return load


@attrs.define
class Heard:
    """What listeners heard, and how often the server dropped one, which it does where one reads too slowly."""

    ms: list[float] = attrs.field(factory=list)
    dropped: int = 0


@contextlib.asynccontextmanager
async def listening(port: int, key: str, count: int, stations: int, heard: Heard) -> AsyncIterator[None]:
    """Listeners of the live feed, the first to all of it, the others to a station each, as a console does.

    They note the time from when a fact was told to the server until they hear of it.
    """

    async def listen(number: int) -> None:
        place = f"&station_id={number % stations + 1}" if number else ""
        while True:
            connection = Connection(port, key)
            try:
                async for event in connection.events(f"/live?kinds=meter_values,transactions,statuses{place}"):
                    if isinstance(at := event.get("occurred_at"), str):
                        heard.ms.append((time.time() - _instant(at)) * 1000)
                    elif event.get("reason"):
                        break
            finally:
                connection.close()
            heard.dropped += 1
            await asyncio.sleep(1)

    tasks = [asyncio.create_task(listen(number)) for number in range(count)]
    try:
        yield
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _instant(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
