"""Support tickets over HTTP: between a driver and the operator's people, and who sees what of them."""

from __future__ import annotations

from functools import partial

from csms.domain.stations import service as stations
from csms.domain.tenants.model import SettingsChange
from csms.domain.tenants.service import change_settings
from csms.domain.tickets import flows
from csms.testing.server import TestServer


async def test_a_ticket_from_its_question_to_its_end(server: TestServer) -> None:
    driver, support = await server.login_as("driver"), await server.login_as("support")
    asked = await server.request(
        "POST", "/api/v1/me/tickets", {"title": "Cable stuck", "body": "It does not let go."}, headers=driver
    )
    assert (asked.status_code, asked.json()["state"], asked.json()["opened_by"]) == (201, "open", "driver")
    mine, ticket_id = asked.headers["Location"], asked.json()["id"]
    theirs = f"/api/v1/tickets/{ticket_id}"

    note = {"body": "He sounds upset.", "internal": True}
    assert (await server.request("POST", f"{theirs}/messages", note, headers=support)).json()["state"] == "open"
    answered = await server.request("POST", f"{theirs}/messages", {"body": "Try the red button."}, headers=support)
    assert answered.json()["state"] == "pending"
    seen = (await server.request("GET", mine, headers=driver)).json()
    assert [each["body"] for each in seen["messages"]] == ["It does not let go.", "Try the red button."]
    assert seen["ticket"]["messages"] == 2, "the note is not counted either"
    assert len((await server.request("GET", theirs, headers=support)).json()["messages"]) == 3

    people = (await server.request("GET", "/api/v1/tickets", headers=support)).json()
    assert (people["total"], people["items"][0]["title"]) == (1, "Cable stuck")
    (user,) = await server.rows("SELECT user_id, name FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.role = 'support'")
    wanted = {"priority": "urgent", "assignee_id": user["user_id"], "state": "resolved"}
    changed = await server.request("PATCH", theirs, wanted, headers=support)
    assert (changed.json()["assignee"], changed.json()["priority"], changed.json()["state"]) == (user["name"], "urgent", "resolved")
    assert (await server.request("PATCH", theirs, {"assignee_id": 999}, headers=support)).status_code == 404
    assert (await server.request("PATCH", theirs, {"state": "closed"}, headers=support)).status_code == 422
    assert (await server.request("GET", "/api/v1/tickets?assigned=true&priority=urgent&search=CABLE", headers=support)).json()[
        "total"
    ] == 1
    assert (await server.request("GET", "/api/v1/tickets?assigned=false", headers=support)).json()["total"] == 0

    again = await server.request("POST", f"{mine}/messages", {"body": "Stuck again."}, headers=driver)
    assert (again.json()["state"], again.json()["resolved_at"]) == ("open", None)
    closed = await server.request("POST", f"{mine}/close", headers=driver)
    assert closed.json()["state"] == "closed"
    assert (await server.request("POST", f"{mine}/messages", {"body": "One more."}, headers=driver)).status_code == 409
    assert (await server.request("POST", f"{theirs}/messages", {"body": "One more."}, headers=support)).status_code == 409
    told = [row["type"] for row in await server.rows("SELECT type FROM events WHERE type LIKE 'ticket%' ORDER BY sequence")]
    assert told == ["ticket_opened", "ticket_replied", "ticket_replied", "ticket_closed"], "of notes nothing is told"
    payloads = "".join(row["payload"] for row in await server.rows("SELECT payload FROM events WHERE type LIKE 'ticket%'"))
    assert "red button" not in payloads
    assert (await server.rows("SELECT count(*) AS n FROM audit_log WHERE subject_kind = 'ticket'"))[0]["n"] >= 6


async def test_nobody_sees_the_tickets_of_others(server: TestServer) -> None:
    first, second = await server.login_as("driver"), await server.login_as("driver")
    asked = (await server.request("POST", "/api/v1/me/tickets", {"title": "Mine", "body": "Hello"}, headers=first)).json()
    mine = f"/api/v1/me/tickets/{asked['id']}"
    for method, path, body in [
        ("GET", mine, None),
        ("POST", f"{mine}/messages", {"body": "x"}),
        ("POST", f"{mine}/close", None),
        ("POST", f"{mine}/attachments", None),
    ]:
        assert (await server.request(method, path, body, headers=second)).status_code == 404, path
    assert (await server.request("GET", "/api/v1/me/tickets", headers=second)).json()["total"] == 0
    assert (await server.request("GET", "/api/v1/tickets", headers=first)).status_code == 403
    assert (await server.request("GET", "/api/v1/me/tickets")).status_code == 403, "the operator key is no driver"
    assert (await server.request("GET", "/api/v1/me/tickets", authorized=False)).status_code == 401
    station = (await server.do(stations.add_station, "Depot")).id
    await server.add_charger("CP1", station_id=station)
    about = {"title": "Broken", "body": "Screen is dark", "charger_id": "CP1"}
    at_depot = (await server.request("POST", "/api/v1/me/tickets", about, headers=first)).json()
    assert at_depot["station_id"] == station
    there = await server.login_as("tenant_operator", stations=[station])
    elsewhere = await server.login_as("tenant_operator", stations=[(await server.do(stations.add_station, "Far")).id])
    assert [each["id"] for each in (await server.request("GET", "/api/v1/tickets", headers=there)).json()["items"]] == [
        at_depot["id"]
    ]
    assert (await server.request("GET", f"/api/v1/tickets/{at_depot['id']}", headers=there)).status_code == 200
    assert (await server.request("GET", f"/api/v1/tickets/{asked['id']}", headers=there)).status_code == 404
    assert (await server.request("GET", f"/api/v1/tickets/{at_depot['id']}", headers=elsewhere)).status_code == 404
    await server.request("POST", "/api/v1/tenants", {"slug": "north", "name": "North", "currency": "EUR", "time_zone": "UTC"})
    assert (await server.request("GET", f"/api/v1/tickets/{asked['id']}", headers={"X-Tenant": "north"})).status_code == 404
    for wrong, status in [
        ({"title": "", "body": "x"}, 422),
        ({"title": "x", "body": ""}, 422),
        ({"title": "x", "body": "x", "transaction_id": 4}, 404),
        ({"title": "x", "body": "x", "charger_id": "CP9"}, 404),
        ({"title": "x", "body": "x", "charger_id": "CP1", "station_id": station + 1}, 422),
        ({"title": "x", "body": "x", "driver_id": 1}, 422),
    ]:
        assert (await server.request("POST", "/api/v1/me/tickets", wrong, headers=first)).status_code == status, wrong


async def test_files_are_attached_by_both_sides(server: TestServer) -> None:
    driver, other = await server.login_as("driver"), await server.login_as("driver")
    ticket = (await server.request("POST", "/api/v1/me/tickets", {"title": "Receipt", "body": "?"}, headers=driver)).json()
    mine = f"/api/v1/me/tickets/{ticket['id']}/attachments"
    added = await server.send("POST", mine, b"date,kWh\n1,2\n", headers={**driver, "Content-Type": "text/csv"})
    assert (added.status_code, added.json()["content_type"]) == (201, "text/plain"), "nothing said that it is CSV"
    shown = await server.request("GET", added.headers["Location"], headers=driver)
    assert shown.content == b"date,kWh\n1,2\n"
    link = (await server.request("GET", f"{added.headers['Location']}/link", headers=driver)).json()
    assert (await server.request("GET", link["url"], authorized=False)).content == shown.content
    assert (await server.request("GET", added.headers["Location"], headers=other)).status_code == 404
    answer = await server.send("POST", f"/api/v1/tickets/{ticket['id']}/attachments", b"%PDF-1.4 receipt")
    assert answer.status_code == 201
    detail = (await server.request("GET", f"/api/v1/me/tickets/{ticket['id']}", headers=driver)).json()
    assert len(detail["attachments"]) == 2
    other_ticket = (await server.request("POST", "/api/v1/me/tickets", {"title": "Other", "body": "?"}, headers=other)).json()
    crossed = f"/api/v1/me/tickets/{other_ticket['id']}/attachments/{added.json()['id']}"
    assert (await server.request("GET", crossed, headers=other)).status_code == 404, "an attachment of another's ticket"
    await server.request("POST", f"/api/v1/tickets/{ticket['id']}/close")
    assert (await server.send("POST", mine, b"late", headers=driver)).status_code == 409


async def test_a_resolved_ticket_closes_by_itself(server: TestServer) -> None:
    driver = await server.login_as("driver")
    for title in ("Old", "New"):
        added = (await server.request("POST", "/api/v1/me/tickets", {"title": title, "body": "?"}, headers=driver)).json()
        await server.request("PATCH", f"/api/v1/tickets/{added['id']}", {"state": "resolved"})
    await server.do(
        lambda tx: tx.run("UPDATE tickets SET resolved_at = resolved_at - 4 * 86400000 WHERE tenant = :tenant AND title = 'Old'")
    )
    assert await flows.close_resolved(server.ports) == 0
    await server.do(partial(change_settings, wanted=SettingsChange(tickets_close_days=3)))
    assert await flows.close_resolved(server.ports) == 1
    found = (await server.request("GET", "/api/v1/tickets?closed=true")).json()
    assert [each["title"] for each in found["items"]] == ["Old"]
    (told,) = await server.rows("SELECT payload FROM events WHERE type = 'ticket_closed'")
    assert '"system"' in told["payload"]


async def test_a_driver_cannot_open_tickets_without_end(server: TestServer) -> None:
    driver = await server.login_as("driver")
    statuses = [
        (await server.request("POST", "/api/v1/me/tickets", {"title": f"{number}", "body": "?"}, headers=driver)).status_code
        for number in range(21)
    ]
    assert statuses == [201] * 20 + [409]
