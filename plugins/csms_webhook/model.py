"""What the webhook is told to do, and what it posts."""

from __future__ import annotations

from difflib import get_close_matches
from ipaddress import ip_address
from urllib.parse import urlsplit

import attrs
from attrs import validators as v

from csms.hooks import EVENT_TYPES

MIN_SECRET_LENGTH = 16


@attrs.frozen(slots=True, kw_only=True)
class Settings:
    """``[plugins.settings.webhook]``. ``events`` names the types to post; none named means all. ``timeout_s`` is one post's limit."""

    url: str = attrs.field(repr=False)
    secret: str = attrs.field(repr=False)
    events: tuple[str, ...] = ()
    timeout_s: float = attrs.field(default=10.0, validator=v.and_(v.gt(0), v.le(600)))
    allow_http: bool = False

    def __attrs_post_init__(self) -> None:
        """Refuse what could not work. Raises ``ValueError`` that tells no secret."""
        if problem := self._problem():
            raise ValueError(problem)

    @property
    def receiver(self) -> str:
        """The URL as far as it may be told: without its path and query, which may hold a secret."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def _problem(self) -> str:
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            return "url must be https://HOST/PATH"
        if parts.username is not None or parts.password is not None:
            return "url must not carry a password; the receiver knows us by the signature"
        if parts.scheme == "http" and not self.allow_http and not is_loopback(parts.hostname):
            return f"url: http:// is for this machine only; use https:// for {parts.hostname}, or set allow_http = true"
        if len(self.secret) < MIN_SECRET_LENGTH:
            return f"secret must have at least {MIN_SECRET_LENGTH} characters"
        return next((problem for name in self.events if (problem := event_problem(name))), "")


@attrs.frozen(slots=True, kw_only=True)
class Message:
    """One signed post."""

    body: bytes
    headers: dict[str, str]


class Undelivered(Exception):
    """The receiver did not take the event; it is posted again later."""


def event_problem(name: str) -> str:
    """Why an event of this type could never be posted, or nothing."""
    kind = EVENT_TYPES.get(name)
    if kind is None:
        near = get_close_matches(name, EVENT_TYPES, n=1)
        return f"events: there is no event {name}{f' (did you mean {near[0]}?)' if near else ''}"
    return "" if kind.durable else f"events: {name} is volatile; only stored events are posted"


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
