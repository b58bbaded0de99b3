"""Making, changing and cancelling reservations: what is asked, what is answered, and what stands then."""

from __future__ import annotations

from typing import Any

import pytest

from csms.core.commands import (
    Answered,
    CallError,
    CancelReservation,
    Lost,
    NotSupported,
    Offline,
    Outcome,
    QueueFull,
    ReserveNow,
    TimedOut,
)
from csms.core.errors import Invalid, NotFound, Refused
from csms.core.ids import DEFAULT_TENANT, Place
from csms.core.reports import Token, TokenVerdict
from csms.domain.reservations import flows, service, store
from csms.domain.reservations.model import ReservationsQuery

from .conftest import HOUR, MINUTE, SETTINGS, T0, Scene


async def test_an_accepted_reservation_stands(scene: Scene) -> None:
    known = await scene.reserve()
    (asked,) = scene.chargers.sent
    assert asked == ReserveNow(reservation_id=known.id, place=Place(1, 1), token=Token("CARD"), expires_at=T0 + 1000 + HOUR)
    assert 0 < known.id < 2**31
    assert (known.state, known.answer, known.made_at, known.ask_at) == ("active", "Accepted", T0 + 1000, None)
    (made,) = await scene.events()
    assert (made.type, made.reservation_id, made.evse, made.token, made.changed) == ("reservation_made", known.id, 1, "CARD", False)
    assert await scene.get(known.id) == known


async def test_the_group_of_the_token_is_sent_and_stored(scene: Scene) -> None:
    known = await scene.reserve(token="VAN-1")
    (asked,) = scene.chargers.sent
    assert isinstance(asked, ReserveNow)
    assert (asked.parent, known.parent) == ("FLEET", "FLEET")


@pytest.mark.parametrize(
    ("outcome", "answer"),
    [
        (Answered("Occupied"), "Occupied"),
        (Answered("Faulted"), "Faulted"),
        (Answered("Unavailable"), "Unavailable"),
        (Answered("Rejected"), "Rejected"),
        (CallError("NotImplemented"), "CallError: NotImplemented"),
        (NotSupported("no such message"), "NotSupported: no such message"),
        (Offline(), "Offline: not connected"),
        (QueueFull(), "QueueFull"),
    ],
)
async def test_what_the_charger_did_not_take_is_refused(scene: Scene, outcome: Outcome, answer: str) -> None:
    known = await scene.reserve(outcome)
    assert (known.state, known.answer, known.made_at) == ("refused", answer, None)
    assert known.note
    assert await scene.told() == ["refused"]
    assert (await scene.reserve()).state == "active", "the place is free for the next"


async def test_ids_are_never_used_twice(scene: Scene) -> None:
    ids = [(await scene.reserve(Answered("Rejected"))).id for _ in range(3)]
    assert len(set(ids)) == 3


@pytest.mark.parametrize(("token", "error"), [("LOST", "Blocked"), ("NOBODYS", "Invalid")], ids=["blocked", "unknown"])
async def test_a_token_that_may_not_charge_reserves_nothing(scene: Scene, token: str, error: str) -> None:
    with pytest.raises(Refused, match=error):
        await scene.reserve(token=token)
    assert scene.chargers.sent == []
    assert await scene.do(store.reservations, ReservationsQuery(), 10) == []


async def test_plugins_are_asked_and_may_refuse(scene: Scene) -> None:
    scene.decisions.answer = TokenVerdict("NoCredit")
    with pytest.raises(Refused, match="NoCredit"):
        await scene.reserve()
    hook, question = scene.decisions.asked[0]
    assert (hook, question["purpose"], question["place"]) == ("authorize_token", "reserve", Place(1, 1))


@pytest.mark.parametrize("within", [0, -1, 86_400_001])
async def test_it_ends_in_the_future_and_not_too_far_away(scene: Scene, within: int) -> None:
    with pytest.raises(Invalid) as refused:
        await scene.reserve(within=within)
    assert refused.value.field == "expires_at"


async def test_wrong_places_and_chargers(scene: Scene) -> None:
    for place in (Place(-1, 1), Place(1000, 1), Place(0, 1)):
        with pytest.raises(Invalid):
            await flows.reserve(scene.ports, SETTINGS, DEFAULT_TENANT, "CP-1", place, Token("CARD"), T0 + HOUR)
    with pytest.raises(NotFound):
        await flows.reserve(scene.ports, SETTINGS, DEFAULT_TENANT, "CP-9", Place(1, 1), Token("CARD"), T0 + HOUR)
    assert scene.chargers.sent == []


# --- together -------------------------------------------------------------------------------------------------------------------


async def test_a_connector_is_reserved_once(scene: Scene) -> None:
    first = await scene.reserve()
    with pytest.raises(Refused, match=rf"connector 1 of CP-1 is reserved until .* \(reservation {first.id}\)"):
        await scene.reserve(token="OTHER")
    assert (await scene.reserve(token="OTHER", evse=2)).state == "active"
    assert len(scene.chargers.sent) == 2


async def test_no_more_reservations_than_connectors(scene: Scene) -> None:
    await scene.reserve(evse=0)
    await scene.reserve(evse=0, token="OTHER")
    for evse in (0, 1):
        with pytest.raises(Refused, match="every connector of CP-1 is reserved"):
            await scene.reserve(evse=evse, token="VAN-1")


async def test_one_that_ran_out_is_in_nobodys_way(scene: Scene) -> None:
    await scene.reserve(within=MINUTE)
    scene.clock.advance(MINUTE)
    assert (await scene.reserve(token="OTHER")).state == "active"


# --- uncertain ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [TimedOut(), Lost()])
async def test_without_an_answer_it_may_stand_and_is_asked_again(scene: Scene, outcome: Outcome) -> None:
    known = await scene.reserve(outcome)
    assert (known.state, known.answer) == ("pending", type(outcome).__name__)
    assert await scene.told() == []
    with pytest.raises(Refused):
        await scene.reserve(token="OTHER")
    assert await scene.ask_again() == 0, "not yet"
    scene.clock.advance(120_000)
    assert await scene.ask_again() == 1
    first, second = scene.chargers.sent
    assert first == second, "the same id: the charger replaces what it may have (1.6 §5.13)"
    assert (await scene.get(known.id)).state == "active"
    assert await scene.told() == ["made"]
    assert await scene.ask_again() == 0


async def test_asked_again_it_may_be_refused(scene: Scene) -> None:
    known = await scene.reserve(TimedOut())
    scene.clock.advance(120_000)
    await scene.ask_again(Answered("Occupied"))
    assert (await scene.get(known.id)).state == "refused"


async def test_a_charger_that_is_away_is_asked_when_it_is_back(scene: Scene) -> None:
    known = await scene.reserve(Lost())
    scene.clock.advance(120_000)
    scene.chargers.connected = False
    assert await scene.ask_again() == 0
    scene.chargers.connected = True
    assert await scene.ask_again(Offline()) == 1
    assert (await scene.get(known.id)).state == "pending", "it may stand from the first time"
    assert await scene.ask_again() == 0
    scene.clock.advance(120_000)
    assert await scene.ask_again() == 1
    assert (await scene.get(known.id)).state == "active"


async def test_a_crash_before_the_answer_leaves_it_to_be_asked_again(scene: Scene) -> None:
    asked = await scene.do(
        service.reserve, "CP-1", Place(1, 1), Token("CARD"), T0 + HOUR, "", None, SETTINGS
    )  # and nothing more was written
    scene.clock.advance(120_000)
    assert await scene.ask_again() == 1
    assert (await scene.get(asked.id)).state == "active"


async def test_only_the_answer_to_the_latest_question_counts(scene: Scene) -> None:
    known = await scene.reserve(TimedOut())
    scene.clock.advance(120_000)
    again = await scene.do(service.ask_again, known.id, SETTINGS)
    late = await scene.do(service.answered, known.id, known.asks, Answered("Occupied"), SETTINGS)
    assert late.state == "pending"
    assert (await scene.do(service.answered, known.id, again.asks, Answered("Accepted"), SETTINGS)).state == "active"
    crossed = await scene.do(service.answered, known.id, known.asks, Answered("Accepted"), SETTINGS)
    assert (crossed.state, crossed.ask_at) == ("pending", scene.clock.now()), "which of the two it heard last we cannot know"


# --- changed --------------------------------------------------------------------------------------------------------------------


async def test_a_change_replaces_what_the_charger_keeps(scene: Scene) -> None:
    known = await scene.reserve()
    changed = await scene.change(known.id, evse=2, token="OTHER", within=2 * HOUR)
    asked = scene.chargers.sent[-1]
    assert isinstance(asked, ReserveNow)
    assert (asked.reservation_id, asked.place, asked.token) == (known.id, Place(2, 1), Token("OTHER"))
    assert (changed.state, changed.evse, changed.token, changed.replaced) == ("active", 2, "OTHER", "")
    assert await scene.told() == ["made", "changed"]
    assert (await scene.reserve(token="VAN-1")).state == "active", "the connector it had is free"


@pytest.mark.parametrize("outcome", [Answered("Occupied"), Offline()])
async def test_a_change_that_is_not_taken_leaves_the_old_terms(scene: Scene, outcome: Outcome) -> None:
    known = await scene.reserve()
    changed = await scene.change(known.id, outcome, evse=2, within=2 * HOUR)
    assert (changed.state, changed.evse, changed.expires_at) == ("active", 1, known.expires_at)
    assert await scene.told() == ["made"]


async def test_a_change_without_an_answer_is_asked_again(scene: Scene) -> None:
    known = await scene.reserve()
    assert (await scene.change(known.id, TimedOut(), evse=2)).state == "pending"
    scene.clock.advance(120_000)
    await scene.ask_again(Answered("Rejected"))
    back = await scene.get(known.id)
    assert (back.state, back.evse) == ("active", 1)


async def test_what_cannot_be_changed(scene: Scene) -> None:
    known = await scene.reserve()
    other = await scene.reserve(evse=2)
    with pytest.raises(Refused, match="connector 2"):
        await scene.change(known.id, evse=2)
    await scene.cancel(other.id)
    with pytest.raises(Refused, match="cancelled"):
        await scene.change(other.id, evse=2)
    with pytest.raises(NotFound):
        await scene.change(99, evse=2)


# --- cancelled ------------------------------------------------------------------------------------------------------------------


async def test_a_cancelled_reservation_is_gone(scene: Scene) -> None:
    known = await scene.reserve()
    cancelled = await scene.cancel(known.id)
    assert scene.chargers.sent[-1] == CancelReservation(known.id)
    assert (cancelled.state, cancelled.ended_at) == ("cancelled", scene.clock.now())
    assert await scene.told() == ["made", "cancelled"]
    with pytest.raises(Refused, match="has ended: it is cancelled"):
        await scene.cancel(known.id)
    assert (await scene.reserve(token="OTHER")).state == "active"


async def test_the_charger_may_know_no_such_reservation(scene: Scene) -> None:
    known = await scene.reserve()
    gone = await scene.cancel(known.id, Answered("Rejected"))
    assert (gone.state, gone.answer) == ("released", "Rejected")
    assert "no such reservation" in gone.note


async def test_a_charger_that_cannot_cancel_keeps_it(scene: Scene) -> None:
    known = await scene.reserve()
    assert (await scene.cancel(known.id, CallError("NotImplemented"))).state == "active"
    pending = await scene.reserve(TimedOut(), evse=2)
    assert (await scene.cancel(pending.id, NotSupported())).state == "pending"


@pytest.mark.parametrize("outcome", [Offline(), TimedOut(), Lost()])
async def test_a_charger_that_was_not_reached_is_told_later(scene: Scene, outcome: Outcome) -> None:
    known = await scene.reserve()
    assert (await scene.cancel(known.id, outcome)).state == "cancelling"
    assert (await scene.reserve(Answered("Occupied"), token="OTHER")).state == "refused", "it is the charger that knows"
    scene.clock.advance(120_000)
    assert await scene.ask_again() == 1
    assert scene.chargers.sent[-1] == CancelReservation(known.id)
    assert (await scene.get(known.id)).state == "cancelled"


async def test_cancelled_before_the_answer_came(scene: Scene) -> None:
    async def cancel_meanwhile(command: Any) -> None:
        if isinstance(command, ReserveNow):
            await scene.do(service.cancel, command.reservation_id, SETTINGS)

    scene.chargers.before = cancel_meanwhile
    known = await scene.reserve()
    assert known.state == "cancelling", "the answer to the first question is not what counts"
    scene.clock.advance(120_000)
    await scene.ask_again()
    assert (await scene.get(known.id)).state == "cancelled"


# --- as commands ----------------------------------------------------------------------------------------------------------------


async def test_as_a_command_it_is_numbered_by_us_or_changes_one(scene: Scene) -> None:
    command = ReserveNow(place=Place(1, 1), token=Token("CARD"), expires_at=T0 + HOUR)
    known, _ = await flows.reserve_now(scene.ports, SETTINGS, DEFAULT_TENANT, "CP-1", command)
    named = ReserveNow(reservation_id=known.id, place=Place(2, 1), token=Token("CARD"), expires_at=T0 + HOUR, parent="GROUP")
    with pytest.raises(NotFound):
        await flows.reserve_now(scene.ports, SETTINGS, DEFAULT_TENANT, "CP-2", named)
    changed, _ = await flows.reserve_now(scene.ports, SETTINGS, DEFAULT_TENANT, "CP-1", named)
    assert (changed.id, changed.evse, changed.parent) == (known.id, 2, "GROUP")
    with pytest.raises(NotFound):
        await flows.cancel_reservation(scene.ports, SETTINGS, DEFAULT_TENANT, "CP-2", CancelReservation(known.id))
    cancelled, _ = await flows.cancel_reservation(scene.ports, SETTINGS, DEFAULT_TENANT, "CP-1", CancelReservation(known.id))
    assert cancelled.state == "cancelled"
