"""A PostgreSQL database in one file: a zip of every table as COPY text out of one snapshot, and a manifest that can rebuild it."""

from __future__ import annotations

import hashlib
import re
import zipfile
import zlib
from pathlib import Path
from typing import Any

import attrs
import msgspec
import psycopg
from psycopg.sql import SQL, Identifier, Literal

from csms.config import DatabaseConfig
from csms.core.errors import Refused

from .backup import BackupError, BackupReport, Progress
from .location import POSTGRESQL, PostgresLocation
from .postgres_connect import connect
from .xids import rebase

FORMAT = 1
MANIFEST = "manifest.json"
PIECE = 1024 * 1024
_CREATED = re.compile(r"\bCREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?\"?(\w+)", re.IGNORECASE)

_TABLES = """
SELECT c.relname, greatest(c.reltuples, 0)::bigint,
    (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a
     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '')
FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace ORDER BY c.relname
"""
_SEQUENCES = "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = current_schema() AND last_value IS NOT NULL"
_FOREIGN_KEYS = """
SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype = 'f' AND connamespace = current_schema()::regnamespace
"""
_OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'csms %'
"""


@attrs.frozen(slots=True)
class Table:
    """A table in an archive."""

    name: str
    columns: list[str]
    rows: int
    sha256: str


@attrs.frozen(slots=True)
class Step:
    """A migration that the database had, with the text that made it so."""

    source: str
    number: int
    name: str
    text: str


@attrs.frozen(slots=True)
class Manifest:
    """What an archive holds."""

    format: int
    taken_at: int
    tables: list[Table]
    sequences: dict[str, int]
    migrations: list[Step]


def write_archive(location: PostgresLocation, config: DatabaseConfig, file: Path, now: int, progress: Progress | None) -> None:
    """Write everything in the current schema as it is at one moment. Raises ``BackupError``."""
    try:
        with connect(location, config, "csms backup") as connection:
            connection.execute("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
                manifest = _write(connection, archive, now, progress)
                archive.writestr(MANIFEST, msgspec.json.encode(manifest))
            connection.execute("ROLLBACK")
    except psycopg.Error as error:
        raise BackupError(f"cannot back up {location}: {' '.join(str(error).split())}") from error


def _write(connection: psycopg.Connection[Any], archive: zipfile.ZipFile, now: int, progress: Progress | None) -> Manifest:
    found = connection.execute(_TABLES).fetchall()
    if not any(name == "schema_migrations" for name, _, _ in found):
        raise BackupError("it is no database of csms: there is no table schema_migrations")
    total, done = sum(rows for _, rows, _ in found), 0
    tables: list[Table] = []
    for name, _, columns in found:
        cursor = connection.cursor()
        digest = hashlib.sha256()
        copy_out = SQL("COPY {} ({}) TO STDOUT").format(Identifier(name), SQL(", ").join(map(Identifier, columns)))
        with archive.open(_member(name), "w", force_zip64=True) as member, cursor.copy(copy_out) as copy:
            for piece in copy:
                member.write(piece)
                digest.update(piece)
        tables.append(Table(name, columns, cursor.rowcount, digest.hexdigest()))
        done += cursor.rowcount
        if progress is not None:
            progress(done, max(total, done))
    steps = connection.execute("SELECT source, number, name, text FROM schema_migrations ORDER BY id").fetchall()
    sequences = dict(connection.execute(_SEQUENCES).fetchall())
    return Manifest(FORMAT, now, tables, sequences, [Step(*step) for step in steps])


def _member(table: str) -> str:
    return f"tables/{table}.copy"


def verify_archive(file: Path) -> BackupReport:
    """Read an archive completely."""
    problems: list[str] = []
    manifest: Manifest | None = None
    try:
        with zipfile.ZipFile(file) as archive:
            manifest = _manifest(archive)
            for table in manifest.tables:
                rows, digest = 0, hashlib.sha256()
                with archive.open(_member(table.name)) as member:
                    while piece := member.read(PIECE):
                        rows += piece.count(b"\n")
                        digest.update(piece)
                if (rows, digest.hexdigest()) != (table.rows, table.sha256):
                    problems.append(f"table {table.name} is not what was written")
    except (
        zipfile.BadZipFile,
        zlib.error,
        OSError,
        KeyError,
        EOFError,
        ValueError,
        RuntimeError,
    ) as error:  # what zipfile raises for damage
        problems.append(f"it is neither a SQLite database nor a whole archive: {error}")
    return BackupReport(
        file=file,
        engine=POSTGRESQL,
        bytes=file.stat().st_size,
        taken_at=manifest.taken_at if manifest else None,
        tables={table.name: table.rows for table in manifest.tables} if manifest else {},
        migrations=tuple(f"{step.source} {step.number:04}_{step.name}" for step in manifest.migrations) if manifest else (),
        problems=tuple(problems),
    )


def _manifest(archive: zipfile.ZipFile) -> Manifest:
    manifest = msgspec.json.decode(archive.read(MANIFEST), type=Manifest)
    if manifest.format != FORMAT:
        raise ValueError(f"its format is {manifest.format}, and this program reads {FORMAT}")
    return manifest


def read_archive(
    location: PostgresLocation, config: DatabaseConfig, file: Path, progress: Progress | None, *, replace: bool
) -> None:
    """Make the database what the archive holds, in one transaction. Raises ``Refused``, ``BackupError``."""
    try:
        with connect(location, config, "csms restore") as connection, zipfile.ZipFile(file) as archive:
            connection.execute("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")
            manifest = _manifest(archive)
            with connection.transaction():
                _clear(connection, manifest, replace)
                _rebuild(connection, manifest)
                _load(connection, archive, manifest, progress)
            connection.execute("ANALYZE")
    except psycopg.Error as error:
        raise BackupError(f"cannot restore {location}: {' '.join(str(error).split())}") from error


def _clear(connection: psycopg.Connection[Any], manifest: Manifest, replace: bool) -> None:
    """Drop our own tables: those of the archive, and those that migrations have made here since."""
    others = connection.execute(_OTHERS).fetchone()
    if others is not None and others[0]:
        raise Refused("the database is in use by csms; stop it first")
    present = {name for name, _, _ in connection.execute(_TABLES).fetchall()}
    ours = {table.name for table in manifest.tables}
    if "schema_migrations" in present:
        for (text,) in connection.execute("SELECT text FROM schema_migrations").fetchall():
            ours.update(name.lower() for name in _CREATED.findall(text))
    ours &= present
    if ours and not replace:
        raise Refused("the database is not empty; restore can replace its tables when asked to")
    if ours:
        connection.execute(SQL("DROP TABLE {} CASCADE").format(SQL(", ").join(map(Identifier, sorted(ours)))))


def _rebuild(connection: psycopg.Connection[Any], manifest: Manifest) -> None:
    from .migrate import LEDGER, ROW_NUMBER

    connection.execute(LEDGER.format(integer="BIGINT", number=ROW_NUMBER[POSTGRESQL]).encode())
    for step in manifest.migrations:
        connection.execute(step.text.encode())
    made = {name for name, _, _ in connection.execute(_TABLES).fetchall()}
    missing = [table.name for table in manifest.tables if table.name not in made]
    if missing:
        raise BackupError(f"no migration makes {', '.join(missing)}; create these tables by hand first")
    connection.execute(SQL("TRUNCATE {}").format(SQL(", ").join(Identifier(table.name) for table in manifest.tables)))


def _load(connection: psycopg.Connection[Any], archive: zipfile.ZipFile, manifest: Manifest, progress: Progress | None) -> None:
    """Fill the tables without their foreign keys, which may form circles, and put those back: that checks them, too."""
    keys = connection.execute(_FOREIGN_KEYS).fetchall()
    for table, name, _ in keys:
        connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}".encode())
    total, done = sum(table.rows for table in manifest.tables), 0
    for each in manifest.tables:
        columns = SQL(", ").join(map(Identifier, each.columns))
        copy_in = SQL("COPY {} ({}) FROM STDIN").format(Identifier(each.name), columns)
        with archive.open(_member(each.name)) as member, connection.cursor().copy(copy_in) as copy:
            while piece := member.read(PIECE):
                copy.write(piece)
        done += each.rows
        if progress is not None:
            progress(done, total)
    for table, name, definition in keys:
        connection.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}".encode())
    for sequence, last in manifest.sequences.items():
        connection.execute(SQL("SELECT setval({}, {})").format(Literal(sequence), Literal(last)))
    rebase(connection)
