"""What a plugin may do with the database, on both engines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
import trio

from csms import privacy
from csms.core.errors import StoreUnavailable
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import ReadTx
from csms.db import StoreDatabase
from csms.db.migrate import MigrationSource, core_migrations
from csms.domain.drivers import service as drivers
from csms.hooks import ChargerBooted, Conflict, Event, Invalid, PersonalData, PluginContext, Statement, event, hookimpl
from csms.plugins import PluginError
from csms.plugins.personal import PluginsHoldings, holdings_of
from csms.plugins.store import table_prefix
from csms.testing.plugins import Plugged, example
from csms.vault import KeyedVault


@event
@attrs.frozen(slots=True, kw_only=True)
class VisitNoted(Event):
    type = "visit_noted"
    charger_id: str

    @property
    def key(self) -> str:
        return f"visit:{self.charger_id}"


@pytest.fixture
def store_migrations() -> list[MigrationSource]:
    return [core_migrations(), MigrationSource("visitor", Path(__file__).parent / "visits")]


@pytest.fixture
def context(database: StoreDatabase) -> PluginContext:
    given: list[PluginContext] = []

    def keep(context: PluginContext) -> None:
        given.append(context)

    plugin = SimpleNamespace(configure=hookimpl(keep), register_events=hookimpl(lambda: [VisitNoted]))
    Plugged({"visitor": plugin}, database=database)
    return given[0]


def visit(event_id: int, charger_id: str = "CP1") -> Statement:
    return Statement(
        "INSERT INTO plugin_visitor_visits (event_id, tenant, charger_id, at) VALUES (:event_id, :tenant, :charger_id, :now)"
        " ON CONFLICT (event_id) DO NOTHING",
        {"event_id": event_id, "charger_id": charger_id},
    )


def visits(tx: ReadTx) -> Sequence[Any]:
    return tx.all("SELECT event_id, tenant, charger_id, at FROM plugin_visitor_visits WHERE tenant = :tenant ORDER BY event_id")


def events(tx: ReadTx) -> Sequence[Any]:
    return [row["type"] for row in tx.all("SELECT type FROM events WHERE tenant = :tenant")]


async def test_statements_and_events_are_one_transaction(context: PluginContext) -> None:
    store = context.store
    assert await store.write(visit(1), visit(2, "CP2"), VisitNoted(charger_id="CP1"), tenant=DEFAULT_TENANT) == (1, 1, 1)
    now = await store.read(lambda tx: tx.now, tenant=DEFAULT_TENANT)
    assert await store.read(visits, tenant=DEFAULT_TENANT) == [
        {"event_id": 1, "tenant": 1, "charger_id": "CP1", "at": now},
        {"event_id": 2, "tenant": 1, "charger_id": "CP2", "at": now},
    ]
    assert await store.read(events, tenant=DEFAULT_TENANT) == ["visit_noted"]


def numbered(charger_id: str) -> Callable[[int], list[Statement | Event]]:
    """A row of a table whose ids the store counts."""
    sql = "INSERT INTO plugin_visitor_rounds (id, tenant, charger_id) VALUES (:id, :tenant, :charger_id) ON CONFLICT DO NOTHING"
    return lambda number: [
        Statement(sql, {"id": number, "charger_id": charger_id}, expects=1),
        VisitNoted(charger_id=charger_id),
    ]


def rounds(tx: ReadTx) -> Sequence[Any]:
    return [
        (row["id"], row["charger_id"])
        for row in tx.all("SELECT id, charger_id FROM plugin_visitor_rounds WHERE tenant = :tenant ORDER BY id")
    ]


async def test_rows_are_added_under_the_next_free_id_though_several_ask_at_once(context: PluginContext) -> None:
    chargers = [f"CP{number}" for number in range(8)]
    got: dict[str, int] = {}

    async def add(charger_id: str) -> None:
        got[charger_id] = await context.store.add("plugin_visitor_rounds", numbered(charger_id), tenant=DEFAULT_TENANT)

    async with trio.open_nursery() as nursery:
        for each in chargers:
            nursery.start_soon(add, each)
    assert sorted(got.values()) == list(range(1, 9))
    assert await context.store.read(rounds, tenant=DEFAULT_TENANT) == sorted((number, each) for each, number in got.items())
    assert await context.store.read(events, tenant=DEFAULT_TENANT) == ["visit_noted"] * 8  # none of those that had to try again


async def test_a_row_that_cannot_be_added_for_another_reason_is_a_conflict(context: PluginContext) -> None:
    await context.store.add("plugin_visitor_rounds", numbered("CP1"), tenant=DEFAULT_TENANT)
    with pytest.raises(Conflict, match="0 rows"):
        await context.store.add("plugin_visitor_rounds", numbered("CP1"), tenant=DEFAULT_TENANT)
    with pytest.raises(Invalid, match="begin with plugin_visitor_"):
        await context.store.add("wallets", numbered("CP2"), tenant=DEFAULT_TENANT)


async def test_a_repeated_delivery_can_be_told_by_the_rows_it_touched(context: PluginContext) -> None:
    assert await context.store.write(visit(1), tenant=DEFAULT_TENANT) == (1,)
    assert await context.store.write(visit(1), tenant=DEFAULT_TENANT) == (0,)


async def test_a_failing_statement_undoes_the_others(context: PluginContext) -> None:
    broken = Statement("UPDATE plugin_visitor_visits SET charger_id = NULL WHERE tenant = :tenant")
    with pytest.raises(Exception, match=r"(?i)null"):
        await context.store.write(visit(1), VisitNoted(charger_id="CP1"), broken, tenant=DEFAULT_TENANT)
    assert await context.store.read(visits, tenant=DEFAULT_TENANT) == []
    assert await context.store.read(events, tenant=DEFAULT_TENANT) == []


async def test_every_row_belongs_to_its_tenant(context: PluginContext) -> None:
    await context.store.write(visit(1), tenant=TenantId(2))
    assert await context.store.read(visits, tenant=DEFAULT_TENANT) == []
    with pytest.raises(Exception, match=":tenant"):
        await context.store.write(Statement("DELETE FROM plugin_visitor_visits"), tenant=DEFAULT_TENANT)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE tokens SET blocked = 0 WHERE tenant = :tenant",
        "DELETE FROM plugin_other_things WHERE tenant = :tenant",
        "DROP TABLE plugin_visitor_visits",
        "WITH gone AS (SELECT 1) DELETE FROM tokens",
        "INSERT OR REPLACE INTO plugin_visitor_visits VALUES (1)",
        "/* UPDATE plugin_visitor_visits */ DELETE FROM tokens",
        'UPDATE "tokens" SET blocked = 0',
    ],
)
async def test_only_the_plugins_own_tables_are_written(context: PluginContext, sql: str) -> None:
    with pytest.raises(Invalid):
        await context.store.write(visit(1), Statement(sql), tenant=DEFAULT_TENANT)
    assert await context.store.read(visits, tenant=DEFAULT_TENANT) == []


async def test_only_the_plugins_own_events_are_emitted(context: PluginContext) -> None:
    with pytest.raises(Invalid, match="event 'charger_booted' is not this plugin's to emit; it registered visit_noted"):
        await context.store.write(example(ChargerBooted), tenant=DEFAULT_TENANT)


def test_tables_are_named_for_the_plugin() -> None:
    assert table_prefix("Tariff-2.x") == "plugin_tariff_2_x_"


async def test_hook_register_personal_data(database: StoreDatabase, context: PluginContext) -> None:
    """A plugin whose visits bear a driver's number as their id."""

    @hookimpl
    def register_personal_data(context: PluginContext) -> PersonalData:
        assert context.name == "visitor"

        def holdings(tx: ReadTx, driver_id: int) -> dict[str, Any]:
            return {"visits": [row["charger_id"] for row in visits(tx) if row["event_id"] == driver_id]}

        forget = "DELETE FROM plugin_visitor_visits WHERE tenant = :tenant AND event_id = :driver_id AND charger_id <> :kept"
        return PersonalData(holdings=holdings, erasure=(Statement(forget, {"kept": "CP9"}),))

    held = holdings_of(Plugged({"visitor": SimpleNamespace(register_personal_data=register_personal_data)}).bus)
    asha = (await database.write(drivers.add_driver, "Asha Rao", tenant=DEFAULT_TENANT)).id
    await context.store.write(visit(asha), visit(asha + 1), tenant=DEFAULT_TENANT)
    handed_out = await database.read(privacy.holdings, asha, held, tenant=DEFAULT_TENANT)
    assert handed_out["plugins"] == {"visitor": {"visits": ["CP1"]}}
    await database.write(privacy.forget, asha, KeyedVault([bytes(32)]), "Ada", held, tenant=DEFAULT_TENANT)
    assert [row["event_id"] for row in await database.read(visits, tenant=DEFAULT_TENANT)] == [asha + 1]


async def test_what_a_plugin_says_wrongly_of_its_data(database: StoreDatabase) -> None:
    def told(data: PersonalData) -> PluginsHoldings:
        return holdings_of(Plugged({"visitor": SimpleNamespace(register_personal_data=hookimpl(lambda: data))}).bus)

    def broken(tx: ReadTx, driver_id: int) -> dict[str, Any]:
        raise KeyError(driver_id)

    with pytest.raises(PluginError, match=r"register_personal_data: table drivers is not this plugin's"):
        told(PersonalData(holdings=broken, erasure=(Statement("DELETE FROM drivers WHERE tenant = :tenant"),)))
    asha = (await database.write(drivers.add_driver, "Asha Rao", tenant=DEFAULT_TENANT)).id
    with pytest.raises(StoreUnavailable, match="visitor"):
        await database.read(privacy.holdings, asha, told(PersonalData(holdings=broken)), tenant=DEFAULT_TENANT)
