"""What is done from time to time: for every tenant, and whatever one of them does to it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from csms.core.files import NoFiles
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.domain.stations import service as stations
from csms.domain.tenants import service as tenants
from csms.domain.upkeep.flows import rounds, uploads
from csms.domain.upkeep.flows.uploads import ORPHAN_MS
from csms.domain.upkeep.model import FirmwareUpdate, LogUpload
from csms.domain.upkeep.service import firmware
from csms.domain.upkeep.service import uploads as service
from csms.domain.upkeep.store import firmware as store
from csms.files import LocalFiles
from csms.outside import SystemClock, SystemEntropy, Threads

from .conftest import SETTINGS, World

SECOND = TenantId(2)


@pytest.fixture
async def ready(world: World) -> World:
    add = partial(tenants.add, slug="second", name="Second", currency="INR", time_zone="Asia/Kolkata")
    assert await world.do(add) == SECOND
    await world.add("C1")
    await world.database.write(partial(stations.add_charger, charger_id="X1"), tenant=SECOND)
    return world


async def test_overdue_updates_of_every_tenant_are_given_up(ready: World) -> None:
    for tenant, charger_id in ((DEFAULT_TENANT, "C1"), (SECOND, "X1")):
        new = FirmwareUpdate(charger_id=charger_id, location="ftp://x/y")
        await ready.database.write(firmware.begin_elsewhere, new, SETTINGS, tenant=tenant)
    ready.clock.advance(3_600_000)
    await ready.disconnect("C1")
    assert await rounds.overdue(ready.ports) == 2
    for tenant in (DEFAULT_TENANT, SECOND):
        (update,) = await ready.database.read(store.list_updates, tenant=tenant)
        assert update.state == "unknown"
    assert await rounds.overdue(ready.ports) == 0


async def test_one_tenants_trouble_is_told_and_keeps_no_other_waiting(ready: World, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    async def flow(settings: Any, ports: Any, tenant: TenantId) -> int:
        seen.append(tenant)
        if tenant == DEFAULT_TENANT:
            raise LookupError("a row that cannot be")
        return 1

    monkeypatch.setattr("csms.domain.upkeep.flows.firmware.run_campaigns", flow)
    with pytest.raises(ExceptionGroup) as told:
        await rounds.campaigns(SETTINGS, ready.ports)
    assert seen == [1, 2]
    assert told.value.exceptions[0].__notes__ == ["for tenant 1 (default)"]


async def test_files_that_nobody_knows_are_swept_and_others_stay(ready: World, tmp_path: Path) -> None:
    files = LocalFiles(tmp_path / "files", b"", blocking=Threads(), random=SystemEntropy())
    ready.files = files
    kept = []
    for content in (b"an image", b"a log", b"nobody's"):
        async with files.receive() as incoming:
            await incoming.write(content)
            kept.append(await incoming.keep())
    image, log, orphan = kept
    await ready.image(file=image.name)
    upload = await ready.do(partial(service.begin, new=LogUpload(charger_id="C1"), settings=SETTINGS))
    await uploads.received(ready.ports, DEFAULT_TENANT, upload, log, "log", "")
    ready.clock.at = SystemClock().now()  # files bear the machine's time
    assert await uploads.sweep(ready.ports, DEFAULT_TENANT) == 0, "its row may be on its way"
    ready.clock.advance(2 * ORPHAN_MS)
    assert await uploads.sweep(ready.ports, DEFAULT_TENANT) == 1
    assert await files.read(image.name, 0, 100) == b"an image"
    assert await files.read(log.name, 0, 100) == b"a log"
    with pytest.raises(FileNotFoundError):
        await files.read(orphan.name, 0, 1)


async def test_without_a_file_server_there_is_nothing_to_sweep(ready: World) -> None:
    ready.files = NoFiles()
    assert await rounds.tidy(SETTINGS, ready.ports) == 0
