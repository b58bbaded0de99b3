"""A tenant with a driver, channels that do as a test says, and the desk and carrier between them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

import attrs
import pytest
import trio

from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.messages import Channel, Notice
from csms.core.ports import Ports, Row, Tx
from csms.db import StoreDatabase
from csms.domain.drivers import service as drivers
from csms.domain.messages import flows
from csms.domain.messages.carrier import Carrier
from csms.domain.messages.choices import MessageSettings, Preferences
from csms.domain.messages.desk import CodesDesk, Desk
from csms.domain.messages.model import DRIVER, Rules
from csms.domain.messages.store import people, queue
from csms.outside import SystemEntropy
from csms.testing.channels import FakeChannel
from csms.testing.plugins import InLine
from csms.testing.stores import SettableClock
from csms.vault import KeyedVault

RULES = Rules(first_retry_s=10.0, longest_retry_s=60.0, max_attempts=3, timeout_s=30.0, public_url="https://csms.example.org")


@attrs.define(slots=True, eq=False)
class PostOffice:
    """What a test does with messages. ``work`` sends everything that is due, without a task of its own."""

    database: StoreDatabase
    clock: SettableClock
    ports: Ports
    desk: Desk
    codes: CodesDesk
    channels: dict[str, Channel]
    email: FakeChannel
    sms: FakeChannel
    driver_id: int = 0

    async def tell(
        self, template: str = "charging_ended", *, key: str = "", tenant: int = DEFAULT_TENANT, **more: Any
    ) -> int | None:
        """Have the driver told something."""
        if not {"user_id", "address", "staff", "driver_id"} & set(more):
            more["driver_id"] = self.driver_id
        notice = Notice(key=key or self.ports.random.token(6), template=template, **more)
        return await self.desk.tell(notice, tenant=tenant)

    async def work(self) -> None:
        """Send what is due, until nothing is."""
        while True:
            due = [
                each
                for channel in self.channels
                for each in await self.database.read(queue.due, channel, 100, tenant=DEFAULT_TENANT)
            ]
            if not due:
                return
            for tenant, message_id in due:
                await flows.carry(self.ports, RULES, TenantId(tenant), message_id)

    async def later(self, seconds: float) -> None:
        """Let time pass, and send what is due then."""
        self.clock.advance(round(seconds * 1000))
        await self.work()

    async def rows(self, sql: str = "SELECT * FROM messages ORDER BY id", **parameters: Any) -> Sequence[Row]:
        def query(tx: Tx) -> list[Row]:
            return [dict(row) for row in tx.system("a test looks").all(sql, **parameters)]

        return await self.database.read(query, tenant=DEFAULT_TENANT)

    async def states(self) -> list[str]:
        """How every message stands, the oldest first."""
        return [row["state"] for row in await self.rows()]

    async def log(self, message_id: int = 1) -> list[str]:
        rows = await self.rows("SELECT what FROM message_log WHERE message_id = :id ORDER BY id", id=message_id)
        return [row["what"] for row in rows]

    async def settings(self, **settings: Any) -> None:
        await self.database.write(people.save_settings, MessageSettings(**settings), tenant=DEFAULT_TENANT)

    async def prefer(self, **preferences: Any) -> None:
        verb = partial(people.save_preferences, kind=DRIVER, who=self.driver_id, chosen=Preferences(**preferences))
        await self.database.write(verb, tenant=DEFAULT_TENANT)


@pytest.fixture
async def office(database: StoreDatabase, clock: SettableClock) -> AsyncIterator[PostOffice]:
    absent: Any = None
    email, sms = FakeChannel("email"), FakeChannel("sms")
    channels: dict[str, Channel] = {"email": email, "sms": sms}
    ports = Ports(
        database=database,
        chargers=absent,
        decisions=absent,
        clock=clock,
        random=SystemEntropy(),
        blocking=InLine(),
        http=absent,
        vault=KeyedVault([bytes(32)]),
        channels=channels,
    )
    desk = Desk(ports, Carrier(RULES))
    made = PostOffice(database, clock, attrs.evolve(ports, messenger=desk), desk, CodesDesk(desk, ports), channels, email, sms)
    add = partial(drivers.add_driver, name="Asha", email="asha@example.org", phone="+919800000001")
    made.driver_id = (await database.write(add, tenant=DEFAULT_TENANT)).id
    yield made
    await trio.lowlevel.checkpoint()
