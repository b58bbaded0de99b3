"""OCPP 2.x TransactionEvents: each once, by their numbers, however they arrive."""

from __future__ import annotations

from itertools import permutations

import attrs
import pytest

from csms.core.ids import Place
from csms.core.reports import TokenVerdict
from csms.domain.transactions import service
from csms.domain.transactions.model import TransactionPolicy

T0 = 1_800_000_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE


def history(words):
    return [
        words.started(0, 0, charging_state="EVConnected", token=None),
        words.updated(1, MINUTE, token="CARD", charging_state="Charging", meter=1010),
        words.updated(2, 20 * MINUTE, meter=3000, charging_state="SuspendedEV"),
        words.ended(3, HOUR, meter=8000, reason="EVDisconnected"),
    ]


def facts(found):
    return attrs.evolve(found, id=0, received_at=0, updated_at=0, created_at=0, closed_at=0)


async def test_a_transaction_from_start_to_end(scene, words):
    states = []
    for report in history(words):
        await scene.tell(report)
        states.append((await scene.only()).state)
    assert states == ["running", "running", "suspended", "completed"]
    found = await scene.only()
    assert (found.reference, found.token, found.token_status, found.place) == ("TX-1", "CARD", "Accepted", Place(1, 1))
    assert (found.meter_start_wh, found.meter_stop_wh, found.energy_wh, found.stop_reason) == (1000, 8000, 7000, "EVDisconnected")
    assert (found.started_at, found.stopped_at, found.last_seq_no) == (T0, T0 + HOUR, 3)
    assert await scene.told() == ["transaction_started", "transaction_updated", "transaction_updated", "transaction_ended"]


async def test_a_token_may_come_with_an_update_and_is_judged(scene, words):
    assert (await scene.tell(words.started(token=None))).token is None
    assert (await scene.tell(words.updated(1, MINUTE, token="LOST"))).token.status == "Blocked"
    assert (await scene.only()).refused
    assert (await scene.tell(words.updated(2, 2 * MINUTE, token="CARD"))).token.status == "Accepted"
    found = await scene.only()
    assert (found.token, found.token_status) == ("CARD", "Accepted"), "who may charge is who pays"
    assert found.driver_id is not None
    await scene.tell(words.updated(3, 3 * MINUTE, token="OTHER"))
    assert (await scene.only()).token == "CARD"


async def test_a_second_transaction_of_a_token_is_concurrent(scene, words):
    await scene.tell(words.started())
    other = words.started(reference="TX-2", place=Place(2, 1))
    assert (await scene.tell(other)).token.status == "ConcurrentTx"
    assert (await scene.tell(words.updated(1, MINUTE, token="CARD"))).token.status == "Accepted", "it does not count itself"


async def test_a_transaction_whose_place_is_not_known_does_not_count_itself(scene, words):
    await scene.tell(words.started(place=Place()))
    assert (await scene.tell(words.updated(1, MINUTE, token="CARD"))).token.status == "Accepted"


async def test_a_second_start_event_does_not_move_the_start(scene, words):
    """Firmware that tells the start again after a restart."""
    await scene.tell(words.started(0, 0, meter=1000))
    await scene.tell(words.started(4, 30 * MINUTE, meter=5000))
    await scene.tell(words.ended(5))
    assert ((await scene.only()).started_at, (await scene.only()).energy_wh) == (T0, 7000)


async def test_every_order_of_arrival_makes_the_same_transaction(memory_store, words):
    outcomes = set()
    for order in permutations(history(words)):
        store = memory_store()
        for report in order:
            verb = {"StartReported": service.start, "UpdateReported": service.update, "StopReported": service.stop}
            store.write(verb[type(report).__name__], report, None)
        (found,) = store.write(service.list_transactions)
        outcomes.add(facts(found))
    assert len(outcomes) == 1
    assert outcomes.pop().energy_wh == 7000


@pytest.mark.parametrize("at", range(4))
async def test_a_repeated_event_changes_nothing_and_is_answered(scene, words, at):
    told = history(words)
    for report in told[: at + 1]:
        await scene.tell(report)
    before, events = await scene.only(), await scene.told()
    verdict = await scene.tell(attrs.evolve(told[at], received_at=T0 + 9 * HOUR))
    assert verdict.transaction_id == before.id
    assert (verdict.token is not None) == (told[at].token is not None)
    assert await scene.only() == before
    assert await scene.told() == events


async def test_a_number_used_twice_does_not_lose_what_came_second(scene, words):
    """Firmware that always says 0, or starts over after a restart."""
    await scene.tell(words.started(0))
    await scene.tell(words.updated(0, MINUTE, meter=2000))
    await scene.tell(words.updated(0, 2 * MINUTE, charging_state="SuspendedEV"))
    assert ((await scene.only()).last_meter_wh, (await scene.only()).state) == (2000, "suspended")
    await scene.tell(words.ended(0))
    assert ((await scene.only()).state, (await scene.only()).energy_wh) == ("completed", 7000)


async def test_an_untrusted_time_does_not_make_a_repeat_new(scene, words):
    for received in (0, 5):
        event = words.updated(1, received, meter=2000, updated_at_raw="1970-01-01T00:00:00Z")
        await scene.tell(event)
    assert await scene.told() == ["transaction_started"]
    assert (await scene.do(lambda tx: tx.value("SELECT COUNT(*) FROM transaction_events WHERE tenant = :tenant"))) == 1


async def test_an_update_before_its_start_makes_the_transaction(scene, words):
    verdict = await scene.tell(words.updated(3, MINUTE, token="CARD", meter=2000, place=Place(1, 1)))
    found = await scene.only()
    assert (found.id, found.state, found.token, found.started_at) == (verdict.transaction_id, "running", "CARD", T0 + MINUTE)
    await scene.tell(words.started(0, 0, token=None))
    assert ((await scene.only()).started_at, (await scene.only()).meter_start_wh) == (T0, 1000)
    assert await scene.told() == ["transaction_started"]


async def test_an_end_before_its_start_is_completed_by_it_and_corrected(scene, words):
    await scene.tell(words.ended(2))
    assert ((await scene.only()).state, (await scene.only()).energy_wh) == ("completed", 0)
    await scene.tell(words.started(0))
    found = await scene.only()
    assert (found.state, found.started_at, found.energy_wh, found.token) == ("completed", T0, 7000, "CARD")
    assert await scene.told() == ["transaction_started", "transaction_ended", "transaction_corrected"]


async def test_an_ended_transaction_is_never_reopened(scene, words):
    for report in history(words):
        await scene.tell(report)
    before = await scene.only()
    await scene.tell(words.updated(9, 2 * HOUR, token="OTHER", charging_state="Charging", meter=9000))
    after = await scene.only()
    assert (after.state, after.energy_wh, after.charging_state, after.token) == ("completed", 7000, "SuspendedEV", "CARD")
    assert after.stopped_at == before.stopped_at
    assert (await scene.told())[-1] == "transaction_ended"
    idled = words.updated(10, 50 * MINUTE, charging_state="SuspendedEV")
    for _ in range(2):
        await scene.tell(idled)
    assert (await scene.told())[-2:] == ["transaction_ended", "transaction_remeasured"]


async def test_the_first_end_by_number_wins(scene, words):
    await scene.tell(words.started(0))
    await scene.tell(words.ended(5, 2 * HOUR, meter=9000))
    await scene.tell(words.ended(4, HOUR, meter=8000))
    await scene.tell(words.ended(6, 3 * HOUR, meter=9999))
    assert (await scene.only()).energy_wh == 7000


async def test_without_a_value_at_the_start_the_first_reading_counts_as_it(scene, words):
    await scene.tell(words.started(meter=None))
    await scene.tell(words.updated(1, MINUTE, meter=1500))
    assert (await scene.only()).meter_start_wh == 1500
    await scene.tell(words.updated(2, 2 * MINUTE, meter=1700))
    await scene.tell(words.ended(3, meter=None))
    assert (await scene.only()).energy_wh == 200


async def test_offline_events_are_accepted_late(scene, words):
    for report in history(words):
        await scene.tell(attrs.evolve(report, received_at=T0 + 30 * HOUR, offline=True))
    found = await scene.only()
    assert (found.state, found.offline, found.energy_wh, found.stopped_at) == ("completed", True, 7000, T0 + HOUR)


async def test_the_next_start_on_the_evse_ends_a_lost_one(scene, words):
    await scene.tell(words.started())
    await scene.tell(words.updated(1, 10 * MINUTE, meter=3000))
    await scene.tell(words.started(0, HOUR, reference="TX-2"))
    lost, new = await scene.all()
    assert (lost.stop_source, lost.energy_wh, new.state) == ("estimated", 2000, "running")
    await scene.tell(words.ended(2, 50 * MINUTE, meter=4000))
    assert ((await scene.get(lost.id)).stop_source, (await scene.get(lost.id)).energy_wh) == ("reported", 3000)
    assert (await scene.told())[-1] == "transaction_corrected"


async def test_an_old_start_that_comes_late_does_not_end_the_present_one(scene, words):
    await scene.tell(words.started(0, HOUR, reference="TX-2"))
    await scene.tell(words.started(0, 0, reference="TX-1", offline=True, token="OTHER"))
    assert [each.state for each in await scene.all()] == ["running", "running"]


async def test_a_refused_start_ends_nothing(scene, words):
    await scene.tell(words.started())
    await scene.tell(words.started(0, HOUR, reference="TX-2", token="LOST"))
    assert [each.state for each in await scene.all()] == ["running", "running"]


async def test_a_boot_puts_it_in_doubt_and_a_newer_event_resolves_it(scene, words):
    await scene.tell(words.started())
    await scene.tell(words.boot(30 * MINUTE))
    await scene.tell(words.updated(1, 20 * MINUTE, meter=2000))
    assert (await scene.only()).state == "pending_reconciliation", "said before the boot"
    await scene.tell(words.updated(2, 31 * MINUTE, charging_state="Charging"))
    assert (await scene.only()).state == "running"


async def test_the_end_replaces_an_estimate_even_past_the_deadline(scene, words):
    await scene.tell(words.started())
    await scene.tell(words.boot(30 * MINUTE), TransactionPolicy(reconciliation_deadline_s=0))
    assert await scene.do(service.close_overdue) == 1
    await scene.tell(words.updated(1, 20 * MINUTE, meter=2000))
    assert ((await scene.only()).state, (await scene.only()).energy_wh) == ("completed", 1000), (
        "not reopened, the estimate is better"
    )
    await scene.tell(words.ended(2))
    assert ((await scene.only()).stop_source, (await scene.only()).energy_wh) == ("reported", 7000)


async def test_a_stop_token_is_noted_and_judged_without_counting(scene, words):
    await scene.tell(words.started())
    assert (await scene.tell(words.ended(1, token="CARD-2"))).token.status == "Accepted"
    assert ((await scene.only()).stop_token, (await scene.only()).token) == ("CARD-2", "CARD")


async def test_plugins_are_heard(scene, words):
    refusal = TransactionPolicy(token=TokenVerdict("NoCredit", message="top up"))
    verdict = await scene.tell(words.started(), refusal)
    assert (verdict.token.status, verdict.token.message) == ("NoCredit", "top up")
    assert (await scene.only()).token_status == "NoCredit"


async def test_chargers_may_use_the_same_reference(scene, words):
    await scene.tell(words.started())
    await scene.tell(attrs.evolve(words.started(token="OTHER"), charger_id="CP-2"))
    assert len(await scene.all()) == 2


async def test_a_reference_as_long_as_a_book_is_answered(scene, words):
    first = await scene.tell(words.started(reference="r" * 100_000))
    second = await scene.tell(words.ended(1, reference="r" * 100_000))
    assert first.transaction_id == second.transaction_id
    assert (await scene.only()).state == "completed"
