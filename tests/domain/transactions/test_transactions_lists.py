"""Lists, totals, charts and timelines out of the store, on both engines; and that SQLite reads no more rows than it shows."""

from __future__ import annotations

import re
from itertools import product

import pytest

from csms.core.errors import Invalid
from csms.core.ids import DEFAULT_TENANT
from csms.core.paging import NEWEST_FIRST, OLDEST_FIRST
from csms.domain.drivers.model import Activity, ActivityQuery, ActivitySpan
from csms.domain.drivers.service import timeline
from csms.domain.transactions.charting import thinned
from csms.domain.transactions.model import SeriesQuery, Transaction, TransactionFilter, TransactionsQuery
from csms.domain.transactions.service import views
from csms.domain.transactions.store import driving, lists, rows, series

T0 = 1_800_000_000_000
MINUTE = 60_000


def history(tx):
    """Three stations with a charger each, and transactions by turns; every third is running, of every fifth the start was asked for."""
    tx.run("UPDATE drivers SET name = 'Asha Rao' WHERE tenant = :tenant")
    driver = tx.value("SELECT id FROM drivers WHERE tenant = :tenant")
    token = tx.value("SELECT id FROM tokens WHERE tenant = :tenant AND value = 'CARD'")
    stations = []
    for number in range(3):
        name = f"Station {number}"
        insert = "INSERT INTO stations (tenant, name, created_at) VALUES (:tenant, :name, 0) RETURNING id"
        stations.append(tx.value(insert, name=name))
        tx.run(
            "INSERT INTO chargers (id, tenant, station_id, approval, created_at) VALUES (:id, :tenant, :station, 'accepted', 0)",
            id=f"HUB-{number}",
            station=stations[-1],
        )
    ids = []
    for number in range(30):
        at = T0 + number * MINUTE
        asked = number % 5 == 4
        over = number % 3 != 0
        own = number % 2 == 0
        ids.append(
            rows.insert(
                tx,
                Transaction(
                    charger_id=f"HUB-{number % 3}",
                    evse=1,
                    connector=1,
                    state=("expired" if over else "pending_start") if asked else ("completed" if over else "running"),
                    reference="" if number % 7 else f"ref-{number}",
                    token="CARD" if own else "Guest",
                    token_id=token if own else None,
                    driver_id=driver if own else None,
                    started_at=None if asked else at,
                    meter_start_wh=None if asked else 100,
                    last_meter_wh=None if asked else 600,
                    last_meter_at=None if asked else at + MINUTE,
                    stopped_at=at + MINUTE if over and not asked else None,
                    meter_stop_wh=1100 if over and not asked else None,
                    energy_wh=1000 if over and not asked else None,
                    energy_basis="register" if over and not asked else "",
                    stop_source="reported" if over and not asked else "",
                    stop_reason="Local" if over and not asked else "",
                    closed_at=at + MINUTE if over else None,
                    created_at=at,
                    updated_at=at,
                ),
            )
        )
    return stations, driver, ids


@pytest.fixture
async def many(scene):
    stations, driver, ids = await scene.do(history)
    return stations, driver, ids


async def every(scene, stations=None, limit=4, **which):
    """All ids of a list, read a stretch at a time: the newest first, after a look that the oldest first is the same turned round."""
    ways = []
    for sort in ("at", "-at"):
        found, after = [], None
        while True:
            query = TransactionsQuery(limit=limit, after=after, sort=sort, **which)
            stretch = await scene.database.read(
                lambda tx, query=query: lists.stretch(tx, query, stations=stations), tenant=DEFAULT_TENANT
            )
            found += [each.id for each in stretch.items]
            after = stretch.next
            if after is None:
                break
        ways.append(found)
    oldest, newest = ways
    assert oldest == newest[::-1]
    return newest


async def test_lists_by_filter_scope_and_search_are_whole_and_in_order(scene, many):
    stations, driver, ids = many
    newest = ids[::-1]

    def numbers(wanted):
        return [newest[29 - number] for number in reversed(range(30)) if wanted(number)]

    assert await every(scene) == newest
    assert await every(scene, state="running") == numbers(lambda n: n % 3 == 0 and n % 5 != 4)
    assert await every(scene, open=True) == numbers(lambda n: n % 3 == 0)
    assert await every(scene, open=False) == numbers(lambda n: n % 3 != 0)
    assert await every(scene, charger_id="HUB-1") == numbers(lambda n: n % 3 == 1)
    assert await every(scene, station_id=stations[2]) == numbers(lambda n: n % 3 == 2)
    assert await every(scene, driver_id=driver, state="completed") == numbers(lambda n: n % 2 == 0 and n % 3 != 0 and n % 5 != 4)
    assert await every(scene, token="guest") == numbers(lambda n: n % 2 == 1)
    assert await every(scene, stop_reason="Local", stop_source="reported") == numbers(lambda n: n % 3 != 0 and n % 5 != 4)
    assert await every(scene, from_at=T0 + 3 * MINUTE, to_at=T0 + 9 * MINUTE) == numbers(lambda n: 3 <= n < 9)
    assert await every(scene, stations=stations[:2]) == numbers(lambda n: n % 3 != 2)
    assert await every(scene, stations=stations[:2], state="running") == numbers(lambda n: n % 3 == 0 and n % 5 != 4)
    assert await every(scene, stations=[]) == []
    assert await every(scene, stations=stations[1:], charger_id="HUB-0") == []
    assert await every(scene, search="hub-2") == numbers(lambda n: n % 3 == 2)
    assert await every(scene, search="asha") == numbers(lambda n: n % 2 == 0)
    assert await every(scene, search="GUEST") == numbers(lambda n: n % 2 == 1)
    assert await every(scene, search="ref-14") == [ids[14]]
    assert await every(scene, search=str(ids[5])) == [ids[5]]
    assert await every(scene, search="asha", stations=stations[:1]) == numbers(lambda n: n % 6 == 0)
    assert await every(scene, search="100%") == []


async def test_a_search_that_means_much_still_finds_all(scene, many, monkeypatch):
    monkeypatch.setattr(lists, "MOST_APART", 2)
    stations, _, ids = many
    assert await every(scene, search="hub") == ids[::-1]
    assert len(await every(scene, stations=stations)) == 30


async def test_totals(scene, many):
    stations, driver, _ = many

    async def totals(stations=None, **which):
        query = TransactionFilter(**which)
        return await scene.database.read(lambda tx: lists.totals(tx, query, stations=stations), tenant=DEFAULT_TENANT)

    whole = await totals()
    assert (whole.count, whole.open, whole.completed, whole.energy_wh, whole.duration_s) == (30, 10, 16, 16_000, 16 * 60)
    assert (await totals(stations=stations[:1])).count == 10
    assert (await totals(search="asha")).count == (await totals(driver_id=driver)).count == 15
    assert (await totals(search="ref-14")).count == 1


async def test_totals_of_more_than_are_summed_up_at_a_time(scene, many, monkeypatch):
    monkeypatch.setattr(lists, "MOST_SUMMED", 5)

    async def totals(**which):
        return await scene.database.read(lists.totals, TransactionFilter(**which), tenant=DEFAULT_TENANT)

    newest = await scene.database.read(lambda tx: lists.select(tx, TransactionsQuery(), limit=5), tenant=DEFAULT_TENANT)
    found = await totals()
    assert (found.count, found.complete) == (5, False)
    assert found.energy_wh == sum(each.energy_wh or 0 for each in newest)
    assert found.open == sum(each.closed_at is None for each in newest)
    few = await totals(search="ref-14")
    assert (few.count, few.complete) == (1, True)
    assert (await totals(search="nobody at all")).count == 0


async def test_what_a_driver_comes_to(scene, many):
    _, driver, _ = many
    mine = await scene.do(driving.totals, driver)
    assert (mine.transactions, mine.charging_now, mine.stations, mine.spent) == (12, 4, 3, None)
    assert mine.energy_wh == 8_000


async def test_a_timeline_is_one_whatever_it_is_made_of(scene, many):
    _, driver, ids = many

    def payments(tx, driver_id, span):
        """Something of every minute, twice: also at the very moments of transactions."""
        made = [
            Activity(kind="payment", id=2 * number + twice, at=T0 + number * MINUTE, title="paid")
            for number in range(30)
            for twice in (0, 1)
        ]
        if span.way is NEWEST_FIRST:
            return [each for each in made[::-1] if span.seen is None or (each.at, each.id) < span.seen][: span.limit]
        return [each for each in made if span.seen is None or (each.at, each.id) > span.seen][: span.limit]

    async def whole(**which):
        seen, after = [], None
        while True:
            query = ActivityQuery(limit=7, after=after, **which)
            stretch = await scene.do(timeline, driver, {"charge": driving.charges, "wallet": payments}, query)
            seen += [(each.at, each.kind, each.id) for each in stretch.items]
            after = stretch.next
            if after is None:
                return seen

    seen = await whole()
    assert await whole(sort="at") == seen[::-1]
    assert await whole(kind="charge") == [each for each in seen if each[1] == "charge"]
    assert len(seen) == len(set(seen)) == 15 + 60
    assert [each[0] for each in seen] == sorted((each[0] for each in seen), reverse=True)
    assert [each[2] for each in seen if each[1] == "charge"] == ids[28::-2]
    assert (await scene.do(driving.charges, driver, ActivitySpan(limit=1)))[0].title == "Station 1"
    with pytest.raises(Invalid, match="cursor"):
        await scene.do(timeline, driver, {"charge": driving.charges}, ActivityQuery(after="x"))


def readings(tx, transaction_id, number):
    tx.many(
        "INSERT INTO meter_readings (tenant, charger_id, evse, connector, transaction_id, sampled_at, received_at, sampled_at_raw,"
        " energy_wh, power_w, soc_percent, samples) VALUES (:tenant, 'HUB-0', 1, 1, :id, :at, :at, '', :wh, :power, NULL, :samples)",
        [
            {
                "id": transaction_id,
                "at": T0 + each * 1000,
                "wh": 100 + each,
                "power": 7000.0 if each == 137 else 3000.0,
                "samples": '[{"measurand":"Current.Import","value":"16.5","unit":"A","phase":"L1"},'
                '{"measurand":"Current.Import","value":"16","unit":"A","phase":"L2"}]',
            }
            for each in range(number)
        ],
    )


@pytest.mark.parametrize("number", [300, series.MOST_READ + 500])
async def test_a_chart_keeps_its_shape_in_few_points(scene, many, number):
    ids = many[2]
    await scene.do(readings, ids[0], number)
    power = await scene.do(views.chart, ids[0], SeriesQuery(points=50))
    (line,) = power.lines
    assert (len(line.points), line.phase, power.unit, power.thinned) == (50, "", "W", number > 300)
    assert line.points[0].at == T0
    if number == 300:
        assert max(each.value for each in line.points) == 7000.0, "the one peak is among the points"
        assert line.points[-1].at == T0 + 299_000
    energy = await scene.do(views.chart, ids[0], SeriesQuery(measurand="energy", points=3))
    assert energy.lines[0].points[0].value == 0.0, "since the start"
    current = await scene.do(views.chart, ids[0], SeriesQuery(measurand="current", points=20))
    assert [each.phase for each in current.lines] == ["L1", "L2"]
    assert (await scene.do(views.chart, ids[1], SeriesQuery(measurand="soc"))).lines == []


def test_thinning_bounds_the_points_and_keeps_the_ends():
    points = [(at, float(at % 7)) for at in range(1000)]
    for most in (3, 4, 10, 999, 1000, 2000):
        kept = thinned(points, most)
        assert len(kept) == min(most, 1000)
        assert (kept[0], kept[-1]) == (points[0], points[-1])
        assert list(kept) == sorted(set(kept))


# --- how SQLite reads -----------------------------------------------------------------------------------------------------------


class Planner:
    """A transaction that plans its statements instead of running them; a search means a charger, a driver and a token."""

    def __init__(self, connection):
        self._connection = connection
        self.steps = []

    def candidates(self, table, text):
        return None

    def remembered(self, sql, build, **parameters):
        return build([{"id": "C", "called": "abc", "named": ""}])

    def all(self, sql, **parameters):
        named = {name: parameters.get(name, 1) for name in re.findall(r":([a-z_]\w*)", sql)}
        steps = [row[3] for row in self._connection.execute(f"EXPLAIN QUERY PLAN {sql}", named)]
        if "'token' AS kind" in sql:
            return [{"kind": "driver", "name": "7"}, {"kind": "token", "name": "t"}]
        self.steps += steps
        return []


NARROW = [{}, {"charger_id": "C"}, {"station_id": 1}, {"driver_id": 1}, {"token": "T"}, {"search": "abc"}]
WIDE = [
    {},
    {"state": "completed"},
    {"state": "running"},
    {"open": True},
    {"open": False},
    {"stop_reason": "Local"},
    {"stop_source": "reported"},
    {"stop_source": "operator"},
]
SCOPES = [None, [1], [1, 2, 3]]
OPEN, OPERATOR = [{"open": True}, {"state": "running"}], {"stop_source": "operator"}
"""What narrows more than anything."""
COLUMN = {"charger_id": "charger_id", "station_id": "station_id", "driver_id": "driver_id", "token": "token_folded"}


@pytest.mark.parametrize("more", [{}, {"from_at": 5}, {"to_at": 9}, {"after": "5.6"}, {"from_at": 1, "to_at": 9, "after": "5.6"}])
@pytest.mark.parametrize("narrow", NARROW, ids=lambda narrow: "".join(narrow) or "all")
def test_a_stretch_is_read_by_an_index_in_its_order(memory_connection, narrow, more):
    after = more.get("after")
    times = {name: at for name, at in more.items() if name != "after"}
    for wide, stations, way in product(WIDE, SCOPES, (NEWEST_FIRST, OLDEST_FIRST)):
        planner = Planner(memory_connection)
        lists.select(planner, TransactionFilter(**narrow, **wide, **times), limit=20, after=after, stations=stations, way=way)
        searches = [step for step in planner.steps if re.match(r"(SEARCH|SCAN) t\b", step)]
        assert searches
        if not any("chosen" in step for step in planner.steps):
            assert not any("TEMP B-TREE" in step for step in planner.steps), planner.steps
        for step in searches:
            assert re.match(r"SEARCH t USING (INDEX transactions_begun|INTEGER PRIMARY KEY)", step), planner.steps
            if "search" in narrow or "PRIMARY KEY" in step:
                continue
            best = "station_id=?" if stations is not None else ""
            if narrow:
                best = f"{COLUMN[next(iter(narrow))]}=?"
            if wide in OPEN:
                best = "transactions_begun_open"
            assert best in step or (wide == OPERATOR and "stop_source=?" in step), planner.steps


@pytest.fixture(scope="module")
def memory_connection(memory_store):
    return memory_store().connection
