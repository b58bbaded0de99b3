"""A charger's configuration as it stands: the table of ``settings_rows``, and what differs from it."""

from __future__ import annotations

from .settings_rows import ROWS, Row

BY_NAME = {row.name: row for row in ROWS}
BY_KEY = {row.key.casefold(): row for row in ROWS if row.key}
BY_VARIABLE = {(row.component.casefold(), row.variable.casefold()): row for row in ROWS if row.variable}
COMPONENTS = frozenset(row.component.casefold() for row in ROWS if row.component)


class Settings:
    """One charger's values."""

    __slots__ = ("_changed",)

    def __init__(self, **changed: str) -> None:
        unknown = changed.keys() - BY_NAME.keys()
        if unknown:
            raise ValueError(f"no such setting: {', '.join(sorted(unknown))} (one of {', '.join(sorted(BY_NAME))})")
        self._changed = changed

    def text(self, name: str) -> str:
        """A value."""
        return self._changed.get(name, BY_NAME[name].default)

    def number(self, name: str) -> int:
        """A value as a number."""
        return int(self.text(name))

    def flag(self, name: str) -> bool:
        """A value as yes or no."""
        return self.text(name).lower() == "true"

    def hear(self, name: str, value: str) -> None:
        """Take a value over from the server, such as the heartbeat interval of a boot."""
        self._changed[name] = value

    def set(self, row: Row, value: str) -> str:
        """Change a value: ``Accepted``, ``Rejected`` or ``RebootRequired``."""
        if not row.writable or not row.allows(value):
            return "Rejected"
        self._changed[row.name] = value.lower() if row.kind == "bool" else value
        return "RebootRequired" if row.needs_reboot else "Accepted"
