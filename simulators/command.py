"""How the command lines of this package end: errors in one line, exit code 2 for wrong arguments, signals as events."""

from __future__ import annotations

import atexit
import gc
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

import click
import trio


def run(command: click.Command) -> NoReturn:
    """Run a click command and exit with what it returns."""
    atexit.register(gc.freeze)  # or the last look for garbage takes as long as some commands
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
    except BaseExceptionGroup as errors:  # Ctrl+C before the signals are received comes out of a nursery
        if errors.split(KeyboardInterrupt)[1] is not None:
            raise
        code = 130
    sys.exit(code if isinstance(code, int) else 0)


async def on_signals(
    first: Callable[[], None], second: Callable[[], None], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Call ``first`` at the first SIGINT or SIGTERM (come to an end), ``second`` at any later one (end at once)."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        act = first
        async for _ in signals:
            act()
            act = second
