"""Lists of upkeep: what is in them, for whom, and in a constant number of statements; on both engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from csms.core.files import KeptFile
from csms.core.ids import Place
from csms.core.paging import Page
from csms.core.ports import ReadTx
from csms.domain.stations import service as stations
from csms.domain.upkeep.model import CampaignWish, Image, LogUpload, UpdateWish
from csms.domain.upkeep.model.availability import AvailabilityQuery, WindowsQuery
from csms.domain.upkeep.model.campaigns import CampaignsQuery, MembersQuery
from csms.domain.upkeep.model.configuration import Template
from csms.domain.upkeep.model.configured import ConfigurationQuery, DriftQuery, TemplatesQuery
from csms.domain.upkeep.model.firmware import ImagesQuery, UpdatesQuery
from csms.domain.upkeep.model.locations import without_secrets
from csms.domain.upkeep.model.uploads import UploadsQuery
from csms.domain.upkeep.service import availability as availability_service
from csms.domain.upkeep.service import campaigns as campaigns_service
from csms.domain.upkeep.service import configuration as configuration_service
from csms.domain.upkeep.service import configured, firmware, images, maintenance, templates, uploads
from csms.domain.upkeep.store import availability as availability_store
from csms.domain.upkeep.store import campaigns as campaigns_store
from csms.domain.upkeep.store import configuration as configuration_store
from csms.domain.upkeep.store import firmware as firmware_store
from csms.domain.upkeep.store import templates as templates_store
from csms.domain.upkeep.store import uploads as uploads_store

from .conftest import MINUTE, SETTINGS, World

ONE = Place(1, 0)


class Counting:
    """A transaction that counts its statements."""

    def __init__(self, tx: ReadTx) -> None:
        self._tx = tx
        self.statements = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._tx, name)
        if name not in ("all", "one", "value", "count"):
            return found

        def counted(sql: str, **parameters: Any) -> Any:
            self.statements += 1
            return found(sql, **parameters)

        return counted


async def looked(world: World, query: Callable[..., Page[Any]], *arguments: Any) -> tuple[int, int]:
    """How many items a page has, and how many statements it took."""

    def read(tx: ReadTx) -> tuple[int, int]:
        counting: Any = Counting(tx)
        return len(query(counting, *arguments).items), counting.statements

    found: tuple[int, int] = await world.look(read)
    return found


async def fill(world: World, number: int) -> None:
    """One of everything, at a charger of its own."""
    charger_id = f"C{number}"
    await world.add(charger_id)
    image = await world.do(images.add_image, Image(vendor="Acme", version=f"{number}.0", file=f"{number:022}", file_name="x"))
    await world.do(campaigns_service.start, CampaignWish(image_id=image.id, charger_ids=(charger_id,)))
    await world.do(firmware.begin, charger_id, image.id, UpdateWish(force=True), SETTINGS)
    upload = await world.do(uploads.begin, LogUpload(charger_id=charger_id), SETTINGS)
    for name in "ab":
        kept = KeptFile(name=f"{name}{number:021}", size_bytes=number, sha256=name * 64)
        await world.do(uploads.received, upload.id, kept, "log", "127.0.0.1")
    await world.do(templates.add_template, Template(name=f"T{number}"), {"A": "1", "B": "2"})
    await world.do(templates.want, charger_id, {"HeartbeatInterval": str(number)})
    await world.do(availability_service.order, charger_id, ONE, False)
    now = world.clock.now()
    await world.do(maintenance.plan, charger_id, ONE, now + MINUTE, now + 2 * MINUTE)


LISTS: tuple[tuple[Callable[..., Page[Any]], Any], ...] = (
    (firmware_store.page_of_images, ImagesQuery()),
    (firmware_store.page_of_updates, UpdatesQuery()),
    (campaigns_store.page_of_campaigns, CampaignsQuery()),
    (uploads_store.page_of_uploads, UploadsQuery()),
    (templates_store.page_of_templates, TemplatesQuery()),
    (availability_store.page_of_places, AvailabilityQuery()),
    (availability_store.page_of_windows, WindowsQuery()),
)


async def test_more_rows_are_no_more_statements(world: World) -> None:
    await fill(world, 1)
    before = [await looked(world, listed, query) for listed, query in LISTS]
    assert {items for items, _ in before} == {1}
    for number in (2, 3, 4):
        await fill(world, number)
    after = [await looked(world, listed, query) for listed, query in LISTS]
    assert {items for items, _ in after} == {4}
    assert [statements for _, statements in after] == [statements for _, statements in before]
    assert max(statements for _, statements in after) <= 3


async def test_what_is_in_the_lists_and_for_whom(world: World) -> None:
    there = (await world.do(stations.add_station, "Campus")).id
    for number in (1, 2):
        await fill(world, number)
    await world.do(stations.place_charger, "C2", there)

    async def chargers(query: Callable[..., Page[Any]], *arguments: Any) -> list[str]:
        found: Page[Any] = await world.look(query, *arguments)
        assert found.total == len(found.items)
        return [each.charger_id for each in found.items]

    for listed, query in (LISTS[1], LISTS[3], LISTS[5], LISTS[6], (configuration_store.page_of_drift, DriftQuery(variable="A"))):
        assert sorted(await chargers(listed, query, None)) == ["C1", "C2"]
        assert await chargers(listed, query, frozenset({there})) == ["C2"]
        assert await chargers(listed, query, frozenset()) == []
    assert await chargers(firmware_store.page_of_updates, UpdatesQuery(station_id=there, open=True)) == ["C2"]
    (upload,) = (await world.look(uploads_store.page_of_uploads, UploadsQuery(charger_id="C2"))).items
    assert (upload.files, upload.size_bytes, upload.state) == (2, 2, "uploaded")
    (campaign,) = (await world.look(campaigns_store.page_of_campaigns, CampaignsQuery(image_id=2))).items
    assert (campaign.chargers, campaign.waiting, campaign.failed) == (1, 1, 0)
    assert await chargers(campaigns_store.page_of_members, campaign.id, MembersQuery(state="waiting")) == ["C2"]
    (template,) = (await world.look(templates_store.page_of_templates, TemplatesQuery(search="T2"))).items
    assert (template.settings, template.chargers) == (2, 0)


async def test_a_charger_s_configuration_is_shown_whole(world: World) -> None:
    await world.add("C1")
    await world.do(templates.add_template, Template(name="All"), {"HeartbeatInterval": "300", "Other": "x"})
    await world.do(templates.change_own, "C1", {"heartbeatinterval": "60"})
    said = [{"name": "HeartbeatInterval", "value": "5"}, {"name": "AuthorizationKey", "value": "secret"}, {"name": "Nothing"}]
    said[2]["status"] = "UnknownVariable"
    await world.do(configuration_service.heard, "C1", said, True)
    shown = await world.look(configured.page_of_variables, "C1", ConfigurationQuery(sort="-variable"))
    other, nothing, beat, key = shown.items
    assert (beat.value, beat.wanted, beat.source, beat.state) == ("5", "60", "C1", "pending")
    assert [(each.source, each.value) for each in beat.instead_of] == [("All", "300")]
    assert (key.secret, key.value, key.known) == (True, None, True)
    assert (nothing.known, nothing.wanted, other.known, other.value) == (False, None, None, None)
    assert (shown.total, shown.standing.wanted) == (4, 2)
    wanted = await world.look(configured.page_of_variables, "C1", ConfigurationQuery(wanted=True, state="pending", limit=1))
    assert ([each.variable for each in wanted.items], wanted.total) == (["heartbeatinterval"], 2)
    assert "'secret'" not in str(await world.look(configuration_store.readings, "C1"))


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("ftp://files.example.org/x", "ftp://files.example.org/x"),
        ("ftp://me:pass@files.example.org/x", "ftp://me:***@files.example.org/x"),
        ("https://me:p@ss:w@files.example.org:8080/x?a=b", "https://me:***@files.example.org:8080/x?***"),
        ("https://s3.example.org/log?X-Signature=abc#end", "https://s3.example.org/log?***#end"),
        ("sftp://me@host/x@y:z@w", "sftp://me@host/x@y:z@w"),
        ("", ""),
    ],
)
def test_locations_are_shown_without_their_secrets(location: str, shown: str) -> None:
    assert without_secrets(location) == shown
