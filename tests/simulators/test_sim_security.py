"""Passwords, security profiles and TLS, over real sockets (whitepaper A00, A01, A02, A04, A05)."""

from __future__ import annotations

import ssl

import pytest
import trio

from simulators.charger import Charger, Profile, parse_url
from simulators.charger.certificates import CENTRAL_SYSTEM, CertificateStore, load
from simulators.charger.dial import TlsTrouble
from simulators.charger.security import key_bytes
from simulators.clock import Clock
from simulators.fleet.ledger import Ledger
from simulators.frames import Result
from simulators.stub import StubServer
from simulators.watch import Watcher, Watchers

LIMIT_S = 20
HEX_KEY = "00ff10a1" * 5


class Sayings(Watcher):
    def __init__(self):
        self.said = []

    def happened(self, charger_id, what):
        self.said.append(what)


class Rig:
    """A stub server with plain and TLS ports, and a charger that connects to one of them."""

    def __init__(self, nursery, folder, authority):
        self.nursery = nursery
        self.folder = folder
        self.authority = authority
        self.server = StubServer(Clock.start(), record=True)
        self.sayings = Sayings()
        self.peers = []

    def context(self, *, name="localhost", client_certificates=False, issuer=None):
        pem, key = (issuer or self.authority).issue(name)
        from cryptography.hazmat.primitives import serialization

        path = self.folder / f"{name}.pem"
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        path.write_text(pem + secret)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        if client_certificates:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=self.authority.pem)
        return context

    async def listen(self, tls=None):
        port = await self.nursery.start(lambda *, task_status: self.server.serve_tcp(0, tls=tls, task_status=task_status))
        return f"{'wss' if tls else 'ws'}://localhost:{port}/ocpp"

    async def charger(self, url, *, secure_url=None, identity=None, roots=True, online=True, **profile):
        store = CertificateStore({CENTRAL_SYSTEM: [self.authority.certificate] if roots else []}, identity)
        charger = Charger(
            Profile(charger_id="CH-1", backoff_min_s=0.02, backoff_max_s=0.05, restart_s=0.05, **profile),
            parse_url(url),
            clock=Clock.start(),
            watcher=Watchers(Ledger(), self.sayings),
            secure_address=None if secure_url is None else parse_url(secure_url),
            certificates=store,
        )
        await self.nursery.start(charger.run)
        if online:
            await self.until(lambda: charger.online)
        return charger

    async def until(self, condition):
        with trio.fail_after(LIMIT_S):
            while not condition():
                await trio.sleep(0.01)

    async def order(self, action, **payload):
        answer = await self.server.command("CH-1", action, payload, timeout_s=LIMIT_S)
        assert isinstance(answer, Result), answer
        return answer.payload

    async def reconnected(self, charger, connections):
        await self.until(lambda: self.server.connected >= connections and charger.online and "CH-1" in self.server.connections)

    def events(self):
        return [heard.payload["type"] for heard in self.server.heard if heard.action == "SecurityEventNotification"]


@pytest.fixture(scope="module")
def authority(sim_authority):
    return sim_authority("Operator root")


@pytest.fixture
async def rig(nursery, tmp_path, authority):
    return Rig(nursery, tmp_path, authority)


async def change(rig, key, value):
    return (await rig.order("ChangeConfiguration", key=key, value=value))["status"]


# --- passwords --------------------------------------------------------------------------------------------------------------------


def test_keys_are_hexadecimal_where_they_can_be():
    assert key_bytes(HEX_KEY) == bytes.fromhex(HEX_KEY)
    assert key_bytes("0123456789abcdef") == b"0123456789abcdef"
    assert key_bytes("a password in clear text") == b"a password in clear text"


async def test_a_new_key_is_shown_as_bytes(rig):
    rig.server.password_of = {"CH-1": b"old password 1234"}.get
    charger = await rig.charger(await rig.listen(), password=b"old password 1234")
    assert await change(rig, "AuthorizationKey", "short") == "Rejected"
    rig.server.password_of = {"CH-1": bytes.fromhex(HEX_KEY)}.get
    assert await change(rig, "AuthorizationKey", HEX_KEY) == "Accepted"
    await rig.reconnected(charger, 2)
    keys = (await rig.order("GetConfiguration", key=["AuthorizationKey"]))["configurationKey"]
    assert keys == [{"key": "AuthorizationKey", "readonly": False}]
    assert not any(HEX_KEY in line for line in rig.sayings.said)


async def test_the_old_key_is_shown_where_the_new_one_is_refused(rig):
    rig.server.password_of = {"CH-1": b"old password 1234"}.get
    charger = await rig.charger(await rig.listen(), password=b"old password 1234")
    assert await change(rig, "AuthorizationKey", HEX_KEY) == "Accepted"
    await rig.reconnected(charger, 2)
    assert charger.security.password == b"old password 1234"
    assert "FailedToAuthenticateAtCentralSystem" in [event.kind for event in charger.security.log]
    # and that one stays: the refused key is forgotten
    charger.life.drop("close", 0)
    await rig.reconnected(charger, 3)


# --- TLS --------------------------------------------------------------------------------------------------------------------------


async def test_profile_2(rig):
    rig.server.password_of = {"CH-1": b"secret"}.get
    charger = await rig.charger(await rig.listen(rig.context()), password=b"secret")
    assert charger.security.profile == 2


@pytest.mark.parametrize("fault", ["name", "issuer"])
async def test_a_server_that_is_not_who_it_should_be(rig, sim_authority, fault):
    context = rig.context(name="elsewhere") if fault == "name" else rig.context(issuer=sim_authority("Impostor"))
    bad, good = await rig.listen(context), await rig.listen(rig.context())
    charger = await rig.charger(bad, online=False, password=b"secret")
    await rig.until(lambda: len(charger.outbox) == 1)
    await trio.sleep(0.3)
    assert rig.server.connected == 0
    assert len(charger.outbox) == 1, "told once, however often it is seen"
    charger.address = parse_url(good)
    await rig.until(lambda: charger.online)
    await rig.until(lambda: rig.events() == ["InvalidCentralSystemCertificate"])


def handshake_error(client, server):
    """What a client's handshake with a server ends in; in memory, because Trio's servers send no alerts."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname="localhost"),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(10):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError as error:
                if end is ends[0]:
                    return error
    return None


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_what_tls_could_not_agree_on_is_a_security_event(rig):
    charger = await rig.charger(await rig.listen(), online=False)
    old, few = rig.context(), rig.context()
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    few.maximum_version = ssl.TLSVersion.TLSv1_2
    few.set_ciphers("ECDHE-ECDSA-AES256-SHA")
    client = charger.security.context()
    assert TlsTrouble(handshake_error(client, old)).event == "InvalidTLSVersion"
    assert TlsTrouble(handshake_error(client, few)).event == "InvalidTLSCipherSuite"
    assert handshake_error(client, rig.context()) is None
    assert TlsTrouble(None).event == ""


async def test_profile_3_shows_its_certificate_and_no_password(rig):
    url = await rig.listen(rig.context(client_certificates=True))
    charger = await rig.charger(url, identity=rig.authority.identity("CH-1"), password=b"secret")
    assert (charger.security.profile, charger.security.password) == (3, None)
    await rig.order("ClearCache")


async def test_profile_3_needs_its_certificate(rig, sim_authority):
    url = await rig.listen(rig.context(client_certificates=True))
    await rig.charger(url, identity=sim_authority("Impostor").identity("CH-1"), online=False)
    await trio.sleep(0.5)
    assert rig.server.connected == 0


@pytest.mark.parametrize("kind", ["ec", "rsa"])
async def test_a_renewed_certificate_is_used(rig, kind):
    url = await rig.listen(rig.context(client_certificates=True))
    charger = await rig.charger(url, identity=rig.authority.identity("CH-1"), key_kind=kind)
    first = charger.security.store.identity
    await rig.order("ExtendedTriggerMessage", requestedMessage="SignChargePointCertificate")
    await rig.until(lambda: any(heard.action == "SignCertificate" for heard in rig.server.heard))
    csr = next(heard.payload["csr"] for heard in rig.server.heard if heard.action == "SignCertificate")
    await rig.order("CertificateSigned", certificateChain=rig.authority.sign(csr))
    await rig.reconnected(charger, 2)
    assert charger.security.store.identity is not first
    assert charger.security.store.fallback is None


async def test_back_to_the_old_certificate_where_the_new_one_does_not_work(rig, sim_authority):
    """Two roots are installed, and the server knows only one of them."""
    other = sim_authority("Operator root of tomorrow")
    url = await rig.listen(rig.context(client_certificates=True))
    charger = await rig.charger(url, identity=rig.authority.identity("CH-1"))
    first = charger.security.store.identity
    await rig.order("InstallCertificate", certificateType=CENTRAL_SYSTEM, certificate=other.pem)
    await rig.order("ExtendedTriggerMessage", requestedMessage="SignChargePointCertificate")
    await rig.until(lambda: any(heard.action == "SignCertificate" for heard in rig.server.heard))
    csr = next(heard.payload["csr"] for heard in rig.server.heard if heard.action == "SignCertificate")
    assert await rig.order("CertificateSigned", certificateChain=other.sign(csr)) == {"status": "Accepted"}
    await rig.reconnected(charger, 2)
    assert charger.security.store.identity is first


async def test_a_server_that_is_away_says_nothing_about_a_certificate(autojump_clock, bench, sim_authority):
    authority = sim_authority("Operator root")
    charger = await bench.charger(certificates=CertificateStore({}, authority.identity("CH-1")))
    fresh, old = authority.identity("CH-1"), charger.security.store.identity
    charger.security.store.identity, charger.security.store.fallback = fresh, old
    bench.reachable = False
    charger.life.drop("cut", 0)
    await trio.sleep(600)
    assert len(bench.dials) > 5
    assert charger.security.store.identity is fresh


async def test_the_root_in_use_is_not_deleted(rig):
    await rig.charger(await rig.listen(rig.context()), password=b"secret")
    (found,) = (await rig.order("GetInstalledCertificateIds", certificateType=CENTRAL_SYSTEM))["certificateHashData"]
    assert await rig.order("DeleteCertificate", certificateHashData=found) == {"status": "Failed"}


# --- security profiles ------------------------------------------------------------------------------------------------------------


async def test_upgrades_step_by_step(rig):
    plain = await rig.listen()
    secure = await rig.listen(rig.context(client_certificates=True))
    charger = await rig.charger(plain, secure_url=secure, roots=False)
    assert await change(rig, "SecurityProfile", "0") == "Rejected"
    assert await change(rig, "SecurityProfile", "4") == "Rejected"
    assert await change(rig, "SecurityProfile", "1") == "Rejected", "there is no AuthorizationKey"
    await change(rig, "AuthorizationKey", HEX_KEY)
    await rig.reconnected(charger, 2)
    assert await change(rig, "SecurityProfile", "1") == "Accepted"
    await rig.reconnected(charger, 3)
    assert await change(rig, "SecurityProfile", "3") == "Rejected", "there is neither a root nor a certificate"
    await rig.order("InstallCertificate", certificateType=CENTRAL_SYSTEM, certificate=rig.authority.pem)
    assert await change(rig, "SecurityProfile", "3") == "Rejected", "there is no certificate"
    await rig.order("ExtendedTriggerMessage", requestedMessage="SignChargePointCertificate")
    await rig.until(lambda: any(heard.action == "SignCertificate" for heard in rig.server.heard))
    csr = next(heard.payload["csr"] for heard in rig.server.heard if heard.action == "SignCertificate")
    await rig.order("CertificateSigned", certificateChain=rig.authority.sign(csr))
    assert await change(rig, "SecurityProfile", "3") == "Accepted"
    await rig.reconnected(charger, 4)
    keys = (await rig.order("GetConfiguration", key=["SecurityProfile"]))["configurationKey"]
    assert keys == [{"key": "SecurityProfile", "readonly": False, "value": "3"}]
    assert await change(rig, "SecurityProfile", "2") == "Rejected"


async def test_back_to_the_old_profile_where_the_new_one_does_not_work(rig, sim_authority):
    plain = await rig.listen()
    wrong = await rig.listen(rig.context(issuer=sim_authority("Impostor")))
    charger = await rig.charger(plain, secure_url=wrong, password=b"secret")
    assert await change(rig, "SecurityProfile", "2") == "Accepted"
    await rig.reconnected(charger, 2)
    assert charger.security.profile == 1
    await rig.until(lambda: "InvalidCentralSystemCertificate" in rig.events())


# --- events -----------------------------------------------------------------------------------------------------------------------


async def test_events_wait_while_the_charger_is_offline(autojump_clock, bench):
    charger = await bench.charger()
    charger.life.go_offline()
    charger.security.event("TamperDetectionActivated", "door")
    assert len(charger.outbox) == 1
    charger.life.go_online()
    await bench.delivered(charger)
    assert bench.heard("SecurityEventNotification")[0].payload["techInfo"] == "door"


async def test_events_of_every_day_are_told_on_demand(autojump_clock, bench, order):
    charger = await bench.charger(tells_security_events=True)
    await order("Reset", type="Soft")
    await bench.until(lambda: len(bench.heard("BootNotification")) == 2)
    await bench.delivered(charger)
    types = [heard.payload["type"] for heard in bench.heard("SecurityEventNotification")]
    assert types == ["StartupOfTheDevice", "ResetOrReboot", "StartupOfTheDevice"]


async def test_a_charger_without_the_whitepaper(autojump_clock, bench):
    charger = await bench.charger(without=frozenset({"Security"}), tells_security_events=True)
    answer = await bench.server.command("CH-1", "GetInstalledCertificateIds", {"certificateType": CENTRAL_SYSTEM})
    assert answer.code == "NotSupported"
    charger.security.event("TamperDetectionActivated")
    await bench.delivered(charger)
    assert bench.heard("SecurityEventNotification") == []


def test_pem_of_a_chain(authority):
    assert len(load(authority.pem * 2)) == 2
