"""What one test configures of logging does not reach the next."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner
from structlog.testing import capture_logs

from csms.app import log
from csms.cli import main
from csms.config import LogConfig
from csms.telemetry import configure_logging
from csms.testing.logs import logging_as_it_was


def heard() -> list[str]:
    with capture_logs() as logs:
        log.info("test.heard")
    return [entry["event"] for entry in logs]


def test_a_logger_that_kept_its_configuration_forgets_it() -> None:
    before, handlers = structlog.get_config(), logging.getLogger().handlers[:]
    with logging_as_it_was():
        logging.getLogger().handlers[:] = []  # pytest's own would be closed
        configure_logging(LogConfig(level="error"))
        log.error("test.kept")
        assert structlog.get_config() != before
        structlog.reset_defaults()
        assert heard() == [], "the logger does not keep anything: this test shows nothing"
    assert heard() == ["test.heard"]
    assert (structlog.get_config(), logging.getLogger().handlers) == (before, handlers)


def test_a_command_leaves_logging_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = structlog.get_config()
    with logging_as_it_was():
        assert CliRunner().invoke(main, ["charger", "list"]).exit_code != 0, "there is no database here"
        assert heard() == [], "the command configures nothing: this test shows nothing"
    assert structlog.get_config() == before
    assert heard() == ["test.heard"]
