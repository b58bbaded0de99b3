"""Messages on their way: by the channel that somebody prefers, at the hours that they like, at least once, and told once."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import attrs
import msgspec
import pytest
import trio

from csms.core.errors import Invalid
from csms.core.ids import DEFAULT_TENANT
from csms.core.messages import EMAIL, SMS, CannotNotify, Message, NeverSent, Notice, NotSent, Receipt
from csms.core.units import from_datetime
from csms.domain.documents import store as documents
from csms.domain.messages import flows
from csms.domain.messages.carrier import Carrier
from csms.domain.messages.model import Came, Rules, message_key
from csms.domain.messages.service import again, sending
from csms.domain.tenants import service as tenants

from .conftest import RULES, PostOffice

NIGHT = {"quiet_from": "22:00", "quiet_to": "07:00"}


async def test_a_notice_goes_by_the_usual_channel_and_is_told_once(office: PostOffice) -> None:
    first = await office.tell(key="charge-1", fields={"charger_id": "C1", "energy_wh": "12000"})
    assert first is not None
    assert await office.tell(key="charge-1") is None
    await office.work()
    (message,) = office.email.sent
    assert (message.recipient, message.language, message.template) == ("asha@example.org", "en", "charging_ended")
    assert "12.00 kWh" in message.subject
    assert "Hello Asha," in message.text
    assert (await office.states(), office.sms.sent) == (["sent"], [])
    events = [row["type"] for row in await office.rows("SELECT type FROM events WHERE type LIKE 'message_%' ORDER BY sequence")]
    assert events == ["message_sent"]


async def test_people_are_reached_as_they_prefer(office: PostOffice) -> None:
    await office.prefer(channels=("sms", "email"), language="hi")
    await office.tell()
    await office.work()
    await office.prefer(channels=(), off=("reservations",))
    await office.tell("charging_started")
    await office.tell("receipt", fields={"amount_minor": "5000"})
    await office.tell("reservation_made")
    await office.work()
    assert [each.template for each in office.sms.sent] == ["charging_ended"], "by the first of their channels"
    assert office.sms.sent[0].language == "hi"
    assert [each.template for each in office.email.sent] == ["receipt"], "what is not optional comes all the same"
    rows = await office.rows()
    assert [row["state"] for row in rows] == ["sent", "suppressed", "sent", "suppressed"]
    assert rows[3]["error"] == "the recipient does without such messages"


async def test_when_a_channel_fails_for_good_the_next_one_is_tried(office: PostOffice) -> None:
    office.email.answers = [NeverSent("no such mailbox")]
    await office.tell()
    await office.work()
    assert len(office.email.attempts) == len(office.sms.sent) == 1
    assert office.email.attempts[0].reference == office.sms.sent[0].reference
    assert await office.log() == ["queued", "never_sent", "next_channel", "sent"]
    office.email.answers, office.sms.answers = [NeverSent("no")], [NeverSent("no such number")]
    await office.tell()
    await office.work()
    (row,) = [row for row in await office.rows() if row["state"] == "failed"]
    assert row["error"] == "no such number"
    (event,) = await office.rows("SELECT payload FROM events WHERE type = 'message_failed'")
    assert msgspec.json.decode(event["payload"])["attempts"] == 2


async def test_what_fails_for_the_moment_is_tried_ever_later_under_the_same_reference(office: PostOffice) -> None:
    office.email.answers = [NotSent("busy"), NotSent("busy", after_s=45.0), NotSent("busy")]
    await office.tell()
    await office.work()
    (row,) = await office.rows()
    assert 8_000 <= row["due_at"] - office.clock.now() <= 12_000
    await office.later(12)
    (row,) = await office.rows()
    assert row["due_at"] - office.clock.now() == 45_000, "as long as the other side said"
    await office.later(45)
    assert len(office.email.attempts) == 3
    assert len(office.sms.sent) == 1, "after so many attempts the next channel is tried"
    assert len({each.reference for each in [*office.email.attempts, *office.sms.sent]}) == 1


async def test_a_crash_between_sending_and_writing_sends_again_under_the_same_reference(
    office: PostOffice, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Crash(BaseException):
        """The process ends here."""

    def crash(*_: Any) -> None:
        raise Crash

    await office.tell()
    (row,) = await office.rows()
    with monkeypatch.context() as patched:
        patched.setattr(flows, "_without", crash)  # the channel took it; nothing of that is written
        with pytest.raises(Crash):
            await flows.carry(office.ports, RULES, DEFAULT_TENANT, row["id"])
    assert await office.states() == ["sending"]
    await office.work()
    assert len(office.email.sent) == 1, "it may still be under way"
    await office.later(RULES.timeout_s + 61)
    assert await office.states() == ["sent"]
    first, second = office.email.sent
    assert first.reference == second.reference
    assert await office.log() == ["queued", "sending", "sent"]


async def test_that_it_was_sent_counts_however_late_it_is_heard(office: PostOffice) -> None:
    await office.tell()
    (row,) = await office.rows()
    available = tuple(office.channels)

    async def begin() -> Any:
        return await office.database.write(sending.begin, row["id"], available, RULES, tenant=DEFAULT_TENANT)

    first = await begin()
    assert await begin() is None, "one attempt at a time"
    office.clock.advance(200_000)
    second = await begin()

    async def settle(parcel: Any, **came: Any) -> None:
        outcome = Came(**came)
        await office.database.write(sending.settle, parcel, outcome, available, RULES, 1.0, tenant=DEFAULT_TENANT)

    await settle(first, sent=False, error="late", for_good=True)
    assert await office.states() == ["sending"], "a newer attempt is under way"
    await settle(first, sent=True, channel_id="x1")
    assert await office.states() == ["sent"]
    await settle(second, sent=False, error="no")
    assert await office.states() == ["sent"]


# --- hours and limits -----------------------------------------------------------------------------------------------------------


async def test_quiet_hours_hold_messages_back_but_not_urgent_ones_nor_codes(office: PostOffice) -> None:
    await office.settings(**NIGHT)
    office.clock.at = from_datetime(datetime(2026, 1, 1, 23, 30, tzinfo=UTC))
    await office.tell("receipt", fields={"amount_minor": "100"})
    await office.tell("low_balance", fields={"balance_minor": "1"}, urgent=True)
    await office.tell("charging_progress")
    await office.codes.notify(
        Message(
            kind="code",
            channel=SMS,
            recipient="+919800000009",
            template="code_login",
            fields={"minutes": "10"},
            secrets={"code": "1"},
        )
    )
    with trio.move_on_after(0.2):
        await office.codes.run()
    await office.work()
    assert [each.template for each in office.email.sent] == ["low_balance"]
    assert [each.template for each in office.sms.sent] == ["code_login"]
    rows = await office.rows()
    assert [row["state"] for row in rows] == ["held", "sent", "suppressed", "sent"]
    assert rows[0]["due_at"] == from_datetime(datetime(2026, 1, 2, 1, 30, tzinfo=UTC)), "07:00 at the tenant's, in India"
    assert rows[2]["error"] == "quiet hours last longer than it is of use"
    office.clock.at = rows[0]["due_at"]
    await office.work()
    assert len(office.email.sent) == 2


async def test_a_recipients_own_hours_count_in_their_time_zone(office: PostOffice) -> None:
    await office.settings(**NIGHT)
    await office.prefer(quiet_from="", time_zone="Europe/Berlin")
    office.clock.at = from_datetime(datetime(2026, 1, 1, 23, 30, tzinfo=UTC))
    await office.tell("receipt")
    await office.work()
    assert await office.states() == ["sent"], "they have none"
    await office.prefer(time_zone="Europe/Berlin")
    await office.tell("receipt")
    (_, row) = await office.rows()
    assert row["due_at"] == from_datetime(datetime(2026, 1, 2, 6, 0, tzinfo=UTC)), "07:00 in Berlin"


async def test_a_recipient_gets_so_many_an_hour_and_the_rest_waits(office: PostOffice) -> None:
    await office.settings(most_per_hour=2)
    for number in range(4):
        await office.tell("receipt", fields={"amount_minor": str(number)})
    await office.work()
    assert len(office.email.sent) == 2
    assert await office.states() == ["sent", "sent", "held", "held"]
    await office.tell("low_balance", urgent=True)
    await office.work()
    assert len(office.email.sent) == 3, "urgent ones pass"
    await office.later(3601)
    assert len(office.email.sent) == 5


async def test_what_comes_to_be_of_no_use_is_not_sent(office: PostOffice) -> None:
    office.email.answers = [NotSent("away")] * 9
    office.sms.answers = [NotSent("away")] * 9
    await office.tell("charging_progress", fields={"energy_wh": "1000"})
    await office.work()
    await office.later(3600)
    (row,) = await office.rows()
    assert (row["state"], row["error"]) == ("failed", "away")


# --- secrets --------------------------------------------------------------------------------------------------------------------


async def test_what_is_secret_is_sealed_until_it_is_sent_and_then_gone(office: PostOffice) -> None:
    office.sms.answers = [NotSent("the text 482915 was refused for now")]
    code = Message(
        kind="code",
        channel=SMS,
        recipient="+919800000009",
        template="code_login",
        language="hi",
        fields={"minutes": "10"},
        secrets={"code": "482915"},
    )
    await office.codes.notify(code)
    with trio.move_on_after(0.2):
        await office.codes.run()
    await office.work()
    (row,) = await office.rows()
    assert row["secrets"].startswith("v1.")
    assert (row["installation"], row["is_secret"], row["error"]) == (1, 1, "the text *** was refused for now")
    await office.later(12)
    assert "482915" in office.sms.sent[0].text
    assert office.sms.sent[0].language == "hi"
    (row,) = await office.rows()
    assert (row["state"], row["secrets"], row["body"], row["subject"]) == ("sent", "", "", "")
    for table in ("messages", "notices", "message_log", "events"):
        assert "482915" not in str(await office.rows(f"SELECT * FROM {table}"))


async def test_codes_are_refused_where_nothing_carries_them(office: PostOffice) -> None:
    message = Message(kind="code", channel=EMAIL, recipient="a@example.org", template="code_login", secrets={"code": "1"})
    del office.channels["email"]
    with pytest.raises(CannotNotify, match="email"):
        await office.codes.notify(message)
    del office.channels["sms"]
    assert await office.tell() is None, "nobody is told anything without channels"


# --- what channels tell later ---------------------------------------------------------------------------------------------------


async def test_channels_tell_what_became_of_a_message_also_before_we_know_that_it_went(office: PostOffice) -> None:
    office.email.answers = [Receipt(channel_id="m-1"), Receipt(channel_id="m-2")]
    await office.desk.heard_back("email", "m-1", "delivered")
    await office.tell()
    await office.work()
    assert await office.states() == ["delivered"]
    await office.desk.heard_back("email", "m-1", "read")
    await office.desk.heard_back("email", "m-1", "delivered")
    await office.desk.heard_back("email", "m-9", "failed")
    await office.desk.heard_back("sms", "m-1", "failed")
    assert await office.states() == ["read"]
    await office.tell()
    await office.work()
    await office.desk.heard_back("email", "m-2", "failed", "the mailbox is full")
    await office.work()
    assert [each.template for each in office.sms.sent] == ["charging_ended"], "a late failure goes on by the next channel"
    assert await office.states() == ["read", "sent"]


async def test_it_is_sent_once_more_as_a_delivery_of_its_own(office: PostOffice) -> None:
    office.email.answers = [NeverSent("no")]
    await office.prefer(channels=("email",))
    await office.tell()
    await office.work()
    assert await office.states() == ["failed"]

    async def resend() -> None:
        verb, available = again.send_again, tuple(office.channels)
        await office.database.write(verb, 1, "another", available, False, tenant=DEFAULT_TENANT, keys=(message_key(1),))

    await resend()
    await office.work()
    first, second = office.email.attempts
    assert first.reference != second.reference == "another"
    assert await office.states() == ["sent"]


async def test_documents_go_with_a_message_and_one_that_cannot_be_read_is_waited_for(office: PostOffice) -> None:
    content = {"receipt.pdf": b"%PDF-1.4", "qr.png": b"PNG"}
    away = True

    async def read(name: str, offset: int, length: int) -> bytes:
        if away:
            raise OSError("the bucket is away")
        return content[name][offset : offset + length]

    for name, kind in (("receipt.pdf", "application/pdf"), ("qr.png", "image/png")):
        values: dict[str, Any] = {
            "kind": "x",
            "subject_kind": "driver",
            "subject_id": "1",
            "name": name,
            "content_type": kind,
            "file": name,
        }
        more: dict[str, Any] = {"size_bytes": len(content[name]), "sha256": "", "state": "", "uploaded_by": ""}
        await office.database.write(partial(documents.insert, **values, **more), tenant=DEFAULT_TENANT)
    office.ports = attrs.evolve(office.ports, documents=cast(Any, SimpleNamespace(read=read)))
    await office.tell("receipt", document_ids=(1, 2, 99))
    await office.work()
    (row,) = await office.rows()
    assert "the bucket is away" in row["error"]
    away = False
    await office.later(12)
    (message,) = office.email.sent
    assert [(each.name, each.content) for each in message.attachments] == [("receipt.pdf", b"%PDF-1.4")]
    assert message.image is not None
    assert message.image.content == b"PNG"


# --- who ------------------------------------------------------------------------------------------------------------------------


async def test_the_carrier_sends_by_itself_each_channel_at_its_pace(office: PostOffice) -> None:
    carrier = Carrier(Rules(parallel_each=2))
    office.email.gate = trio.Event()
    for _ in range(5):
        await office.tell()
    await office.tell("plain", address="sms:+919800000002", fields={"text": "hello"})
    async with trio.open_nursery() as nursery:
        nursery.start_soon(carrier.run, office.ports)
        await office.sms.until(1)
        await office.email.until(2, attempts=True)
        assert len(office.email.attempts) == 2, "no more at a time by one channel"
        office.email.gate.set()
        await office.email.until(5)
        nursery.cancel_scope.cancel()
    assert office.email.most_at_once == 2


async def test_a_channel_that_is_gone_has_its_messages_go_by_another(office: PostOffice) -> None:
    await office.tell()
    del office.channels["email"]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Carrier(RULES).run, office.ports)
        await office.sms.until(1)
        nursery.cancel_scope.cancel()


async def test_other_tenants_drivers_hear_nothing(office: PostOffice) -> None:
    other = await office.database.write(_other_tenant, tenant=DEFAULT_TENANT)
    assert await office.tell(driver_id=office.driver_id, tenant=other) is None
    assert await office.tell("station_alert", staff=True, tenant=other) is None


def _other_tenant(tx: Any) -> int:
    return tenants.add(tx, slug="other", name="Other", currency="EUR", time_zone="Europe/Berlin")


@pytest.mark.parametrize(
    ("notice", "wrong"),
    [
        ({"template": "nonsense", "driver_id": 1}, "no message template"),
        ({"template": "plain"}, "one of"),
        ({"template": "plain", "driver_id": 1, "staff": True}, "one of"),
        ({"template": "plain", "address": "asha@example.org"}, "CHANNEL:RECIPIENT"),
        ({"template": "plain", "address": "email:asha@example.org\nBcc: x@y.z"}, "no address"),
        ({"template": "plain", "driver_id": 1, "actions": (("pay", "javascript:alert(1)"),)}, "actions"),
        ({"template": "plain", "driver_id": 1, "fields": {"text": "x" * 10_001}}, "fields"),
    ],
)
async def test_a_notice_that_cannot_be_told_is_refused(office: PostOffice, notice: dict[str, Any], wrong: str) -> None:
    with pytest.raises(Invalid, match=wrong):
        await office.desk.tell(Notice(key="k", **notice), tenant=DEFAULT_TENANT)
