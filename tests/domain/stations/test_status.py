from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest

from csms.core.ids import DEFAULT_TENANT, WHOLE_CHARGER, Place
from csms.core.ports import Database, Tx
from csms.core.reports import Noted, Oddity, StatusReported
from csms.domain.stations import service, store
from csms.domain.stations.model import Connector, StatusChange

Events = Callable[..., Awaitable[list[dict[str, Any]]]]
NOON = 1_700_000_000_000
MINUTE = 60_000


def said(status: str, minutes: float = 0, place: Place = Place(1, 1), **more: Any) -> StatusReported:
    at = NOON + int(minutes * MINUTE)
    values: dict[str, Any] = {"reported_at": at, "received_at": at, "error_code": "NoError"} | more
    return StatusReported(charger_id="CP1", place=place, status=status, **values)


@pytest.fixture
async def hear(database: Database) -> Callable[[StatusReported], Awaitable[None]]:
    await database.write(service.add_charger, "CP1", tenant=DEFAULT_TENANT)

    async def write(report: StatusReported) -> None:
        assert await database.write(service.status, report, None, tenant=DEFAULT_TENANT) == Noted()

    return write


async def places(database: Database) -> dict[Place, Connector]:
    return {each.place: each for each in await database.read(store.list_connectors, "CP1", tenant=DEFAULT_TENANT)}


async def history(database: Database, place: Place | None = None) -> list[StatusChange]:
    def oldest_first(tx: Any) -> list[StatusChange]:
        return store.list_history(tx, "CP1", since=0, until=2**52, place=place)[::-1]

    return await database.read(oldest_first, tenant=DEFAULT_TENANT)


Hear = Callable[[StatusReported], Awaitable[None]]


async def test_places_appear_as_they_speak(hear: Hear, database: Database) -> None:
    await hear(said("Available", place=WHOLE_CHARGER))
    await hear(said("Available", place=Place(1, 1)))
    await hear(said("Preparing", place=Place(2, 1)))
    await hear(said("Unavailable", place=Place(2, 0)))
    assert {place: each.status for place, each in (await places(database)).items()} == {
        WHOLE_CHARGER: "Available",
        Place(1, 1): "Available",
        Place(2, 1): "Preparing",
        Place(2, 0): "Unavailable",
    }
    evses = await database.read(store.list_evses, "CP1", tenant=DEFAULT_TENANT)
    assert [each.evse for each in evses] == [1, 2]


async def test_a_change_is_stored_told_and_kept(hear: Hear, database: Database, events: Events) -> None:
    await hear(said("Available"))
    await hear(said("Preparing", 1, info="cable in"))
    present = (await places(database))[Place(1, 1)]
    assert (present.status, present.info, present.reported_at, present.since_at) == (
        "Preparing",
        "cable in",
        NOON + MINUTE,
        NOON + MINUTE,
    )
    assert [(each.status, each.applied) for each in await history(database)] == [("Available", True), ("Preparing", True)]
    first, second = await events("charger_status_changed")
    assert (first["status"], first["previous_status"]) == ("Available", "")
    assert (second["status"], second["previous_status"], second["place"]) == ("Preparing", "Available", {"evse": 1, "connector": 1})
    assert second["key"] == "charger:CP1"


async def test_a_repeated_status_is_no_change(hear: Hear, database: Database, events: Events) -> None:
    await hear(said("Available"))
    await hear(said("Available", 5, info="still here"))
    present = (await places(database))[Place(1, 1)]
    assert (present.reported_at, present.since_at, present.info) == (NOON + 5 * MINUTE, NOON, "still here")
    assert len(await history(database)) == 1
    assert len(await events("charger_status_changed")) == 1


@pytest.mark.parametrize(
    "change",
    [{"error_code": "GroundFailure"}, {"vendor_error_code": "E42"}, {"status_raw": "Parked"}],
    ids=lambda each: next(iter(each)),
)
async def test_another_error_is_a_change(hear: Hear, database: Database, events: Events, change: dict[str, Any]) -> None:
    await hear(said("Faulted"))
    await hear(said("Faulted", 1, **change))
    assert len(await history(database)) == 2
    assert len(await events("charger_status_changed")) == 2
    assert (await places(database))[Place(1, 1)].since_at == NOON


async def test_an_offline_queue_goes_into_the_history_only(hear: Hear, database: Database, events: Events) -> None:
    await hear(said("Available", 60))
    for status, minutes in (("Preparing", 10), ("Charging", 11)):
        await hear(said(status, minutes, received_at=NOON + 61 * MINUTE))
    assert (await places(database))[Place(1, 1)].status == "Available"
    assert [(each.status, each.applied) for each in await history(database)] == [
        ("Preparing", False),
        ("Charging", False),
        ("Available", True),
    ]
    assert len(await events("charger_status_changed")) == 1


async def test_an_offline_queue_that_is_sent_twice_is_kept_once(hear: Hear, database: Database) -> None:
    await hear(said("Available", 60))
    for _ in range(2):
        await hear(said("Charging", 11, received_at=NOON + 61 * MINUTE))
    assert len(await history(database)) == 2


async def test_an_old_status_repeated_after_an_unchanged_newer_one_is_still_old(hear: Hear, database: Database) -> None:
    await hear(said("Available", 0))
    await hear(said("Available", 60))
    await hear(said("Charging", 30, received_at=NOON + 61 * MINUTE))
    assert (await places(database))[Place(1, 1)].status == "Available"


async def test_two_statuses_within_one_second_follow_the_order_of_arrival(hear: Hear, database: Database) -> None:
    await hear(said("Preparing"))
    await hear(said("Charging"))
    assert (await places(database))[Place(1, 1)].status == "Charging"


async def test_a_clock_far_ahead_does_not_silence_the_charger_afterwards(hear: Hear, database: Database) -> None:
    await hear(said("Available", reported_at=NOON + 10 * 365 * 24 * 60 * MINUTE))
    await hear(said("Preparing", 1))
    assert (await places(database))[Place(1, 1)].status == "Preparing"


async def test_clock_drift_is_measured(hear: Hear, database: Database) -> None:
    async def drift() -> int | None:
        charger = await database.read(store.charger, "CP1", tenant=DEFAULT_TENANT)
        assert charger is not None
        return charger.clock_drift_ms

    await hear(said("Available"))
    assert await drift() is None
    await hear(said("Preparing", 1, received_at=NOON + MINUTE - 5000))
    assert await drift() == 5000
    await hear(said("Charging", 2, received_at=NOON + 2 * MINUTE - 6000))
    assert await drift() == 5000
    await hear(said("Finishing", 63, received_at=NOON + 3 * MINUTE))
    assert await drift() == 60 * MINUTE
    await hear(said("Available", 64))

    def connect(tx: Tx) -> None:
        tx.run(
            "UPDATE chargers SET connection_id = 'x', connected_at = :at WHERE tenant = :tenant AND id = 'CP1'",
            at=NOON + 100 * MINUTE,
        )

    await database.write(connect, tenant=DEFAULT_TENANT)
    await hear(said("Preparing", 90, received_at=NOON + 101 * MINUTE))
    assert await drift() == 60 * MINUTE, "what happened before it connected is told late, and not by a slow clock"
    await hear(said("Charging", 102, received_at=NOON + 112 * MINUTE))
    assert await drift() == -10 * MINUTE
    never_set = (Oddity("clock", "timestamp", "1970-01-01T00:00:05Z"),)
    await hear(said("Finishing", 113, oddities=never_set))
    assert await drift() == 5000 - (NOON + 113 * MINUTE)
    await hear(said("Available", 114, received_at=NOON + 114 * MINUTE + 1))
    assert await drift() == -1


@pytest.mark.parametrize("place", [Place(-1, 1), Place(1000, 1), Place(1, 10**30), Place(1, -1)])
async def test_a_place_that_cannot_be_is_counted_as_odd(hear: Hear, database: Database, place: Place) -> None:
    await hear(said("Available", place=place))
    assert await places(database) == {}
    (oddity,) = await database.read(store.list_oddities, "CP1", tenant=DEFAULT_TENANT)
    assert (oddity.rule, oddity.field, oddity.example) == ("place", "connector", str(place))


async def test_a_removed_charger_is_answered_and_not_stored(database: Database, events: Events) -> None:
    assert await database.write(service.status, said("Available"), None, tenant=DEFAULT_TENANT) == Noted()
    assert await places(database) == {}
    assert await history(database) == []
    assert await events() == []


async def test_history_is_read_by_place_and_time(hear: Hear, database: Database) -> None:
    await hear(said("Available", 0))
    await hear(said("Available", 1, place=Place(2, 1)))
    await hear(said("Preparing", 2))
    assert [each.status for each in await history(database, Place(1, 1))] == ["Available", "Preparing"]

    def newest_before(tx: Any) -> list[StatusChange]:
        return store.list_history(tx, "CP1", since=NOON, until=NOON + 2 * MINUTE, limit=1)

    assert [each.place for each in await database.read(newest_before, tenant=DEFAULT_TENANT)] == [Place(2, 1)]


async def test_text_that_no_database_takes_does_not_lose_the_status(hear: Hear, database: Database) -> None:
    await hear(attrs.evolve(said("Faulted"), info="\x00\udfff" * 5000, vendor_error_code="\x00"))
    assert (await places(database))[Place(1, 1)].status == "Faulted"
