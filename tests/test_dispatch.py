"""The dispatch table: every report is heard, the question comes before the write, and what one message says is stored as a whole."""

from __future__ import annotations

import inspect
from decimal import Decimal
from typing import Any

import attrs
import pytest

from csms.config import Config, OcppConfig, TransactionsConfig
from csms.core import reports
from csms.core.errors import StoreUnavailable
from csms.core.ids import DEFAULT_TENANT, Place, TenantId
from csms.core.ports import Admission, Ports, ReadTx, Tx
from csms.core.reports import (
    Booted,
    CertificateRequested,
    DataSent,
    DataVerdict,
    FirmwareStatusReported,
    HeartbeatSent,
    LogStatusReported,
    Mangled,
    MeterSampled,
    Noted,
    Oddity,
    Reading,
    Registration,
    Report,
    Sample,
    SecurityEventReported,
    SigningVerdict,
    StartReported,
    StatusReported,
    StopReported,
    TimeTold,
    Token,
    TokenPresented,
    TokenVerdict,
    TransactionVerdict,
    UpdateReported,
    Verdict,
)
from csms.db import StoreDatabase
from csms.dispatch import Dispatch, keys_of, table
from csms.domain.drivers import service as drivers
from csms.domain.stations import service as stations
from csms.domain.stations.store import list_oddities
from csms.domain.transactions import service as transactions
from csms.quirks import load
from csms.testing.stores import START_AT, SettableClock

CHARGER = Admission(charger_id="CP-1", tenant=DEFAULT_TENANT, registration="accepted")
ODD = (Oddity("enum", "status", "Charged"),)
PLACE = Place(1, 1)
READINGS = (Reading(START_AT, (Sample("Energy.Active.Import.Register", Decimal(1500), "Wh"),)),)
WHO: dict[str, Any] = {"charger_id": "CP-1", "received_at": START_AT}

SAID: dict[type[Report], tuple[Report, type[Verdict]]] = {
    HeartbeatSent: (HeartbeatSent(**WHO), TimeTold),
    Booted: (Booted(vendor="V", model="M", **WHO), Registration),
    StatusReported: (StatusReported(place=PLACE, status="Charging", reported_at=START_AT, **WHO), Noted),
    MeterSampled: (MeterSampled(place=PLACE, readings=READINGS, **WHO), Noted),
    TokenPresented: (TokenPresented(token=Token("CARD"), **WHO), TokenVerdict),
    StartReported: (
        StartReported(place=PLACE, started_at=START_AT, token=Token("CARD"), meter_start_wh=1000, **WHO),
        TransactionVerdict,
    ),
    UpdateReported: (UpdateReported(reference="T-1", seq_no=1, updated_at=START_AT, place=PLACE, **WHO), TransactionVerdict),
    StopReported: (StopReported(stopped_at=START_AT, transaction_id=1, meter_stop_wh=2000, **WHO), TransactionVerdict),
    Mangled: (Mangled(action="StopTransaction", payload="{}", missing=("meterStop",), **WHO), TransactionVerdict),
    DataSent: (DataSent(vendor_id="org.example", **WHO), DataVerdict),
    FirmwareStatusReported: (FirmwareStatusReported(status="Downloading", **WHO), Noted),
    LogStatusReported: (LogStatusReported(status="Uploading", request_id=1, **WHO), Noted),
    CertificateRequested: (CertificateRequested(csr="no request", **WHO), SigningVerdict),
    SecurityEventReported: (SecurityEventReported(kind="ResetOrReboot", occurred_at=START_AT, **WHO), Noted),
}
"""One of each kind, and what it is answered with."""


@attrs.define
class Answers:
    """Decisions that were made beforehand; writes down what was asked."""

    diary: list[str] = attrs.field(factory=list)
    answers: dict[str, Any] = attrs.field(factory=dict)
    questions: list[dict[str, Any]] = attrs.field(factory=list)

    async def ask(self, hook: str, /, **question: Any) -> Any:
        self.diary.append(f"asked {hook}")
        self.questions.append(question)
        return self.answers.get(hook)


@attrs.define
class Written:
    """A store that only writes down what it was to write."""

    diary: list[str]
    writes: list[dict[str, Any]] = attrs.field(factory=list)
    failure: Exception | None = None

    async def write(self, verb: Any, *arguments: Any, tenant: TenantId, keys: Any = ()) -> Any:
        self.diary.append("wrote")
        self.writes.append({"arguments": arguments, "tenant": tenant, "keys": tuple(keys)})
        if self.failure is not None:
            raise self.failure
        return Noted()


def ports_with(database: Any, decisions: Answers, clock: SettableClock | None = None) -> Ports:
    absent: Any = None
    return Ports(
        database=database,
        chargers=absent,
        decisions=decisions,
        clock=clock or SettableClock(),
        random=absent,
        blocking=absent,
        http=absent,
    )


# --- the table ------------------------------------------------------------------------------------------------------------------


def test_every_kind_of_report_has_a_row() -> None:
    kinds = {each for _, each in inspect.getmembers(reports, inspect.isclass) if issubclass(each, Report)} - {Report}
    assert set(table(Config(), load())) == kinds - {HeartbeatSent}
    assert set(SAID) == kinds, "and an example here"


@pytest.mark.parametrize("kind", SAID, ids=lambda kind: kind.__name__)
def test_whose_report_it_is_and_whose_token(kind: type[Report]) -> None:
    report, _ = SAID[kind]
    counts = isinstance(report, (StartReported, UpdateReported)) and report.token is not None
    expected = ("charger:CP-1", "token:1:card") if counts else ("charger:CP-1",)
    assert keys_of(report, CHARGER) == expected


def test_a_token_is_counted_in_its_own_tenant_whatever_its_case() -> None:
    report = StartReported(place=PLACE, started_at=START_AT, token=Token("CaRd"), **WHO)
    assert keys_of(report, attrs.evolve(CHARGER, tenant=TenantId(7))) == ("charger:CP-1", "token:7:card")


# --- asking and writing ---------------------------------------------------------------------------------------------------------


async def test_a_heartbeat_is_told_the_time_and_writes_nothing() -> None:
    decisions = Answers()
    clock = SettableClock()
    dispatch = Dispatch(ports_with(Written(decisions.diary), decisions, clock), Config())
    clock.advance(1234)
    heartbeat = HeartbeatSent(**WHO, oddities=ODD)
    assert await dispatch.hear(CHARGER, heartbeat) == TimeTold(START_AT + 1234)
    assert decisions.diary == []


@pytest.mark.parametrize("kind", [StatusReported, MeterSampled, Mangled, Booted])
async def test_nobody_is_asked_where_there_is_nothing_to_decide(kind: type[Report]) -> None:
    decisions = Answers()
    dispatch = Dispatch(ports_with(Written(decisions.diary), decisions), Config())
    await dispatch.hear(CHARGER, SAID[kind][0])
    assert decisions.diary == ["wrote"]


@pytest.mark.parametrize("kind", [MeterSampled, Mangled])
def test_a_decision_that_never_changes_is_made_once(kind: type[Report]) -> None:
    row = table(Config(transactions=TransactionsConfig(reconciliation_deadline_s=77)), load())[kind]
    assert row.ask is None
    assert row.decision.reconciliation_deadline_s == 77


@pytest.mark.parametrize(
    ("kind", "hook"),
    [(TokenPresented, "authorize_token"), (StartReported, "authorize_token"), (DataSent, "answer_data_transfer")],
)
async def test_the_question_comes_before_the_write(kind: type[Report], hook: str) -> None:
    decisions = Answers()
    written = Written(decisions.diary)
    dispatch = Dispatch(ports_with(written, decisions), Config())
    await dispatch.hear(attrs.evolve(CHARGER, tenant=TenantId(7)), SAID[kind][0])
    assert decisions.diary == [f"asked {hook}", "wrote"]
    assert decisions.questions[0]["charger_id"] == "CP-1"
    assert decisions.questions[0]["tenant"] == 7
    (write,) = written.writes
    assert write["arguments"][0] is SAID[kind][0]
    assert write["tenant"] == 7
    assert write["keys"][0] == "charger:CP-1"


async def test_without_a_store_there_is_no_verdict() -> None:
    decisions = Answers()
    away = StoreUnavailable("the disk is full")
    dispatch = Dispatch(ports_with(Written(decisions.diary, failure=away), decisions), Config())
    for kind in SAID:
        if kind is not HeartbeatSent:
            with pytest.raises(StoreUnavailable, match="full"):
                await dispatch.hear(CHARGER, SAID[kind][0])


# --- with a store ---------------------------------------------------------------------------------------------------------------


def people(tx: Tx) -> None:
    stations.add_charger(tx, "CP-1")
    drivers.add_token(tx, "CARD")


def counted(tx: ReadTx) -> list[tuple[str, str, int]]:
    return [(each.rule, each.field, each.count) for each in list_oddities(tx, "CP-1")]


@pytest.fixture
async def store(database: StoreDatabase) -> StoreDatabase:
    await database.write(people, tenant=DEFAULT_TENANT)
    return database


def hearing(store: StoreDatabase, clock: SettableClock, config: Config | None = None, **answers: Any) -> Dispatch:
    return Dispatch(ports_with(store, Answers(answers=answers), clock), config or Config())


async def states(store: StoreDatabase) -> list[str]:
    return [each.state for each in await store.read(transactions.list_transactions, tenant=DEFAULT_TENANT)]


async def test_every_report_gets_its_verdict(store: StoreDatabase, clock: SettableClock) -> None:
    dispatch = hearing(store, clock)
    for report, verdict in SAID.values():
        assert isinstance(await dispatch.hear(CHARGER, report), verdict), report
        again = attrs.evolve(report, oddities=ODD)
        assert isinstance(await dispatch.hear(CHARGER, again), verdict), "and the same where something about it was odd"
    assert await store.read(counted, tenant=DEFAULT_TENANT) == [("enum", "status", len(SAID) - 1)]  # a heartbeat writes nothing


async def test_the_configuration_reaches_the_verdicts(store: StoreDatabase, clock: SettableClock) -> None:
    config = Config(ocpp=OcppConfig(heartbeat_interval_s=77), transactions=TransactionsConfig(max_per_token=0))
    dispatch = hearing(store, clock, config)
    assert await dispatch.hear(CHARGER, SAID[Booted][0]) == Registration("accepted", 77, START_AT)
    for evse in (1, 2, 3):
        report = StartReported(place=Place(evse, 1), started_at=START_AT, token=Token("CARD"), meter_start_wh=0, **WHO)
        verdict: Any = await dispatch.hear(CHARGER, report)
        assert verdict.token.accepted


async def test_what_plugins_decide_reaches_the_verdicts(store: StoreDatabase, clock: SettableClock) -> None:
    refusing = hearing(
        store, clock, authorize_token=TokenVerdict("NoCredit"), answer_data_transfer=DataVerdict("Accepted", "hello")
    )
    presented: Any = await refusing.hear(CHARGER, SAID[TokenPresented][0])
    started: Any = await refusing.hear(CHARGER, SAID[StartReported][0])
    assert (presented.status, started.token.status) == ("NoCredit", "NoCredit")
    assert await refusing.hear(CHARGER, SAID[DataSent][0]) == DataVerdict("Accepted", "hello")


@pytest.mark.parametrize(
    "news",
    [
        SAID[Booted][0],
        StatusReported(place=PLACE, status="Available", reported_at=START_AT + 1, charger_id="CP-1", received_at=START_AT + 1),
    ],
    ids=["boot", "available"],
)
async def test_boot_and_status_put_what_ran_in_doubt(store: StoreDatabase, clock: SettableClock, news: Report) -> None:
    dispatch = hearing(store, clock)
    await dispatch.hear(CHARGER, SAID[StartReported][0])
    assert await states(store) == ["running"]
    await dispatch.hear(CHARGER, news)
    assert await states(store) == ["pending_reconciliation"]


async def test_oddities_are_counted_with_the_facts(store: StoreDatabase, clock: SettableClock) -> None:
    dispatch = hearing(store, clock)
    odd = attrs.evolve(SAID[StatusReported][0], oddities=(*ODD, Oddity("length", "info", "x" * 300), *ODD))
    verbs = store.stats.verbs
    await dispatch.hear(CHARGER, odd)
    assert store.stats.verbs - verbs == 1, "one transaction"
    assert await store.read(counted, tenant=DEFAULT_TENANT) == [("enum", "status", 2), ("length", "info", 1)]


def paint_and_fail(tx: Tx, report: Report, decision: Any, **more: Any) -> Any:
    tx.run("UPDATE chargers SET name = 'painted' WHERE id = :id AND tenant = :tenant", id=report.charger_id)
    raise RuntimeError("a verb failed")


def name(tx: ReadTx) -> str:
    found: str = tx.value("SELECT name FROM chargers WHERE id = 'CP-1' AND tenant = :tenant")
    return found


async def test_a_verb_that_fails_leaves_no_oddities(
    store: StoreDatabase, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drivers, "authorize", paint_and_fail)
    with pytest.raises(RuntimeError, match="a verb failed"):
        await hearing(store, clock).hear(CHARGER, attrs.evolve(SAID[TokenPresented][0], oddities=ODD))
    assert await store.read(counted, tenant=DEFAULT_TENANT) == []
    assert await store.read(name, tenant=DEFAULT_TENANT) == ""


async def test_oddities_that_cannot_be_counted_leave_no_facts(
    store: StoreDatabase, clock: SettableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(tx: Tx, report: Report) -> None:
        raise RuntimeError("no oddities today")

    monkeypatch.setattr(stations, "note_oddities", fail)
    dispatch = hearing(store, clock)
    with pytest.raises(RuntimeError, match="no oddities today"):
        await dispatch.hear(CHARGER, attrs.evolve(SAID[StartReported][0], oddities=ODD))
    assert await states(store) == []
    await dispatch.hear(CHARGER, SAID[StartReported][0])
    assert await states(store) == ["running"]
