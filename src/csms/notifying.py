"""Messages to people: taken on at once, written to a file or the console behind, never to the log.

Where no plugin sends e-mails and text messages this is how an operator reads them, on one machine or while trying things out.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import attrs
import structlog
import trio

from csms.config import Config
from csms.core.messages import CannotNotify, Message, NoNotifier, Notifier
from csms.core.ports import Blocking, Clock
from csms.core.units import iso

MOST_WAITING = 1000
"""Messages that may wait to be written."""

WORDS: Mapping[str, str] = {
    # template -> what it says in English, of a message's fields and secrets
    "code_register": "Your code to register is {code}. It is good for {minutes} minutes.",
    "code_register_known": "Somebody, perhaps you, tried to register with this address, which has an account already.",
    "code_reset": "Your code to set another password is {code}. It is good for {minutes} minutes.",
    "code_login": "Your code to log in is {code}. It is good for {minutes} minutes. Never tell it to anybody.",
    "code_address": "Your code to confirm this address is {code}. It is good for {minutes} minutes.",
    "invitation": "You are invited to {tenant} as {role}. Accept with {link} within {days} days.",
    "first_password": "Your account was made. Log in with the password {password} within {hours} hours, and change it.",
    "password_changed": "The password of your account was changed. If that was not you, reset it now.",
    "login_reused": "A device of yours was logged out: its login was used from two places. If that was not you, change your password.",
}

log = structlog.get_logger("csms.notifying")


def text_of(message: Message) -> str:
    """A message in words."""
    values = {**message.fields, **message.secrets}
    words = WORDS.get(message.template)
    return words.format_map(values) if words is not None else ", ".join(f"{name}: {value}" for name, value in values.items())


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
            line = f"{iso(self.clock.now())} {message.channel} to {message.recipient}: {text_of(message)}\n"
            try:
                await self.blocking.run("file", self._write, line)
            except OSError as error:
                log.error("message.lost", kind=message.kind, channel=message.channel, reason=str(error))

    def _write(self, line: str) -> None:
        if self.file is None:
            sys.stderr.write(line)
            sys.stderr.flush()
            return
        descriptor = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as stream:
            stream.write(line)


def open_notifier(config: Config, clock: Clock, blocking: Blocking) -> Notifier:
    """The notifier that the configuration asks for."""
    chosen = config.identity.messages
    if chosen == "off":
        return NoNotifier()
    file = config.folder / config.identity.messages_file if chosen == "file" else None
    return WrittenMessages(clock, blocking, file)


async def run(notifier: Notifier) -> None:
    """Do what a notifier has to do behind, if anything."""
    if isinstance(notifier, WrittenMessages):
        await notifier.run()
