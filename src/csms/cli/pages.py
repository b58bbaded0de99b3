"""Lists that come page by page, as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
K = TypeVar("K")

EVERY = 2**31 - 1
"""A limit that is none."""


def every(page: Callable[[K], Sequence[T]], key: Callable[[T], K], *, start: K) -> list[T]:
    """All items: ``page(after)`` is called until it is empty, each time after the last item's key."""
    found: list[T] = []
    after = start
    while got := page(after):
        found += got
        after = key(got[-1])
    return found
