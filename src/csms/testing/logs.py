"""Logging brought back to how it was: what one test configures must not reach the next."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import structlog
from structlog._config import BoundLoggerLazyProxy


@contextmanager
def logging_as_it_was() -> Iterator[None]:
    """For the time of a ``with`` block logging may be configured at will; afterwards structlog and ``logging`` are as before.

    A module's logger may keep what it was configured with when it was first used (``cache_logger_on_first_use``); that is forgotten, too.
    """
    config = structlog.get_config() if structlog.is_configured() else None
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        if config is None:
            structlog.reset_defaults()
        else:
            structlog.configure(**config)
        for logger in _loggers(len(sys.modules)):
            logger.__dict__.pop("bind", None)
        if root.handlers != handlers:
            root.handlers[:] = handlers
        root.setLevel(level)


@lru_cache(maxsize=1)
def _loggers(modules: int) -> list[BoundLoggerLazyProxy]:
    """The loggers of all modules, looked for again when there are more ``modules``."""
    values = [value for module in list(sys.modules.values()) for value in list(getattr(module, "__dict__", {}).values())]
    return [value for value in values if type(value) is BoundLoggerLazyProxy]
