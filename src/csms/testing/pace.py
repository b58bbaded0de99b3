"""A pytest plugin that keeps long test sessions quick. Register with ``pytest_plugins = ["csms.testing.pace"]``.

Nothing here changes what a test sees of csms: it is about what a session of thousands of tests does besides.
"""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from itertools import count

import pytest
import structlog

from csms.db import sqlite_connect
from csms.memory import THRESHOLDS

IN_PRODUCTION = sqlite_connect.SYNCHRONOUS
"""How SQLite commits where it matters, for tests of just that."""
SWEEP_EVERY, SWEEP_ALL_EVERY = 25, 200
"""Tests between collections, and between those that look at everything."""
_finished = count(1)

# Garbage is looked for as rarely as in the server, from here on: to import and collect everything makes very much, and hardly any garbage.
gc.set_threshold(*THRESHOLDS)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What is imported and collected stays, so it need not be looked at again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_runtest_logfinish() -> None:
    """Now and then collect what tests left, as the server does every minute, so that it does not add up.

    What is still there after a look at everything belongs to the session, and is not looked at again: it would take longer each time.
    """
    finished = next(_finished)
    if finished % SWEEP_EVERY:
        return
    if finished % SWEEP_ALL_EVERY:
        gc.collect(1)
    else:
        gc.collect()
        gc.freeze()


def pytest_configure(config: pytest.Config) -> None:
    """All processes of the tests compile csms once altogether, where bytecode is not to be written beside the source.

    Workers of xdist start with this environment, so what they import need not be compiled again by the processes that tests start.
    """
    before = {name: os.environ.get(name) for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")}
    if not before["PYTHONDONTWRITEBYTECODE"] or before["PYTHONPYCACHEPREFIX"]:
        return
    folder = tempfile.mkdtemp(prefix="csms-bytecode-")
    del os.environ["PYTHONDONTWRITEBYTECODE"]
    os.environ["PYTHONPYCACHEPREFIX"] = folder

    def restore() -> None:
        os.environ["PYTHONDONTWRITEBYTECODE"] = before["PYTHONDONTWRITEBYTECODE"] or ""
        del os.environ["PYTHONPYCACHEPREFIX"]
        shutil.rmtree(folder, ignore_errors=True)

    config.add_cleanup(restore)


@pytest.fixture(scope="session", autouse=True)
def nobody_waits_for_the_disk() -> Iterator[None]:
    """No test's files outlive the machine: what SQLite commits in this process is left to the system to write, as in PostgreSQL's tests."""
    sqlite_connect.SYNCHRONOUS = "OFF"
    yield
    sqlite_connect.SYNCHRONOUS = IN_PRODUCTION


def plain_log(logger: object, method: str, entry: structlog.typing.EventDict) -> str:
    """One line of log as a failed test shows it; the usual rendering for people takes longer than most of what is logged."""
    failed = entry.pop("exc_info", None)
    if failed:
        entry = structlog.processors.format_exc_info(logger, method, {**entry, "exc_info": failed})
    return f"{entry.pop('level', method)}: {entry.pop('event', '')} {entry or ''}"


@pytest.fixture(scope="session", autouse=True)
def logs_are_plain() -> Iterator[None]:
    """Log at every level, quickly."""
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, plain_log],
    )
    yield
    structlog.reset_defaults()
