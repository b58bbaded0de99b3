"""Periodic work: what is overdue ends, who was heard is remembered, what is old enough goes, and one failure stops nothing."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from time import monotonic
from typing import Any

import attrs
import pytest
import structlog
import trio
from trio.testing import MockClock

from csms import jobs
from csms.config import Config, RetentionConfig, TransactionsConfig
from csms.core.errors import StoreUnavailable
from csms.core.events import Delivered
from csms.core.ids import DEFAULT_TENANT, Place, TenantId
from csms.core.ports import Admission, ConnectionInfo, FrameEntry, Ports, ReadTx, Tx
from csms.core.reports import Booted, MeterSampled, Reading, Sample, StartReported, Token
from csms.db import StoreDatabase
from csms.db.outbox import Consumer, Pace, run_consumer
from csms.domain.drivers import service as drivers
from csms.domain.stations import service as stations
from csms.domain.stations import store as stations_store
from csms.domain.stations.model import BootPolicy
from csms.domain.tenants import service as tenants
from csms.domain.tenants.model import Tenant
from csms.domain.transactions import flows as transactions_flows
from csms.domain.transactions import service as transactions
from csms.testing.stores import START_AT, SettableClock

DAY = 86_400_000
SECOND = TenantId(2)
BOOT = BootPolicy(heartbeat_interval_s=300, retry_interval_s=60)
MANY = 55
"""More than one run of a job may close."""
CONFIG = Config(
    transactions=TransactionsConfig(reconciliation_deadline_s=300, pending_start_s=120, max_per_token=0),
    retention=RetentionConfig(frames_days=10, meter_readings_days=20, events_days=5),
)
POLICY = transactions_flows.policy(CONFIG.transactions)


@attrs.define
class Connected:
    """The connected chargers, as far as a job asks for them."""

    infos: list[ConnectionInfo] = attrs.field(factory=list)

    def connections(self) -> list[ConnectionInfo]:
        return self.infos


def ports_with(database: Any, clock: SettableClock, *infos: ConnectionInfo) -> Ports:
    absent: Any = None
    chargers: Any = Connected(list(infos))
    return Ports(database=database, chargers=chargers, decisions=absent, clock=clock, random=absent, blocking=absent, http=absent)


def charger_of(tenant: int) -> str:
    return f"CP-{tenant}"


def people(tx: Tx) -> None:
    stations.add_charger(tx, charger_of(tx.tenant))
    drivers.add_token(tx, "CARD", max_transactions=0)


@pytest.fixture
async def store(database: StoreDatabase) -> StoreDatabase:
    """Two tenants, each with a charger and a card."""
    add = partial(tenants.add, slug="second", name="Second", currency="INR", time_zone="Asia/Kolkata")
    assert await database.write(add, tenant=DEFAULT_TENANT) == SECOND
    for tenant in (DEFAULT_TENANT, SECOND):
        await database.write(people, tenant=tenant)
    return database


async def work(name: str, store: StoreDatabase, ports: Ports, config: Config = CONFIG) -> Any:
    """Do one job once."""
    (job,) = [each for each in jobs.table(config, store) if each.name == name]
    return await job.work(ports)


async def all_of(store: StoreDatabase, tenant: TenantId) -> Any:
    return await store.read(partial(transactions.list_transactions, limit=1000), tenant=tenant)


def start_and_boot(tx: Tx, count: int = MANY) -> None:
    """Transactions, and a boot that puts them all in doubt."""
    charger_id = charger_of(tx.tenant)
    who: dict[str, Any] = {"charger_id": charger_id, "received_at": tx.now}
    for number in range(count):
        place = Place(1 + number, 1)
        report = StartReported(
            reference=f"T-{number}", seq_no=0, place=place, started_at=tx.now, token=Token("CARD"), meter_start_wh=100, **who
        )
        transactions.start(tx, report, POLICY)
    transactions.booted(tx, Booted(vendor="V", model="M", **who), POLICY)


# --- transactions ---------------------------------------------------------------------------------------------------------------


async def test_overdue_transactions_are_closed_for_every_tenant(store: StoreDatabase, clock: SettableClock) -> None:
    ports = ports_with(store, clock)
    for tenant in (DEFAULT_TENANT, SECOND):
        await store.write(start_and_boot, tenant=tenant)
    clock.advance(300_000 - 1)
    assert await work("close overdue transactions", store, ports) == 0
    assert {each.state for each in await all_of(store, SECOND)} == {"pending_reconciliation"}
    clock.advance(1)
    assert await work("close overdue transactions", store, ports) == 2 * MANY
    for tenant in (DEFAULT_TENANT, SECOND):
        closed = await all_of(store, tenant)
        assert len(closed) == MANY
        assert {(each.state, each.stop_source, each.stopped_at) for each in closed} == {("completed", "estimated", START_AT)}
    assert await work("close overdue transactions", store, ports) == 0


def ask_start(tx: Tx, count: int = MANY) -> None:
    for _ in range(count):
        transactions.ask_start(tx, charger_of(tx.tenant), Token("CARD"), None, POLICY)


async def test_remote_starts_that_nothing_followed_expire_for_every_tenant(store: StoreDatabase, clock: SettableClock) -> None:
    ports = ports_with(store, clock)
    await store.write(start_and_boot, 1, tenant=DEFAULT_TENANT)
    for tenant in (DEFAULT_TENANT, SECOND):
        await store.write(ask_start, tenant=tenant)
    clock.advance(120_000 - 1)
    assert await work("expire pending starts", store, ports) == 0
    clock.advance(1)
    assert await work("expire pending starts", store, ports) == 2 * MANY
    assert {each.state for each in await all_of(store, SECOND)} == {"expired"}
    assert sorted({each.state for each in await all_of(store, DEFAULT_TENANT)}) == ["expired", "pending_reconciliation"]


async def test_one_tenants_failure_keeps_no_other_waiting(store: StoreDatabase, clock: SettableClock) -> None:
    done: list[int] = []

    def verb(tx: Tx) -> int:
        if tx.tenant == DEFAULT_TENANT:
            raise LookupError("a row that cannot be")
        done.append(tx.tenant)
        return 0

    with pytest.raises(ExceptionGroup) as failed:
        await jobs.each_tenant(verb, ports_with(store, clock))
    assert done == [SECOND]
    (error,) = failed.value.exceptions
    assert isinstance(error, LookupError)
    assert error.__notes__ == ["for tenant 1 (default)"]


async def test_a_store_that_is_away_is_told_as_such(clock: SettableClock) -> None:
    class Away:
        async def read(self, query: Any, /, *, tenant: TenantId) -> list[Any]:
            return [
                Tenant(id=id, slug="s", name="S", currency="INR", time_zone="UTC", created_at=0) for id in (TenantId(1), SECOND)
            ]

        async def write(self, verb: Any, /, *, tenant: TenantId) -> int:
            raise StoreUnavailable("the disk is full")

    with pytest.raises(StoreUnavailable, match="full"):
        await jobs.each_tenant(transactions.close_overdue, ports_with(Away(), clock))


# --- last seen ------------------------------------------------------------------------------------------------------------------


def connection(tenant: TenantId, last_heard_at: int, charger_id: str = "") -> ConnectionInfo:
    return ConnectionInfo(
        charger_id=charger_id or charger_of(tenant),
        tenant=tenant,
        connection_id="c",
        protocol="ocpp1.6",
        remote_address="127.0.0.1",
        connected_at=START_AT,
        last_heard_at=last_heard_at,
        registration="accepted",
        queued_commands=0,
    )


async def seen(store: StoreDatabase, tenant: TenantId) -> int | None:
    await store.write(lambda tx: None, tenant=tenant, keys=("last-seen",))  # behind the appended rows
    charger = await store.read(stations_store.charger, charger_of(tenant), tenant=tenant)
    assert charger is not None
    return charger.last_seen_at


async def test_when_a_charger_was_last_heard_is_stored(store: StoreDatabase, clock: SettableClock) -> None:
    assert await seen(store, SECOND) is None
    job = "note who was heard"
    here = [connection(DEFAULT_TENANT, START_AT + 1), connection(SECOND, START_AT + 2), connection(SECOND, START_AT, "removed")]
    await work(job, store, ports_with(store, clock, *here))
    assert (await seen(store, DEFAULT_TENANT), await seen(store, SECOND)) == (START_AT + 1, START_AT + 2)
    await work(job, store, ports_with(store, clock, connection(DEFAULT_TENANT, START_AT + 60_000)))
    await work(job, store, ports_with(store, clock))
    assert (await seen(store, DEFAULT_TENANT), await seen(store, SECOND)) == (START_AT + 60_000, START_AT + 2)


async def test_a_charger_is_seen_in_its_own_tenant_only(store: StoreDatabase, clock: SettableClock) -> None:
    stranger = connection(SECOND, START_AT + 5, charger_of(DEFAULT_TENANT))
    await work("note who was heard", store, ports_with(store, clock, stranger))
    assert await seen(store, DEFAULT_TENANT) is None


# --- retention ------------------------------------------------------------------------------------------------------------------


async def live_a_day(store: StoreDatabase, clock: SettableClock) -> None:
    """What each tenant's charger leaves: a frame, a meter reading, an event."""
    now = clock.now()
    for tenant in (DEFAULT_TENANT, SECOND):
        charger_id = charger_of(tenant)
        key = f"charger:{charger_id}"
        entry = FrameEntry(connection_id="c", at=now, direction="in", kind="call", message_id="m", action="A", text="[]")
        row = stations_store.frame_row(Admission(charger_id=charger_id, tenant=tenant), entry)
        await store.append(stations_store.FRAME_INSERT, (row,), key=key, tenant=tenant)
        who: dict[str, Any] = {"charger_id": charger_id, "received_at": now}
        samples = (Sample("Energy.Active.Import.Register", Decimal(now // 1000), "Wh"),)
        sampled = MeterSampled(place=Place(99, 1), readings=(Reading(now, samples),), **who)
        await store.write(transactions.meter, sampled, POLICY, tenant=tenant, keys=(key,))
        await store.write(stations.boot, Booted(vendor="V", model="M", **who), BOOT, tenant=tenant, keys=(key,))


async def live(store: StoreDatabase, clock: SettableClock, *days: int) -> None:
    """Leave something so many days ago, then come back to now."""
    now = clock.now()
    for day in sorted(days, reverse=True):
        clock.at = now - day * DAY
        await live_a_day(store, clock)
    clock.at = now


Ages = dict[str, dict[int, list[int]]]


def aged(frames: list[int], meter_readings: list[int], events: list[int]) -> Ages:
    """The same of each tenant."""
    ages = {"frames": frames, "meter_readings": meter_readings, "events": events}
    return {table: {DEFAULT_TENANT: days, SECOND: days} for table, days in ages.items()}


async def kept(store: StoreDatabase, clock: SettableClock) -> Ages:
    """How many days old what is kept is, per table and tenant."""

    def look(tx: ReadTx) -> Ages:
        found: Ages = {}
        for table, at in (("frames", "at"), ("meter_readings", "received_at"), ("events", "at")):
            for row in tx.system("a test looks").all(f"SELECT DISTINCT tenant, {at} AS at FROM {table} ORDER BY at DESC"):
                days = found.setdefault(table, {}).setdefault(row["tenant"], [])
                if (day := (clock.now() - row["at"]) // DAY) not in days:
                    days.append(day)
        return found

    return await store.read(look, tenant=DEFAULT_TENANT)


async def test_only_what_is_old_enough_goes(store: StoreDatabase, clock: SettableClock) -> None:
    await live(store, clock, 0, 4, 5, 6, 9, 11, 19, 21)
    await work("retention", store, ports_with(store, clock))
    assert await kept(store, clock) == aged([0, 4, 5, 6, 9], [0, 4, 5, 6, 9, 11, 19], [0, 4, 5])
    clock.advance(DAY)
    await work("retention", store, ports_with(store, clock))
    assert await kept(store, clock) == aged([1, 5, 6, 7, 10], [1, 5, 6, 7, 10, 12, 20], [1, 5])


async def test_zero_days_keep_for_ever(store: StoreDatabase, clock: SettableClock) -> None:
    await live(store, clock, 0, 5000)
    config = Config(retention=RetentionConfig(frames_days=0, meter_readings_days=0, events_days=0))
    await work("retention", store, ports_with(store, clock), config)
    assert await kept(store, clock) == aged([0, 5000], [0, 5000], [0, 5000])


async def test_an_event_goes_only_when_every_consumer_has_it(store: StoreDatabase, clock: SettableClock) -> None:
    heard: list[int] = []

    async def hear(delivered: Delivered) -> None:
        heard.append(delivered.event_id)

    consumer = Consumer("slow", hear)
    serve = partial(run_consumer, store, consumer, clock=clock, pace=Pace(save_every_s=0.0, poll_s=0.01))
    async with trio.open_nursery() as nursery:
        await nursery.start(serve)
        nursery.cancel_scope.cancel()  # it is known, and away
    count = "SELECT count(*) FROM events"
    before = await store.read(lambda tx: tx.system("a test counts").value(count), tenant=DEFAULT_TENANT)
    await live(store, clock, 0, 30)
    emitted = await store.read(lambda tx: tx.system("a test counts").value(count), tenant=DEFAULT_TENANT)
    ports = ports_with(store, clock)
    await work("retention", store, ports)
    assert await kept(store, clock) == aged([0], [0], [0, 30])
    async with trio.open_nursery() as nursery:
        await nursery.start(serve)
        with trio.fail_after(20):
            while await kept(store, clock) != aged([0], [0], [0]):
                await work("retention", store, ports)
        nursery.cancel_scope.cancel()
    assert len(heard) == emitted - before, "nothing was deleted before it was delivered"


# --- turns ----------------------------------------------------------------------------------------------------------------------


class Attempts:
    """Work that ends each time as it was told."""

    def __init__(self, *ends: Exception | None) -> None:
        self.ends = list(ends)
        self.at: list[float] = []

    async def work(self, ports: Ports) -> None:
        self.at.append(trio.current_time())
        await trio.lowlevel.checkpoint()
        end = self.ends[len(self.at) - 1] if len(self.at) <= len(self.ends) else None
        if end is not None:
            raise end


async def repeated(job: jobs.Job, for_s: float) -> list[Any]:
    """Let a job have its turns for a while; what was logged, and that it never ended by itself."""
    with structlog.testing.capture_logs() as logs, trio.move_on_after(for_s) as scope:
        await jobs.repeat(job, ports_with(None, SettableClock()))
    assert scope.cancelled_caught
    return logs


async def test_a_job_that_fails_is_logged_and_has_its_next_turn(autojump_clock: MockClock) -> None:
    begun = trio.current_time()
    attempts = Attempts(ValueError("once"), StoreUnavailable("the disk is full"), ExceptionGroup("some", [KeyError("x")]), None)
    logs = await repeated(jobs.Job("tidy", 5, attempts.work), 26)
    assert [at - begun for at in attempts.at] == pytest.approx([5, 10, 15, 20, 25])
    assert [(entry["event"], entry["log_level"], entry["job"]) for entry in logs] == [
        ("job.failed", "error", "tidy"),
        ("job.store_unavailable", "warning", "tidy"),
        ("job.failed", "error", "tidy"),
    ]
    assert logs[1]["reason"] == "the disk is full"


async def test_a_job_that_hangs_loses_its_turn(autojump_clock: MockClock) -> None:
    begun: list[float] = []

    async def hang(ports: Ports) -> None:
        begun.append(trio.current_time())
        await trio.sleep_forever()

    logs = await repeated(jobs.Job("hang", 5, hang), 2 * jobs.JOB_LIMIT_S + 11)
    assert begun[1] - begun[0] == pytest.approx(jobs.JOB_LIMIT_S + 5)
    assert [entry["event"] for entry in logs] == ["job.failed", "job.failed"]


async def until(condition: Callable[[], Any]) -> None:
    """Wait for what threads are doing: the mock clock stands still meanwhile."""
    give_up = monotonic() + 20
    while not await condition():
        assert monotonic() < give_up


async def test_jobs_have_their_turns_in_a_running_server(store: StoreDatabase, clock: SettableClock, mock_clock: MockClock) -> None:
    await store.write(start_and_boot, 1, tenant=SECOND)
    await store.write(ask_start, 1, tenant=SECOND)
    await live(store, clock, 0, 30)
    clock.advance(DAY // 24)
    ports = ports_with(store, clock, connection(SECOND, START_AT + 7))

    async def closed() -> bool:
        return {each.state for each in await all_of(store, SECOND)} == {"completed", "expired"}

    async def noted() -> bool:
        return await seen(store, SECOND) == START_AT + 7

    async def forgotten() -> bool:
        return await kept(store, clock) == aged([0], [0], [0])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(jobs.run, ports, CONFIG, store)
        await trio.testing.wait_all_tasks_blocked()
        assert not await closed()
        mock_clock.jump(5)
        await until(closed)
        assert not await noted()
        mock_clock.jump(55)
        await until(noted)
        assert not await forgotten()
        mock_clock.jump(540)
        give_up = monotonic() + 20
        while not await forgotten():
            assert monotonic() < give_up
            mock_clock.jump(0.05)  # between slices the writer is left alone
        nursery.cancel_scope.cancel()
