"""Requests whose bodies are still to come. They take room as those do that are worked on; when there is none left, the oldest gives way.

Anybody may begin as many bodies as there is room for, and never go on with them.
"""

from __future__ import annotations

from typing import Any

import attrs
import trio

PATIENCE_S = 1.0
"""So long every body has to come, however much there is to do."""


@attrs.define(slots=True, eq=False)
class Body:
    """The body of one request, on its way."""

    _receive: Any
    _all: dict[Body, float]
    _waits: trio.CancelScope | None = None
    _whole: bool = False

    async def __call__(self) -> Any:
        """Receive a message for the application; where it had to give way, that the client has left."""
        if self._whole:
            return await self._receive()
        self._all.setdefault(self, trio.current_time())
        try:
            with trio.CancelScope() as self._waits:
                message = await self._receive()
                self._whole = message["type"] != "http.request" or not message.get("more_body", False)
                return message
            return {"type": "http.disconnect"}
        finally:
            self._waits = None
            if self._whole:
                self.over()

    def give_way(self) -> bool:
        """Whether this waits for its client, and is given up."""
        if self._waits is None:
            return False
        self._whole = True
        self._waits.cancel()
        return True

    def over(self) -> None:
        """Nothing more of it is wanted."""
        self._all.pop(self, None)


@attrs.define(slots=True, eq=False)
class Bodies:
    """Those that are on their way, the oldest first."""

    _all: dict[Body, float] = attrs.field(factory=dict)

    def body(self, receive: Any) -> Body:
        """Another one."""
        return Body(receive, self._all)

    def displaced(self) -> bool:
        """Whether one was given up for a newer request."""
        before = trio.current_time() - PATIENCE_S
        return any(body.give_way() for body, since in list(self._all.items()) if since <= before)
