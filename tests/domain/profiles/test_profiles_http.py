"""Charging profiles over HTTP: their life, where they are wanted, what chargers hold."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from csms.testing.fixtures import ConnectCharger
from csms.testing.server import TestServer

API = "/api/v1"
Asked = Callable[..., Awaitable[tuple[Any, list[Any]]]]
Strangers = Callable[[], Awaitable[list[Mapping[str, str]]]]
NIGHT: dict[str, Any] = {
    "purpose": "TxDefaultProfile",
    "kind": "Recurring",
    "recurrency": "Daily",
    "valid_to_at": "2999-01-01T00:00:00.000Z",
    "schedule": {
        "unit": "A",
        "start_at": "2026-01-01T17:30:00.000Z",
        "periods": [{"start_s": 0, "limit": "32"}, {"start_s": 43_200, "limit": "6.5", "phases": 3}],
    },
}
LIMITS = {"configurationKey": [{"key": "ChargeProfileMaxStackLevel", "readonly": True, "value": "3"}]}


@pytest.fixture
def engine() -> str:
    return "sqlite"


async def ok(server: TestServer, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
    answer = await server.request(method, f"{API}/{path}", body, headers=headers)
    assert answer.status_code in (200, 201), (path, answer.text)
    return answer.json()


async def test_the_life_of_a_charging_profile(
    server: TestServer, charger: ConnectCharger, asked: Asked, strangers: Strangers
) -> None:
    box = await charger("C1")
    added = await server.request("POST", f"{API}/charging-profiles", {"name": "night", "profile": NIGHT})
    assert added.status_code == 201, added.text
    where = added.headers["Location"].removeprefix(f"{API}/")
    shown = await ok(server, "GET", where)
    assert (shown["name"], shown["assignments"], shown["profile"]["valid_to_at"]) == ("night", 0, NIGHT["valid_to_at"])
    assert shown["profile"]["schedule"]["periods"][1] == {"start_s": 43_200, "limit": "6.5", "phases": 3}

    async def refused(body: Any, method: str = "POST", path: str = "charging-profiles") -> list[Any]:
        answer = await server.request(method, f"{API}/{path}", body)
        return [answer.status_code, *(each["field"] for each in answer.json().get("errors", ()))]

    assert await refused({"name": "Night", "profile": NIGHT}) == [409]
    assert await refused({"name": "x", "profile": NIGHT | {"purpose": "Fun"}}) == [422, "profile.purpose"]
    assert await refused({"name": "x", "profile": NIGHT | {"recurrency": ""}}) == [422, "recurrency"]
    late = NIGHT | {"schedule": NIGHT["schedule"] | {"periods": [{"start_s": 5, "limit": 1}]}}
    assert await refused({"name": "x", "profile": late}) == [422, "schedule.periods[0].start_s"]

    read = await server.request("GET", f"{API}/{where}")
    changed = await server.request("PATCH", f"{API}/{where}", {"description": "d"}, headers={"If-Match": read.headers["ETag"]})
    assert (changed.json()["description"], changed.json()["profile"]) == ("d", shown["profile"])
    assert (await server.request("PATCH", f"{API}/{where}", {}, headers={"If-Match": read.headers["ETag"]})).status_code == 412

    assigned = await server.request("POST", f"{API}/{where}/assignments", {"model": "T9"})
    assert assigned.status_code == 201, assigned.text
    assert assigned.json() == await ok(server, "GET", assigned.headers["Location"].removeprefix(f"{API}/"))
    assert await refused({}, path=f"{where}/assignments") == [422, "charger_id"]
    assert await refused({"charger_id": "C1", "model": "T9"}, path=f"{where}/assignments") == [422, "charger_id"]
    assert await refused({"charger_id": "C9"}, path=f"{where}/assignments") == [404]
    assert (await ok(server, "GET", "profile-assignments?model=T9"))["items"] == [assigned.json()]
    assert (await ok(server, "GET", "charging-profiles?assigned=true&search=nig"))["total"] == 1
    assert (await server.request("DELETE", f"{API}/{where}")).status_code == 409
    assert (await server.request("DELETE", f"{API}{assigned.headers['Location'].removeprefix(API)}")).status_code == 204

    told, heard = await asked(
        box,
        "chargers/C1/profiles",
        {"template": "Night", "evse": 1},
        ("GetConfiguration", LIMITS),
        ("SetChargingProfile", {"status": "Accepted"}),
    )
    held = told["profile"]
    assert (told["accepted"], held["state"], held["template"], held["evse"]) == (True, "installed", "night", 1)
    assert heard[1]["connectorId"] == 1
    assert (await ok(server, "GET", "chargers/C1/profiles"))["items"] == [held]
    assert (await ok(server, "GET", f"{where}/chargers"))["items"] == [held]
    assert (await ok(server, "GET", "charger-profiles?purpose=TxProfile"))["total"] == 0
    assert (await ok(server, "GET", "chargers/C1/profiles/limits"))["max_stack_level"] == 3
    schedule = await ok(server, "GET", "chargers/C1/composite-schedule?evse=1&duration_s=86400")
    assert (schedule["certain"], {each["limit"] for each in schedule["periods"]}) == (True, {"32.0", "6.5"})
    assert (await server.request("GET", f"{API}/chargers/C1/composite-schedule?duration_s=0")).status_code == 422
    answer = {"status": "Accepted", "connectorId": 1, "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": []}}
    compared, _ = await asked(
        box, "chargers/C1/composite-schedule/compare", {"evse": 1, "duration_s": 60}, ("GetCompositeSchedule", answer)
    )
    assert (compared["status"], compared["reported"], len(compared["differences"])) == ("Accepted", [], 1)

    beside, other = await strangers()
    for path in ("chargers/C1/profiles", "chargers/C1/composite-schedule", "chargers/C1/profiles/limits"):
        for headers in (beside, other):
            assert (await server.request("GET", f"{API}/{path}", headers=headers)).status_code == 404, path
    assert (await server.request("GET", f"{API}/{where}", headers=other)).status_code == 404
    assert (await ok(server, "GET", f"{where}/chargers", headers=beside))["total"] == 0
    assert (await ok(server, "GET", "charger-profiles", headers=beside))["total"] == 0

    told, _ = await asked(box, "chargers/C1/profiles/clear", {"evse": 1}, ("ClearChargingProfile", {"status": "Accepted"}))
    assert [each["state"] for each in told["cleared"]] == ["cleared"]
    assert (await ok(server, "GET", "chargers/C1/profiles"))["total"] == 0
    assert (await ok(server, "GET", "chargers/C1/profiles?history=true"))["total"] == 1
    assert (await server.request("DELETE", f"{API}/{where}")).status_code == 204
    assert (await server.request("GET", f"{API}/{where}")).status_code == 404
