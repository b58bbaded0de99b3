"""OCPP 1.6, firmware, diagnostics and logs (TC_044, TC_045, TC_079 to TC_081)."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import CHARGER, Operator

FTP = "ftp://files.example/firmware.bin"


async def newest(t: Operator, table: str) -> dict[str, Any]:
    """The newest update or upload of the charger."""
    rows = await t.server.rows(f"SELECT * FROM {table} WHERE charger_id = :id ORDER BY id DESC LIMIT 1", id=CHARGER)
    return rows[0]


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        pytest.param(["Downloading", "Downloaded", "Installing", "Installed"], "installed", id="TC_044_1"),
        pytest.param(["Downloading", "DownloadFailed"], "failed", id="TC_044_2"),
        pytest.param(["Downloading", "Downloaded", "Installing", "InstallationFailed"], "failed", id="TC_044_3"),
    ],
)
async def test_TC_044_firmware_update(t: Operator, statuses: list[str], state: str) -> None:
    """Firmware update: downloaded and installed, download failed, installation failed."""
    heard, told = await t.ask("UpdateFirmware", "UpdateFirmware", {}, location=FTP, retrieve_at=t.server.ports.clock.now())
    assert heard["location"] == FTP
    assert heard["retrieveDate"].endswith("Z")
    assert told["status"] == "Accepted"
    for status in statuses:
        assert await t.call("FirmwareStatusNotification", status=status) == {}
    row = await newest(t, "firmware_updates")
    assert (row["state"], row["status"]) == (state, statuses[-1])


@pytest.mark.parametrize(
    ("last", "state"), [pytest.param("Uploaded", "uploaded", id="TC_045_1"), pytest.param("UploadFailed", "failed", id="TC_045_2")]
)
async def test_TC_045_get_diagnostics(t: Operator, last: str, state: str) -> None:
    """GetDiagnostics: uploaded, and upload failed."""
    heard, told = await t.ask("GetDiagnostics", "GetDiagnostics", {"fileName": "diag.zip"}, location="ftp://files.example/")
    assert heard == {"location": "ftp://files.example/"}
    assert told["detail"] == {"file_name": "diag.zip"}
    for status in ("Uploading", last):
        assert await t.call("DiagnosticsStatusNotification", status=status) == {}
    row = await newest(t, "log_uploads")
    assert (row["state"], row["kind"], row["file_name"]) == (state, "diagnostics", "diag.zip")


async def test_TC_079_get_security_log(t: Operator) -> None:
    """GetLog: security log."""
    heard, told = await t.ask(
        "GetLog", "GetLog", {"status": "Accepted", "filename": "security.log"}, request_id=0, location="ftp://files.example/"
    )
    assert heard["logType"] == "SecurityLog"
    assert heard["log"] == {"remoteLocation": "ftp://files.example/"}
    assert told["detail"] == {"file_name": "security.log"}
    for status in ("Uploading", "Uploaded"):
        assert await t.call("LogStatusNotification", status=status, requestId=heard["requestId"]) == {}
    row = await newest(t, "log_uploads")
    assert (row["state"], row["kind"]) == ("uploaded", "security")


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        pytest.param(
            ["Downloading", "Downloaded", "SignatureVerified", "Installing", "InstallRebooting", "Installed"],
            "installed",
            id="TC_080",
        ),
        pytest.param(["Downloading", "Downloaded", "InvalidSignature"], "failed", id="TC_081"),
    ],
)
async def test_TC_080_and_081_signed_firmware(t: Operator, statuses: list[str], state: str) -> None:
    """SignedUpdateFirmware: installed, and an invalid signature with its security event."""
    heard, told = await t.ask(
        "UpdateFirmware",
        "SignedUpdateFirmware",
        {"status": "Accepted"},
        location=FTP,
        retrieve_at=t.server.ports.clock.now(),
        signing_certificate="-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        signature="c2lnbmF0dXJl",
    )
    assert told["status"] == "Accepted"
    assert heard["firmware"]["location"] == FTP
    assert heard["firmware"]["signature"] == "c2lnbmF0dXJl"
    for status in statuses:
        assert await t.call("SignedFirmwareStatusNotification", status=status, requestId=heard["requestId"]) == {}
        if status == "InstallRebooting":
            await t.boot()
    if state == "failed":
        assert await t.call("SecurityEventNotification", type="InvalidFirmwareSignature", timestamp=t.now) == {}
    row = await newest(t, "firmware_updates")
    assert (row["state"], row["status"]) == (state, statuses[-1])
