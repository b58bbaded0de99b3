"""What every command takes: ``--config`` and ``--json``."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import attrs
import click

from csms.api.terminal import examples as examples
from csms.config import Config, Loaded, load_traced

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_FILE = "csms.toml"


@attrs.define
class Invocation:
    """One run of a command: which config file it was given, and whether it answers in JSON."""

    config_file: Path | None
    json: bool
    _loaded: Loaded | None = None

    @property
    def loaded(self) -> Loaded:
        """The configuration with its sources. Raises ``ConfigError``."""
        if self._loaded is None:
            self._loaded = load_traced(self.config_file, os.environ)
        return self._loaded

    @property
    def config(self) -> Config:
        """The configuration. Raises ``ConfigError``."""
        return self.loaded.config


def config_file(given: str | None) -> Path | None:
    """The config file: the one given, else ``CSMS_CONFIG``, else ``csms.toml`` in the working folder, else none."""
    if named := given or os.environ.get("CSMS_CONFIG"):
        return Path(named)
    return Path(DEFAULT_FILE) if Path(DEFAULT_FILE).is_file() else None


def common(function: F) -> F:
    """Add ``--config`` and ``--json``, and hand the function an ``Invocation`` before its own arguments.

    Both may also stand before the command's name.
    """

    @click.option("--config", "config_given", metavar="FILE", help="Configuration file (TOML).")
    @click.option("--json", "as_json", is_flag=True, help="Answer in JSON, for scripts.")
    @functools.wraps(function)
    def wrapped(*args: Any, config_given: str | None, as_json: bool, **kwargs: Any) -> Any:
        before = click.get_current_context().find_root().params
        given = config_given or before.get("config_given")
        return function(Invocation(config_file(given), as_json or bool(before.get("as_json"))), *args, **kwargs)

    return wrapped  # type: ignore[return-value]  # click passes by keyword; to mypy the signature stays the function's
