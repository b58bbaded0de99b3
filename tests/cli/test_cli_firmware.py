"""``csms firmware`` and ``csms diagnostics``: images, campaigns and logs without a server, requests through one."""

from __future__ import annotations

import base64
import datetime
import hashlib
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from csms.cli.store import TENANT, in_database, write
from csms.config import FilesConfig, load
from csms.core.ports import Tx
from csms.core.reports import Booted
from csms.domain.stations import service as stations
from csms.domain.stations.model import BootPolicy
from csms.domain.upkeep.flows import uploads as uploads_flows
from csms.domain.upkeep.model import LogUpload
from csms.domain.upkeep.service import uploads

from .conftest import Run, Stub, facts

IMAGE = b"firmware" * 100


@pytest.fixture
def fw(tmp_path: Path) -> str:
    (tmp_path / "ac22.bin").write_bytes(IMAGE)
    return "ac22.bin"


def add(run: Run, file: str = "ac22.bin", *more: str, version: str = "2.0") -> Any:
    return facts(run("firmware", "add", file, "--vendor", "Acme", "--model", "AC22", "--version", version, *more, "--json"))


def chargers(folder: Path, *charger_ids: str, model: str = "AC22") -> None:
    def verb(tx: Tx) -> None:
        for charger_id in charger_ids:
            stations.add_charger(tx, charger_id)
            report = Booted(charger_id=charger_id, received_at=tx.now, vendor="Acme", model=model, firmware="1.0")
            stations.boot(tx, report, BootPolicy(heartbeat_interval_s=300, retry_interval_s=60))

    write(load(None, {"CSMS_DATABASE_URL": f"sqlite:///{folder}/csms.db"}), verb)


# --- images ---------------------------------------------------------------------------------------------------------------------


def test_an_image_is_kept_listed_shown_and_removed(store: Run, fw: str, tmp_path: Path) -> None:
    added = add(store, fw, "--note", "for winter")
    assert (added["size_bytes"], added["sha256"]) == (len(IMAGE), hashlib.sha256(IMAGE).hexdigest())
    (kept,) = (file for file in (tmp_path / "files").rglob("*") if file.is_file())
    assert kept.read_bytes() == IMAGE
    assert kept.name not in store("firmware", "show", "1").output
    assert "AC22" in store("firmware", "list").output
    assert facts(store("firmware", "show", "1", "--json"))["note"] == "for winter"
    assert "2.0" in store("firmware", "add", fw, "--vendor", "Acme", "--model", "AC22", "--version", "2.0", code=1).stderr
    assert [file for file in (tmp_path / "files").rglob("*") if file.is_file()] == [kept], "what was refused is not left behind"
    store("firmware", "remove", "1")
    assert not kept.exists()
    assert "no firmware image 1" in store("firmware", "show", "1", code=1).stderr
    assert "There are no firmware images" in store("firmware", "list").output


def test_an_image_may_be_somewhere_else(store: Run) -> None:
    added = add(store, "ftp://acme.example.org/fw/ac22%20b.bin")
    assert (added["location"], added["file_name"], added["size_bytes"]) == (
        "ftp://acme.example.org/fw/ac22%20b.bin",
        "ac22 b.bin",
        None,
    )


def test_what_is_no_file_is_refused(store: Run) -> None:
    assert "no file nothing.bin" in store("firmware", "add", "nothing.bin", "--vendor", "A", "--version", "1", code=2).stderr


def signer(folder: Path) -> ec.EllipticCurvePrivateKey:
    """A manufacturer's key, and its certificate in a file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Acme firmware")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "acme.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return key


def test_a_signed_image_must_be_the_one_that_was_signed(store: Run, fw: str, tmp_path: Path) -> None:
    signature = signer(tmp_path).sign(IMAGE, ec.ECDSA(hashes.SHA256()))
    (tmp_path / "good.sig").write_text(base64.encodebytes(signature).decode())
    (tmp_path / "other.bin").write_bytes(IMAGE + b"x")
    signed = ("--signing-certificate", "acme.pem", "--signature", "good.sig")
    unknown = store("firmware", "add", fw, "--vendor", "Acme", "--version", "2.0", *signed, code=1)
    assert "not trusted" in unknown.stderr
    assert add(store, fw, *signed, "--untrusted")["signed"] is True
    refused = store("firmware", "add", "other.bin", "--vendor", "Acme", "--version", "3", *signed, "--untrusted", code=2)
    assert "signature" in refused.stderr
    assert sum(1 for file in (tmp_path / "files").rglob("*") if file.is_file()) == 1
    assert "certificate" in store("firmware", "add", fw, "--vendor", "A", "--version", "4", *signed[2:], code=2).stderr


# --- updates --------------------------------------------------------------------------------------------------------------------


def test_an_update_is_asked_for_through_the_server(run: Run, stub: Stub) -> None:
    answer = {"outcome": "Answered", "certain": True, "status": "Accepted", "detail": {}, "update": {"id": 9, "state": "accepted"}}
    stub.answer("POST", "/api/v1/chargers/C%201/firmware-updates", answer)
    output = run("firmware", "update", "C 1", "3", "--retries", "2", "--unsigned").output
    assert "C 1 answered Accepted; update 9: accepted" in output
    ((_, _, body),) = stub.asked
    assert (body["image_id"], body["retries"], body["signed"], body["force"]) == (3, 2, False, False)
    answer |= {"outcome": "Offline", "reason": "not connected"}
    stub.answer("POST", "/api/v1/chargers/C1/firmware-updates", answer)
    assert "offline" in run("firmware", "update", "C1", "3", code=5).stderr


def test_updates_are_listed(store: Run) -> None:
    assert "no such firmware updates" in store("firmware", "updates", "--charger", "C1", "--open").output


# --- campaigns ------------------------------------------------------------------------------------------------------------------


def test_a_campaign_from_start_to_end(store: Run, fw: str, tmp_path: Path) -> None:
    chargers(tmp_path, "C1", "C2", "C3")
    chargers(tmp_path, "X1", model="DC50")
    add(store, fw)
    started = facts(
        store("firmware", "campaign", "start", "1", "--wave", "50%", "--window", "22:00-05:30", "--name", "winter", "--json")
    )
    assert (started["chargers"], started["waves"], started["max_failures_percent"]) == (3, 2, 20)
    assert (started["window_from_min"], started["window_until_min"]) == (1320, 330)
    assert "winter" in store("firmware", "campaign", "list", "--open").output
    shown = store("firmware", "campaign", "show", "1").output
    assert "C3" in shown
    assert "X1" not in shown
    assert facts(store("firmware", "campaign", "pause", "1", "--json"))["state"] == "paused"
    assert facts(store("firmware", "campaign", "resume", "1", "--json"))["state"] == "running"
    assert facts(store("firmware", "campaign", "abort", "1", "--json"))["state"] == "aborted"
    assert "is aborted" in store("firmware", "campaign", "resume", "1", code=1).stderr
    left_out = facts(store("firmware", "campaign", "show", "1", "--state", "skipped", "--json"))
    assert [each["charger_id"] for each in left_out["members"]] == ["C1", "C2", "C3"]


@pytest.mark.parametrize(
    "wrong", [("--wave", "0"), ("--wave", "101%"), ("--wave", "x"), ("--window", "25:00-01:00"), ("--window", "1-2")]
)
def test_a_campaign_is_written_properly(store: Run, wrong: tuple[str, str]) -> None:
    assert wrong[1] in store("firmware", "campaign", "start", "1", *wrong, code=2).stderr


# --- diagnostics ----------------------------------------------------------------------------------------------------------------


def test_diagnostics_are_asked_for_through_the_server(run: Run, stub: Stub) -> None:
    upload = {"id": 4, "state": "accepted", "asked_by": "GetLog", "closed_at": None}
    answer = {"outcome": "Answered", "certain": True, "status": "Accepted", "detail": {}, "upload": upload}
    stub.answer("POST", "/api/v1/chargers/C1/log-uploads", answer)
    assert "upload 4: accepted" in run("diagnostics", "get", "C1", "--security", "--from", "2026-01-01").output
    ((_, _, body),) = stub.asked
    assert (body["kind"], body["oldest_at"], body["latest_at"], body["location"]) == (
        "security",
        "2026-01-01T00:00:00.000Z",
        None,
        "",
    )


def test_what_came_is_listed_shown_and_saved(store: Run, tmp_path: Path) -> None:
    chargers(tmp_path, "C1")
    config = load(None, {"CSMS_DATABASE_URL": f"sqlite:///{tmp_path}/csms.db"})

    async def arrive(database: Any) -> None:
        from csms.cli.firmware import ports_of

        ports = ports_of(database, config)
        new = LogUpload(charger_id="C1", asked_by="GetDiagnostics")
        upload = await database.write(partial(uploads.begin, new=new, settings=FilesConfig()), tenant=TENANT)
        for content in (b"old", b"new log"):
            async with ports.files.receive() as incoming:
                await incoming.write(content)
                kept = await incoming.keep()
            await uploads_flows.received(ports, TENANT, upload, kept, "logs of C1.txt", "10.0.0.1")

    in_database(config, arrive)
    (listed,) = facts(store("diagnostics", "list", "--charger", "C1", "--json"))
    assert (listed["state"], listed["files"], listed["size_bytes"]) == ("uploaded", 2, 7)
    shown = facts(store("diagnostics", "show", "1", "--json"))
    assert [each["file_name"] for each in shown["files"]] == ["logs of C1.txt"] * 2
    assert "logs_of_C1.txt" in store("diagnostics", "save", "1").output
    assert (tmp_path / "logs_of_C1.txt").read_bytes() == b"new log"
    assert "is there already" in store("diagnostics", "save", "1", code=1).stderr
    store("diagnostics", "save", "1", "first.txt", "--file", str(shown["files"][0]["id"]))
    assert (tmp_path / "first.txt").read_bytes() == b"old"
    assert store("diagnostics", "save", "1", "-").stdout_bytes == b"new log"
    assert "no file 77" in store("diagnostics", "save", "1", "--file", "77", code=1).stderr
