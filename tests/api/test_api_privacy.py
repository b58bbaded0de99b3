"""A driver's privacy over HTTP: everything that is held of them is handed out, and erased for good."""

from __future__ import annotations

import io
import json
import zipfile

from csms.core.ports import Tx
from csms.domain.privacy import flows
from csms.testing.fixtures import ConnectCharger
from csms.testing.server import TestServer

CARD, NAME, EMAIL, PLATE = "04Ab77FF", 'Asha "Ash" Räo', "asha@example.org", "MH12AB1234"


async def a_driver_with_a_past(server: TestServer, charger: ConnectCharger) -> tuple[int, dict[str, str]]:
    """A driver who logs in, has a card, a vehicle and a ticket, and has charged."""
    login = await server.login_as("driver", email=EMAIL)
    (row,) = await server.rows("SELECT driver_id FROM memberships WHERE role = 'driver'")
    driver_id: int = row["driver_id"]
    await server.do(
        lambda tx: tx.run("UPDATE drivers SET name = :name, phone = '+91 20 5550 01 99' WHERE tenant = :tenant", name=NAME)
    )
    await server.do(
        lambda tx: tx.run(
            "INSERT INTO vehicles (tenant, driver_id, plate, make, created_at) VALUES (:tenant, :driver, :plate, 'Tata', 0)",
            driver=driver_id,
            plate=PLATE,
        )
    )
    await server.add_token(CARD, driver_id=driver_id, label="blue card")
    box = await charger("CP1")
    await box.call("Authorize", {"idTag": CARD})
    begun = await box.call(
        "StartTransaction", {"connectorId": 1, "idTag": CARD, "meterStart": 0, "timestamp": "2026-01-01T10:00:00Z"}
    )
    stop = {"transactionId": begun["transactionId"], "idTag": CARD.lower(), "meterStop": 9000, "timestamp": "2026-01-01T11:00:00Z"}
    meter = {"connectorId": 1, "transactionId": begun["transactionId"]}
    values = [{"timestamp": "2026-01-01T10:30:00Z", "sampledValue": [{"value": "4500"}]}]
    await box.call("MeterValues", {**meter, "meterValue": values})
    refused = await server.request("POST", f"/api/v1/drivers/{driver_id}/privacy/erase")
    assert refused.status_code == 409, "while they charge"
    await box.call("StopTransaction", stop)
    ticket = {"title": "Invoice", "body": f"I am {NAME}", "transaction_id": begun["transactionId"]}
    asked = (await server.request("POST", "/api/v1/me/tickets", ticket, headers=login)).json()
    attached = await server.send("POST", f"/api/v1/me/tickets/{asked['id']}/attachments", b"my address", headers=login)
    assert attached.status_code == 201, attached.text
    return driver_id, login


async def test_everything_that_is_held_is_handed_out(server: TestServer, charger: ConnectCharger) -> None:
    driver_id, login = await a_driver_with_a_past(server, charger)
    answer = await server.request("POST", f"/api/v1/drivers/{driver_id}/privacy/export")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        names = packed.namelist()
        data = json.loads(packed.read("data.json"))
        readings = packed.read("meter_readings.csv").decode()
        (document,) = [packed.read(name) for name in names if name.startswith("documents/")]
    assert (data["driver"]["name"], data["account"]["email"]) == (NAME, EMAIL)
    assert (data["vehicles"][0]["plate"], data["tokens"][0]["value"]) == (PLATE, CARD)
    assert data["transactions"][0]["started_at"] == "2026-01-01T10:00:00.000Z"
    assert [each["body"] for each in data["tickets"][0]["messages"]] == [f"I am {NAME}"]
    assert "4500" in readings
    assert document == b"my address"
    assert "password" not in json.dumps(data)

    def much(tx: Tx) -> None:
        tx.many(
            "INSERT INTO audit_log (tenant, at, actor_kind, actor_name, action, subject_kind, subject_id, remote_address, request_id)"
            " VALUES (:tenant, :now, 'user', 'ada', 'drivers.change', 'driver', :driver_id, '', '')",
            [{"driver_id": str(driver_id)}] * 250,
        )

    await server.do(much)
    alone = await server.request("POST", f"/api/v1/drivers/{driver_id}/privacy/export?format=json")
    assert alone.json()["driver"] == data["driver"]
    assert len(alone.json()["audit_log"]) > 250, "all of it, the export before included"
    assert (await server.request("POST", "/api/v1/drivers/99/privacy/export")).status_code == 404
    assert (await server.request("POST", f"/api/v1/drivers/{driver_id}/privacy/export?format=xml")).status_code == 422
    for role, status in (("support", 403), ("tenant_operator", 403), ("tenant_owner", 200)):
        who = await server.login_as(role)
        assert (await server.request("POST", f"/api/v1/drivers/{driver_id}/privacy/export", headers=who)).status_code == status
    assert (await server.request("POST", f"/api/v1/drivers/{driver_id}/privacy/export", headers=login)).status_code == 403
    await server.request("POST", "/api/v1/tenants", {"slug": "north", "name": "North", "currency": "EUR", "time_zone": "UTC"})
    for verb in ("export", "erase"):
        path = f"/api/v1/drivers/{driver_id}/privacy/{verb}"
        assert (await server.request("POST", path, headers={"X-Tenant": "north"})).status_code == 404


async def everything(server: TestServer) -> str:
    """Every text in the store but the audit log's."""
    found = []
    for table in await server.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"):
        if table["name"] not in ("audit_log", "given_answers"):
            found += [f"{table['name']}: {dict(row)}" for row in await server.rows(f"SELECT * FROM {table['name']}")]
    return "\n".join(found).casefold()


async def test_a_driver_is_erased_for_good_and_the_transactions_stay(server: TestServer, charger: ConnectCharger) -> None:
    driver_id, login = await a_driver_with_a_past(server, charger)
    assert CARD.casefold() in await everything(server)
    path = f"/api/v1/drivers/{driver_id}/privacy"
    assert (await server.request("GET", f"{path}/erasure")).status_code == 404
    erased = await server.request("POST", f"{path}/erase")
    assert (erased.status_code, erased.json()["done_at"]) == (200, None)
    assert (await server.request("POST", f"{path}/erase")).json() == erased.json(), "again changes nothing"
    assert (await server.request("GET", "/api/v1/me/tickets", headers=login)).status_code == 401
    assert await server.ports.documents.names(before=2**60) == []
    await server.do(lambda tx: tx.run("UPDATE erasures SET asked_at = 0 WHERE tenant = :tenant"))
    assert await flows.mask_traces(server.ports) == 1
    done = (await server.request("GET", f"{path}/erasure")).json()
    assert done["done_at"] is not None
    assert done["masked"] > 3
    left = await everything(server)
    for word in (CARD, "asha", "Räo", PLATE, "20 5550 01", "my address"):
        lines = [line for line in left.splitlines() if word.casefold() in line]
        assert not lines, f"{word} is still in {lines[0][:300]}"
    assert "tata" in left, "what identifies nobody stays"
    (transaction,) = await server.rows("SELECT * FROM transactions")
    assert (transaction["energy_wh"], transaction["driver_id"], transaction["token"]) == (9000, driver_id, "erased-token-1")
    assert transaction["stop_token"] == "erased-token-1"
    frames = await server.rows("SELECT text FROM frames WHERE text LIKE '%erased-token-1%'")
    assert all(json.loads(row["text"]) for row in frames), "masked frames are still JSON"
    assert len(frames) >= 3
    (told,) = await server.rows("SELECT payload FROM events WHERE type = 'driver_erased'")
    assert json.loads(told["payload"]) == {"driver_id": driver_id}
    audited = (await server.request("GET", f"/api/v1/audit?subject_kind=driver&subject_id={driver_id}&action=privacy.erase")).json()
    assert len(audited["items"]) == 2
    assert await flows.mask_traces(server.ports) == 0
    await server.add_token(CARD)  # the card may be issued again, to somebody else
