"""``csms backup``, ``csms restore`` and ``csms verify``: consistent copies of the database, checked, and put back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import click

from csms.core.errors import NotFound
from csms.db import backup as backups
from csms.outside import SystemClock

from . import show
from .exits import Exit, Failure
from .migrate import bring_up_to_date
from .options import Invocation, common, examples
from .server import Server, Unreachable, server_option
from .store import need_database


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar, as the function ``progress(done, total)`` that the work calls."""
    with show.progress() as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def newest(folder: Path) -> Path:
    """The newest backup of a folder. Raises ``NotFound``."""
    found = [(taken, file) for file in folder.glob("csms-*") if (taken := backups.taken_at(file)) is not None]
    if not found:
        raise NotFound(f"there is no backup in {folder}")
    return max(found)[1]


@examples(
    "csms backup",
    "csms backup --folder /mnt/backups",
    "csms backup --keep-days 0                keep every older backup",
)
@click.command()
@click.option("--folder", type=click.Path(path_type=Path), help="Where to write it [default: as configured].")
@click.option("--keep-days", type=click.IntRange(0), help="Remove backups older than this; 0 keeps all [default: as configured].")
@common
def backup(call: Invocation, folder: Path | None, keep_days: int | None) -> None:
    """Write a checked copy of the database.

    It goes to the backup folder, from which old ones are removed. A running server goes on meanwhile.
    """
    config = call.config
    where = folder or Path(config.database.backup_folder)
    keep = config.database.backup_keep_days if keep_days is None else keep_days
    clock = SystemClock()
    need_database(config)
    with _bar("backup") as progress:
        file = backups.backup(config.database, where, clock, progress, home=config.folder)
    removed = backups.prune(where, keep, clock.now()) if keep else []
    size = file.stat().st_size
    show.done(
        call.json,
        f"Wrote {file}, {size:,} bytes, checked" + (f"; removed {len(removed)} older than {keep} days" if removed else ""),
        file=str(file),
        bytes=size,
        removed=[str(each) for each in removed],
    )


@examples("csms verify", "csms verify backups/csms-20260131T120000Z.sqlite")
@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@common
def verify(call: Invocation, file: Path | None) -> None:
    """Check a backup.

    Whether FILE, or the newest backup, is whole, readable and consistent, and what is in it. Exit code 1 means that it cannot be relied on.
    """
    chosen = file or newest(Path(call.config.database.backup_folder))
    report = backups.verify(chosen)
    facts: dict[str, Any] = {**attrs.asdict(report), "file": str(chosen), "ok": report.ok}
    if not call.json:
        facts["tables"] = ", ".join(f"{name} {rows}" for name, rows in report.tables.items() if rows)
        facts["migrations"] = len(report.migrations)
        facts["problems"] = "; ".join(report.problems)
    show.record(call.json, facts)
    if not report.ok:
        raise Failure(f"{chosen} cannot be relied on", Exit.FAILED)


@examples(
    "csms restore backups/csms-20260131T120000Z.sqlite",
    "csms restore --newest --replace          what was there is kept beside (SQLite) or gone (PostgreSQL)",
)
@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--newest", "take_newest", is_flag=True, help="The newest backup of the backup folder.")
@click.option("--replace", is_flag=True, help="Take the place of a database that has data.")
@server_option
@common
def restore(call: Invocation, file: Path | None, take_newest: bool, replace: bool, server: str | None) -> None:
    """Put a backup in the place of the database.

    The server must be stopped. FILE is checked first, and its tables are brought up to date afterwards. Unless --replace is given, the
    database must be missing (SQLite) or empty (PostgreSQL).
    """
    if (file is None) != take_newest:
        raise click.UsageError("name a backup, or say --newest")
    config = call.config
    chosen = file or newest(Path(config.database.backup_folder))
    _need_stopped(call, server)
    with _bar("restore") as progress:
        report = backups.restore(config.database, chosen, progress, home=config.folder, replace=replace)
    applied = bring_up_to_date(config)
    rows = sum(report.tables.values())
    show.done(
        call.json,
        f"Restored {chosen}: {rows:,} rows in {len(report.tables)} tables"
        + (f", {len(applied)} migrations applied" if applied else ""),
        file=str(chosen),
        tables=report.tables,
        migrations=len(applied),
    )


def _need_stopped(call: Invocation, server: str | None) -> None:
    """A server that answers on the configured API must be stopped first. (The store itself refuses a database in use, too.)"""
    if call.config.api.port == 0 and server is None:
        return
    try:
        Server(call.config, server).call("GET", "/health", timeout_s=5, accept=frozenset({503}))
    except Unreachable:
        return
    except Failure as error:
        show.remark(f"note: something answers at the API's address: {error.format_message()}")
        return
    raise Failure("a server is running: stop it first", Exit.FAILED)
