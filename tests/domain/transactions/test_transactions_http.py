"""Transactions over HTTP: for staff, for staff of some stations, for their drivers, and for whom they do not exist."""

from __future__ import annotations

import base64
import csv
import io
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import httpx
import pytest
import trio

from csms.core.reports import StopReported, Token
from csms.core.units import iso
from csms.domain.drivers import service as drivers
from csms.domain.stations import service as stations
from csms.domain.tenants import service as tenants
from csms.domain.transactions import service
from csms.hooks import Charge, Price, hookimpl
from csms.testing.fixtures import ConnectCharger
from csms.testing.script import script
from csms.testing.server import TestServer

HOUR = 3_600_000
PIXEL = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg==")


@pytest.fixture
def engine() -> str:
    return "sqlite"


class Pricing:
    """A plugin that prices: ten of the smallest coin for every Wh so far; and fails where it is asked of more than 100 kWh."""

    @hookimpl
    async def price_charge(self, charge: Charge, tenant: int) -> Price | None:
        if charge.energy_wh > 100_000:
            raise RuntimeError("too much")
        total = 10 * charge.energy_wh
        return Price(currency="INR", lines=(), net_minor=total, total_minor=total, priced_until_at=charge.points[-1].at)


@pytest.fixture
def server_plugins() -> dict[str, object]:
    return {"pricing": Pricing()}


class Scene:
    """A station with a charger, a driver with a card, and short requests."""

    def __init__(self, server: TestServer, http: httpx.AsyncClient, as_: Any) -> None:
        self.server = server
        self.http = http
        self.as_ = as_
        self.since = server.ports.clock.now() - HOUR
        self.station = self.driver = 0

    async def __call__(self, line: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        method, path = line.split()
        answer = await self.http.request(method, f"/api/v1{path}", json=body, headers=headers or None)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.headers.get("content-type", "").endswith("json") else answer.text

    async def prepare(self) -> None:
        self.station = (await self.server.do(partial(stations.add_station, name="Depot"))).id
        self.driver = (await self.server.do(partial(drivers.add_driver, name="=cmd()"))).id
        await self.server.add_charger("CP1", station_id=self.station)
        await self.server.add_token("CARD", driver_id=self.driver)

    def mine(self) -> dict[str, str]:
        headers: dict[str, str] = self.as_("driver", driver_id=self.driver)
        return headers


@pytest.fixture
async def scene(as_: Any, server: TestServer) -> AsyncIterator[Scene]:
    headers = {"Authorization": f"Bearer {server.operator_key}"}
    async with httpx.AsyncClient(base_url=server.api_url, headers=headers, timeout=30) as http:
        made = Scene(server, http, as_)
        await made.prepare()
        yield made


async def test_a_charge_as_everybody_sees_it(scene: Scene, server: TestServer, charger: ConnectCharger) -> None:
    scripted = await charger("CP2")
    await scene("PATCH /chargers/CP2", {"station_id": scene.station})
    say = script(scripted)
    await say.status(1, "Available", scene.since)
    charge = await say.start("CARD", wh=1000, at=scene.since)
    for minute in range(1, 6):
        await say.meter(charge, 1000 + 100 * minute, scene.since + 60_000 * minute)
    path = f"/transactions/{charge.transaction_id}"

    (listed,) = (await scene(f"GET /transactions?station_id={scene.station}&search=card"))["items"]
    assert (listed["state"], listed["station_name"], listed["driver_name"]) == ("running", "Depot", "=cmd()")
    assert (listed["energy_wh"], listed["energy_so_far_kwh"], listed["started_at"]) == (None, "0.500", iso(scene.since))
    detail = await scene(f"GET {path}")
    assert {name: detail[name] for name in listed} == listed
    assert (detail["measured_at"], detail["late_stops"]) == (iso(scene.since + 300_000), [])
    assert await scene(f"GET {path}/cost") == {
        "transaction_id": charge.transaction_id,
        "cost": {"amount_minor": 5000, "currency": "INR", "priced_until_at": iso(scene.since + 300_000)},
    }
    first = await scene(f"GET {path}/readings?limit=3")
    rest = await scene(f"GET {path}/readings?after={first['next']}")
    taken = [each["energy_wh"] for each in first["items"] + rest["items"]]
    assert taken == [1500, 1400, 1300, 1200, 1100]
    assert first["items"][0]["samples"][0]["value"] == "1500"
    await scene(f"GET {path}/readings?after=x", status=422)
    series = await scene(f"GET {path}/series?measurand=energy&points=3")
    assert [each["value"] for each in series["lines"][0]["points"]][::2] == [100.0, 500.0]
    await scene(f"GET {path}/series?measurand=money", status=422)
    await scene("GET /transactions/999", status=404)
    await scene("GET /transactions?state=charging", status=422)

    # its driver, another driver, staff of this station and of another, another tenant, nobody
    other = await server.do(partial(tenants.add, slug="other", name="Other", currency="EUR", time_zone="UTC"))
    staff, elsewhere = scene.as_("tenant_operator", stations=[scene.station]), scene.as_("tenant_operator", stations=[999])
    stranger, abroad = scene.as_("driver", driver_id=999), scene.as_("tenant_owner", tenant=int(other))
    assert [each["id"] for each in (await scene("GET /me/transactions", **scene.mine()))["items"]] == [charge.transaction_id]
    for tail in ("", "/cost", "/readings", "/series"):
        await scene(f"GET /me{path}{tail}", **scene.mine())
        await scene(f"GET /me{path}{tail}", status=404, **stranger)
        await scene(f"GET {path}{tail}", **staff)
        await scene(f"GET {path}{tail}", status=404, **elsewhere)
        await scene(f"GET {path}{tail}", status=404, **abroad)
        await scene(f"GET {path}{tail}", status=403, **scene.mine())
        await scene(f"GET {path}{tail}", status=401, Authorization="Bearer nobody")
    for who, count in ((staff, 1), (elsewhere, 0), (abroad, 0)):
        assert len((await scene("GET /transactions", **who))["items"]) == count
        assert (await scene("GET /transactions/summary", **who))["count"] == count
        assert len(list(csv.reader(io.StringIO(await scene("GET /transactions/export.csv", **who))))) == 1 + count
    for tail, body in (("/stop", None), ("/end", {"reason": "because"})):
        await scene(f"POST {path}{tail}", body, 404, **elsewhere)
        await scene(f"POST {path}{tail}", body, 404, **abroad)
        await scene(f"POST {path}{tail}", body, 403, **scene.as_("support"))
    await scene(f"POST /me{path}/stop", status=404, **stranger)

    # the charger is asked to stop it, and does
    async with trio.open_nursery() as nursery:
        nursery.start_soon(scripted.obey, "RemoteStopTransaction", {"status": "Accepted"})
        told = await scene(f"POST {path}/stop", **staff)
    assert (told["outcome"], told["status"], told["accepted"]) == ("Answered", "Accepted", True)
    assert told["transaction"]["state"] == "pending_stop"
    await say.stop(charge, 1600, scene.since + 360_000, reason="Remote")
    totals = await scene("GET /transactions/summary?state=completed")
    assert (totals["count"], totals["energy_wh"], totals["duration_s"]) == (1, 600, 360)
    await server.eventually("SELECT id FROM bills WHERE state = 'SETTLED'")
    mine = await scene("GET /me/summary", **scene.mine())
    assert (mine["transactions"], mine["energy_kwh"], mine["spent"]) == (1, "0.600", [{"amount_minor": 6000, "currency": "INR"}])
    assert await scene(f"GET /drivers/{scene.driver}/summary") == mine
    (entry,) = (await scene("GET /me/activity", **scene.mine()))["items"]
    assert (entry["kind"], entry["title"], entry["energy_wh"], entry["amount_minor"]) == ("charge", "Depot", 600, -6000)
    await scene(f"POST {path}/stop", status=409)
    await scene(f"POST {path}/end", {"reason": "because"}, 409)
    rows = list(csv.DictReader(io.StringIO(await scene("GET /transactions/export.csv"))))
    assert (rows[0]["driver_name"], rows[0]["energy_wh"], rows[0]["stop_reason"]) == ("'=cmd()", "600", "Remote")
    (noted,) = (await scene("GET /audit?action=transactions.stop"))["items"]
    assert noted["detail"] == {"outcome": "Answered", "status": "Accepted"}
    (again, left) = (await scene("GET /commands?command=StopCharging"))["items"]
    assert (left["progress"], left["accepted"], left["status"]) == ("ended", True, "Accepted")
    assert left["asked_by"].endswith("@example.org")
    assert again["progress"] == "refused", "it had ended by then"


async def test_drivers_start_and_stop_by_themselves(scene: Scene, server: TestServer, charger: ConnectCharger) -> None:
    me = scene.mine()
    scripted = await charger("CP2")
    say = script(scripted)
    await say.status(1, "Preparing", scene.since)
    heard: list[dict[str, Any]] = []

    async def obey(action: str, status: str) -> None:
        heard.append(await scripted.obey(action, {"status": status}))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(obey, "RemoteStartTransaction", "Accepted")
        told = await scene("POST /me/transactions", {"charger_id": "CP2"}, 201, **me)
    assert told["transaction"]["state"] == "pending_start"
    assert (heard[0]["connectorId"], heard[0]["idTag"]) == (1, told["transaction"]["token"]), "the connector that is free"
    charge = await say.start(heard[0]["idTag"], wh=0, at=server.ports.clock.now())
    assert (charge.token_status, charge.transaction_id) == ("Accepted", told["transaction"]["id"])
    (app,) = (await scene("GET /me/tokens?kind=Central", **me))["items"]
    assert (app["value"], app["driver_id"]) == (heard[0]["idTag"], scene.driver)
    await scene("POST /me/transactions", {"charger_id": "CP2"}, 409, **me)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(obey, "RemoteStopTransaction", "Rejected")
        told = await scene(f"POST /me/transactions/{charge.transaction_id}/stop", **me)
    assert (told["accepted"], told["transaction"]["state"]) == (False, "running")
    await say.stop(charge, 0, server.ports.clock.now())
    left = (await scene("GET /commands?charger_id=CP2"))["items"]
    assert [(each["command"], each["progress"], each["accepted"]) for each in left] == [
        ("StopCharging", "ended", False),
        ("StartCharging", "refused", None),
        ("StartCharging", "ended", True),
    ]
    assert {each["asked_by"] for each in left} == {f"driver {scene.driver}"}, "by number: it stays when the driver is forgotten"
    assert left[2]["transaction_id"] == charge.transaction_id
    assert (await scene(f"GET /commands/{left[2]['id']}"))["body"]["token"]["value"] == heard[0]["idTag"]

    # what is not theirs, and what is blocked
    (card,) = (await scene("GET /tokens?value=card"))["items"]
    other = (await scene("POST /tokens", {"value": "X"}, 201))["id"]
    await scene("POST /me/transactions", {"charger_id": "CP2", "token_id": other}, 404, **me)
    await scene(f"POST /me/tokens/{other}/block", {}, 404, **me)
    assert (await scene(f"POST /me/tokens/{card['id']}/block", {"reason": "lost in a taxi"}, **me))["standing"] == "blocked"
    await scene("POST /me/transactions", {"charger_id": "CP2", "token_id": card["id"]}, 409, **me)
    await scene("POST /me/transactions", {"charger_id": "CP9"}, 404, **me)
    await scene("POST /me/transactions", {"qr_code": "nothing"}, 404, **me)
    await scene("POST /me/transactions", {}, 422, **me)
    await scene("POST /me/transactions", {"charger_id": "CP2", "qr_code": "x"}, 404, **me)
    add = partial(tenants.add, slug="other", name="Other", currency="EUR", time_zone="UTC")
    abroad = scene.as_("driver", tenant=int(await server.do(add)), driver_id=scene.driver)
    await scene("POST /me/transactions", {"charger_id": "CP2"}, 404, **abroad)
    await scene("POST /me/transactions", {"charger_id": "CP2"}, 404, **scene.as_("tenant_owner"))


async def test_me(scene: Scene, server: TestServer) -> None:
    me = scene.mine()
    await scene(f"PATCH /drivers/{scene.driver}", {"note": "pays late", "name": "Asha"})
    profile = await scene("GET /me", **me)
    assert profile["name"] == "Asha"
    assert "note" not in profile
    changed = await scene("PATCH /me", {"language": "hi-IN", "preferences": {"dark": "yes"}}, **me)
    assert (changed["language"], changed["preferences"]) == ("hi-IN", {"dark": "yes"})
    for wrong in ({"membership": "gold"}, {"note": "x"}, {"email": "x@example.org"}, {"language": "not a language"}):
        await scene("PATCH /me", wrong, 422, **me)
    vehicle = await scene("POST /me/vehicles", {"plate": "X 1"}, 201, **me)
    stranger = scene.as_("driver", driver_id=(await server.do(partial(drivers.add_driver, name="Ben"))).id)
    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
        await scene(f"{method} /me/vehicles/{vehicle['id']}", body, 404, **stranger)
    assert (await scene(f"PATCH /me/vehicles/{vehicle['id']}", {"name": "Car"}, **me))["name"] == "Car"
    assert (await scene("GET /me/vehicles", **me))["total"] == 1
    assert (await scene(f"GET /me/vehicles/{vehicle['id']}", **me))["plate"] == "X 1"
    await scene(f"DELETE /me/vehicles/{vehicle['id']}", status=204, **me)
    for _ in range(2):
        await scene(f"PUT /me/favourites/{scene.station}", status=204, **me)
    assert [each["name"] for each in (await scene("GET /me/favourites", **me))["items"]] == ["Depot"]
    assert (await scene(f"GET /drivers/{scene.driver}/favourites"))["total"] == 1
    await scene("PUT /me/favourites/999", status=404, **me)

    # where to charge
    await scene(f"PATCH /stations/{scene.station}", {"latitude": 18.52, "longitude": 73.85})
    await scene("POST /chargers/CP1/connectors", {"evse": 1, "type": "MCS", "current_type": "DC", "max_power_w": 60_000}, 201)
    (near,) = (await scene("GET /me/stations?near=18.53,73.85&radius_m=2000&type=MCS", **me))["items"]
    assert (near["id"], near["name"], near["favourite"], near["distance_m"]) == (scene.station, "Depot", True, 1112)
    assert near["plugs"] == [{"type": "MCS", "current_type": "DC", "max_power_w": 60_000, "total": 1, "free": 0}]
    assert (await scene("GET /me/stations?free=true", **me))["total"] == 0
    await scene("GET /me/stations?status=active", status=422, **me)
    about = f"kind=image&subject_kind=station&subject_id={scene.station}&name=a.png"
    picture = await scene.http.post(f"/api/v1/documents?{about}", content=PIXEL, headers={"Content-Type": "image/png"})
    assert picture.status_code == 201, picture.text
    there = await scene(f"GET /me/stations/{scene.station}", **me)
    (connector,) = there["connectors"]
    assert (connector["charger_id"], connector["startable"], connector["reason"]) == ("CP1", False, "this charger is offline")
    assert (await scene(f"GET /start/{connector['qr_code']}"))["station_name"] == "Depot"
    (image,) = there["images"]
    assert (await scene.http.get(image["url"], headers={"Authorization": ""})).content == PIXEL
    await scene(f"PATCH /stations/{scene.station}", {"status": "coming_soon"})
    shut = await scene("POST /me/transactions", {"charger_id": "CP1"}, 409, **me)
    assert shut["detail"] == "this station is not open yet" == (await scene(f"GET /start/{connector['qr_code']}"))["reason"]
    await scene(f"PATCH /stations/{scene.station}", {"access": "granted"})
    await scene(f"GET /me/stations/{scene.station}", status=404, **me)
    await scene(f"DELETE /me/favourites/{scene.station}", status=204, **me)
    await scene(f"DELETE /me/favourites/{scene.station}", status=404, **me)
    (card,) = (await scene("GET /me/tokens", **me))["items"]
    assert (await scene(f"GET /me/tokens/{card['id']}", **me)) == card
    assert (await scene("GET /me/tokens", **stranger))["total"] == 0
    await scene(f"GET /me/tokens/{card['id']}", status=404, **stranger)
    for path in (
        "",
        "/vehicles",
        "/tokens",
        "/favourites",
        "/stations",
        f"/stations/{scene.station}",
        "/activity",
        "/summary",
        "/transactions",
    ):
        await scene(f"GET /me{path}", status=404, **scene.as_("tenant_owner"))
        await scene(f"GET /me{path}", status=401, Authorization="Bearer nobody")


async def test_stuck_and_quarantined(scene: Scene, server: TestServer, charger: ConnectCharger) -> None:
    scripted = await charger("CP2")
    say = script(scripted)
    charge = await say.start("CARD", wh=1000, at=scene.since)
    await say.meter(charge, 1400, scene.since + 60_000)
    path = f"/transactions/{charge.transaction_id}"
    await scene(f"POST {path}/end", {}, 422)
    await scene(f"POST {path}/end", {"reason": "scrapped", "meter_stop_wh": 5}, 422)
    ended = await scene(f"POST {path}/end", {"reason": "scrapped"})
    assert (ended["stop_source"], ended["energy_wh"], ended["note"]) == ("operator", 400, "scrapped")
    (entry,) = (await scene("GET /audit?action=transactions.end"))["items"]
    assert (entry["detail"], entry["before"]["state"], entry["after"]["stop_source"]) == (
        {"reason": "scrapped"},
        "running",
        "operator",
    )

    stray = StopReported(
        charger_id="CP2",
        transaction_id=-1,
        stopped_at=scene.since + 120_000,
        meter_stop_wh=1700,
        token=Token("UNHEARD"),
        received_at=server.ports.clock.now(),
    )
    await server.do(service.stop, stray, None)
    (kept,) = (await scene("GET /quarantine?resolved=false"))["items"]
    assert (kept["kind"], kept["message"]["meter_stop_wh"]) == ("stop", 1700)
    detail = await scene(f"GET /quarantine/{kept['id']}")
    assert [each["id"] for each in detail["candidates"]] == [charge.transaction_id]
    elsewhere, abroad = scene.as_("tenant_operator", stations=[999]), scene.as_("tenant_owner", tenant=9)
    assert (await scene("GET /quarantine", **elsewhere))["items"] == []
    for who in (elsewhere, abroad):
        await scene(f"GET /quarantine/{kept['id']}", status=404, **who)
        await scene(f"POST /quarantine/{kept['id']}/attach", {"transaction_id": charge.transaction_id}, 404, **who)
        await scene(f"POST /quarantine/{kept['id']}/resolve", {}, 404, **who)
    await scene(f"POST /quarantine/{kept['id']}/attach", {"transaction_id": 999}, 404)
    corrected = await scene(
        f"POST /quarantine/{kept['id']}/attach", {"transaction_id": charge.transaction_id, "note": "seen on site"}
    )
    assert (corrected["stop_source"], corrected["energy_wh"], corrected["found_stop_id"]) == ("reported", 700, kept["id"])
    await scene(f"POST /quarantine/{kept['id']}/attach", {"transaction_id": charge.transaction_id}, 409)
    await server.do(service.stop, StopReported(charger_id="CP2", transaction_id=-1, stopped_at=5, received_at=6), None)
    (other,) = (await scene("GET /quarantine?resolved=false"))["items"]
    assert (await scene(f"POST /quarantine/{other['id']}/resolve", {"note": "a test"}))["note"] == "a test"
    await scene(f"POST /quarantine/{other['id']}/resolve", {}, 404)


async def test_what_a_token_would_get(scene: Scene, server: TestServer, charger: ConnectCharger) -> None:
    async def verdict(token: str, **more: Any) -> tuple[str, ...]:
        answer = await scene("POST /tokens/validate", {"token": token, "charger_id": "CP1", **more})
        return tuple(answer[name] for name in ("status", "reason", "start_status", "start_reason"))

    assert await verdict("card") == ("Accepted", "", "Accepted", "")
    assert await verdict("UNHEARD") == ("Invalid", "nobody issued it", "Invalid", "nobody issued it")
    scripted = await charger("CP2")
    await script(scripted).start("CARD", wh=0, at=scene.since)
    assert await verdict("CARD", evse=1) == ("Accepted", "", "ConcurrentTx", "it runs 1 of 1 transactions already")
    await scene(f"POST /drivers/{scene.driver}/block")
    assert (await verdict("CARD"))[:2] == ("Blocked", "its driver is blocked")
    events = await server.rows("SELECT type FROM events WHERE type = 'token_seen'")
    assert events == [], "nobody hears of it"
    await scene("POST /tokens/validate", {"token": "CARD", "charger_id": "CP9"}, 404)
    await scene("POST /tokens/validate", {"token": "", "charger_id": "CP1"}, 422)
    await scene("POST /tokens/validate", {"token": "CARD", "charger_id": "CP1"}, 404, **scene.as_("support", stations=[999]))
