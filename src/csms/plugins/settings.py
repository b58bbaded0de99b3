"""A plugin's table of settings into the plugin's own attrs class; a wrong one is refused with its key and what is allowed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import msgspec

from .errors import PluginError, nearest


def structure(kind: type[Any], table: Mapping[str, Any], *, plugin: str) -> Any:
    """``[plugins.settings.NAME]`` as an instance of ``kind``. Raises ``PluginError`` naming the key; the value of a field with ``repr=False`` is not shown."""
    where = f"plugins.settings.{plugin}"
    if not attrs.has(kind):
        raise PluginError(f"plugin {plugin}: register_settings must return an attrs class, not {kind!r}")
    try:
        settings = msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        raise PluginError(_words(error, where)) from None
    for key, allowed in _unknown(table, msgspec.to_builtins(settings), where):
        name = key.rpartition(".")[2]
        raise PluginError(
            f"{key}: unknown key{nearest(name, allowed)}; {key.rpartition('.')[0]} takes {', '.join(allowed) or 'nothing'}"
        )
    return settings


def _words(error: msgspec.ValidationError, where: str) -> str:
    """msgspec says ``Expected `str`, got `int` - at `$.url```, or passes on what an attrs validator raised."""
    if isinstance(error.__cause__, (ValueError, TypeError)):
        words, *about = error.__cause__.args or ("a value is not allowed",)
        field = about[0] if about and isinstance(about[0], attrs.Attribute) else None
        return f"{where}: {words}" if field is None or field.repr else f"{where}.{field.name}: the value is not allowed"
    words, _, path = str(error).partition(" - at ")
    return f"{where}{path.strip('`').removeprefix('$')}: {words.replace('`', '')}"


def _unknown(given: Any, taken: Any, where: str) -> Iterator[tuple[str, list[str]]]:
    """Keys that the class did not take, at any depth, each with those it knows."""
    if isinstance(given, Mapping) and isinstance(taken, Mapping):
        for key, value in given.items():
            if key in taken:
                yield from _unknown(value, taken[key], f"{where}.{key}")
            else:
                yield f"{where}.{key}", sorted(map(str, taken))
    elif isinstance(given, list) and isinstance(taken, (list, tuple)):
        for number, (value, kept) in enumerate(zip(given, taken, strict=False)):
            yield from _unknown(value, kept, f"{where}[{number}]")
