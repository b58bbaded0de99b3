"""What the SMS channel is told, and what a gateway is asked."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

import attrs
from attrs import validators as v

MSG91, TWILIO, PLAIN = "msg91", "twilio", "plain"
PRESETS = (MSG91, TWILIO, PLAIN)
USUAL = {MSG91: "https://control.msg91.com", TWILIO: "https://api.twilio.com"}
LEAST_REPORT_KEY = 16
LONGEST = 1600
"""Characters of a message: ten segments of the widest alphabet, and the most that common gateways take."""


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@attrs.frozen(slots=True, kw_only=True)
class Settings:
    """``[plugins.settings.sms]``: which gateway, and as whom.

    ``preset`` is the gateway's shape: ``msg91`` (``key`` is the authkey; a message needs a template that was approved there: see
    ``templates``), ``twilio`` (``account`` and ``key`` are account SID and auth token), or ``plain``: a POST of JSON with ``to``, ``text``,
    ``sender`` and ``reference`` to ``url``, with ``key`` as bearer token. ``url`` is another address than the preset's.

    ``templates`` maps our templates to the gateway's (MSG91 flow ids, which carry the DLT template that Indian operators ask for).
    ``report_key`` opens the route that the gateway posts delivery reports to; without one there is none. ``public_url`` is where that
    route can be reached from outside.
    """

    preset: str = attrs.field(validator=v.in_(PRESETS))
    key: str = attrs.field(repr=False, validator=v.min_len(1))
    account: str = ""
    sender: str = ""
    url: str = ""
    templates: Mapping[str, str] = attrs.field(factory=dict)
    report_key: str = attrs.field(default="", repr=False)
    public_url: str = ""
    timeout_s: float = attrs.field(default=15.0, validator=v.and_(v.gt(0), v.le(120)))

    def __attrs_post_init__(self) -> None:
        """Refuse what could not work. Raises ``ValueError``."""
        parts = urlsplit(self.origin)
        if parts.scheme not in ("https", "http") or not parts.hostname:
            raise ValueError("url must be https://HOST/...")
        if parts.scheme == "http" and not _loopback(parts.hostname):
            raise ValueError("url: http:// is for this machine only")
        if self.preset == TWILIO and not (self.account and self.sender):
            raise ValueError('preset = "twilio" needs account (the account SID) and sender (a number or messaging service)')
        if self.report_key and len(self.report_key) < LEAST_REPORT_KEY:
            raise ValueError(f"report_key needs {LEAST_REPORT_KEY} characters or more")

    @property
    def origin(self) -> str:
        """The gateway's address, without a slash at its end."""
        return (self.url or USUAL.get(self.preset, "")).rstrip("/")


@attrs.frozen(slots=True, kw_only=True)
class Asked:
    """A request to a gateway."""

    url: str
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)


@attrs.frozen(slots=True)
class Report:
    """What became of a message: ``delivered`` or ``failed``, and why not."""

    channel_id: str
    state: str
    error: str = ""
