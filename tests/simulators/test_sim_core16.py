"""The rest of 1.6: refusals on demand, every configuration key, the charger itself, messages on request, groups of tokens."""

from __future__ import annotations

import pytest
import trio

from simulators.charger import Car, Profile, Tag
from simulators.charger.failures import FAILURES

REQUIRED_KEYS = {
    "AuthorizeRemoteTxRequests",
    "ClockAlignedDataInterval",
    "ConnectionTimeOut",
    "ConnectorPhaseRotation",
    "GetConfigurationMaxKeys",
    "HeartbeatInterval",
    "LocalAuthorizeOffline",
    "LocalPreAuthorize",
    "MeterValuesAlignedData",
    "MeterValuesSampledData",
    "MeterValueSampleInterval",
    "NumberOfConnectors",
    "ResetRetries",
    "StopTransactionOnEVSideDisconnect",
    "StopTransactionOnInvalidId",
    "StopTxnAlignedData",
    "StopTxnSampledData",
    "SupportedFeatureProfiles",
    "TransactionMessageAttempts",
    "TransactionMessageRetryInterval",
    "UnlockConnectorOnEVSideDisconnect",
    "LocalAuthListEnabled",
    "LocalAuthListMaxLength",
    "SendLocalListMaxLength",
    "ChargeProfileMaxStackLevel",
    "ChargingScheduleAllowedChargingRateUnit",
    "ChargingScheduleMaxPeriods",
    "MaxChargingProfilesInstalled",
}
"""1.6 §9: what every charger with all feature profiles must have."""


async def charging(bench, charger, tag="TAG-1"):
    charger.box.plug(1, Car(soc=0.1))
    await charger.box.tap(1, Tag(tag))
    await bench.delivered(charger)


@pytest.mark.parametrize(
    ("failure", "action", "payload", "answer"),
    [
        ("remote", "RemoteStartTransaction", {"idTag": "T"}, "Rejected"),
        ("remote", "RemoteStopTransaction", {"transactionId": 1}, "Rejected"),
        ("reset", "Reset", {"type": "Soft"}, "Rejected"),
        ("unlock", "UnlockConnector", {"connectorId": 1}, "UnlockFailed"),
        ("fixed-cable", "UnlockConnector", {"connectorId": 1}, "NotSupported"),
        ("availability", "ChangeAvailability", {"connectorId": 1, "type": "Operative"}, "Rejected"),
        ("cache", "ClearCache", {}, "Rejected"),
        ("trigger", "TriggerMessage", {"requestedMessage": "Heartbeat"}, "Rejected"),
    ],
)
async def test_refusals_on_demand(autojump_clock, bench, order, failure, action, payload, answer):
    await bench.charger(failing=frozenset({failure}))
    assert await order(action, **payload) == {"status": answer}


def test_profiles_name_what_does_not_exist():
    with pytest.raises(ValueError, match="cannot fail at luck"):
        Profile(charger_id="X", failing=frozenset({"luck"}))
    with pytest.raises(ValueError, match="no such feature: Teleport"):
        Profile(charger_id="X", without=frozenset({"Teleport"}))
    assert all(FAILURES.values())


async def test_every_required_key_is_there(autojump_clock, bench, order):
    await bench.charger()
    entries = {entry["key"]: entry for entry in (await order("GetConfiguration"))["configurationKey"]}
    assert entries.keys() >= REQUIRED_KEYS
    assert entries["SupportedFeatureProfiles"]["value"] == (
        "Core,FirmwareManagement,LocalAuthListManagement,Reservation,SmartCharging,RemoteTrigger"
    )
    readonly = {key for key, entry in entries.items() if entry["readonly"]}
    assert {"NumberOfConnectors", "GetConfigurationMaxKeys", "MaxChargingProfilesInstalled"} <= readonly
    assert not readonly & {"HeartbeatInterval", "LocalAuthListEnabled", "CpoName", "SecurityProfile"}


@pytest.mark.parametrize(
    ("key", "value", "answer"),
    [
        ("MeterValuesSampledData", "Voltage.L1-N,Energy.Active.Import.Register", "Accepted"),
        ("MeterValuesSampledData", "", "Accepted"),
        ("MeterValuesSampledData", "Voltage,Nonsense", "Rejected"),
        ("StopTxnSampledData", ",".join(["Voltage"] * 13), "Rejected"),
        ("LightIntensity", "100", "Accepted"),
        ("LightIntensity", "101", "Rejected"),
        ("WebSocketPingInterval", "-1", "Rejected"),
        ("LocalPreAuthorize", "TRUE", "Accepted"),
        ("LocalPreAuthorize", "yes", "Rejected"),
        ("reservECONNECTORzeroSupported", "false", "Rejected"),
        ("VendorModemApn", "iot", "RebootRequired"),
        ("Nonsense", "1", "NotSupported"),
    ],
)
async def test_configuration_keys_have_types(autojump_clock, bench, order, key, value, answer):
    await bench.charger()
    assert await order("ChangeConfiguration", key=key, value=value) == {"status": answer}


async def test_the_charger_itself_goes_out_of_service_after_its_transactions(autojump_clock, bench, order):
    charger = await bench.charger()

    def told():
        return [(h.payload["connectorId"], h.payload["status"]) for h in bench.heard("StatusNotification")]

    await charging(bench, charger)
    bench.server.heard.clear()
    assert await order("ChangeAvailability", connectorId=0, type="Inoperative") == {"status": "Scheduled"}
    assert told() == [(2, "Unavailable")]
    await charger.box.tap(1)
    await bench.delivered(charger)
    assert told()[1:] == [(0, "Unavailable"), (1, "Unavailable")]
    bench.server.heard.clear()
    charger.lose_power(5)
    await bench.until(lambda: charger.registered and len(bench.heard("BootNotification")) == 1)
    await bench.delivered(charger)
    assert told() == [(0, "Unavailable"), (1, "Unavailable"), (2, "Unavailable")]
    assert await order("ChangeAvailability", connectorId=0, type="Operative") == {"status": "Accepted"}
    await bench.delivered(charger)
    assert (0, "Available") in told()


async def test_statuses_on_request(autojump_clock, bench, order):
    await bench.charger()

    async def asked(**payload):
        bench.server.heard.clear()
        await order("TriggerMessage", requestedMessage="StatusNotification", **payload)
        await trio.sleep(1)
        return [h.payload["connectorId"] for h in bench.heard("StatusNotification")]

    assert await asked() == [0, 1, 2]
    assert await asked(connectorId=0) == [0]
    assert await asked(connectorId=2) == [2]


async def test_a_connector_that_does_not_matter_is_ignored(autojump_clock, bench, order):
    await bench.charger()
    assert await order("TriggerMessage", requestedMessage="Heartbeat", connectorId=9) == {"status": "Accepted"}


async def test_messages_on_request_while_the_boot_is_pending(autojump_clock, bench, order):
    bench.override("BootNotification", {"status": "Pending", "interval": 600, "currentTime": "2027-01-15T08:00:00Z"})
    charger = await bench.charger(online=False)
    await bench.until(lambda: bool(bench.heard("BootNotification")))
    await order("TriggerMessage", requestedMessage="StatusNotification")
    await trio.sleep(1)
    assert [h.payload["connectorId"] for h in bench.heard("StatusNotification")] == [0, 1, 2]
    await order("TriggerMessage", requestedMessage="BootNotification")
    await bench.until(lambda: charger.online, limit_s=60)


async def test_one_of_a_group_stops_what_another_started(autojump_clock, bench):
    family = {"idTagInfo": {"status": "Accepted", "parentIdTag": "FAMILY"}}
    bench.override("Authorize", family, family)
    charger = await bench.charger()
    await charging(bench, charger, "MOTHER")
    assert await charger.box.tap(1, Tag("CHILD")) == "Stopped"
    await bench.delivered(charger)
    stop = bench.heard("StopTransaction")[0].payload
    assert (stop["idTag"], stop["reason"]) == ("CHILD", "Local")


async def test_a_stranger_does_not(autojump_clock, bench):
    charger = await bench.charger()
    await charging(bench, charger)
    assert await charger.box.tap(1, Tag("STRANGER")) == "NotYours"
    assert charger.box.connector(1).transaction is not None


async def test_max_energy_on_invalid_id(autojump_clock, bench):
    bench.override("StartTransaction", {"transactionId": 5, "idTagInfo": {"status": "Invalid"}})
    charger = await bench.charger(settings={"energy_on_invalid_wh": "500", "meter_interval_s": "10"})
    await charging(bench, charger)
    assert charger.box.connector(1).status == "Charging"
    await trio.sleep(300)
    await bench.delivered(charger)
    stop = bench.heard("StopTransaction")[0].payload
    assert stop["reason"] == "DeAuthorized"
    assert 500 <= stop["meterStop"] <= 550


async def test_minimum_status_duration(autojump_clock, bench):
    charger = await bench.charger(settings={"status_settles_s": "5"})
    bench.server.heard.clear()
    charger.box.plug(1, Car())
    await trio.sleep(2)
    charger.box.unplug(1)
    await trio.sleep(20)
    assert bench.heard("StatusNotification") == []
    charger.box.plug(1, Car())
    await trio.sleep(20)
    assert bench.statuses("StatusNotification") == ["Preparing"]


async def test_it_pings_when_told_to(autojump_clock, bench):
    charger = await bench.charger(settings={"ping_interval_s": "10"})
    await trio.sleep(100)
    assert charger.online
    assert bench.server.connected == 1


async def test_unlock_gives_up_what_waits_for_a_car(autojump_clock, bench, order):
    charger = await bench.charger()
    await charger.box.tap(1, Tag("TAG-1"))
    assert charger.box.connector(1).status == "Preparing"
    assert await order("UnlockConnector", connectorId=1) == {"status": "Unlocked"}
    assert charger.box.connector(1).status == "Available"


async def test_an_error_says_which_field(autojump_clock, bench):
    await bench.charger()
    for action, payload in [
        ("ReserveNow", {"connectorId": "1", "expiryDate": "x", "idTag": "T", "reservationId": 1}),
        ("SendLocalList", {"listVersion": 1, "updateType": "Partly"}),
        ("GetLog", {"logType": "SecurityLog", "requestId": 1, "log": 5}),
        ("UpdateFirmware", {"location": "http://x/", "retrieveDate": "soon"}),
    ]:
        answer = await bench.server.command("CH-1", action, payload)
        assert answer.code == "FormationViolation", action
        assert answer.description.startswith(action)
    answer = await bench.server.command("CH-1", "Reset", {"type": "Gentle"})
    assert answer.code == "PropertyConstraintViolation"
