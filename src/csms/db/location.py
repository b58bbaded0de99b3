"""Where the database is: a URL into a SQLite path or libpq parameters."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qsl, unquote

import attrs

from csms.config import DatabaseConfig
from csms.core.errors import CsmsError

SQLITE = "sqlite"
POSTGRESQL = "postgresql"

_POSTGRES = re.compile(
    r"postgres(?:ql)?://"
    r"(?:(?P<user>[^:@/]*)(?::(?P<password>.*))?@)?"
    r"(?P<host>\[[^\]]*\]|[^:@/?]*)(?::(?P<port>\d+))?"
    r"/(?P<name>[^/?@]+)"
    r"(?:\?(?P<query>.*))?"
)


class BadLocation(CsmsError):
    """The database URL cannot be understood; the message never repeats a password."""


@attrs.frozen(slots=True)
class SqliteLocation:
    """A database in one file (and its ``-wal`` and ``-shm`` beside it)."""

    path: Path

    @property
    def engine(self) -> str:
        """``sqlite``."""
        return SQLITE

    def __str__(self) -> str:
        return str(self.path)


@attrs.frozen(slots=True)
class PostgresLocation:
    """A database on a server, as libpq connection parameters."""

    parameters: dict[str, str] = attrs.field(repr=False)

    @property
    def engine(self) -> str:
        """``postgresql``."""
        return POSTGRESQL

    def __str__(self) -> str:
        where = self.parameters.get("host", "localhost")
        port = self.parameters.get("port", "5432")
        return f"{self.parameters['dbname']} on {where}:{port}"


Location = SqliteLocation | PostgresLocation


def locate(config: DatabaseConfig, folder: Path) -> Location:
    """The place that ``config.url`` names; a relative SQLite path starts at ``folder``. Raises ``BadLocation``.

    User and password may be percent-encoded; a password with ``@``, ``/``, ``:`` or ``?`` in it is understood as it stands, too.
    """
    url = config.url
    if url.startswith("sqlite:///"):
        path = unquote(url.removeprefix("sqlite:///"))
        if not path or path.startswith(":"):
            raise BadLocation("database.url needs a file, such as sqlite:///csms.db: a database in memory would not survive")
        return SqliteLocation(folder / path)
    match = _POSTGRES.fullmatch(url)
    if match is None:
        raise BadLocation("database.url is neither sqlite:///PATH nor postgresql://USER:PASSWORD@HOST:PORT/NAME")
    parameters = {"dbname": unquote(match["name"])}
    if match["user"]:
        parameters["user"] = unquote(match["user"])
    if match["password"]:
        parameters["password"] = unquote(match["password"])
    if match["host"]:
        parameters["host"] = unquote(match["host"].strip("[]"))
    if match["port"]:
        parameters["port"] = match["port"]
    parameters.setdefault("sslmode", config.tls)
    if config.tls_root_certificate:
        parameters["sslrootcert"] = str(folder / config.tls_root_certificate)
    parameters.update(parse_qsl(match["query"] or ""))
    return PostgresLocation(parameters)
