"""Firmware updates: what the charger's words, its boots, its fetching and the clock make of them."""

from __future__ import annotations

from typing import Any

import pytest

from csms.core.commands import Answered, CallError, Lost, Offline, TriggerMessage, UpdateFirmware
from csms.core.errors import Conflict, Invalid, NotFound, Refused
from csms.core.ids import DEFAULT_TENANT
from csms.core.reports import FirmwareStatusReported
from csms.domain.upkeep.flows import firmware as flows
from csms.domain.upkeep.model import FirmwareUpdate, Image, UpdateWish
from csms.domain.upkeep.service import firmware, images
from csms.domain.upkeep.store import firmware as store

from .conftest import MINUTE, SETTINGS, World


async def ask(world: World, charger_id: str = "C1", image_id: int = 1, **wish: Any) -> FirmwareUpdate:
    update, _ = await flows.update(world.ports, SETTINGS, DEFAULT_TENANT, charger_id, image_id, UpdateWish(**wish))
    return update


async def say(world: World, *statuses: str, charger_id: str = "C1", request_id: int | None = None) -> None:
    for status in statuses:
        report = FirmwareStatusReported(charger_id=charger_id, received_at=world.clock.now(), status=status, request_id=request_id)
        await world.do(firmware.firmware_status, report, SETTINGS)


async def now(world: World, update: FirmwareUpdate) -> FirmwareUpdate:
    found: FirmwareUpdate = await world.look(store.update, update.id)
    return found


@pytest.fixture
async def ready(world: World) -> World:
    await world.add("C1")
    await world.image()
    return world


async def test_an_update_goes_through_its_states_and_each_is_told(ready: World) -> None:
    update = await ask(ready)
    assert (update.state, update.version, update.previous_version) == ("accepted", "2.0", "1.0")
    ((charger_id, command),) = ready.fleet.told
    assert charger_id == "C1"
    assert command == UpdateFirmware(
        location=f"https://files.example.org/fetch/1/{update.id}/ac22.bin", retrieve_at=ready.clock.now(), request_id=update.id
    )
    await say(ready, "Downloading", "Downloaded", "Installing", "Installed")
    done = await now(ready, update)
    assert (done.state, done.status, done.closed_at, done.deadline_at) == ("installed", "Installed", ready.clock.now(), None)
    told = await ready.events("firmware_update_changed")
    assert [each["state"] for each in told] == ["sending", "accepted", "downloading", "downloaded", "installing", "installed"]
    await say(ready, "InstallationFailed")
    assert (await now(ready, update)).state == "installed", "that is the last word"


async def test_each_end_that_a_charger_names_is_a_failure_and_it_may_try_again(ready: World) -> None:
    update = await ask(ready)
    for status in ("DownloadFailed", "InstallationFailed", "InvalidSignature", "InstallVerificationFailed"):
        await say(ready, "Downloading", status)
        assert (await now(ready, update)).state == "failed", status
    await say(ready, "Downloading")
    again = await now(ready, update)
    assert (again.state, again.closed_at) == ("downloading", None)
    assert again.deadline_at is not None


async def test_words_that_nobody_knows_are_kept_and_change_nothing(ready: World) -> None:
    update = await ask(ready)
    await say(ready, "Downloading", "Fl\x00ashing" + "x" * 100)
    changed = await now(ready, update)
    assert changed.state == "downloading"
    assert changed.status.startswith("Fl�ashing")
    assert len(changed.status) == 50


async def test_a_word_from_a_charger_without_an_update_is_heard(ready: World) -> None:
    await say(ready, "Installed", "Idle")
    await say(ready, "Installed", request_id=99)
    assert await ready.look(store.list_updates) == []


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (Offline(), "failed"),
        (Answered("Rejected"), "failed"),
        (Answered("AcceptedCanceled"), "accepted"),
        (CallError("NotSupported"), "failed"),
        (Lost(), "sending"),
    ],
)
async def test_what_the_answer_means(ready: World, outcome: Any, state: str) -> None:
    ready.fleet.answers["C1"] = lambda command: outcome
    assert (await ask(ready)).state == state


async def test_after_a_lost_answer_the_charger_shows_that_it_heard(ready: World) -> None:
    ready.fleet.answers["C1"] = lambda command: Lost()
    update = await ask(ready)
    await ready.do(firmware.fetch_began, update.id)
    assert (await now(ready, update)).state == "downloading"


async def test_the_newest_update_takes_the_place_of_the_one_before(ready: World) -> None:
    first = await ask(ready)
    await ready.image(version="3.0", file="g" * 22)
    second = await ask(ready, image_id=2)
    assert (await now(ready, first)).state == "cancelled"
    await say(ready, "Downloading")
    assert (await now(ready, second)).state == "downloading"
    await say(ready, "Downloading", request_id=first.id)
    assert (await now(ready, first)).state == "cancelled", "a late word of what was given up"


# --- boots ----------------------------------------------------------------------------------------------------------------------


async def test_a_boot_with_the_new_version_is_an_installation(ready: World) -> None:
    update = await ask(ready)
    await say(ready, "Downloading", "Downloaded", "Installing")
    await ready.boot("C1", "V2.0")
    assert (await now(ready, update)).state == "installed"


async def test_a_boot_with_the_old_version_while_installing_has_a_while_to_turn_out_well(ready: World) -> None:
    update = await ask(ready)
    await say(ready, "Installing")
    ready.clock.advance(1)
    await ready.boot("C1", "1.0")
    doubted = await now(ready, update)
    assert doubted.state == "installing"
    assert doubted.deadline_at == ready.clock.now() + firmware.DOUBT_MS
    await ready.disconnect("C1")
    ready.clock.advance(firmware.DOUBT_MS)
    assert await flows.chase_overdue(ready.ports, DEFAULT_TENANT) == 1
    failed = await now(ready, update)
    assert (failed.state, failed.note) == ("failed", "it runs 1.0 again")


async def test_a_boot_before_the_installation_says_nothing(ready: World) -> None:
    update = await ask(ready)
    await say(ready, "Downloading")
    await ready.boot("C1", "1.0")
    assert (await now(ready, update)).state == "downloading"


async def test_installing_the_same_version_again_is_not_proved_by_a_boot(ready: World) -> None:
    await ready.boot("C1", "2.0")
    with pytest.raises(Refused, match="already"):
        await ask(ready)
    update = await ask(ready, force=True)
    await ready.boot("C1", "2.0")
    assert (await now(ready, update)).state == "accepted"
    await say(ready, "Installing")
    await ready.boot("C1", "2.0")
    assert (await now(ready, update)).state == "installed"


async def test_idle_in_the_middle_is_doubtful(ready: World) -> None:
    update = await ask(ready)
    await say(ready, "Idle")
    assert (await now(ready, update)).note == "", "it may wait for its time"
    await say(ready, "Downloading", "Idle")
    doubted = await now(ready, update)
    assert doubted.deadline_at == ready.clock.now() + firmware.DOUBT_MS
    assert "nothing" in doubted.note


# --- the clock ------------------------------------------------------------------------------------------------------------------


async def test_a_silent_charger_is_asked_once_and_then_given_up(ready: World) -> None:
    update = await ask(ready)
    ready.clock.advance(3_600_000 - 1)
    assert await flows.chase_overdue(ready.ports, DEFAULT_TENANT) == 0
    ready.clock.advance(1)
    assert await flows.chase_overdue(ready.ports, DEFAULT_TENANT) == 1
    assert ready.fleet.told[-1] == ("C1", TriggerMessage("FirmwareStatusNotification"))
    assert (await now(ready, update)).state == "accepted"
    ready.clock.advance(MINUTE)
    assert await flows.chase_overdue(ready.ports, DEFAULT_TENANT) == 1
    assert (await now(ready, update)).state == "unknown"
    await say(ready, "Installed")
    assert (await now(ready, update)).state == "installed", "a late word is a word"


async def test_the_deadline_counts_from_the_time_it_is_planned_for(ready: World) -> None:
    tomorrow = ready.clock.now() + 86_400_000
    update = await ask(ready, retrieve_at=tomorrow)
    assert update.deadline_at == tomorrow + 3_600_000


# --- images ---------------------------------------------------------------------------------------------------------------------


async def test_an_image_is_only_for_chargers_that_it_fits(ready: World) -> None:
    await ready.add("OTHER", vendor="Acme", model="DC50")
    with pytest.raises(Refused, match="is for Acme AC22; OTHER is Acme DC50"):
        await ask(ready, "OTHER")
    assert ready.fleet.told == []
    assert (await ask(ready, "OTHER", force=True)).state == "accepted"
    every = await ready.image(model="", version="9", file="h" * 22)
    assert (await ask(ready, "OTHER", every.id, force=True)).version == "9"


async def test_what_is_no_image_is_refused(ready: World) -> None:
    with pytest.raises(Conflict, match=r"2\.0 for Acme AC22"):
        await ready.image(file="i" * 22)
    for wrong in ({"version": " "}, {"signature": "x"}, {"file": "", "location": "no url"}, {"vendor": "a\nb"}):
        with pytest.raises(Invalid):
            await ready.image(**({"version": "5", "file": "i" * 22} | wrong))
    with pytest.raises(NotFound):
        await ask(ready, image_id=77)


async def test_an_image_that_is_used_stays(ready: World) -> None:
    await ask(ready)
    with pytest.raises(Refused, match="used"):
        await ready.do(images.remove_image, 1)
    await say(ready, "Installed")
    removed: Image = await ready.do(images.remove_image, 1)
    assert removed.file == "f" * 22
    with pytest.raises(NotFound):
        await ask(ready)
    assert (await ready.image(file="k" * 22)).id == 2, "its version is free again"


async def test_signed_firmware_is_sent_with_its_signature_unless_told_otherwise(ready: World) -> None:
    facts = Image(vendor="Acme", version="3.0", file="j" * 22, file_name="j", signing_certificate="PEM", signature="c2ln")
    signed = await ready.do(images.add_image, facts, True)
    await ask(ready, image_id=signed.id)
    await ask(ready, image_id=signed.id, signed=False)
    (_, with_it), (_, without) = ready.fleet.told
    assert isinstance(with_it, UpdateFirmware)
    assert isinstance(without, UpdateFirmware)
    assert (with_it.signing_certificate, with_it.signature) == ("PEM", "c2ln")
    assert (without.signing_certificate, without.signature) == ("", "")
