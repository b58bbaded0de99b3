"""The Local Authorization List (1.6 §3.5.2, §5.15): what the server says about tokens, to be known while it is away."""

from __future__ import annotations

from typing import Any

import attrs

from simulators.clock import parse_iso

from .settings import Settings

NOT_SUPPORTED = -1
"""The version of a charger that keeps no list (1.6 §5.10)."""


@attrs.frozen(slots=True)
class Known:
    """What is known of a token: its status, its group, and until when (ms)."""

    status: str = "Accepted"
    parent: str | None = None
    expires_at: int | None = None

    @classmethod
    def of(cls, info: dict[str, Any]) -> Known:
        """An IdTagInfo (1.6 §7.27); raises ``KeyError`` where it has no status."""
        expiry = info.get("expiryDate")
        return cls(str(info["status"]), info.get("parentIdTag"), None if expiry is None else parse_iso(str(expiry)))

    def verdict(self, now: int) -> str:
        """Its status at an instant."""
        if self.status == "Accepted" and self.expires_at is not None and self.expires_at <= now:
            return "Expired"
        return self.status


class LocalList:
    """The list of one charger, by token in lower case (tokens are case-insensitive, 1.6 §7.15)."""

    __slots__ = ("_entries", "_settings", "_version")

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._entries: dict[str, Known] = {}
        self._version = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def version(self) -> int:
        """Its version: 0 while it is empty, -1 while lists are not supported (1.6 §5.10)."""
        if not self._settings.flag("list_enabled"):
            return NOT_SUPPORTED
        return self._version if self._entries else 0

    def find(self, token: str) -> Known | None:
        """What it says about a token."""
        return self._entries.get(token.casefold()) if self._settings.flag("list_enabled") else None

    def update(self, version: int, update_type: str, changes: list[dict[str, Any]]) -> str:
        """Apply SendLocalList; the word to answer (1.6 §7.47). What is not accepted changes nothing.

        Raises ``KeyError`` or ``TypeError`` for malformed entries, ``ValueError`` for an unknown update type.
        """
        if update_type not in ("Full", "Differential"):
            raise ValueError(f"updateType is {update_type!r}, not one of Full, Differential")
        if not self._settings.flag("list_enabled"):
            return "NotSupported"
        tokens = [str(change["idTag"]).casefold() for change in changes]
        if version <= 0 or len(changes) > self._settings.number("list_most_at_once") or len(set(tokens)) < len(tokens):
            return "Failed"
        if update_type == "Differential" and version <= self.version:
            return "VersionMismatch"
        entries = {} if update_type == "Full" else dict(self._entries)
        for token, change in zip(tokens, changes, strict=True):
            if change.get("idTagInfo") is not None:
                entries[token] = Known.of(change["idTagInfo"])
            elif update_type == "Full":
                return "Failed"  # an entry of a full list needs its IdTagInfo (1.6 §7.2)
            else:
                entries.pop(token, None)
        if len(entries) > self._settings.number("list_most"):
            return "Failed"
        self._entries, self._version = entries, version
        return "Accepted"
