"""The load generator: simulated connections on picows and uvloop, in a process of its own so that it never shares the server's CPU time.

``python -m benchmarks.load --help``; prints one JSON object with what it measured.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import picows
import uvloop

from . import frames, proc

CONNECTING_AT_ONCE = 200
ATTEMPTS = 5
ANSWERS = {
    "GetConfiguration": {"configurationKey": [{"key": "HeartbeatInterval", "readonly": False, "value": "300"}], "unknownKey": []},
    "RemoteStartTransaction": {"status": "Accepted"},
}
OWN_ANSWER = {"status": "Accepted"}


class Charger(picows.WSListener):
    """One connection; at most one request of its own outstanding."""

    def __init__(self, number: int, token: str) -> None:
        self.number, self.token = number, token
        self.sequence = 0
        self.transaction_id = 0
        self.transport: Any = None
        self.on_answer: Callable[[Charger, bytes], None] = lambda _charger, _payload: None
        self.closed = False

    def on_ws_connected(self, transport: Any) -> None:
        """Keep the transport."""
        self.transport = transport

    def on_ws_disconnected(self, transport: Any) -> None:
        """Note that the server went away."""
        self.closed = True

    def on_ws_frame(self, transport: Any, frame: Any) -> None:
        """An answer of the server's, or a call of its own that wants one."""
        if frame.msg_type != picows.WSMsgType.TEXT:
            return
        payload = frame.get_payload_as_bytes()
        if payload[1:2] == b"2":
            _, message_id, action, _ = json.loads(payload)
            answer = json.dumps([3, message_id, ANSWERS.get(action, OWN_ANSWER)])
            transport.send(picows.WSMsgType.TEXT, answer.encode())
        else:
            self.on_answer(self, payload)

    def send(self, data: bytes) -> None:
        """Send one text frame."""
        self.transport.send(picows.WSMsgType.TEXT, data)

    def next_id(self) -> str:
        """A message id that is fresh for this connection."""
        self.sequence += 1
        return f"{self.number}-{self.sequence}"

    async def request(self, data: bytes) -> Any:
        """Send a call and wait for its answer; the decoded frame."""
        done: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.on_answer = lambda _charger, payload: done.set_result(payload) if not done.done() else None
        self.send(data)
        return json.loads(await asyncio.wait_for(done, 60))


async def connect(arguments: argparse.Namespace, number: int) -> Charger:
    """Open one connection as charger ``BENCH-n``."""
    charger_id = f"BENCH-{number:05d}"
    credentials = base64.b64encode(f"{charger_id}:{arguments.password}".encode()).decode()
    headers = {"Authorization": f"Basic {credentials}", "Sec-WebSocket-Protocol": "ocpp1.6"}
    charger = Charger(number, f"TOKEN-{number:05d}")
    await picows.ws_connect(lambda: charger, f"{arguments.url}/{charger_id}", extra_headers=headers, websocket_handshake_timeout=60)
    return charger


async def arrive(arguments: argparse.Namespace, number: int, gate: asyncio.Semaphore, with_status: bool) -> Charger:
    """Connect and boot, as a charger that has just been switched on; one that could not connect tries again a little later."""
    async with gate:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                charger = await connect(arguments, number)
                break
            except (picows.WSError, OSError):  # TimeoutError is an OSError
                if attempt == ATTEMPTS:
                    raise
                await asyncio.sleep(attempt + number % 100 / 100)
        answer = await charger.request(frames.boot(charger.next_id()))
        if answer[0] != 3 or answer[2]["status"] != "Accepted":
            raise RuntimeError(f"boot was not accepted: {answer}")
        if with_status:
            await charger.request(frames.status(charger.next_id(), 1))
        return charger


async def arrive_all(arguments: argparse.Namespace, *, at_once: int, with_status: bool) -> tuple[list[Charger], int]:
    """All chargers, and how many failed."""
    gate = asyncio.Semaphore(at_once)
    results = await asyncio.gather(
        *(arrive(arguments, number, gate, with_status) for number in range(arguments.connections)), return_exceptions=True
    )
    chargers = [result for result in results if isinstance(result, Charger)]
    for result in results:
        if isinstance(result, BaseException) and len(chargers) == 0:
            raise result
    return chargers, len(results) - len(chargers)


async def start_transactions(chargers: list[Charger]) -> None:
    """Begin a transaction at every charger, so that meter values belong to one."""
    gate = asyncio.Semaphore(100)

    async def begin(charger: Charger) -> None:
        async with gate:
            answer = await charger.request(frames.start(charger.next_id(), charger.token, charger.number))
            charger.transaction_id = answer[2]["transactionId"]

    await asyncio.gather(*(begin(charger) for charger in chargers))


def next_frame(scenario: str, charger: Charger, number: int) -> bytes:
    """The next request of a charger in a scenario."""
    message_id = charger.next_id()
    if scenario == "heartbeat":
        return frames.heartbeat(message_id)
    if scenario == "meter":
        return frames.meter_values(message_id, charger.transaction_id, number)
    if charger.transaction_id:
        transaction_id, charger.transaction_id = charger.transaction_id, 0
        return frames.stop(message_id, transaction_id, charger.token, number)
    return frames.start(message_id, charger.token, number)


class Window:
    """What is counted between the start and the end of the measured time."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.latencies_s: list[float] = []
        self.errors = 0
        self.begin()

    def begin(self) -> None:
        """Start over, at the end of the warm-up."""
        self.latencies_s = []
        self.errors = 0
        self._started, self._cpu, self._own = time.perf_counter(), proc.cpu_s(self._pid), time.process_time()

    def end(self) -> dict[str, float]:
        """The figures."""
        seconds = time.perf_counter() - self._started
        cpu, own = proc.cpu_s(self._pid) - self._cpu, time.process_time() - self._own
        count = max(len(self.latencies_s), 1)
        ordered = sorted(self.latencies_s) or [0.0]
        return {
            "requests": len(self.latencies_s),
            "errors": self.errors,
            "seconds": seconds,
            "requests_per_s": len(self.latencies_s) / seconds,
            "server_cpu_us": cpu / count * 1e6,
            "server_cpu_share": cpu / seconds,
            "generator_cpu_share": own / seconds,
            "p50_ms": ordered[len(ordered) // 2] * 1000,
            "p99_ms": ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)] * 1000,
            "max_ms": ordered[-1] * 1000,
        }


async def closed_loop(arguments: argparse.Namespace, chargers: list[Charger]) -> dict[str, float]:
    """Keep ``in_flight`` requests outstanding, round robin over all chargers."""
    window = Window(arguments.server_pid)
    sent_at: dict[int, float] = {}
    turn, running = len(chargers), True
    idle: list[Charger] = []
    number = 0

    def fire(charger: Charger) -> None:
        nonlocal number
        number += 1
        sent_at[charger.number] = time.perf_counter()
        charger.send(next_frame(arguments.scenario, charger, number))

    def answered(charger: Charger, payload: bytes) -> None:
        window.latencies_s.append(time.perf_counter() - sent_at[charger.number])
        if payload[1:2] != b"3":
            window.errors += 1
        elif arguments.scenario == "startstop" and b"transactionId" in payload:
            charger.transaction_id = json.loads(payload)[2]["transactionId"]
        idle.append(charger)
        if running:
            nonlocal turn
            turn = (turn + 1) % len(idle)
            idle[turn], idle[-1] = idle[-1], idle[turn]
            fire(idle.pop())

    for charger in chargers:
        charger.on_answer = answered
    idle.extend(chargers)
    for _ in range(min(arguments.in_flight, len(chargers))):
        fire(idle.pop())
    await asyncio.sleep(arguments.warmup)
    window.begin()
    await asyncio.sleep(arguments.seconds)
    figures = window.end()
    running = False
    await asyncio.sleep(1)
    return figures


async def open_loop(arguments: argparse.Namespace, chargers: list[Charger]) -> dict[str, float]:
    """Send at a fixed rate whatever the server does; latency counts from when a request was due, not from when it could be sent."""
    window = Window(arguments.server_pid)
    due_at: dict[int, float] = {}

    def answered(charger: Charger, payload: bytes) -> None:
        due = due_at.pop(charger.number, None)
        if due is not None:
            window.latencies_s.append(time.perf_counter() - due)
        if payload[1:2] != b"3":
            window.errors += 1

    for charger in chargers:
        charger.on_answer = answered
    began = time.perf_counter()
    number, skipped, warm = 0, 0, False
    total_s = arguments.warmup + arguments.seconds
    while (elapsed := time.perf_counter() - began) < total_s:
        if not warm and elapsed > arguments.warmup:
            warm = True
            window.begin()
        while number < elapsed * arguments.rate:
            charger = chargers[number % len(chargers)]
            if charger.number in due_at:
                skipped += 1
            else:
                due_at[charger.number] = began + number / arguments.rate
                charger.send(next_frame(arguments.scenario, charger, number))
            number += 1
        await asyncio.sleep(0.001)
    figures = window.end()
    await asyncio.sleep(2)
    figures["unanswered"] = len(due_at)
    figures["skipped"] = skipped
    return figures


async def storm(arguments: argparse.Namespace) -> dict[str, float]:
    """Everybody comes back at once: connect, Basic auth, boot, status; retried as a charger would."""
    window = Window(arguments.server_pid)
    started = time.perf_counter()
    chargers, failed = await arrive_all(arguments, at_once=arguments.connections, with_status=True)
    seconds = time.perf_counter() - started
    window.latencies_s = [seconds / max(len(chargers), 1)] * (len(chargers) * 2)
    figures = window.end()
    return {
        "connected": len(chargers),
        "failed": failed,
        "seconds": seconds,
        "connections_per_s": len(chargers) / seconds,
        "server_cpu_us": figures["server_cpu_us"] * 2,
        "generator_cpu_share": figures["generator_cpu_share"],
        "dropped_later": sum(charger.closed for charger in chargers),
    }


async def hold(arguments: argparse.Namespace) -> dict[str, float]:
    """Connect and boot, then stay: memory per connected charger."""
    before = proc.rss_kib(arguments.server_pid)
    chargers, failed = await arrive_all(arguments, at_once=CONNECTING_AT_ONCE, with_status=True)
    await asyncio.sleep(arguments.seconds)
    after = proc.rss_kib(arguments.server_pid)
    return {"connected": len(chargers), "failed": failed, "kib_per_charger": (after - before) / max(len(chargers), 1)}


async def answer_commands(arguments: argparse.Namespace) -> dict[str, float]:
    """Stay connected and answer the server's calls until standard input ends."""
    chargers, failed = await arrive_all(arguments, at_once=CONNECTING_AT_ONCE, with_status=False)
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    return {"connected": len(chargers), "failed": failed}


async def run(arguments: argparse.Namespace) -> dict[str, float]:
    """One scenario from beginning to end."""
    if arguments.mode == "storm":
        return await storm(arguments)
    if arguments.mode == "hold":
        return await hold(arguments)
    if arguments.mode == "commands":
        return await answer_commands(arguments)
    chargers, failed = await arrive_all(arguments, at_once=CONNECTING_AT_ONCE, with_status=False)
    if failed:
        raise RuntimeError(f"{failed} of {arguments.connections} chargers could not connect")
    if arguments.scenario == "meter":
        await start_transactions(chargers)
    if arguments.announce:
        print("ready", flush=True)
    if arguments.mode == "rate":
        figures = await open_loop(arguments, chargers)
        if arguments.announce:
            await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        return figures
    return await closed_loop(arguments, chargers)


def main() -> None:
    """Parse the command line, run, print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--url", required=True, help="ws://127.0.0.1:PORT/ocpp")
    parser.add_argument("--server-pid", type=int, required=True, help="process whose CPU and memory are read")
    parser.add_argument("--mode", choices=("closed", "rate", "storm", "hold", "commands"), default="closed")
    parser.add_argument("--scenario", choices=("heartbeat", "meter", "startstop"), default="meter")
    parser.add_argument("--connections", type=int, default=300)
    parser.add_argument(
        "--in-flight", type=int, default=100_000, help="requests outstanding at a time (closed loop), at most one per connection"
    )
    parser.add_argument("--rate", type=float, default=500, help="requests per second (open loop)")
    parser.add_argument("--warmup", type=float, default=1.0, help="seconds before measuring")
    parser.add_argument("--seconds", type=float, default=5.0, help="seconds of measuring")
    parser.add_argument(
        "--announce", action="store_true", help="print 'ready' before the load begins, and stay until standard input ends"
    )
    parser.add_argument("--password", default="benchmark-password-0123456789")
    parser.add_argument(
        "--begin-at", type=int, default=0, help="Unix time from which frames count theirs; some day long ago unless given"
    )
    proc.allow_many_files()
    arguments = parser.parse_args()
    frames.begin_at(arguments.begin_at)
    print(json.dumps(uvloop.run(run(arguments))), flush=True)


if __name__ == "__main__":
    main()
