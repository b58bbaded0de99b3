"""What the WhatsApp channel is told, and what it hears."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import ClassVar
from urllib.parse import urlsplit

import attrs
from attrs import validators as v

from csms.hooks import Event, event

LEAST_SECRET = 8
LONGEST_TEXT = 4096
LONGEST_HEARD = 200
"""What of somebody's words is looked at: a command is short."""
LONGEST_LABEL = 20


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@attrs.frozen(slots=True, kw_only=True)
class Template:
    """A template that WhatsApp approved: its ``name`` there, and the fields of ours that are its parameters, in their order."""

    name: str
    parameters: tuple[str, ...] = ()


@attrs.frozen(slots=True, kw_only=True)
class Settings:
    """``[plugins.settings.whatsapp]``: the number that messages are from, and who may speak for it (Meta's Cloud API).

    ``templates`` are what may be sent to people who did not write within a day, by our templates' names; ``app_secret`` signs what WhatsApp
    tells us, ``verify_token`` is what it shows when the webhook is set up. ``commands``: drivers may start and stop by message.
    """

    phone_number_id: str = attrs.field(validator=v.matches_re(r"\d{5,30}"))
    token: str = attrs.field(repr=False, validator=v.min_len(1))
    app_secret: str = attrs.field(repr=False, validator=v.min_len(LEAST_SECRET))
    verify_token: str = attrs.field(default="", repr=False)
    templates: Mapping[str, Template] = attrs.field(factory=dict)
    url: str = "https://graph.facebook.com"
    version: str = attrs.field(default="v21.0", validator=v.matches_re(r"v\d+(\.\d+)?"))
    timeout_s: float = attrs.field(default=15.0, validator=v.and_(v.gt(0), v.le(120)))
    commands: bool = True

    def __attrs_post_init__(self) -> None:
        """Refuse what could not work. Raises ``ValueError``."""
        parts = urlsplit(self.url)
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise ValueError("url must be https://HOST")
        if parts.scheme == "http" and not _loopback(parts.hostname):
            raise ValueError("url: http:// is for this machine only")

    @property
    def origin(self) -> str:
        """The API's address with its version."""
        return f"{self.url.rstrip('/')}/{self.version}"


@event
@attrs.frozen(slots=True, kw_only=True)
class WhatsAppHeard(Event):
    """What somebody wrote: ``phone`` is E.164, ``text`` the words, or the title of the button that was pressed."""

    type: ClassVar[str] = "whatsapp_heard"

    message_id: str
    phone: str
    text: str

    @property
    def key(self) -> str:
        """What one person writes is heard in order."""
        return f"whatsapp:{self.phone}"


@attrs.frozen(slots=True)
class State:
    """What became of a message: ``delivered``, ``read`` or ``failed``, and why not."""

    channel_id: str
    state: str
    error: str = ""
