"""The server's disk: the store's blocking calls in-line, in virtual time, with commits that are slow, fail, or are the last."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import trio

from csms.core.errors import StoreUnavailable

from .faults import Faults
from .trace import Trace

T = TypeVar("T")

QUICK_S = (0.0002, 0.006)
SLOW_S = (0.3, 6.0)
FULL_S = (5.0, 60.0)
MOST_PAGES = 1_073_741_823
BEFORE, AFTER, LATER = "before the commit", "after the commit", "a moment after the commit"


class PowerCut(BaseException):
    """The server has crashed. Nothing in it may catch this."""


class Disk:
    """``ports.Blocking`` for the store of one life of the server. A transaction that changed something is committed through here."""

    def __init__(self, faults: Faults, draws: random.Random, trace: Trace, *, power_off: Callable[[], None]) -> None:
        self._faults = faults
        self._draws = draws
        self._trace = trace
        self._power_off = power_off
        self._full_until = 0.0
        self._full: sqlite3.Connection | None = None
        self.crash = ""
        """How the next commit ends this life; empty: it does not."""
        self.dead = False
        self.commits = 0

    def fill(self) -> None:
        """From the next commit on there is no room, for a while."""
        self._full_until = trio.current_time() + self._draws.uniform(*FULL_S)

    async def run(self, kind: str, function: Callable[..., T], /, *arguments: Any) -> T:
        """Run it here, after some virtual time; to its end, as a thread would."""
        if function.__name__ == "close":
            return function(*arguments)
        if self.dead:
            raise PowerCut
        if self._full is not None and not self._is_full:
            self._allow(self._full)
        if arguments == ("COMMIT",):
            return await self._commit(function, *arguments)
        if kind == "reader":
            await self._pass(QUICK_S)
            if self._faults.strikes("read fails", self._draws):
                raise StoreUnavailable("disk I/O error while reading")
        if self.dead:
            raise PowerCut
        return function(*arguments)

    async def _commit(self, function: Callable[..., T], *arguments: Any) -> T:
        self.commits += 1
        await self._pass(SLOW_S if self._faults.strikes("commit slow", self._draws) else QUICK_S)
        crash, self.crash = self.crash, ""
        if crash == BEFORE:
            self._die(crash)
        if self.dead:
            raise PowerCut
        if self._faults.strikes("commit fails", self._draws):
            self._trace.line("disk", "commit fails")
            raise _error("disk I/O error", sqlite3.SQLITE_IOERR)
        result = function(*arguments)
        self._trace.line("disk", "commit", self.commits)
        if crash == AFTER:
            self._die(crash)
        self._keep_full(function)
        await self._pass(QUICK_S)
        if crash == LATER:
            self._die(crash)
        if self.dead:
            raise PowerCut
        return result

    def _die(self, how: str) -> None:
        self._trace.line("server", "crash", how)
        self.dead = True
        self._power_off()
        raise PowerCut

    @property
    def _is_full(self) -> bool:
        return trio.current_time() < self._full_until and not self._faults.over

    def _keep_full(self, commit: Callable[..., Any]) -> None:
        """While the disk is full let the database file grow no further: SQLite then says so by itself."""
        if self._is_full:
            connection: sqlite3.Connection = commit.__self__.connection  # type: ignore[attr-defined]  # the bound method of a cursor
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            connection.execute(f"PRAGMA max_page_count = {pages}")
            self._full = connection

    def _allow(self, connection: sqlite3.Connection) -> None:
        self._full = None
        with suppress(sqlite3.ProgrammingError):  # it was closed meanwhile, and its limit is gone with it
            connection.execute(f"PRAGMA max_page_count = {MOST_PAGES}")

    async def _pass(self, between: tuple[float, float]) -> None:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + self._draws.uniform(*between)):
            await trio.sleep_forever()


def _error(text: str, code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return error
