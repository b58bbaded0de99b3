"""What guests are told of a charge that they pay for, by the addresses that they gave; and how that is forgotten."""

from __future__ import annotations

from functools import partial
from typing import Any

import attrs
import pytest

from csms.core.errors import Invalid
from csms.core.ids import TenantId
from csms.core.messages import Notice, Outgoing
from csms.db import StoreDatabase
from csms.domain.billing.service import prepaying
from csms.domain.messages import flows as messages
from csms.domain.messages import listeners, personal
from csms.domain.messages.carrier import Carrier
from csms.domain.messages.choices import MessageSettings
from csms.domain.messages.desk import Desk
from csms.domain.messages.model import Rules
from csms.domain.messages.store import people, queue
from csms.domain.messages.telling import MOST_UNPAID
from csms.testing.channels import FakeChannel
from csms.testing.stores import SettableClock

from .conftest import MINUTE, Booth, booth_of

PHONE = "+919876543210"
DAY = 1440 * MINUTE
RULES = Rules(public_url="https://csms.example.org")


class Told:
    """The booth's messages: heard of, and sent by channels that keep them."""

    def __init__(self, booth: Booth) -> None:
        self.booth = booth
        self.email, self.sms = FakeChannel("email"), FakeChannel("sms")
        ports = attrs.evolve(booth.ports, channels={"email": self.email, "sms": self.sms})
        self.desk = Desk(ports, Carrier(RULES))
        booth.ports = attrs.evolve(ports, messenger=self.desk)
        booth.hearers += listeners.LISTENERS

    async def work(self) -> list[Outgoing]:
        """Everything that was sent by now, of what was heard."""
        await self.booth.hear()
        for channel in (self.sms, self.email):
            for tenant, message_id in await self.booth.read(queue.due, channel.name, 100):
                await messages.carry(self.booth.ports, RULES, TenantId(tenant), message_id)
        return [*self.sms.sent, *self.email.sent]

    async def templates(self) -> list[tuple[str, str]]:
        return [(each.template, each.recipient) for each in await self.work()]


@pytest.fixture
def told(booth: Booth) -> Told:
    return Told(booth)


async def test_a_guest_with_a_phone_is_told_of_everything_at_any_hour(told: Told) -> None:
    booth = told.booth
    await booth.do(people.save_settings, MessageSettings(quiet_from="00:00", quiet_to="23:59"))
    payment_id, _ = await booth.want(20_000, language="hi-IN")
    (link,) = await told.work()
    assert (link.template, link.recipient, link.language) == ("payment_link", PHONE, "hi")
    pay_url = (await booth.payment(payment_id)).pay_url
    assert pay_url in link.text
    assert "₹200.00" in link.text
    await booth.pay(payment_id)
    await booth.soon()
    charge = await booth.begin()
    await booth.soon(5 * MINUTE)
    assert (await told.templates())[1:] == [("charging_started", PHONE)]
    await booth.end(charge, 1_000)
    await booth.soon()
    assert sorted(await told.templates())[2:] == [("receipt", PHONE), ("refund", PHONE)]
    receipt, refund = sorted(told.sms.sent[2:], key=lambda each: each.template)
    assert all(each in receipt.text for each in ("₹120.00", "1.00 kWh", "₹80.00 वापस")), receipt.text
    assert "₹80.00" in refund.text
    rows = await booth.rows("SELECT payment_id, driver_id, user_id, state FROM messages")
    assert {tuple(row.values()) for row in rows} == {(payment_id, None, None, "sent")}
    sent = await booth.rows("SELECT payload FROM events WHERE type = 'message_sent'")
    assert not any("98765" in row["payload"] for row in sent), "an event names nobody"


async def test_it_comes_to_nothing_and_they_hear_why(told: Told) -> None:
    booth = told.booth
    await booth.paid(email="guest@example.org")
    await booth.soon(5 * MINUTE)
    found = await told.templates()
    assert found == [(each, "guest@example.org") for each in ("payment_link", "prepaid_returned", "refund")]
    assert "no car was plugged in in time" in told.email.sent[1].text
    assert "₹200.00 goes back to where you paid it from" in told.email.sent[1].text
    own, _ = await booth.want_own()
    await booth.pay(own)
    await booth.soon(5 * MINUTE)
    assert (await told.templates())[3:] == [(each, "asha@example.org") for each in ("prepaid_returned", "refund")], "so do drivers"


async def test_nobody_has_links_sent_to_any_number_of_strangers(told: Told) -> None:
    booth = told.booth
    for number in range(MOST_UNPAID + 3):
        await booth.want(phone=f"+9198765432{number:02d}")
    assert len(await told.work()) == MOST_UNPAID, "of one connector, to however many telephones"
    booth.clock.advance(61 * MINUTE)
    payment_id, _ = await booth.want(phone="+919876543299")
    assert len(await told.work()) == MOST_UNPAID + 1
    await booth.pay(payment_id)
    await booth.soon(5 * MINUTE)
    assert {each.recipient for each in (await told.work())[MOST_UNPAID + 1 :]} == {"+919876543299"}, (
        "who paid is told what becomes of it"
    )


async def test_what_is_late_or_too_much_is_not_sent(told: Told) -> None:
    booth = told.booth
    await booth.do(people.save_settings, MessageSettings(most_per_hour=2))
    for _ in range(3):
        await booth.want()
    assert len(await told.work()) == 2, "one telephone, however many payments"
    assert [row["error"] for row in await booth.rows("SELECT error FROM messages WHERE state = 'suppressed'")] == [
        "the recipient was sent too much lately"
    ], "the link is of no use when there is room for it"
    booth.clock.advance(90 * MINUTE)
    await booth.want()
    await booth.hear()
    booth.clock.advance(16 * MINUTE)
    assert len(await told.work()) == 2, "nor is one that nobody can pay any more"


async def test_guests_are_forgotten_with_what_they_were_told(told: Told) -> None:
    booth = told.booth
    payment_id = await booth.paid(email="guest@example.org")
    await booth.soon(5 * MINUTE)
    assert len(await told.work()) == 3
    assert await booth.do(personal.forget_guests) == 0
    booth.clock.advance(91 * DAY)
    assert await booth.do(prepaying.forget_guests) == 1
    assert await booth.do(personal.forget_guests) == 3
    assert await booth.do(personal.forget_guests) == 0
    for table in ("messages", "notices", "message_log", "payments"):
        kept = str(await booth.rows(f"SELECT * FROM {table}"))
        assert not any(each in kept for each in (PHONE, "guest@", "pay.example.org/", "plugged in")) or table == "payments", table
        assert PHONE not in kept, table
        assert "guest@" not in kept, table
    notice = Notice(key="late", template="refund", fields={"amount_minor": "100"}, payment_id=payment_id)
    assert await told.desk.tell(notice, tenant=1) is None, "nobody knows how to reach them"
    with pytest.raises(Invalid, match="a notice is to one of"):
        await told.desk.tell(attrs.evolve(notice, driver_id=booth.driver), tenant=1)


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_another_tenants_guest_is_nobody(engine: str, database: StoreDatabase, clock: SettableClock) -> None:
    told = Told(await booth_of(database, clock))
    payment_id, _ = await told.booth.want()
    other: Any = partial(people.guest, payment_id=payment_id)
    assert await database.read(other, tenant=TenantId(2)) is None
    assert (await told.booth.read(other)).phone == PHONE
