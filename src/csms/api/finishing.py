"""The end of an answer, finished whatever happens to the task that gives it.

When an answer is complete hypercorn says ``http.disconnect``, upon which Quart-Trio cancels the task that is just sending the end: a
connection that was to be closed stayed open for ever, and a kept one lost its idle limit, so that it held up every shutdown.
"""

from __future__ import annotations

from typing import Any

import trio
from hypercorn.typing import ASGISendCallable

FINISH_LIMIT_S = 20.0
"""Longest wait for the end of an answer to go out."""


def finishing(send: ASGISendCallable) -> ASGISendCallable:
    """The same ``send`` of an ASGI application, shielded from cancellation for the last message of an answer."""

    async def finish(message: Any) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            with trio.move_on_after(FINISH_LIMIT_S, shield=True):
                await send(message)
        else:
            await send(message)

    return finish
