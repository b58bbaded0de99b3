"""Garbage collection for many long-lived connections: frozen after start-up, and never much of it at a time.

With thousands of live connections a collection of everything walks them all (0.12 s for each 1,000 of them), and the default thresholds
make it happen every few hundred messages: more than half of the CPU of a message went there (docs/benchmarks.md). So everything is
walked once an hour only, and what is young several times a second: that is done in some milliseconds, where a sweep each minute took half
a second. A sweep takes as long as there is new that stays, and what stayed is not looked at again: so many short ones are as much work
as a few long ones, and each is made to take a few milliseconds, whatever there is to do.
Almost nothing on the message path makes cycles, and a link that ends leaves none.
"""

from __future__ import annotations

import gc
import sys

import structlog
import trio

THRESHOLDS = (100_000, 1, 1_000_000)
"""Container allocations before a young collection, and how many younger ones before an older one (``gc.set_threshold``): for what makes
very many things at once; the usual is swept up before that."""
SWITCH_INTERVAL_S = 0.0005
"""How long a thread keeps the interpreter while another waits for it. The committing thread wants it back after every COMMIT: with
Python's 5 ms the p99 of a message at 500 a second was 18 to 25 ms, with this 9 to 12, at the same CPU (docs/benchmarks.md)."""
LEAST_INTERVAL_S, SWEEP_INTERVAL_S = 0.05, 1.0
GOOD_SWEEP_S = 0.004
"""How long a sweep should take: everybody waits meanwhile."""
SHARE = 0.1
"""The part of the time that sweeps take at most, unless one a second is more."""
FULL_INTERVAL_S = 3600.0
SLOW_SWEEP_S = 0.1

log = structlog.get_logger("csms.memory")


def settle() -> None:
    """Call once after start-up: what lives now lives for ever and is not looked at again, and threads take short turns."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)


async def sweep() -> None:
    """Collect for ever: what is young from once to twenty times a second, and everything once an hour."""
    full, interval_s = trio.current_time(), SWEEP_INTERVAL_S
    while True:
        await trio.sleep(interval_s)
        now = trio.current_time()
        if now - full >= FULL_INTERVAL_S:
            full = now
            _collect(2)
        else:
            interval_s = next_interval(interval_s, _collect(1))


def next_interval(interval_s: float, took_s: float) -> float:
    """How long to wait after a sweep of what came up in ``interval_s``, so that the next takes ``GOOD_SWEEP_S``; longer little by little."""
    good_s = min(interval_s * GOOD_SWEEP_S / took_s, 2 * interval_s) if took_s > 0 else 2 * interval_s
    return min(max(good_s, took_s / SHARE, LEAST_INTERVAL_S), SWEEP_INTERVAL_S)


def _collect(generation: int) -> float:
    started = trio.current_time()
    found = gc.collect(generation)
    seconds = trio.current_time() - started
    if seconds > SLOW_SWEEP_S:
        log.info("memory.slow_sweep", seconds=round(seconds, 3), found=found, everything=generation == 2)
    return seconds
