"""The jobs that reservations need are among the server's."""

from __future__ import annotations

from csms import jobs
from csms.config import Config
from csms.core.commands import Lost, ReserveNow

from .conftest import MINUTE, Scene


async def work(scene: Scene, name: str) -> None:
    (job,) = [each for each in jobs.table(Config(), scene.database) if each.name == name]
    await job.work(scene.ports)


async def test_the_server_expires_reservations(scene: Scene) -> None:
    known = await scene.reserve(within=MINUTE)
    scene.clock.advance(MINUTE)
    await work(scene, "expire reservations")
    assert (await scene.get(known.id)).state == "expired"


async def test_the_server_asks_again(scene: Scene) -> None:
    known = await scene.reserve(Lost())
    scene.clock.advance(2 * MINUTE)
    await work(scene, "ask about reservations again")
    assert [type(each) for each in scene.chargers.sent] == [ReserveNow, ReserveNow]
    assert (await scene.get(known.id)).state == "active"
