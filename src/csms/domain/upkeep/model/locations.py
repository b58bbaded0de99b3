"""Locations of somebody else's files, which may have passwords in them."""

from __future__ import annotations

import re

_USER = re.compile(r"^([a-z][a-z0-9+.-]*://[^/?#:@]*):[^/?#]*@", re.IGNORECASE)
_QUERY = re.compile(r"\?[^#]*")
HIDDEN = "***"


def without_secrets(location: str) -> str:
    """A location as it may be shown: without its password, and without its query, in which signed URLs have their signature."""
    return _QUERY.sub(f"?{HIDDEN}", _USER.sub(rf"\g<1>:{HIDDEN}@", location), count=1)
