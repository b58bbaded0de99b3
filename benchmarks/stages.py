"""CPU per stage of one MeterValues with four samples, without sockets: ``python -m benchmarks.stages``.

The same code that the server runs, one stage at a time, on a SQLite file with ``synchronous=FULL``; best of several rounds.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import trio

from csms.config import Config, DatabaseConfig
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Admission, Tx
from csms.core.reports import Noted, Report
from csms.db import StoreDatabase, open_database
from csms.db.migrate import core_migrations, migrate
from csms.dispatch import table
from csms.domain.stations import store
from csms.ocpp.conversation import Conversation, ConversationSettings, Heard, Send, Told
from csms.ocpp.registry import dialect_for
from csms.outside import SystemClock, SystemEntropy
from csms.quirks import load

from . import frames
from .prepare import fill

ROUNDS, COUNT = 7, 1000
SETTINGS = ConversationSettings(
    call_timeout_s=30,
    command_ttl_s=60,
    command_queue_limit=50,
    before_boot=frozenset(),
    retry_interval_s=60,
    max_frame_chars=1_048_576,
)


def conversation() -> Conversation:
    """One charger's conversation, accepted."""
    return Conversation(
        dialect_for("ocpp1.6"),
        charger_id="BENCH-00000",
        connection_id="c",
        registration="accepted",
        settings=SETTINGS,
        new_message_id=SystemEntropy().message_id,
    )


def best(once: Callable[[], float]) -> float:
    """Microseconds per message of the best round."""
    return min(once() for _ in range(ROUNDS)) / COUNT * 1e6


def hearing() -> dict[str, float]:
    """The sans-I/O part: text to report, verdict to text."""
    texts = [frames.meter_values(str(number), 1, number).decode() for number in range(COUNT)]
    seconds: dict[str, float] = {"receive": 1e9, "answer": 1e9}
    for _ in range(ROUNDS):
        talk = conversation()
        heard, answered = 0.0, 0.0
        for text in texts:
            started = time.process_time()
            effects = talk.receive(text, 1_800_000_000_000, 0.0)
            middle = time.process_time()
            for effect in effects:
                if isinstance(effect, Told):
                    talk.answer(effect.call, Noted(), 1_800_000_000_000, 0.0)
            heard += middle - started
            answered += time.process_time() - middle
        seconds = {"receive": min(seconds["receive"], heard), "answer": min(seconds["answer"], answered)}
    return {name: value / COUNT * 1e6 for name, value in seconds.items()}


def reports(count: int) -> tuple[list[Report], list[dict[str, object]]]:
    """Reports as the domain hears them, and the frame-log rows of each message."""
    admission = Admission(charger_id="BENCH-00000", tenant=DEFAULT_TENANT)
    talk, told, rows = conversation(), [], []
    for number in range(count):
        text = frames.meter_values(str(number), 1, number).decode()
        for effect in talk.receive(text, 1_800_000_000_000, 0.0):
            if isinstance(effect, Heard):
                rows.append(store.frame_row(admission, effect.entry))
            elif isinstance(effect, Told):
                told.append(effect.report)
                for answer in talk.answer(effect.call, Noted(), 1_800_000_000_000, 0.0):
                    if isinstance(answer, Send):
                        rows.append(store.frame_row(admission, answer.entry))
    return told, rows


async def writing(folder: Path) -> dict[str, float]:
    """The store: the verb, the frame log, and the commit, in batches as under load."""
    config = DatabaseConfig(url="sqlite:///stages.db")
    migrate(config, [core_migrations()], folder=folder, clock=SystemClock())
    rows = table(Config(database=config), load())
    async with open_database(config, clock=SystemClock(), folder=folder) as database:
        await database.write(fill, range(1), "", tenant=DEFAULT_TENANT)
        start = conversation().receive(frames.start("s", "TOKEN-00000", 0).decode(), 1_800_000_000_000, 0.0)
        for effect in start:
            if isinstance(effect, Told):
                row = rows[type(effect.report)]
                await database.write(row.verb, effect.report, row.decision, tenant=DEFAULT_TENANT)
        told, logged = reports(COUNT * ROUNDS)
        verb = rows[type(told[0])]
        return {
            "write, empty verb": await batches(database, [(_nothing, ())] * (COUNT * ROUNDS)),
            "write, meter verb": await batches(database, [(verb.verb, (report, verb.decision)) for report in told]),
            "append, two frames": await appends(database, logged),
        }


def _nothing(tx: Tx) -> None:
    """A verb that does nothing."""


async def batches(database: StoreDatabase, verbs: list[tuple[Callable[..., object], tuple[object, ...]]]) -> float:
    """CPU µs per verb when many tasks write at a time, the commit included."""
    results = []
    for first in range(0, len(verbs), COUNT):
        started = time.process_time()
        async with trio.open_nursery() as nursery:
            for verb, arguments in verbs[first : first + COUNT]:
                nursery.start_soon(_write, database, verb, arguments)
        results.append((time.process_time() - started) / COUNT * 1e6)
    return min(results)


async def _write(database: StoreDatabase, verb: Callable[..., object], arguments: tuple[object, ...]) -> None:
    await database.write(verb, *arguments, tenant=DEFAULT_TENANT, keys=("charger:BENCH-00000",))


async def appends(database: StoreDatabase, rows: list[dict[str, object]]) -> float:
    """CPU µs per message of logging its two frames."""
    results = []
    for first in range(0, len(rows), 2 * COUNT):
        started = time.process_time()
        for row in rows[first : first + 2 * COUNT]:
            await database.append(store.FRAME_INSERT, (row,), key="charger:BENCH-00000", tenant=DEFAULT_TENANT)
        await database.write(_nothing, tenant=DEFAULT_TENANT)
        results.append((time.process_time() - started) / COUNT * 1e6)
    return min(results)


def main() -> None:
    """Measure and print."""
    figures = hearing()
    with tempfile.TemporaryDirectory(prefix="csms-bench-") as name:
        figures |= trio.run(writing, Path(name))
    print(json.dumps({name: round(value, 1) for name, value in figures.items()}, indent=1))


if __name__ == "__main__":
    main()
