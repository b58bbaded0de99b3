"""A database with many chargers, their keys and tokens: the template that every measured server starts from."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import trio

from csms.config import DatabaseConfig
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Tx
from csms.db import open_database
from csms.db.migrate import core_migrations, migrate
from csms.domain.drivers import service as drivers
from csms.domain.stations import keys
from csms.domain.stations import service as stations
from csms.outside import SystemClock, SystemEntropy

from .servers import PASSWORD

AT_ONCE = 100
TEMPLATE = "template.db"


def fill(tx: Tx, numbers: range, sealed: str) -> None:
    """Chargers ``BENCH-n`` that share a key, and a token for each."""
    for number in numbers:
        stations.add_charger(tx, f"BENCH-{number:05d}", sealed_key=sealed)
        drivers.add_token(tx, f"TOKEN-{number:05d}", max_transactions=0)


async def _prepare(template: Path, chargers: int) -> None:
    config, folder = DatabaseConfig(url=f"sqlite:///{template.name}"), template.parent
    migrate(config, [core_migrations()], folder=folder, clock=SystemClock())
    sealed = keys.seal(PASSWORD.encode(), SystemEntropy())
    async with open_database(config, clock=SystemClock(), folder=folder) as database:
        for first in range(0, chargers, AT_ONCE):
            await database.write(fill, range(first, min(first + AT_ONCE, chargers)), sealed, tenant=DEFAULT_TENANT)
        await database.write(lambda tx: tx.run("UPDATE chargers SET name = name WHERE tenant = :tenant"), tenant=DEFAULT_TENANT)


def prepare(template: Path, chargers: int) -> None:
    """Make the template."""
    trio.run(partial(_prepare, template, chargers))
