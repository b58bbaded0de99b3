"""OCPP 1.6 starts that come late, after what began later: they are over, and they end nothing that goes on."""

from __future__ import annotations

import attrs

from csms.domain.transactions import service
from csms.domain.transactions.model import TransactionPolicy

T0 = 1_800_000_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE


async def test_a_start_of_the_past_does_not_end_what_goes_on(scene, words):
    running = await scene.start(words.start(5 * HOUR, meter=20_000))
    late = await scene.start(words.start(0, token="OTHER", received_at=T0 + 6 * HOUR))
    assert (await scene.get(running)).state == "running"
    old = await scene.get(late)
    assert (old.state, old.stop_source, old.stop_reason, old.stopped_at) == ("completed", "estimated", "NextStart", T0)
    await scene.tell(words.stop(HOUR, id=late, token="OTHER", received_at=T0 + 6 * HOUR))
    assert ((await scene.get(late)).stop_source, (await scene.get(late)).energy_wh) == ("reported", 7000)
    assert (await scene.get(running)).state == "running"
    told = [(each.type, each.transaction_id) for each in await scene.events()]
    assert told == [
        ("transaction_started", running),
        ("transaction_started", late),
        ("transaction_ended", late),
        ("transaction_corrected", late),
    ]


async def test_a_start_of_the_past_is_over_even_where_the_later_one_has_ended(scene, words):
    later = await scene.start(words.start(5 * HOUR, meter=20_000))
    await scene.tell(words.stop(6 * HOUR, id=later, meter=21_000))
    await scene.tell(words.start(0, token="OTHER", received_at=T0 + 7 * HOUR))
    assert [each.state for each in await scene.all()] == ["completed", "completed"]


async def test_a_start_of_the_past_takes_the_readings_of_its_time_and_no_others(scene, words):
    for minute, wh in ((10, 2000), (50, 8000), (90, 8000)):
        await scene.tell(words.meter(minute * MINUTE, wh))
    running = await scene.start(words.start(5 * HOUR, meter=20_000))
    await scene.tell(words.meter(310 * MINUTE, 21_000))
    late = await scene.start(words.start(0, received_at=T0 + 6 * HOUR))
    await scene.tell(words.stop(HOUR, id=late, received_at=T0 + 6 * HOUR))
    detail = await scene.do(service.transaction_detail, late)
    assert [each.energy_wh for each in detail.readings] == [2000, 8000]
    assert (await scene.get(running)).last_meter_wh == 21_000


async def test_readings_that_came_before_the_start_are_taken_back_from_the_one_before(scene, words):
    first = await scene.start(words.start())
    await scene.tell(words.meter(30 * MINUTE, 3000))
    await scene.tell(words.meter(150 * MINUTE, 9000))
    assert (await scene.get(first)).last_meter_wh == 9000
    second = await scene.start(words.start(2 * HOUR, meter=8000, received_at=T0 + 3 * HOUR))
    assert ((await scene.get(first)).last_meter_wh, (await scene.get(first)).energy_wh) == (3000, 2000)
    assert (await scene.get(second)).last_meter_wh == 9000


async def test_readings_after_the_stop_are_the_transactions_no_longer(scene, words):
    started = await scene.start(words.start())
    await scene.tell(words.meter(30 * MINUTE, 3000))
    await scene.tell(words.meter(90 * MINUTE, 8000))
    await scene.tell(words.stop(id=started))
    detail = await scene.do(service.transaction_detail, started)
    assert [each.energy_wh for each in detail.readings] == [3000]


async def test_a_start_that_seems_of_the_past_by_a_clock_that_was_set_back(scene, words):
    """The register moved on, so it did begin after what the clock calls later: receipt tells the order."""
    wrong = await scene.start(words.start(5 * HOUR, meter=1000, received_at=T0 + 5 * HOUR))
    await scene.tell(words.meter(6 * HOUR, 9000, id=wrong))
    right = await scene.start(words.start(2 * HOUR, meter=9000, received_at=T0 + 7 * HOUR))
    assert ((await scene.get(wrong)).state, (await scene.get(wrong)).stop_reason) == ("completed", "NextStart")
    found = await scene.get(right)
    assert (found.state, found.started_at, found.started_at_raw) == ("running", T0 + 7 * HOUR, "2027-01-15T10:00:00.000Z")
    assert await scene.start(words.start(2 * HOUR, meter=9000, received_at=T0 + 8 * HOUR)) == right, "a repeat is still one"


async def test_what_began_ahead_of_our_clock_does_not_end_what_begins_now(scene, words):
    """Its clock was five hours ahead, and was set right before the next start."""
    ahead = await scene.start(words.start(5 * HOUR, received_at=T0, meter=0))
    await scene.tell(words.stop(6 * HOUR, id=ahead, received_at=T0 + HOUR, meter=0))
    now = await scene.start(words.start(2 * HOUR, received_at=T0 + 2 * HOUR, meter=0))
    assert (await scene.get(now)).state == "running"


async def test_an_offline_day_told_backwards(scene, words):
    day = []
    for number in range(6):
        at, meter = number * HOUR, 1000 + number * 2000
        day.append(words.start(at, meter=meter, token="FLEET"))
        day.append(words.meter(at + 10 * MINUTE, meter + 500))
        day.append(words.stop(at + 50 * MINUTE, id=number, meter=meter + 1900, token="FLEET"))
    for report in reversed(day):
        await scene.tell(attrs.evolve(report, received_at=T0 + 24 * HOUR))
    found = sorted(await scene.all(), key=lambda each: each.started_at)
    assert [(each.energy_wh, each.stop_source, each.last_meter_wh) for each in found] == [
        (1900, "reported", 1500 + number * 2000) for number in range(6)
    ]
    assert await scene.quarantined() == []


async def test_everything_of_an_offline_day_told_twice_changes_nothing(scene, words):
    reports = [words.start(), words.meter(MINUTE, 1500, id=-1), words.stop(id=-1), words.start(2 * HOUR, meter=8000)]
    for report in reports:
        await scene.tell(report)
    before = [attrs.evolve(each, updated_at=0) for each in await scene.all()]
    told = await scene.told()
    for report in reports:
        await scene.tell(attrs.evolve(report, received_at=T0 + 24 * HOUR))
    assert [attrs.evolve(each, updated_at=0) for each in await scene.all()] == before
    assert await scene.told() == told


async def test_meter_values_of_a_made_up_number_are_settled_by_the_start(scene, words):
    await scene.tell(words.meter(10 * MINUTE, 1500, id=-1))
    assert len(await scene.quarantined()) == 1
    await scene.tell(words.start())
    assert await scene.quarantined() == []
    (kept,) = await scene.do(lambda tx: service.list_quarantined(tx, resolved=True))
    assert kept.note == f"of transaction {(await scene.only()).id}"
    await scene.tell(words.meter(10 * MINUTE, 1500, id=-1, evse=2))
    assert len(await scene.quarantined()) == 1, "the same number for something that nobody knows asks for an operator again"


async def test_meter_values_with_the_id_of_one_that_ended_belong_to_what_goes_on(scene, words):
    first = await scene.start(words.start())
    await scene.tell(words.stop(id=first))
    second = await scene.start(words.start(2 * HOUR, meter=8000))
    await scene.tell(words.meter(150 * MINUTE, 8500, id=first))
    assert ((await scene.get(first)).last_meter_wh, (await scene.get(second)).last_meter_wh) == (None, 8500)


async def test_a_reading_that_turns_out_to_be_named_is_taken_from_where_it_was_guessed_to_belong(scene, words):
    first = await scene.start(words.start())
    await scene.tell(words.meter(30 * MINUTE, 3000))
    refused = await scene.start(words.start(MINUTE, token="LOST"))
    await scene.tell(words.meter(30 * MINUTE, 3000, id=refused))
    assert ((await scene.get(first)).last_meter_wh, (await scene.get(refused)).last_meter_wh) == (None, 3000)


async def test_a_refused_start_that_goes_on_is_metered_and_billed(scene, words):
    """StopTransactionOnInvalidId is false: the charger charges all the same (1.6 §9.1.29)."""
    refused = await scene.start(words.start(token="LOST"))
    await scene.tell(words.status(MINUTE, "Charging"))
    for minute in (10, 20):
        await scene.tell(words.meter(minute * MINUTE, 1000 + minute * 100, id=refused if minute == 20 else None))
    assert ((await scene.get(refused)).last_meter_wh, (await scene.get(refused)).charging_state) == (3000, "Charging")
    await scene.tell(words.start(HOUR, token="OTHER", meter=3200))
    found = await scene.get(refused)
    assert (found.energy_wh, found.stop_source, found.token_status) == (2000, "estimated", "Blocked")


async def test_a_power_failure_between_start_and_stop(scene, words):
    started = await scene.start(words.start())
    await scene.tell(words.meter(10 * MINUTE, 3000, id=started))
    await scene.tell(words.boot(2 * HOUR), TransactionPolicy(reconciliation_deadline_s=0))
    await scene.do(service.close_overdue)
    assert ((await scene.only()).stop_source, (await scene.only()).energy_wh) == ("estimated", 2000)
    await scene.tell(words.stop(11 * MINUTE, id=started, meter=3100, token=None, reason="PowerLoss", received_at=T0 + 3 * HOUR))
    found = await scene.only()
    assert (found.stop_source, found.energy_wh, found.stop_reason, found.stop_received_at) == (
        "reported",
        2100,
        "PowerLoss",
        T0 + 3 * HOUR,
    )
