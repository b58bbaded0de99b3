"""How the command lines of the stubs of providers run: until a signal comes, with the errors of listening in one line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import click
import trio

from simulators.command import on_signals

LAG_S = 0.2
"""How long a webhook takes at the least: those of real providers come after the answers that they are about, too."""

Start = Callable[[trio.Nursery], Awaitable[None]]


def serve(start: Start) -> int:
    """Run ``start`` in a nursery, then wait for SIGINT or SIGTERM, and end what it started. Raises ``ClickException``."""

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(on_signals, nursery.cancel_scope.cancel, nursery.cancel_scope.cancel)
            await start(nursery)

    try:
        trio.run(main)
    except* OSError as group:
        raise click.ClickException(f"cannot listen: {_first(group)}") from None
    return 0


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
