"""The book of quirks: TOML entries matched by vendor, model and firmware."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs

from csms.core.errors import CsmsError
from csms.core.quirks import KWH, LOCAL, NO_QUIRKS, Quirks

SHIPPED = "quirks.toml"
"""The file in this package."""
_MATCHED = ("vendor", "model", "firmware")
_SAID = (*_MATCHED, "note")
_UNITS = ("Wh", KWH)


class QuirkError(CsmsError):
    """A book of quirks says something that cannot be."""


@attrs.frozen(slots=True, kw_only=True)
class Entry:
    """One entry: for which chargers it holds (globs, case does not matter), what it changes, and why."""

    vendor: str = "*"
    model: str = "*"
    firmware: str = "*"
    note: str = ""
    changes: Mapping[str, Any] = attrs.field(factory=dict)
    source: str = ""

    def matches(self, vendor: str, model: str, firmware: str) -> bool:
        """Whether it is about this kind of charger."""
        heard = zip((self.vendor, self.model, self.firmware), (vendor, model, firmware), strict=True)
        return all(fnmatchcase(text.casefold(), pattern.casefold()) for pattern, text in heard)


class Book:
    """Entries in order; where several are about one charger, later ones win."""

    def __init__(self, entries: tuple[Entry, ...]) -> None:
        self.entries = entries
        self._found = lru_cache(maxsize=4096)(self._look_up)

    def quirks_of(self, vendor: str, model: str, firmware: str = "") -> Quirks:
        """The quirks of a kind of charger; ``NO_QUIRKS`` for one that nothing is said of, or whose make is not known yet."""
        return self._found(vendor, model, firmware)

    def about(self, vendor: str, model: str, firmware: str = "") -> list[Entry]:
        """The entries that are about a kind of charger."""
        return [entry for entry in self.entries if vendor and entry.matches(vendor, model, firmware)]

    def _look_up(self, vendor: str, model: str, firmware: str) -> Quirks:
        changes: dict[str, Any] = {}
        for entry in self.about(vendor, model, firmware):
            changes |= entry.changes
        return Quirks(**changes) if changes else NO_QUIRKS


def load(own: Path | None = None) -> Book:
    """The shipped book, and behind it the installation's ``own`` file. Raises ``QuirkError`` that names file, entry and key."""
    shipped = resources.files(__package__).joinpath(SHIPPED).read_text(encoding="utf-8")
    entries = list(_read(shipped, SHIPPED))
    if own is not None:
        try:
            text = own.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise QuirkError(f"quirks file {own}: {error}") from error
        entries += _read(text, str(own))
    return Book(tuple(entries))


def _read(text: str, source: str) -> Iterator[Entry]:
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise QuirkError(f"{source}: {error}") from None
    if strange := set(tables) - {"quirk"}:
        raise QuirkError(f"{source}: there is only [[quirk]], not {', '.join(sorted(strange))}")
    entries = tables.get("quirk", [])
    if not isinstance(entries, list):
        raise QuirkError(f"{source}: write [[quirk]] with double brackets")
    for number, table in enumerate(entries, start=1):
        yield _entry(table, f"{source}, entry {number}", source)


def _entry(table: dict[str, Any], where: str, source: str) -> Entry:
    said = {name: table.get(name, "*" if name in _MATCHED else "") for name in _SAID}
    if wrong := [name for name, value in said.items() if not isinstance(value, str)]:
        raise QuirkError(f"{where}: {', '.join(wrong)} must be text")
    if not any(name in table for name in _MATCHED):
        raise QuirkError(f"{where}: say for which vendor, model or firmware it holds")
    changes = {name: _value(name, value, where) for name, value in table.items() if name not in _SAID}
    if not changes:
        raise QuirkError(f"{where}: say what is different: {', '.join(_CHECKS)}")
    if changes.get("times_are_local") and not changes.get("time_zone"):
        raise QuirkError(f"{where}: times_are_local needs a time_zone")
    return Entry(**said, changes=changes, source=source)


def _value(name: str, value: Any, where: str) -> Any:
    check = _CHECKS.get(name)
    if check is None:
        raise QuirkError(f"{where}: there is no quirk {name}; there are {', '.join(_CHECKS)}")
    try:
        return check(value)
    except (TypeError, ValueError) as error:
        raise QuirkError(f"{where}: {name} {error}, not {value!r}") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("must be text")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("must be true or false")
    return value


def _unit(value: Any) -> str:
    if value not in _UNITS:
        raise ValueError(f"must be one of {', '.join(_UNITS)}")
    return str(value)


def _zone(value: Any) -> str:
    if value == LOCAL:
        return LOCAL
    try:
        ZoneInfo(_text(value))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("must be an IANA time zone such as Europe/Berlin, or local") from None
    return str(value)


def _actions(value: Any) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
        raise TypeError("must be a list of actions")
    return frozenset(value)


def _intervals(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 1000:
        raise ValueError("must be a number from 1 to 1000")
    return float(value)


def _seconds(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 86_400:
        raise ValueError("must be whole seconds from 1 to 86400")
    return value


_CHECKS = {
    "subprotocol": _text,
    "answers_pings": _flag,
    "idle_heartbeats": _intervals,
    "heartbeat_interval_s": _seconds,
    "before_boot": _actions,
    "time_zone": _zone,
    "times_are_local": _flag,
    "energy_unit": _unit,
    "register_unit": _unit,
}
"""What may be said, and what checks it."""
