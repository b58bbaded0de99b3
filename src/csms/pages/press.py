"""Has documents printed by a process of its own: laying out pages costs CPU that the server has no thread for."""

from __future__ import annotations

import sys

import trio

from csms.core.errors import CsmsError

from .document import Document, described

LIMIT_S = 60.0
"""Longest time for one document, waiting for its turn included."""
AT_ONCE = 2
_limiter: trio.lowlevel.RunVar[trio.CapacityLimiter] = trio.lowlevel.RunVar("csms.pages")


class NotPrinted(CsmsError):
    """A document could not be printed, or not in time."""


async def printed(document: Document) -> bytes:
    """A document as PDF. Raises ``NotPrinted``."""
    try:
        limiter = _limiter.get()
    except LookupError:
        limiter = trio.CapacityLimiter(AT_ONCE)
        _limiter.set(limiter)
    work = described(document)
    with trio.move_on_after(LIMIT_S):
        async with limiter:
            done = await trio.run_process(
                [sys.executable, "-m", "csms.pages"], stdin=work, capture_stdout=True, capture_stderr=True, check=False
            )
        if done.returncode:
            raise NotPrinted(f"{document.title!r} could not be printed: {done.stderr.decode(errors='replace').strip()[-500:]}")
        return bytes(done.stdout)
    raise NotPrinted(f"{document.title!r} took too long to print")
