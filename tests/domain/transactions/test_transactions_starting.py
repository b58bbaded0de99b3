"""OCPP 1.6 starts: idempotent, judged anew each time, and careful with what goes on already."""

from __future__ import annotations

import attrs
import pytest
import trio

from csms.core.ids import MAX_TRANSACTION_ID
from csms.core.reports import TokenVerdict
from csms.domain.transactions.model import TransactionPolicy

T0 = 1_800_000_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE


async def test_a_start_becomes_a_transaction(scene, words):
    verdict = await scene.tell(words.start(reservation_id=7))
    assert verdict.token.status == "Accepted"
    found = await scene.only()
    assert 1 <= found.id <= MAX_TRANSACTION_ID
    assert found.id == verdict.transaction_id
    assert (found.state, found.evse, found.connector) == ("running", 1, 1)
    assert (found.token, found.token_status, found.meter_start_wh, found.reservation_id) == ("CARD", "Accepted", 1000, 7)
    assert found.driver_id is not None
    (started,) = await scene.events()
    assert started.type == "transaction_started"
    assert (started.transaction_id, started.driver_id, started.meter_start_wh) == (found.id, found.driver_id, 1000)
    assert started.key == "charger:CP-1"


async def test_a_repeated_start_gets_the_same_id_and_is_told_once(scene, words):
    first = await scene.start(words.start())
    again = await scene.start(words.start(received_at=1_900_000_000_000, token="card"))
    assert again == first
    assert len(await scene.all()) == 1
    assert await scene.told() == ["transaction_started"]


async def test_a_repeated_start_gets_the_current_verdict(scene, words):
    await scene.tell(words.start())
    refusal = TransactionPolicy(token=TokenVerdict("NoCredit"))
    assert (await scene.tell(words.start(), refusal)).token.status == "NoCredit"
    assert (await scene.tell(words.start())).token.status == "Accepted"


async def test_a_refused_start_that_is_accepted_when_repeated_counts_as_accepted(scene, words):
    refusal = TransactionPolicy(token=TokenVerdict("NoCredit"))
    await scene.tell(words.start(), refusal)
    assert (await scene.only()).refused
    await scene.tell(words.start())
    assert not (await scene.only()).refused
    assert (await scene.tell(words.start(MINUTE, evse=2))).token.status == "ConcurrentTx"


async def test_a_repeat_after_the_stop_gets_the_same_id_and_opens_nothing(scene, words):
    first = await scene.start(words.start())
    await scene.tell(words.stop(id=first))
    assert await scene.start(words.start()) == first
    assert (await scene.only()).state == "completed"


async def test_a_clock_that_was_never_set_tells_two_starts_apart_once_the_first_has_ended(scene, words):
    raw = {"started_at_raw": "1970-01-01T00:00:00Z"}
    first = await scene.start(words.start(0, **raw))
    assert await scene.start(words.start(5, **raw)) == first, "a repeat: the receive time differs, the said time does not"
    await scene.tell(words.stop(HOUR, id=first, meter=1000))
    second = await scene.start(words.start(2 * HOUR, **raw))
    assert second != first
    assert (await scene.get(second)).started_at_raw == "1970-01-01T00:00:00Z"


async def test_a_refused_start_is_stored_and_touches_no_other_transaction(scene, words):
    running = await scene.start(words.start())
    verdict = await scene.tell(words.start(MINUTE, token="LOST"))
    assert verdict.token.status == "Blocked"
    assert (await scene.get(running)).state == "running"
    refused = await scene.get(verdict.transaction_id)
    assert (refused.state, refused.token_status) == ("running", "Blocked")


async def test_a_refused_start_is_billed_if_energy_flowed(scene, words):
    refused = await scene.start(words.start(token="LOST"))
    await scene.tell(words.stop(id=refused, meter=1300, token=None, reason="DeAuthorized"))
    ended = (await scene.events())[-1]
    assert (ended.type, ended.energy_wh, ended.token_status) == ("transaction_ended", 300, "Blocked")


async def test_meter_values_without_an_id_belong_to_the_accepted_one_of_two(scene, words):
    running = await scene.start(words.start())
    await scene.tell(words.start(MINUTE, token="LOST"))
    await scene.tell(words.meter(2 * MINUTE, 1200))
    assert (await scene.get(running)).last_meter_wh == 1200


async def test_a_second_transaction_of_a_token_is_concurrent(scene, words):
    await scene.tell(words.start(evse=1))
    assert (await scene.tell(words.start(MINUTE, evse=2))).token.status == "ConcurrentTx"
    assert (await scene.tell(words.start(MINUTE, evse=3, token="card"))).token.status == "ConcurrentTx", (
        "tokens compare without case"
    )


async def test_concurrency_counts_neither_the_transaction_itself_nor_refused_ones(scene, words):
    await scene.tell(words.start(evse=1))
    refused = words.start(MINUTE, evse=2)
    assert (await scene.tell(refused)).token.status == "ConcurrentTx"
    assert (await scene.tell(words.start(evse=1))).token.status == "Accepted"
    first = (await scene.all())[0]
    await scene.tell(words.stop(id=first.id))
    assert (await scene.tell(words.start(2 * HOUR, evse=3))).token.status == "Accepted", "the refused one on 2 does not count"


async def test_a_token_with_a_limit_of_its_own(scene, words):
    for evse in range(1, 5):
        assert (await scene.tell(words.start(evse=evse, token="FLEET"))).token.status == "Accepted"
    none = attrs.evolve(scene.policy, max_per_token=0)
    await scene.tell(words.start(evse=5))
    assert (await scene.tell(words.start(evse=6), none)).token.status == "Accepted"


async def test_concurrency_is_counted_across_chargers(scene, words):
    await scene.tell(words.start())
    elsewhere = attrs.evolve(words.start(MINUTE), charger_id="CP-2")
    assert (await scene.tell(elsewhere)).token.status == "ConcurrentTx"


async def test_of_starts_at_the_same_time_only_one_is_within_the_limit(scene, words):
    for hour in range(5):
        verdicts = []

        async def begin(charger_id, hour=hour, verdicts=verdicts):
            verdicts.append(await scene.tell(attrs.evolve(words.start(hour * HOUR), charger_id=charger_id)))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(begin, "CP-1")
            nursery.start_soon(begin, "CP-2")
        assert sorted(verdict.token.status for verdict in verdicts) == ["Accepted", "ConcurrentTx"]
        for verdict, charger_id in zip(verdicts, await chargers_of(scene, verdicts), strict=True):
            await scene.tell(attrs.evolve(words.stop(hour * HOUR + MINUTE, id=verdict.transaction_id), charger_id=charger_id))


async def chargers_of(scene, verdicts):
    return [(await scene.get(verdict.transaction_id)).charger_id for verdict in verdicts]


async def test_a_start_on_a_connector_ends_what_still_seemed_to_run_there(scene, words):
    lost = await scene.start(words.start())
    await scene.tell(words.meter(10 * MINUTE, 3000, id=lost))
    new = await scene.start(words.start(HOUR, meter=5000))
    old = await scene.get(lost)
    assert (old.state, old.stop_source, old.stop_reason) == ("completed", "estimated", "NextStart")
    assert (old.meter_stop_wh, old.energy_wh) == (3000, 2000)
    assert old.stopped_at == old.last_meter_at
    assert (await scene.get(new)).token_status == "Accepted", "what it ended is no concurrent transaction"
    assert await scene.told() == ["transaction_started", "transaction_ended", "transaction_started"]


async def test_a_start_on_another_connector_ends_nothing(scene, words):
    first = await scene.start(words.start(evse=1))
    await scene.tell(words.start(MINUTE, evse=2, token="OTHER"))
    assert (await scene.get(first)).state == "running"


async def test_meter_values_that_came_before_the_start_belong_to_it(scene, words):
    await scene.tell(words.meter(MINUTE, 1100))
    await scene.tell(words.meter(2 * MINUTE, 1200, id=-1))
    started = await scene.start(words.start())
    found = await scene.get(started)
    assert (found.last_meter_wh, found.last_meter_at) == (1200, found.started_at + 2 * MINUTE)
    detail = await scene.do(_detail, started)
    assert [each.energy_wh for each in detail.readings] == [1100, 1200]


def _detail(tx, transaction_id):
    from csms.domain.transactions import service

    return service.transaction_detail(tx, transaction_id)


@pytest.mark.parametrize("meter", [2**63 - 1, -(2**63), None])
async def test_a_meter_start_that_no_meter_shows_is_not_reckoned_with(scene, words, meter):
    started = await scene.start(words.start(meter=meter))
    await scene.tell(words.meter(MINUTE, 1500, id=started))
    await scene.tell(words.meter(2 * MINUTE, 1700, id=started))
    await scene.tell(words.stop(id=started, meter=1900))
    assert (await scene.only()).energy_wh == 400, "from the first reading on"


async def test_a_time_as_long_as_a_book_is_answered(scene, words):
    raw = {"started_at_raw": "x" * 100_000}
    first = await scene.start(words.start(**raw))
    assert await scene.start(words.start(5, **raw)) == first


async def test_a_start_at_an_untrusted_time_is_no_repeat_of_one_that_was_received_then(scene, words):
    first = await scene.start(words.start(0))
    assert await scene.start(words.start(0, started_at_raw="1970-01-01T00:00:00Z")) != first


@pytest.mark.parametrize("at", [30 * 24 * HOUR, 250_000_000_000_000, 2**62])
async def test_what_is_said_to_begin_in_the_future_begins_when_we_hear_of_it(scene, words, at):
    first = await scene.start(words.start(at, received_at=T0 + MINUTE))
    assert await scene.start(words.start(at, received_at=T0 + 2 * MINUTE)) == first
    found = await scene.only()
    assert found.started_at == T0 + MINUTE
    assert found.started_at_raw
    await scene.tell(words.meter(2 * MINUTE, 1500))
    await scene.tell(words.stop(at + HOUR, id=first, received_at=T0 + HOUR, meter=1600))
    assert ((await scene.only()).stopped_at, (await scene.only()).energy_wh) == (T0 + HOUR, 600)


async def test_a_token_as_long_as_a_book_is_answered(scene, words):
    verdict = await scene.tell(words.start(token="x" * 100_000))
    assert verdict.token.status == "Invalid"
    assert verdict.transaction_id == (await scene.only()).id
