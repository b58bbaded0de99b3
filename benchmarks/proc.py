"""What the kernel says about a process: CPU time and memory from ``/proc``."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """User and system CPU seconds of a process, all its threads together."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def cpu_ns(pid: int) -> int:
    """The same in nanoseconds, from the process's own clock (clock_getcpuclockid(3)), where a tick of 10 ms is too coarse."""
    return time.clock_gettime_ns((~pid << 3) | 2)


def rss_kib(pid: int) -> int:
    """Resident memory of a process in KiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError(f"/proc/{pid}/status names no VmRSS")


def allow_many_files(wanted: int = 65_536) -> None:
    """Raise this process's limit of open files as far as it may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard < wanted else wanted, hard))
