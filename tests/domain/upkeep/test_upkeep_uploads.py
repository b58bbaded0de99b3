"""Diagnostics and logs: what was asked for, what the charger says, what arrives, and what the clock makes of it."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from csms.core.commands import Answered, CallError, GetDiagnostics, GetLog, Lost, NotSupported, Offline
from csms.core.errors import Invalid, NotFound, Refused
from csms.core.files import KeptFile, NoFiles
from csms.core.ids import DEFAULT_TENANT
from csms.core.reports import LogStatusReported
from csms.domain.upkeep.flows import uploads as flows
from csms.domain.upkeep.model import LogUpload, UploadWish
from csms.domain.upkeep.model.uploads import MOST_VERSIONS
from csms.domain.upkeep.service import uploads
from csms.domain.upkeep.store import uploads as store

from .conftest import SETTINGS, World

DAY = 86_400_000


async def ask(world: World, **wish: Any) -> LogUpload:
    upload, _ = await flows.ask(world.ports, SETTINGS, DEFAULT_TENANT, "C1", UploadWish(**wish))
    return upload


async def say(world: World, *statuses: str, request_id: int | None = None) -> None:
    for status in statuses:
        report = LogStatusReported(
            charger_id="C1",
            received_at=world.clock.now(),
            status=status,
            request_id=request_id,
            diagnostics=request_id is None,
        )
        await world.do(uploads.log_status, report, SETTINGS)


async def arrive(world: World, upload: LogUpload, number: int = 1) -> None:
    kept = KeptFile(name=f"{number:022}", size_bytes=number, sha256=f"{number:064}")
    await flows.received(world.ports, DEFAULT_TENANT, upload, kept, f"log{number}.zip", "10.0.0.1")


async def now(world: World, upload: LogUpload) -> LogUpload:
    found: LogUpload = await world.look(store.upload, upload.id)
    return found


async def names(world: World, upload: LogUpload) -> list[str]:
    return [each.file_name for each in await world.look(store.files_of, upload.id)]


@pytest.fixture
async def ready(world: World) -> World:
    await world.add("C1")
    return world


async def test_diagnostics_go_to_a_link_of_ours(ready: World) -> None:
    ready.fleet.answers["C1"] = lambda command: Answered("Accepted", {"file_name": "d.zip"})
    upload = await ask(ready, oldest_at=1, latest_at=2)
    assert (upload.state, upload.file_name, upload.asked_by) == ("accepted", "d.zip", "GetDiagnostics")
    assert ready.fleet.told == [
        ("C1", GetDiagnostics(location=f"https://files.example.org/send/1/{upload.id}/", oldest_at=1, latest_at=2))
    ]
    await say(ready, "Uploading")
    await arrive(ready, upload)
    await say(ready, "Uploaded")
    assert ((await now(ready, upload)).state, await names(ready, upload)) == ("uploaded", ["log1.zip"])
    told = await ready.events("log_upload_changed")
    assert [each["state"] for each in told] == ["sending", "accepted", "uploading", "uploaded"]
    assert [each["file_id"] is not None for each in told] == [False, False, False, True]


@pytest.mark.parametrize("unknown", [CallError("NotSupported"), CallError("NotImplemented"), NotSupported()])
async def test_a_charger_that_knows_no_diagnostics_is_asked_for_a_log(ready: World, unknown: Any) -> None:
    ready.fleet.answers["C1"] = lambda command: Answered("Accepted") if isinstance(command, GetLog) else unknown
    upload = await ask(ready)
    assert (upload.state, upload.asked_by) == ("accepted", "GetLog")
    (_, command) = ready.fleet.told[-1]
    assert isinstance(command, GetLog)
    assert (command.kind, command.request_id) == ("DiagnosticsLog", upload.id)


async def test_the_security_log_is_asked_for_in_one_way_only(ready: World) -> None:
    ready.fleet.answers["C1"] = lambda command: CallError("NotSupported")
    upload = await ask(ready, kind="security")
    assert (upload.state, len(ready.fleet.told)) == ("failed", 1)


@pytest.mark.parametrize(
    ("outcome", "state"),
    [(Answered("NotAvailable"), "unavailable"), (Answered("Rejected"), "failed"), (Offline(), "failed"), (Lost(), "sending")],
)
async def test_what_the_answer_means(ready: World, outcome: Any, state: str) -> None:
    ready.fleet.answers["C1"] = lambda command: outcome
    assert (await ask(ready)).state == state


async def test_a_file_counts_whatever_is_said(ready: World) -> None:
    ready.fleet.answers["C1"] = lambda command: Lost()
    upload = await ask(ready)
    await arrive(ready, upload)
    assert (await now(ready, upload)).state == "uploaded"
    await say(ready, "UploadFailure", "Uploading")
    assert (await now(ready, upload)).state == "uploaded"


async def test_saying_that_it_was_uploaded_is_not_enough_when_nothing_arrived(ready: World) -> None:
    upload = await ask(ready)
    await say(ready, "Uploaded")
    assert (await now(ready, upload)).state == "accepted"
    ready.clock.advance(uploads.ARRIVAL_MS)
    assert await ready.do(uploads.close_overdue) == 1
    closed = await now(ready, upload)
    assert (closed.state, closed.note) == ("failed", "the charger says that it was uploaded, but nothing arrived here")
    await arrive(ready, upload)
    assert (await now(ready, upload)).state == "uploaded", "late, and there all the same"


async def test_somebody_elses_server_is_taken_at_the_chargers_word(ready: World) -> None:
    upload = await ask(ready, location="ftp://files.example.org/logs/")
    await say(ready, "Uploading", "Uploaded")
    assert (await now(ready, upload)).state == "uploaded"
    with pytest.raises(Invalid):
        await ask(ready, location="files")


async def test_words_are_for_the_request_they_name(ready: World) -> None:
    first, second = await ask(ready, kind="security"), await ask(ready, kind="security")
    await say(ready, "Uploading", request_id=first.id)
    await say(ready, "PermissionDenied", request_id=second.id)
    assert [(await now(ready, each)).state for each in (first, second)] == ["uploading", "failed"]


async def test_versions_are_kept_up_to_a_number_and_the_same_one_once(ready: World) -> None:
    upload = await ask(ready)
    for number in (1, 1, *range(2, MOST_VERSIONS + 3)):
        await arrive(ready, upload, number)
    kept = await names(ready, upload)
    assert kept == [f"log{number}.zip" for number in range(3, MOST_VERSIONS + 3)]
    assert ready.files.removed == [f"{number:022}" for number in (1, 1, 2)], "the repeat, and the two oldest"


async def test_nothing_in_time_is_unknown(ready: World) -> None:
    upload = await ask(ready)
    ready.clock.advance(600_000 - 1)
    assert await ready.do(uploads.close_overdue) == 0
    ready.clock.advance(1)
    assert await ready.do(uploads.close_overdue) == 1
    assert (await now(ready, upload)).state == "unknown"
    assert await ready.do(uploads.close_overdue) == 0


async def test_old_ones_go_with_their_files_and_new_ones_stay(ready: World) -> None:
    old = await ask(ready)
    await arrive(ready, old)
    waiting = await ask(ready)
    ready.clock.advance(10 * DAY + 1)
    recent = await ask(ready)
    await arrive(ready, recent, 2)
    assert await flows.forget_old(SETTINGS, ready.ports, DEFAULT_TENANT) == 1
    assert ready.files.removed == [f"{1:022}"]
    assert await ready.look(store.upload, old.id) is None
    assert (await now(ready, waiting)).open
    assert await names(ready, recent) == ["log2.zip"]


async def test_without_a_file_server_somebody_else_must_take_it(ready: World) -> None:
    ready.files = NoFiles()
    with pytest.raises(Refused, match="file server is off"):
        await ask(ready)
    assert (await ready.look(store.list_uploads), ready.fleet.told) == ([], [])
    assert (await ask(ready, location="ftp://files.example.org/")).state == "accepted"


async def test_nobody_is_asked_for_what_cannot_be(ready: World) -> None:
    with pytest.raises(Refused, match="after"):
        await ask(ready, oldest_at=2, latest_at=1)
    with pytest.raises(NotFound):
        await ready.do(partial(uploads.begin), LogUpload(charger_id="NOBODY"), SETTINGS)
