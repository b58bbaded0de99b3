"""Alert rules and the health of ports over HTTP; and conditional changes, for which a rule is a good example."""

from __future__ import annotations

from csms.testing.server import TestServer


async def test_a_rule_is_changed_only_by_who_saw_it(server: TestServer) -> None:
    seen = await server.request("GET", "/api/v1/alert-rules/charger_offline")
    first = seen.headers["ETag"]
    changed = await server.request("PATCH", "/api/v1/alert-rules/charger_offline", {"threshold": 60}, headers={"If-Match": first})
    assert (changed.status_code, changed.json()["threshold"], changed.json()["usual_threshold"]) == (200, 60, 900)
    late = await server.request("PATCH", "/api/v1/alert-rules/charger_offline", {"threshold": 90}, headers={"If-Match": first})
    assert late.status_code == 412
    again = await server.request("GET", "/api/v1/alert-rules/charger_offline")
    assert again.json()["threshold"] == 60, "nothing was changed"
    assert again.headers["ETag"] == changed.headers["ETag"], "the answer of a change is what a GET answers"
    (entry,) = (await server.request("GET", "/api/v1/audit?subject_kind=alert_rule")).json()["items"]
    assert (entry["before"]["threshold"], entry["after"]["threshold"]) == (900.0, 60.0)
    assert "about" not in entry["before"], "only what changed"
    assert (await server.request("GET", "/api/v1/alert-rules")).json()["items"][0]["kind"] == "charger_offline"


async def test_wrong_changes(server: TestServer) -> None:
    path = "/api/v1/alert-rules/charger_offline"
    for body, field in (({"threshold": 1}, "threshold"), ({"severity": "loud"}, "severity"), ({"treshold": 90}, "treshold")):
        answer = await server.request("PATCH", path, body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert (await server.request("PATCH", "/api/v1/alert-rules/mood", {"threshold": 1})).status_code == 404
    assert (await server.request("PATCH", path, {"threshold": 90}, authorized=False)).status_code == 401


async def test_the_health_of_ports(server: TestServer) -> None:
    await server.add_charger("C1")
    assert (await server.request("GET", "/api/v1/chargers/C1/health")).json() == {"items": []}
    assert (await server.request("GET", "/api/v1/chargers/C9/health")).status_code == 404
    assert (await server.request("GET", "/api/v1/health/ports?sort=-score")).json()["total"] == 0
