"""Events on their way to receivers: signed, once each where all goes well, again where it does not, and nobody waits for a slow one."""

from __future__ import annotations

import attrs
import pytest
import trio

from csms.core.ids import DEFAULT_TENANT
from csms.core.vault import NoVault
from csms.domain.stations import service as stations
from csms.domain.webhooks import flows, postman, service, store
from csms.domain.webhooks.model import Attempt, RedeliverBody
from csms.domain.webhooks.service import REST_AFTER, Rules
from csms.domain.webhooks.signing import sign
from csms.testing.receiver import Received, receiving

from .conftest import Office, OtherInATest, PostedInATest


def event(number: int, charger_id: str = "C1") -> PostedInATest:
    return PostedInATest(number=number, charger_id=charger_id)


async def test_an_event_arrives_signed_in_its_public_form(office: Office) -> None:
    async with receiving() as receiver:
        made = await office.subscribe(receiver, events=("posted_*",))
        await office.happen(PostedInATest(number=1, reported_at=1000, energy_wh=1500), OtherInATest(number=2))
        await receiver.until(1)
        await office.settled(made.webhook.id, delivered=1)
    (got,) = receiver.received
    assert got.json["type"] == "posted_in_a_test"
    assert got.json["charger_id"] == "C1"
    assert got.json["occurred_at"] == "2026-01-01T00:00:00.000Z"
    assert got.json["data"] == {
        "number": 1,
        "charger_id": "C1",
        "reported_at": "1970-01-01T00:00:01.000Z",
        "energy_wh": 1500,
        "energy_kwh": "1.500",
    }
    assert got.headers["webhook-id"] == f"evt_{got.json['event_id']}"
    timestamp = int(got.headers["webhook-timestamp"])
    assert timestamp == office.clock.now() // 1000
    assert got.headers["webhook-signature"] == sign(made.secret, got.headers["webhook-id"], timestamp, got.body)
    (kept,) = await office.rows("SELECT * FROM webhook_deliveries")
    assert (kept["state"], kept["status"], kept["attempts"]) == ("delivered", 200, 1)


async def test_an_event_that_is_heard_twice_is_sent_once(office: Office) -> None:
    async with receiving() as receiver:
        made = await office.subscribe(receiver)
        one = event(1)
        await office.happen(one)
        (row,) = await office.rows("SELECT sequence FROM events")
        await office.do(service.hear, row["sequence"], one.type, one.key, "C1")
        await office.settled(made.webhook.id, delivered=1)


async def test_what_fails_is_tried_again_ever_later_and_then_has_failed(office: Office) -> None:
    async with receiving(status=500, answer=b"<h1>Oops</h1>") as receiver:
        made = await office.subscribe(receiver)
        await office.happen(event(1))
        for attempt, wait_s in enumerate((1, 2, 4, 0), start=1):
            await receiver.until(attempt, refused=True)
            with trio.fail_after(10):
                while (await office.rows("SELECT attempts FROM webhook_deliveries"))[0]["attempts"] < attempt:
                    await trio.sleep(0.005)
            (row,) = await office.rows("SELECT * FROM webhook_deliveries")
            if wait_s:
                assert 0.8 * wait_s * 1000 <= row["due_at"] - office.clock.now() <= 1.2 * wait_s * 1000
                office.later(1.2 * wait_s)
        assert (row["state"], row["status"], row["answer"]) == ("failed", 500, "<h1>Oops</h1>")
        assert len({each.headers["webhook-id"] for each in receiver.refused}) == 1
        receiver.status = 200
        await office.do(service.redeliver, made.webhook.id, row["id"])
        office.later(60)
        await office.settled(made.webhook.id, delivered=1)


async def test_first_attempts_of_one_charger_go_in_order_and_a_poisoned_one_holds_up_nothing(office: Office) -> None:
    def judge(request: Received) -> int:
        return 500 if request.json["data"]["number"] == 3 else 200

    async with receiving(judge=judge) as receiver:
        made = await office.subscribe(receiver)
        await office.happen(*(event(number, charger_id=f"C{number % 2}") for number in range(20)))
        await office.settled(made.webhook.id, delivered=19, waiting=1)
    for charger in ("C0", "C1"):
        numbers = [each.json["data"]["number"] for each in receiver.received if each.json["charger_id"] == charger]
        assert numbers == sorted(numbers)


async def test_a_receiver_that_is_down_rests_and_is_paused_in_the_end(office: Office) -> None:
    async with receiving(status=503) as receiver:
        made = await office.subscribe(receiver)
        await office.happen(*(event(number) for number in range(30)))
        await receiver.until(REST_AFTER, refused=True)
        with trio.fail_after(10):
            while (await office.webhook(made.webhook.id))["failures"] < REST_AFTER:
                await trio.sleep(0.005)
        await trio.testing.wait_all_tasks_blocked(0.02)
        asked = len(receiver.refused)
        assert asked == REST_AFTER, "it is left alone, with 27 others waiting"
        with trio.fail_after(20):
            while (await office.webhook(made.webhook.id))["state"] == "active":
                office.later(60)
                await trio.sleep(0.01)
        assert len(receiver.refused) == office.postman.rules.pause_after, "one at a time, to see whether it is back"
        row = await office.webhook(made.webhook.id)
        assert "8 attempts in a row failed" in row["pause_reason"]
        (paused,) = await office.rows("SELECT payload FROM events WHERE type = 'webhook_paused'")
        assert '"by_itself":true' in paused["payload"]
        await office.happen(event(99))
        assert sum((await office.states(made.webhook.id)).values()) == 30, "nothing new is kept for it"
        receiver.status = 200
        await office.do(service.resume, made.webhook.id)
        office.postman.changed(DEFAULT_TENANT)
        office.later(60)
        await office.settled(made.webhook.id, delivered=30)
        since = RedeliverBody(since_at=0)
        again = await flows.redeliver_since(office.ports, DEFAULT_TENANT, made.webhook.id, since)
        office.later(1)
        await receiver.until(30 + again)
        assert {each.json["data"].get("number") for each in receiver.received} >= {*range(30), 99}, "what was missed is found"
        assert await flows.redeliver_since(office.ports, DEFAULT_TENANT, made.webhook.id, since) == 0


async def test_a_receiver_that_is_gone_is_paused_at_once_and_one_that_asks_for_time_gets_it(office: Office) -> None:
    async with receiving(status=410) as gone, receiving(status=429, headers=(("Retry-After", "30"),)) as busy:
        first, second = await office.subscribe(gone), await office.subscribe(busy)
        await office.happen(event(1))
        await gone.until(1, refused=True)
        await busy.until(1, refused=True)
        with trio.fail_after(10):
            while (await office.webhook(first.webhook.id))["state"] == "active":
                await trio.sleep(0.005)
            while not (row := await office.webhook(second.webhook.id))["failures"]:
                await trio.sleep(0.005)
        assert row["rest_until"] == office.clock.now() + 30_000


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_a_slow_receiver_keeps_nobody_waiting(office: Office) -> None:
    count = 120
    gate = trio.Event()
    async with receiving() as first, receiving() as second, receiving(gate=gate) as slow:
        made = [await office.subscribe(each) for each in (first, second, slow)]
        await office.happen(*(event(number, charger_id=f"C{number % 7}") for number in range(count)))
        await first.until(count)
        await second.until(count)
        assert not slow.received, "the others did not wait for it"
        assert slow.most_at_once <= office.postman.rules.parallel_each
        gate.set()
        for each in made:
            await office.settled(each.webhook.id, delivered=count)
    for receiver in (first, second, slow):
        assert sorted(each.json["data"]["number"] for each in receiver.received) == list(range(count)), "each once"


async def test_what_waits_is_sent_after_a_restart(office: Office, rules: Rules) -> None:
    async with receiving(status=500) as receiver:
        made = await office.subscribe(receiver)
        await office.happen(event(1))
        await receiver.until(1, refused=True)
        with trio.fail_after(10):
            while not (await office.webhook(made.webhook.id))["failures"]:
                await trio.sleep(0.005)
        receiver.status = 200
        office.clock.advance(5000)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(postman.Postman(rules).run, office.ports)
            await receiver.until(1)
            nursery.cancel_scope.cancel()


async def test_chargers_and_stations_choose(office: Office) -> None:
    station = await office.do(lambda tx: stations.add_station(tx, "Here"))
    for charger_id, where in (("A", station.id), ("B", None), ("C", None)):
        await office.database.write(
            lambda tx, charger_id=charger_id, where=where: stations.add_charger(tx, charger_id, station_id=where),
            tenant=DEFAULT_TENANT,
            keys=(f"charger:{charger_id}",),
        )
    async with receiving() as receiver:
        made = await office.subscribe(receiver, stations=(station.id,), chargers=("B",))
        await office.happen(*(event(number, charger_id=name) for number, name in enumerate("ABC")))
        await office.settled(made.webhook.id, delivered=2)
        assert {each.json["charger_id"] for each in receiver.received} == {"A", "B"}


async def test_both_secrets_sign_until_the_overlap_is_over(office: Office) -> None:
    async with receiving() as receiver:
        made = await office.subscribe(receiver)
        secret = "whsec_" + "A" * 44
        await office.do(service.rotate, made.webhook.id, secret, office.ports.vault.seal(secret), 60)
        await office.happen(event(1))
        await receiver.until(1)
        office.clock.advance(60_001)
        await office.happen(event(2))
        await receiver.until(2)
    both, one = receiver.received
    given = both.headers["webhook-signature"].split(" ")
    at = int(both.headers["webhook-timestamp"])
    assert given == [sign(each, both.headers["webhook-id"], at, both.body) for each in (secret, made.secret)]
    assert len(one.headers["webhook-signature"].split(" ")) == 1


async def test_a_secret_that_does_not_open_and_an_event_that_is_gone(office: Office) -> None:
    async with receiving() as receiver:
        made = await office.subscribe(receiver)
        attempt = await flows.post(
            attrs.evolve(office.ports, vault=NoVault()),
            office.postman.rules,
            await office.do(lambda tx: store.addressee(tx, made.webhook.id)),
            "evt_1",
            b"{}",
        )
        assert (attempt.ok, attempt.status) == (False, None)
        await office.do(service.hear, 4711, "posted_in_a_test", "charger:C1", "C1")
        office.later(1)
        await office.settled(made.webhook.id, failed=1)
        assert not receiver.received


async def test_an_answer_that_comes_after_the_webhook_was_removed_changes_nothing(office: Office) -> None:
    async with receiving() as receiver:
        made = await office.subscribe(receiver)
        await office.do(service.remove, made.webhook.id)
        took = Attempt(status=200, error="", answer="", took_ms=1)
        assert not await office.do(service.settle, made.webhook.id, 1, 1, took, office.postman.rules, 1.0)
        row = await office.webhook(made.webhook.id)
    assert (row["state"], row["secret"]) == ("removed", "")
