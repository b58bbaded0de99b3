"""Starting and stopping what is measured: each server is a process of its own, on a free port of the loopback interface."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import attrs

PASSWORD = "benchmark-password-0123456789"
OPERATOR_KEY = "benchmark-operator-key"


@attrs.frozen
class Server:
    """A running server: where chargers connect, its process, and for csms its API and folder."""

    url: str
    pid: int
    api: str = ""
    folder: Path = Path()


def free_port() -> int:
    """A port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def simple(*module: str) -> Iterator[Server]:
    """A peer or floor: a module that prints its port."""
    process = subprocess.Popen([sys.executable, "-m", *module], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Server(f"ws://127.0.0.1:{int(process.stdout.readline())}/ocpp", process.pid)
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def csms(template: Path, *, database_url: str = "", settings: str = "") -> Iterator[Server]:
    """``csms serve`` on a fresh copy of a prepared database, with everything stored and ``synchronous=FULL``; ``settings`` is more TOML, first of ``[api]``."""
    with tempfile.TemporaryDirectory(prefix="csms-bench-") as name:
        folder = Path(name)
        if not database_url:
            shutil.copyfile(template, folder / "csms.db")
            database_url = "sqlite:///csms.db"
        ocpp_port, api_port = free_port(), free_port()
        (folder / "csms.toml").write_text(
            f'[database]\nurl = "{database_url}"\n[ocpp]\nport = {ocpp_port}\n[api]\nport = {api_port}\nkey = "{OPERATOR_KEY}"\n{settings}'
            '[files]\nenabled = false\n[transactions]\nmax_per_token = 0\n[log]\nlevel = "error"\n'
        )
        log_file = (folder / "log").open("w")
        command = [sys.executable, "-m", "csms", "serve", "--config", str(folder / "csms.toml")]
        process = subprocess.Popen(command, stdout=log_file, stderr=log_file)
        api = f"http://127.0.0.1:{api_port}"
        try:
            _wait_until_ready(api, process, folder / "log")
            yield Server(f"ws://127.0.0.1:{ocpp_port}/ocpp", process.pid, api, folder)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            log_file.close()


def _wait_until_ready(api: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"csms stopped while starting:\n{log.read_text()}")
        with (
            contextlib.suppress(urllib.error.URLError, ConnectionError),
            urllib.request.urlopen(f"{api}/ready", timeout=5) as answer,
        ):
            if answer.status == 200:
                return
        time.sleep(0.1)
    raise RuntimeError(f"csms was not ready within a minute:\n{log.read_text()}")


def load(server: Server, *arguments: str) -> dict[str, float]:
    """Run the load generator against a server; its figures."""
    command = [sys.executable, "-m", "benchmarks.load", "--url", server.url, "--server-pid", str(server.pid), *arguments]
    environ = os.environ | {"PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environ, check=False)
    if done.returncode:
        raise RuntimeError(f"the load generator failed: {done.stderr.strip().splitlines()[-1:]}")
    figures: dict[str, float] = json.loads(done.stdout)
    return figures
