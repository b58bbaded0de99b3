"""Copies of the whole database: taken while it is in use, consistent, checked, restored, and thrown away when old."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import attrs

from csms.config import DatabaseConfig
from csms.core.errors import CsmsError, Refused
from csms.core.ports import Clock
from csms.core.units import from_datetime, to_datetime

from .location import POSTGRESQL, SQLITE, PostgresLocation, SqliteLocation, locate
from .sqlite_connect import connect, plain_tables

Progress = Callable[[int, int], None]
"""Hears how much is done, and of how much (pages, rows or bytes)."""

STEP_PAGES = 2_048
STEP_BYTES = 8 * 1024 * 1024
_NAME = re.compile(r"csms-(\d{8}T\d{6}Z)(?:-\d+)?\.(sqlite|postgresql\.zip)")
UNCHECKED = re.compile(r"unable to validate the inverted index .*readonly database$")
"""What SQLite 3.44.0 to 3.45.0 says of an index of texts in a file that it may only read."""
_SUFFIX = {SQLITE: "sqlite", POSTGRESQL: "postgresql.zip"}


class BackupError(CsmsError):
    """A backup could not be taken, or is no good."""


@attrs.frozen(slots=True, kw_only=True)
class BackupReport:
    """What a backup holds: rows by table, the migrations it has, and whatever is wrong with it."""

    file: Path
    engine: str
    bytes: int
    taken_at: int | None
    tables: dict[str, int] = attrs.field(factory=dict)
    migrations: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether it can be restored."""
        return not self.problems


def backup(
    config: DatabaseConfig, folder: Path, clock: Clock, progress: Progress | None = None, *, home: Path | None = None
) -> Path:
    """Copy the database into a new file in ``folder`` and check the copy; its path. The server may go on writing meanwhile.

    ``home`` is where a relative database path starts. The file can be read by its owner alone, for it holds keys and personal data.
    Raises ``BackupError``; then there is no new file.
    """
    location = locate(config, home or Path.cwd())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = _new_file(folder, location.engine, clock.now())
        partial = file.with_name(f".{file.name}.partial")
        partial.unlink(missing_ok=True)
        os.close(os.open(partial, os.O_CREAT | os.O_WRONLY, 0o600))
    except OSError as error:
        raise BackupError(f"cannot write to {folder}: {error.strerror}") from error
    try:
        if isinstance(location, SqliteLocation):
            _copy_sqlite(location.path, partial, progress)
        else:
            from .archive import write_archive

            write_archive(location, config, partial, clock.now(), progress)
        report = _verify(partial, location.engine)
        if not report.ok:
            raise BackupError(f"the copy is no good: {'; '.join(report.problems)}")
        _to_disk(partial)
        partial.replace(file)
        _to_disk(folder)
    except (OSError, sqlite3.Error) as error:
        raise BackupError(f"cannot back up {location}: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return file


def verify(file: Path) -> BackupReport:
    """Read a backup completely and say what is in it and what is wrong with it. Raises ``BackupError`` when it cannot be read."""
    try:
        with file.open("rb") as stream:
            head = stream.read(16)
    except OSError as error:
        raise BackupError(f"cannot read {file}: {error.strerror}") from error
    return _verify(file, SQLITE if head.startswith(b"SQLite format 3") else POSTGRESQL)


def restore(
    config: DatabaseConfig, file: Path, progress: Progress | None = None, *, home: Path | None = None, replace: bool = False
) -> BackupReport:
    """Put a backup in the place of the configured database, after checking it; what it held.

    Raises ``BackupError`` for a bad file, and ``Refused`` when the backup is of the other engine, when the database is in use, or when
    it holds anything and ``replace`` is not set. A replaced SQLite file is kept beside as ``NAME.before-restore``. Migrate afterwards:
    a backup has the tables of its day.
    """
    report = verify(file)
    if not report.ok:
        raise BackupError(f"{file} is no good: {'; '.join(report.problems)}")
    location = locate(config, home or Path.cwd())
    if report.engine != location.engine:
        raise Refused(f"{file} is a backup of {report.engine}, and the configured database is {location.engine}")
    if isinstance(location, PostgresLocation):
        from .archive import read_archive

        read_archive(location, config, file, progress, replace=replace)
        return report
    try:
        _replace_sqlite(location.path, file, progress, replace=replace)
    except OSError as error:
        raise BackupError(f"cannot write {location}: {error}") from error
    return report


def prune(folder: Path, keep_days: int, now: int) -> list[Path]:
    """Delete backups taken more than ``keep_days`` before the instant ``now``, but never the newest; the deleted files."""
    found = sorted((taken, file) for file in folder.glob("csms-*") if (taken := taken_at(file)) is not None)
    old = [file for taken, file in found[:-1] if taken < now - keep_days * 86_400_000]
    for file in old:
        file.unlink(missing_ok=True)
    return old


def taken_at(file: Path) -> int | None:
    """When a backup was taken, by its name."""
    match = _NAME.fullmatch(file.name)
    return from_datetime(datetime.strptime(match[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)) if match else None


def _new_file(folder: Path, engine: str, now: int) -> Path:
    stem = f"csms-{to_datetime(now):%Y%m%dT%H%M%SZ}"
    file = folder / f"{stem}.{_SUFFIX[engine]}"
    number = 2
    while file.exists():
        file = folder / f"{stem}-{number}.{_SUFFIX[engine]}"
        number += 1
    return file


def _verify(file: Path, engine: str) -> BackupReport:
    if engine == SQLITE:
        return _verify_sqlite(file)
    from .archive import verify_archive

    return verify_archive(file)


def _copy_sqlite(path: Path, target: Path, progress: Progress | None) -> None:
    """One read transaction holds the moment that is copied, however long that takes; writers do not wait for it."""
    source = connect(path, mode="rw", busy_timeout_s=30.0)
    try:
        source.execute("PRAGMA query_only = ON")
        copy = sqlite3.connect(target)
        try:
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()

            def step(_: int, remaining: int, total: int) -> None:
                if progress is not None:
                    progress(total - remaining, total)

            source.backup(copy, pages=STEP_PAGES, progress=step)
            copy.execute("PRAGMA journal_mode = DELETE")
        finally:
            copy.close()
    finally:
        source.close()


def _verify_sqlite(file: Path) -> BackupReport:
    tables: dict[str, int] = {}
    migrations: tuple[str, ...] = ()
    problems: list[str] = []
    connection = sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        told = [row[0] for row in connection.execute("PRAGMA integrity_check(10)")]
        problems += [each for each in told if each != "ok" and not UNCHECKED.match(each)]
        problems += [
            f"{row[0]} refers to a missing {row[2]}" for row in connection.execute("PRAGMA foreign_key_check").fetchmany(10)
        ]
        for name in plain_tables(connection):
            tables[name] = connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]  # noqa: S608 - a table's name
        if "schema_migrations" in tables:
            rows = connection.execute("SELECT source, number, name FROM schema_migrations ORDER BY id")
            migrations = tuple(f"{source} {number:04}_{name}" for source, number, name in rows)
        else:
            problems.append("it is no database of csms: there is no table schema_migrations")
    except sqlite3.Error as error:
        problems.append(str(error))
    finally:
        connection.close()
    return BackupReport(
        file=file,
        engine=SQLITE,
        bytes=file.stat().st_size,
        taken_at=taken_at(file),
        tables=tables,
        migrations=migrations,
        problems=tuple(problems),
    )


def _replace_sqlite(path: Path, file: Path, progress: Progress | None, *, replace: bool) -> None:
    if path.exists():
        if not replace:
            raise Refused(f"{path} exists; restore can replace it when asked to, and keeps the old file beside it")
        _must_be_idle(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.restoring")
    total, done = file.stat().st_size, 0
    with file.open("rb") as source, partial.open("wb") as target:
        partial.chmod(0o600)
        while piece := source.read(STEP_BYTES):
            target.write(piece)
            done += len(piece)
            if progress is not None:
                progress(done, total)
    _to_disk(partial)
    for suffix in ("", "-wal", "-shm"):
        old = path.with_name(path.name + suffix)
        if old.exists():
            shutil.move(old, path.with_name(f"{path.name}.before-restore{suffix}"))
    partial.replace(path)
    _to_disk(path.parent)


def _must_be_idle(path: Path) -> None:
    """SQLite leaves WAL mode only when nobody else has the file open."""
    connection = connect(path, mode="rw", busy_timeout_s=0.0)
    try:
        mode = connection.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
    except sqlite3.OperationalError as error:
        raise Refused(f"{path} is in use ({error}); stop csms first") from error
    except sqlite3.DatabaseError:
        return  # damaged: that is what a restore is for
    finally:
        connection.close()
    if mode != "delete":
        raise Refused(f"{path} is in use; stop csms first")


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
