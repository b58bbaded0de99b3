"""Messages to people, by e-mail or telephone: what is sent, and the port that takes it on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import attrs

from .errors import CsmsError

EMAIL, SMS, WHATSAPP = "email", "sms", "whatsapp"
CHANNELS = (EMAIL, SMS, WHATSAPP)


class CannotNotify(CsmsError):
    """A message was not taken on: too many wait, or nobody sends on its channel."""


@attrs.frozen(slots=True, kw_only=True)
class Message:
    """Something to tell a person. ``template`` names the words, ``language`` (BCP 47) what they are in.

    ``kind`` is what it is about: ``code``, ``invitation`` or ``notice``. What must not be read by others (one-time codes, links that
    open something) is in ``secrets``, which no log, event or error ever shows; everything else the words need is in ``fields``.
    """

    kind: str
    channel: str
    recipient: str
    template: str
    language: str = "en"
    fields: Mapping[str, str] = attrs.field(factory=dict)
    secrets: Mapping[str, str] = attrs.field(factory=dict, repr=False)


class Notifier(Protocol):
    """Sends messages to people."""

    async def notify(self, message: Message, /) -> None:
        """Take a message on, and return before it is delivered: how long that takes would tell who has an account.

        Raises ``CannotNotify``.
        """
        ...


class NoNotifier:
    """``Notifier`` of a process that sends nothing."""

    async def notify(self, message: Message, /) -> None:
        """Refuse. Raises ``CannotNotify``."""
        raise CannotNotify(f"this process sends no messages ({message.channel})")
