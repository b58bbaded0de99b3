"""How things of this slice are named in URLs."""

from __future__ import annotations

from urllib.parse import quote


def path_of(charger_id: str) -> str:
    """A charger's id as a part of a URL."""
    return quote(charger_id, safe="")
