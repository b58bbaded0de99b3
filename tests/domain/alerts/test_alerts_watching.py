"""Standing conditions: an alert while one holds, none when it does not, by the tenant's own thresholds; on both engines."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from csms.core.errors import Invalid, NotFound
from csms.core.events import Delivered
from csms.core.ids import DEFAULT_TENANT, Place, TenantId
from csms.core.ports import Tx
from csms.core.reports import StatusReported
from csms.db import StoreDatabase
from csms.domain.alerts import health, service, watching
from csms.domain.alerts.health import HealthQuery, Signs
from csms.domain.alerts.listeners import token_seen
from csms.domain.alerts.model import Alert, AlertRaised, AlertResolved, AlertsQuery, Occurrence
from csms.domain.alerts.store import alerts
from csms.domain.alerts.watching import RuleChange
from csms.domain.drivers.model import TokenSeen
from csms.domain.stations import service as stations
from csms.domain.tenants import service as tenants
from csms.testing.plugins import Plugged
from csms.testing.stores import SettableClock

HOUR_MS = 3_600_000


async def charger(database: StoreDatabase, charger_id: str, **columns: Any) -> None:
    """A charger with what the store would hold of it."""
    await database.write(
        partial(stations.add_charger, charger_id=charger_id), tenant=DEFAULT_TENANT, keys=(f"charger:{charger_id}",)
    )

    def fill(tx: Tx) -> None:
        if columns.pop("connected", False):
            tx.run(
                "UPDATE chargers SET connection_id = 'x', connected_at = :now WHERE tenant = :tenant AND id = :charger_id",
                charger_id=charger_id,
            )
        for column, value in columns.items():
            table, key = ("charger_seen", "charger_id") if column == "last_seen_at" else ("chargers", "id")
            sql = f"UPDATE {table} SET {column} = :value WHERE tenant = :tenant AND {key} = :charger_id"
            tx.run(sql, value=value, charger_id=charger_id)

    await database.write(fill, tenant=DEFAULT_TENANT)


async def transaction(database: StoreDatabase, number: int, charger_id: str, **columns: Any) -> None:
    """A transaction as the store would hold it."""
    row: dict[str, Any] = {
        "id": number,
        "charger_id": charger_id,
        "evse": 1,
        "connector": 1,
        "state": "running",
        "token_status": "Accepted",
        "started_at": 0,
        "last_meter_at": None,
        "stopped_at": None,
        "energy_wh": None,
        "energy_basis": "",
        "stop_source": "",
        "closed_at": None,
        "created_at": 0,
        "updated_at": 0,
        "offline": 0,
    } | columns
    texts = (
        "reference",
        "token",
        "token_folded",
        "token_kind",
        "started_at_raw",
        "stopped_at_raw",
        "stop_reason",
        "stop_token",
        "charging_state",
        "note",
    )
    row |= dict.fromkeys(texts, "")
    names = ", ".join(row)

    def insert(tx: Tx) -> None:
        tx.run(f"INSERT INTO transactions (tenant, {names}) VALUES (:tenant, {', '.join(f':{name}' for name in row)})", **row)

    await database.write(insert, tenant=DEFAULT_TENANT)


class Watcher:
    """Looks once, as the job does, and says what is open."""

    def __init__(self, database: StoreDatabase) -> None:
        self.database = database

    async def look(self, server: Sequence[Occurrence] = (), tenant: TenantId = DEFAULT_TENANT, hears_since: int = 0) -> list[Alert]:
        found = await self.database.read(watching.changes, server if tenant == DEFAULT_TENANT else (), hears_since, tenant=tenant)
        if found:
            keys = sorted({f"alert:{one.kind}:{one.subject}" for one in found})
            await self.database.write(service.heed, found, tenant=tenant, keys=keys)
        return list(await self.database.read(alerts, AlertsQuery(open=True), 1000, tenant=tenant))

    async def kinds(self) -> list[str]:
        return sorted(each.kind for each in await self.look())


@pytest.fixture
def watcher(database: StoreDatabase) -> Watcher:
    return Watcher(database)


async def test_a_charger_that_is_gone_for_long(database: StoreDatabase, clock: SettableClock, watcher: Watcher) -> None:
    await charger(database, "C1", last_seen_at=clock.at - 901_000)
    await charger(database, "C2", last_seen_at=clock.at - 899_000)
    await charger(database, "NEVER")
    (alert,) = await watcher.look()
    assert (alert.kind, alert.charger_id, alert.severity) == ("charger_offline", "C1", "error")
    assert "2025-12-31T23:44:59" in alert.message
    (again,) = await watcher.look()
    assert (again.id, again.times) == (alert.id, 1), "a standing condition is not raised again and again"
    await database.write(
        lambda tx: tx.run("UPDATE chargers SET connection_id = 'x', connected_at = :now WHERE tenant = :tenant AND id = 'C1'"),
        tenant=DEFAULT_TENANT,
    )
    assert await watcher.look() == []
    resolved = (await database.read(alerts, AlertsQuery(open=False), 1000, tenant=DEFAULT_TENANT))[0]
    assert (resolved.resolved_by, resolved.note) == ("", "it does not hold any more")


async def test_a_server_that_was_away_blames_no_charger(database: StoreDatabase, clock: SettableClock, watcher: Watcher) -> None:
    await charger(database, "GONE", last_seen_at=clock.at - HOUR_MS)
    await charger(database, "BACK", connected=True)
    await transaction(database, 1, "BACK", started_at=clock.at - 2 * HOUR_MS, last_meter_at=clock.at - HOUR_MS)
    started = clock.at - 30_000
    assert await watcher.look(hears_since=started) == []
    clock.advance(HOUR_MS)
    silent = await watcher.look(hears_since=started)
    assert [each.kind for each in silent] == ["no_meter_values", "charger_offline"]
    assert await watcher.look(hears_since=clock.at) == silent, "a restart ends no alert either"


async def test_faults_of_what_is_removed_are_over(database: StoreDatabase, watcher: Watcher) -> None:
    for charger_id in ("STAYS", "GOES", "LOST"):
        await charger(database, charger_id)
        for place in (Place(1, 1), Place(1, 2)):
            heard = StatusReported(charger_id=charger_id, received_at=1, place=place, status="Faulted", reported_at=1)
            await database.write(partial(stations.status, report=heard), tenant=DEFAULT_TENANT, keys=(f"charger:{charger_id}",))

    def raise_all(tx: Tx) -> None:
        for charger_id in ("STAYS", "GOES", "LOST"):
            for where in ("connector 1.1", "connector 1.2", "the whole"):
                subject = f"charger:{charger_id} {where}"
                fault = Occurrence(
                    kind="charger_faulted", severity="error", subject=subject, charger_id=charger_id, message="at fault"
                )
                service.raise_alert(tx, fault)

    places = ("connector 1.1", "connector 1.2", "the whole")
    keys = [f"alert:charger_faulted:charger:{each} {where}" for each in ("STAYS", "GOES", "LOST") for where in places]
    await database.write(raise_all, tenant=DEFAULT_TENANT, keys=keys)
    assert len(await watcher.look()) == 9
    await database.write(partial(stations.remove_charger, charger_id="GOES"), tenant=DEFAULT_TENANT, keys=("charger:GOES",))
    await database.write(
        lambda tx: tx.run("DELETE FROM connectors WHERE tenant = :tenant AND charger_id = 'LOST' AND connector = 2"),
        tenant=DEFAULT_TENANT,
    )
    left = {each.subject for each in await watcher.look()}
    assert left == {f"charger:STAYS {where}" for where in ("connector 1.1", "connector 1.2", "the whole")} | {
        "charger:LOST connector 1.1",
        "charger:LOST the whole",
    }


async def test_transactions_that_say_nothing_or_never_end(database: StoreDatabase, clock: SettableClock, watcher: Watcher) -> None:
    await charger(database, "C1", connected=True)
    await transaction(database, 1, "C1", started_at=clock.at - HOUR_MS, last_meter_at=clock.at - 60_000)
    assert await watcher.kinds() == []
    clock.advance(HOUR_MS)
    assert await watcher.kinds() == ["no_meter_values"]
    clock.advance(24 * HOUR_MS)
    assert await watcher.kinds() == ["no_meter_values", "transaction_stuck"]


@pytest.mark.parametrize(
    ("unit", "value", "hot"), [("Celsius", "76", True), ("Celsius", "75", False), ("K", "360", True), ("Fahrenheit", "150", False)]
)
async def test_a_hot_outlet(
    database: StoreDatabase, clock: SettableClock, watcher: Watcher, unit: str, value: str, hot: bool
) -> None:
    await charger(database, "C1", connected=True)
    await transaction(database, 1, "C1", started_at=clock.at, last_meter_at=clock.at)
    samples = f'[{{"measurand":"Voltage","value":"230"}},{{"measurand":"Temperature","value":"{value}","unit":"{unit}"}}]'

    def insert(tx: Tx) -> None:
        tx.run(
            "INSERT INTO meter_readings (tenant, charger_id, evse, connector, transaction_id, sampled_at, received_at, sampled_at_raw,"
            " samples) VALUES (:tenant, 'C1', 1, 1, 1, :now, :now, '', :samples)",
            samples=samples,
        )

    await database.write(insert, tenant=DEFAULT_TENANT)
    assert await watcher.kinds() == (["temperature"] if hot else [])
    by_the_clock = '[{"measurand":"Energy.Active.Import.Register","value":"1"}]'
    await database.write(
        lambda tx: tx.run(
            "INSERT INTO meter_readings (tenant, charger_id, evse, connector, transaction_id, sampled_at, received_at, sampled_at_raw,"
            " samples) VALUES (:tenant, 'C1', 1, 1, 1, :now + 1, :now + 1, '', :samples)",
            samples=by_the_clock,
        ),
        tenant=DEFAULT_TENANT,
    )
    assert await watcher.kinds() == (["temperature"] if hot else []), "a reading without a temperature cools nothing"


async def test_refusals_wrong_clocks_and_odd_meters(database: StoreDatabase, clock: SettableClock, watcher: Watcher) -> None:
    ports = Plugged({}, database=database).ports
    await charger(database, "C1", connected=True, clock_drift_ms=-301_000)
    for number in range(1, 7):
        await transaction(
            database,
            number,
            "C1",
            state="completed",
            stop_source="reported",
            token_status="Blocked",
            created_at=clock.at,
            started_at=clock.at + number,
            stopped_at=clock.at + number,
            closed_at=clock.at,
            energy_basis="register",
            energy_wh=0,
        )
    for event_id in (101, 102, 103, 104, 104):  # the last one comes twice
        seen = TokenSeen(charger_id="C1", token="LOST", kind="", status="Invalid", token_id=None, driver_id=None)
        await token_seen(ports, Delivered(event_id, DEFAULT_TENANT, clock.at, seen))
    welcome = TokenSeen(charger_id="C1", token="KNOWN", kind="", status="Accepted", token_id=None, driver_id=None)
    await token_seen(ports, Delivered(105, DEFAULT_TENANT, clock.at, welcome))
    await transaction(
        database,
        50,
        "C1",
        state="completed",
        stop_source="reported",
        created_at=clock.at,
        started_at=clock.at - 60_000,
        stopped_at=clock.at,
        closed_at=clock.at,
        energy_basis="register",
        energy_wh=9_000,
    )
    found = {each.kind: each.message for each in await watcher.look()}
    assert sorted(found) == ["clock_drift", "meter_anomaly", "refused_starts"]
    assert "10 starts or tokens" in found["refused_starts"]
    assert "301 s slow" in found["clock_drift"]
    assert "9 kWh" in found["meter_anomaly"]
    clock.advance(25 * HOUR_MS)
    assert await watcher.kinds() == ["clock_drift"], "what was of late is over"


async def test_a_tenants_own_threshold(database: StoreDatabase, clock: SettableClock, watcher: Watcher) -> None:
    await charger(database, "C1", last_seen_at=clock.at - 1000_000)
    change = partial(database.write, watching.change_rule, "charger_offline", tenant=DEFAULT_TENANT)
    assert await watcher.kinds() == ["charger_offline"]
    changed = await change(RuleChange(threshold=3600, severity="critical"))
    assert (changed.threshold, changed.severity, changed.usual_threshold) == (3600, "critical", 900)
    assert await watcher.kinds() == []
    await change(RuleChange(threshold=60))
    assert [each.severity for each in await watcher.look()] == ["critical"]
    await change(RuleChange(enabled=False))
    assert await watcher.kinds() == []
    assert (await change(RuleChange(usual=True))).threshold == 900
    with pytest.raises(Invalid, match="30 to"):
        await change(RuleChange(threshold=1))
    with pytest.raises(NotFound, match="charger_offline"):
        await database.read(watching.need_rule, "nothing", tenant=DEFAULT_TENANT)


async def test_the_servers_own_trouble_is_the_default_tenants(database: StoreDatabase, watcher: Watcher) -> None:
    trouble = Occurrence(kind="plugin_failing", severity="error", subject="plugin:x", message="x rests")
    verb = partial(tenants.add, slug="other", name="Other", currency="EUR", time_zone="Europe/Berlin")
    other: TenantId = await database.write(verb, tenant=DEFAULT_TENANT, keys=("tenants",))
    assert [each.kind for each in await watcher.look([trouble])] == ["plugin_failing"]
    assert await watcher.look(tenant=other) == []
    assert await watcher.look([]) == []


def test_events_of_watched_alerts_are_those_of_all_alerts() -> None:
    assert (AlertRaised.type, AlertResolved.type) == ("alert_raised", "alert_resolved")


# --- the health of ports --------------------------------------------------------------------------------------------------------

FINE = Signs(faults=0, disconnects=0, down_share=0.0, power_w=7000.0, usual_power_w=7000.0)


def test_a_port_without_signs_is_fine_and_each_sign_makes_it_worse() -> None:
    assert health.judged("C1", 1, FINE).score == 100
    worse = [
        Signs(faults=6, disconnects=0, down_share=0.0, power_w=None, usual_power_w=None),
        Signs(faults=0, disconnects=60, down_share=0.0, power_w=None, usual_power_w=None),
        Signs(faults=0, disconnects=0, down_share=0.25, power_w=None, usual_power_w=None),
        Signs(faults=0, disconnects=0, down_share=0.0, power_w=2000.0, usual_power_w=7000.0),
    ]
    for signs in worse:
        port = health.judged("C1", 1, signs)
        assert port.score < 50, signs
        assert (port.level, len(port.reasons)) == ("poor", 1)
    assert "2.0 kW on average, where 7.0 kW was usual" in health.judged("C1", 1, worse[3]).reasons[0]


def test_the_worst_reason_comes_first() -> None:
    port = health.judged("C1", 1, Signs(faults=1, disconnects=90, down_share=0.0, power_w=None, usual_power_w=None))
    assert port.reasons[0].startswith("its charger lost its connection 90 times")


async def test_ports_by_their_score(database: StoreDatabase, clock: SettableClock) -> None:
    def fill(tx: Tx) -> None:
        for number, faults in ((1, 0), (2, 9)):
            name = f"C{number}"
            tx.run(
                "INSERT INTO analytics_ports (charger_id, evse, tenant, known_since_at, status)"
                " VALUES (:name, 1, :tenant, :since, 'Available')",
                name=name,
                since=tx.now - 40 * 24 * HOUR_MS,
            )
            tx.run(
                "INSERT INTO analytics_counts (tenant, period, scope, subject, begins, faults)"
                " VALUES (:tenant, 'day', 'port', :subject, '2025-12-30', :faults)",
                subject=f"{name}/1",
                faults=faults,
            )

    await database.write(fill, tenant=DEFAULT_TENANT)
    found = await database.read(health.page, HealthQuery(), None, tenant=DEFAULT_TENANT)
    assert [(each.charger_id, each.level) for each in found.items] == [("C2", "poor"), ("C1", "good")]
    assert [each.charger_id for each in await database.read(partial(health.scores, charger_id="C2"), tenant=DEFAULT_TENANT)] == [
        "C2"
    ]
    assert (await database.read(health.page, HealthQuery(), frozenset({99}), tenant=DEFAULT_TENANT)).total == 0
    for verb in (stations.add_charger, stations.remove_charger):
        await database.write(verb, "C2", tenant=DEFAULT_TENANT)
    (left,) = (await database.read(health.page, HealthQuery(), None, tenant=DEFAULT_TENANT)).items
    assert left.charger_id == "C1", "nobody looks after what was removed"
