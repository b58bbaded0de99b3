"""What can be looked at from outside: connections, frames, events, dead letters, plugins, the installation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import pytest
import trio

from csms.domain import timeline
from csms.domain.stations.store import frame_log
from csms.hooks import Delivered, Event, hookimpl
from csms.testing.fixtures import ConnectCharger
from csms.testing.script import script
from csms.testing.server import TestServer

OTHERS = {"X-Tenant": "north"}
PATHS = ("connections", "frames", "events", "dead-letters", "consumers", "plugins", "system")


class Deaf:
    """A plugin that can take nothing."""

    @hookimpl
    async def charger_booted(self, event: Event, delivery: Delivered) -> None:
        raise RuntimeError("deaf")


@pytest.fixture
def server_plugins() -> Mapping[str, object]:
    return {"deaf": Deaf()}


@pytest.fixture
def server_config(server_config: Any) -> Any:
    return attrs.evolve(server_config, plugins=attrs.evolve(server_config.plugins, max_attempts=1))


async def get(server: TestServer, path: str, *, status: int = 200, **headers: str) -> Any:
    answer = await server.request("GET", f"/api/v1/{path}", headers=headers)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_who_may_look(server: TestServer) -> None:
    new = {"slug": "north", "name": "North", "currency": "EUR", "time_zone": "UTC"}
    assert (await server.request("POST", "/api/v1/tenants", new)).status_code == 201
    await server.add_charger("CP1")
    for path in PATHS:
        assert (await server.request("GET", f"/api/v1/{path}", authorized=False)).status_code == 401
        await get(server, f"{path}?colour=red", status=422 if path != "system" else 200)
    (event, *_) = (await get(server, "events?key=charger:CP1"))["items"] or [None]
    for path in ("frames/1", f"events/{1 if event is None else event['event_id']}", "connections/CP1"):
        await get(server, path, status=404, **OTHERS)


async def test_live_connections(server: TestServer, charger: ConnectCharger) -> None:
    for name, protocol in (("CP1", "ocpp1.6"), ("CP2", "ocpp2.0.1"), ("CP3", "ocpp1.6")):
        await charger(name, protocol=protocol)
    page = await get(server, "connections?sort=-charger_id&limit=2")
    assert ([each["charger_id"] for each in page["items"]], page["total"]) == (["CP3", "CP2"], 3)
    assert [each["charger_id"] for each in (await get(server, "connections?sort=-charger_id&limit=2&page=2"))["items"]] == ["CP1"]
    assert (await get(server, "connections?protocol=ocpp2.0.1"))["total"] == 1
    assert (await get(server, "connections?registration=pending"))["total"] == 0
    assert (await get(server, "connections?search=cp2"))["items"][0]["protocol"] == "ocpp2.0.1"
    shown = await get(server, "connections/CP1")
    assert (shown["registration"], shown["received_frames"]) == ("accepted", 1)
    assert (await server.request("DELETE", "/api/v1/connections/CP1")).status_code == 204
    await get(server, "connections/CP1", status=404)
    (entry,) = (await get(server, "audit?action=connections.drop"))["items"]
    assert (entry["subject_id"], entry["detail"]["connection_id"]) == ("CP1", shown["connection_id"])


async def test_frames_are_found_and_belong_together(
    server: TestServer, charger: ConnectCharger, an_hour_ago: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await charger("CP1"), await charger("CP2")
    await script(first).status(1, "Faulted", an_hour_ago)
    await script(first).heartbeat()
    await script(second).heartbeat()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(server.command, "CP1", "ClearCache")
        await first.obey("ClearCache", {"status": "Accepted"})
    await server.do(lambda tx: None)

    every = await get(server, "frames?limit=200")
    assert {each["charger_id"] for each in every["items"]} == {"CP1", "CP2"}
    assert every["next"] is None
    of_first = await get(server, "frames?charger_id=CP1&limit=200")
    assert [each["id"] for each in of_first["items"]] == [each["id"] for each in every["items"] if each["charger_id"] == "CP1"]
    found = (await get(server, "frames?charger_id=CP1&action=ClearCache"))["items"]
    assert [(each["direction"], each["kind"]) for each in found] == [("in", "result"), ("out", "call")]
    for frame, partner in (found, reversed(found)):
        shown = await get(server, f"frames/{frame['id']}")
        assert [each["id"] for each in shown["partners"]] == [partner["id"]]
        assert shown["message_id"] == partner["message_id"]
    assert (await get(server, f"frames?message_id={found[0]['message_id']}"))["items"] == found
    assert {each["action"] for each in (await get(server, "frames?charger_id=CP1&search=FAULTED"))["items"]} == {
        "StatusNotification"
    }
    assert (await get(server, "frames?search=faul_ed"))["items"] == []
    assert (await get(server, "frames?problem=true"))["items"] == []
    for wrong in ("after=x", "after=1-2-3", "kind=odd", "from_at=yesterday"):
        assert (await server.request("GET", f"/api/v1/frames?{wrong}")).status_code == 422
        assert (await server.request("GET", f"/api/v1/frames?charger_id=CP1&{wrong}")).status_code == 422

    # a look that finds little still comes to its end, a few frames at a time
    monkeypatch.setattr(timeline, "LOOKED", 2)
    monkeypatch.setattr(frame_log, "LOOKED", 2)
    for where in ("charger_id=CP1&", ""):
        seen, looks, after = [], 0, ""
        while after is not None:
            page = await get(server, f"frames?{where}search=faulted&limit=1{after and '&after='}{after}")
            seen += [each["action"] for each in page["items"]]
            looks, after = looks + 1, page["next"]
        assert seen == ["StatusNotification"], where
        assert looks > 2


@pytest.mark.usefixtures("hurried_jobs")
async def test_events_and_what_could_not_be_delivered(server: TestServer, charger: ConnectCharger) -> None:
    await charger("CP1")
    await charger("CP2")
    events = (await get(server, "events?charger_id=CP1"))["items"]
    assert [each["event_id"] for each in events] == sorted((each["event_id"] for each in events), reverse=True)
    (booted,) = [each for each in events if each["type"] == "charger_booted"]
    assert (booted["charger_id"], booted["data"]["registration"]) == ("CP1", "accepted")
    assert booted["occurred_at"].endswith("Z")
    assert await get(server, f"events/{booted['event_id']}") == booted
    both = await get(server, "events?type=charger_booted&limit=1")
    assert both["items"][0]["charger_id"] == "CP2"
    rest = await get(server, f"events?type=charger_booted&limit=1&after={both['next']}")
    assert (rest["items"], rest["next"]) == ([booted], None)
    assert (await get(server, "events?search=cp2&limit=200"))["items"]
    assert (await get(server, "events?from_at=2099-01-01T00:00:00Z"))["items"] == []
    assert (await get(server, "events?to_at=2099-01-01T00:00:00Z&limit=200"))["items"]
    await get(server, "events/999999", status=404)

    await server.eventually("SELECT 1 FROM deliveries WHERE state = 'dead'", at_least=2)
    letters = await get(server, "dead-letters?consumer=plugin:deaf&sort=event_id")
    assert (letters["total"], letters["items"][0]["event_id"], letters["items"][0]["type"]) == (
        2,
        booted["event_id"],
        "charger_booted",
    )
    assert "deaf" in letters["items"][0]["error"]
    assert (await get(server, "dead-letters?search=nothing"))["total"] == 0
    consumers = {each["name"]: each for each in (await get(server, "consumers?limit=200"))["items"]}
    assert consumers["plugin:deaf"]["dead"] == 2
    assert [each["name"] for each in (await get(server, "consumers?dead=true"))["items"]] == ["plugin:deaf"]
    again = await server.request(
        "POST", "/api/v1/consumers/plugin:deaf/replay", {"first_event_id": booted["event_id"], "last_event_id": booted["event_id"]}
    )
    assert again.json() == {"consumer": "plugin:deaf", "events": 1}
    assert (await server.request("POST", "/api/v1/consumers/nobody/replay", {})).status_code == 404
    assert (await server.request("DELETE", "/api/v1/consumers/nobody")).status_code == 404
    (entry,) = (await get(server, "audit?action=events.replay"))["items"]
    assert (entry["subject_id"], entry["detail"]["events"]) == ("plugin:deaf", 1)


@pytest.mark.usefixtures("hurried_jobs")
async def test_plugins_and_the_installation(server: TestServer, charger: ConnectCharger, engine: str) -> None:
    await charger("CP1")
    await server.eventually("SELECT 1 FROM deliveries WHERE state = 'dead'")
    plugin = await get(server, "plugins/deaf")
    (hook,) = plugin["hooks"]
    assert (plugin["enabled"], plugin["failures"], hook["hook"], hook["breaker"]) == (True, 1, "charger_booted", "closed")
    assert "deaf" in hook["last_error"]
    assert plugin in (await get(server, "plugins?enabled=true"))["items"]
    await get(server, "plugins/nobody", status=404)
    system = await get(server, "system")
    assert (system["connected_chargers"], system["connected_by_protocol"]) == (1, {"ocpp1.6": 1})
    assert system["writer"]["engine"] == engine
    assert (system["writer"]["problem"], system["dead_letters"]) == ("", 1)
    assert system["writer"]["verbs"] > 0
    assert {"plugin:deaf"} <= {each["name"] for each in system["consumers"]}
