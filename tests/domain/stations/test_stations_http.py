"""Stations, their groups and the catalogue of models over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from csms.domain.tenants import service as tenants
from csms.testing.server import TestServer

CAMPUS = {
    "name": " North campus ",
    "address": {"lines": ["1 Main Road"], "city": "Pune", "state": "Maharashtra", "postal_code": "411001", "country": "IN"},
    "latitude": 18.5204,
    "longitude": 73.8567,
    "time_zone": "Asia/Kolkata",
    "opening_hours": {
        "always": False,
        "weekly": [{"weekday": 1, "opens": "08:00", "closes": "24:00"}],
        "special": [{"day": "2026-01-26"}],
    },
    "contacts": [{"name": "Site office", "phone": "+91 20 1234 5678"}],
    "amenities": ["wifi", "restroom"],
}


@pytest.fixture
def engine() -> str:
    return "sqlite"


def wrong_fields(answer: Any) -> set[str]:
    assert answer.status_code == 422, answer.text
    return {each["field"] for each in answer.json()["errors"]}


async def test_the_life_of_a_station(server: TestServer) -> None:
    added = await server.request("POST", "/api/v1/stations", CAMPUS)
    assert added.status_code == 201, added.text
    station = added.json()
    where = added.headers["Location"]
    assert where == f"/api/v1/stations/{station['id']}"
    assert station["name"] == "North campus"
    assert station["address"] == CAMPUS["address"]
    assert station["opening_hours"]["weekly"] == [{"weekday": 1, "opens": "08:00", "closes": "24:00"}]
    assert station["opening_hours"]["special"] == [{"day": "2026-01-26", "closed": True, "opens": "", "closes": ""}]
    assert (station["status"], station["amenities"], station["distance_m"]) == ("active", ["wifi", "restroom"], None)
    assert (await server.request("POST", "/api/v1/stations", CAMPUS)).status_code == 409

    read = await server.request("GET", where)
    assert read.json() == station
    stale = {"If-Match": read.headers["ETag"]}
    group = (await server.request("POST", "/api/v1/station-groups", {"name": "Campus"})).json()
    change = {"status": "maintenance", "station_group_id": group["id"], "clear": ["position"]}
    changed = await server.request("PATCH", where, change, headers=stale)
    assert changed.status_code == 200, changed.text
    assert changed.json() | {"status": "active", "station_group_id": None} == station | {"latitude": None, "longitude": None}
    assert (await server.request("PATCH", where, {"name": "Yard"}, headers=stale)).status_code == 412
    (entry,) = await server.rows("SELECT before, after FROM audit_log WHERE action = 'stations.change'")
    assert '"maintenance"' in entry["after"]
    assert "name" not in entry["after"], "only what changed"

    await server.add_charger("CP1", station_id=station["id"])
    assert (await server.request("DELETE", where)).status_code == 409
    await server.request("PATCH", "/api/v1/chargers/CP1", {"clear": ["station_id"]})
    assert (await server.request("DELETE", where)).status_code == 204
    assert (await server.request("GET", where)).status_code == 404
    assert (await server.request("PATCH", where, {"name": "X"})).status_code == 404
    assert (await server.request("DELETE", where)).status_code == 404


async def test_a_station_is_refused_field_by_field(server: TestServer) -> None:
    wrong = {
        "name": "",
        "status": "open",
        "address": {"country": "India"},
        "latitude": 91,
        "opening_hours": {"always": False, "weekly": [{"weekday": 8, "opens": "8", "closes": "20:00"}]},
        "amenities": ["swimming_pool"],
        "contacts": [{"name": "x", "email": "nobody"}],
    }
    fields = wrong_fields(await server.request("POST", "/api/v1/stations", wrong))
    assert {"name", "status", "address.country", "latitude", "opening_hours.weekly[0]", "amenities"} <= {
        each.removesuffix(".weekday") for each in fields
    }
    assert wrong_fields(await server.request("POST", "/api/v1/stations", {"name": "A", "latitude": 1.0})) == {"longitude"}
    assert wrong_fields(await server.request("POST", "/api/v1/stations", {"name": "A", "time_zone": "Pune"})) == {"time_zone"}
    night = {"always": False, "weekly": [{"weekday": 1, "opens": "20:00", "closes": "06:00"}]}
    assert wrong_fields(await server.request("POST", "/api/v1/stations", {"name": "A", "opening_hours": night}))
    unknown = await server.request("POST", "/api/v1/stations", {"name": "A", "station_group_id": 77})
    assert unknown.status_code == 404
    for query in ("near=18.5", "near=95,10", "near=1,2&radius_m=0", "status=open", "sort=distance"):
        assert (await server.request("GET", f"/api/v1/stations?{query}")).status_code == 422, query


async def test_stations_are_found(server: TestServer) -> None:
    for name, latitude, longitude, city in (
        ("Near", 18.5210, 73.8570, "Pune"),
        ("Far", 18.60, 73.86, "Pune"),
        ("Bombay", 19.0760, 72.8777, "Mumbai"),
        ("Nowhere", None, None, ""),
    ):
        body = {"name": name, "latitude": latitude, "longitude": longitude, "address": {"city": city}, "amenities": ["cafe"]}
        assert (await server.request("POST", "/api/v1/stations", body)).status_code == 201

    async def found(query: str) -> list[str]:
        answer = await server.request("GET", f"/api/v1/stations?{query}")
        assert answer.status_code == 200, answer.text
        return [each["name"] for each in answer.json()["items"]]

    assert await found("") == ["Bombay", "Far", "Near", "Nowhere"]
    assert await found("sort=-name&limit=2&page=2") == ["Far", "Bombay"]
    assert await found("search=pun") == ["Far", "Near"]
    assert await found("city=Mumbai") == ["Bombay"]
    assert await found("amenity=cafe&limit=1") == ["Bombay"]
    assert await found("amenity=wifi") == []
    assert await found("near=18.5204,73.8567&radius_m=1000") == ["Near"]
    assert await found("near=18.5204,73.8567&radius_m=200000") == ["Near", "Far", "Bombay"]
    assert await found("near=18.5204,73.8567&radius_m=200000&city=Pune&page=2&limit=1") == ["Far"]
    answer = (await server.request("GET", "/api/v1/stations?near=18.5204,73.8567&radius_m=200000&limit=1")).json()
    assert (answer["total"], answer["items"][0]["distance_m"]) == (3, 74)


async def test_groups_and_models(server: TestServer) -> None:
    first = await server.request("POST", "/api/v1/station-groups", {"name": "Campus"})
    assert first.status_code == 201
    where = first.headers["Location"]
    await server.request("POST", "/api/v1/station-groups", {"name": "Mall"})
    await server.request("POST", "/api/v1/stations", {"name": "A", "station_group_id": first.json()["id"]})
    assert (await server.request("PATCH", where, {"name": "Mall"})).status_code == 409
    assert (await server.request("PATCH", where, {"name": "Old campus"})).json() == first.json() | {
        "name": "Old campus",
        "stations": 1,
    }
    page = (await server.request("GET", "/api/v1/station-groups?search=camp")).json()
    assert [each["name"] for each in page["items"]] == ["Old campus"]
    for empty, found in (("true", ["Mall"]), ("false", ["Old campus"])):
        page = (await server.request("GET", f"/api/v1/station-groups?empty={empty}")).json()
        assert ([each["name"] for each in page["items"]], page["total"]) == (found, 1)
    assert (await server.request("DELETE", where)).status_code == 204
    assert (await server.request("GET", where)).status_code == 404
    (station,) = (await server.request("GET", "/api/v1/stations")).json()["items"]
    assert station["station_group_id"] is None, "its stations stay"

    kind = {
        "vendor": "VoltWorks",
        "model": "Duo 60",
        "max_power_w": 60_000,
        "connectors": [{"type": "CHADEMO", "current_type": "DC"}],
    }
    model = await server.request("POST", "/api/v1/charger-models", kind)
    assert model.status_code == 201, model.text
    assert (model.json()["capacity_kw"], model.json()["connectors"][0]["type"]) == (60.0, "CHADEMO")
    assert (await server.request("POST", "/api/v1/charger-models", kind | {"vendor": "VOLTWORKS"})).status_code == 409
    where = model.headers["Location"]
    assert (await server.request("PATCH", where, {"max_power_w": 90_000})).json()["capacity_kw"] == 90.0
    assert (await server.request("PATCH", where, {"clear": ["max_power_w"]})).json()["capacity_kw"] is None
    assert (await server.request("GET", "/api/v1/charger-models?vendor=voltworks")).json()["total"] == 1
    assert (await server.request("POST", "/api/v1/charger-models", {"vendor": "", "model": "x"})).status_code == 422
    assert (await server.request("DELETE", where)).status_code == 204
    assert (await server.request("GET", where)).status_code == 404


async def test_strangers_and_other_tenants_see_nothing(server: TestServer) -> None:
    await server.request("POST", "/api/v1/stations", {"name": "A"})
    await server.request("POST", "/api/v1/station-groups", {"name": "G"})
    await server.request("POST", "/api/v1/charger-models", {"vendor": "V", "model": "M"})
    await server.add_charger("CP1")
    await server.request("POST", "/api/v1/chargers/CP1/connectors", {"evse": 1})
    record = (await server.request("POST", "/api/v1/chargers/CP1/service-records", {"kind": "repair"})).json()["id"]
    await server.do(lambda tx: tenants.add(tx, slug="other", name="Other", currency="EUR", time_zone="UTC"))
    things = (
        "/stations/1",
        "/station-groups/1",
        "/charger-models/1",
        "/chargers/CP1",
        "/chargers/CP1/connectors/1",
        f"/chargers/CP1/service-records/{record}",
    )
    of_charger = ("connectors", "oddities", "status-history", "service-records", "connectors/1/qr.svg", "connectors/1/qr.png")
    inside = (*things, *(f"/chargers/CP1/{name}" for name in of_charger))
    lists = ("/stations", "/station-groups", "/charger-models", "/chargers", "/connectors")
    for path in (*inside, *lists, "/qr-sheet"):
        assert (await server.request("GET", f"/api/v1{path}", authorized=False)).status_code == 401, path
        assert (await server.request("GET", f"/api/v1{path}")).status_code == 200, path
    other = {"X-Tenant": "other"}
    for path in inside:
        assert (await server.request("GET", f"/api/v1{path}", headers=other)).status_code == 404, path
    for path in lists:
        assert (await server.request("GET", f"/api/v1{path}", headers=other)).json()["total"] == 0, path
    for path in things:
        assert (await server.request("DELETE", f"/api/v1{path}", headers=other)).status_code == 404, path
    for path in things[:-1]:
        body = {"name": "x"} if "station" in path else {"label": "x"} if "connectors" in path else {}
        assert (await server.request("PATCH", f"/api/v1{path}", body, headers=other)).status_code == 404, path
    for action in ("approve", "hold", "reject", "credentials", "connectors/1/qr/renew"):
        assert (await server.request("POST", f"/api/v1/chargers/CP1/{action}", {}, headers=other)).status_code == 404, action
    bodies: dict[str, Any] = {"connectors": {"evse": 2}, "service-records": {"kind": "repair"}}
    for action, wanted in bodies.items():
        assert (await server.request("POST", f"/api/v1/chargers/CP1/{action}", wanted, headers=other)).status_code == 404, action


async def test_staff_keep_to_what_they_may(server: TestServer) -> None:
    """Support reads and changes nothing; an operator of one station sees that one, and puts chargers nowhere else."""
    here, there = [(await server.request("POST", "/api/v1/stations", {"name": name})).json()["id"] for name in ("A", "B")]
    await server.add_charger("CP1", station_id=here)
    await server.add_charger("CP2", station_id=there)
    for charger_id in ("CP1", "CP2"):
        await server.request("POST", f"/api/v1/chargers/{charger_id}/connectors", {"evse": 1})
    support = await server.login_as("support")
    assert (await server.request("GET", "/api/v1/chargers", headers=support)).json()["total"] == 2
    for method, path, body in (
        ("POST", "/stations", {"name": "C"}),
        ("PATCH", f"/stations/{here}", {"name": "C"}),
        ("DELETE", "/chargers/CP1", None),
        ("POST", "/chargers/CP1/credentials", {}),
        ("POST", "/charger-models", {"vendor": "V", "model": "M"}),
        ("POST", "/chargers/CP1/connectors/1/qr/renew", {}),
    ):
        assert (await server.request(method, f"/api/v1{path}", body, headers=support)).status_code == 403, path

    one = await server.login_as("tenant_operator", stations=[here])
    for path in ("/stations", "/chargers", "/connectors"):
        assert (await server.request("GET", f"/api/v1{path}", headers=one)).json()["total"] == 1, path
    assert (await server.request("GET", "/api/v1/stations?near=0,0", headers=one)).json()["total"] == 0
    assert (await server.request("GET", "/api/v1/qr-sheet", headers=one)).text.count("<figure>") == 1
    for path in (f"/stations/{there}", "/chargers/CP2", "/chargers/CP2/connectors/1", "/chargers/CP2/status-history"):
        assert (await server.request("GET", f"/api/v1{path}", headers=one)).status_code == 404, path
    assert (await server.request("PATCH", f"/api/v1/stations/{here}", {"status": "maintenance"}, headers=one)).status_code == 200
    moves: list[dict[str, Any]] = [{"station_id": there}, {"clear": ["station_id"]}]
    for move in moves:
        assert (await server.request("PATCH", "/api/v1/chargers/CP1", move, headers=one)).status_code == 404, move
    assert (await server.request("POST", "/api/v1/chargers", {"id": "X"}, headers=one)).status_code == 404
    assert (await server.request("POST", "/api/v1/chargers", {"id": "X", "station_id": here}, headers=one)).status_code == 201
    assert (await server.request("POST", "/api/v1/stations", {"name": "C"}, headers=one)).status_code == 403
