"""A year of an operator in a database: 1,000 chargers, a million charges, their readings and figures.

python -m benchmarks.year year.db                  a minute or two; about 1 GB
python -m benchmarks.year small.db --chargers 50   for a look
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import Progress

from csms.config import DatabaseConfig
from csms.core.pricing import ENERGY, Price, PriceLine, TaxLine
from csms.db.migrate import core_migrations, migrate
from csms.domain.stations import keys
from csms.outside import SystemClock, SystemEntropy

from .servers import PASSWORD

DAYS = 365
CHARGES_PER_DAY = 2.8
READINGS_DAYS = 30
"""So long readings are kept; bills are there of the same time."""
RATE, RATE_MINOR, TAX_PERCENT, TARIFF = Decimal("18.00"), 1800, 18, "Everywhere"
"""What a kWh costs, in rupees and paise."""
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
ZONE_MS = 19_800_000
"""The default tenant's time zone, Asia/Kolkata, is 5 h 30 min ahead and never changes its clocks."""
MORNING, EVENING = 9, 19
PER_STATION = 10
DRIVERS_PER_CHARGER = 20
PORTS = 2

Counts = defaultdict[tuple[str, ...], list[int]]


def day(at: int) -> str:
    """The local day of an instant."""
    return datetime.fromtimestamp((at + ZONE_MS) / 1000, UTC).date().isoformat()


class Year:
    """Makes the rows of a year that ends now."""

    def __init__(self, chargers: int, now: int, seed: int = 1) -> None:
        self.chance = random.Random(seed)
        self.count = chargers
        self.now = now
        self.begin = now - DAYS * DAY_MS
        self.chargers = [f"BENCH-{number:05d}" for number in range(chargers)]
        self.drivers = chargers * DRIVERS_PER_CHARGER
        self.figures: Counts = defaultdict(lambda: [0, 0, 0, 0, 0])
        self.hours: Counts = defaultdict(lambda: [0, 0])
        self.people: Counts = defaultdict(lambda: [0, 0, 0])
        self.counted: list[tuple[int, str, int, int, int, int, int, int]] = []

    def station(self, number: int) -> int:
        """The station of a charger."""
        return number // PER_STATION + 1

    def places(self) -> Iterator[tuple[str, list[tuple[object, ...]]]]:
        """Stations, chargers, their keys and connectors, drivers, their wallets and tokens."""
        sealed = keys.seal(PASSWORD.encode(), SystemEntropy())
        stations = range(1, self.station(self.count - 1) + 1)
        yield (
            "INSERT INTO stations (id, tenant, name, address, latitude, longitude, created_at) VALUES (?, 1, ?, ?, ?, ?, ?)",
            [
                (
                    each,
                    f"Station {each:04d}",
                    f"{each} Ring Road",
                    round(self.chance.uniform(8, 30), 5),
                    round(self.chance.uniform(70, 88), 5),
                    self.begin,
                )
                for each in stations
            ],
        )
        yield (
            "INSERT INTO chargers (id, tenant, station_id, name, approval, registration, vendor, model, serial, firmware, booted_at,"
            " protocol, created_at) VALUES (?, 1, ?, ?, 'accepted', 'accepted', ?, ?, ?, '1.4.2', ?, 'ocpp1.6', ?)",
            [
                (
                    each,
                    self.station(number),
                    f"Bay {number}",
                    "Acme",
                    f"Model {number % 7}",
                    f"S{number:06d}",
                    self.begin,
                    self.begin,
                )
                for number, each in enumerate(self.chargers)
            ],
        )
        yield (
            "INSERT INTO charger_seen (charger_id, tenant, last_seen_at) VALUES (?, 1, ?)",
            [(each, self.now) for each in self.chargers],
        )
        yield (
            "INSERT INTO charger_keys (charger_id, tenant, sealed, origin, created_at) VALUES (?, 1, ?, 'given', ?)",
            [(each, sealed, self.begin) for each in self.chargers],
        )
        ports = [(each, port) for each in self.chargers for port in range(1, PORTS + 1)]
        yield "INSERT INTO evses (charger_id, evse, tenant, added_at) VALUES (?, ?, 1, ?)", [(*each, self.begin) for each in ports]
        yield (
            "INSERT INTO connectors (charger_id, evse, connector, tenant, status, status_raw, reported_at, received_at, since_at)"
            " VALUES (?, ?, 1, 1, 'Available', 'Available', ?, ?, ?)",
            [(*each, self.now, self.now, self.now) for each in ports],
        )
        yield (
            "INSERT INTO analytics_ports (charger_id, evse, tenant, known_since_at, status) VALUES (?, ?, 1, ?, 'Available')",
            [(*each, self.begin) for each in ports],
        )
        yield (
            "INSERT INTO drivers (id, tenant, name, email, email_folded, created_at) VALUES (?, 1, ?, ?, ?, ?)",
            [
                (each, f"Driver {each}", f"d{each}@example.org", f"d{each}@example.org", self.begin)
                for each in range(1, self.drivers + 1)
            ],
        )
        yield (
            "INSERT INTO wallets (tenant, driver_id, currency, opened_at, changed_at) VALUES (1, ?, 'INR', ?, ?)",
            [(each, self.begin, self.begin) for each in range(1, self.drivers + 1)],
        )
        yield (
            "INSERT INTO tokens (id, tenant, value, folded, driver_id, created_at) VALUES (?, 1, ?, ?, ?, ?)",
            [(each, f"TOKEN-{each:05d}", f"token-{each:05d}", each, self.begin) for each in range(1, self.drivers + 1)],
        )

    def transactions(self) -> Iterator[tuple[object, ...]]:
        """Charges in the order of time, a day after another."""
        number = 0
        for each_day in range(DAYS):
            for _ in range(int(self.count * CHARGES_PER_DAY)):
                number += 1
                charger = self.chance.randrange(self.count)
                driver = self.chance.randint(1, self.drivers)
                hour = self.chance.gauss(self.chance.choice((MORNING, EVENING)), 2.5) % 24
                started = self.begin + each_day * DAY_MS + int(hour * HOUR_MS)
                stopped = started + self.chance.randint(600_000, 5_400_000)
                energy = self.chance.randint(1_000, 45_000)
                port = self.chance.randint(1, PORTS)
                self._count(number, charger, driver, port, started, stopped, energy)
                yield (
                    number,
                    self.chargers[charger],
                    self.station(charger),
                    port,
                    f"TOKEN-{driver:05d}",
                    f"token-{driver:05d}",
                    driver,
                    driver,
                    started,
                    started,
                    number * 10,
                    stopped,
                    number * 10 + energy,
                    energy,
                    started,
                    stopped,
                    stopped,
                )

    def _count(self, number: int, charger: int, driver: int, port: int, started: int, stopped: int, energy: int) -> None:
        name, station = self.chargers[charger], self.station(charger)
        self.counted.append((number, name, station, port, driver, started, stopped, energy))
        date = day(stopped)
        month = f"{date[:7]}-01"
        moment = datetime.fromtimestamp((started + ZONE_MS) / 1000, UTC)
        for scope, subject in (("tenant", ""), ("station", str(station)), ("charger", name), ("port", f"{name}/{port}")):
            for period, begins in (("day", date), ("month", month)):
                row = self.figures[period, scope, subject, begins]
                for place, part in enumerate((1, 1, energy, stopped - started)):
                    row[place] += part
            if scope != "port":
                hour = self.hours[scope, subject, month, str(moment.weekday()), str(moment.hour)]
                hour[0] += 1
                hour[1] += stopped - started
        for period, begins in (("day", date), ("month", month)):
            person = self.people[period, begins, str(driver)]
            for place, part in enumerate((1, energy, stopped - started)):
                person[place] += part

    def readings(self) -> Iterator[tuple[object, ...]]:
        """Meter readings of the last month's charges, one every five minutes."""
        since = self.now - READINGS_DAYS * DAY_MS
        for number, name, _, port, _, started, stopped, energy in self.counted:
            if started >= since:
                for at in range(started, stopped, 300_000):
                    power = 7000 + self.chance.randint(-500, 500)
                    wh = number * 10 + energy * (at - started) // (stopped - started)
                    yield name, port, number, at, at, wh, power

    def bills(self) -> Iterator[tuple[object, ...]]:
        """What the last month's charges cost, paid out of wallets."""
        since = self.now - READINGS_DAYS * DAY_MS
        for number, name, station, _, driver, started, stopped, energy in self.counted:
            if started >= since:
                net = energy * RATE_MINOR // 1000
                tax = net * TAX_PERCENT // 100
                taxed = (TaxLine(name="GST", rate_percent=Decimal(TAX_PERCENT), taxable_minor=net, amount_minor=tax),)
                kwh = Decimal(energy) / 1000
                line = PriceLine(
                    kind=ENERGY, description="Energy", quantity=kwh, unit="kWh", unit_price=RATE, amount=Decimal(net) / 100
                )
                price = Price(
                    currency="INR",
                    lines=(line,),
                    net_minor=net,
                    taxes=taxed,
                    total_minor=net + tax,
                    tax_code="996911",
                    tariff=TARIFF,
                )
                yield (
                    number,
                    driver,
                    name,
                    station,
                    started,
                    stopped,
                    energy,
                    net,
                    tax,
                    net + tax,
                    TARIFF,
                    msgspec.json.encode(price).decode(),
                    msgspec.json.encode(taxed).decode(),
                    net + tax,
                    *[stopped] * 5,
                )


TRANSACTION = """
INSERT INTO transactions (id, tenant, charger_id, station_id, evse, connector, reference, state, token, token_folded, token_kind, token_id, driver_id,
    token_status, started_at, started_at_raw, received_at, meter_start_wh, stopped_at, stopped_at_raw, meter_stop_wh, energy_wh,
    energy_basis, stop_reason, stop_source, stop_token, charging_state, offline, note, created_at, updated_at, closed_at)
VALUES (?, 1, ?, ?, ?, 1, '', 'completed', ?, ?, '', ?, ?, 'Accepted', ?, '', ?, ?, ?, '', ?, ?, 'register', 'Local', 'reported', '', '', 0,
    '', ?, ?, ?)"""
READING = """
INSERT OR IGNORE INTO meter_readings (tenant, charger_id, evse, connector, transaction_id, sampled_at, received_at, sampled_at_raw,
    energy_wh, power_w, samples) VALUES (1, ?, ?, 1, ?, ?, ?, '', ?, ?, '[]')"""

BILL = """
INSERT INTO bills (tenant, transaction_id, number, kind, state, driver_id, charger_id, station_id, started_at, ended_at, energy_wh, currency,
    net_minor, tax_minor, total_minor, tariff, price, taxes, wallet_minor, created_at, changed_at, priced_at, settled_at, paid_at)
VALUES (1, ?, 0, 'charge', 'SETTLED', ?, ?, ?, ?, ?, ?, 'INR', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"""


def make(file: Path, chargers: int, console: Console) -> None:
    """Make the database; it must not be there yet."""
    migrate(DatabaseConfig(url=f"sqlite:///{file.name}"), [core_migrations()], folder=file.parent, clock=SystemClock())
    year = Year(chargers, SystemClock().now())
    store = sqlite3.connect(file)
    store.execute("PRAGMA synchronous = OFF")
    store.execute("PRAGMA foreign_keys = OFF")
    store.execute("PRAGMA cache_size = -200000")
    with store, Progress(console=console) as bar:
        task = bar.add_task("a year", total=7)
        for sql, rows in year.places():
            store.executemany(sql, rows)
        bar.advance(task)
        store.executemany(TRANSACTION, year.transactions())
        bar.advance(task)
        store.executemany(READING, year.readings())
        bar.advance(task)
        store.executemany(BILL, year.bills())
        store.execute("INSERT INTO billing_marks (tenant, reached_at) SELECT 1, max(closed_at) + 1 FROM transactions")
        bar.advance(task)
        store.executemany(
            "INSERT INTO analytics_transactions (transaction_id, tenant, charger_id, station_id, evse, driver_id, refused, started_at,"
            " ended_at, energy_wh) VALUES (?, 1, ?, ?, ?, ?, 0, ?, ?, ?)",
            year.counted,
        )
        bar.advance(task)
        store.executemany(
            "INSERT INTO analytics_counts (tenant, period, scope, subject, begins, starts, transactions, energy_wh, charging_ms)"
            " VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)",
            ((*key, *row[:4]) for key, row in year.figures.items()),
        )
        store.executemany(
            "INSERT INTO analytics_hours (tenant, scope, subject, begins, weekday, hour, starts, charging_ms)"
            " VALUES (1, ?, ?, ?, ?, ?, ?, ?)",
            ((*key, *row) for key, row in year.hours.items()),
        )
        bar.advance(task)
        store.executemany(
            "INSERT INTO analytics_drivers (tenant, period, begins, driver_id, transactions, energy_wh, charging_ms)"
            " VALUES (1, ?, ?, ?, ?, ?, ?)",
            ((*key, *row) for key, row in year.people.items()),
        )
        store.execute(
            "UPDATE analytics_counts SET drivers = (SELECT count(*) FROM analytics_drivers d WHERE d.tenant = analytics_counts.tenant"
            " AND d.period = analytics_counts.period AND d.begins = analytics_counts.begins) WHERE scope = 'tenant'"
        )
        bar.advance(task)
    store.close()


def main() -> int:
    """Read the arguments and make it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--chargers", type=int, default=1000)
    options = parser.parse_args()
    if options.file.exists():
        parser.error(f"{options.file} is there already")
    make(options.file, options.chargers, Console(stderr=True))
    return 0


if __name__ == "__main__":
    sys.exit(main())
