"""``csms backup``, ``csms restore`` and ``csms verify``: consistent copies of the database, checked, and put back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import click

from csms.core.errors import NotFound
from csms.outside import SystemClock

from . import show
from .exits import Exit, Failure
from .options import Invocation, common, examples
from .server import Server, Unreachable


@contextmanager
def _bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar, as the function ``progress(done, total)`` that the work calls."""
    with show.progress() as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def newest(folder: Path) -> Path:
    """The newest backup of a folder. Raises ``NotFound``."""
    from csms.db import backup as backups

    found = backups.backups(folder)
    if not found:
        raise NotFound(f"there is no backup in {folder}")
    return found[-1]


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
    from csms.db import backup as backups

    config = call.config
    where = folder or Path(config.database.backup_folder)
    keep = config.database.backup_keep_days if keep_days is None else keep_days
    clock = SystemClock()
    with _bar("backup") as progress:
        file = backups.backup(config, where, clock, progress)
    removed = backups.prune(where, keep, clock.now()) if keep else []
    size = file.stat().st_size
    show.done(
        call.json,
        f"Wrote {file}, {size:,} bytes, checked" + (f"; removed {len(removed)} older than {keep} days" if removed else ""),
        file=str(file),
        bytes=size,
        removed=[str(each) for each in removed],
    )


@examples("csms verify", "csms verify backups/csms-20260131T120000Z.backup")
@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@common
def verify(call: Invocation, file: Path | None) -> None:
    """Check a backup.

    Whether FILE, or the newest backup, is whole, readable and consistent, and what is in it. Exit code 1 means that it cannot be relied on.
    """
    from csms.db import backup as backups

    chosen = file or newest(Path(call.config.database.backup_folder))
    report: dict[str, Any] = attrs.asdict(backups.verify(chosen))
    show.record(call.json, {"file": str(chosen), **report})


@examples("csms restore backups/csms-20260131T120000Z.backup", "csms restore --newest")
@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--newest", "take_newest", is_flag=True, help="The newest backup of the backup folder.")
@common
def restore(call: Invocation, file: Path | None, take_newest: bool) -> None:
    """Put a backup in the place of the database.

    The server must be stopped. A database that has data is not overwritten: move it away, or name an empty one.
    """
    from csms.db import backup as backups

    if (file is None) != take_newest:
        raise click.UsageError("name a backup, or say --newest")
    config = call.config
    chosen = file or newest(Path(config.database.backup_folder))
    _need_stopped(call)
    with _bar("restore") as progress:
        backups.restore(config, chosen, progress)
    show.done(call.json, f"Restored {chosen}", file=str(chosen))


def _need_stopped(call: Invocation) -> None:
    if call.config.api.port == 0:
        return
    try:
        Server(call.config).call("GET", "/health", timeout_s=5, accept=frozenset({503}))
    except Unreachable:
        return
    except Failure:
        pass  # something answers there, whatever it says
    raise Failure("a server is running: stop it first", Exit.FAILED)
