"""Lists and details for operators."""

from __future__ import annotations

import attrs
import pytest

from csms.core.errors import Invalid, NotFound
from csms.domain.transactions import service

T0 = 1_800_000_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE


@pytest.fixture
async def three(scene, words, clock):
    first = await scene.start(words.start())
    await scene.tell(words.meter(MINUTE, 2000, id=first))
    await scene.tell(words.stop(id=first))
    clock.advance(2 * HOUR)
    second = await scene.start(words.start(2 * HOUR, token="OTHER"))
    clock.advance(HOUR)
    third = await scene.start(attrs.evolve(words.start(3 * HOUR), charger_id="CP-2"))
    return first, second, third


async def listed(scene, **which):
    return tuple(each.id for each in await scene.do(lambda tx: service.list_transactions(tx, **which)))


async def test_the_newest_come_first(scene, three):
    assert await listed(scene) == three[::-1]


async def test_filters(scene, three):
    first, second, third = three
    assert await listed(scene, state="completed") == (first,)
    assert await listed(scene, charger_id="CP-2") == (third,)
    assert await listed(scene, token="other") == (second,)
    assert await listed(scene, since=T0 + 2 * HOUR) == (third, second)
    assert await listed(scene, since=T0 + 9 * HOUR) == ()
    assert await listed(scene, open=True, charger_id="CP-1") == (second,)
    assert await listed(scene, open=False) == (first,)


async def test_only_so_many(scene, three):
    assert await listed(scene, limit=2) == three[:0:-1]


async def test_what_is_asked_wrongly_is_refused(scene):
    with pytest.raises(Invalid, match="pending_start"):
        await listed(scene, state="charging")
    with pytest.raises(Invalid, match="1000"):
        await listed(scene, limit=0)


async def test_the_detail_has_its_readings(scene, three):
    detail = await scene.do(service.transaction_detail, three[0])
    assert detail.transaction.energy_wh == 7000
    assert [each.energy_wh for each in detail.readings] == [2000]
    for unknown in (999, 0, -1, 2**70):
        with pytest.raises(NotFound):
            await scene.do(service.transaction_detail, unknown)
