"""Firmware updates, plain and signed: every status, in order, and what is booted in the end (1.6 §5.19, whitepaper L01)."""

from __future__ import annotations

import base64
import hashlib

import httpx
import pytest
import trio
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding

from simulators.charger import Car, Tag
from simulators.charger.certificates import MANUFACTURER, CertificateStore, load
from simulators.charger.firmware import next_version
from simulators.clock import iso

EPOCH_MS = 1_800_000_000_000
IMAGE = b"firmware image " * 5000
PAST = "2027-01-01T00:00:00Z"
DONE = ["Downloading", "Downloaded", "Installing", "Installed"]


class Site:
    """A web site with one image; ``failures`` answers come before the good one."""

    def __init__(self, *failures, headers=None):
        self.answers = list(failures)
        self.headers = headers or {}
        self.asked = []

    def __call__(self, request):
        self.asked.append(trio.current_time())
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        return httpx.Response(200, content=IMAGE, headers=self.headers)


async def update(order, **more):
    assert await order("UpdateFirmware", location="http://files/ac22-2.1.0.bin", retrieveDate=PAST, **more) == {}


async def finished(bench, charger, *words):
    await bench.until(lambda: bench.statuses("FirmwareStatusNotification")[-1:] == [words[-1]])
    assert bench.statuses("FirmwareStatusNotification") == list(words)


async def test_downloaded_installed_and_booted(autojump_clock, bench, order):
    charger = await bench.charger(web=Site())
    await update(order)
    await finished(bench, charger, *DONE)
    boots = [heard.payload["firmwareVersion"] for heard in bench.heard("BootNotification")]
    assert boots == ["1.0.0", "2.1.0"]
    actions = bench.actions()
    assert actions.index("BootNotification", 1) < len(actions) - 1 - actions[::-1].index("FirmwareStatusNotification")
    assert [connector.status for connector in charger.box.connectors] == ["Available", "Available"]


async def test_it_waits_for_the_retrieve_date_and_for_transactions(autojump_clock, bench, order):
    site = Site()
    charger = await bench.charger(web=site)
    charger.box.plug(1, Car(soc=0.1))
    await charger.box.tap(1, Tag("TAG-1"))
    when = iso(EPOCH_MS + 300_000)
    await order("UpdateFirmware", location="http://files/x.bin", retrieveDate=when)
    await trio.sleep(200)
    assert site.asked == []
    await bench.until(lambda: charger.firmware.status == "Downloaded")
    await trio.sleep(60)
    assert charger.box.connector(2).status == "Unavailable"
    assert await charger.box.tap(2, Tag("TAG-2")) == "OutOfOrder"
    assert bench.statuses("FirmwareStatusNotification") == ["Downloading", "Downloaded"]
    await charger.box.tap(1)
    await finished(bench, charger, *DONE)
    assert bench.heard("BootNotification")[-1].payload["firmwareVersion"] == "1.0.1"


async def test_retries_and_their_interval(autojump_clock, bench, order):
    site = Site(httpx.Response(503), httpx.ConnectError("refused"))
    charger = await bench.charger(web=site)
    await update(order, retries=3, retryInterval=40)
    await finished(bench, charger, *DONE)
    assert [round(later - earlier) for earlier, later in zip(site.asked, site.asked[1:], strict=False)] == [40, 40]


async def test_download_failed(autojump_clock, bench, order):
    site = Site(*(httpx.Response(404) for _ in range(2)))
    charger = await bench.charger(web=site)
    await update(order, retries=2, retryInterval=1)
    await finished(bench, charger, "Downloading", "DownloadFailed")
    assert len(site.asked) == 2
    assert charger.firmware.version == "1.0.0"


@pytest.mark.parametrize("location", ["ftp://files/x.bin", "nonsense", "http://[::", "", "file:///etc/passwd"])
async def test_places_from_which_nothing_comes(autojump_clock, bench, order, location):
    charger = await bench.charger(web=Site())
    await bench.server.command("CH-1", "UpdateFirmware", {"location": location, "retrieveDate": PAST, "retries": 1})
    await finished(bench, charger, "Downloading", "DownloadFailed")


async def test_offline_nothing_comes_either_and_the_server_hears_of_it_later(autojump_clock, bench, order):
    site = Site()
    charger = await bench.charger(web=site)
    await order("UpdateFirmware", location="http://files/x", retrieveDate=iso(EPOCH_MS + 60_000), retries=1)
    charger.life.go_offline()
    await trio.sleep(120)
    assert site.asked == []
    charger.life.go_online()
    await bench.delivered(charger)
    await finished(bench, charger, "Downloading", "DownloadFailed")


@pytest.mark.parametrize(
    ("headers", "good"),
    [
        ({"X-Checksum-Sha256": hashlib.sha256(IMAGE).hexdigest()}, True),
        ({"Digest": f"sha-256={base64.b64encode(hashlib.sha256(IMAGE).digest()).decode()}"}, True),
        ({"Repr-Digest": f"sha-256=:{base64.b64encode(hashlib.sha256(IMAGE).digest()).decode()}:"}, True),
        ({"X-Checksum-Sha256": "00" * 32}, False),
        ({"Digest": f"sha-256={base64.b64encode(bytes(32)).decode()}"}, False),
    ],
)
async def test_the_servers_checksum_is_believed(autojump_clock, bench, order, headers, good):
    charger = await bench.charger(web=Site(headers=headers))
    await update(order, retries=1)
    await finished(bench, charger, *(DONE if good else ["Downloading", "DownloadFailed"]))


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        ("download", ["Downloading", "DownloadFailed"]),
        ("installation", ["Downloading", "Downloaded", "Installing", "InstallationFailed"]),
    ],
)
async def test_told_to_fail(autojump_clock, bench, order, failure, words):
    charger = await bench.charger(web=Site(), failing=frozenset({failure}))
    await update(order)
    await finished(bench, charger, *words)
    assert {connector.status for connector in charger.box.connectors} == {"Available"}
    assert charger.firmware.version == "1.0.0"


async def test_triggered_status(autojump_clock, bench, order):
    charger = await bench.charger(web=Site())
    await order("TriggerMessage", requestedMessage="FirmwareStatusNotification")
    assert bench.statuses("FirmwareStatusNotification") == ["Idle"]
    charger.box.plug(1, Car(soc=0.1))
    await charger.box.tap(1, Tag("TAG-1"))
    await update(order)
    await bench.until(lambda: charger.firmware.status == "Downloaded")
    await order("TriggerMessage", requestedMessage="FirmwareStatusNotification")
    assert bench.statuses("FirmwareStatusNotification")[-2:] == ["Downloaded", "Downloaded"]


async def test_a_charger_that_takes_signed_firmware_only(autojump_clock, bench):
    await bench.charger(failing=frozenset({"unsigned-firmware"}))
    answer = await bench.server.command("CH-1", "UpdateFirmware", {"location": "http://x/", "retrieveDate": PAST})
    assert answer.code == "NotSupported"


def test_versions():
    assert next_version("1.0.9", "http://x/images/ac22-v2.10.3.bin?sig=1.1") == "2.10.3"
    assert next_version("1.0.9", "http://x/latest.bin") == "1.0.10"
    assert next_version("R7", "http://x/") == "R7.1"


# --- signed ---------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def maker(sim_authority):
    return sim_authority("Maker root")


@pytest.fixture
def signed(order, maker):
    """Ask for a signed update; the certificate may be another, the signature over other bytes."""

    async def send(kind="ec", *, image=IMAGE, issuer=maker, signature=None, request_id=11, **firmware):
        certificate, key = issuer.issue("Firmware signing", kind=kind)
        if signature is None:
            if kind == "ec":
                raw = key.sign(image, ec.ECDSA(hashes.SHA256()))
            else:
                raw = key.sign(image, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
            signature = base64.b64encode(raw).decode()
        body = {
            "location": "http://files/ac22-3.0.0.bin",
            "retrieveDateTime": PAST,
            "signingCertificate": certificate,
            "signature": signature,
        }
        return (await order("SignedUpdateFirmware", requestId=request_id, firmware=body | firmware))["status"]

    return send


@pytest.fixture
def trusting(bench, maker):
    async def make(**more):
        store = CertificateStore({MANUFACTURER: load(maker.pem)})
        return await bench.charger(web=Site(), certificates=store, **more)

    return make


async def ended(bench, *words):
    await bench.until(lambda: bench.statuses("SignedFirmwareStatusNotification")[-1:] == [words[-1]])
    assert bench.statuses("SignedFirmwareStatusNotification") == list(words)


@pytest.mark.parametrize("kind", ["ec", "rsa"])
async def test_signed_firmware(autojump_clock, bench, trusting, signed, kind):
    charger = await trusting()
    assert await signed(kind) == "Accepted"
    await ended(bench, "Downloading", "Downloaded", "SignatureVerified", "Installing", "Installed")
    assert {heard.payload["requestId"] for heard in bench.heard("SignedFirmwareStatusNotification")} == {11}
    await bench.delivered(charger)
    assert bench.heard("SecurityEventNotification")[-1].payload["type"] == "FirmwareUpdated"
    assert charger.firmware.version == "3.0.0"
    assert bench.heard("FirmwareStatusNotification") == []


async def test_a_signature_over_something_else(autojump_clock, bench, trusting, signed):
    charger = await trusting()
    assert await signed(image=b"something else") == "Accepted"
    await ended(bench, "Downloading", "Downloaded", "InvalidSignature")
    await bench.delivered(charger)
    assert [heard.payload["type"] for heard in bench.heard("SecurityEventNotification")] == ["InvalidFirmwareSignature"]


async def test_a_signature_that_is_none(autojump_clock, bench, trusting, signed):
    await trusting()
    assert await signed(signature="!!!") == "Accepted"
    await ended(bench, "Downloading", "Downloaded", "InvalidSignature")


async def test_certificates_that_are_refused(autojump_clock, bench, trusting, signed, sim_authority):
    charger = await trusting()
    assert await signed(issuer=sim_authority("Somebody else")) == "InvalidCertificate"
    charger.failing.add("revoked")
    assert await signed() == "RevokedCertificate"
    await bench.delivered(charger)
    assert [heard.payload["type"] for heard in bench.heard("SecurityEventNotification")] == [
        "InvalidFirmwareSigningCertificate"
    ] * 2
    assert bench.heard("SignedFirmwareStatusNotification") == []


async def test_a_second_update_cancels_the_first(autojump_clock, bench, trusting, signed):
    charger = await trusting()
    assert await signed(installDateTime=iso(EPOCH_MS + 3_600_000)) == "Accepted"
    await bench.until(lambda: charger.firmware.signed == "InstallScheduled")
    assert await signed(request_id=12) == "AcceptedCanceled"
    await bench.until(lambda: charger.firmware.signed == "Installed")
    await bench.delivered(charger)
    last = [heard.payload for heard in bench.heard("SignedFirmwareStatusNotification")][-5:]
    assert {payload["requestId"] for payload in last} == {12}
    await trio.sleep(7200)
    assert charger.firmware.signed == "Installed"


async def test_signed_status_on_request(autojump_clock, bench, trusting, signed, order):
    charger = await trusting(failing=frozenset({"installation"}))
    await order("ExtendedTriggerMessage", requestedMessage="FirmwareStatusNotification")
    assert bench.heard("SignedFirmwareStatusNotification")[-1].payload == {"status": "Idle"}
    await signed()
    await bench.until(lambda: charger.firmware.signed == "InstallationFailed")
    await bench.delivered(charger)
    await order("ExtendedTriggerMessage", requestedMessage="FirmwareStatusNotification")
    assert bench.heard("SignedFirmwareStatusNotification")[-1].payload == {"status": "InstallationFailed", "requestId": 11}
