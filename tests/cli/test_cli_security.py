"""``csms certificate`` and ``csms security``: the right requests, tables and JSON, exit codes, and the authority's root."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import trio
from cryptography import x509

from csms.cli.store import write
from csms.config import load
from csms.core.ids import charger_key
from csms.domain.security import service
from csms.domain.stations import service as stations
from csms.outside import SystemClock, Threads
from csms.pki.authority import BuiltInAuthority

from .conftest import Run, Stub, facts

DONE = {"outcome": "Answered", "certain": True, "status": "Accepted", "detail": {}}


def root(folder: Path) -> str:
    own = BuiltInAuthority(folder=folder / "made", organization="ACME", clock=SystemClock(), blocking=Threads())
    return trio.run(own.make)


# --- with a server --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "path", "body"),
    [
        (("certificate", "renew", "C1"), "chargers/C1/certificate/renew", {}),
        (("certificate", "install", "C1", "3"), "chargers/C1/root-certificates/3/install", {}),
        (("certificate", "delete", "C1", "3", "--force"), "chargers/C1/root-certificates/3/delete", {"force": True}),
        (("security", "upgrade", "C/1", "2"), "chargers/C%2F1/security-profile", {"profile": 2}),
    ],
)
def test_what_needs_the_charger_goes_through_the_server(
    run: Run, stub: Stub, arguments: tuple[str, ...], path: str, body: object
) -> None:
    more = {"upgrade": {"state": "wanted"}}
    stub.answer("POST", f"/api/v1/{path}", DONE | more)
    assert "answered Accepted" in run(*arguments).output
    assert stub.asked[-1] == ("POST", f"/api/v1/{path}", body)
    stub.answer("POST", f"/api/v1/{path}", {"outcome": "TimedOut", "certain": False} | more)
    run(*arguments, code=5)
    stub.answer("POST", f"/api/v1/{path}", {"title": "Refused", "detail": "no certificate", "status": 409}, 409)
    assert "no certificate" in run(*arguments, code=1).output


def test_revoking_through_the_server(run: Run, stub: Stub) -> None:
    stub.answer("POST", "/api/v1/certificates/7/revoke", {"id": 7, "state": "revoked"})
    assert facts(run("certificate", "revoke", "7", "--reason", "stolen", "--json")) == {"id": 7, "state": "revoked"}
    assert stub.asked[-1][2] == {"reason": "stolen"}


def test_keys_are_rotated_one_by_one_and_the_worst_ending_counts(run: Run, stub: Stub) -> None:
    stub.answer("POST", "/api/v1/chargers/C1/key/rotate", DONE | {"rotation": {"state": "accepted"}})
    stub.answer("POST", "/api/v1/chargers/C2/key/rotate", {"outcome": "Lost", "certain": False, "rotation": {"state": "uncertain"}})
    stub.answer("POST", "/api/v1/chargers/C3/key/rotate", {"title": "Refused", "detail": "4 keys", "status": 409}, 409)
    assert facts(run("security", "rotate-keys", "C1", "--json")) == [
        {"charger_id": "C1", "state": "accepted", "outcome": "Answered", "said": "Accepted"}
    ]
    result = run("security", "rotate-keys", "C3", "C2", "C1", "--forget", code=5)
    assert [asked[2] for asked in stub.asked[-3:]] == [{"forget": True}] * 3
    assert "4 keys" in result.output
    assert "uncertain" in result.output


def test_whose_keys_must_be_said(run: Run, stub: Stub) -> None:
    for arguments in ((), ("C1", "--all"), ("--all", "--station", "North")):
        run("security", "rotate-keys", *arguments, code=2)
    assert stub.asked == []


# --- without one ----------------------------------------------------------------------------------------------------------------


def test_the_library_of_root_certificates(store: Run, tmp_path: Path) -> None:
    assert "add-root" in store("certificate", "roots").output
    file = tmp_path / "root.pem"
    file.write_text(root(tmp_path))
    added = facts(store("certificate", "add-root", str(file), "--purpose", "manufacturer", "--name", "Acme", "--json"))
    assert (added["name"], added["purpose"], added["hash"]["algorithm"]) == ("Acme", "ManufacturerRootCertificate", "SHA256")
    assert "Acme" in store("certificate", "roots").output
    store("certificate", "add-root", str(file), "--purpose", "manufacturer", code=1)
    store("certificate", "remove-root", str(added["id"]))
    assert facts(store("certificate", "roots", "--json")) == []
    file.write_text("nothing")
    assert "PEM" in store("certificate", "add-root", str(file), code=2).output


def test_the_authority_s_root_is_made_once(store: Run, tmp_path: Path) -> None:
    pem = store("certificate", "authority").stdout
    assert x509.load_pem_x509_certificate(pem.encode()).subject == x509.load_pem_x509_certificate(pem.encode()).issuer
    assert store("certificate", "authority").stdout == pem
    store("certificate", "authority", "--out", "root.pem")
    assert (tmp_path / "root.pem").read_text() == pem
    assert (tmp_path / "authority" / "authority.key").stat().st_mode & 0o777 == 0o600
    store("certificate", "add-root", "root.pem")


def test_another_authority_s_root_is_not_ours_to_give(store: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CSMS_SECURITY_AUTHORITY", "notary")
    assert "notary" in store("certificate", "authority", code=2).output


def test_certificates_and_events_are_shown(store: Run, tmp_path: Path) -> None:
    config = load(None, {"CSMS_DATABASE_URL": f"sqlite:///{tmp_path}/csms.db"})
    write(config, partial(stations.add_charger, charger_id="C1"), keys=(charger_key("C1"),))
    write(
        config, partial(service.notice, charger_id="C1", kind="LoginsFailed", info="10 failed log-ins"), keys=(charger_key("C1"),)
    )
    assert "csms certificate renew" in store("certificate", "list").output
    assert "csms certificate renew" in store("certificate", "list", "--charger", "C1").output
    assert "asked for nothing" in store("certificate", "requests", "C1").output
    store("certificate", "show", "7", code=1)
    store("certificate", "revoke", "7", code=1)
    assert "has none" in store("certificate", "installed", "C1", "--stored").output
    (event,) = facts(store("security", "events", "--critical", "--json"))
    assert (event["charger_id"], event["kind"], event["critical"], event["source"]) == ("C1", "LoginsFailed", True, "csms")
    assert "10 failed log-ins" in store("security", "events", "--charger", "C1").output
    assert "There are none" in store("security", "events", "--charger", "C2").output
    assert "No key was rotated" in store("security", "keys").output
