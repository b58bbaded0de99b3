"""How lists are asked for and answered, for routes of plugins: the core's own words, by a name that plugins may import."""

from __future__ import annotations

from csms.core.paging import (
    LARGEST_LIMIT,
    USUAL_LIMIT,
    Direction,
    Following,
    Onward,
    Page,
    Paged,
    Stretch,
    cursor,
    cut,
    direction,
    filter_by,
    one_of,
    sorts,
)

__all__ = [
    "LARGEST_LIMIT",
    "USUAL_LIMIT",
    "Direction",
    "Following",
    "Onward",
    "Page",
    "Paged",
    "Stretch",
    "cursor",
    "cut",
    "direction",
    "filter_by",
    "one_of",
    "sorts",
]
