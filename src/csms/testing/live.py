"""A live feed as a test reads it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
import trio

from .server import PATIENCE_S, TestServer


class LiveStream:
    """A feed of server-sent events being read."""

    def __init__(self, response: httpx.Response) -> None:
        self._lines = response.aiter_lines()
        self.last_id = 0
        """The id of the last stored event, as a browser would remember it."""

    async def begun(self) -> None:
        """Wait until nothing is missed any more."""
        with trio.fail_after(PATIENCE_S):
            assert await anext(self._lines) == ": csms live feed"

    async def next(self) -> tuple[str, dict[str, Any]]:
        """The next event and its data; comments are passed over. Raises ``EOFError`` at the end."""
        kind = ""
        with trio.fail_after(PATIENCE_S):
            async for line in self._lines:
                name, _, value = line.partition(": ")
                if name == "id":
                    self.last_id = int(value)
                elif name == "event":
                    kind = value
                elif name == "data":
                    return kind, msgspec.json.decode(value)
        raise EOFError

    async def until(self, kind: str) -> list[tuple[str, dict[str, Any]]]:
        """Events up to and with the next of this kind."""
        found = [await self.next()]
        while found[-1][0] != kind:
            found.append(await self.next())
        return found


@asynccontextmanager
async def listen(
    server: TestServer, query: str = "", *, path: str = "/api/v1/live", headers: Mapping[str, str] | None = None
) -> AsyncIterator[LiveStream]:
    """A feed from whose beginning on nothing is missed; with the operator key, unless other ``headers`` say who listens."""
    shown = {"Authorization": f"Bearer {server.operator_key}", **(headers or {})}
    async with (
        httpx.AsyncClient(base_url=server.api_url, headers=shown, timeout=PATIENCE_S) as client,
        client.stream("GET", f"{path}{query}") as response,
    ):
        assert response.status_code == 200, await response.aread()
        assert response.headers["Content-Type"].startswith("text/event-stream")
        stream = LiveStream(response)
        await stream.begun()
        yield stream
