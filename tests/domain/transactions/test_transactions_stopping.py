"""OCPP 1.6 stops: the first one that is reported wins, whatever it calls its transaction."""

from __future__ import annotations

import json

import attrs
import pytest

from csms.core.reports import Mangled, TransactionVerdict
from csms.domain.transactions import service

T0 = 1_800_000_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE


async def test_a_stop_ends_its_transaction(scene, words):
    started = await scene.start(words.start())
    verdict = await scene.tell(words.stop(id=started, reason="EVDisconnected"))
    assert verdict.transaction_id == started
    assert verdict.token.status == "Accepted"
    found = await scene.only()
    assert (found.state, found.stop_source, found.stop_reason) == ("completed", "reported", "EVDisconnected")
    assert (found.meter_stop_wh, found.energy_wh, found.energy_basis) == (8000, 7000, "register")
    ended = (await scene.events())[-1]
    assert (ended.type, ended.energy_wh, ended.stop_source, ended.stopped_at) == ("transaction_ended", 7000, "reported", T0 + HOUR)


async def test_a_zero_energy_transaction_completes(scene, words):
    started = await scene.start(words.start())
    await scene.tell(words.stop(id=started, meter=1000))
    assert ((await scene.only()).state, (await scene.only()).energy_wh) == ("completed", 0)


async def test_a_repeated_stop_changes_nothing(scene, words):
    started = await scene.start(words.start())
    await scene.tell(words.stop(id=started))
    before = await scene.only()
    verdict = await scene.tell(words.stop(id=started, received_at=T0 + 9 * HOUR))
    assert verdict.transaction_id == started
    assert await scene.only() == before
    assert await scene.told() == ["transaction_started", "transaction_ended"]
    assert not (await scene.do(service.transaction_detail, started)).late_stops


@pytest.mark.parametrize("raw", ["", "never o'clock"])
async def test_a_repeated_stop_without_an_id_is_a_repeat_too(scene, words, raw):
    started = await scene.start(words.start())
    for received in (T0 + HOUR, T0 + 9 * HOUR):
        stop = words.stop(received - T0 if raw else HOUR, id=-1, stopped_at_raw=raw, received_at=received)
        assert (await scene.tell(stop)).transaction_id == started
    assert await scene.quarantined() == []
    assert not (await scene.do(service.transaction_detail, started)).late_stops


async def test_a_later_stop_is_acknowledged_and_kept_for_audit(scene, words):
    started = await scene.start(words.start())
    await scene.tell(words.stop(id=started))
    for _ in range(2):
        verdict = await scene.tell(words.stop(2 * HOUR, id=started, meter=9999, reason="Reboot"))
    assert verdict.transaction_id == started
    assert ((await scene.only()).meter_stop_wh, (await scene.only()).stop_reason) == (8000, "Local")
    (late,) = (await scene.do(service.transaction_detail, started)).late_stops
    assert (late["meter_stop_wh"], late["stop_reason"]) == (9999, "Reboot")
    assert await scene.told() == ["transaction_started", "transaction_ended"]


@pytest.mark.parametrize("made_up", [0, -1, 2**63 - 1, -(2**63), 4711, None])
async def test_a_stop_of_an_unknown_id_finds_its_transaction_by_token_time_and_meter(scene, words, made_up):
    started = await scene.start(words.start())
    await scene.tell(words.start(MINUTE, evse=2, token="OTHER", meter=500_000))
    verdict = await scene.tell(words.stop(id=made_up))
    assert verdict.transaction_id == started
    assert (await scene.get(started)).stop_source == "reported"


@pytest.mark.parametrize("made_up", [0, -1, 2**63 - 1])
async def test_a_stop_that_fits_nothing_is_answered_and_quarantined_once(scene, words, made_up):
    for _ in range(3):
        verdict = await scene.tell(words.stop(id=made_up))
    assert verdict.transaction_id == 0
    assert verdict.token.status == "Accepted"
    (kept,) = await scene.quarantined()
    assert (kept.kind, kept.heard_transaction, kept.times) == ("stop", str(made_up), 3)
    assert json.loads(kept.report)["meter_stop_wh"] == 8000
    assert await scene.all() == []


async def test_a_stop_that_several_transactions_fit_ends_none(scene, words):
    await scene.tell(words.start(evse=1, token="FLEET"))
    await scene.tell(words.start(evse=2, token="FLEET"))
    await scene.tell(words.stop(id=-1, token="FLEET"))
    assert [each.state for each in await scene.all()] == ["running", "running"]
    assert len(await scene.quarantined()) == 1


@pytest.mark.parametrize(
    "unfit", [{"token": "OTHER"}, {"meter": 100}, {"at": -HOUR}], ids=["another token", "a lower meter", "before the start"]
)
async def test_a_stop_that_contradicts_a_transaction_does_not_end_it(scene, words, unfit):
    await scene.tell(words.start())
    await scene.tell(words.stop(**{"id": -1, **unfit}))
    assert (await scene.only()).state == "running"
    assert len(await scene.quarantined()) == 1


async def test_another_card_of_the_driver_may_stop_without_an_id(scene, words):
    started = await scene.start(words.start())
    assert (await scene.tell(words.stop(id=-1, token="CARD-2"))).transaction_id == started


async def test_the_id_of_another_chargers_transaction_is_an_unknown_id(scene, words):
    started = await scene.start(words.start())
    await scene.tell(attrs.evolve(words.stop(id=started), charger_id="CP-2"))
    assert (await scene.get(started)).state == "running"
    (kept,) = await scene.quarantined()
    assert kept.charger_id == "CP-2"


async def test_a_reported_stop_replaces_an_estimate_and_says_so(scene, words):
    lost = await scene.start(words.start())
    await scene.tell(words.meter(10 * MINUTE, 3000, id=lost))
    await scene.tell(words.start(2 * HOUR, meter=8000))
    await scene.tell(words.stop(id=lost, offline=True))
    found = await scene.get(lost)
    assert (found.stop_source, found.energy_wh, found.stopped_at) == ("reported", 7000, T0 + HOUR)
    corrected = (await scene.events())[-1]
    assert (corrected.type, corrected.energy_wh, corrected.previous_energy_wh) == ("transaction_corrected", 7000, 2000)
    assert (corrected.previous_stop_source, corrected.stop_source) == ("estimated", "reported")
    assert (await scene.all())[-1].state == "running", "the next one goes on"


async def test_a_stop_without_an_id_may_replace_an_estimate_too(scene, words):
    lost = await scene.start(words.start())
    await scene.tell(words.start(2 * HOUR, token="OTHER", meter=8000))
    assert (await scene.tell(words.stop(id=-1))).transaction_id == lost
    assert (await scene.get(lost)).stop_source == "reported"


async def test_the_readings_of_a_stop_are_kept(scene, words):
    started = await scene.start(words.start())
    data = (words.reading(0, 1000), words.reading(30 * MINUTE, 4000), words.reading(HOUR, 8000))
    await scene.tell(words.stop(id=started, readings=data))
    detail = await scene.do(service.transaction_detail, started)
    assert [each.energy_wh for each in detail.readings] == [1000, 4000, 8000]


async def test_a_register_that_went_backwards_is_followed_from_reading_to_reading(scene, words):
    started = await scene.start(words.start(meter=99_000))
    await scene.tell(words.meter(10 * MINUTE, 99_900, id=started))
    await scene.tell(words.meter(20 * MINUTE, 100, id=started))
    await scene.tell(words.stop(id=started, meter=700))
    found = await scene.only()
    assert (found.energy_wh, found.energy_basis) == (900 + 600, "steps")


async def test_a_stop_value_of_zero_does_not_lose_what_was_measured(scene, words):
    started = await scene.start(words.start(meter=0))
    await scene.tell(words.meter(10 * MINUTE, 5000, id=started))
    await scene.tell(words.stop(id=started, meter=0))
    assert ((await scene.only()).energy_wh, (await scene.only()).energy_basis) == (5000, "steps")


async def test_a_stop_value_rounded_under_the_last_reading_is_no_step_back(scene, words):
    started = await scene.start(words.start())
    await scene.tell(words.meter(10 * MINUTE, 5049, id=started))
    await scene.tell(words.stop(id=started, meter=5000))
    assert ((await scene.only()).energy_wh, (await scene.only()).energy_basis) == (4000, "register")


@pytest.mark.parametrize("nonsense", [None, 2**63 - 1])
async def test_without_a_stop_value_the_last_reading_stands_in(scene, words, nonsense):
    started = await scene.start(words.start())
    await scene.tell(words.meter(10 * MINUTE, 5000, id=started))
    await scene.tell(words.stop(id=started, meter=nonsense))
    assert (await scene.only()).energy_wh == 4000


async def test_without_any_meter_value_the_energy_is_unknown_not_zero(scene, words):
    started = await scene.start(words.start(meter=None))
    await scene.tell(words.stop(id=started, meter=None))
    assert ((await scene.only()).energy_wh, (await scene.only()).energy_basis) == (None, "unknown")


async def test_a_stop_before_its_start_is_moved_and_what_was_said_is_kept(scene, words):
    started = await scene.start(words.start())
    await scene.tell(words.stop(-HOUR, id=started))
    found = await scene.only()
    assert found.stopped_at == T0
    assert found.stopped_at_raw == "2027-01-15T07:00:00.000Z"


async def test_a_mangled_message_is_kept_and_answered(scene):
    message = Mangled(
        charger_id="CP-1", received_at=T0, action="StopTransaction", payload='{"transactionId":5}', missing=("timestamp",)
    )
    assert await scene.do(service.mangled, message, None) == TransactionVerdict(0)
    (kept,) = await scene.quarantined()
    assert kept.problem == "StopTransaction without timestamp"
    assert json.loads(kept.report)["payload"] == '{"transactionId":5}'
    await scene.do(service.resolve_quarantined, kept.id, "driver called, refunded")
    assert await scene.quarantined() == []
    (dealt_with,) = await scene.do(lambda tx: service.list_quarantined(tx, resolved=True))
    assert dealt_with.note == "driver called, refunded"


async def test_the_verdicts_speak_of_the_token_that_was_shown(scene, words):
    started = await scene.start(words.start())
    assert (await scene.tell(words.stop(id=started, token=None))).token is None
    lost = await scene.start(words.start(2 * HOUR))
    assert (await scene.tell(words.stop(3 * HOUR, id=lost, token="LOST"))).token.status == "Blocked"
