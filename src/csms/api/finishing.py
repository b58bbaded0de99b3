"""The end of an answer, finished whatever happens to the task that gives it.

When an answer is complete hypercorn says ``http.disconnect``, upon which Quart-Trio cancels the task that is just sending the end: a
connection that was to be closed stayed open for ever, and a kept one lost its idle limit, so that it held up every shutdown.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import trio

FINISH_LIMIT_S = 20.0
"""Longest wait for the end of an answer to go out."""

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


def finishing(app: Asgi) -> Asgi:
    """The same application, whose last message of an answer is shielded from cancellation."""

    async def finished(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        async def finish(message: Message) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                with trio.move_on_after(FINISH_LIMIT_S, shield=True):
                    await send(message)
            else:
                await send(message)

        await app(scope, receive, finish)

    return finished
