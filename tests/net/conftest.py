"""A charger made of a raw socket, and a server around it whose domain is a script."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import attrs
import pytest
import structlog.testing
import trio
from trio.testing import memory_stream_pair

from csms.config import OcppConfig
from csms.core.errors import StoreUnavailable
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Admission, ConnectionInfo, FrameEntry, Handshake, Turned
from csms.core.reports import Booted, DataSent, DataVerdict, HeartbeatSent, Noted, Registration, Report, TimeTold, Verdict
from csms.net.connection import Framing
from csms.net.fleet import Fleet
from csms.net.lean import lean
from csms.net.listener import BoundAddress, open_door, serve_chargers
from csms.net.tls import ChargerTls
from csms.net.wire import trio_websocket

HEARTBEAT = [2, "h1", "Heartbeat", {}]
BOOT = [2, "b1", "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}]
STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}


def status_call(message_id: str) -> list[Any]:
    return [2, message_id, "StatusNotification", STATUS]


class SteadyClock:
    """A wall clock that goes with Trio's own, so that MockClock moves both."""

    def now(self) -> int:
        return 1_700_000_000_000 + round(trio.current_time() * 1000)


class CountingRandom:
    def __init__(self) -> None:
        self.count = 0

    def token(self, n_bytes: int) -> str:
        self.count += 1
        return f"token-{self.count}"

    def message_id(self) -> str:
        self.count += 1
        return f"m{self.count}"

    def uniform(self, low: float, high: float) -> float:
        return low


class Recorder:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.refusals: list[str] = []
        self.messages: list[tuple[str, str, bool]] = []
        self.ends: list[tuple[str, str]] = []
        self.odd: list[str] = []

    def connected(self, charger_id: str, protocol: str) -> None:
        pass

    def disconnected(self, charger_id: str, protocol: str, reason: str) -> None:
        self.ends.append((charger_id, reason))

    def refused(self, reason: str) -> None:
        self.refusals.append(reason)

    def message(self, charger_id: str, action: str, queued_s: float, heard_s: float, sent_s: float, ok: bool) -> None:
        self.messages.append((charger_id, action, ok))

    def oddities(self, charger_id: str, action: str, oddities: Any) -> None:
        self.odd.extend(oddity.field for oddity in oddities)


@attrs.define
class World:
    """A running server: what it was asked, what it heard, and how it answers (replace ``hear`` and ``admit`` at will)."""

    config: OcppConfig = attrs.field(factory=OcppConfig)
    registration: str = "accepted"
    keys: dict[str, bytes] = attrs.field(factory=dict)
    handshakes: list[Handshake] = attrs.field(factory=list)
    heard: list[Report] = attrs.field(factory=list)
    logged: list[FrameEntry] = attrs.field(factory=list)
    events: list[tuple[str, str]] = attrs.field(factory=list)
    observer: Recorder = attrs.field(factory=Recorder)
    clock: SteadyClock = attrs.field(factory=SteadyClock)
    hearing: Callable[[Report], Awaitable[Verdict | None]] | None = None
    admission: dict[str, Any] = attrs.field(factory=dict)
    door_admit: Callable[[Handshake], Awaitable[Admission | Turned]] | None = None
    log_away: bool = False
    framing: Framing = trio_websocket
    chargers: list[RawCharger] = attrs.field(factory=list)
    served: trio.Event = attrs.field(factory=trio.Event)
    dial: Callable[[], Awaitable[trio.abc.Stream]] = attrs.field(init=False)
    fleet: Fleet = attrs.field(init=False)
    tls: ChargerTls | None = None
    address: BoundAddress = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.dial = self.dial_tcp

    async def dial_tcp(self) -> trio.abc.Stream:
        return await trio.open_tcp_stream("127.0.0.1", self.address.port)

    def wiring(self) -> dict[str, Any]:
        return {
            "config": self.config,
            "fleet": self.fleet,
            "admit": self.admit,
            "hear": self.hear,
            "log": self.log,
            "clock": self.clock,
            "random": CountingRandom(),
            "observer": self.observer,
            "framing": self.framing,
        }

    async def admit(self, handshake: Handshake) -> Admission | Turned:
        self.handshakes.append(handshake)
        return await (self.door_admit or self.judge)(handshake)

    async def judge(self, handshake: Handshake) -> Admission | Turned:
        """The right key opens, if there are keys."""
        await trio.lowlevel.checkpoint()
        if self.keys:
            if handshake.charger_id not in self.keys:
                return Turned(404, "unknown charger")
            if handshake.password != self.keys[handshake.charger_id]:
                return Turned(401, "wrong key")
        return Admission(charger_id=handshake.charger_id, tenant=DEFAULT_TENANT, registration=self.registration, **self.admission)

    async def hear(self, admission: Admission, report: Report) -> Verdict:
        if self.hearing is not None and (verdict := await self.hearing(report)) is not None:
            self.heard.append(report)
            return verdict
        self.heard.append(report)
        return verdict_on(report, self.clock.now())

    async def log(self, admission: Admission, entry: FrameEntry) -> None:
        if self.log_away:
            raise StoreUnavailable("away")
        self.logged.append(entry)

    async def on_connected(self, admission: Admission, info: ConnectionInfo) -> None:
        self.events.append(("connected", info.connection_id))

    async def on_disconnected(self, admission: Admission, info: ConnectionInfo, reason: str) -> None:
        self.events.append(("disconnected", f"{info.connection_id} {reason}"))

    async def call(self, request: bytes = b"") -> RawCharger:
        """A charger that has said ``request`` and nothing else."""
        charger = RawCharger(await self.dial())
        self.chargers.append(charger)
        await charger.stream.send_all(request)
        return charger

    async def connect(self, target: str = "/ocpp/CP1", **options: Any) -> RawCharger:
        """A charger that completed its handshake."""
        charger = await self.knock(target, **options)
        assert charger.status == 101, charger.status
        return charger

    async def knock(self, target: str = "/ocpp/CP1", **options: Any) -> RawCharger:
        """A charger that got an answer to its handshake, whatever it was."""
        charger = await self.call()
        await charger.shake(target, **options)
        return charger

    async def until(self, condition: Callable[[], Any]) -> None:
        """Wait until something is so, at most five seconds."""
        with trio.fail_after(5):
            while not condition():
                await trio.sleep(0.001)


def verdict_on(report: Report, now: int) -> Verdict:
    if isinstance(report, Booted):
        return Registration("accepted", 300, now)
    if isinstance(report, HeartbeatSent):
        return TimeTold(now)
    if isinstance(report, DataSent):
        return DataVerdict("Accepted")
    return Noted()


class RawCharger:
    """A WebSocket client that does only what it is told: it never answers a ping by itself."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.stream = stream
        self.buffer = bytearray()
        self.status = 0
        self.headers: dict[str, str] = {}
        self.patient = False
        """Whether it waits for hours, answering pings meanwhile."""

    async def shake(
        self,
        target: str = "/ocpp/CP1",
        *,
        protocols: list[str] | None = None,
        auth: bytes | None = None,
        headers: list[tuple[str, str]] | None = None,
        early: bytes = b"",
    ) -> None:
        lines = [f"GET {target} HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: keep-alive, Upgrade"]
        lines += ["Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}"]
        lines += [f"Sec-WebSocket-Protocol: {line}" for line in (["ocpp1.6"] if protocols is None else protocols)]
        if auth is not None:
            lines.append(f"Authorization: Basic {base64.b64encode(auth).decode()}")
        lines += [f"{name}: {value}" for name, value in headers or []]
        await self.stream.send_all(("\r\n".join(lines) + "\r\n\r\n").encode() + early)
        await self.read_head()

    async def read_head(self) -> None:
        with trio.fail_after(5):
            while b"\r\n\r\n" not in self.buffer:
                data = await self.stream.receive_some(4096)
                assert data, "the server closed the connection instead of answering"
                self.buffer += data
        head, _, rest = bytes(self.buffer).partition(b"\r\n\r\n")
        self.buffer = bytearray(rest)
        first, *lines = head.decode().split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    async def say(self, *frames: Any) -> None:
        """Send frames at once, in one segment."""
        await self.stream.send_all(b"".join(masked(1, f if isinstance(f, bytes) else json.dumps(f).encode()) for f in frames))

    async def control(self, opcode: int, payload: bytes = b"") -> None:
        await self.stream.send_all(masked(opcode, payload))

    async def read(self) -> tuple[int, bytes]:
        """The next frame: opcode and payload; opcode -1 at the end of the stream."""
        with trio.fail_after(36_000 if self.patient else 30):
            while True:
                if (frame := unframe(self.buffer)) is not None:
                    return frame
                try:
                    data = await self.stream.receive_some(65536)
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    data = b""
                if not data:
                    return -1, b""
                self.buffer += data

    async def hear(self) -> Any:
        """The next text message as JSON; pings are passed over, or answered by one who is ``patient``."""
        while True:
            opcode, payload = await self.read()
            if opcode == 9 and self.patient:
                await self.control(10, payload)
            if opcode == 1:
                return json.loads(payload)
            assert opcode in (9, 10), f"no message but opcode {opcode}: {payload!r}"

    async def closed(self) -> tuple[int, str]:
        """Read on until the close frame and answer it: its code and reason; (1006, "") where the stream just ended."""
        while True:
            opcode, payload = await self.read()
            if opcode == 8:
                await self.control(8, payload[:2])
                return int.from_bytes(payload[:2], "big"), payload[2:].decode()
            if opcode == -1:
                return 1006, ""

    async def ask(self, frame: list[Any]) -> Any:
        await self.say(frame)
        return await self.hear()

    async def cut(self) -> None:
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(self.stream)


def masked(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    mask = os.urandom(4)
    size = len(payload)
    head = bytes([(0x80 if fin else 0) | opcode])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65536:
        head += bytes([0x80 | 126]) + size.to_bytes(2, "big")
    else:
        head += bytes([0x80 | 127]) + size.to_bytes(8, "big")
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def unframe(buffer: bytearray) -> tuple[int, bytes] | None:
    if len(buffer) < 2:
        return None
    size, start = buffer[1] & 127, 2
    if size == 126:
        size, start = int.from_bytes(buffer[2:4], "big"), 4
    elif size == 127:
        size, start = int.from_bytes(buffer[2:10], "big"), 10
    if len(buffer) < start + size:
        return None
    frame = buffer[0] & 15, bytes(buffer[start : start + size])
    del buffer[: start + size]
    return frame


Serve = Callable[..., AbstractAsyncContextManager[World]]
Logs = list[Any]


@pytest.fixture(autouse=True)
def logs() -> Iterator[Logs]:
    """What was logged."""
    with structlog.testing.capture_logs() as entries:
        yield entries


def make_world(framing: Framing, settings: dict[str, Any]) -> World:
    options = {name: settings.pop(name) for name in list(settings) if name in {"registration", "keys", "hearing", "admission"}}
    settings.setdefault("authentication", False)
    world = World(config=OcppConfig(port=0, **settings), framing=framing, **options)
    world.fleet = Fleet(
        max_connections=world.config.max_connections,
        observer=world.observer,
        on_connected=world.on_connected,
        on_disconnected=world.on_disconnected,
    )
    return world


@asynccontextmanager
async def serving(framing: Framing, **settings: Any) -> AsyncIterator[World]:
    """A server with this configuration on a free port of the loopback."""
    world = make_world(framing, settings)
    world.tls = ChargerTls(world.config) if world.config.tls_certificate else None
    async with trio.open_nursery() as nursery:

        async def serve(task_status: trio.TaskStatus[Any]) -> None:
            await serve_chargers(**world.wiring(), tls=world.tls, task_status=task_status)
            world.served.set()

        (world.address,) = await nursery.start(serve)
        try:
            yield world
        finally:
            nursery.cancel_scope.cancel()
            for charger in world.chargers:
                await charger.cut()


@asynccontextmanager
async def simulating(framing: Framing, streams: Callable[[], Any] = memory_stream_pair, **settings: Any) -> AsyncIterator[World]:
    """The same without sockets, for virtual time."""
    world = make_world(framing, settings)
    async with trio.open_nursery() as nursery:
        door = open_door(**world.wiring())

        async def dial() -> trio.abc.Stream:
            ours, theirs = streams()
            nursery.start_soon(door.serve, theirs)
            stream: trio.abc.Stream = ours
            return stream

        world.dial = dial
        try:
            yield world
        finally:
            nursery.cancel_scope.cancel()
            for charger in world.chargers:
                await charger.cut()


@pytest.fixture(params=[trio_websocket, lean], ids=["trio_websocket", "lean"])
def framing(request: pytest.FixtureRequest) -> Framing:
    chosen: Framing = request.param
    return chosen


@pytest.fixture
def serve(framing: Framing) -> Serve:
    """``async with serve(**config) as world``, once with each framing."""

    def start(**settings: Any) -> Any:
        return serving(framing, **settings)

    return start


@pytest.fixture
def simulate(framing: Framing) -> Serve:
    """``async with simulate(**config) as world``: in memory, for tests with ``autojump_clock``."""

    def start(**settings: Any) -> Any:
        return simulating(framing, **settings)

    return start
