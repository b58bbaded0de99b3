"""A tenant with webhooks, a postman, and receivers on this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, ClassVar

import attrs
import pytest
import trio

from csms.core.events import Delivered, Event, event
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Ports, Row, Tx
from csms.db import StoreDatabase
from csms.domain.webhooks import service
from csms.domain.webhooks.model import NewWebhook, WebhookBody
from csms.domain.webhooks.postman import Postman
from csms.domain.webhooks.service import Rules
from csms.domain.webhooks.signing import secret_of
from csms.outside import HttpClient, SystemEntropy
from csms.testing.receiver import Receiver
from csms.testing.stores import SettableClock
from csms.vault import KeyedVault

RULES = Rules(
    allow_http=True,
    allowed_networks=("127.0.0.0/8",),
    first_retry_s=1.0,
    longest_retry_s=60.0,
    max_attempts=4,
    pause_after=8,
    timeout_s=60.0,
)


@event
@attrs.frozen(slots=True, kw_only=True)
class PostedInATest(Event):
    type: ClassVar[str] = "posted_in_a_test"
    number: int
    charger_id: str = "C1"
    reported_at: int = 0
    energy_wh: int = 0

    @property
    def key(self) -> str:
        return f"charger:{self.charger_id}"


@event
@attrs.frozen(slots=True, kw_only=True)
class OtherInATest(PostedInATest):
    type: ClassVar[str] = "other_in_a_test"


@attrs.define
class Office:
    """What a test does with webhooks."""

    database: StoreDatabase
    clock: SettableClock
    ports: Ports
    postman: Postman

    async def do(self, verb: Any, *arguments: Any) -> Any:
        return await self.database.write(verb, *arguments, tenant=DEFAULT_TENANT)

    async def subscribe(self, receiver: Receiver, **more: Any) -> NewWebhook:
        secret = secret_of(self.ports.random.token(32))
        body = WebhookBody(**{"name": f"to {receiver.url}", "url": receiver.url, **more})
        found = await self.do(service.add, body, secret, self.ports.vault.seal(secret), self.postman.rules)
        self.postman.changed(DEFAULT_TENANT)
        assert isinstance(found, NewWebhook)
        return found

    async def happen(self, *events: Event) -> None:
        """Store events and have the postman hear them, as its consumer does."""

        def verb(tx: Tx) -> list[int]:
            for each in events:
                tx.emit(each)
            rows = tx.all(
                "SELECT sequence FROM events WHERE tenant = :tenant ORDER BY sequence DESC LIMIT :count", count=len(events)
            )
            return sorted(row["sequence"] for row in rows)

        keys = sorted({each.key for each in events})
        ids = await self.database.write(verb, tenant=DEFAULT_TENANT, keys=keys)
        for event_id, each in zip(ids, events, strict=True):
            await self.postman.hear(self.ports, Delivered(event_id, DEFAULT_TENANT, self.clock.now(), each))

    async def rows(self, sql: str, **parameters: Any) -> Sequence[Row]:
        def query(tx: Tx) -> list[Row]:
            return [dict(row) for row in tx.system("a test looks").all(sql, **parameters)]

        return await self.database.read(query, tenant=TenantId(1))

    async def states(self, webhook_id: int) -> dict[str, int]:
        sql = "SELECT state, count(*) AS count FROM webhook_deliveries WHERE webhook_id = :webhook_id GROUP BY state"
        return {row["state"]: row["count"] for row in await self.rows(sql, webhook_id=webhook_id)}

    async def settled(self, webhook_id: int, **states: int) -> None:
        """Wait until the deliveries of a subscription are so."""
        with trio.fail_after(10):
            while (found := await self.states(webhook_id)) != states:
                assert found is not None
                await trio.sleep(0.005)

    async def webhook(self, webhook_id: int) -> Row:
        (row,) = await self.rows("SELECT * FROM webhooks WHERE id = :webhook_id", webhook_id=webhook_id)
        return row

    def later(self, seconds: float) -> None:
        """Let time pass, and what is due then be sent."""
        self.clock.advance(round(seconds * 1000))
        self.postman.ring()


@pytest.fixture
async def ports(database: StoreDatabase, clock: SettableClock) -> AsyncIterator[Ports]:
    absent: Any = None
    http = HttpClient(("127.0.0.0/8",))
    yield Ports(
        database=database,
        chargers=absent,
        decisions=absent,
        clock=clock,
        random=SystemEntropy(),
        blocking=absent,
        http=http,
        vault=KeyedVault([bytes(32)]),
    )
    await http.aclose()


@pytest.fixture
def rules() -> Rules:
    return RULES


@pytest.fixture
async def office(database: StoreDatabase, clock: SettableClock, ports: Ports, rules: Rules) -> AsyncIterator[Office]:
    office = Office(database, clock, ports, Postman(rules))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(office.postman.run, ports)
        yield office
        nursery.cancel_scope.cancel()
