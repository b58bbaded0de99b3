"""Firmware campaigns: who is chosen, wave by wave, and what stops them. Each step is one that a restart could come after."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from csms.core.commands import Answered, Lost, Offline, Outcome, UpdateFirmware
from csms.core.errors import Invalid, Refused
from csms.core.ids import DEFAULT_TENANT
from csms.core.reports import FirmwareStatusReported
from csms.domain.tenants import service as tenants
from csms.domain.upkeep.flows import firmware as flows
from csms.domain.upkeep.model import Campaign, CampaignWish, Member
from csms.domain.upkeep.service import campaigns, firmware
from csms.domain.upkeep.store import campaigns as store

from .conftest import MINUTE, SETTINGS, World

HOUR = 60 * MINUTE


async def start(world: World, **wish: Any) -> Campaign:
    campaign: Campaign = await world.do(campaigns.start, CampaignWish(image_id=1, **wish))
    return campaign


async def step(world: World) -> list[str]:
    """One step; the chargers that were asked for an update."""
    before = len(world.fleet.told)
    await flows.run_campaigns(SETTINGS, world.ports, DEFAULT_TENANT)
    return sorted(charger_id for charger_id, command in world.fleet.told[before:] if isinstance(command, UpdateFirmware))


async def say(world: World, charger_id: str, *statuses: str) -> None:
    for status in statuses:
        report = FirmwareStatusReported(charger_id=charger_id, received_at=world.clock.now(), status=status)
        await world.do(firmware.firmware_status, report, SETTINGS)


async def now(world: World, campaign: Campaign) -> Campaign:
    found: Campaign = await world.look(store.campaign, campaign.id)
    return found


async def members(world: World, campaign: Campaign) -> dict[str, str]:
    found: list[Member] = await world.look(store.list_members, campaign.id)
    return {each.charger_id: each.state for each in found}


async def notes(world: World, campaign: Campaign) -> dict[str, str]:
    found: list[Member] = await world.look(store.list_members, campaign.id)
    return {each.charger_id: each.note for each in found}


@pytest.fixture
async def ready(world: World) -> World:
    await world.add("C1", "C2", "C3", "C4")
    await world.image()
    return world


async def test_all_that_the_image_fits_and_nobody_else(ready: World) -> None:
    await ready.add("NEW", firmware="2.0")
    await ready.add("OTHER", model="DC50")
    campaign = await start(ready)
    assert await members(ready, campaign) == {"C1": "waiting", "C2": "waiting", "C3": "waiting", "C4": "waiting", "NEW": "skipped"}
    assert await step(ready) == ["C1", "C2", "C3", "C4"]
    assert await step(ready) == []
    for charger_id in ("C1", "C2", "C3", "C4"):
        await say(ready, charger_id, "Installed")
    assert await step(ready) == []
    assert (await now(ready, campaign)).state == "done"
    assert (await members(ready, campaign))["C3"] == "done"


async def test_the_next_wave_waits_for_the_one_before(ready: World) -> None:
    campaign = await start(ready, wave_percent=50)
    assert (campaign.waves, campaign.chargers) == (2, 4)
    assert await step(ready) == ["C1", "C2"]
    await say(ready, "C1", "Downloading", "Installed")
    assert await step(ready) == []
    assert (await now(ready, campaign)).wave == 1
    await ready.boot("C2", "2.0")
    assert await step(ready) == ["C3", "C4"]
    assert (await now(ready, campaign)).wave == 2


async def test_chargers_that_are_away_hold_up_nobody_once_one_of_their_wave_has_shown_that_it_works(ready: World) -> None:
    await ready.disconnect("C2")
    campaign = await start(ready, wave_size=2)
    assert await step(ready) == ["C1"]
    assert await step(ready) == []
    await say(ready, "C1", "Installed")
    assert await step(ready) == ["C3", "C4"]
    await ready.connect("C2")
    assert await step(ready) == ["C2"], "its turn comes when it is back"
    assert (await members(ready, campaign))["C2"] == "updating"


async def test_a_wave_of_which_nobody_is_there_shows_nothing(ready: World) -> None:
    await ready.disconnect("C1")
    campaign = await start(ready, wave_size=1)
    assert await step(ready) == []
    assert (await now(ready, campaign)).wave == 1


async def test_too_many_failures_abort_it_and_the_rest_stays_as_it_is(ready: World) -> None:
    campaign = await start(ready, wave_size=2, max_failures=0)
    assert await step(ready) == ["C1", "C2"]
    await say(ready, "C1", "Downloading", "DownloadFailed")
    assert await step(ready) == []
    aborted = await now(ready, campaign)
    assert (aborted.state, aborted.note) == ("aborted", "1 of 2 chargers failed")
    assert await members(ready, campaign) == {"C1": "failed", "C2": "updating", "C3": "skipped", "C4": "skipped"}
    (event,) = await ready.events("firmware_campaign_aborted")
    assert (event["reason"], event["failed"], event["chargers"]) == ("1 of 2 chargers failed", 1, 4)
    assert (await notes(ready, campaign))["C1"] == "DownloadFailed"
    with pytest.raises(Refused, match="aborted"):
        await ready.do(campaigns.resume, campaign.id)


async def test_failures_count_in_percent_of_the_waves_that_have_begun(ready: World) -> None:
    campaign = await start(ready, wave_size=2, max_failures_percent=50)
    await step(ready)
    await say(ready, "C1", "InstallationFailed")
    await say(ready, "C2", "Installed")
    assert await step(ready) == ["C3", "C4"], "one of two is not more than half"
    await say(ready, "C3", "InstallationFailed")
    await say(ready, "C4", "InstallationFailed")
    assert await step(ready) == []
    assert (await now(ready, campaign)).note == "3 of 4 chargers failed"


async def test_a_failure_that_turned_out_well_counts_no_more(ready: World) -> None:
    campaign = await start(ready)
    await step(ready)
    for charger_id in ("C1", "C2", "C3"):
        await say(ready, charger_id, "DownloadFailed")
    await step(ready)
    assert (await members(ready, campaign))["C1"] == "failed"
    await say(ready, "C1", "Downloading")
    await step(ready)
    assert (await members(ready, campaign))["C1"] == "updating"
    await say(ready, "C1", "Installed")
    await step(ready)
    assert (await members(ready, campaign))["C1"] == "done"


async def test_paused_it_begins_nothing_and_notes_what_comes(ready: World) -> None:
    campaign = await start(ready, wave_size=1)
    await step(ready)
    await ready.do(campaigns.pause, campaign.id)
    await say(ready, "C1", "Installed")
    assert await step(ready) == []
    assert (await members(ready, campaign))["C1"] == "done"
    await ready.do(campaigns.resume, campaign.id)
    assert await step(ready) == ["C2"]
    await ready.do(campaigns.abort, campaign.id)
    assert (await now(ready, campaign)).note == "aborted by an operator"
    with pytest.raises(Refused):
        await ready.do(campaigns.pause, campaign.id)


async def test_it_begins_at_its_time_and_leaves_out_who_was_away_till_its_end(ready: World) -> None:
    await ready.disconnect("C4")
    begins = ready.clock.now() + HOUR
    campaign = await start(ready, starts_at=begins, ends_at=begins + HOUR)
    assert await step(ready) == []
    ready.clock.advance(HOUR)
    assert await step(ready) == ["C1", "C2", "C3"]
    for charger_id in ("C1", "C2", "C3"):
        await say(ready, charger_id, "Installed")
    assert await step(ready) == []
    assert (await now(ready, campaign)).state == "running"
    ready.clock.advance(HOUR)
    assert await step(ready) == []
    assert (await now(ready, campaign)).state == "done"
    assert (await notes(ready, campaign))["C4"] == "the campaign ended before its turn came"


async def test_updates_begin_only_in_the_window_of_the_tenants_day(ready: World) -> None:
    await ready.do(tenants.change, time_zone="Asia/Kolkata")  # it is 05:30 there
    await start(ready, window_from_min=22 * 60, window_until_min=5 * 60)
    assert await step(ready) == []
    ready.clock.advance(16 * HOUR)
    assert await step(ready) == []
    ready.clock.advance(HOUR)  # 22:30
    assert await step(ready) == ["C1", "C2", "C3", "C4"]


async def test_a_charging_charger_is_left_alone_unless_told_otherwise(ready: World) -> None:
    await ready.status("C1", "Charging")
    campaign = await start(ready, charger_ids=("C1", "C2"))
    assert await step(ready) == ["C2"]
    assert (await notes(ready, campaign))["C1"] == "it is charging"
    ready.clock.advance(MINUTE)
    await ready.status("C1", "Finishing")
    assert await step(ready) == ["C1"]
    await ready.status("C3", "Charging")
    await start(ready, charger_ids=("C3",), skip_charging=False)
    assert await step(ready) == ["C3"]


async def test_a_charger_that_certainly_heard_nothing_has_its_turn_again(ready: World) -> None:
    answers: list[Outcome] = [Offline(), Answered("Accepted")]
    ready.fleet.answers["C1"] = lambda command: answers.pop(0)
    campaign = await start(ready, charger_ids=("C1",))
    assert await step(ready) == ["C1"]
    assert await members(ready, campaign) == {"C1": "waiting"}
    assert await step(ready) == []
    ready.clock.advance(MINUTE)
    assert await step(ready) == ["C1"]
    assert await members(ready, campaign) == {"C1": "updating"}


async def test_one_that_refuses_has_failed(ready: World) -> None:
    ready.fleet.answers["C1"] = lambda command: Answered("Rejected")
    campaign = await start(ready, charger_ids=("C1",))
    await step(ready)
    await step(ready)
    assert await members(ready, campaign) == {"C1": "failed"}
    assert (await now(ready, campaign)).state == "done"
    assert await notes(ready, campaign) == {"C1": "Rejected"}


async def test_after_a_lost_answer_it_is_asked_again_unless_something_is_heard(ready: World) -> None:
    for charger_id in ("C1", "C2"):
        ready.fleet.answers[charger_id] = lambda command: Lost()
    campaign = await start(ready, charger_ids=("C1", "C2"))
    assert await step(ready) == ["C1", "C2"]
    await say(ready, "C2", "Downloading")
    ready.clock.advance(campaigns.RESEND_MS)
    assert await step(ready) == []
    ready.clock.advance(1)
    assert await step(ready) == ["C1"]
    for _ in range(campaigns.MOST_TRIES):
        ready.clock.advance(campaigns.RESEND_MS + 1)
        await step(ready)
    assert await members(ready, campaign) == {"C1": "failed", "C2": "updating"}
    assert (await notes(ready, campaign))["C1"] == "no answer in 5 tries"


async def test_a_crash_after_asking_loses_nothing(ready: World) -> None:
    """The server died between the charger's answer and its being noted: the charger is at it, and what it says is for its update."""
    campaign = await start(ready, charger_ids=("C1", "C2"), wave_size=1)
    with trio.move_on_after(5) as ready.fleet.cut:
        await flows.run_campaigns(SETTINGS, ready.ports, DEFAULT_TENANT)
    ready.fleet.cut = None
    assert await members(ready, campaign) == {"C1": "updating", "C2": "waiting"}
    assert await step(ready) == [], "not asked twice"
    await say(ready, "C1", "Downloading", "Installed")
    assert await step(ready) == ["C2"]


async def test_two_servers_at_one_step_ask_a_charger_once(ready: World) -> None:
    await start(ready)
    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(flows.run_campaigns, SETTINGS, ready.ports, DEFAULT_TENANT)
    asked = [charger_id for charger_id, command in ready.fleet.told if isinstance(command, UpdateFirmware)]
    assert sorted(asked) == ["C1", "C2", "C3", "C4"]


async def test_one_charger_has_one_update_at_a_time(ready: World) -> None:
    await start(ready, charger_ids=("C1",))
    await step(ready)
    second = await start(ready, charger_ids=("C1",))
    assert await step(ready) == []
    assert await notes(ready, second) == {"C1": "another update is under way"}


async def test_what_cannot_be_a_campaign_is_refused(ready: World) -> None:
    await ready.add("OTHER", model="DC50")
    with pytest.raises(Refused, match="not for OTHER"):
        await start(ready, charger_ids=("OTHER",))
    assert (await start(ready, charger_ids=("OTHER",), force=True)).chargers == 1
    with pytest.raises(Invalid, match="end after"):
        await start(ready, ends_at=1)
    with pytest.raises(Invalid, match="window"):
        await start(ready, window_from_min=5)
    await ready.image(version="9", vendor="Nobody", file="n" * 22)
    with pytest.raises(Refused, match="no charger"):
        await ready.do(campaigns.start, CampaignWish(image_id=2))
