"""What the e-mail channel is told."""

from __future__ import annotations

from email.utils import parseaddr

import attrs
from attrs import validators as v

STARTTLS, TLS, PLAIN = "starttls", "tls", "none"
WAYS = (STARTTLS, TLS, PLAIN)
LOOPBACK = ("localhost", "127.0.0.1", "::1")
LARGEST_BYTES = 10_000_000
"""What a message with its attachments may come to: many servers take no more."""


def _address(instance: object, attribute: attrs.Attribute[str], value: str) -> None:
    if "@" not in parseaddr(value)[1] or any(each in value for each in "\r\n"):
        raise ValueError(f"{attribute.name} must be an address such as Charging <noreply@example.org>")


@attrs.frozen(slots=True, kw_only=True)
class Settings:
    """``[plugins.settings.email]``: the SMTP server, and who messages are from.

    ``security`` is ``starttls`` (RFC 3207), ``tls`` (RFC 8314) or ``none``, which is only for a server on this machine. ``ca_file`` names
    a file of certificates to trust beside those of the system. ``timeout_s`` bounds each step of the conversation.
    """

    host: str = attrs.field(validator=v.min_len(1))
    sender: str = attrs.field(validator=_address)
    port: int = attrs.field(default=587, validator=v.and_(v.ge(1), v.le(65535)))
    security: str = attrs.field(default=STARTTLS, validator=v.in_(WAYS))
    username: str = ""
    password: str = attrs.field(default="", repr=False)
    reply_to: str = attrs.field(default="", validator=v.or_(v.matches_re(r""), _address))
    ca_file: str = ""
    hello: str = "csms.invalid"
    """What we call ourselves (RFC 5321 §4.1.1.1)."""
    timeout_s: float = attrs.field(default=20.0, validator=v.and_(v.gt(0), v.le(300)))
    parallel: int = attrs.field(default=2, validator=v.and_(v.ge(1), v.le(20)))

    def __attrs_post_init__(self) -> None:
        """Refuse what would show a password to the network. Raises ``ValueError``."""
        if self.security == PLAIN and self.host not in LOOPBACK:
            raise ValueError('security = "none" is for this machine only; use "starttls" or "tls"')
        if bool(self.username) != bool(self.password):
            raise ValueError("username and password belong together: give both or neither")
