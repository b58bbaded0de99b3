"""What the command line's tests share: a runner in a folder of its own, and a stub of the running server."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import attrs
import pytest
import structlog
from click.testing import CliRunner, Result

from csms.cli import main
from csms.cli.migrate import bring_up_to_date
from csms.config import load

Run = Callable[..., Result]
KEY = "operator-key-of-the-tests"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """``run("charger", "list")`` in an empty folder without any of our variables."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "REDIS_URL", "PORT", "LOG_LEVEL", "CSMS_CONFIG", "CSMS_SERVER"):
        monkeypatch.delenv(name, raising=False)

    def invoke(*arguments: str, code: int | None = 0) -> Result:
        result = CliRunner().invoke(main, list(arguments), prog_name="csms")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert code is None or result.exit_code == code, f"{arguments} ended {result.exit_code}: {result.output}"
        return result

    yield invoke
    structlog.reset_defaults()


@attrs.define
class Stub:
    """A stand-in for the running server: ``answers`` by (method, path); it keeps what it was asked."""

    url: str
    answers: dict[tuple[str, str], tuple[int, Any]] = attrs.field(factory=dict)
    asked: list[tuple[str, str, Any]] = attrs.field(factory=list)
    feed: bytes = b""

    def answer(self, method: str, path: str, body: Any, status: int = 200) -> None:
        self.answers[method, path] = (status, body)


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    """A stub server, and a configuration in the environment that leads to it."""
    fake = Stub("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

        def reply(self, status: int, body: bytes, kind: str = "application/json") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            raw = self.rfile.read(length)
            fake.asked.append((self.command, self.path, json.loads(raw) if raw else None))
            path = self.path.partition("?")[0]
            if self.headers.get("Authorization") != f"Bearer {KEY}":
                self.reply(401, b'{"title": "Unauthorized", "status": 401}', "application/problem+json")
            elif path == "/api/v1/live":
                self.reply(200, fake.feed, "text/event-stream")
            else:
                status, body = fake.answers.get((self.command, path), (404, {"title": "Not Found", "status": 404}))
                self.reply(status, body if isinstance(body, bytes) else json.dumps(body).encode())

        do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = handle_any

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    fake.url = f"http://127.0.0.1:{http.server_port}"
    monkeypatch.setenv("CSMS_API_PORT", str(http.server_port))
    monkeypatch.setenv("CSMS_API_KEY", KEY)
    yield fake
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database, made once."""
    folder = tmp_path_factory.mktemp("migrated")
    bring_up_to_date(load(None, {"CSMS_DATABASE_URL": f"sqlite:///{folder}/csms.db"}))
    return folder / "csms.db"


@pytest.fixture
def store(run: Run, migrated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Like ``run``, with an empty database and no server anywhere."""
    monkeypatch.setenv("CSMS_API_PORT", "1")
    shutil.copy(migrated, tmp_path / "csms.db")
    return run


def facts(result: Result) -> Any:
    """What a command answered with ``--json``."""
    return json.loads(result.stdout)
