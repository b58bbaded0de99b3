"""Which plugins are installed: the entry points of the group ``csms``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points

import attrs

GROUP = "csms"


@attrs.frozen(slots=True)
class Installed:
    """A plugin that could be enabled: the version of its distribution, and how to import it."""

    name: str
    version: str
    load: Callable[[], object]


def installed() -> Mapping[str, Installed]:
    """Every installed plugin by name; none is imported yet. Of two distributions that offer one name the first on the path wins."""
    found: dict[str, Installed] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        version = point.dist.version if point.dist is not None else ""
        found.setdefault(point.name, Installed(point.name, version, point.load))
    return found
