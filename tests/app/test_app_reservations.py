"""Reservations from the API over the wire to the charger and back: made, used, refused, cancelled, made again after a boot."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import trio

from csms.config import Config, DatabaseConfig, ReservationsConfig
from csms.core.units import iso, parse_instant
from csms.domain.reservations import flows
from csms.testing.charger import ScriptedCharger
from csms.testing.fixtures import ConnectCharger
from csms.testing.script import Script16, script
from csms.testing.server import TestServer, config_for

HOUR_MS = 3_600_000


@pytest.fixture
def server_config(store_config: DatabaseConfig, tmp_path: Any) -> Config:
    return config_for(tmp_path, database=store_config)


async def obeyed(
    server: TestServer, scripted: ScriptedCharger, path: str, body: Any, action: str, status: str, method: str = "POST"
) -> tuple[Any, Any]:
    """A request to the API, and the charger's answer: what the charger was asked, and what the API said."""
    answers: list[httpx.Response] = []

    async def ask() -> None:
        answers.append(await server.request(method, f"/api/v1/{path}", body))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        asked = await scripted.obey(action, {"status": status})
    return asked, answers[0].json()


async def test_a_reserved_connector_is_for_its_token(server: TestServer, charger: ConnectCharger) -> None:
    for token in ("CARD", "OTHER"):
        await server.add_token(token)
    scripted = await charger("C1")
    say = script(scripted)
    assert isinstance(say, Script16)
    now = server.ports.clock.now()
    await say.status(1, "Available", now)
    body = {"charger_id": "C1", "place": {"evse": 1, "connector": 1}, "token": {"value": "CARD"}, "expires_at": iso(now + HOUR_MS)}
    asked, made = await obeyed(server, scripted, "reservations", body, "ReserveNow", "Accepted")
    known = made["reservation"]
    assert asked["connectorId"] == 1
    assert asked["idTag"] == "CARD"
    assert asked["reservationId"] == known["id"]
    assert parse_instant(asked["expiryDate"]) == (now + HOUR_MS, True)
    assert (made["outcome"], made["status"], known["state"]) == ("Answered", "Accepted", "active")

    await say.status(1, "Reserved", now)
    refused = await say.start("OTHER", at=now)
    assert refused.token_status == "Blocked", "1.6 has no word for another time (§7.2)"
    remote = await server.command("C1", "StartCharging", token={"value": "OTHER"}, place={"evse": 1, "connector": 1})
    assert remote["status"] == 409
    again = await server.request("POST", "/api/v1/reservations", {**body, "token": {"value": "OTHER"}})
    assert again.status_code == 409

    payload = {"connectorId": 1, "idTag": "CARD", "meterStart": 5, "timestamp": asked["expiryDate"], "reservationId": known["id"]}
    started = await scripted.call("StartTransaction", payload)
    assert started["idTagInfo"]["status"] == "Accepted"
    used = (await server.request("GET", f"/api/v1/reservations/{known['id']}")).json()
    assert (used["state"], used["transaction_id"]) == ("used", started["transactionId"])
    (listed,) = (await server.request("GET", "/api/v1/reservations?state=used&charger_id=C1&open=false")).json()["items"]
    assert listed == used


async def test_changed_over_the_wire(server: TestServer, charger: ConnectCharger) -> None:
    await server.add_token("CARD")
    scripted = await charger("C1")
    expires_at = server.ports.clock.now() + HOUR_MS
    body = {"charger_id": "C1", "token": {"value": "CARD"}, "expires_at": iso(expires_at)}
    _, made = await obeyed(server, scripted, "reservations", body, "ReserveNow", "Accepted")
    path = f"reservations/{made['reservation']['id']}"
    read = await server.request("GET", f"/api/v1/{path}")
    later = iso(expires_at - 60_000)
    asked, changed = await obeyed(server, scripted, path, {"expires_at": later}, "ReserveNow", "Accepted", "PATCH")
    assert (asked["idTag"], asked["connectorId"], parse_instant(asked["expiryDate"])[0]) == ("CARD", 0, expires_at - 60_000)
    assert (changed["accepted"], changed["reservation"]["expires_at"]) == (True, later)
    stale = await server.request("PATCH", f"/api/v1/{path}", {}, headers={"If-Match": read.headers["ETag"]})
    assert stale.status_code == 412, "and the charger is not asked"
    audited = await server.rows("SELECT action, subject_id FROM audit_log WHERE action LIKE 'reservations.%' ORDER BY id")
    assert [each["action"] for each in audited] == ["reservations.make", "reservations.change"]
    assert {each["subject_id"] for each in audited} == {str(made["reservation"]["id"])}


async def test_cancelled_over_the_wire(server: TestServer, charger: ConnectCharger) -> None:
    await server.add_token("CARD")
    scripted = await charger("C1")
    body = {"charger_id": "C1", "token": {"value": "CARD"}, "expires_at": iso(server.ports.clock.now() + HOUR_MS)}
    asked, made = await obeyed(server, scripted, "reservations", body, "ReserveNow", "Accepted")
    assert asked["connectorId"] == 0, "no place is any"
    number = made["reservation"]["id"]
    path = f"reservations/{number}/cancel"
    asked, cancelled = await obeyed(server, scripted, path, {}, "CancelReservation", "Accepted")
    assert asked == {"reservationId": number}
    assert cancelled["reservation"]["state"] == "cancelled"
    assert (await server.request("POST", f"/api/v1/{path}", {})).status_code == 409


async def test_send_goes_through_the_slice(server: TestServer, charger: ConnectCharger) -> None:
    """``csms send C1 ReserveNow`` numbers and remembers what it reserves; the charger refuses, or changes it."""
    await server.add_token("CARD")
    scripted = await charger("C1")
    expires_at = server.ports.clock.now() + HOUR_MS
    fields = {"place": {"evse": 1, "connector": 1}, "token": {"value": "CARD"}, "expires_at": iso(expires_at)}
    path = "chargers/C1/commands/ReserveNow"
    asked, told = await obeyed(server, scripted, path, fields, "ReserveNow", "Faulted")
    assert (told["status"], told["state"], told["reservation_id"]) == ("Faulted", "refused", asked["reservationId"])
    asked, told = await obeyed(server, scripted, path, fields, "ReserveNow", "Accepted")
    number = told["reservation_id"]
    changed, _ = await obeyed(
        server,
        scripted,
        path,
        {**fields, "reservation_id": number, "expires_at": iso(expires_at - 60_000)},
        "ReserveNow",
        "Accepted",
    )
    assert changed["reservationId"] == number
    path = "chargers/C1/commands/CancelReservation"
    _, told = await obeyed(server, scripted, path, {"reservation_id": number}, "CancelReservation", "Rejected")
    assert (told["status"], told["state"]) == ("Rejected", "released")
    rows = await server.rows("SELECT id, state FROM reservations ORDER BY id")
    assert [row["state"] for row in rows] == ["refused", "released"]


async def test_after_a_boot_the_charger_is_told_again(server: TestServer, charger: ConnectCharger) -> None:
    await server.add_token("CARD")
    scripted = await charger("C1")
    body = {"charger_id": "C1", "token": {"value": "CARD"}, "expires_at": iso(server.ports.clock.now() + HOUR_MS)}
    first, _ = await obeyed(server, scripted, "reservations", body, "ReserveNow", "Accepted")
    await scripted.boot_v16()
    await server.do(lambda tx: tx.run("UPDATE reservations SET ask_at = :now WHERE tenant = :tenant", now=tx.now))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(flows.ask_again, ReservationsConfig(), server.ports)
        assert await scripted.obey("ReserveNow", {"status": "Accepted"}) == first
    (row,) = await server.rows("SELECT state FROM reservations")
    assert row == {"state": "active"}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "reservations/99", None, 404),
        ("GET", "reservations?state=lost", None, 422),
        ("GET", "reservations?open=yes", None, 422),
        ("GET", "reservations?limit=0", None, 422),
        ("GET", "reservations?sort=colour", None, 422),
        ("POST", "reservations", {}, 422),
        ("POST", "reservations", {"charger_id": "C9", "token": {"value": "CARD"}, "expires_at": iso(2**42)}, 404),
        ("POST", "reservations/99/cancel", {}, 404),
        ("PATCH", "reservations/99", {"token": {"value": "CARD"}, "expires_at": iso(2**42)}, 404),
        ("PATCH", "reservations/99", {"state": "active"}, 422),
    ],
)
async def test_what_cannot_be(server: TestServer, method: str, path: str, body: Any, status: int) -> None:
    assert (await server.request(method, f"/api/v1/{path}", body)).status_code == status
