from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import attrs
import pytest
import trio

from csms.config import FilesConfig
from csms.core.commands import Answered, Command, Outcome
from csms.core.files import Link
from csms.core.ids import DEFAULT_TENANT, Place
from csms.core.ports import ConnectionInfo, Ports, ReadTx, Tx
from csms.core.reports import Booted, StatusReported
from csms.db import StoreDatabase
from csms.domain.stations import service as stations
from csms.domain.stations.model import BootPolicy
from csms.domain.upkeep.model import Image
from csms.domain.upkeep.service import firmware
from csms.domain.upkeep.service import images as images_service
from csms.testing.plugins import InLine, SeededRandom
from csms.testing.stores import START_AT, SettableClock

BOOT = BootPolicy(heartbeat_interval_s=300, retry_interval_s=60)
SETTINGS = FilesConfig(firmware_limit_s=3600, upload_limit_s=600, uploads_days=10)
MINUTE = 60_000


class Links:
    """Files of which nobody needs the bytes."""

    def __init__(self) -> None:
        self.removed: list[str] = []

    def link(self, link: Link, file_name: str = "") -> str:
        return f"https://files.example.org/{link.purpose}/{link.tenant}/{link.number}/{file_name}"

    async def remove(self, *names: str) -> None:
        self.removed += names


@attrs.define
class Fleet:
    """Connected chargers, and what they are told. ``answers`` by charger id; else everything is accepted."""

    told: list[tuple[str, Command]] = attrs.field(factory=list)
    answers: dict[str, Callable[[Command], Outcome]] = attrs.field(factory=dict)
    connected: set[str] = attrs.field(factory=set)
    cut: trio.CancelScope | None = None
    """Cancelled by what is told next, which is never answered: the server dies."""
    sayable: frozenset[str] = frozenset({"UpdateFirmware", "GetDiagnostics", "GetLog", "TriggerMessage"})

    async def send(self, charger_id: str, command: Command, /, **limits: Any) -> Outcome:
        self.told.append((charger_id, command))
        if self.cut is not None:
            self.cut.cancel()
            await trio.sleep_forever()
        answer = self.answers.get(charger_id)
        return Answered("Accepted") if answer is None else answer(command)

    def connection(self, charger_id: str) -> Any:
        return object() if charger_id in self.connected else None

    def can_say(self, charger_id: str) -> frozenset[str]:
        return self.sayable


@attrs.define
class World:
    """A store, a clock, chargers, and what tests do with them."""

    database: StoreDatabase
    clock: SettableClock
    fleet: Fleet = attrs.field(factory=Fleet)
    files: Any = attrs.field(factory=Links)

    @property
    def ports(self) -> Ports:
        absent: Any = None
        fleet: Any = self.fleet
        return Ports(
            database=self.database,
            chargers=fleet,
            decisions=absent,
            clock=self.clock,
            random=SeededRandom(),
            blocking=InLine(),
            http=absent,
            files=self.files,
        )

    async def do(self, verb: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        return await self.database.write(partial(verb, **more), *arguments, tenant=DEFAULT_TENANT)

    async def look(self, query: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        return await self.database.read(partial(query, **more), *arguments, tenant=DEFAULT_TENANT)

    async def add(self, *charger_ids: str, firmware: str = "1.0", vendor: str = "Acme", model: str = "AC22") -> None:
        """Chargers that booted here and are connected."""
        for charger_id in charger_ids:
            await self.do(stations.add_charger, charger_id)
            await self.boot(charger_id, firmware, vendor=vendor, model=model)
            await self.connect(charger_id)

    async def boot(self, charger_id: str, firmware_version: str, *, vendor: str = "Acme", model: str = "AC22") -> None:
        report = Booted(charger_id=charger_id, received_at=self.clock.now(), vendor=vendor, model=model, firmware=firmware_version)

        def verb(tx: Tx) -> None:
            stations.boot(tx, report, BOOT)
            firmware.booted(tx, report)

        await self.do(verb)

    async def connect(self, charger_id: str) -> None:
        info = ConnectionInfo(
            charger_id=charger_id,
            tenant=DEFAULT_TENANT,
            connection_id=f"to {charger_id}",
            protocol="ocpp1.6",
            remote_address="127.0.0.1",
            connected_at=self.clock.now(),
            last_heard_at=self.clock.now(),
            registration="accepted",
            queued_commands=0,
        )
        await self.do(stations.link_up, info)
        self.fleet.connected.add(charger_id)

    async def disconnect(self, charger_id: str) -> None:
        def verb(tx: Tx) -> None:
            tx.run("UPDATE chargers SET connection_id = '', connected_at = NULL WHERE id = :id AND tenant = :tenant", id=charger_id)

        await self.do(verb)
        self.fleet.connected.discard(charger_id)

    async def status(self, charger_id: str, status: str) -> None:
        report = StatusReported(
            charger_id=charger_id, received_at=self.clock.now(), reported_at=self.clock.now(), place=Place(1, 1), status=status
        )
        await self.do(stations.status, report)

    async def image(self, **facts: Any) -> Image:
        new: dict[str, Any] = {
            "vendor": "Acme",
            "model": "AC22",
            "version": "2.0",
            "file": "f" * 22,
            "file_name": "ac22.bin",
            "size_bytes": 10,
        }
        image: Image = await self.do(images_service.add_image, Image(**(new | facts)))
        return image

    async def events(self, kind: str) -> Sequence[dict[str, Any]]:
        def query(tx: ReadTx) -> list[dict[str, Any]]:
            rows = tx.all("SELECT payload FROM events WHERE tenant = :tenant AND type = :type ORDER BY sequence", type=kind)
            return [json.loads(row["payload"]) for row in rows]

        found: Sequence[dict[str, Any]] = await self.look(query)
        return found


@pytest.fixture
def world(database: StoreDatabase, clock: SettableClock) -> World:
    assert clock.now() == START_AT
    return World(database, clock)
