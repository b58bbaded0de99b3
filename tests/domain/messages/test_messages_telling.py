"""What is told of events, to whom; and what is forgotten with a driver."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import attrs
import pytest

from csms import identity
from csms.core.access import SUPPORT, TENANT_OPERATOR, TENANT_OWNER
from csms.core.events import Delivered
from csms.core.ids import DEFAULT_TENANT
from csms.core.messages import Notice
from csms.core.payments import GatewayAway
from csms.domain.alerts.model import AlertRaised
from csms.domain.drivers import service as drivers
from csms.domain.messages import listeners, personal, progress
from csms.domain.messages.telling import TABLE
from csms.domain.payments import flows as payments_flows
from csms.domain.payments.model import NewPayment
from csms.domain.reservations.model import ReservationEnded
from csms.domain.stations import service as stations
from csms.domain.tickets import service as tickets
from csms.domain.tickets.model import Author, NewTicket, StaffReply, TicketReplied
from csms.domain.transactions.model import TransactionEnded, TransactionStarted
from csms.domain.users.model import UserChanged, UserJoined
from csms.testing.plugins import example

from .conftest import PostOffice


async def happen(office: PostOffice, event: Any, event_id: int = 1) -> None:
    await listeners.heard(office.ports, Delivered(event_id, DEFAULT_TENANT, office.clock.now(), event))


async def told(office: PostOffice, event: Any, event_id: int = 1) -> list[tuple[str, str]]:
    """Template and recipient of everything that is sent of an event."""
    before = len(office.email.sent)
    await happen(office, event, event_id)
    await happen(office, event, event_id)  # twice the same event is told once
    await office.work()
    return [(each.template, each.recipient) for each in office.email.sent[before:]]


async def with_charger(office: PostOffice) -> int:
    station = await office.database.write(partial(stations.add_station, name="MG Road"), tenant=DEFAULT_TENANT)
    await office.database.write(partial(stations.add_charger, charger_id="C1", station_id=station.id), tenant=DEFAULT_TENANT)
    return station.id


async def test_drivers_hear_of_their_charges_and_reservations(office: PostOffice) -> None:
    await with_charger(office)
    now = office.clock.now()
    about = {"charger_id": "C1", "driver_id": office.driver_id, "evse": 2, "token_status": "Accepted", "started_at": now}
    started = example(TransactionStarted, **about)
    assert await told(office, started) == [("charging_started", "asha@example.org")]
    assert "MG Road, C1, connector 2" in office.email.sent[0].text
    assert await told(office, example(TransactionStarted, **{**about, "token_status": "Blocked"}), 2) == []
    assert await told(office, example(TransactionStarted, **{**about, "started_at": now - 7_200_000}), 3) == [], "no news"
    assert await told(office, example(TransactionStarted, **{**about, "driver_id": None}), 4) == []
    ended = example(TransactionEnded, **about, state="completed", stopped_at=now + 3_600_000, energy_wh=7000)
    assert await told(office, ended, 5) == [("charging_ended", "asha@example.org")]
    assert "7.00 kWh in 1 h" in office.email.sent[-1].text
    over = example(ReservationEnded, charger_id="C1", driver_id=office.driver_id, state="expired", evse=1)
    assert await told(office, over, 6) == [("reservation_ended", "asha@example.org")]
    assert await told(office, example(ReservationEnded, driver_id=office.driver_id, state="used"), 7) == []


async def test_money_is_told_by_the_names_of_events_whoever_tells_them(office: PostOffice) -> None:
    def event(type: str, **fields: Any) -> Any:
        return SimpleNamespace(type=type, driver_id=office.driver_id, **fields)

    money = {"currency": "INR"}
    paid = event("bill_settled", total_minor=24150, open_minor=0, charger_id="", energy_wh=1000, ended_at=0, **money)
    assert await told(office, paid) == [("receipt", "asha@example.org")]
    assert await told(office, event("bill_settled", total_minor=24150, open_minor=5, **money), 2) == []
    assert await told(office, event("bill_settled", total_minor=0, open_minor=0, **money), 3) == []
    link = event("bill_open", open_minor=500, pay_url="https://pay.example.org/1", **money)
    assert [each[0] for each in await told(office, link, 4)] == ["payment_link"]
    assert office.email.sent[-1].actions == (("Pay now", "https://pay.example.org/1"),)
    expected = {
        "wallet_low": ({"available_minor": 4200, **money}, "low_balance", "₹42.00"),
        "payment_paid": ({"amount_minor": 5000, "purpose": "top_up", **money}, "payment_received", "₹50.00"),
        "payment_failed": ({"amount_minor": 5000, "error": "declined", **money}, "payment_failed", "declined"),
        "refund_made": ({"amount_minor": 5000, "reason": "unused", **money}, "refund", "unused"),
        "invoice_issued": ({"total_minor": 5000, "number": "GC/1", "issued_at": 0, **money}, "invoice_issued", "GC/1"),
    }
    for number, (kind, (fields, template, words)) in enumerate(expected.items(), start=10):
        assert [each[0] for each in await told(office, event(kind, **fields), number)] == [template]
        assert words in office.email.sent[-1].text
    plan = event("plan_renewed", plan_name="Monthly 100", amount_minor=49900, ends_at=office.clock.now(), **money)
    assert [each[0] for each in await told(office, plan, 20)] == ["plan_renewed"]
    assert "Monthly 100 was renewed for ₹499.00. It holds until 1 Jan 2026, 05:30" in office.email.sent[-1].text
    of_plan = {"plan_name": "Monthly 100", "ends_at": office.clock.now(), **money}
    of_plans: dict[str, tuple[dict[str, Any], str]] = {
        "plan_suspended": ({"amount_minor": 49900}, "suspended: ₹499.00 was not paid in time"),
        "plan_resumed": ({}, "goes on where it was. It holds until 1 Jan 2026, 05:30"),
        "plan_changed": ({"amount_minor": 99900, "credited_minor": 12000}, "(₹999.00). ₹120.00 of the plan before was given back"),
        "plan_ended": ({"why": "as wished", "credited_minor": 0}, "has ended: as wished. From now on"),
    }
    for number, (kind, (said, words)) in enumerate(of_plans.items(), start=21):
        assert [each[0] for each in await told(office, event(kind, **of_plan, **said), number)] == [kind]
        assert words in office.email.sent[-1].text
    assert await told(office, event("payment_paid", amount_minor=1, purpose="prepaid", **money), 30) == []
    printed = event("invoice_issued", total_minor=5000, number="GC/2", sends_pdf=True, **money)
    assert await told(office, printed, 32) == [], "it is told with its document, by whoever prints it"
    assert await told(office, event("wallet_low"), 31) == [], "an event that lacks what is needed tells nothing"


async def test_what_is_owed_is_told_with_the_link_by_which_it_is_paid(office: PostOffice, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted: list[NewPayment] = []
    states = ["created", "open"]

    async def want(ports: Any, new: NewPayment, tenant: int) -> Any:
        wanted.append(new)
        return SimpleNamespace(state=states.pop(0), pay_url="https://pay.example.org/1")

    monkeypatch.setattr(payments_flows, "want", want)
    owed = SimpleNamespace(
        type="bill_open", bill_id=7, driver_id=office.driver_id, open_minor=24150, currency="INR", charger_id="C1"
    )
    with pytest.raises(GatewayAway):
        await happen(office, owed)
    await happen(office, owed)
    await office.work()
    (message,) = office.email.sent
    assert message.actions == (("Pay now", "https://pay.example.org/1"),)
    assert (wanted[0].purpose, wanted[0].reference_kind, wanted[0].reference_id, wanted[0].amount_minor) == (
        "bill",
        "bill",
        "7",
        24150,
    )
    assert wanted[0].key == wanted[1].key, "one event asks once"


async def test_an_open_amount_is_told_where_there_is_no_gateway(office: PostOffice) -> None:
    owed = SimpleNamespace(
        type="bill_open", bill_id=7, driver_id=office.driver_id, open_minor=24150, currency="INR", charger_id="C1"
    )
    assert await told(office, owed) == [("payment_link", "asha@example.org")]
    assert office.email.sent[0].actions == ()


async def test_staff_hear_of_alerts_at_their_stations_from_a_severity_on(office: PostOffice) -> None:
    depot = await with_charger(office)
    other = await office.database.write(partial(stations.add_station, name="Other"), tenant=DEFAULT_TENANT)
    for role, email, some in (
        (TENANT_OWNER, "owner@example.org", None),
        (TENANT_OPERATOR, "here@example.org", [depot]),
        (TENANT_OPERATOR, "there@example.org", [other.id]),
        (SUPPORT, "support@example.org", None),
    ):
        await identity.add_user(office.database, role=role, stations=some, email=email, name=role)
    about: dict[str, Any] = {
        "alert_id": 1,
        "subject": "C1",
        "charger_id": "C1",
        "message": "C1 is faulted",
        "kind": "charger_faulted",
    }
    alert = partial(AlertRaised, **about)
    heard = await told(office, alert(severity="error"))
    assert heard == [("station_alert", "owner@example.org"), ("station_alert", "here@example.org")]
    assert "MG Road" in office.email.sent[0].text
    assert await told(office, alert(severity="warning"), 2) == []
    await office.settings(alerts_from="warning", quiet_from="00:00", quiet_to="23:59")
    assert await told(office, alert(severity="warning"), 3) == [], "quiet hours"
    assert len(await told(office, alert(severity="critical"), 4)) == 2, "at any hour"


async def test_tickets_and_accounts(office: PostOffice) -> None:
    author = Author(kind="driver", id=office.driver_id, name="Asha")
    opened = NewTicket(title="Cable stuck", body="?")
    ticket = await office.database.write(tickets.open_ticket, office.driver_id, opened, author, tenant=DEFAULT_TENANT)
    reply = StaffReply(body="On our way.")
    staff = Author(kind="staff", id=1, name="Sam")
    await office.database.write(tickets.staff_reply, ticket.id, staff, reply, tenant=DEFAULT_TENANT)
    (last,) = await office.rows("SELECT max(id) AS id FROM ticket_messages")
    replied = example(TicketReplied, ticket_id=ticket.id, driver_id=office.driver_id, by="staff", message_id=last["id"])
    assert await told(office, replied) == [("ticket_replied", "asha@example.org")]
    assert f"Sam answered your ticket no. {ticket.id}, Cable stuck" in office.email.sent[0].text
    assert await told(office, example(TicketReplied, driver_id=office.driver_id, by="driver"), 2) == []
    ravi = await identity.add_user(office.database, role=SUPPORT, email="ravi@example.org", name="Ravi")
    joined = example(UserJoined, user_id=ravi.id, role=SUPPORT, driver_id=None, tenant=DEFAULT_TENANT)
    assert await told(office, joined, 3) == [("welcome", "ravi@example.org")]
    changed = example(UserChanged, user_id=ravi.id, role=SUPPORT, what="disabled", tenant=DEFAULT_TENANT)
    assert await told(office, changed, 4) == [("access_changed", "ravi@example.org")]
    assert "can no longer log in" in office.email.sent[-1].text


def test_what_is_told_is_what_was_asked_for() -> None:
    asked = {"transaction_started", "transaction_ended", "reservation_made", "reservation_ended", "ticket_replied", "alert_raised"}
    money = {"bill_settled", "bill_open", "wallet_low", "payment_paid", "payment_failed", "refund_made", "invoice_issued"}
    assert asked | money | {"user_joined", "user_changed"} <= set(TABLE)


_TRANSACTION = """
INSERT INTO transactions (id, tenant, charger_id, evse, connector, reference, state, token, token_folded, token_kind, driver_id, token_status,
    started_at, started_at_raw, meter_start_wh, stopped_at_raw, energy_basis, stop_reason, stop_source, stop_token, last_meter_wh,
    charging_state, offline, note, created_at, updated_at)
VALUES (7, :tenant, 'C1', 1, 1, '', 'running', 'T', 't', '', :driver_id, 'Accepted', :now, '', 1000, '', '', '', '', '', 9200, '', 0, '',
    :now, :now)"""


async def test_drivers_hear_how_far_their_charging_is_every_so_many_minutes(office: PostOffice) -> None:
    async def ask(hook: str, /, **question: Any) -> None:
        return None

    await with_charger(office)
    await office.database.write(lambda tx: tx.run(_TRANSACTION, driver_id=office.driver_id), tenant=DEFAULT_TENANT)
    ports = attrs.evolve(office.ports, decisions=cast(Any, SimpleNamespace(ask=ask)))
    assert await progress.tell(ports) == 0, "nobody asked for it"
    await office.settings(progress_every_min=30)
    assert await progress.tell(ports) == 0, "not yet"
    office.clock.advance(31 * 60_000)
    assert await progress.tell(ports) == 1
    assert await progress.tell(ports) == 0, "once each time"
    await office.work()
    assert "MG Road, C1, connector 1 got 8.20 kWh in 31 min" in office.email.sent[0].text
    office.clock.advance(50 * 60_000)
    assert await progress.tell(ports) == 0, "its turn was missed: the next one comes"


async def test_with_a_driver_everything_they_were_told_is_forgotten(office: PostOffice) -> None:
    await office.prefer(off=("plans",))
    await office.tell("receipt", fields={"station": "MG Road"})
    await office.work()
    await office.settings(quiet_from="00:00", quiet_to="23:59")
    await office.tell("refund", fields={"why": "unused"}, actions=(("open", "https://example.org/secret"),))
    held = await office.database.read(personal.holdings, office.driver_id, tenant=DEFAULT_TENANT)
    assert [(each["template"], each["recipient"]) for each in held["messages"]] == [("receipt", "asha@example.org"), ("refund", "")]
    assert held["notification_preferences"][0]["off"] == ["plans"]
    assert await office.database.write(personal.erase, office.driver_id, tenant=DEFAULT_TENANT) == 2
    assert await office.states() == ["sent", "suppressed"]
    for table in ("messages", "notices", "message_log", "message_preferences"):
        rows = str(await office.rows(f"SELECT * FROM {table}"))
        assert not any(each in rows for each in ("asha@", "MG Road", "unused", "secret/", "plans")), table


async def test_who_was_removed_is_told_nothing_that_is_optional(office: PostOffice) -> None:
    removed = await office.database.write(partial(drivers.add_driver, name="Gone"), tenant=DEFAULT_TENANT)
    await office.database.write(drivers.remove_driver, removed.id, tenant=DEFAULT_TENANT)
    await office.desk.tell(Notice(key="1", template="charging_ended", driver_id=removed.id), tenant=DEFAULT_TENANT)
    (row,) = await office.rows()
    assert (row["state"], row["error"]) == ("suppressed", "the recipient was removed")
