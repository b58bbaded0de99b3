"""The API of a running server, on SQLite."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import trio

from csms.config import Config, DatabaseConfig
from csms.testing.described import Promise, usual_document
from csms.testing.server import TestServer, config_for


@pytest.fixture
def engine() -> str:
    """One engine is enough for every day; ``TEST_ENGINE=postgresql pytest tests/api`` asks the other."""
    return os.environ.get("TEST_ENGINE", "sqlite")


@pytest.fixture
def server_config(store_config: DatabaseConfig, tmp_path: Path) -> Config:
    return config_for(tmp_path, database=store_config)


@pytest.fixture
def an_hour_ago(server: TestServer) -> int:
    return server.ports.clock.now() - 3_600_000


@pytest.fixture(autouse=True)
def as_described(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every answer in these tests is what the OpenAPI document promises, whatever else it is asserted to be."""
    request = TestServer.request

    async def checked(self: TestServer, method: str, path: str, json: Any = None, **more: Any) -> httpx.Response:
        answer = await request(self, method, path, json, **more)
        kind = answer.headers.get("Content-Type", "")
        assert not (wrong := promise().broken(method, answer.request.url.path, answer.status_code, kind, answer.content)), wrong
        return answer

    monkeypatch.setattr(TestServer, "request", checked)


@cache
def promise() -> Promise:
    return Promise(usual_document())


class RawClient:
    """An HTTP client that shows what is on the wire: it sends what it is told and keeps what comes."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.heard = b""

    async def send(self, text: str | bytes) -> None:
        await self.stream.send_all(text if isinstance(text, bytes) else text.replace("\n", "\r\n").encode())

    async def until(self, part: bytes) -> bytes:
        """Read until this part came; everything so far."""
        with trio.fail_after(10):
            while part not in self.heard:
                data = await self.stream.receive_some(65536)
                if not data:
                    raise EOFError(f"{part!r} never came, only {self.heard!r}")
                self.heard += data
        return self.heard

    async def end(self) -> bytes:
        """Read until the server closes; everything."""
        with trio.fail_after(10):
            while data := await self.stream.receive_some(65536):
                self.heard += data
        return self.heard


@pytest.fixture
async def raw(server: TestServer) -> AsyncIterator[RawClient]:
    address = urlsplit(server.api_url)
    async with await trio.open_tcp_stream(address.hostname or "", address.port or 0) as stream:
        yield RawClient(stream)
