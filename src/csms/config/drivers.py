"""The section ``[drivers]``: how drivers come to a connector."""

from __future__ import annotations

import attrs

from .rules import Pattern
from .setting import setting

START_URL = Pattern(
    r"|https?://[^\s{}]+\{code\}[^\s{}]*", 'http(s)://... with {code} where the code of the connector belongs, or ""'
)


@attrs.frozen(slots=True, kw_only=True)
class DriversConfig:
    """How drivers come to a connector."""

    start_url: str = setting(
        "",
        'where the QR code of a connector leads, with {code} in it, such as https://charge.example.com/start/{code}; "" leads to '
        "/api/v1/start of this server, as identity.public_url names it. Settle it before stickers are printed",
        validator=START_URL,
    )
