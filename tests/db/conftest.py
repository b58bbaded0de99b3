"""Tables, events and verbs of their own for the store's tests, so that they depend on no slice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest

from csms.config import DatabaseConfig
from csms.core.events import Event, event
from csms.core.ports import Tx
from csms.db.location import POSTGRESQL
from csms.db.migrate import MigrationSource

TABLES = """
CREATE TABLE notes (
    id INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL,
    name TEXT NOT NULL CHECK (name <> 'forbidden'),
    body TEXT NOT NULL DEFAULT '',
    at INTEGER NOT NULL DEFAULT 0,
    UNIQUE (tenant, name)
) STRICT;

CREATE TABLE marks (
    id INTEGER PRIMARY KEY,
    note_id INTEGER NOT NULL REFERENCES notes (id),
    data BLOB,
    weight REAL
) STRICT;
"""


@pytest.fixture
def store_config(store_config: DatabaseConfig, engine: str, request: pytest.FixtureRequest) -> DatabaseConfig:
    """Connections themselves are looked at here, so each is a backend of its own."""
    if engine == POSTGRESQL:
        request.getfixturevalue("postgres_server").backends.forget()
    return store_config


@event
@attrs.frozen(slots=True, kw_only=True)
class Noted(Event):
    type: ClassVar[str] = "test_noted"

    name: str
    number: int = 0

    @property
    def key(self) -> str:
        return f"note:{self.name}"


@event
@attrs.frozen(slots=True, kw_only=True)
class Glimpsed(Event):
    type: ClassVar[str] = "test_glimpsed"
    durable: ClassVar[bool] = False

    name: str

    @property
    def key(self) -> str:
        return f"note:{self.name}"


def add(tx: Tx, name: str, body: str = "") -> int:
    number: int = tx.value(
        "INSERT INTO notes (tenant, name, body, at) VALUES (:tenant, :name, :body, :now) RETURNING id", name=name, body=body
    )
    return number


def note(tx: Tx, name: str, number: int = 0) -> None:
    tx.emit(Noted(name=name, number=number))


def names(tx: Any) -> list[str]:
    return [row["name"] for row in tx.all("SELECT name FROM notes WHERE tenant = :tenant ORDER BY id")]


INSERT = "INSERT INTO notes (tenant, name, body, at) VALUES (:tenant, :name, '', :now)"


@attrs.frozen
class Verbs:
    """What the tests import through the fixture ``verbs``."""

    add: Callable[..., int] = add
    note: Callable[..., None] = note
    names: Callable[..., list[str]] = names
    insert: str = INSERT
    noted: type[Noted] = Noted
    glimpsed: type[Glimpsed] = Glimpsed


@pytest.fixture
def verbs() -> Verbs:
    return Verbs()


@pytest.fixture(scope="session")
def spine_only(tmp_path_factory: pytest.TempPathFactory) -> list[MigrationSource]:
    """The event spine, and the tables above."""
    core = tmp_path_factory.mktemp("core")
    shipped = files("csms") / "migrations"
    (core / "postgres").mkdir()
    for name in ("0001_spine.sql", "postgres/0001_spine.sql", "0040_event_requests.sql"):
        (core / name).write_text((shipped / name).read_text())
    own = tmp_path_factory.mktemp("own")
    (own / "0001_notes.sql").write_text(TABLES)
    return [MigrationSource("core", core), MigrationSource("tests", own)]


@pytest.fixture
def store_migrations(spine_only: Sequence[MigrationSource]) -> list[MigrationSource]:
    return list(spine_only)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
