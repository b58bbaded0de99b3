"""What a charge was: its meter along the time, when it was idle, and everything else that a price may depend on."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from csms.core.errors import NotFound
from csms.core.pricing import FINAL, SO_FAR, Charge, Span
from csms.domain.stations import service as stations
from csms.domain.transactions.model import Wishes
from csms.domain.transactions.service.consumption import MOST_POINTS, charge_of, charges_of
from csms.domain.transactions.store import consumption as store
from csms.domain.transactions.store import wishes

Scene = Any
Words = Any
MINUTE = 60_000
HOUR = 60 * MINUTE
T0 = 1_800_000_000_000


async def charge(scene: Scene, transaction_id: int, purpose: str = FINAL, now: int | None = None) -> Charge:
    found: Charge = await scene.do(partial(charge_of, purpose=purpose, now=now), transaction_id)
    return found


def along(found: Charge) -> list[tuple[int, int]]:
    return [((each.at - T0) // MINUTE, each.energy_wh) for each in found.points]


async def test_the_meter_along_a_charge(scene: Scene, words: Words) -> None:
    one = await scene.start(words.start())
    for minute, meter in ((10, 2000), (20, 1900), (30, 3000), (40, 99_999_999)):  # one back, one that cannot be
        await scene.tell(words.meter(minute * MINUTE, meter, id=one))
    await scene.tell(words.stop(id=one, meter=8000))
    found = await charge(scene, one)
    assert along(found) == [(0, 0), (10, 1000), (30, 2000), (60, 7000)]
    assert (found.energy_wh, found.started_at, found.ended_at, found.purpose) == (7000, T0, T0 + HOUR, "final")
    assert (found.charger_id, found.evse, found.connector, found.token, found.currency) == ("CP-1", 1, 1, "CARD", "INR")
    assert (found.time_zone, found.transaction_id, found.estimated, found.idle) == ("Asia/Kolkata", one, False, ())


async def test_a_register_that_began_anew_is_followed_step_by_step(scene: Scene, words: Words) -> None:
    one = await scene.start(words.start(meter=5000))
    for minute, meter in ((10, 6000), (20, 100), (30, 900)):
        await scene.tell(words.meter(minute * MINUTE, meter, id=one))
    so_far = await charge(scene, one, SO_FAR, T0 + 31 * MINUTE)
    assert along(so_far) == [(0, 0), (10, 1000), (20, 1000), (30, 1800)]
    assert (so_far.ended_at, so_far.energy_wh, so_far.estimated) == (T0 + 31 * MINUTE, 1800, False)
    await scene.tell(words.stop(id=one, meter=1400))
    found = await charge(scene, one)
    assert (along(found)[-1], found.energy_wh) == ((60, 2300), 2300)


async def test_an_end_that_nobody_reported_is_estimated(scene: Scene, words: Words) -> None:
    one = await scene.start(words.start())
    await scene.tell(words.meter(10 * MINUTE, 2000, id=one))
    await scene.start(words.start(HOUR, meter=2000, token="OTHER"))
    found = await charge(scene, one)
    assert (found.estimated, found.energy_wh, along(found)) == (True, 1000, [(0, 0), (10, 1000)])


async def test_idle_by_the_connector(scene: Scene, words: Words) -> None:
    one = await scene.start(words.start())

    def told(tx: Any) -> None:
        for minute, status in (
            (1, "Charging"),
            (20, "SuspendedEV"),
            (30, "Charging"),
            (35, "SuspendedEVSE"),
            (40, "Charging"),
            (50, "Finishing"),
        ):
            tx.run(
                "INSERT INTO connector_status_history (tenant, charger_id, evse, connector, status, reported_at, received_at, applied)"
                " VALUES (:tenant, 'CP-1', 1, 1, :status, :at, :at, 1)",
                status=status,
                at=T0 + minute * MINUTE,
            )

    await scene.do(told)
    for minute, meter in ((20, 3000), (30, 3000), (35, 4000), (40, 4000), (50, 5000), (55, 5000)):
        await scene.tell(words.meter(minute * MINUTE, meter, id=one))
    await scene.tell(words.stop(id=one, meter=5000))
    found = await charge(scene, one)
    assert found.idle == (Span(from_at=T0 + 20 * MINUTE, to_at=T0 + 30 * MINUTE), Span(from_at=T0 + 50 * MINUTE, to_at=T0 + HOUR))


async def test_idle_by_the_meter_alone(scene: Scene, words: Words) -> None:
    one = await scene.start(words.start())
    for minute, meter in ((10, 3000), (20, 5000), (30, 5000), (40, 5000)):
        await scene.tell(words.meter(minute * MINUTE, meter, id=one))
    running = await charge(scene, one, SO_FAR, T0 + 41 * MINUTE)
    assert running.idle == (Span(from_at=T0 + 20 * MINUTE, to_at=T0 + 41 * MINUTE),)
    await scene.tell(words.stop(id=one, meter=5000))
    found = await charge(scene, one)
    assert found.idle == (Span(from_at=T0 + 20 * MINUTE, to_at=T0 + HOUR),)
    assert along(found) == [(0, 0), (10, 2000), (20, 4000), (60, 4000)]  # what is between tells nothing


async def test_idle_as_a_charger_of_2x_says(scene: Scene, words: Words) -> None:
    await scene.tell(words.started(0, charging_state="EVConnected", meter=1000))
    steps = ((1, 5, "Charging"), (2, 10, "Charging"), (3, 20, "SuspendedEV"), (4, 30, "Charging"), (5, 50, "EVConnected"))
    for seq_no, minute, state in steps:
        await scene.tell(words.updated(seq_no, minute * MINUTE, charging_state=state, meter=1000 + 100 * minute))
    await scene.tell(words.ended(6, meter=6000))
    (known,) = await scene.all()
    found = await charge(scene, known.id)
    assert found.idle == (Span(from_at=T0 + 20 * MINUTE, to_at=T0 + 30 * MINUTE), Span(from_at=T0 + 50 * MINUTE, to_at=T0 + HOUR))


async def test_where_who_and_what_was_asked_for(scene: Scene, words: Words) -> None:
    station = await scene.do(partial(stations.add_station, name="Depot"))

    def arrange(tx: Any) -> None:
        tx.run(
            "UPDATE stations SET time_zone = 'Europe/Paris', state = 'IDF', country = 'FR' WHERE tenant = :tenant AND id = :id",
            id=station.id,
        )
        tx.run("UPDATE chargers SET station_id = :station WHERE tenant = :tenant AND id = 'CP-1'", station=station.id)
        tx.run(
            "INSERT INTO connector_details (charger_id, evse, connector, tenant, type, current_type, max_power_w, added_at)"
            " VALUES ('CP-1', 1, 1, :tenant, 'IEC_62196_T2_COMBO', 'DC', 60000, :now)"
        )

        tx.run("""UPDATE drivers SET membership = 'gold', preferences = '{"state": "KA"}' WHERE tenant = :tenant AND id = 1""")
        rows = [{"name": "staff"}, {"name": "fleet"}]
        tx.many("INSERT INTO driver_groups (tenant, driver_id, name) VALUES (:tenant, 1, :name)", rows)

    await scene.do(arrange)
    one = await scene.start(words.start())
    await scene.do(wishes.save, one, Wishes(promo_code="DIWALI", amount_minor=500))
    found = await charge(scene, one, SO_FAR)
    assert (found.time_zone, found.station_state, found.station_country, found.station_id) == (
        "Europe/Paris",
        "IDF",
        "FR",
        station.id,
    )
    assert (found.connector_type, found.current_type, found.max_power_w) == ("IEC_62196_T2_COMBO", "DC", 60000)
    assert (found.driver_id, found.driver_groups, found.membership, found.customer_state) == (1, ("fleet", "staff"), "gold", "KA")
    assert (found.promo_code, found.purpose, found.reserved_s) == ("DIWALI", "so_far", 0)


async def test_what_has_not_started_is_no_charge(scene: Scene) -> None:
    with pytest.raises(NotFound):
        await charge(scene, 999)


async def test_one_that_was_read_a_hundred_thousand_times_is_thinned(scene: Scene, words: Words) -> None:
    one = await scene.start(words.start())

    def read_often(tx: Any) -> None:
        tx.many(
            "INSERT INTO meter_readings (tenant, charger_id, evse, connector, transaction_id, sampled_at, received_at, sampled_at_raw,"
            " energy_wh, power_w, soc_percent, samples, guessed) VALUES (:tenant, 'CP-1', 1, 1, :id, :at, :at, '', :wh, NULL, NULL, '[]', 0)",
            [{"id": one, "at": T0 + 1000 * n, "wh": 1000 + n} for n in range(1, 3 * store.MOST_READ)],
        )

    await scene.do(read_often)
    await scene.tell(words.stop(2 * HOUR, id=one, meter=8000))
    found = await charge(scene, one)
    assert MOST_POINTS // 2 < len(found.points) <= MOST_POINTS
    assert (found.points[0].energy_wh, found.points[-1].energy_wh) == (0, 7000)
    assert list(found.points) == sorted(found.points, key=lambda each: (each.at, each.energy_wh))


async def test_many_take_as_many_statements_as_one(scene: Scene, words: Words, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [await scene.start(words.start(n * HOUR, token="FLEET")) for n in range(12)]
    counted: list[int] = []

    def count(tx: Any, some: list[int]) -> int:
        asked = 0
        plain = type(tx).all

        def counting(self: Any, sql: str, **parameters: Any) -> Any:
            nonlocal asked
            asked += 1
            return plain(self, sql, **parameters)

        monkeypatch.setattr(type(tx), "all", counting)
        found = charges_of(tx, some)
        monkeypatch.setattr(type(tx), "all", plain)
        assert len(found) == len(some)
        return asked

    for some in (ids[:2], ids):
        counted.append(await scene.do(count, some))
    assert counted[0] == counted[1] <= 5
