"""What an operator can make of messages that fitted nothing, and of transactions that their charger will not end."""

from __future__ import annotations

from functools import partial

import attrs
import pytest

from csms.core.errors import Invalid, NotFound, Refused
from csms.core.reports import Mangled
from csms.domain.transactions import service

T0 = 1_800_000_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE


@pytest.fixture
async def ambiguous(scene, words):
    """Two transactions of one token, and a stop that may be of either: their ids, and the stop's."""
    first = await scene.start(words.start(evse=1, token="FLEET"))
    second = await scene.start(words.start(evse=2, token="FLEET", meter=2000))
    await scene.tell(words.stop(id=-1, token="FLEET"))
    (kept,) = await scene.quarantined()
    return first, second, kept.id


async def attach(scene, quarantine_id, transaction_id, note=""):
    return await scene.do(partial(service.attach_stop, quarantine_id=quarantine_id, transaction_id=transaction_id, note=note))


async def test_a_stop_shows_the_transactions_that_it_may_be_of(scene, words, ambiguous):
    first, second, stop = ambiguous
    await scene.tell(words.start(30 * MINUTE, evse=3, token="OTHER"))
    detail = await scene.do(service.quarantined_detail, stop)
    assert [each.id for each in detail.candidates][:2] == [first, second]
    assert detail.candidates[2].token == "OTHER", "another's, but nobody knows: the likeliest come first"
    with pytest.raises(NotFound):
        await scene.do(service.quarantined_detail, 999)


async def test_an_operator_gives_a_stop_to_its_transaction(scene, ambiguous):
    first, second, stop = ambiguous
    ended = await attach(scene, stop, second, "the driver called")
    assert (ended.id, ended.state, ended.stop_source, ended.energy_wh, ended.stopped_at) == (
        second,
        "completed",
        "reported",
        6000,
        T0 + HOUR,
    )
    assert (await scene.get(first)).state == "running"
    assert (await scene.told())[-1] == "transaction_ended"
    assert await scene.quarantined() == []
    (kept,) = await scene.do(lambda tx: service.list_quarantined(tx, resolved=True))
    assert (kept.transaction_id, kept.guessed, kept.note) == (second, False, "the driver called")
    with pytest.raises(Refused, match="already"):
        await attach(scene, stop, first)


async def test_what_an_operator_decided_is_not_guessed_anew(scene, words, ambiguous):
    first, _, stop = ambiguous
    await attach(scene, stop, first)
    await scene.tell(words.start(30 * MINUTE, evse=1, token="FLEET", meter=5000))
    assert ((await scene.get(first)).stop_source, (await scene.get(first)).stopped_at) == ("reported", T0 + HOUR)
    assert (await scene.tell(words.stop(id=-1, token="FLEET"))).transaction_id == first, "its repeat is known too"


async def test_an_operator_corrects_a_guess(scene, words):
    wrong = await scene.start(words.start(evse=1))
    await scene.tell(words.meter(10 * MINUTE, 2000, id=wrong))
    await scene.tell(words.stop(id=-1))
    right = await scene.start(words.start(evse=2, token="OTHER"))
    (kept,) = await scene.do(lambda tx: service.list_quarantined(tx, resolved=True))
    assert kept.transaction_id == wrong
    await attach(scene, kept.id, right)
    assert ((await scene.get(right)).energy_wh, (await scene.get(right)).stop_source) == (7000, "reported")
    old = await scene.get(wrong)
    assert (old.stop_source, old.stop_reason, old.energy_wh) == ("operator", "Operator", 1000)
    assert (await scene.told())[-1] == "transaction_corrected"


async def test_a_stop_is_not_given_to_what_cannot_be_its_transaction(scene, words, ambiguous):
    first, _, stop = ambiguous
    elsewhere = await scene.start(attrs.evolve(words.start(), charger_id="CP-2"))
    await scene.tell(words.stop(id=first, token="FLEET", meter=9000))
    numbered = (await scene.tell(words.started())).transaction_id
    mangled = Mangled(charger_id="CP-1", received_at=T0, action="StopTransaction", payload="{}", missing=("timestamp",))
    await scene.do(service.mangled, mangled, None)
    other = (await scene.quarantined())[-1].id
    for transaction_id, quarantine_id, why in (
        (elsewhere, stop, "of charger CP-2"),
        (first, stop, "the charger itself reported"),
        (numbered, stop, "numbers itself"),
        (first, other, "no stop but mangled"),
    ):
        with pytest.raises(Refused, match=why):
            await attach(scene, quarantine_id, transaction_id)
    with pytest.raises(NotFound):
        await attach(scene, stop, 999)
    with pytest.raises(NotFound):
        await attach(scene, 999, first)


async def test_a_resolved_stop_stays_with_the_operator(scene, words):
    await scene.tell(words.stop(id=-1))
    (kept,) = await scene.quarantined()
    await scene.do(partial(service.resolve_quarantined, quarantine_id=kept.id, note="a test by the installer"))
    started = await scene.start(words.start())
    assert (await scene.get(started)).state == "running"
    assert (await scene.tell(words.stop(id=-1))).transaction_id == 0
    assert await scene.quarantined() == []
    with pytest.raises(NotFound):
        await scene.do(partial(service.resolve_quarantined, quarantine_id=kept.id, note=""))


async def test_an_operator_who_read_the_meter_ends_a_transaction(scene, words, clock):
    started = await scene.start(words.start())
    await scene.tell(words.meter(MINUTE, 2000, id=started))
    clock.advance(3 * HOUR)
    for wrong in ({"meter_stop_wh": 1999}, {"meter_stop_wh": 10**12}, {"stopped_at": T0 - 1}, {"stopped_at": T0 + 4 * HOUR}):
        with pytest.raises(Invalid):
            await scene.do(partial(service.force_stop, transaction_id=started, **wrong))
    end = partial(service.force_stop, transaction_id=started, note="read on site", meter_stop_wh=9000, stopped_at=T0 + 2 * HOUR)
    await scene.do(end)
    found = await scene.only()
    assert (found.stop_source, found.meter_stop_wh, found.energy_wh, found.stopped_at) == ("operator", 9000, 8000, T0 + 2 * HOUR)
    await scene.tell(words.stop(id=started, meter=8500))
    assert ((await scene.only()).stop_source, (await scene.only()).energy_wh) == ("reported", 7500)
