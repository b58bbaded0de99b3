from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest
import trio

from csms import identity
from csms.config import Config, DatabaseConfig, IdentityConfig, LimitsConfig
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.db.location import SQLITE
from csms.db.migrate import core_migrations
from csms.domain.tenants import service as tenants
from csms.testing.server import PATIENCE_S, TestServer, config_for
from csms.testing.stores import StoreMaker

PASSWORD = "correct horse battery"
API = "/api/v1"


@pytest.fixture
def server_config(tmp_path: Path, store_maker: StoreMaker) -> Config:
    """Anybody may register, and tries are counted per account and address only: in the store, which is migrated already."""
    database = DatabaseConfig(url=store_maker.url(SQLITE, [core_migrations()], tmp_path))
    identity = IdentityConfig(password_memory_kib=64, password_passes=1, registration="drivers")
    return config_for(tmp_path, database=database, identity=identity, limits=LimitsConfig(auth_per_min=0))


@attrs.frozen
class People:
    """What the tests of this folder do with people over HTTP."""

    server: TestServer
    folder: Path

    async def add(self, email: str, role: str, *, tenant: TenantId = DEFAULT_TENANT, **more: Any) -> int:
        """An account with ``PASSWORD``."""
        hashed = await self.server.gate.passwords.hash(PASSWORD)
        user = await identity.add_user(
            self.server.ports.database, email=email, role=role, tenant=tenant, password_hash=hashed, **more
        )
        return user.id

    async def add_tenant(self, slug: str) -> TenantId:
        add = partial(tenants.add, slug=slug, name=slug.title(), currency="EUR", time_zone="UTC")
        return await self.server.ports.database.write(add, tenant=DEFAULT_TENANT)

    async def post(self, path: str, body: Any = None, headers: Any = None) -> httpx.Response:
        """A POST by nobody, or by whom the headers say."""
        return await self.server.request("POST", f"{API}{path}", body, authorized=False, headers=headers)

    async def get(self, path: str, headers: Any = None) -> httpx.Response:
        return await self.server.request("GET", f"{API}{path}", authorized=False, headers=headers)

    async def call(self, method: str, path: str, body: Any = None, headers: Any = None) -> httpx.Response:
        return await self.server.request(method, f"{API}{path}", body, authorized=False, headers=headers)

    async def log_in(self, login: str, password: str = PASSWORD, **more: Any) -> httpx.Response:
        return await self.post("/auth/login", {"login": login, "password": password, **more})

    async def headers(self, login: str, password: str = PASSWORD, **more: Any) -> dict[str, str]:
        return bearer(await self.log_in(login, password, **more))

    def messages(self, recipient: str) -> list[str]:
        """What was sent to somebody so far."""
        file = self.folder / "csms-messages.txt"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line for line in lines if f" to {recipient}: " in line]

    async def message(self, recipient: str, number: int = 1) -> str:
        """The so-manieth message to somebody, as soon as it is written."""
        with trio.fail_after(PATIENCE_S):
            while len(found := self.messages(recipient)) < number:
                await trio.sleep(0.005)
        return found[number - 1]

    async def code(self, recipient: str, number: int = 1) -> str:
        """The code in it."""
        found = re.search(r"is (\d{6})\.", await self.message(recipient, number))
        assert found is not None
        return found[1]


def bearer(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.fixture
def people(server: TestServer, tmp_path: Path) -> People:
    return People(server, tmp_path)
