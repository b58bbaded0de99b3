"""Transactions in doubt after a boot or on a free connector: what resolves them, and what the deadline does."""

from __future__ import annotations

import pytest

from csms.domain.transactions import service
from csms.domain.transactions.model import TransactionPolicy

T0 = 1_800_000_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE
AT_ONCE = TransactionPolicy(reconciliation_deadline_s=0)


@pytest.fixture
async def in_doubt(scene, words):
    """The id of a transaction whose charger booted half an hour after its start, at 2000 Wh; its deadline has passed."""
    started = await scene.start(words.start())
    await scene.tell(words.meter(20 * MINUTE, 3000, id=started))
    await scene.tell(words.boot(30 * MINUTE), AT_ONCE)
    return started


async def test_a_boot_fails_nothing_and_stores_a_deadline(scene, words):
    await scene.tell(words.start())
    await scene.tell(words.boot(30 * MINUTE), TransactionPolicy(reconciliation_deadline_s=300))
    found = await scene.only()
    assert found.state == "pending_reconciliation"
    assert found.deadline_at - found.updated_at == 300_000
    updated = (await scene.events())[-1]
    assert (updated.type, updated.previous_state, updated.state) == ("transaction_updated", "running", "pending_reconciliation")
    assert await scene.do(service.close_overdue) == 0


async def test_a_boot_leaves_other_chargers_and_ended_transactions_alone(scene, words):
    ended = await scene.start(words.start())
    await scene.tell(words.stop(id=ended))
    await scene.tell(words.boot(2 * HOUR))
    assert (await scene.only()).state == "completed"


async def test_a_boot_notification_that_we_asked_for_is_no_boot(scene, words):
    await scene.tell(words.start())
    await scene.tell(words.boot(30 * MINUTE, reason="Triggered"))
    assert (await scene.only()).state == "running"


async def test_a_charger_that_boots_over_and_over_does_not_put_its_deadline_off(scene, words):
    await scene.tell(words.start())
    await scene.tell(words.boot(30 * MINUTE), TransactionPolicy(reconciliation_deadline_s=300))
    deadline = (await scene.only()).deadline_at
    await scene.tell(words.boot(32 * MINUTE), TransactionPolicy(reconciliation_deadline_s=9000))
    assert (await scene.only()).deadline_at == deadline


@pytest.mark.parametrize(
    ("status", "state"), [("Charging", "running"), ("SuspendedEV", "suspended"), ("SuspendedEVSE", "suspended")]
)
async def test_a_charging_status_proves_that_it_goes_on(scene, words, in_doubt, status, state):
    await scene.tell(words.status(31 * MINUTE, status))
    found = await scene.only()
    assert (found.state, found.deadline_at, found.charging_state) == (state, None, status)
    assert await scene.do(service.close_overdue) == 0


@pytest.mark.parametrize("status", ["Available", "Preparing", "Finishing", "Faulted", "Unavailable"])
async def test_any_other_status_waits_for_the_stop(scene, words, in_doubt, status):
    await scene.tell(words.status(31 * MINUTE, status))
    assert (await scene.only()).state == "pending_reconciliation"
    await scene.tell(words.stop(40 * MINUTE, id=in_doubt, meter=3100, reason="PowerLoss"))
    assert ((await scene.only()).stop_source, (await scene.only()).energy_wh) == ("reported", 2100)
    assert "transaction_corrected" not in await scene.told()


async def test_a_meter_value_sampled_after_the_boot_proves_that_it_goes_on(scene, words, in_doubt):
    await scene.tell(words.meter(31 * MINUTE, 3500, id=in_doubt))
    assert ((await scene.only()).state, (await scene.only()).last_meter_wh) == ("running", 3500)


async def test_a_meter_value_kept_from_before_the_boot_proves_nothing(scene, words, in_doubt):
    await scene.tell(words.meter(25 * MINUTE, 3200, id=in_doubt))
    found = await scene.only()
    assert (found.state, found.last_meter_wh) == ("pending_reconciliation", 3200)


async def test_the_next_start_resolves_it(scene, words, in_doubt):
    await scene.tell(words.start(HOUR, meter=3200))
    assert ((await scene.get(in_doubt)).stop_source, (await scene.get(in_doubt)).energy_wh) == ("estimated", 2000)


async def test_past_the_deadline_it_closes_with_the_last_known_meter_value_and_says_so(scene, words, in_doubt):
    assert await scene.do(service.close_overdue) == 1
    found = await scene.only()
    assert (found.state, found.stop_source, found.stop_reason) == ("completed", "estimated", "Overdue")
    assert (found.meter_stop_wh, found.energy_wh, found.stopped_at) == (3000, 2000, T0 + 20 * MINUTE)
    ended = (await scene.events())[-1]
    assert (ended.type, ended.stop_source, ended.energy_wh) == ("transaction_ended", "estimated", 2000)
    assert await scene.do(service.close_overdue) == 0


async def test_a_late_stop_replaces_the_estimate_even_past_the_deadline(scene, words, in_doubt):
    await scene.do(service.close_overdue)
    await scene.tell(words.stop(29 * MINUTE, id=in_doubt, meter=3700, reason="PowerLoss"))
    found = await scene.only()
    assert (found.stop_source, found.energy_wh, found.stop_reason) == ("reported", 2700, "PowerLoss")
    assert (await scene.told())[-1] == "transaction_corrected"


async def test_a_transaction_without_a_meter_value_closes_with_its_start_value(scene, words):
    await scene.tell(words.start())
    await scene.tell(words.boot(30 * MINUTE), AT_ONCE)
    await scene.do(service.close_overdue)
    assert ((await scene.only()).energy_wh, (await scene.only()).stopped_at) == (0, T0)


async def test_deadlines_are_worked_off_in_slices(scene, words):
    for evse in range(1, 56):
        await scene.tell(words.start(evse=evse, token="FLEET"))
    await scene.tell(words.boot(30 * MINUTE), AT_ONCE)
    assert [await scene.do(service.close_overdue) for _ in range(3)] == [50, 5, 0]


async def test_status_is_the_charging_state_in_1_6(scene, words):
    await scene.tell(words.start())
    await scene.tell(words.status(MINUTE, "Charging"))
    await scene.tell(words.status(2 * MINUTE, "SuspendedEV"))
    assert ((await scene.only()).state, (await scene.only()).charging_state) == ("suspended", "SuspendedEV")
    await scene.tell(words.status(MINUTE, "Charging"))
    assert (await scene.only()).state == "suspended", "an older status that came late"
    assert (await scene.told()).count("transaction_updated") == 2


async def test_a_status_of_when_a_transaction_went_on_that_has_ended_is_told_of(scene, words):
    ended = await scene.start(words.start())
    await scene.tell(words.stop(id=ended))
    await scene.tell(words.status(HOUR, "Finishing"))
    assert (await scene.told())[-1] == "transaction_ended"
    await scene.tell(words.status(30 * MINUTE, "SuspendedEV"))
    assert (await scene.told())[-2:] == ["transaction_ended", "transaction_remeasured"]


async def test_a_free_connector_puts_its_transaction_in_doubt(scene, words):
    started = await scene.start(words.start())
    await scene.tell(words.status(-MINUTE, "Available"))
    assert (await scene.only()).state == "running", "it was free before the start"
    await scene.tell(words.status(MINUTE, "Available"), AT_ONCE)
    assert (await scene.only()).state == "pending_reconciliation"
    await scene.tell(words.stop(id=started))
    assert (await scene.only()).stop_source == "reported"


async def test_a_status_of_another_connector_or_of_2x_changes_nothing(scene, words):
    await scene.tell(words.start())
    await scene.tell(words.status(MINUTE, "Available", evse=2))
    assert (await scene.only()).state == "running"
    await scene.tell(words.stop(2 * MINUTE, id=(await scene.only()).id))
    await scene.tell(words.started(0, HOUR))
    await scene.tell(words.status(2 * HOUR, "Available"))
    assert (await scene.all())[-1].state == "running"


async def test_a_stop_that_might_have_been_the_overdue_ones_is_anothers_then(scene, words, in_doubt):
    """A charger that lost what it had charges on in spite of a refusal, and its stop names a number that it made up."""
    await scene.do(lambda tx: tx.run("UPDATE tokens SET status = 'blocked' WHERE tenant = :tenant AND value = 'CARD'"))
    refused = await scene.start(words.start(HOUR, meter=3500))
    await scene.tell(words.stop(2 * HOUR, id=-1, meter=4000))
    assert [each.state for each in await scene.all()] == ["pending_reconciliation", "running"], "it may be of either"

    assert await scene.do(service.close_overdue) == 1
    overdue, charged = await scene.get(in_doubt), await scene.get(refused)
    assert (overdue.state, overdue.stop_source, overdue.energy_wh) == ("completed", "estimated", 2000)
    assert (charged.state, charged.stop_source, charged.energy_wh) == ("completed", "reported", 500)
    assert await scene.quarantined() == []
