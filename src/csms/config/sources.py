"""Where values come from: a TOML file and the environment, each value with the place that a message can point at."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import attrs

Key = tuple[str, ...]

RESERVED = frozenset({"CSMS_CONFIG", "CSMS_SERVER"})
"""Variables that the command line reads itself: which config file, and which running server."""

_SERVICE_LINK = re.compile(r"CSMS_(\w+_)?(SERVICE_(HOST|PORT)(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)")
_SERVICE_URL = re.compile(r"(tcp|udp|sctp)://")
_TABLE = re.compile(r"\s*\[\s*([^\[\]]+?)\s*\]\s*(#.*)?")
_KEY = re.compile(r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")


@attrs.frozen
class Claim:
    """Somebody's wish for one key. ``source`` is what a message points at; ``text`` says that the value is an unparsed variable."""

    key: Key
    value: Any
    source: str
    text: bool = False


def dotted(key: Key) -> str:
    """``ocpp.port`` for a key."""
    return ".".join(part for part in key if part)


def near(word: str, words: Iterable[str]) -> str:
    """``; did you mean X?`` when one of the words is near, else nothing."""
    by_fold = {candidate.casefold(): candidate for candidate in words}
    found = get_close_matches(word.casefold(), by_fold, n=1, cutoff=0.7)
    return f"; did you mean {by_fold[found[0]]}?" if found else ""


# --- the file -------------------------------------------------------------------------------------------------------------------


def read_toml(path: Path) -> tuple[dict[str, Any], dict[Key, int], str]:
    """What a TOML file says, the line of each key, and the problem that made it unreadable (or ``""``)."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return {}, {}, f"{path}: there is no such file"
    except OSError as error:
        return {}, {}, f"{path}: cannot be read: {error.strerror}"
    try:
        text = raw.decode("utf-8-sig")
        return tomllib.loads(text), _lines(text), ""
    except UnicodeDecodeError:
        return {}, {}, f"{path}: not UTF-8 text"
    except tomllib.TOMLDecodeError as error:
        place = re.search(r" \(at line (\d+), column \d+\)", str(error))
        line = f":{place[1]}" if place else ""
        return {}, {}, f"{path}{line}: not TOML: {str(error).replace(place[0] if place else '', '')}"


def _parts(name: str) -> Key:
    return tuple(part.strip("\"'") for part in _PART.findall(name))


def _lines(text: str) -> dict[Key, int]:
    """The line of each table and key; good enough to point at, since only tomllib decides what the text means."""
    lines: dict[Key, int] = {}
    table: Key = ()
    for number, line in enumerate(text.splitlines(), 1):
        if found := _TABLE.fullmatch(line):
            table = _parts(found[1])
            lines.setdefault(table, number)
        elif found := _KEY.match(line):
            lines.setdefault(table + _parts(found[1]), number)
    return lines


def point(path: Path, lines: Mapping[Key, int], key: Key) -> str:
    """``FILE:LINE`` of a key, or of the nearest table above it."""
    for length in range(len(key), 0, -1):
        if key[:length] in lines:
            return f"{path}:{lines[key[:length]]}"
    return str(path)


# --- the environment ------------------------------------------------------------------------------------------------------------


def variable(key: Key) -> str:
    """The ``CSMS_`` variable of a key: ``CSMS_OCPP_PORT`` for ``ocpp.port``."""
    return "CSMS_" + "_".join(key).upper()


def read_environment(
    environ: Mapping[str, str], keys: Mapping[Key, tuple[str, ...]], tables: tuple[Key, ...]
) -> tuple[list[Claim], list[str]]:
    """Claims of the environment, weakest first, and the problems of variables that look meant for us and are none of ours.

    ``keys`` are all keys with their conventional variables (``DATABASE_URL``), which give way to ``CSMS_`` ones and do not count when
    empty. ``tables`` are free tables, whose members are named with two underscores: ``CSMS_PLUGINS_SETTINGS__WEBHOOK__URL``. What
    Kubernetes sets for a service called csms is passed over.
    """
    claims = [Claim(key, environ[name], name, text=True) for key, names in keys.items() for name in names if environ.get(name)]
    named = {variable(key): key for key in keys} | {"CSMS_" + "__".join(key).upper(): key for key in keys}
    problems = []
    for name in sorted(name for name in environ if name.startswith("CSMS_") and name not in RESERVED):
        value = environ[name]
        if _SERVICE_URL.match(value) and _SERVICE_LINK.fullmatch(name):
            continue
        if key := named.get(name) or _member(name, tables):
            claims.append(Claim(key, value, name, text=True))
        elif not _SERVICE_LINK.fullmatch(name):
            problems.append(f"{name}: there is no such setting{near(name, [variable(key) for key in keys])}")
    return claims, problems


def _member(name: str, tables: tuple[Key, ...]) -> Key | None:
    """The key that a variable names inside one of the free tables."""
    for table in tables:
        if found := re.fullmatch(f"CSMS_{'__?'.join(table).upper()}__(.+)", name):
            return table + tuple(found[1].lower().split("__"))
    return None
