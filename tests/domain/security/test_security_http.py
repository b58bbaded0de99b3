"""Certificates, roots, keys, security profiles and security events over HTTP."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import trustme

from csms.testing.charger import connect
from csms.testing.fixtures import ConnectCharger
from csms.testing.server import TestServer

API = "/api/v1"
Asked = Callable[..., Awaitable[tuple[Any, list[Any]]]]
Strangers = Callable[[], Awaitable[list[Mapping[str, str]]]]
CSMS_ROOT = "CSMSRootCertificate"
PRIVATE = "PRIVATE KEY"


@pytest.fixture
def engine() -> str:
    return "sqlite"


async def ok(server: TestServer, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
    answer = await server.request(method, f"{API}/{path}", body, headers=headers)
    assert answer.status_code in (200, 201), (path, answer.text)
    assert PRIVATE not in answer.text
    return answer.json()


async def test_roots(server: TestServer, charger: ConnectCharger, asked: Asked, strangers: Strangers) -> None:
    box = await charger("C1")
    pem = trustme.CA(organization_name="Roots").cert_pem.bytes().decode()
    added = await server.request("POST", f"{API}/root-certificates", {"pem": pem, "name": "Ours"})
    assert added.status_code == 201, added.text
    root = added.json()
    where = added.headers["Location"].removeprefix(f"{API}/")
    assert (root["name"], root["purpose"], root["hash"]["algorithm"]) == ("Ours", CSMS_ROOT, "SHA256")
    assert root == await ok(server, "GET", where)
    (listed,) = (await ok(server, "GET", f"root-certificates?purpose={CSMS_ROOT}&search=our"))["items"]
    assert ("pem" in listed, listed["id"]) == (False, root["id"])
    assert (await server.request("POST", f"{API}/root-certificates", {"pem": pem})).status_code == 409
    for wrong in ({"pem": "no certificate"}, {}, {"pem": pem, "purpose": "Fun"}):
        assert (await server.request("POST", f"{API}/root-certificates", wrong)).status_code == 422, wrong

    name = {
        "hashAlgorithm": "SHA256",
        "issuerNameHash": root["hash"]["issuer_name_hash"],
        "issuerKeyHash": root["hash"]["issuer_key_hash"],
        "serialNumber": root["hash"]["serial"],
    }
    has = {"status": "Accepted", "certificateHashData": [name]}
    install = f"chargers/C1/root-certificates/{root['id']}/install"
    told, heard = await asked(box, install, {}, ("InstallCertificate", {"status": "Accepted"}), ("GetInstalledCertificateIds", has))
    assert (told["outcome"], told["accepted"], heard[0]["certificate"]) == ("Answered", True, root["pem"])
    installed = await ok(server, "GET", "chargers/C1/root-certificates")
    assert [(each["root_id"], each["name"]) for each in installed["items"]] == [(root["id"], "Ours")]
    told, _ = await asked(box, "chargers/C1/root-certificates/read", {}, ("GetInstalledCertificateIds", has))
    assert told["items"][0]["certificate"]["serial"] == root["hash"]["serial"]
    assert (await ok(server, "GET", "chargers/C1/root-certificates?purpose=ManufacturerRootCertificate"))["read_at"] is None
    beside, other = await strangers()
    for headers in (beside, other):
        assert (await server.request("GET", f"{API}/chargers/C1/root-certificates", headers=headers)).status_code == 404
        assert (await server.request("POST", f"{API}/{install}", {}, headers=headers)).status_code == 404
    assert (await server.request("GET", f"{API}/{where}", headers=other)).status_code == 404
    assert (await server.request("DELETE", f"{API}/{where}", headers=beside)).status_code == 403
    assert (await server.request("DELETE", f"{API}/{where}")).status_code == 204
    assert (await server.request("DELETE", f"{API}/{where}")).status_code == 404


async def test_keys_profiles_and_events(server: TestServer, asked: Asked, strangers: Strangers, tmp_path: Path) -> None:
    key = await server.add_charger("C1")
    async with connect(server.url, "C1", password=key) as box:
        await box.boot_v16()
        wanted = "0123456789abcdef0123456789abcdef01234567"
        told, heard = await asked(box, "chargers/C1/key/rotate", {"key": wanted}, ("ChangeConfiguration", {"status": "Accepted"}))
        assert heard == [{"key": "AuthorizationKey", "value": wanted}]
        assert (told["rotation"]["state"], wanted in str(told)) == ("accepted", False)
        (rotation,) = (await ok(server, "GET", "key-rotations?charger_id=C1&state=accepted"))["items"]
        assert (rotation, "sealed" in rotation) == (told["rotation"], False)
        known = await ok(server, "GET", "chargers/C1/security")
        assert (known["has_key"], known["keys_offered"], known["profile_used"], known["certificate"]) == (True, 1, 1, None)
        assert (known["rotation"], known["upgrade"]) == (rotation, None)
        assert (await server.request("POST", f"{API}/chargers/C1/key/rotate", {"key": "short"})).status_code == 422
        assert (await server.request("POST", f"{API}/chargers/C1/security-profile", {"profile": 1})).status_code == 409
        assert (await server.request("POST", f"{API}/chargers/C1/security-profile", {"profile": 4})).status_code == 422
        assert (await ok(server, "GET", "profile-upgrades"))["total"] == 0
        for number, kind in enumerate(("TamperDetectionActivated", "AcmeFanStuck")):
            said = {"type": kind, "timestamp": f"2026-03-01T12:00:0{number}Z", "techInfo": "the door is open"}
            await box.call("SecurityEventNotification", said)
        (critical,) = (await ok(server, "GET", "security-events?critical=true&source=charger&search=door"))["items"]
        assert (critical["kind"], critical["charger_id"]) == ("TamperDetectionActivated", "C1")
        assert await ok(server, "GET", f"security-events/{critical['id']}") == critical
        first = await ok(server, "GET", "security-events?limit=1")
        rest = await ok(server, "GET", f"security-events?after={first['next']}")
        assert [each["kind"] for each in (*first["items"], *rest["items"])] == ["AcmeFanStuck", "TamperDetectionActivated"]
        told, _ = await asked(box, "chargers/C1/certificate/renew", {}, ("ExtendedTriggerMessage", {"status": "Accepted"}))
        assert told["status"] == "Accepted"

        def insert(tx: Any) -> None:
            tx.run(
                "INSERT INTO charger_certificates (tenant, charger_id, origin, state, fingerprint, serial, subject, chain, not_after_at,"
                " created_at, changed_at) VALUES (:tenant, 'C1', 'signed', 'active', 'ab', '0f', 'CN=C1', 'PEM', :ends, :now, :now)",
                ends=tx.now + 1000,
            )

        await server.do(insert)
        (item,) = (await ok(server, "GET", "certificates?state=active&ends_before_at=2999-01-01T00:00:00Z&search=0f"))["items"]
        assert ("chain" in item, item["serial"]) == (False, "0f")
        detail = await ok(server, "GET", f"certificates/{item['id']}")
        assert detail["chain"] == "PEM"
        assert (await ok(server, "GET", "chargers/C1/certificates"))["items"] == [item]
        assert (await ok(server, "GET", "chargers/C1/security"))["certificate"] == item
        assert (await ok(server, "GET", "certificate-requests?charger_id=C1"))["total"] == 0
        authority = await ok(server, "GET", "certificate-authority")
        assert (authority["signs"], isinstance(authority["pem"], str)) == (True, True)

        one_by_one = (f"certificates/{item['id']}", f"security-events/{critical['id']}", "chargers/C1/security")
        for headers in await strangers():
            for path in one_by_one:
                assert (await server.request("GET", f"{API}/{path}", headers=headers)).status_code == 404, path
            assert (await server.request("POST", f"{API}/{one_by_one[0]}/revoke", {}, headers=headers)).status_code == 404
            for path in ("certificates", "key-rotations", "security-events", "certificate-requests", "profile-upgrades"):
                assert (await ok(server, "GET", path, headers=headers))["items"] == [], path
        revoked = await ok(server, "POST", f"certificates/{item['id']}/revoke", {"reason": "stolen"})
        assert (revoked["state"], revoked["reason"]) == ("revoked", "stolen")
        assert (await box.wait_closed())[0] == 1008
    assert (await server.request("POST", f"{API}/certificates/{item['id']}/revoke", {})).status_code == 409
    noted = await server.rows("SELECT detail, before, after FROM audit_log")
    assert wanted not in str([dict(each) for each in noted])
