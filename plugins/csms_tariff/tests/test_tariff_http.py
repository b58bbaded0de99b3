"""Tariffs over HTTP, on a running server with the plugin."""

from __future__ import annotations

from typing import Any

import attrs

from csms.core.access import DRIVER, SUPPORT, TENANT_OPERATOR, TENANT_OWNER
from csms.core.ids import DEFAULT_TENANT
from csms.domain.drivers import service as drivers
from csms.hooks import Charge, MeterPoint, iso
from csms.testing.fixtures import ConnectCharger
from csms.testing.script import script
from csms.testing.server import TestServer

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
TARIFFS = "/api/v1/tariffs"
FLAT: dict[str, Any] = {
    "components": [{"kind": "energy", "rate": "14.50"}],
    "taxes": {"scheme": "gst", "percent": "18", "code": "996911"},
}
CHEAP: dict[str, Any] = {"components": [{"kind": "energy", "rate": "9"}]}


async def good(server: TestServer, method: str, path: str, body: Any = None, **more: Any) -> Any:
    answer = await server.request(method, path, body, **more)
    assert answer.status_code in (200, 201, 204), (method, path, answer.status_code, answer.text)
    return answer.json() if answer.content else None


async def status(server: TestServer, method: str, path: str, body: Any = None, **more: Any) -> int:
    return (await server.request(method, path, body, **more)).status_code


async def test_the_life_of_a_tariff(server: TestServer) -> None:
    now = server.ports.clock.now()
    added = await server.request("POST", TARIFFS, {"name": "Flat", "rules": FLAT, "valid_from_at": iso(now - DAY_MS)})
    assert added.status_code == 201
    path = added.headers["Location"]
    detail = added.json()
    assert (detail["tariff"]["currency"], detail["tariff"]["version"], detail["version"]["state"]) == ("INR", 1, "in_force")
    assert detail["version"]["words"] == ["Energy: 14.50 INR per kWh", "prices are before GST 18 %"]
    assert (await server.request("POST", TARIFFS, {"name": "Flat", "rules": FLAT})).status_code == 409
    assert [each["name"] for each in (await good(server, "GET", f"{TARIFFS}?search=fla&state=active"))["items"]] == ["Flat"]
    assert (await good(server, "GET", f"{TARIFFS}?search=flap"))["total"] == 0

    stale = {"If-Match": '"old"'}
    assert await status(server, "PATCH", path, {"description": "For guests"}, headers=stale) == 412
    current = (await server.request("GET", path)).headers["ETag"]
    changed = await good(server, "PATCH", path, {"description": "For guests"}, headers={"If-Match": current})
    assert (changed["tariff"]["description"], changed["tariff"]["name"]) == ("For guests", "Flat")

    versions = f"{path}/versions"
    assert await status(server, "POST", versions, {"rules": CHEAP, "valid_from_at": iso(now - HOUR_MS)}) == 422
    assert await status(server, "PUT", f"{versions}/1", {"rules": CHEAP}) == 409, "in force"
    assert await status(server, "DELETE", f"{versions}/1") == 409
    coming = await good(server, "POST", versions, {"rules": CHEAP, "valid_from_at": iso(now + DAY_MS), "note": "cheaper grid"})
    assert (coming["number"], coming["state"], coming["note"], coming["created_by"]) == (
        2,
        "pending",
        "cheaper grid",
        "operator key",
    )
    assert await status(server, "POST", versions, {"rules": CHEAP, "valid_from_at": iso(now + DAY_MS)}) == 409
    moved = await good(server, "PUT", f"{versions}/2", {"rules": FLAT})
    assert (moved["valid_from_at"], moved["rules"]["components"][0]["rate"]) == (coming["valid_from_at"], "14.50")
    assert [each["number"] for each in (await good(server, "GET", versions))["items"]] == [2, 1]
    for asked, wanted in (("sort=valid_from_at", [1, 2]), ("sort=-number", [2, 1]), ("state=pending", [2]), ("search=grid", [])):
        assert [each["number"] for each in (await good(server, "GET", f"{versions}?{asked}"))["items"]] == wanted
    shown = await good(server, "GET", path)
    assert (shown["next"]["number"], shown["version"]["ends_at"]) == (2, coming["valid_from_at"])
    assert await status(server, "DELETE", f"{versions}/2") == 204
    assert await status(server, "GET", f"{versions}/2") == 404
    at_once = await good(server, "POST", versions, {"rules": CHEAP})
    assert (at_once["number"], at_once["state"]) == (2, "in_force")
    assert (await good(server, "GET", f"{versions}/1"))["state"] == "past"

    archived = await good(server, "POST", f"{path}/archive")
    assert archived["tariff"]["state"] == "archived"
    for method, rest, body in (("POST", "/archive", None), ("PATCH", "", {"name": "x"}), ("POST", "/versions", {"rules": FLAT})):
        assert await status(server, method, f"{path}{rest}", body) == 409, rest
    assert await status(server, "POST", f"{TARIFFS}/assignments", {"tariff_id": detail["tariff"]["id"], "level": "tenant"}) == 409
    assert await status(server, "POST", TARIFFS, {"name": "Flat", "rules": FLAT}) == 201, "the name is free again"
    actions = [row["action"] for row in await server.rows("SELECT action FROM audit_log ORDER BY id")]
    assert actions == [
        f"tariffs.{each}"
        for each in ("add", "change", "add_version", "replace_version", "remove_version", "add_version", "archive", "add")
    ]
    told = [
        row["payload"] for row in await server.rows("SELECT payload FROM events WHERE type = 'tariff_changed' ORDER BY sequence")
    ]
    assert [each.split('"what":"')[1].split('"')[0] for each in told] == [
        "added", "changed", "version", "version", "version", "version", "archived", "added",
    ]  # fmt: skip


WRONG: list[tuple[str, str, Any, str]] = [
    ("POST", "", {"rules": FLAT}, "name"),
    ("POST", "", {"name": "A", "rules": {"components": [{"kind": "energy", "rate": "14,50"}]}}, "rules.components[0].rate"),
    ("POST", "", {"name": "A", "rules": {**FLAT, "calendar": "Nowhere"}}, "there are: none yet"),
    ("POST", "", {"name": "A", "rules": FLAT, "currency": "rupees"}, "currency"),
    ("POST", "/assignments", {"tariff_id": 1, "level": "charger"}, "level charger goes with charger_id"),
    ("POST", "/assignments", {"tariff_id": 1, "level": "tenant", "station_id": 1}, "level tenant goes with none"),
    ("POST", "/assignments", {"tariff_id": 1, "level": "tenant", "valid_from_at": "2020-01-01T00:00:00Z"}, "in the past"),
    ("POST", "/assignments", {"tariff_id": 1, "level": "tenant", "valid_until_at": "2020-01-01T00:00:00Z"}, "before it begins"),
    ("POST", "/calendars", {"name": "A", "holidays": [{"day": "2026-02-30"}]}, "not in the calendar"),
    ("POST", "/calendars", {"name": "A", "holidays": [{"day": "2030-02-01"}, {"day": "2030-02-01"}]}, "is there twice"),
    ("POST", "/promo-codes", {"code": "A B", "percent": "5"}, "code"),
    ("POST", "/promo-codes", {"code": "AB"}, "either a percent or an amount"),
    ("POST", "/promo-codes", {"code": "AB", "percent": "5", "tariff_id": 77}, "there is no tariff 77"),
    ("PUT", "/sources/The%20Grid/prices", {"prices": [{"from_at": "2030-01-01T00:00:00Z", "price": "5"}]}, "name"),
    ("PUT", "/sources/grid/prices", {"prices": []}, "prices"),
    ("POST", "/calculate", {}, "energy_wh, or power_w and duration_s"),
    ("POST", "/calculate", {"energy_wh": 1, "power_w": 1, "duration_s": 1}, "two say all"),
    ("GET", "/explain", None, "charger_id"),
]


async def test_what_is_refused_names_the_field(server: TestServer) -> None:
    await good(server, "POST", TARIFFS, {"name": "Flat", "rules": FLAT})
    for method, path, body, words in WRONG:
        answer = await server.request(method, f"{TARIFFS}{path}", body)
        assert (answer.status_code, words in answer.text) == (422, True), (path, body, answer.text)
    for method, path in (("GET", "/77"), ("GET", "/1/versions/77"), ("GET", "/assignments/77"), ("GET", "/calendars/77"), ("GET", "/promo-codes/77"), ("GET", "/promo-codes/77/uses"), ("GET", "/explain?charger_id=C9"), ("GET", "/at/nocode")):  # fmt: skip
        assert await status(server, method, f"{TARIFFS}{path}") == 404, path
    assert await status(server, "POST", f"{TARIFFS}/calculate", {"energy_wh": 1000}) == 404, "no tariff applies"


async def test_who_may(server: TestServer) -> None:
    owner, operator, support, driver = [await server.login_as(role) for role in (TENANT_OWNER, TENANT_OPERATOR, SUPPORT, DRIVER)]
    assert await status(server, "GET", TARIFFS, authorized=False) == 401
    assert await status(server, "POST", TARIFFS, {"name": "A", "rules": FLAT}, headers=operator) == 403
    assert await status(server, "POST", TARIFFS, {"name": "A", "rules": FLAT}, headers=owner) == 201
    for headers in (owner, operator, support):
        assert (await good(server, "GET", TARIFFS, headers=headers))["total"] == 1
    assert await status(server, "GET", TARIFFS, headers=driver) == 403
    assert await status(server, "POST", "/api/v1/tenants", {"slug": "other", "name": "Other", "currency": "EUR", "time_zone": "Europe/Berlin"}) == 201  # fmt: skip
    elsewhere = {"X-Tenant": "other"}
    assert (await good(server, "GET", TARIFFS, headers=elsewhere))["total"] == 0
    assert await status(server, "GET", f"{TARIFFS}/1", headers=elsewhere) == 404
    assert await status(server, "POST", f"{TARIFFS}/assignments", {"tariff_id": 1, "level": "tenant"}, headers=elsewhere) == 404
    theirs = await good(server, "POST", TARIFFS, {"name": "A", "rules": CHEAP}, headers=elsewhere)
    assert (theirs["tariff"]["id"], theirs["tariff"]["currency"]) == (2, "EUR")
    dear = await server.request("POST", TARIFFS, {"name": "In INR", "currency": "INR", "rules": CHEAP}, headers=elsewhere)
    assigned = {"tariff_id": dear.json()["tariff"]["id"], "level": "tenant"}
    assert "charges are in EUR" in (await server.request("POST", f"{TARIFFS}/assignments", assigned, headers=elsewhere)).text
    station = (await good(server, "POST", "/api/v1/stations", {"name": "Depot"}))["id"]
    for charger_id, where in (("C1", station), ("C2", None)):
        await server.add_charger(charger_id, station_id=where)
    some = await server.login_as(TENANT_OPERATOR, stations=[station])
    assert await status(server, "GET", TARIFFS, headers=some) == 403, "tariffs are the whole tenant's"
    assert await status(server, "GET", f"{TARIFFS}/explain?charger_id=C1", headers=some) == 200
    assert await status(server, "GET", f"{TARIFFS}/explain?charger_id=C2", headers=some) == 404


async def test_assignments_explained_and_calculated(server: TestServer, charger: ConnectCharger) -> None:
    station = await good(
        server,
        "POST",
        "/api/v1/stations",
        {"name": "Depot", "time_zone": "Asia/Kolkata", "address": {"state": "Karnataka", "country": "IN"}},
    )
    await charger("C1")
    await good(server, "PATCH", "/api/v1/chargers/C1", {"station_id": station["id"]})
    driver_id = await server.do(lambda tx: drivers.add_driver(tx, "Dara").id)
    await good(server, "PATCH", f"/api/v1/drivers/{driver_id}", {"groups": ["fleet"], "membership": "gold"})
    ids = {
        name: (await good(server, "POST", TARIFFS, {"name": name, "rules": rules}))["tariff"]["id"]
        for name, rules in {"Everywhere": FLAT, "Depot": CHEAP, "Fleet": {**CHEAP, "maximum": "50"}}.items()
    }
    places = [
        {"tariff_id": ids["Everywhere"], "level": "tenant"},
        {"tariff_id": ids["Depot"], "level": "station", "station_id": station["id"]},
        {"tariff_id": ids["Fleet"], "level": "station", "station_id": station["id"], "driver_group": "fleet"},
    ]
    made = [await good(server, "POST", f"{TARIFFS}/assignments", each) for each in places]
    assert await status(server, "POST", f"{TARIFFS}/assignments", {"tariff_id": 1, "level": "charger", "charger_id": "C9"}) == 404
    assert (await good(server, "GET", f"{TARIFFS}/assignments?station_id={station['id']}&current=true"))["total"] == 2

    def verdicts(answer: Any) -> list[tuple[str, str]]:
        return [(each["assignment"]["tariff"], each["verdict"]) for each in answer["candidates"]]

    stranger = await good(server, "GET", f"{TARIFFS}/explain?charger_id=C1&evse=1&connector=1")
    assert (stranger["tariff"], stranger["version"]) == ("Depot", 1)
    assert verdicts(stranger) == [("Fleet", "not_for_this_driver"), ("Depot", "applies"), ("Everywhere", "outranked")]
    dara = await good(server, "GET", f"{TARIFFS}/explain?charger_id=C1&driver_id={driver_id}")
    assert verdicts(dara) == [("Fleet", "applies"), ("Depot", "outranked"), ("Everywhere", "outranked")]
    before = await good(server, "GET", f"{TARIFFS}/explain?charger_id=C1&at=2020-01-01T00:00:00Z")
    assert (before["tariff"], {verdict for _, verdict in verdicts(before)}) == (None, {"not_for_this_driver", "not_now"})

    calculate = f"{TARIFFS}/calculate"
    hour = {"charger_id": "C1", "energy_wh": 10_000, "duration_s": 3600}
    assert (await good(server, "POST", calculate, hour))["price"]["total_minor"] == 9_000
    fleet = await good(server, "POST", calculate, {**hour, "driver_id": driver_id})
    assert (fleet["tariff"], fleet["price"]["total_minor"], fleet["price"]["lines"][-1]["kind"]) == ("Fleet", 5_000, "maximum")
    named = await good(server, "POST", calculate, {**hour, "tariff_id": ids["Everywhere"]})
    assert [each["name"] for each in named["price"]["taxes"]] == ["CGST", "SGST"]
    assert (named["price"]["total_minor"], named["price"]["place_of_supply"]) == (17_110, "Karnataka")
    draft = {"components": [{"kind": "energy", "rate": "1"}, {"kind": "time", "rate": "1"}, {"kind": "idle", "rate": "2"}]}
    drafted = await good(server, "POST", calculate, {"power_w": 6000, "duration_s": 1800, "idle_s": 600, "draft": draft})
    assert (drafted["energy_wh"], drafted["price"]["net_minor"], drafted["tariff_id"]) == (3000, 300 + 3000 + 2000, None)
    night = {"energy_wh": 10_000, "power_w": 10_000, "started_at": "2030-01-07T16:00:00Z", "draft": {"components": [
        {"kind": "energy", "rate": "10"},
        {"kind": "energy", "name": "Night", "rate": "5", "priority": 1, "windows": [{"start": "22:00", "end": "06:00"}]},
    ]}}  # fmt: skip
    across = await good(server, "POST", calculate, night)  # 21:30 to 22:30 in Kolkata
    assert [each["quantity"] for each in across["price"]["lines"]] == ["5.000", "5.000"]
    assert across["price"]["notes"] != []
    assert len(await server.rows("SELECT 1 FROM plugin_tariff_tariffs")) == 3, "nothing of a draft is kept"

    assert await status(server, "DELETE", f"{TARIFFS}/assignments/{made[2]['id']}") == 204
    assert await status(server, "DELETE", f"{TARIFFS}/assignments/{made[2]['id']}") in (404, 409)
    dara = await good(server, "GET", f"{TARIFFS}/explain?charger_id=C1&driver_id={driver_id}")
    assert dara["tariff"] == "Depot"
    later = {
        "tariff_id": ids["Fleet"],
        "level": "charger",
        "charger_id": "C1",
        "valid_from_at": iso(server.ports.clock.now() + DAY_MS),
    }
    coming = await good(server, "POST", f"{TARIFFS}/assignments", later)
    assert await status(server, "POST", f"{TARIFFS}/assignments", later) == 409
    assert await status(server, "DELETE", f"{TARIFFS}/assignments/{coming['id']}") == 204
    assert await status(server, "GET", f"{TARIFFS}/assignments/{coming['id']}") == 404, "it had not begun: nothing is left of it"


async def test_calendars_keep_what_is_past(server: TestServer) -> None:
    today = iso(server.ports.clock.now())[:10]
    past, coming = {"day": "2020-08-15", "name": "Independence Day"}, {"day": "2090-08-15", "name": ""}
    made = await good(server, "POST", f"{TARIFFS}/calendars", {"name": "India", "holidays": [past]})
    path = f"{TARIFFS}/calendars/{made['id']}"
    assert await status(server, "POST", f"{TARIFFS}/calendars", {"name": "India"}) == 409
    assert (await good(server, "PUT", path, {"holidays": [past, coming]}))["holidays"] == [past, coming]
    gone = await server.request("PUT", path, {"holidays": [coming]})
    assert (gone.status_code, "2020-08-15" in gone.text) == (409, True)
    assert await status(server, "PUT", path, {"holidays": [past, {"day": today}]}) == 409
    assert (await good(server, "PUT", path, {"holidays": [past]}))["holidays"] == [past]
    rules = {"components": [{"kind": "energy", "rate": "1", "windows": [{"holidays": "only"}]}], "calendar": "India"}
    await good(server, "POST", TARIFFS, {"name": "Holidays", "rules": rules})
    assert (await server.request("DELETE", path)).status_code == 409
    other = await good(server, "POST", f"{TARIFFS}/calendars", {"name": "Nepal"})
    assert await status(server, "DELETE", f"{TARIFFS}/calendars/{other['id']}") == 204
    assert [each["name"] for each in (await good(server, "GET", f"{TARIFFS}/calendars"))["items"]] == ["India"]


async def test_what_drivers_see_and_enter(server: TestServer, charger: ConnectCharger) -> None:
    say = script(await charger("C1"))
    await say.status(1, "Available", server.ports.clock.now())
    me = await server.login_as(DRIVER, email="dara@example.org")
    (user,) = await server.rows("SELECT id FROM users WHERE email_folded = 'dara@example.org'")
    (driver,) = await server.rows("SELECT id FROM drivers WHERE user_id = :user_id", user_id=user["id"])
    driver_id = driver["id"]
    empty = await good(server, "GET", "/api/v1/me/tariffs?charger_id=C1", headers=me)
    assert (empty["tariff"], empty["per_kwh"]) == (None, None)
    number = (await good(server, "POST", TARIFFS, {"name": "Flat", "rules": FLAT}))["tariff"]["id"]
    await good(server, "POST", f"{TARIFFS}/assignments", {"tariff_id": number, "level": "tenant"})
    offer = await good(server, "GET", "/api/v1/me/tariffs?charger_id=C1&evse=1&connector=1", headers=me)
    assert (offer["tariff"], offer["per_kwh"], offer["words"][0]) == ("Flat", "17.1100", "Energy: 14.50 INR per kWh")
    assert await status(server, "GET", "/api/v1/chargers/C1/connectors/1/qr.svg") == 200
    (row,) = await server.rows("SELECT qr_code FROM connector_details WHERE charger_id = 'C1' AND qr_code IS NOT NULL")
    public = await good(server, "GET", f"{TARIFFS}/at/{row['qr_code']}", authorized=False)
    assert {**public, "at": ""} == {**offer, "at": ""}

    codes, mine = f"{TARIFFS}/promo-codes", "/api/v1/me/promo-codes"
    code = await good(server, "POST", codes, {"code": "Welcome", "percent": "10", "max_uses_per_driver": 1})
    assert code["code"] == "WELCOME"
    assert await status(server, "POST", codes, {"code": "welcome", "amount": "5"}) == 409
    assert await status(server, "POST", mine, {"code": "nope"}, headers=me) == 422
    assert await status(server, "POST", mine, {"code": "welcome"}) == 403, "the operator key has no account"
    assert (await good(server, "POST", mine, {"code": "welcome"}, headers=me))["words"] == "10 % off everything"
    assert [each["usable"] for each in (await good(server, "GET", mine, headers=me))["items"]] == [True]
    tried = await good(server, "POST", f"{TARIFFS}/calculate", {"energy_wh": 10_000, "driver_id": driver_id})
    assert tried["price"]["net_minor"] == 13_050

    at = server.ports.clock.now()
    points = (MeterPoint(at, 0), MeterPoint(at + HOUR_MS, 10_000))
    charge = Charge(
        purpose="final", currency="INR", time_zone="Asia/Kolkata", started_at=at, ended_at=at + HOUR_MS, energy_wh=10_000,
        points=points, driver_id=driver_id, transaction_id=1,
    )  # fmt: skip
    ask = server.ports.decisions.ask
    assert (await ask("price_charge", charge=charge, tenant=DEFAULT_TENANT)).net_minor == 13_050
    assert (await good(server, "GET", f"{codes}/{code['id']}"))["uses"] == 1
    assert (await good(server, "GET", codes))["items"][0]["uses"] == 1
    (use,) = (await good(server, "GET", f"{codes}/{code['id']}/uses"))["items"]
    assert (use["transaction_id"], use["driver_id"]) == (1, driver_id)
    assert len((await good(server, "GET", f"{codes}/{code['id']}/uses?sort=at&after=0&driver_id={driver_id}"))["items"]) == 1
    assert (await good(server, "GET", f"{codes}/{code['id']}/uses?driver_id=4711"))["items"] == []
    second = attrs.evolve(charge, transaction_id=2)
    assert (await ask("price_charge", charge=second, tenant=DEFAULT_TENANT)).net_minor == 14_500
    (held,) = (await good(server, "GET", mine, headers=me))["items"]
    assert (held["usable"], held["why_not"]) == (False, "the driver used it as often as one may")
    for asked, many in (
        ("usable=true", 0),
        ("usable=false&sort=entered_at", 1),
        ("search=welc&sort=-code", 1),
        ("search=adieu", 0),
    ):
        assert (await good(server, "GET", f"{mine}?{asked}", headers=me))["total"] == many
    assert await status(server, "DELETE", f"{mine}/WELCOME", headers=me) == 204
    assert await status(server, "DELETE", f"{mine}/WELCOME", headers=me) == 404

    more = await good(server, "PATCH", f"{codes}/{code['id']}", {"max_uses": 5, "clear": ["max_uses_per_driver"]})
    assert (more["max_uses"], more["max_uses_per_driver"]) == (5, None)
    assert await status(server, "DELETE", f"{codes}/{code['id']}") == 204
    assert await status(server, "DELETE", f"{codes}/{code['id']}") == 409
    assert await status(server, "PATCH", f"{codes}/{code['id']}", {"max_uses": 9}) == 409
    assert (await good(server, "GET", f"{codes}?state=open"))["total"] == 0


async def test_prices_of_a_source(server: TestServer) -> None:
    rules = {"components": [{"kind": "energy", "rate": "14", "source": "grid"}]}
    number = (await good(server, "POST", TARIFFS, {"name": "Grid", "rules": rules}))["tariff"]["id"]
    await good(server, "POST", f"{TARIFFS}/assignments", {"tariff_id": number, "level": "tenant"})
    (silent,) = (await good(server, "GET", f"{TARIFFS}/sources"))["items"]
    assert (silent["name"], silent["prices"], silent["tariffs"]) == ("grid", 0, ["Grid"])
    hour = server.ports.clock.now() + DAY_MS
    body = {"prices": [{"from_at": iso(hour + each * HOUR_MS), "price": f"{5 + each}.5"} for each in range(3)]}
    path = f"{TARIFFS}/sources/grid/prices"
    assert await good(server, "PUT", path, body) == {"source": "grid", "taken": 3, "kept": 0}
    first = await good(server, "GET", f"{path}?limit=2")
    assert ([each["price"] for each in first["items"]], bool(first["next"])) == (["7.5", "6.5"], True)
    rest = await good(server, "GET", f"{path}?limit=2&after={first['next']}")
    assert ([each["price"] for each in rest["items"]], rest["next"]) == (["5.5"], None)
    oldest = await good(server, "GET", f"{path}?limit=2&sort=at")
    assert ([each["price"] for each in oldest["items"]], bool(oldest["next"])) == (["5.5", "6.5"], True)
    rest = await good(server, "GET", f"{path}?limit=2&sort=at&after={oldest['next']}")
    assert ([each["price"] for each in rest["items"]], rest["next"]) == (["7.5"], None)
    back = await good(server, "GET", f"{path}?limit=2&sort=at&after={first['next']}")
    assert [each["price"] for each in back["items"]] == ["7.5"], (
        "a cursor goes on from its place in the direction that is asked for"
    )
    between = f"from_at={iso(hour + HOUR_MS)}&to_at={iso(hour + 2 * HOUR_MS)}".replace("+", "%2B")
    assert [each["price"] for each in (await good(server, "GET", f"{path}?{between}"))["items"]] == ["6.5"]
    assert await status(server, "GET", f"{path}?sort=price") == 422
    assert [(await good(server, "GET", f"{TARIFFS}/sources?used={used}"))["total"] for used in ("true", "false")] == [1, 0]
    assert await status(server, "GET", f"{path}?after=x") == 422
    priced = await good(server, "POST", f"{TARIFFS}/calculate", {"energy_wh": 10_000, "duration_s": 7200, "started_at": iso(hour)})
    assert [(each["quantity"], each["unit_price"]) for each in priced["price"]["lines"]] == [("5.000", "5.5"), ("5.000", "6.5")]
    past = {"prices": [{"from_at": "2020-01-01T00:00:00Z", "price": "1"}]}
    assert (await good(server, "PUT", path, past))["taken"] == 1
    assert (await good(server, "PUT", path, past))["kept"] == 1
    assert (await good(server, "GET", f"{TARIFFS}/sources"))["items"][0]["prices"] == 4


async def test_the_routes_are_described(server: TestServer) -> None:
    document = await good(server, "GET", "/api/v1/openapi.json")
    paths = {path for path in document["paths"] if path.startswith((TARIFFS, "/api/v1/me/tariffs"))}
    assert len(paths) >= 14
    assert f"{TARIFFS}/{{tariff_id}}/versions/{{number}}" in paths
