"""``csms migrate``: bring the database up to date."""

from __future__ import annotations

import click

from csms.config import Config
from csms.core.errors import StoreUnavailable
from csms.db import migrate as migrations
from csms.db.migrate import Applied, MigrationError, MigrationSource, core_migrations, pending
from csms.outside import SystemClock

from . import show
from .contributions import contributed
from .exits import Exit, Failure
from .options import Invocation, common, examples


def sources(config: Config) -> list[MigrationSource]:
    """Our migrations, and those of the enabled plugins. Raises ``Failure``."""
    own = [MigrationSource(plugin, folder) for plugin, folder in contributed(config, "register_migrations")]
    return [core_migrations(), *own]


def bring_up_to_date(config: Config) -> list[Applied]:
    """Apply every missing migration; those that were. Raises ``StoreUnavailable`` with what is wrong."""
    wanted = sources(config)
    try:
        with show.progress() as progress:
            task = progress.add_task("migrations", total=len(pending(config.database, wanted, folder=config.folder)))
            return migrations.migrate(
                config.database,
                wanted,
                folder=config.folder,
                clock=SystemClock(),
                progress=lambda migration: progress.update(task, description=str(migration), advance=1),
            )
    except MigrationError as error:
        raise StoreUnavailable(str(error)) from None


@examples("csms migrate", "csms migrate --check          exit code 1 if there is something to do")
@click.command()
@click.option("--check", is_flag=True, help="Say what would be done, and do nothing.")
@common
def migrate(call: Invocation, check: bool) -> None:
    """Bring the database up to date.

    `csms serve` does it on start, too. Each migration runs in a transaction of its own. Makes a SQLite file that is not there. Servers of an older version must be stopped first.
    """
    if check:
        try:
            missing = pending(call.config.database, sources(call.config), folder=call.config.folder)
        except MigrationError as error:
            raise StoreUnavailable(str(error)) from None
        show.rows(
            call.json,
            [{"source": each.source, "number": each.number, "name": each.name} for each in missing],
            ["source", "number", "name"],
            empty="The database is up to date",
        )
        if missing:
            raise Failure(f"{len(missing)} migrations are to be applied", Exit.FAILED)
        return
    done = bring_up_to_date(call.config)
    applied = [{"source": each.source, "number": each.number, "name": each.name} for each in done]
    show.rows(call.json, applied, ["source", "number", "name"], empty="The database is up to date")
