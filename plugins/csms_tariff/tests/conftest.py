"""A server with the tariff plugin, and its store without one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

import csms_tariff
from csms.db.migrate import MigrationSource, core_migrations


@pytest.fixture
def server_plugins() -> Mapping[str, object]:
    return {"tariff": csms_tariff}


@pytest.fixture
def store_migrations() -> list[MigrationSource]:
    return [core_migrations(), MigrationSource("tariff", Path(csms_tariff.__file__).parent / "migrations")]
