"""Messages to people where no plugin carries them: taken on at once, written to a file or the console behind, never to the log.

This is how an operator reads them, on one machine or while trying things out.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import attrs
import structlog
import trio

from csms.config import Config
from csms.core.messages import CannotNotify, Message, NotSent, Outgoing, Receipt
from csms.core.ports import Blocking, Clock
from csms.core.units import iso
from csms.domain.messages.catalogue import TEMPLATES
from csms.domain.messages.composing import sample
from csms.domain.messages.model import OUTBOX
from csms.domain.messages.wording import BadTemplate

MOST_WAITING = 1000
"""Messages that may wait to be written."""
FILE, CONSOLE, CHANNELS, OFF = "file", "console", "channels", "off"
"""Where one-time codes and invitations go (``[identity] messages``)."""

log = structlog.get_logger("csms.notifying")


def text_of(message: Message) -> str:
    """A message in words: those of its template."""
    values = {**message.fields, **message.secrets}
    template = TEMPLATES.get(message.template)
    language = message.language.partition("-")[0]
    try:
        if template is not None:
            return sample(template, language, fields=values, common={}).sms
    except BadTemplate as error:
        log.error("message.template_failed", template=message.template, reason=str(error))
    return ", ".join(f"{name}: {value}" for name, value in values.items())


@attrs.define(slots=True, eq=False)
class WrittenMessages:
    """``Notifier`` that has messages written to ``file``, or to standard error where there is none; ``run`` does the writing."""

    clock: Clock
    blocking: Blocking
    file: Path | None
    _send: trio.MemorySendChannel[Message] = attrs.field(init=False)
    _receive: trio.MemoryReceiveChannel[Message] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[Message](MOST_WAITING)

    async def notify(self, message: Message, /) -> None:
        """Take a message on. Raises ``CannotNotify`` when too many wait."""
        try:
            self._send.send_nowait(message)
        except trio.WouldBlock:
            raise CannotNotify("too many messages wait to be sent") from None
        await trio.lowlevel.checkpoint()

    async def run(self) -> None:
        """Write what was taken on, for ever; what cannot be written is told in the log, without its words."""
        async for message in self._receive:
            try:
                await self.write(message.channel, message.recipient, text_of(message))
            except OSError as error:
                log.error("message.lost", kind=message.kind, channel=message.channel, reason=str(error))

    async def write(self, channel: str, recipient: str, text: str) -> None:
        """Write one message. Raises ``OSError``."""
        await self.blocking.run("file", self._write, f"{iso(self.clock.now())} {channel} to {recipient}: {text}\n")

    def _write(self, line: str) -> None:
        if self.file is None:
            sys.stderr.write(line)
            sys.stderr.flush()
            return
        descriptor = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as stream:
            stream.write(line)


@attrs.frozen(slots=True)
class OutboxChannel:
    """The channel of a server without plugins that bring one: it writes what it is given, apart from one-time codes and invitations."""

    written: WrittenMessages

    @property
    def name(self) -> str:
        """``outbox``."""
        return OUTBOX

    async def send(self, message: Outgoing, /) -> Receipt:
        """Write it, with its links and the names of its documents. Raises ``NotSent``."""
        links = "".join(f" [{label}: {url}]" for label, url in message.actions)
        files = "".join(f" ({each.name}, {len(each.content)} bytes)" for each in message.attachments)
        text = " ".join(message.text.split())
        try:
            await self.written.write(self.name, message.recipient, f"{message.subject} | {text}{links}{files}")
        except OSError as error:
            raise NotSent(f"it cannot be written: {error}") from None
        return Receipt(channel_id=message.reference)

    async def check(self) -> str:
        """Where it writes to. Raises ``NotSent``."""
        file = self.written.file
        if file is None:
            return "writes to standard error"
        if not os.access(file if file.exists() else file.parent, os.W_OK):
            raise NotSent(f"{file} cannot be written")
        return f"writes to {file.name}"


def open_written(config: Config, clock: Clock, blocking: Blocking) -> WrittenMessages | None:
    """What writes messages, where the configuration says so."""
    chosen = config.identity.messages
    if chosen not in (FILE, CONSOLE):
        return None
    return WrittenMessages(clock, blocking, config.folder / config.identity.messages_file if chosen == FILE else None)
