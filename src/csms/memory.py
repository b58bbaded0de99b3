"""Garbage collection for many long-lived connections: frozen after start-up, rare under load, done when there is time for it.

With thousands of live connections a collection walks them all, and the default thresholds make it happen every few hundred messages:
more than half of the CPU of a message went there (docs/benchmarks.md). Almost nothing on the message path makes cycles, so
collections can be rare; a periodic one while the loop is idle keeps what does make them from growing.
"""

from __future__ import annotations

import gc
import sys

import structlog
import trio

THRESHOLDS = (200_000, 50, 1_000)
"""Container allocations before a young collection, and how many younger ones before an older one (``gc.set_threshold``)."""
SWITCH_INTERVAL_S = 0.0005
"""How long a thread keeps the interpreter while another waits for it. The committing thread wants it back after every COMMIT: with
Python's 5 ms the p99 of a message at 500 a second was 18 to 25 ms, with this 9 to 12, at the same CPU (docs/benchmarks.md)."""
SWEEP_INTERVAL_S = 60.0
SLOW_SWEEP_S = 0.1

log = structlog.get_logger("csms.memory")


def settle() -> None:
    """Call once after start-up: what lives now lives for ever and is not looked at again, and threads take short turns."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)


async def sweep() -> None:
    """Collect the two younger generations every minute, for ever: what dropped links and failed requests leave behind."""
    while True:
        await trio.sleep(SWEEP_INTERVAL_S)
        started = trio.current_time()
        found = gc.collect(1)
        seconds = trio.current_time() - started
        if seconds > SLOW_SWEEP_S:
            log.info("memory.slow_sweep", seconds=round(seconds, 3), found=found)
