"""One charger and its words, told to the verbs of the transactions slice."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from importlib import resources
from typing import Any

import msgspec
import pytest

from csms.core.events import EVENT_TYPES, Event
from csms.core.ids import DEFAULT_TENANT, Place, TransactionId, charger_key
from csms.core.ports import ReadTx, Tx
from csms.core.reports import (
    Booted,
    MeterSampled,
    Reading,
    Sample,
    StartReported,
    StatusReported,
    StopReported,
    Token,
    TransactionVerdict,
    UpdateReported,
)
from csms.db import StoreDatabase
from csms.db.sqlite import tenant_tables
from csms.db.statements import Statements
from csms.db.tx import Run, StoreTx
from csms.domain.transactions import service
from csms.domain.transactions.model import Transaction, TransactionPolicy
from csms.domain.transactions.store import rows
from csms.testing.stores import SettableClock

T0 = 1_800_000_000_000
"""When every test begins."""
MINUTE = 60_000
HOUR = 60 * MINUTE
MOST_STORES = 8


class MemoryStore:
    """The verbs' transaction over SQLite in memory: for histories by the hundred, where both engines would take too long."""

    def __init__(self, image: bytes | None = None) -> None:
        self.clock = SettableClock(T0)
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        if image is not None:
            self.connection.deserialize(image)
        else:
            folder = resources.files("csms").joinpath("migrations")
            for migration in sorted(folder.iterdir(), key=lambda each: each.name):
                if migration.name.endswith(".sql"):
                    self.connection.executescript(migration.read_text())
        self.connection.execute("PRAGMA foreign_keys = ON")
        self.statements = Statements(tenant_tables(self.connection), percent=False)

    def write(self, verb: Callable[..., Any], *arguments: Any) -> Any:
        run = Run(self.connection.cursor())
        tx = StoreTx(run, self.statements, DEFAULT_TENANT, self.clock.now())
        self.connection.execute("BEGIN")
        try:
            result = verb(tx, *arguments)
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")
        return result


class Words:
    """What one charger may say. Times are milliseconds after T0, meters Wh; everything has a default that fits."""

    charger_id = "CP-1"

    def start(
        self, at: int = 0, *, evse: int = 1, token: str | None = "CARD", meter: int | None = 1000, **more: Any
    ) -> StartReported:
        return StartReported(
            charger_id=self.charger_id,
            place=Place(evse, 1) if evse else Place(),
            started_at=T0 + at,
            token=None if token is None else Token(token),
            meter_start_wh=meter,
            **{"received_at": T0 + at + 500, **more},
        )

    def stop(
        self, at: int = HOUR, *, id: int | None = None, meter: int | None = 8000, token: str | None = "CARD", **more: Any
    ) -> StopReported:
        return StopReported(
            charger_id=self.charger_id,
            transaction_id=id,
            stopped_at=T0 + at,
            meter_stop_wh=meter,
            token=None if token is None else Token(token),
            **{"received_at": T0 + at + 500, **more},
        )

    def reading(self, at: int, energy: int | str, *more: Sample) -> Reading:
        energy_sample = Sample("Energy.Active.Import.Register", Decimal(energy), "Wh")
        return Reading(T0 + at, (energy_sample, *more))

    def meter(self, at: int, energy: int | str, *, id: int | None = None, evse: int = 1, **more: Any) -> MeterSampled:
        return MeterSampled(
            charger_id=self.charger_id,
            received_at=T0 + at + 500,
            place=Place(evse, 1) if evse else Place(),
            readings=(self.reading(at, energy),),
            transaction_id=id,
            **more,
        )

    def status(self, at: int, status: str, *, evse: int = 1) -> StatusReported:
        return StatusReported(
            charger_id=self.charger_id, received_at=T0 + at + 500, place=Place(evse, 1), status=status, reported_at=T0 + at
        )

    def boot(self, at: int, reason: str = "") -> Booted:
        return Booted(charger_id=self.charger_id, received_at=T0 + at, vendor="V", model="M", reason=reason)

    # OCPP 2.x: the charger's own id and numbers

    def started(
        self, seq_no: int = 0, at: int = 0, *, token: str | None = "CARD", meter: int | None = 1000, **more: Any
    ) -> StartReported:
        readings = () if meter is None else (self.reading(at, meter),)
        return StartReported(
            charger_id=self.charger_id,
            started_at=T0 + at,
            seq_no=seq_no,
            token=None if token is None else Token(token),
            readings=readings,
            **{"reference": "TX-1", "place": Place(1, 1), "received_at": T0 + at + 500, **more},
        )

    def updated(self, seq_no: int, at: int, *, token: str | None = None, meter: int | None = None, **more: Any) -> UpdateReported:
        readings = () if meter is None else (self.reading(at, meter),)
        return UpdateReported(
            charger_id=self.charger_id,
            seq_no=seq_no,
            updated_at=T0 + at,
            token=None if token is None else Token(token),
            readings=readings,
            **{"reference": "TX-1", "received_at": T0 + at + 500, **more},
        )

    def ended(
        self, seq_no: int, at: int = HOUR, *, meter: int | None = 8000, token: str | None = None, **more: Any
    ) -> StopReported:
        readings = () if meter is None else (self.reading(at, meter),)
        return StopReported(
            charger_id=self.charger_id,
            seq_no=seq_no,
            stopped_at=T0 + at,
            token=None if token is None else Token(token),
            readings=readings,
            **{"reference": "TX-1", "received_at": T0 + at + 500, **more},
        )


VERBS: dict[type, Callable[..., Any]] = {
    StartReported: service.start,
    UpdateReported: service.update,
    StopReported: service.stop,
    MeterSampled: service.meter,
    StatusReported: service.status_seen,
    Booted: service.booted,
}


def people(tx: Tx) -> None:
    """Two chargers, a driver with two cards, and cards of nobody in particular."""
    for charger_id in ("CP-1", "CP-2"):
        tx.run(
            "INSERT INTO chargers (id, tenant, approval, created_at) VALUES (:id, :tenant, 'accepted', :now)",
            id=charger_id,
            now=tx.now,
        )
    driver = tx.value("INSERT INTO drivers (tenant, name, created_at) VALUES (:tenant, 'Asha', :now) RETURNING id", now=tx.now)
    for value, owner, status, limit in (
        ("CARD", driver, "active", None),
        ("CARD-2", driver, "active", None),
        ("OTHER", None, "active", None),
        ("FLEET", None, "active", 0),
        ("LOST", None, "blocked", None),
    ):
        tx.run(
            "INSERT INTO tokens (tenant, value, folded, driver_id, status, max_transactions, created_at)"
            " VALUES (:tenant, :value, :folded, :driver_id, :status, :max_transactions, :now)",
            value=value,
            folded=value.casefold(),
            driver_id=owner,
            status=status,
            max_transactions=limit,
            now=tx.now,
        )


def transactions(tx: ReadTx) -> Sequence[Transaction]:
    return sorted(service.list_transactions(tx), key=lambda each: each.id)


def events(tx: ReadTx) -> Sequence[Event]:
    found = tx.all("SELECT type, payload FROM events WHERE tenant = :tenant ORDER BY sequence")
    return [msgspec.json.decode(row["payload"], type=EVENT_TYPES[row["type"]]) for row in found]


class Scene:
    """A store with people in it, and what becomes of what is told to it."""

    def __init__(self, database: StoreDatabase, policy: TransactionPolicy) -> None:
        self.database = database
        self.policy = policy

    async def do(self, verb: Callable[..., Any], *arguments: Any) -> Any:
        return await self.database.write(verb, *arguments, tenant=DEFAULT_TENANT, keys=())

    async def tell(self, report: Any, policy: TransactionPolicy | None = None) -> Any:
        return await self.database.write(
            VERBS[type(report)], report, policy or self.policy, tenant=DEFAULT_TENANT, keys=(charger_key(report.charger_id),)
        )

    async def start(self, report: StartReported) -> int:
        verdict: TransactionVerdict = await self.tell(report)
        return verdict.transaction_id

    async def all(self) -> Sequence[Transaction]:
        found: Sequence[Transaction] = await self.do(transactions)
        return found

    async def only(self) -> Transaction:
        (found,) = await self.all()
        return found

    async def get(self, transaction_id: int) -> Transaction:
        found: Transaction | None = await self.do(rows.by_id, TransactionId(transaction_id))
        assert found is not None
        return found

    async def events(self) -> Sequence[Event]:
        found: Sequence[Event] = await self.do(events)
        return found

    async def told(self) -> list[str]:
        """The types of the durable events so far."""
        return [each.type for each in await self.events()]

    async def quarantined(self) -> Sequence[Any]:
        found: Sequence[Any] = await self.do(service.list_quarantined)
        return found


@pytest.fixture(scope="session")
def words() -> Words:
    return Words()


@pytest.fixture(scope="session")
def memory_store() -> Callable[[], MemoryStore]:
    template = MemoryStore()
    template.write(people)
    image = template.connection.serialize()
    made: deque[MemoryStore] = deque()

    def make() -> MemoryStore:
        """Another store; no test looks at more than two, and one that is not closed is kept until garbage is looked for."""
        if len(made) == MOST_STORES:
            made.popleft().connection.close()
        made.append(MemoryStore(image))
        return made[-1]

    return make


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock(T0)


@pytest.fixture
async def scene(database: StoreDatabase) -> Scene:
    """Both engines, one after the other."""
    opened = Scene(database, TransactionPolicy())
    await opened.do(people)
    return opened
