"""What plugins hear of messages, and the channels that they bring."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from csms.core.ids import DEFAULT_TENANT
from csms.core.messages import NeverSent, Notice
from csms.hooks import Delivered, MessageFailed, MessageSent, PluginContext, hookimpl
from csms.plugins import PluginError
from csms.testing.channels import FakeChannel, plugin_of
from csms.testing.server import config_for, running_server


class Hearer:
    """A plugin that keeps what it heard, and brings a channel that sends the first message and no other."""

    def __init__(self) -> None:
        self.email = FakeChannel("email")
        self.send, self.receive = trio.open_memory_channel[MessageSent | MessageFailed](10)

    @hookimpl
    def register_channels(self, context: PluginContext) -> list[FakeChannel]:
        return [self.email]

    @hookimpl
    async def message_sent(self, event: MessageSent, delivery: Delivered, context: PluginContext) -> None:
        self.email.answers.append(NeverSent("no such mailbox"))
        again = Notice(key="2", template="plain", fields={"text": "more"}, address="email:a@example.org")
        await context.messenger.tell(again, tenant=delivery.tenant)
        await self.send.send(event)

    @hookimpl
    async def message_failed(self, event: MessageFailed, delivery: Delivered, context: PluginContext) -> None:
        await self.send.send(event)


async def both(tmp_path: Path) -> tuple[MessageSent | MessageFailed, MessageSent | MessageFailed]:
    """What is told of a message that a channel takes, and then of one that it does not."""
    hearer = Hearer()
    async with running_server(config_for(tmp_path), plugins={"hearer": hearer}) as server:
        notice = Notice(key="1", template="plain", fields={"text": "hello"}, address="email:a@example.org")
        await server.ports.messenger.tell(notice, tenant=DEFAULT_TENANT)
        with trio.fail_after(10):
            return await hearer.receive.receive(), await hearer.receive.receive()


async def test_hook_message_sent(tmp_path: Path) -> None:
    sent, _ = await both(tmp_path)
    assert isinstance(sent, MessageSent)
    assert (sent.template, sent.channel, sent.attempts) == ("plain", "email", 1)


async def test_hook_message_failed(tmp_path: Path) -> None:
    _, failed = await both(tmp_path)
    assert isinstance(failed, MessageFailed)
    assert failed.error == "no such mailbox"


async def test_hook_register_channels(tmp_path: Path) -> None:
    first, second = FakeChannel("sms"), FakeChannel("sms")
    plugins = {"one": plugin_of(first), "two": plugin_of(second, FakeChannel("push"))}
    async with running_server(config_for(tmp_path), plugins=plugins) as server:
        assert list(server.ports.channels) == ["sms", "push"]
        notice = Notice(key="1", template="plain", fields={"text": "hello"}, address="sms:+919800000001")
        await server.ports.messenger.tell(notice, tenant=DEFAULT_TENANT)
        assert [each.text for each in await first.until(1)] == ["hello"], "the first of one name is used"


async def test_what_is_no_channel_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(BaseExceptionGroup) as stopped:
        async with running_server(config_for(tmp_path), plugins={"bad": plugin_of(FakeChannel("outbox"))}):
            pass
    assert stopped.group_contains(PluginError, match="no channel with a name of its own", depth=None)
