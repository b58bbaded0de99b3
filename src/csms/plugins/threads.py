"""The threads of one plugin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from csms.core.ports import Blocking

T = TypeVar("T")


class PluginThreads:
    """Runs a plugin's blocking functions under a limiter of its own, so that a stuck plugin starves nobody else."""

    def __init__(self, blocking: Blocking, plugin: str) -> None:
        self._blocking = blocking
        self._kind = f"plugin:{plugin}"

    async def run(self, kind: str, function: Callable[..., T], /, *arguments: Any) -> T:
        """Run a blocking function in a thread. Every ``kind`` shares the plugin's limiter."""
        return await self._blocking.run(self._kind, function, *arguments)
