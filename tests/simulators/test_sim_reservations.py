"""Reservations: who is kept out, who is let in, and how they end (1.6 §3.11, §5.1, §5.13)."""

from __future__ import annotations

import pytest
import trio

from simulators.charger import Car, Supply, Tag
from simulators.clock import iso

EPOCH_MS = 1_800_000_000_000


@pytest.fixture
def reserve(order):
    async def send(connector=1, number=1, tag="MINE", seconds=600, **more):
        expiry = iso(EPOCH_MS + seconds * 1000)
        answer = await order("ReserveNow", connectorId=connector, expiryDate=expiry, idTag=tag, reservationId=number, **more)
        return answer["status"]

    return send


async def charge(bench, charger, number, tag):
    word = await charger.box.tap(number, Tag(tag))
    if word == "Accepted":
        charger.box.plug(number, Car())
        await bench.delivered(charger)
    return word


async def test_only_the_right_token_charges_and_that_ends_it(autojump_clock, bench, reserve):
    charger = await bench.charger()
    assert await reserve() == "Accepted"
    assert bench.heard("StatusNotification")[-1].payload["status"] == "Reserved"
    assert await charge(bench, charger, 1, "OTHER") == "Reserved"
    assert bench.heard("Authorize") == []
    assert await charge(bench, charger, 1, "mine") == "Accepted"
    assert bench.heard("StartTransaction")[0].payload["reservationId"] == 1
    assert charger.reservations.held == []
    await charger.box.tap(1, Tag("mine"))
    charger.box.unplug(1)
    await bench.delivered(charger)
    assert charger.box.connector(1).status == "Available"


async def test_one_of_its_group_may_use_it(autojump_clock, bench, reserve):
    bench.override("Authorize", {"idTagInfo": {"status": "Accepted", "parentIdTag": "OTHERS"}})
    charger = await bench.charger()
    assert await reserve(parentIdTag="FAMILY") == "Accepted"
    assert await charge(bench, charger, 1, "STRANGER") == "Reserved"
    bench.override("Authorize", {"idTagInfo": {"status": "Accepted", "parentIdTag": "FAMILY"}})
    assert await charge(bench, charger, 1, "CHILD") == "Accepted"
    assert bench.heard("StartTransaction")[0].payload["reservationId"] == 1


async def test_a_reserved_connector_is_not_started_remotely_for_another(autojump_clock, bench, reserve, order):
    charger = await bench.charger()
    await reserve()
    assert await order("RemoteStartTransaction", idTag="OTHER", connectorId=1) == {"status": "Rejected"}
    assert await order("RemoteStartTransaction", idTag="MINE", connectorId=1) == {"status": "Accepted"}
    charger.box.plug(1, Car())
    await bench.delivered(charger)
    assert bench.heard("StartTransaction")[0].payload["reservationId"] == 1


async def test_it_expires(autojump_clock, bench, reserve):
    charger = await bench.charger()
    await reserve(seconds=90)
    await trio.sleep(85)
    assert charger.box.connector(1).status == "Reserved"
    await trio.sleep(10)
    assert bench.heard("StatusNotification")[-1].payload["status"] == "Available"
    assert charger.reservations.held == []


async def test_cancel(autojump_clock, bench, reserve, order):
    charger = await bench.charger()
    await reserve(number=7)
    assert await order("CancelReservation", reservationId=8) == {"status": "Rejected"}
    assert await order("CancelReservation", reservationId=7) == {"status": "Accepted"}
    assert await order("CancelReservation", reservationId=7) == {"status": "Rejected"}
    assert charger.box.connector(1).status == "Available"


async def test_a_known_id_replaces(autojump_clock, bench, reserve):
    charger = await bench.charger()
    await reserve(number=7, connector=1)
    assert await reserve(number=7, connector=2, tag="YOURS") == "Accepted"
    assert [connector.status for connector in charger.box.connectors] == ["Available", "Reserved"]
    assert charger.reservations.held[0].tag == Tag("YOURS")


async def test_what_is_refused_and_why(autojump_clock, bench, reserve, order):
    charger = await bench.charger()
    assert await reserve(connector=9) == "Rejected"
    assert await reserve(seconds=-5) == "Rejected"
    charger.box.fault(1, "GroundFailure")
    assert await reserve() == "Faulted"
    charger.box.fault(1, "NoError")
    await order("ChangeAvailability", connectorId=1, type="Inoperative")
    assert await reserve() == "Unavailable"
    await order("ChangeAvailability", connectorId=1, type="Operative")
    charger.box.plug(1, Car())
    assert await reserve() == "Occupied"
    charger.box.unplug(1)
    assert await reserve(number=1) == "Accepted"
    assert await reserve(number=2) == "Occupied"
    charger.failing.add("reservation")
    assert await reserve(number=3, connector=2) == "Rejected"


async def test_a_failed_replacement_leaves_what_was(autojump_clock, bench, reserve):
    charger = await bench.charger()
    await reserve(number=7, connector=1)
    charger.box.plug(2, Car())
    assert await reserve(number=7, connector=2) == "Occupied"
    assert charger.box.connector(1).status == "Reserved"


@pytest.mark.parametrize("end", ["fault", "availability"])
async def test_out_of_order_ends_it(autojump_clock, bench, reserve, order, end):
    charger = await bench.charger()
    await reserve()
    if end == "fault":
        charger.box.fault(1, "GroundFailure")
    else:
        await order("ChangeAvailability", connectorId=1, type="Inoperative")
    assert charger.reservations.held == []


async def test_any_connector(autojump_clock, bench, reserve):
    charger = await bench.charger(supplies=(Supply(), Supply()))
    assert await reserve(connector=0) == "Accepted"
    assert [connector.status for connector in charger.box.connectors] == ["Available", "Available"]
    assert await charge(bench, charger, 1, "OTHER") == "Accepted"
    # the last free one is kept now
    assert charger.box.connector(2).status == "Reserved"
    assert await charge(bench, charger, 2, "ANOTHER") == "Reserved"
    assert await reserve(number=2, connector=0) == "Occupied"
    assert await charge(bench, charger, 2, "MINE") == "Accepted"
    assert bench.heard("StartTransaction")[-1].payload["reservationId"] == 1


async def test_any_connector_where_that_is_not_supported(autojump_clock, bench, reserve):
    await bench.charger(settings={"reserves_any": "false"})
    assert await reserve(connector=0) == "Rejected"


async def test_without_the_feature(autojump_clock, bench):
    await bench.charger(without=frozenset({"Reservation"}))
    answer = await bench.server.command("CH-1", "CancelReservation", {"reservationId": 1})
    assert answer.code == "NotSupported"
