"""How the command lines of this package end: errors in one line, exit code 2 for wrong arguments, signals as events."""

from __future__ import annotations

import signal
import sys
from collections.abc import Awaitable, Callable
from typing import NoReturn

import click
import trio


def run(command: click.Command) -> NoReturn:
    """Run a click command and exit with what it returns."""
    try:
        code = command.main(standalone_mode=False)
    except click.UsageError as error:
        hint = f" (see {error.ctx.info_name} --help)" if error.ctx and error.ctx.info_name else ""
        print(f"error: {error.format_message()}{hint}", file=sys.stderr)
        code = 2
    except click.ClickException as error:
        print(f"error: {error.format_message()}", file=sys.stderr)
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = 130
    sys.exit(code if isinstance(code, int) else 0)


async def on_signals(
    first: Callable[[], Awaitable[None]], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Await ``first`` at the first SIGINT or SIGTERM; at the second, raise ``KeyboardInterrupt``."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async with trio.open_nursery() as nursery:
            heard = 0
            async for _ in signals:
                heard += 1
                if heard > 1:
                    raise KeyboardInterrupt
                nursery.start_soon(first)
