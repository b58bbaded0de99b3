"""Where blocking database calls run: threads that are always waited for, each kind under its own limiter."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

import outcome
import trio

from csms.core.ports import Blocking

T = TypeVar("T")
U = TypeVar("U")


class Threads:
    """``ports.Blocking`` for the store. Unlike other blocking work, a call is never abandoned: its connection is in use until it ends."""

    def __init__(self, limits: dict[str, int]) -> None:
        self._limiters = {kind: trio.CapacityLimiter(limit) for kind, limit in limits.items()}

    async def run(self, kind: str, function: Callable[..., T], /, *arguments: object) -> T:
        """Run ``function`` in a thread of its kind, to its end."""
        return await trio.to_thread.run_sync(function, *arguments, limiter=self._limiters[kind])

    async def run_then(self, then: Callable[[outcome.Outcome[T]], U], function: Callable[..., T], /, *arguments: object) -> U:
        """Run ``function`` in a thread at once, and ``then`` on the event loop with how it ended, before whoever asked goes on.

        ``run`` takes a pass of the loop before the thread begins and one more after it, which messages feel. There is no limit here: it
        is for whoever does one thing at a time.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        task, token = trio.lowlevel.current_task(), trio.lowlevel.current_trio_token()

        def over(ended: outcome.Outcome[T]) -> None:
            trio.lowlevel.reschedule(task, outcome.capture(then, ended))

        trio.lowlevel.start_thread_soon(partial(function, *arguments), lambda ended: token.run_sync_soon(over, ended))
        result: U = await trio.lowlevel.wait_task_rescheduled(lambda _: trio.lowlevel.Abort.FAILED)
        return result


async def run_then(
    threads: Blocking, kind: str, then: Callable[[outcome.Outcome[T]], U], function: Callable[..., T], /, *arguments: object
) -> U:
    """The same by whatever takes the threads' place."""
    if isinstance(threads, Threads):
        return await threads.run_then(then, function, *arguments)
    try:
        ended: outcome.Outcome[T] = outcome.Value(await threads.run(kind, function, *arguments))
    except Exception as error:
        ended = outcome.Error(error)
    return then(ended)
