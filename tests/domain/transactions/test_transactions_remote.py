"""Remote starts and stops, and what operators decide."""

from __future__ import annotations

import attrs
import pytest
import trio

from csms.core.commands import Answered, CallError, Lost, NotSupported, Offline, StartCharging, StopCharging, TimedOut
from csms.core.errors import NotFound, Refused
from csms.core.ids import DEFAULT_TENANT, Place
from csms.core.ports import Ports
from csms.core.reports import Token, TokenVerdict
from csms.domain.transactions import flows, service
from csms.domain.transactions.model import TransactionPolicy

T0 = 1_800_000_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE


class Chargers:
    """A charger that answers as told, and may do something first."""

    def __init__(self, outcome, before=None):
        self.outcome = outcome
        self.before = before
        self.sent = []

    async def send(self, charger_id, command, /, *, ttl_s=None, timeout_s=None):
        self.sent.append((charger_id, command))
        if self.before is not None:
            await self.before(command)
        return self.outcome


class Decisions:
    def __init__(self, answer=None):
        self.answer = answer
        self.asked = []

    async def ask(self, hook, /, **question):
        self.asked.append((hook, question))
        return self.answer


def ports(scene, outcome, *, before=None, answer=None):
    return Ports(
        database=scene.database,
        chargers=Chargers(outcome, before),
        decisions=Decisions(answer),
        clock=None,
        random=None,
        blocking=None,
        http=None,
    )


async def remote_start(scene, outcome, *, place=None, token="CARD", policy=None, **more):
    given = ports(scene, outcome, **more)
    result = await flows.remote_start(given, policy or scene.policy, "CP-1", Token(token), place, tenant=DEFAULT_TENANT)
    return *result, given


async def test_a_remote_start_waits_for_the_transaction_that_follows(scene, words):
    transaction_id, outcome, given = await remote_start(scene, Answered("Accepted"), place=Place(1, 1))
    assert outcome == Answered("Accepted")
    assert given.chargers.sent == [("CP-1", StartCharging(Token("CARD"), Place(1, 1), transaction_id))]
    assert given.decisions.asked[0][1]["purpose"] == "remote"
    assert ((await scene.only()).state, (await scene.only()).remote_start_id) == ("pending_start", transaction_id)
    assert await scene.start(words.start()) == transaction_id
    found = await scene.only()
    assert (found.state, found.deadline_at, found.remote_start_id) == ("running", None, transaction_id)
    assert await scene.told() == ["transaction_started"]


async def test_the_start_may_come_before_the_answer(scene, words):
    async def start_first(command):
        await scene.tell(words.start())

    transaction_id, _, _ = await remote_start(scene, Answered("Accepted"), before=start_first)
    assert ((await scene.only()).id, (await scene.only()).state) == (transaction_id, "running")


@pytest.mark.parametrize(
    ("outcome", "note"),
    [
        (Answered("Rejected"), "Rejected"),
        (CallError("InternalError"), "CallError: InternalError"),
        (Offline(), "Offline: not connected"),
        (NotSupported("no such message"), "NotSupported: no such message"),
    ],
)
async def test_a_remote_start_that_certainly_did_nothing_fails(scene, words, outcome, note):
    transaction_id, _, _ = await remote_start(scene, outcome)
    assert ((await scene.only()).state, (await scene.only()).note) == ("failed", note)
    (updated,) = await scene.events()
    assert (updated.type, updated.state, updated.previous_state) == ("transaction_updated", "failed", "pending_start")
    assert await scene.start(words.start()) != transaction_id


@pytest.mark.parametrize("outcome", [TimedOut(), Lost()])
async def test_one_that_may_have_been_heard_waits_and_then_expires(scene, outcome):
    await remote_start(scene, outcome, policy=TransactionPolicy(pending_start_s=0))
    assert (await scene.only()).state == "pending_start"
    assert await scene.do(service.expire_pending) == 1
    assert (await scene.only()).state == "expired"
    assert await scene.do(service.expire_pending) == 0


async def test_it_waits_as_long_as_configured(scene):
    await remote_start(scene, Answered("Accepted"), policy=TransactionPolicy(pending_start_s=120))
    found = await scene.only()
    assert found.deadline_at - found.updated_at == 120_000
    assert await scene.do(service.expire_pending) == 0


@pytest.mark.parametrize(("token", "status"), [("LOST", "Blocked"), ("NOBODYS", "Invalid")])
async def test_a_token_that_may_not_charge_is_not_sent(scene, token, status):
    given = ports(scene, Answered("Accepted"))
    with pytest.raises(Refused, match=status):
        await flows.remote_start(given, scene.policy, "CP-1", Token(token), tenant=DEFAULT_TENANT)
    assert given.chargers.sent == []
    assert await scene.all() == []


async def test_plugins_may_refuse_it(scene):
    with pytest.raises(Refused, match="NoCredit"):
        await remote_start(scene, Answered("Accepted"), answer=TokenVerdict("NoCredit"))


async def test_remote_starts_that_wait_count_for_the_next_one_but_not_for_a_start(scene, words):
    await remote_start(scene, Answered("Accepted"), place=Place(1, 1))
    with pytest.raises(Refused, match="ConcurrentTx"):
        await remote_start(scene, Answered("Accepted"), place=Place(2, 1))
    assert (await scene.tell(words.start(evse=3, token="CARD"))).token.status == "Accepted"


async def test_a_start_elsewhere_or_of_another_token_leaves_it_waiting(scene, words):
    await remote_start(scene, Answered("Accepted"), place=Place(1, 1))
    await scene.tell(words.start(token="OTHER"))
    await scene.tell(words.start(evse=2))
    assert [each.state for each in await scene.all()] == ["pending_start", "running", "running"]


async def test_a_start_at_a_place_answers_the_request_for_that_place_first(scene, words):
    anywhere, _, _ = await remote_start(scene, Answered("Accepted"), token="FLEET")
    there, _, _ = await remote_start(scene, Answered("Accepted"), token="FLEET", place=Place(2, 1))
    assert await scene.start(words.start(evse=2, token="FLEET")) == there
    assert await scene.start(words.start(MINUTE, evse=1, token="FLEET")) == anywhere


async def test_a_request_for_any_place_is_answered_where_the_driver_plugged_in(scene, words):
    asked, _, _ = await remote_start(scene, Answered("Accepted"))
    assert await scene.start(words.start(evse=2)) == asked
    assert ((await scene.only()).evse, (await scene.only()).remote_start_id) == (2, asked)


async def test_two_requests_at_once_for_one_place(scene, words):
    """The charger takes the first and refuses the second, or is asked a second time while it waits for the cable."""
    asked = []

    async def ask(token, outcome):
        asked.append((await remote_start(scene, outcome, token=token, place=Place(1, 1)))[0])

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, "CARD", Answered("Accepted"))
        nursery.start_soon(ask, "OTHER", Answered("Rejected"))
    assert sorted(each.state for each in await scene.all()) == ["failed", "pending_start"]
    waiting = next(each.id for each in await scene.all() if each.state == "pending_start")
    again, _, _ = await remote_start(scene, Answered("Rejected"), place=Place(1, 1))
    assert (await scene.get(again)).state == "failed"
    assert await scene.start(words.start()) == waiting


async def test_of_two_requests_at_once_for_one_token_only_one_is_sent(scene):
    outcomes = []

    async def ask(evse):
        try:
            outcomes.append(type((await remote_start(scene, Answered("Accepted"), place=Place(evse, 1)))[1]))
        except Refused as error:
            outcomes.append(str(error))

    async with trio.open_nursery() as nursery:
        for evse in (1, 2):
            nursery.start_soon(ask, evse)
    assert Answered in outcomes
    assert any("ConcurrentTx" in str(outcome) for outcome in outcomes)
    assert len(await scene.all()) == 1


@pytest.mark.parametrize("outcome", [TimedOut(), Lost()])
async def test_a_start_follows_although_the_answer_was_lost(scene, words, outcome):
    asked, _, _ = await remote_start(scene, outcome)
    assert await scene.start(words.start()) == asked
    assert (await scene.only()).state == "running"


async def test_a_start_that_happened_in_time_and_is_told_late_answers_an_expired_request(scene, words, clock):
    policy = TransactionPolicy(pending_start_s=120)
    asked, _, _ = await remote_start(scene, Answered("Accepted"), policy=policy)
    clock.advance(3 * MINUTE)
    assert await scene.do(service.expire_pending) == 1
    assert [each.id for each in await scene.do(lambda tx: service.list_transactions(tx, state="expired"))] == [asked]
    assert await scene.start(words.start(MINUTE, received_at=T0 + HOUR)) == asked
    found = await scene.only()
    assert (found.state, found.closed_at, found.remote_start_id, found.note) == ("running", None, asked, "")


@pytest.mark.parametrize("at", [-MINUTE, 5 * MINUTE])
async def test_a_start_before_the_request_or_after_it_expired_is_one_of_its_own(scene, words, clock, at):
    asked, _, _ = await remote_start(scene, Answered("Accepted"), policy=TransactionPolicy(pending_start_s=120))
    clock.advance(3 * MINUTE)
    await scene.do(service.expire_pending)
    assert await scene.start(words.start(at, received_at=T0 + HOUR)) != asked
    assert (await scene.get(asked)).state == "expired"


async def test_a_rejected_remote_stop_of_a_1_6_transaction_leaves_it_running(scene, words):
    started = await scene.start(words.start())
    await flows.remote_stop(ports(scene, Answered("Rejected")), started, tenant=DEFAULT_TENANT)
    assert (await scene.only()).state == "running"
    await flows.remote_stop(ports(scene, Answered("Accepted")), started, tenant=DEFAULT_TENANT)
    assert (await scene.only()).state == "pending_stop"
    await scene.tell(words.meter(MINUTE, 2000, id=started))
    await scene.tell(words.stop(id=started, token=None, reason="Remote"))
    assert ((await scene.only()).state, (await scene.only()).stop_reason) == ("completed", "Remote")


async def test_a_2x_start_names_the_request_it_answers(scene, words):
    transaction_id, _, _ = await remote_start(scene, Answered("Accepted"), policy=TransactionPolicy(pending_start_s=0))
    await scene.do(service.expire_pending)
    verdict = await scene.tell(words.started(token=None, remote_start_id=transaction_id))
    assert verdict.transaction_id == transaction_id, "late, but it says whose it is"
    found = await scene.only()
    assert (found.state, found.reference, found.token, found.closed_at) == ("running", "TX-1", "CARD", None)
    await scene.tell(words.ended(5))
    await scene.tell(words.updated(1, MINUTE, meter=2000))
    assert ((await scene.only()).token, (await scene.only()).energy_wh) == ("CARD", 7000)


async def test_a_transaction_that_ran_already_answers_the_request(scene, words):
    """Cable first: TransactionEvent(Started), then our request, then Updated with its id."""
    verdict = await scene.tell(words.started(token=None))
    asked, _, _ = await remote_start(scene, Answered("Accepted"))
    await scene.tell(words.updated(1, MINUTE, token="CARD", remote_start_id=asked))
    running = await scene.get(verdict.transaction_id)
    assert (running.token, running.token_status, running.remote_start_id) == ("CARD", "Accepted", asked)
    waited = await scene.get(asked)
    assert (waited.state, waited.note) == ("expired", f"became transaction {running.id}")


async def test_a_remote_stop_waits_for_the_stop(scene, words):
    verdict = await scene.tell(words.started())
    given = ports(scene, Answered("Accepted"))
    assert await flows.remote_stop(given, verdict.transaction_id, tenant=DEFAULT_TENANT) == (
        verdict.transaction_id,
        Answered("Accepted"),
    )
    assert given.chargers.sent == [("CP-1", StopCharging(verdict.transaction_id, "TX-1"))]
    await scene.tell(words.updated(1, MINUTE, charging_state="Charging", meter=2000))
    assert (await scene.only()).state == "pending_stop"
    await scene.tell(words.ended(2, reason="Remote"))
    assert ((await scene.only()).state, (await scene.only()).stop_reason) == ("completed", "Remote")


@pytest.mark.parametrize(
    ("outcome", "state"), [(Answered("Rejected"), "suspended"), (Offline(), "suspended"), (Lost(), "pending_stop")]
)
async def test_a_remote_stop_that_certainly_did_nothing_is_taken_back(scene, words, outcome, state):
    verdict = await scene.tell(words.started(charging_state="SuspendedEV"))
    await flows.remote_stop(ports(scene, outcome), verdict.transaction_id, tenant=DEFAULT_TENANT)
    assert (await scene.only()).state == state


async def test_what_does_not_run_cannot_be_stopped(scene, words):
    given = ports(scene, Answered("Accepted"))
    started = await scene.start(words.start())
    await scene.tell(words.stop(id=started))
    waiting, _, _ = await remote_start(scene, Answered("Accepted"))
    for transaction_id, error in ((started, Refused), (waiting, Refused), (999, NotFound)):
        with pytest.raises(error):
            await flows.remote_stop(given, transaction_id, tenant=DEFAULT_TENANT)
    assert given.chargers.sent == []


async def test_an_operator_may_end_it_and_the_charger_still_has_the_last_word(scene, words):
    started = await scene.start(words.start())
    await scene.tell(words.meter(MINUTE, 2000, id=started))
    await scene.do(service.force_stop, started, "charger was dug out")
    found = await scene.only()
    assert (found.state, found.stop_source, found.energy_wh, found.note) == ("completed", "operator", 1000, "charger was dug out")
    with pytest.raises(Refused):
        await scene.do(service.force_stop, started)
    await scene.tell(words.stop(id=started))
    assert ((await scene.only()).stop_source, (await scene.only()).energy_wh) == ("reported", 7000)
    assert await scene.told() == ["transaction_started", "transaction_ended", "transaction_corrected"]


async def test_an_operator_may_give_up_a_remote_start(scene):
    transaction_id, _, _ = await remote_start(scene, Answered("Accepted"))
    await scene.do(service.force_stop, transaction_id)
    assert (await scene.only()).state == "failed"


async def test_decisions_carry_settings_and_what_plugins_say(scene, words):
    given = ports(scene, Offline(), answer=TokenVerdict("Accepted"))
    config = TransactionPolicy(reconciliation_deadline_s=5, pending_start_s=6, max_per_token=7)
    assert await flows.ask(given, config, words.start(), DEFAULT_TENANT) == attrs.evolve(config, token=TokenVerdict("Accepted"))
    assert await flows.ask(given, config, words.stop(id=1), DEFAULT_TENANT) == config, "nobody may refuse a stop"
    assert len(given.decisions.asked) == 1
