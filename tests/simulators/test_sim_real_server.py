"""Simulated chargers against the whole server, over real sockets: neither side knows the other's code."""

from __future__ import annotations

from functools import partial

import pytest
import trio
import trustme

from csms.config import OcppConfig, SecurityConfig
from csms.core.units import iso
from csms.testing.server import config_for, running_server
from simulators.charger import Car, Charger, Profile, Supply, Tag, parse_url
from simulators.charger.certificates import CENTRAL_SYSTEM, CertificateStore, load
from simulators.clock import Clock

pytestmark = pytest.mark.usefixtures("hurried_jobs")

LIMIT_S = 20


@pytest.fixture
def authority():
    return trustme.CA()


@pytest.fixture
async def server(tmp_path, authority):
    issued = authority.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "chain.pem")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    ocpp = OcppConfig(port=0, tls_certificate=str(tmp_path / "chain.pem"), tls_key=str(tmp_path / "key.pem"))
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    authority.private_key_pem.write_to_path(tmp_path / "ca.key")
    own = {"authority_certificate": str(tmp_path / "ca.pem"), "authority_key": str(tmp_path / "ca.key")}
    config = config_for(tmp_path, ocpp=ocpp, security=SecurityConfig(organization="", **own))
    async with running_server(config) as server:
        yield server


@pytest.fixture
def make(server, nursery, authority):
    async def charger(**profile):
        key = await server.add_charger("CP1")
        charger = Charger(
            Profile(charger_id="CP1", password=key.encode(), backoff_min_s=0.05, backoff_max_s=0.1, **profile),
            parse_url(server.url),
            clock=Clock.start(),
            certificates=CertificateStore({CENTRAL_SYSTEM: load(authority.cert_pem.bytes().decode())}),
        )
        await nursery.start(charger.run)
        await until(lambda: charger.online)
        return charger

    return charger


async def until(condition):
    with trio.fail_after(LIMIT_S):
        while not condition():
            await trio.sleep(0.01)


async def accepted(server, command, /, **fields):
    answer = await server.command("CP1", command, **fields)
    assert (answer.get("outcome"), answer.get("status")) == ("Answered", "Accepted"), answer
    return answer


async def posted(server, path, **body):
    response = await server.request("POST", f"/api/v1/{path}", body)
    assert response.status_code == 200, response.text
    return response.json()


async def test_it_rises_to_profile_3_and_its_certificate_is_renewed(server, make):
    charger = await make()
    assert charger.security.profile == 2
    await posted(server, "chargers/CP1/certificate/renew")
    await until(lambda: charger.security.store.identity is not None)
    first = charger.security.store.identity
    await server.eventually("SELECT 1 FROM charger_certificates WHERE state = 'active'")
    await posted(server, "chargers/CP1/security-profile", profile=3)
    await until(lambda: charger.security.profile == 3 and charger.online)
    await server.eventually("SELECT 1 FROM chargers WHERE id = 'CP1' AND security_profile = 3 AND security_profile_used = 3")
    await posted(server, "chargers/CP1/certificate/renew")
    await until(lambda: charger.security.store.identity is not first and charger.security.store.fallback is None)
    await server.eventually("SELECT 1 FROM charger_certificates WHERE state = 'superseded'")
    await accepted(server, "ClearCache")


async def test_its_key_is_rotated(server, make):
    charger = await make()
    before = charger.security.password
    await posted(server, "chargers/CP1/key/rotate")
    await until(lambda: charger.security.password != before and charger.online)
    await accepted(server, "ClearCache")


async def test_a_reservation_is_kept_and_used(server, make):
    charger = await make()
    await server.add_token("MINE")
    await server.add_token("OTHER")
    body = {"charger_id": "CP1", "place": {"evse": 1, "connector": 1}, "token": {"value": "MINE"}}
    body["expires_at"] = iso(charger.clock.now() + 600_000)
    response = await server.request("POST", "/api/v1/reservations", body)
    assert response.status_code == 201, response.text
    await until(lambda: charger.box.connector(1).status == "Reserved")
    assert await charger.box.tap(1, Tag("OTHER")) == "Reserved"
    assert await charger.box.tap(1, Tag("MINE")) == "Accepted"
    charger.box.plug(1, Car())
    await server.eventually("SELECT 1 FROM reservations WHERE state = 'used'")


async def test_profiles_limit_the_power(server, make):
    charger = await make(supplies=(Supply.of(22),))
    await server.add_token("T")
    charger.box.plug(1, Car(max_ac_w=22_000))
    await charger.box.tap(1, Tag("T"))
    schedule = {"start_at": charger.clock.now() - 1000, "unit": "A", "periods": [{"start_s": 0, "limit": "10"}]}
    limits = {"id": 7, "purpose": "TxDefaultProfile", "kind": "Absolute", "schedule": schedule}
    answer = await server.command("CP1", "SetChargingProfile", place={"evse": 1, "connector": 1}, profile=limits)
    assert answer.get("status") == "Accepted", answer
    assert round(charger.box.connector(1).power_w()) == 6900
    answer = await accepted(server, "GetCompositeSchedule", place={"evse": 1, "connector": 1}, duration_s=600)
    found = [[(each["start_s"], float(each["limit"])) for each in answer[side]["periods"]] for side in ("detail", "computed")]
    assert found == [[(0, 10.0)], [(0, 10.0)]], "the charger's, and the server's own"


async def test_its_list_is_sent(server, make):
    charger = await make()
    await server.add_token("T")
    send = partial(server.command, "CP1", "SendLocalList")
    answer = await send(version=3, entries=[{"token": {"value": "T"}, "verdict": {"status": "Accepted"}}])
    assert answer.get("status") == "Accepted", answer
    assert charger.authority.local_list.version == 3
