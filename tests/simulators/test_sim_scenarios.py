"""Each scenario that needs an operator is played to its end, with an operator at the stub who does what its header says."""

from __future__ import annotations

import httpx
import pytest
import trio

from simulators.charger import Supply
from simulators.charger.certificates import CENTRAL_SYSTEM, CertificateStore
from simulators.charger.options import scenarios
from simulators.charger.script import Stage, parse
from simulators.clock import iso

EPOCH_MS = 1_800_000_000_000
ALONE = {"full-success", "offline-day", "bad-citizen", "power-cut"}


class Operator:
    """Sends the commands of a scenario, one for each line that it says beginning with ``now``."""

    def __init__(self, bench, charger, *commands):
        self.bench = bench
        self.commands = list(commands)
        self.answers = []
        self.under_way = 0
        self.stage = Stage(charger, self.heard)

    def heard(self, text):
        if text.startswith("now "):
            self.bench.nursery.start_soon(self.send, self.commands.pop(0))

    async def send(self, commands):
        self.under_way += 1
        for action, payload in commands if isinstance(commands, list) else [commands]:
            await trio.sleep(2)
            payload = payload() if callable(payload) else payload
            self.answers.append((action, (await self.bench.server.command("CH-1", action, payload)).payload))
        self.under_way -= 1

    async def play(self, name):
        for step in parse(scenarios()[name]):
            await self.stage.play(step)
        assert self.commands == []
        await self.bench.until(lambda: self.under_way == 0)

    def words(self, action):
        return [answer.get("status") for name, answer in self.answers if name == action]


def files(request):
    return httpx.Response(200, content=b"image" * 1000) if request.method == "GET" else httpx.Response(201)


def profile(purpose, limit, number):
    return {
        "chargingProfileId": number,
        "stackLevel": 0,
        "chargingProfilePurpose": purpose,
        "chargingProfileKind": "Relative",
        "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": limit}]},
    }


async def test_availability_changes(autojump_clock, bench):
    changes = [(2, "Inoperative"), (2, "Operative"), (0, "Inoperative"), (0, "Operative")]
    commands = [("ChangeAvailability", {"connectorId": number, "type": kind}) for number, kind in changes]
    operator = Operator(bench, await bench.charger(), *commands)
    await operator.play("availability-changes")
    assert operator.words("ChangeAvailability") == ["Accepted", "Accepted", "Scheduled", "Accepted"]
    assert len(bench.heard("StopTransaction")) == 1


async def test_firmware(autojump_clock, bench):
    update = ("UpdateFirmware", {"location": "http://files/vt-2.0.0.bin", "retrieveDate": iso(EPOCH_MS), "retries": 1})
    charger = await bench.charger(web=files)
    operator = Operator(bench, charger, update, update)
    await operator.play("firmware")
    assert bench.statuses("FirmwareStatusNotification") == [
        *("Downloading", "Downloaded", "Installing", "Installed"),
        *("Downloading", "DownloadFailed"),
    ]
    assert charger.firmware.version == "2.0.0"


async def test_reservations(autojump_clock, bench):
    def reserve(number, connector, seconds):
        return lambda: {
            "reservationId": number,
            "connectorId": connector,
            "idTag": "TAG-1",
            "expiryDate": iso(bench.clock.now() + seconds * 1000),
        }

    operator = Operator(
        bench,
        await bench.charger(),
        ("ReserveNow", reserve(1, 1, 600)),
        [("ReserveNow", reserve(2, 1, 600)), ("CancelReservation", {"reservationId": 2})],
        ("ReserveNow", reserve(3, 2, 60)),
    )
    await operator.play("reservations")
    assert [heard.payload["reservationId"] for heard in bench.heard("StartTransaction")] == [1]
    assert operator.words("ReserveNow") == ["Accepted"] * 3


async def test_local_list(autojump_clock, bench):
    entries = [
        {"idTag": "TAG-1", "idTagInfo": {"status": "Accepted"}},
        {"idTag": "BLOCKED", "idTagInfo": {"status": "Blocked"}},
    ]
    send = ("SendLocalList", {"listVersion": 1, "updateType": "Full", "localAuthorizationList": entries})
    await Operator(bench, await bench.charger(), send).play("local-list")
    assert [heard.payload["idTag"] for heard in bench.heard("StartTransaction")] == ["TAG-1"]
    assert bench.heard("Authorize") == []


async def test_smart_charging(autojump_clock, bench):
    def put(connector, *what):
        return "SetChargingProfile", {"connectorId": connector, "csChargingProfiles": profile(*what)}

    charger = await bench.charger(supplies=(Supply.of(11), Supply.of(11)))
    operator = Operator(
        bench,
        charger,
        put(1, "TxDefaultProfile", 10, 1),
        put(1, "TxProfile", 0, 2),
        ("ClearChargingProfile", {"chargingProfilePurpose": "TxProfile"}),
        [put(0, "ChargePointMaxProfile", 6, 3), ("GetCompositeSchedule", {"connectorId": 1, "duration": 3600})],
        ("ClearChargingProfile", {}),
    )
    await operator.play("smart-charging")
    composite = next(answer for action, answer in operator.answers if action == "GetCompositeSchedule")
    assert composite["chargingSchedule"]["chargingSchedulePeriod"] == [{"startPeriod": 0, "limit": 6.0}]
    offered = [
        sample["value"]
        for heard in bench.heard("MeterValues")
        for value in heard.payload["meterValue"]
        for sample in value["sampledValue"]
        if sample["measurand"] == "Current.Offered"
    ]
    assert offered[0] == "10.0"
    assert "6.0" in offered


async def test_security(autojump_clock, bench, sim_authority):
    authority = sim_authority("Operator root")
    usual = bench.server.answer

    def answer(connection, call):
        if call.action == "SignCertificate":
            bench.nursery.start_soon(
                operator.send, ("CertificateSigned", {"certificateChain": authority.sign(call.payload["csr"])})
            )
        return usual(connection, call)

    bench.server.answer = answer
    charger = await bench.charger(web=files, certificates=CertificateStore({CENTRAL_SYSTEM: [authority.certificate]}))
    operator = Operator(
        bench,
        charger,
        ("ExtendedTriggerMessage", {"requestedMessage": "SignChargePointCertificate"}),
        ("GetInstalledCertificateIds", {"certificateType": CENTRAL_SYSTEM}),
        ("GetLog", {"logType": "SecurityLog", "requestId": 1, "log": {"remoteLocation": "http://files/up"}}),
    )
    # a key is made in a thread, which simulated time does not wait for
    autojump_clock.autojump_threshold = 0.2
    await operator.play("security")
    assert operator.words("CertificateSigned") == ["Accepted"]
    assert "TamperDetectionActivated" in [heard.payload["type"] for heard in bench.heard("SecurityEventNotification")]


async def test_diagnostics(autojump_clock, bench):
    get = ("GetDiagnostics", {"location": "http://files/up"})
    operator = Operator(bench, await bench.charger(web=files), get, get, get)
    await operator.play("diagnostics")
    assert bench.statuses("DiagnosticsStatusNotification") == ["Uploading", "Uploaded", "Uploading", "UploadFailed"]
    assert operator.answers[-1] == ("GetDiagnostics", {})


@pytest.mark.parametrize(("name", "text"), sorted(scenarios().items()))
def test_each_says_what_is_to_be_done_meanwhile(name, text):
    first, second, *_ = text.splitlines()
    assert first.startswith("# ")
    header = [line for line in text.splitlines() if line.startswith("#")]
    assert any(line.startswith("# Meanwhile") for line in header)
    assert any("csms " in line for line in header) is (name not in ALONE), second


def test_all_that_were_promised_are_there():
    assert ALONE | {
        "availability-changes",
        "firmware",
        "reservations",
        "local-list",
        "smart-charging",
        "security",
        "diagnostics",
    } <= set(scenarios())
