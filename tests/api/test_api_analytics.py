"""Analytics over HTTP: from a charger's charge to figures and tables to download."""

from __future__ import annotations

import io
import zipfile

import trio

from csms.api.tables import as_csv, rows_of
from csms.domain.stations import service as stations
from csms.testing.fixtures import ConnectCharger
from csms.testing.script import Script16, script
from csms.testing.server import TestServer


def test_no_cell_is_a_formula() -> None:
    text = as_csv([{"name": "=HYPERLINK(1)", "number": -5, "text": "-5.5", "at": "@x", "list": "plain, with comma"}]).decode()
    assert text == "name,number,text,at,list\r\n'=HYPERLINK(1),-5,-5.5,'@x,\"plain, with comma\"\r\n"


def test_members_of_members_are_columns() -> None:
    assert rows_of([{"a": {"b": 1, "c": {"d": 2}}, "e": [1, 2]}]) == [{"a.b": 1, "a.c.d": 2, "e": "[1,2]"}]


async def test_a_charge_becomes_figures(server: TestServer, charger: ConnectCharger, an_hour_ago: int) -> None:
    await server.add_token("CARD")
    say = script(await charger("C1"))
    assert isinstance(say, Script16)
    await say.status(1, "Available", an_hour_ago)
    started = await say.start("CARD", at=an_hour_ago)
    await say.stop(started, 7_500, an_hour_ago + 1_800_000)
    with trio.fail_after(10):
        while True:
            answer = await server.request("GET", "/api/v1/analytics/figures?period=month&charger_id=C1")
            figures = answer.json()["total"]
            if figures["transactions"]:
                break
            await trio.sleep(0.02)  # the consumer of events has no bell to ring here
    assert figures["energy_kwh"] == f"{figures['energy_wh'] / 1000:.3f}"
    assert figures["charging_ms"] == 1_800_000
    assert figures["uptime_percent"] == 100.0
    assert (await server.request("GET", "/api/v1/chargers/C1/figures")).json()["subject"] == "C1"
    assert (await server.request("GET", "/api/v1/analytics/heat-map")).json()["busiest"]
    listed = await server.request("GET", "/api/v1/analytics/chargers?format=csv")
    assert listed.headers["Content-Disposition"] == "attachment; filename=chargers.csv"
    assert "figures.energy_kwh" in listed.text.splitlines()[0]
    await server.do(lambda tx: [stations.add_charger(tx, f"more-{each}") for each in range(24)])
    assert len((await server.request("GET", "/api/v1/analytics/chargers")).json()["items"]) == 20
    listed = await server.request("GET", "/api/v1/analytics/chargers?format=csv")
    assert len(listed.text.splitlines()) == 26, "a download has every row, and the names of the columns"
    sheet = await server.request("GET", "/api/v1/analytics/chargers?format=xlsx")
    with zipfile.ZipFile(io.BytesIO(sheet.content)) as book:
        assert b"C1" in book.read("xl/sharedStrings.xml")
    month = answer.json()["items"][-1]["begins"][:7]
    report = (await server.request("GET", f"/api/v1/analytics/monthly?month={month}")).json()
    assert report["total"]["starts"] == 1
    assert (await server.request("GET", "/api/v1/analytics/monthly?month=2026-13")).status_code == 422


async def test_excluded_time_comes_and_goes(server: TestServer) -> None:
    await server.add_charger("C1")
    body = {"charger_id": "C1", "from_at": "2026-10-01T06:00:00Z", "until_at": "2026-10-01T09:00:00Z", "reason": "grid"}
    made = await server.request("POST", "/api/v1/uptime-exclusions", body)
    assert (made.status_code, made.json()["from_at"]) == (201, "2026-10-01T06:00:00.000Z")
    assert (await server.request("GET", made.headers["Location"])).json() == made.json()
    assert (await server.request("GET", "/api/v1/uptime-exclusions?reason=grid")).json()["total"] == 1
    wrong = await server.request("POST", "/api/v1/uptime-exclusions", {**body, "reason": "mood", "until_at": "later"})
    assert {each["field"] for each in wrong.json()["errors"]} == {"reason", "until_at"}
    assert (await server.request("POST", "/api/v1/uptime-exclusions", {**body, "charger_id": "C9"})).status_code == 404
    assert (await server.request("DELETE", made.headers["Location"])).status_code == 204
    assert (await server.request("DELETE", made.headers["Location"])).status_code == 404
    (last, first) = (await server.request("GET", "/api/v1/audit")).json()["items"]
    assert [first["action"], last["action"]] == ["analytics.exclude", "analytics.include"]
    assert {(each["subject_kind"], each["subject_id"]) for each in (first, last)} == {("uptime_exclusion", str(made.json()["id"]))}
    assert (last["before"]["reason"], last["after"]) == ("grid", None)
