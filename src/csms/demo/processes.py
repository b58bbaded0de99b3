"""Processes of the demo: each is started again when it ends, and none outlives the server."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence

import structlog
import trio

RESTART_S = 5.0
STOP_S = 1.0

log = structlog.get_logger("csms.demo")


async def keep_running(what: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
    """Run a command again and again, until cancelled. What it has to hide goes in by the environment."""
    while True:
        status = await trio.run_process(
            command,
            env={**os.environ, **(environment or {})},
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            deliver_cancel=_terminate,
        )
        log.warning("demo.process_ended", what=what, exit_code=status.returncode)
        await trio.sleep(RESTART_S)


async def _terminate(process: trio.Process) -> None:
    process.terminate()
    with trio.move_on_after(STOP_S):
        await process.wait()
    process.kill()
