"""The end of an answer, finished whatever happens to the task that gives it.

When an answer is complete hypercorn says ``http.disconnect``, upon which Quart-Trio cancels the task that is just sending the end: a
connection that was to be closed stayed open for ever, and a kept one lost its idle limit, so that it held up every shutdown.
"""

from __future__ import annotations

from typing import Any

import trio
from hypercorn.typing import ASGISendCallable

from .serving import CONNECTION, Connection

FINISH_LIMIT_S = 20.0
"""Longest wait for the end of an answer to go out."""


def connection_of(scope: Any) -> Connection | None:
    """The connection of a request that ``serving`` serves."""
    found: Connection | None = (scope.get("state") or {}).get(CONNECTION)
    return found


def finishing(send: ASGISendCallable, connection: Connection | None = None) -> ASGISendCallable:
    """The same ``send`` of an ASGI application, shielded from cancellation for the last message of an answer.

    A server that stops takes the shield away when the grace is over.
    """

    async def finish(message: Any) -> None:
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            with trio.CancelScope(shield=True, deadline=trio.current_time() + FINISH_LIMIT_S) as scope:
                sending = connection.clients.sending if connection is not None else set()
                sending.add(scope)
                try:
                    await send(message)
                finally:
                    sending.discard(scope)
        else:
            await send(message)

    return finish
