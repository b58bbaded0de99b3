"""Alerts are raised once while they last, whatever is delivered twice, and end by themselves or by a word."""

from __future__ import annotations

import pytest

from csms.core.errors import Invalid, NotFound, Refused
from csms.core.ids import DEFAULT_TENANT
from csms.domain.alerts import flows, service
from csms.domain.alerts.model import Occurrence

from .conftest import Scene


async def test_a_fault_raises_an_alert_that_ends_with_it(scene: Scene) -> None:
    await scene.status("Faulted", "Charging", error="GroundFailure")
    raised = await scene.only()
    assert (raised.kind, raised.severity, raised.charger_id, raised.times) == ("charger_faulted", "error", "C1", 1)
    assert raised.message == "connector 1.1 of charger C1 is at fault: GroundFailure"
    assert raised.detail["status"] == "Faulted"
    scene.clock.advance(60_000)
    await scene.status("Available", "Faulted")
    ended = await scene.only()
    assert (ended.id, ended.resolved_at, ended.resolved_by, ended.note) == (raised.id, scene.clock.now(), "", "it is Available")
    assert await scene.told() == ["alert_raised", "alert_resolved"]


async def test_repeats_fold_while_it_is_open_and_the_last_word_counts(scene: Scene) -> None:
    await scene.status("Faulted", "Available", error="GroundFailure")
    scene.clock.advance(1000)
    await scene.status("Faulted", "Faulted", error="OverVoltage")
    folded = await scene.only()
    assert (folded.times, folded.last_raised_at - folded.raised_at) == (2, 1000)
    assert folded.message.endswith("OverVoltage")
    await scene.status("Faulted", "Available", evse=2)
    await scene.status("Faulted", "Available", evse=0)
    assert [each.times for each in await scene.all()] == [2, 1, 1], "each place is its own"
    await scene.status("Available", "Faulted")
    await scene.status("Faulted", "Available")
    assert len(await scene.all()) == 4, "one that ended is not opened again"
    assert await scene.told() == ["alert_raised"] * 3 + ["alert_resolved", "alert_raised"]


async def test_an_event_that_is_delivered_twice_counts_once(scene: Scene) -> None:
    first = await scene.status("Faulted", "Available")
    second = await scene.status("Available", "Faulted")
    third = await scene.status("Faulted", "Available")
    for again, status, previous in (
        (first, "Faulted", "Available"),
        (second, "Available", "Faulted"),
        (third, "Faulted", "Available"),
    ):
        await scene.status(status, previous, event_id=again)
    assert [(each.times, each.resolved_at is not None) for each in await scene.all()] == [(1, True), (1, False)]
    assert len(await scene.told()) == 3


async def test_a_resolution_without_an_alert_is_nothing(scene: Scene) -> None:
    await scene.status("Available", "Faulted")
    assert await scene.all() == []


async def test_a_dead_letter_is_an_alert_of_its_consumer(scene: Scene) -> None:
    for event_id in (4, 5):
        await flows.given_up(
            scene.ports, DEFAULT_TENANT, consumer="plugin:sms", event_id=event_id, event_type="token_seen", error="OSError: no"
        )
    one = await scene.only()
    assert (one.kind, one.subject, one.times, one.detail["event_id"]) == ("dead_letter", "consumer:plugin:sms", 2, 5)
    assert one.message == "plugin:sms gave up on an event, token_seen: OSError: no (csms events replay plugin:sms)"


# --- operators ------------------------------------------------------------------------------------------------------------------


async def test_somebody_looks_after_it_and_says_that_it_is_over(scene: Scene) -> None:
    await scene.status("Faulted", "Available")
    number = (await scene.only()).id
    seen = await scene.do(service.acknowledge, number, "Asha", "on my way")
    assert (seen.acknowledged_at, seen.acknowledged_by, seen.note) == (scene.clock.now(), "Asha", "on my way")
    await scene.status("Faulted", "Faulted", error="OtherError")
    still = await scene.only()
    assert (still.times, still.acknowledged_by) == (2, "Asha")
    over = await scene.do(service.resolve, number, "Asha", "fuse replaced")
    assert (over.resolved_by, over.note, over.acknowledged_by) == ("Asha", "fuse replaced", "Asha")
    assert await scene.told() == ["alert_raised", "alert_resolved"]
    for verb in (service.acknowledge, service.resolve):
        with pytest.raises(Refused, match="resolved already"):
            await scene.do(verb, number, "Asha")


async def test_what_it_says_by_itself_is_added_to_the_note(scene: Scene) -> None:
    await scene.status("Faulted", "Available")
    await scene.do(service.acknowledge, (await scene.only()).id, "Asha", "on my way")
    await scene.status("Available", "Faulted")
    assert (await scene.only()).note == "on my way; it is Available"


@pytest.mark.parametrize(
    ("by", "note"), [("", ""), ("  ", ""), ("x" * 201, ""), ("a\nb", ""), ("Asha", "x" * 1001), ("Asha", "\x00")]
)
async def test_who_and_why_are_checked(scene: Scene, by: str, note: str) -> None:
    await scene.status("Faulted", "Available")
    with pytest.raises(Invalid):
        await scene.do(service.acknowledge, (await scene.only()).id, by, note)


@pytest.mark.parametrize("number", [0, -1, 99, 2**63])
async def test_there_is_no_such_alert(scene: Scene, number: int) -> None:
    with pytest.raises(NotFound):
        await scene.do(service.acknowledge, number, "Asha")


async def test_lists(scene: Scene) -> None:
    await scene.status("Faulted", "Available")
    await scene.do(service.raise_alert, Occurrence(kind="test", severity="info", subject="it", message="look"))
    fault, test = await scene.all()
    await scene.do(service.acknowledge, test.id, "Asha")
    await scene.status("Available", "Faulted")

    async def ids(**which: object) -> list[int]:
        return [each.id for each in await scene.all(**which)]

    assert await ids(open=True) == await ids(kind="test") == await ids(severity="info") == await ids(acknowledged=True) == [test.id]
    assert await ids(open=False) == await ids(charger_id="C1") == await ids(acknowledged=False) == [fault.id]
