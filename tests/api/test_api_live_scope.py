"""Who hears what of the live feed: roles, stations, drivers, filters, logins that end, limits."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import attrs
import pytest
import trio

from csms.api import feed as feeds
from csms.api.feed import Feed
from csms.api.items import Item, Scope, Wants
from csms.config import Config
from csms.domain.drivers import service as drivers
from csms.domain.stations import service as stations
from csms.testing.charger import connect
from csms.testing.fixtures import ConnectCharger
from csms.testing.live import listen
from csms.testing.script import script
from csms.testing.server import TestServer


async def test_staff_of_a_station_hear_of_its_chargers_only(server: TestServer) -> None:
    here, there = [(await server.do(partial(stations.add_station, name=name))).id for name in ("Here", "There")]
    keys = {charger_id: await server.add_charger(charger_id, station_id=at) for charger_id, at in (("A", here), ("B", there))}
    operator = await server.login_as("tenant_operator", stations=[here])
    async with (
        listen(server, "?kinds=connections,frames", headers=operator) as mine,
        listen(server, f"?station_id={there}") as theirs,
    ):
        for charger_id in ("B", "A"):
            async with connect(server.url, charger_id, password=keys[charger_id]) as scripted:
                await script(scripted).boot()
        heard = await mine.until("charger_booted")
        assert {data["charger_id"] for _, data in heard} == {"A"}
        assert "frame" in {kind for kind, _ in heard}
        assert {data["charger_id"] for _, data in await theirs.until("charger_booted")} == {"B"}


async def test_who_may_not_read_frames_is_told_none(server: TestServer, charger: ConnectCharger) -> None:
    support = await server.login_as("support")
    asked = await server.request("GET", "/api/v1/live?kinds=frames", headers=support)
    assert (asked.status_code, "frames:read" in asked.json()["detail"]) == (403, True)
    async with listen(server, headers=support) as stream:
        await charger("CP1")
        heard = await stream.until("charger_booted")
    assert "frame" not in {kind for kind, _ in heard}
    assert (await server.request("GET", "/api/v1/live", headers=await server.login_as("driver"))).status_code == 403


async def test_drivers_hear_of_their_own_transactions_only(server: TestServer, charger: ConnectCharger, an_hour_ago: int) -> None:
    driver = await server.login_as("driver", email="asha@example.org")
    other = await server.login_as("driver", email="ravi@example.org")
    (mine,) = await server.rows("SELECT id FROM drivers WHERE email_folded = 'asha@example.org'")
    await server.do(partial(drivers.add_token, value="MINE", driver_id=mine["id"]))
    await server.add_token("OTHER")
    assert (await server.request("GET", "/api/v1/me/live")).status_code == 403, "the operator key is no driver"
    say, theirs = script(await charger("CP1")), script(await charger("CP2"))
    running = await say.start("MINE", at=an_hour_ago)
    async with (
        listen(server, path="/api/v1/me/live", headers=driver) as stream,
        listen(server, path="/api/v1/me/live", headers=other) as nothing,
    ):
        strange = await theirs.start("OTHER", at=an_hour_ago)
        await theirs.meter(strange, 900, an_hour_ago + 1)
        await say.meter(running, 100, an_hour_ago + 1)
        assert (await stream.next())[1]["data"]["readings"][0]["samples"][0]["value"] == "100", "it ran before the stream began"
        await say.stop(running, 200, an_hour_ago + 2)
        kind, ended = await stream.next()
        assert (kind, ended["data"]["energy_kwh"], ended["charger_id"]) == ("transaction_ended", "0.200", "CP1")
        server.stop()
        assert (await nothing.next())[0] == "end"


@pytest.mark.parametrize(
    ("wants", "heard"),
    [
        (Wants(), [1, 2, 3, 4]),
        (Wants(kinds=frozenset({"a"})), [1, 3]),
        (Wants(chargers=frozenset({"C1"})), [1, 2]),
        (Wants(places=frozenset({(1, 0)})), [1, 2]),
        (Wants(places=frozenset({(1, 2)})), [2]),
        (Wants(transactions=frozenset({7})), [3]),
        (Wants(stations=frozenset({5})), []),
    ],
)
def test_filters(wants: Wants, heard: list[int]) -> None:
    feed = Feed(limit=5)
    items = [
        Item("a", 1, "C1", {"place": {"evse": 1, "connector": 1}}, 0, event_id=1),
        Item("b", 1, "C1", {"evse": 1, "connector": 2}, 0, event_id=2),
        Item("a", 1, "C2", {"transaction_id": 7}, 0, event_id=3),
        Item("frame", 1, "C2", {"text": "x"}, 0, event_id=4),
    ]
    with feed.listen(Scope(tenant=1), wants) as listener:
        assert [item.event_id for item in items if listener.hears(item)] == heard


async def test_what_is_wrong_with_a_query_is_said(server: TestServer) -> None:
    for query in (
        "connector=1.x",
        "connector=x",
        "station_id=x",
        "transaction_id=x",
        "charger=C1",
        "last_event_id=-1",
        "kinds=nonsense",
        "charge=x",
    ):
        assert (await server.request("GET", f"/api/v1/live?{query}")).status_code == 422, query


async def test_a_login_that_ends_ends_its_streams(
    server: TestServer, charger: ConnectCharger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "CHECK_S", 0.0)
    operator = await server.login_as("tenant_operator")
    async with listen(server, "?kinds=connections", headers=operator) as stream:
        await charger("CP1", boot=False)
        assert (await stream.next())[0] == "charger_connected"
        assert (await server.request("POST", "/api/v1/auth/logout", headers=operator)).status_code == 204
        await charger("CP2", boot=False)
        kind, data = (await stream.until("end"))[-1]
    assert (kind, "login has ended" in data["reason"]) == ("end", True)


class TestLimits:
    @pytest.fixture
    def server_config(self, server_config: Config) -> Config:
        return attrs.evolve(server_config, api=attrs.evolve(server_config.api, max_live_streams_each=1))

    async def test_nobody_takes_the_room_of_others(self, server: TestServer) -> None:
        mine: Mapping[str, str] = await server.login_as("support")
        async with listen(server, headers=mine):
            refused = await server.request("GET", "/api/v1/live", headers=mine)
            assert (refused.status_code, refused.json()["detail"]) == (429, "at most 1 live feeds at a time for one user or key")
            async with listen(server):
                pass
        with trio.fail_after(10):
            while (await server.request("GET", "/api/v1/live?kinds=x", headers=mine)).status_code == 429:
                await trio.sleep(0.01)
