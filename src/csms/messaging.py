"""Composes messages to people: the desk that takes them on, the carrier that sends them, and the channels that there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import structlog
import trio

from csms.config import Config
from csms.core.messages import Channel, NoNotifier
from csms.core.ports import Ports
from csms.domain.messages.carrier import Carrier
from csms.domain.messages.desk import CodesDesk, Desk
from csms.domain.messages.model import OUTBOX, Rules
from csms.notifying import CHANNELS, OutboxChannel, WrittenMessages, open_written
from csms.plugins import Bus, PluginError

log = structlog.get_logger("csms.messaging")


class Messaging(Desk):
    """The desk of a server, with what stands behind it. ``channels`` are those that plugins bring (``collect``), or the outbox."""

    def __init__(self, config: Config, ports: Ports) -> None:
        self.channels: dict[str, Channel] = {}
        known = attrs.evolve(ports, channels=self.channels)
        self.carrier = Carrier(rules_of(config))
        super().__init__(known, self.carrier)
        self.codes = CodesDesk(self, known) if config.identity.messages == CHANNELS else None
        self._outbox_file = config.folder / config.messages.outbox_file
        self.written: WrittenMessages | None = open_written(config, ports.clock, ports.blocking)

    def collect(self, bus: Bus) -> None:
        """Take up the channels that plugins bring; without any the outbox is the one. Raises ``PluginError`` for what is no channel."""
        for each in bus.collect("register_channels"):
            name = getattr(each.value, "name", None)
            if not isinstance(name, str) or not callable(getattr(each.value, "send", None)) or name == OUTBOX:
                raise PluginError(f"plugin {each.plugin}: register_channels: {each.value!r} is no channel with a name of its own")
            if name in self.channels:
                log.warning("messages.channel_twice", channel=name, plugin=each.plugin)
            self.channels.setdefault(name, each.value)
        if not self.channels and self.written is not None:
            file = None if self.written.file is None else self._outbox_file
            self.channels[OUTBOX] = OutboxChannel(attrs.evolve(self.written, file=file))
        if self.codes is not None and not self.channels:
            log.error("messages.no_channel", hint="[identity] messages is channels, and no plugin brings one: nobody gets a code")

    async def run(self, ports: Ports) -> None:
        """Send what is due, for ever."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.carrier.run, ports)
            if self.codes is not None:
                nursery.start_soon(self.codes.run)
            if self.written is not None:
                nursery.start_soon(self.written.run)


def plugged(config: Config, ports: Ports) -> Ports:
    """The ports with those of messages filled. One-time codes go by the channels only where the configuration says so."""
    made = Messaging(config, ports)
    return attrs.evolve(ports, messenger=made, notifier=made.codes or made.written or NoNotifier(), channels=made.channels)


def collect(bus: Bus, ports: Ports) -> None:
    """Take up the channels that plugins bring. Raises ``PluginError``."""
    if isinstance(ports.messenger, Messaging):
        ports.messenger.collect(bus)


async def run(ports: Ports) -> None:
    """Send what is due, for ever."""
    if isinstance(ports.messenger, Messaging):
        await ports.messenger.run(ports)


def rules_of(config: Config) -> Rules:
    """How messages are sent, of the configuration."""
    said = {
        field.name: getattr(config.messages, field.name) for field in attrs.fields(Rules) if hasattr(config.messages, field.name)
    }
    return Rules(**said, public_url=config.identity.public_url.rstrip("/"))


def ring_of(ports: Any) -> Callable[[], None]:
    """What tells the carrier that something is due; nothing where none runs."""
    return ports.messenger.ring if isinstance(ports.messenger, Desk) else _nobody


def _nobody() -> None:
    return None
