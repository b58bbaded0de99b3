"""A plugin's commands as somebody types them, beside a running server."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
import structlog
import trio
from click.testing import CliRunner, Result

from csms.cli import main
from csms.plugins import bus
from csms.plugins.installed import Installed

from .logs import logging_as_it_was
from .server import TestServer

Csms = Callable[..., Awaitable[Result]]
PATIENCE_S = 60


@contextmanager
def command_line(
    server: TestServer, name: str, plugin: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Csms]:
    """``await csms("plan", "list", code=0)``: ``csms`` with one plugin enabled, configured for a running server.

    It runs in this process, where the server would be heard among what the command says: for so long the server logs nothing.
    """
    config = folder / "command_line.toml"
    config.write_text(f'[plugins]\nenabled = ["{name}"]\n')
    monkeypatch.setattr(bus, "installed", lambda: {name: Installed(name, "1.0", lambda: plugin)})
    for variable, value in {"CSMS_CONFIG": str(config), "CSMS_SERVER": server.api_url, "CSMS_API_KEY": server.operator_key}.items():
        monkeypatch.setenv(variable, value)

    async def run(*arguments: str, code: int = 0) -> Result:
        with trio.fail_after(PATIENCE_S):
            ended = await trio.to_thread.run_sync(partial(CliRunner().invoke, main, list(arguments), prog_name="csms"))
        assert ended.exit_code == code, f"{arguments} ended {ended.exit_code}: {ended.output}"
        return ended

    with logging_as_it_was():
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        yield run
