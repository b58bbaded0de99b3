"""What happened in a world, line by line, and the hash by which two runs are known to be the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import trio

Show = Callable[[str], None]


class Trace:
    """Takes lines; remembers only their hash, unless somebody wants to see them."""

    def __init__(self, show: Show | None = None) -> None:
        self._hash = hashlib.blake2b(digest_size=16)
        self._show = show
        self.lines = 0

    @property
    def shown(self) -> bool:
        """Whether somebody wants to see it."""
        return self._show is not None

    def line(self, who: str, what: str, *more: Any) -> None:
        """Something happened."""
        text = f"{trio.current_time():11.3f} {who:<12} {what} {' '.join(map(str, more))}".rstrip()
        self._hash.update(text.encode())
        self.lines += 1
        if self._show is not None:
            self._show(text)

    def aside(self, text: str) -> None:
        """Something worth seeing that is no part of what two runs must have in common."""
        if self._show is not None:
            self._show(f"{'':11} {text}")

    @property
    def digest(self) -> str:
        """The hash of every line so far."""
        return self._hash.hexdigest()
