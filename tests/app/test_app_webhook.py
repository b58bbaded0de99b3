"""The webhook plugin at a running server: it posts every durable event of a charge, in order for each charger."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any

import attrs
import h11
import pytest
import trio

import csms_webhook
from csms.config import Config
from csms.testing.charger import connect
from csms.testing.fixtures import ConnectCharger
from csms.testing.script import script
from csms.testing.server import TestServer, running_server

pytestmark = pytest.mark.usefixtures("hurried_jobs")

SECRET = "a secret of sixteen or more"


@attrs.define
class Receiver:
    """An HTTP server that keeps what is posted to it; ``refuse`` so many posts first."""

    url: str = ""
    refuse: int = 0
    posts: list[dict[str, Any]] = attrs.field(factory=list)
    heard: trio.Condition = attrs.field(factory=trio.Condition)

    async def serve(self, stream: trio.SocketStream) -> None:
        connection = h11.Connection(h11.SERVER)
        body = b""
        async with stream:
            while True:
                event = connection.next_event()
                if event is h11.NEED_DATA:
                    try:
                        connection.receive_data(await stream.receive_some(65536))
                    except trio.BrokenResourceError:
                        return
                elif isinstance(event, h11.Data):
                    body += event.data
                elif isinstance(event, h11.EndOfMessage):
                    status = await self.take(json.loads(body))
                    body = b""
                    head = h11.Response(status_code=status, headers=[("Content-Length", "0")])
                    await stream.send_all(connection.send(head) + connection.send(h11.EndOfMessage()))
                    connection.start_next_cycle()
                elif isinstance(event, h11.ConnectionClosed):
                    return

    async def take(self, message: dict[str, Any]) -> int:
        if self.refuse:
            self.refuse -= 1
            return 503
        async with self.heard:
            self.posts.append(message)
            self.heard.notify_all()
        return 200

    async def received(self, count: int) -> None:
        with trio.fail_after(15):
            async with self.heard:
                while len(self.posts) < count:
                    await self.heard.wait()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with trio.open_nursery() as nursery:
        receiver = Receiver()
        (listener,) = await nursery.start(partial(trio.serve_tcp, receiver.serve, 0, host="127.0.0.1"))
        receiver.url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}/hook"
        yield receiver
        nursery.cancel_scope.cancel()


@pytest.fixture
def server_plugins() -> Mapping[str, object]:
    return {"webhook": csms_webhook}


@pytest.fixture
def server_config(server_config: Config, receiver: Receiver) -> Config:
    settings = {"webhook": {"url": receiver.url, "secret": SECRET}}
    return attrs.evolve(server_config, plugins=attrs.evolve(server_config.plugins, settings=settings))


async def stored(server: TestServer) -> dict[str, list[tuple[int, str]]]:
    """Ids and types of all events by key, in the order of the spine."""
    found = defaultdict(list)
    for row in await server.rows("SELECT sequence, key, type FROM events ORDER BY xid, sequence"):
        found[row["key"]].append((row["sequence"], row["type"]))
    return found


async def test_every_event_of_a_charge_arrives_in_order_for_each_charger(
    server: TestServer, charger: ConnectCharger, receiver: Receiver, protocol: str, an_hour_ago: int
) -> None:
    await server.add_token("CARD", max_transactions=0)

    async def live(charger_id: str) -> None:
        scripted = await charger(charger_id, protocol=protocol)
        say = script(scripted)
        await say.status(1, "Available", an_hour_ago)
        await say.authorize("CARD")
        charge = await say.start("CARD", wh=5, at=an_hour_ago)
        await say.meter(charge, 10, an_hour_ago + 1000)
        await say.stop(charge, 20, an_hour_ago + 2000)
        await scripted.hang_up()

    async with trio.open_nursery() as nursery:
        for number in range(4):
            nursery.start_soon(live, f"CP{number}")
    await server.eventually("SELECT * FROM events WHERE type = 'charger_disconnected'", at_least=4)
    told = await stored(server)
    await receiver.received(sum(map(len, told.values())))
    told = {key: events for key, events in told.items() if key.startswith("charger:")}
    arrived = defaultdict(list)
    for post in receiver.posts:
        if "charger_id" in post["data"]:
            arrived[f"charger:{post['data']['charger_id']}"].append((post["id"], post["type"]))
    assert arrived == told
    kinds = {post["type"] for post in receiver.posts}
    assert kinds >= {
        "charger_connected",
        "charger_booted",
        "charger_registration_changed",
        "charger_status_changed",
        "charger_disconnected",
        "token_seen",
        "transaction_started",
        "transaction_ended",
    }
    assert "meter_values" not in kinds, "volatile: the readings are stored"
    (ended,) = [post for post in receiver.posts if post["type"] == "transaction_ended" and post["data"]["charger_id"] == "CP0"]
    assert ended["data"]["energy_wh"] == 15


async def test_what_the_receiver_refused_at_first_arrives_all_the_same(
    server: TestServer, charger: ConnectCharger, receiver: Receiver
) -> None:
    receiver.refuse = 1
    await charger("CP1")
    await receiver.received(4)
    kinds = ["charger_connected", "charger_security_changed", "charger_booted", "charger_registration_changed"]
    assert [post["type"] for post in receiver.posts] == kinds
    assert receiver.posts[0]["attempt"] == 2


async def test_what_happened_while_the_receiver_was_away_arrives_after_a_restart(
    server_config: Config, server_plugins: Mapping[str, object], receiver: Receiver
) -> None:
    receiver.refuse = 1000
    async with running_server(server_config, plugins=server_plugins) as server:
        key = await server.add_charger("CP1")
        async with connect(server.url, "CP1", password=key) as scripted:
            await script(scripted).boot()
    receiver.refuse = 0
    async with running_server(server_config, plugins=server_plugins) as server:
        await receiver.received(4)
        (told,) = (await stored(server)).values()
    assert [(post["id"], post["type"]) for post in receiver.posts[:4]] == told[:4]
