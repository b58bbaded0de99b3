"""The running server on both engines, and a charge told in both OCPP versions."""

from __future__ import annotations

from pathlib import Path

import pytest

from csms.config import Config, DatabaseConfig
from csms.testing.script import SCRIPTS
from csms.testing.server import TestServer, config_for

HOUR_MS = 3_600_000


@pytest.fixture
def server_config(store_config: DatabaseConfig, tmp_path: Path) -> Config:
    return config_for(tmp_path, database=store_config)


@pytest.fixture(params=list(SCRIPTS))
def protocol(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def an_hour_ago(server: TestServer) -> int:
    return server.ports.clock.now() - HOUR_MS
