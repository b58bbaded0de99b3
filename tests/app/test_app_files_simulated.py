"""A simulated charger, a process of its own, against the whole server: 50 MB of firmware and 20 MB of diagnostics over HTTPS."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio
import trustme

from csms.config import Config, FilesConfig
from csms.core.ids import DEFAULT_TENANT
from csms.domain.upkeep.flows.images import add_image
from csms.domain.upkeep.model import Image
from csms.testing.server import TestServer, config_for

MIB = 1024 * 1024
BLOCK = bytes(range(256)) * (MIB // 256)
SCRIPT = "until online; until firmware Installed 60; until upload Uploaded 60; until sent"


@pytest.fixture
def ca() -> trustme.CA:
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


@pytest.fixture
def server_config(tmp_path: Path, ca: trustme.CA) -> Config:
    certificate = ca.issue_cert("127.0.0.1", key_type=trustme.KeyType.ECDSA)
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "key.pem")
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    tls: dict[str, Any] = {"tls_certificate": str(tmp_path / "cert.pem"), "tls_key": str(tmp_path / "key.pem")}
    return config_for(tmp_path, files=FilesConfig(port=0, reserve_bytes=0, **tls))


async def content() -> AsyncIterator[bytes]:
    for _ in range(50):
        yield BLOCK


async def test_firmware_and_diagnostics_of_a_simulated_charger(server: TestServer, tmp_path: Path) -> None:
    key = await server.add_charger("SIM-1")
    image = await add_image(server.ports, DEFAULT_TENANT, Image(vendor="Acme", version="9.1", file_name="fw-9.1.bin"), content())
    command = [sys.executable, "-m", "simulators.charger", "--url", server.url, "--id", "SIM-1", "--password", key]
    command += ["--ca-file", str(tmp_path / "ca.pem"), "--diagnostics-size", "20MB", "--script", SCRIPT]
    command += ["--speed", "20"]
    async with trio.open_nursery() as nursery:
        process: trio.Process = await nursery.start(
            lambda task_status: trio.run_process(
                command,
                env=dict(os.environ),
                stdout=subprocess.DEVNULL,
                check=False,
                task_status=task_status,
            )
        )
        await server.eventually("SELECT 1 FROM chargers WHERE id = 'SIM-1' AND connection_id <> '' AND registration = 'accepted'")
        body = {"image_id": image.id, "force": True}
        update = await server.request("POST", "/api/v1/chargers/SIM-1/firmware-updates", body)
        assert update.json()["update"]["state"] == "accepted", update.text
        with trio.fail_after(60):
            while not await server.rows("SELECT 1 FROM firmware_updates WHERE state = 'installed'"):
                await trio.sleep(0.1)
        await server.eventually("SELECT 1 FROM chargers WHERE id = 'SIM-1' AND connection_id <> '' AND firmware = '9.1'")
        upload = await server.request("POST", "/api/v1/chargers/SIM-1/log-uploads", {})
        assert upload.json()["upload"]["state"] in ("accepted", "uploading"), upload.text
        with trio.fail_after(60):
            assert await process.wait() == 0
    (row,) = await server.rows("SELECT status, fetched_at FROM firmware_updates")
    assert row["fetched_at"] is not None
    (log,) = await server.eventually("SELECT u.state, u.status, f.* FROM log_uploads u JOIN log_files f ON f.upload_id = u.id")
    assert (log["state"], log["status"], log["size_bytes"]) == ("uploaded", "Uploaded", 20_000_000)
    whole = hashlib.sha256()
    for offset in range(0, log["size_bytes"], MIB):
        whole.update(await server.ports.files.read(log["file"], offset, MIB))
    assert whole.hexdigest() == log["sha256"]
