"""Reservations in step with their charger: status, use, boot, and time."""

from __future__ import annotations

from typing import Any

import pytest

from csms.core.commands import Answered, Lost, ReserveNow, TimedOut
from csms.core.ports import Tx
from csms.domain.reservations import service, store
from csms.domain.reservations.model import Reservation

from .conftest import HOUR, MINUTE, Scene

# --- use ------------------------------------------------------------------------------------------------------------------------


async def test_the_start_that_names_it_uses_it(scene: Scene) -> None:
    known = await scene.reserve()
    await scene.status("Reserved")
    scene.clock.advance(MINUTE)
    verdict = await scene.start("CARD", reservation_id=known.id)
    assert verdict.token is not None
    assert verdict.token.status == "Accepted"
    used = await scene.get(known.id)
    assert (used.state, used.transaction_id, used.ended_at) == ("used", verdict.transaction_id, scene.clock.now())
    _, ended = await scene.events()
    assert (ended.state, ended.previous_state, ended.transaction_id) == ("used", "active", verdict.transaction_id)


async def test_a_start_that_names_none_uses_the_one_it_fits(scene: Scene) -> None:
    anywhere = await scene.reserve(evse=0)
    here = await scene.reserve(evse=2)
    await scene.start("card", evse=2)
    assert [(await scene.get(each.id)).state for each in (anywhere, here)] == ["active", "used"], "that of the connector first"
    await scene.start("CARD", evse=1)
    assert (await scene.get(anywhere.id)).state == "used", "any connector is a use of it (1.6 §5.13)"


async def test_any_token_of_the_group_may_use_it(scene: Scene) -> None:
    known = await scene.reserve(token="VAN-1")
    verdict = await scene.start("VAN-2")
    assert verdict.token is not None
    assert verdict.token.status == "Accepted"
    assert (await scene.get(known.id)).state == "used"


async def test_a_repeated_start_uses_nothing_more(scene: Scene) -> None:
    known = await scene.reserve()
    at = scene.clock.now()
    verdict = await scene.start("CARD", at=at, reservation_id=known.id)
    elsewhere = await scene.reserve(evse=0)
    assert await scene.start("CARD", at=at, reservation_id=known.id) == verdict
    assert [(await scene.get(each.id)).state for each in (known, elsewhere)] == ["used", "active"]
    assert await scene.told() == ["made", "used", "made"]


async def test_a_start_before_the_reservation_was_made_is_no_use_of_it(scene: Scene) -> None:
    known = await scene.reserve()
    await scene.start("CARD", at=scene.clock.now() - HOUR)
    assert (await scene.get(known.id)).state == "active", "an old start that came late"


async def test_a_late_start_that_names_an_ended_one_used_it_after_all(scene: Scene) -> None:
    known = await scene.reserve(within=MINUTE)
    started_at = scene.clock.now() + MINUTE // 2
    scene.clock.advance(HOUR)
    assert await scene.do(service.expire) == 1
    await scene.start("CARD", at=started_at, reservation_id=known.id)
    assert (await scene.get(known.id)).state == "used"
    assert await scene.told() == ["made", "expired", "used"]


async def test_a_start_while_we_wait_for_the_answer_uses_it(scene: Scene) -> None:
    known = await scene.reserve(Lost())
    await scene.start("CARD", reservation_id=known.id)
    assert (await scene.get(known.id)).state == "used"
    scene.clock.advance(HOUR)
    assert await scene.ask_again() == 0


async def test_a_charger_that_lets_somebody_else_have_it(scene: Scene) -> None:
    known = await scene.reserve()
    verdict = await scene.start("OTHER", reservation_id=known.id)
    assert verdict.token is not None
    assert verdict.token.status == "NotAtThisTime"
    gone = await scene.get(known.id)
    assert (gone.state, gone.transaction_id) == ("released", None)
    assert "OTHER" in gone.note


@pytest.mark.parametrize("number", [0, -1, 99, 2**31, 2**63 - 1])
async def test_numbers_that_are_no_reservation_of_ours(scene: Scene, number: int) -> None:
    known = await scene.reserve()
    await scene.start("OTHER", evse=2, reservation_id=number)
    assert (await scene.get(known.id)).state == "active"
    await scene.start("CARD", reservation_id=number)
    assert (await scene.get(known.id)).state == "used", "what fits, fits"


# --- status ---------------------------------------------------------------------------------------------------------------------


async def test_the_status_confirms_what_was_not_answered(scene: Scene) -> None:
    known = await scene.reserve(TimedOut())
    await scene.status("Reserved")
    assert (await scene.get(known.id)).state == "active"
    assert await scene.told() == ["made"]
    scene.clock.advance(HOUR // 2)
    assert await scene.ask_again() == 0


async def test_available_after_reserved_means_that_the_charger_ended_it(scene: Scene) -> None:
    known = await scene.reserve()
    await scene.status("Available")
    assert (await scene.get(known.id)).state == "active", "it never said Reserved: nothing has ended"
    scene.clock.advance(1000)
    await scene.status("Reserved")
    scene.clock.advance(1000)
    await scene.status("Available", evse=2)
    assert (await scene.get(known.id)).state == "active"
    await scene.status("Available")
    gone = await scene.get(known.id)
    assert (gone.state, gone.note) == ("released", "the charger made the connector available again")


async def test_available_when_its_time_is_up_means_that_it_expired(scene: Scene) -> None:
    known = await scene.reserve(within=10 * MINUTE)
    await scene.status("Reserved")
    scene.clock.advance(10 * MINUTE - 2000)  # the charger's clock is a little ahead
    await scene.status("Available")
    assert (await scene.get(known.id)).state == "expired"


async def test_an_old_status_changes_nothing(scene: Scene) -> None:
    known = await scene.reserve()
    await scene.status("Reserved")
    await scene.status("Available", at=scene.clock.now() - HOUR)
    assert (await scene.get(known.id)).state == "active"


@pytest.mark.parametrize("status", ["Faulted", "Unavailable"])
async def test_a_fault_or_being_out_of_service_ends_it(scene: Scene, status: str) -> None:
    here, anywhere = await scene.reserve(), await scene.reserve(evse=0, token="OTHER")
    await scene.status(status)
    assert [(await scene.get(each.id)).state for each in (here, anywhere)] == ["released", "active"]
    assert (await scene.get(here.id)).note == f"the connector became {status}"
    scene.clock.advance(1000)
    await scene.status(status, evse=0)
    assert (await scene.get(anywhere.id)).note == f"the charger became {status}"


async def test_being_used_is_no_end_until_the_start_tells(scene: Scene) -> None:
    known = await scene.reserve()
    for status in ("Reserved", "Preparing", "Charging"):
        await scene.status(status)
        scene.clock.advance(1000)
    assert (await scene.get(known.id)).state == "active"


async def test_one_that_is_being_cancelled_has_ended_when_the_connector_is_free(scene: Scene) -> None:
    known = await scene.reserve()
    await scene.status("Reserved")
    await scene.cancel(known.id, TimedOut())
    scene.clock.advance(1000)
    await scene.status("Available")
    assert (await scene.get(known.id)).state == "cancelled"


async def test_reserved_may_be_the_one_that_is_being_cancelled(scene: Scene) -> None:
    old = await scene.reserve()
    await scene.cancel(old.id, Lost())
    new = await scene.reserve(TimedOut(), token="OTHER")
    await scene.status("Reserved")
    assert (await scene.get(new.id)).state == "pending"


# --- boot -----------------------------------------------------------------------------------------------------------------------


async def test_after_a_boot_it_is_asked_for_again(scene: Scene) -> None:
    known = await scene.reserve()
    await scene.status("Reserved")
    await scene.boot()
    assert (await scene.get(known.id)).state == "pending"
    scene.clock.advance(1000)
    await scene.status("Available")
    assert (await scene.get(known.id)).state == "pending", "it has forgotten, and is about to be told"
    scene.clock.advance(10_000)
    assert await scene.ask_again() == 1
    again = scene.chargers.sent[-1]
    assert isinstance(again, ReserveNow)
    assert (again.reservation_id, again.expires_at) == (known.id, known.expires_at)
    assert (await scene.get(known.id)).state == "active"
    assert await scene.told() == ["made"], "nobody else needs to know"


async def test_a_charger_that_remembers_is_not_asked(scene: Scene) -> None:
    known = await scene.reserve()
    await scene.boot()
    await scene.status("Reserved")
    scene.clock.advance(HOUR // 2)
    assert await scene.ask_again() == 0
    assert (await scene.get(known.id)).state == "active"


async def test_occupied_by_itself_is_no_refusal(scene: Scene) -> None:
    """Some chargers do not replace a reservation of the same id, but say that the connector is occupied: by it."""
    known = await scene.reserve()
    await scene.status("Reserved")
    await scene.boot()
    scene.clock.advance(10_000)
    await scene.ask_again(Answered("Occupied"))
    assert (await scene.get(known.id)).state == "active"


async def test_a_charger_that_does_not_take_it_again_has_released_it(scene: Scene) -> None:
    known = await scene.reserve()
    await scene.boot()
    await scene.status("Charging")
    scene.clock.advance(10_000)
    await scene.ask_again(Answered("Occupied"))
    assert (await scene.get(known.id)).state == "released"
    assert await scene.told() == ["made", "released"]


async def test_a_charger_that_boots_over_and_over_does_not_put_it_off(scene: Scene) -> None:
    known = await scene.reserve()
    for _ in range(3):
        await scene.boot()
        scene.clock.advance(5000)
    assert await scene.ask_again() == 1
    assert (await scene.get(known.id)).state == "active"


# --- time -----------------------------------------------------------------------------------------------------------------------


async def test_reservations_expire(scene: Scene) -> None:
    active = await scene.reserve(within=MINUTE)
    pending = await scene.reserve(Lost(), evse=2, within=MINUTE)
    scene.clock.advance(MINUTE - 1)
    assert await scene.do(service.expire) == 0
    scene.clock.advance(1)
    assert await scene.do(service.expire) == 2
    assert [(await scene.get(each.id)).state for each in (active, pending)] == ["expired", "expired"]
    assert await scene.told() == ["made", "expired", "expired"]
    assert await scene.do(service.expire) == 0


async def test_what_ran_out_is_not_asked_for_again(scene: Scene) -> None:
    await scene.reserve(Lost(), within=MINUTE)
    scene.clock.advance(HOUR)
    sent = len(scene.chargers.sent)
    await scene.ask_again()
    assert len(scene.chargers.sent) == sent


async def test_many_are_asked_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("csms.domain.reservations.flows.PAGE", 2)
    for number in range(5):
        await scene.do(_insert_pending, number)
    assert await scene.ask_again() == 5
    assert sorted(each.reservation_id for each in scene.chargers.sent if isinstance(each, ReserveNow)) == [1, 2, 3, 4, 5]


def _insert_pending(tx: Tx, number: int) -> None:
    fields: dict[str, Any] = {
        "evse": 1,
        "connector": 1,
        "token": f"T{number}",
        "expires_at": tx.now + HOUR,
        "ask_at": tx.now - number % 2,
    }
    store.insert(tx, Reservation(charger_id="CP-1", **fields))
