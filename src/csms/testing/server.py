"""A whole server for tests: real sockets on free ports of the loopback interface, a real database in a folder of its own."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import attrs
import httpx
import trio

from csms import app, identity
from csms.config import ApiConfig, Config, FilesConfig, IdentityConfig, LogConfig, OcppConfig
from csms.core.ids import DEFAULT_TENANT, TenantId, charger_key
from csms.core.ports import Ports, Row, Tx
from csms.core.units import iso
from csms.db.location import SqliteLocation, locate
from csms.db.migrate import core_migrations, migrate
from csms.domain.drivers import service as drivers
from csms.domain.stations import keys as charger_keys
from csms.domain.stations import service as stations
from csms.domain.users.gate import Gate
from csms.domain.users.keys import AccessToken
from csms.domain.users.service import logins
from csms.outside import SystemClock
from csms.plugins import Installed, installed

T = TypeVar("T")
PATIENCE_S = 10.0
_TRUST = ssl.create_default_context()
"""Made once: reading the authorities takes longer than a request does."""


def config_for(folder: Path, **sections: Any) -> Config:
    """A config for tests: free ports, quiet logs, everything in ``folder``; ``sections`` replaces whole sections."""
    defaults: dict[str, Any] = {
        "ocpp": OcppConfig(port=0),
        "api": ApiConfig(port=0),
        "files": FilesConfig(port=0, reserve_bytes=0),
        "identity": IdentityConfig(password_memory_kib=64, password_passes=1),
        "log": LogConfig(level="error"),
    }
    return Config(folder=folder, **(defaults | sections))


@attrs.frozen(slots=True, kw_only=True)
class TestServer:
    """A running server, and what a test wants of it."""

    __test__ = False

    url: str
    """Where chargers connect, without their id."""
    api_url: str
    operator_key: str
    ports: Ports
    gate: Gate
    stop: Callable[[], None]

    async def add_charger(self, charger_id: str, password: str = "", **more: Any) -> str:
        """Add an accepted charger with a key; the key."""
        key = password or self.ports.random.token(24)
        sealed = charger_keys.seal(key.encode(), self.ports.random)
        verb = partial(stations.add_charger, charger_id=charger_id, sealed_key=sealed, **more)
        await self.ports.database.write(verb, tenant=DEFAULT_TENANT, keys=(charger_key(charger_id),))
        return key

    async def add_token(self, value: str, **more: Any) -> None:
        """Issue a token."""
        await self.ports.database.write(partial(drivers.add_token, value=value, **more), tenant=DEFAULT_TENANT)

    async def login_as(
        self, role: str, *, tenant: TenantId = DEFAULT_TENANT, stations: Sequence[int] | None = None, email: str = ""
    ) -> dict[str, str]:
        """Headers of a fresh user with a role in a tenant, kept to ``stations`` if given: for ``request(..., headers=)``."""
        email = email or f"{role}-{self.ports.random.token(6)}@example.org".lower()
        user = await identity.add_user(self.ports.database, tenant=tenant, role=role, stations=stations, email=email, name=role)
        return await self.login_of(user.id, tenant=tenant)

    async def login_of(self, user_id: int, *, tenant: TenantId = DEFAULT_TENANT) -> dict[str, str]:
        """Headers of a new login of a user, without asking for a password."""
        begin = partial(
            logins.begin, user_id=user_id, rules=self.gate.rules, refresh_hash="", device="", remote_address="", at_tenant=tenant
        )
        login_id = await self.ports.database.write(begin, tenant=tenant)
        now = self.ports.clock.now()
        token = AccessToken(user_id=user_id, login_id=login_id, tenant=tenant, expires_at=now + 3_600_000)
        return {"Authorization": f"Bearer {self.gate.keys.access_token(token, now=now)}"}

    async def do(self, verb: Callable[..., T], *arguments: Any) -> T:
        """Run a verb for the default tenant."""
        return await self.ports.database.write(verb, *arguments, tenant=DEFAULT_TENANT)

    async def rows(self, sql: str, **parameters: Any) -> list[Row]:
        """Rows of a SELECT over all tenants."""

        def query(tx: Tx) -> list[Row]:
            return [dict(row) for row in tx.system("a test looks").all(sql, **parameters)]

        return await self.ports.database.read(query, tenant=DEFAULT_TENANT)

    async def eventually(self, sql: str, *, at_least: int = 1, **parameters: Any) -> list[Row]:
        """Rows of a SELECT as soon as there are so many. Raises ``trio.TooSlowError`` after ``PATIENCE_S``."""
        with trio.fail_after(PATIENCE_S):
            while len(found := await self.rows(sql, **parameters)) < at_least:  # noqa: ASYNC110 - the server has no such event
                await trio.sleep(0.01)
        return found

    async def request(
        self, method: str, path: str, json: Any = None, *, authorized: bool = True, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """A request to the management API with the operator key."""
        headers = {**({"Authorization": f"Bearer {self.operator_key}"} if authorized else {}), **(headers or {})}
        async with httpx.AsyncClient(base_url=self.api_url, headers=headers, timeout=PATIENCE_S, verify=_TRUST) as client:
            return await client.request(method, path, json=json)

    async def send(self, method: str, path: str, content: bytes, *, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """The same with a body that is no JSON, such as a document."""
        headers = {"Authorization": f"Bearer {self.operator_key}", **(headers or {})}
        async with httpx.AsyncClient(base_url=self.api_url, headers=headers, timeout=PATIENCE_S, verify=_TRUST) as client:
            return await client.request(method, path, content=content)

    async def command(self, charger_id: str, name: str, /, *, wait: str = "", **fields: Any) -> dict[str, Any]:
        """Send a command over the management API and wait for what becomes of it; ``wait`` is the query (``ttl_s``, ``timeout_s``).

        Instants may be given as integers.
        """
        path = f"/api/v1/chargers/{quote(charger_id, safe='')}/commands/{name}"
        answer: dict[str, Any] = (await self.request("POST", f"{path}?{wait}" if wait else path, _written(fields))).json()
        return answer


@asynccontextmanager
async def running_server(config: Config, *, plugins: Mapping[str, object] | None = None) -> AsyncIterator[TestServer]:
    """A server for the time of an ``async with`` block, stopped gracefully at its end.

    ``plugins`` (modules, classes or objects, by name) are enabled after those that ``config`` enables, and need not be installed.
    A SQLite database that is not there yet is copied from an empty one, which saves the server most of its start.
    """
    _lay(config)
    available: Mapping[str, Installed] | None = None if config.plugins.enabled else {}
    if plugins:
        enabled = (*config.plugins.enabled, *(name for name in plugins if name not in config.plugins.enabled))
        config = attrs.evolve(config, plugins=attrs.evolve(config.plugins, enabled=enabled))
        available = {**_installed(), **{name: Installed(name, "1.0", partial(_same, plugin)) for name, plugin in plugins.items()}}
    async with trio.open_nursery() as nursery:
        running: app.Running = await nursery.start(partial(app.run, config, available=available))
        try:
            yield TestServer(
                url=running.chargers[0].url,
                api_url=running.api_url,
                operator_key=running.operator_key,
                ports=running.ports,
                gate=running.gate,
                stop=running.stop.set,
            )
        finally:
            running.stop.set()


def _written(value: Any, name: str = "") -> Any:
    """Fields as the API takes them: instants in ISO 8601."""
    if isinstance(value, dict):
        return {each: _written(inner, each) for each, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_written(each) for each in value]
    return iso(value) if type(value) is int and name.endswith("_at") else value


def _lay(config: Config) -> None:
    """An empty database where the server will look for its own, if that is a file and not there."""
    place = locate(config.database, config.folder)
    if isinstance(place, SqliteLocation) and place.path.parent.is_dir() and not place.path.exists():
        with open(os.open(place.path, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:
            file.write(_empty())


@cache
def _empty() -> bytes:
    """A SQLite database after our migrations."""
    with tempfile.TemporaryDirectory(prefix="csms-empty-") as name:
        config = config_for(Path(name))
        migrate(config.database, [core_migrations()], folder=config.folder, clock=SystemClock())
        return (config.folder / "csms.db").read_bytes()


@cache
def _installed() -> Mapping[str, Installed]:
    """What is installed, looked up once."""
    return installed()


def _same(plugin: object) -> object:
    return plugin
