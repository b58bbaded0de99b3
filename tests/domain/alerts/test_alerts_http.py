"""Alerts over HTTP, for those who may see some stations only, and for others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import pytest

from csms.core.access import SUPPORT, TENANT_OPERATOR
from csms.domain.alerts import service
from csms.domain.alerts.model import Occurrence
from csms.domain.stations import service as stations
from csms.testing.server import TestServer

API = "/api/v1/alerts"
Strangers = Callable[[], Awaitable[list[Mapping[str, str]]]]


@pytest.fixture
def engine() -> str:
    return "sqlite"


async def test_alerts_are_for_those_who_see_their_charger(server: TestServer, strangers: Strangers) -> None:
    here = await server.do(partial(stations.add_station, name="Here"))
    await server.add_charger("C1", station_id=here.id)
    for kind, severity, charger_id in (("fault", "error", "C1"), ("plugin", "critical", ""), ("drift", "info", "C1")):
        one = Occurrence(kind=kind, severity=severity, subject=kind, message=f"{kind}!", charger_id=charger_id)
        await server.do(service.raise_alert, one)

    async def seen(query: str, headers: Mapping[str, str] | None = None) -> list[str]:
        answer = await server.request("GET", f"{API}?{query}", headers=headers)
        assert answer.status_code == 200, answer.text
        return [each["kind"] for each in answer.json()["items"]]

    assert await seen("") == ["drift", "plugin", "fault"]
    assert await seen("sort=-severity&open=true&acknowledged=false") == ["plugin", "fault", "drift"]
    assert await seen(f"station_id={here.id}&search=FAULT") == ["fault"]
    assert await seen("to_at=2000-01-01T00:00:00Z") == []
    mine = await server.login_as(TENANT_OPERATOR, stations=[here.id], email="asha@example.org")
    assert await seen("", mine) == ["drift", "fault"], "what is about no charger is for the whole tenant's staff"
    assert (await server.request("GET", f"{API}/2", headers=mine)).status_code == 404
    said = await server.request("POST", f"{API}/1/acknowledge", {"note": "on my way"}, headers=mine)
    assert (said.json()["acknowledged_by"], said.json()["note"]) == ("asha@example.org", "on my way")
    reader = await server.login_as(SUPPORT)
    assert len(await seen("", reader)) == 3
    assert (await server.request("POST", f"{API}/1/resolve", {}, headers=reader)).status_code == 403
    assert (await server.request("POST", f"{API}/1/resolve", {"by": "somebody else"})).status_code == 422
    assert (await server.request("POST", f"{API}/1/resolve", {"note": "x" * 1001})).status_code == 422
    for headers in await strangers():
        assert await seen("", headers) == []
        assert (await server.request("GET", f"{API}/1", headers=headers)).status_code == 404
        assert (await server.request("POST", f"{API}/1/resolve", {}, headers=headers)).status_code == 404
    (told,) = await server.rows("SELECT after FROM audit_log WHERE action = 'alerts.acknowledge'")
    assert '"note":"on my way"' in told["after"]
