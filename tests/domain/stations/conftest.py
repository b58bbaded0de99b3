from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from typing import Any

import attrs
import pytest

from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Database, Ports, ReadTx


@attrs.define(slots=False)
class Settings:
    authentication: bool = True
    unknown_chargers: str = "rejected"
    min_security_profile: int = 1
    tls_client_organizations: tuple[str, ...] = ()
    heartbeat_interval_s: int = 300
    retry_interval_s: int = 60


class Counted:
    """Random, but not."""

    def __init__(self) -> None:
        self._next: Iterator[int] = count(1)

    def token(self, n_bytes: int) -> str:
        return f"{next(self._next):x}".rjust(n_bytes, "z")

    def message_id(self) -> str:
        return str(next(self._next))

    def uniform(self, low: float, high: float) -> float:
        return low


@attrs.define
class Answers:
    """Decisions that were made beforehand; remembers what was asked."""

    answers: dict[str, Any] = attrs.field(factory=dict)
    asked: list[tuple[str, dict[str, Any]]] = attrs.field(factory=list)

    async def ask(self, hook: str, /, **question: Any) -> Any:
        self.asked.append((hook, question))
        return self.answers.get(hook)


@attrs.define
class Links:
    """The connected chargers, of which only what was told is kept."""

    admitted: list[tuple[str, str]] = attrs.field(factory=list)
    dropped: list[str] = attrs.field(factory=list)

    async def admit(self, charger_id: str, registration: str) -> bool:
        self.admitted.append((charger_id, registration))
        return True

    async def drop(self, charger_id: str, reason: str) -> bool:
        self.dropped.append(charger_id)
        return True


@pytest.fixture
def ports(database: Database) -> Ports:
    absent: Any = None
    links: Any = Links()
    return Ports(
        database=database,
        chargers=links,
        decisions=Answers(),
        clock=absent,
        random=Counted(),
        blocking=absent,
        http=absent,
    )


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
def events(database: Database) -> Callable[..., Awaitable[list[dict[str, Any]]]]:
    """What was emitted so far, of one type or of all: payloads with their type."""

    def stored(tx: ReadTx) -> list[dict[str, Any]]:
        rows = tx.all("SELECT type, key, payload FROM events WHERE tenant = :tenant ORDER BY sequence")
        return [json.loads(row["payload"]) | {"type": row["type"], "key": row["key"]} for row in rows]

    async def read(kind: str | None = None, *, tenant: TenantId = DEFAULT_TENANT) -> list[dict[str, Any]]:
        return [each for each in await database.read(stored, tenant=tenant) if kind in (None, each["type"])]

    return read
