"""A charger obeys what the server commands, in both versions; its answers satisfy the schemas."""

from __future__ import annotations

import pytest
import trio

from simulators import frames
from simulators.charger import Car, Tag

TAG = {"idToken": "TAG-1", "type": "Central"}


async def test_remote_start_waits_for_the_car_and_remote_stop_ends_16(autojump_clock, bench, command):
    charger = await bench.charger()
    assert await command("1.6", "RemoteStartTransaction", {"idTag": "TAG-1"}) == {"status": "Accepted"}
    assert len(bench.heard("Authorize")) == 1
    assert charger.box.connector(1).status == "Preparing"
    charger.box.plug(1, Car())
    await bench.delivered(charger)
    assert bench.heard("StartTransaction")[0].payload["idTag"] == "TAG-1"
    assert await command("1.6", "RemoteStopTransaction", {"transactionId": 99}) == {"status": "Rejected"}
    assert await command("1.6", "RemoteStopTransaction", {"transactionId": 1}) == {"status": "Accepted"}
    await bench.delivered(charger)
    assert bench.heard("StopTransaction")[0].payload["reason"] == "Remote"


async def test_remote_start_prefers_a_connector_with_a_car_and_refuses_a_busy_one(autojump_clock, bench, command):
    charger = await bench.charger(settings={"authorize_remote": "false"})
    charger.box.plug(2, Car())
    await command("1.6", "RemoteStartTransaction", {"idTag": "TAG-1"})
    await bench.delivered(charger)
    assert bench.heard("Authorize") == []
    assert bench.heard("StartTransaction")[0].payload["connectorId"] == 2
    assert await command("1.6", "RemoteStartTransaction", {"idTag": "TAG-2", "connectorId": 2}) == {"status": "Rejected"}


async def test_remote_start_is_rejected_while_the_boot_is_pending(autojump_clock, bench, command):
    bench.override("BootNotification", {"status": "Pending", "interval": 600, "currentTime": "2027-01-15T08:00:00Z"})
    await bench.charger(online=False)
    await bench.until(lambda: bool(bench.heard("BootNotification")))
    assert await command("1.6", "RemoteStartTransaction", {"idTag": "TAG-1"}) == {"status": "Rejected"}


async def test_request_start_and_stop_201(autojump_clock, bench, command):
    charger = await bench.charger("2.0.1")
    answer = await command("2.0.1", "RequestStartTransaction", {"idToken": TAG, "remoteStartId": 7, "evseId": 1})
    assert answer == {"status": "Accepted"}
    charger.box.plug(1, Car())
    await bench.delivered(charger)
    started = bench.heard("TransactionEvent")[0].payload
    assert started["transactionInfo"]["remoteStartId"] == 7
    assert started["idToken"] == TAG
    reference = started["transactionInfo"]["transactionId"]
    assert await command("2.0.1", "RequestStopTransaction", {"transactionId": "nope"}) == {"status": "Rejected"}
    assert await command("2.0.1", "RequestStopTransaction", {"transactionId": reference}) == {"status": "Accepted"}
    await bench.delivered(charger)
    ended = bench.heard("TransactionEvent")[-1].payload
    assert (ended["triggerReason"], ended["transactionInfo"]["stoppedReason"]) == ("RemoteStop", "Remote")


async def test_request_start_names_the_transaction_that_plugging_in_opened(autojump_clock, bench, command):
    charger = await bench.charger("2.0.1", settings={"start_point": "EVConnected", "stop_point": "EVConnected"})
    charger.box.plug(1, Car())
    await bench.delivered(charger)
    reference = bench.heard("TransactionEvent")[0].payload["transactionInfo"]["transactionId"]
    answer = await command("2.0.1", "RequestStartTransaction", {"idToken": TAG, "remoteStartId": 8, "evseId": 1})
    assert answer == {"status": "Accepted", "transactionId": reference}
    await bench.delivered(charger)
    update = bench.heard("TransactionEvent")[1].payload
    assert (update["triggerReason"], update["transactionInfo"]["remoteStartId"]) == ("RemoteStart", 8)


@pytest.mark.parametrize(("kind", "reason"), [("Hard", "HardReset"), ("Soft", "SoftReset")])
async def test_reset_16_reboots(autojump_clock, bench, command, kind, reason):
    charger = await bench.charger()
    charger.box.plug(1, Car())
    await charger.box.tap(1, Tag("TAG-1"))
    await bench.delivered(charger)
    bench.server.heard.clear()
    assert await command("1.6", "Reset", {"type": kind}) == {"status": "Accepted"}
    await bench.until(lambda: not charger.online, limit_s=30)
    await bench.delivered(charger)
    actions = bench.actions()
    assert bench.heard("StopTransaction")[0].payload["reason"] == reason
    stopped_before_boot = actions.index("StopTransaction") < actions.index("BootNotification")
    assert stopped_before_boot is (kind == "Soft")
    assert bench.server.connected == 2
    assert bench.heard("StatusNotification")[-1].payload["status"] in ("Available", "Finishing")


async def test_reset_201_waits_for_idle(autojump_clock, bench, command):
    charger = await bench.charger("2.0.1")
    charger.box.plug(1, Car())
    await charger.box.tap(1, Tag("TAG-1"))
    assert await command("2.0.1", "Reset", {"type": "OnIdle"}) == {"status": "Scheduled"}
    await trio.sleep(120)
    assert charger.online
    await charger.box.tap(1)
    await bench.until(lambda: len(bench.heard("BootNotification")) == 2)
    assert bench.heard("BootNotification")[1].payload["reason"] == "ScheduledReset"


async def test_reset_201_immediately(autojump_clock, bench, command):
    charger = await bench.charger("2.0.1")
    charger.box.plug(1, Car())
    await charger.box.tap(1, Tag("TAG-1"))
    assert await command("2.0.1", "Reset", {"type": "Immediate"}) == {"status": "Accepted"}
    await bench.until(lambda: not charger.online)
    await bench.delivered(charger)
    ended = bench.heard("TransactionEvent")[-1].payload
    assert (ended["triggerReason"], ended["transactionInfo"]["stoppedReason"]) == ("ResetCommand", "ImmediateReset")
    assert bench.heard("BootNotification")[1].payload["reason"] == "RemoteReset"


async def test_unlock(autojump_clock, bench, command):
    charger = await bench.charger()
    charger.box.plug(1, Car())
    await charger.box.tap(1, Tag("TAG-1"))
    assert await command("1.6", "UnlockConnector", {"connectorId": 1}) == {"status": "Unlocked"}
    await bench.delivered(charger)
    assert bench.heard("StopTransaction")[0].payload["reason"] == "UnlockCommand"
    assert await command("1.6", "UnlockConnector", {"connectorId": 9}) == {"status": "NotSupported"}


async def test_unlock_201_spares_an_authorized_transaction(autojump_clock, bench, command):
    charger = await bench.charger("2.0.1")
    charger.box.plug(1, Car())
    await charger.box.tap(1, Tag("TAG-1"))
    answer = await command("2.0.1", "UnlockConnector", {"evseId": 1, "connectorId": 1})
    assert answer == {"status": "OngoingAuthorizedTransaction"}
    assert await command("2.0.1", "UnlockConnector", {"evseId": 2, "connectorId": 1}) == {"status": "Unlocked"}
    assert await command("2.0.1", "UnlockConnector", {"evseId": 2, "connectorId": 2}) == {"status": "UnknownConnector"}


async def test_change_availability_waits_for_the_transaction(autojump_clock, bench, command):
    charger = await bench.charger()
    charger.box.plug(1, Car())
    await charger.box.tap(1, Tag("TAG-1"))
    assert await command("1.6", "ChangeAvailability", {"connectorId": 0, "type": "Inoperative"}) == {"status": "Scheduled"}
    assert [connector.status for connector in charger.box.connectors] == ["Charging", "Unavailable"]
    await charger.box.tap(1)
    await bench.delivered(charger)
    assert bench.heard("StatusNotification")[-1].payload["status"] == "Unavailable"
    assert await charger.box.tap(1, Tag("TAG-1")) == "OutOfOrder"
    assert await command("1.6", "RemoteStartTransaction", {"idTag": "TAG-1"}) == {"status": "Rejected"}
    assert await command("1.6", "ChangeAvailability", {"connectorId": 1, "type": "Operative"}) == {"status": "Accepted"}
    assert charger.box.connector(1).status == "Finishing"


async def test_change_availability_201(autojump_clock, bench, command):
    charger = await bench.charger("2.0.1")
    payload = {"operationalStatus": "Inoperative", "evse": {"id": 2}}
    assert await command("2.0.1", "ChangeAvailability", payload) == {"status": "Accepted"}
    await bench.delivered(charger)
    told = bench.heard("StatusNotification")[-1].payload
    assert (told["evseId"], told["connectorStatus"]) == (2, "Unavailable")
    assert await command("2.0.1", "ChangeAvailability", payload | {"evse": {"id": 9}}) == {"status": "Rejected"}


async def test_configuration_16(autojump_clock, bench, command):
    charger = await bench.charger(password=b"old")
    everything = await command("1.6", "GetConfiguration", {})
    keys = {entry["key"]: entry for entry in everything["configurationKey"]}
    assert keys["NumberOfConnectors"] == {"key": "NumberOfConnectors", "readonly": True, "value": "2"}
    assert "value" not in keys["AuthorizationKey"]
    assert len(keys) > 20
    some = await command("1.6", "GetConfiguration", {"key": ["heartbeatinterval", "Nonsense"]})
    assert some["unknownKey"] == ["Nonsense"]
    assert some["configurationKey"][0]["value"] == "300"

    async def change(key, value):
        return (await command("1.6", "ChangeConfiguration", {"key": key, "value": value}))["status"]

    assert await change("MeterValueSampleInterval", "5") == "Accepted"
    assert await change("MeterValueSampleInterval", "often") == "Rejected"
    assert await change("NumberOfConnectors", "9") == "Rejected"
    assert await change("VendorModemApn", "iot") == "RebootRequired"
    assert await change("Nonsense", "1") == "NotSupported"
    charger.box.plug(1, Car())
    await charger.box.tap(1, Tag("TAG-1"))
    await trio.sleep(26)
    assert len(bench.heard("MeterValues")) == 5


async def test_a_new_password_is_used_at_once(autojump_clock, bench, command):
    charger = await bench.charger(password=b"old")
    bench.server.password_of = lambda charger_id: b"0123456789abcdef0123"
    await command("1.6", "ChangeConfiguration", {"key": "AuthorizationKey", "value": "0123456789abcdef0123"})
    await bench.until(lambda: bench.server.connected == 2, limit_s=20)
    await bench.until(lambda: charger.online)


async def test_variables_201(autojump_clock, bench, command):
    await bench.charger("2.0.1")

    def data(component, variable, **more):
        return {"component": {"name": component}, "variable": {"name": variable}, **more}

    answer = await command(
        "2.0.1",
        "GetVariables",
        {
            "getVariableData": [
                data("OCPPCommCtrlr", "HeartbeatInterval"),
                data("Nope", "X"),
                data("OCPPCommCtrlr", "Nope"),
                data("SecurityCtrlr", "BasicAuthPassword"),
                data("OCPPCommCtrlr", "HeartbeatInterval", attributeType="Target"),
            ]
        },
    )
    results = [(result["attributeStatus"], result.get("attributeValue")) for result in answer["getVariableResult"]]
    assert results == [
        ("Accepted", "300"),
        ("UnknownComponent", None),
        ("UnknownVariable", None),
        ("Rejected", None),
        ("NotSupportedAttributeType", None),
    ]
    answer = await command(
        "2.0.1",
        "SetVariables",
        {
            "setVariableData": [
                data("SampledDataCtrlr", "TxUpdatedInterval", attributeValue="10"),
                data("SampledDataCtrlr", "TxUpdatedInterval", attributeValue="x"),
                data("ModemCtrlr", "Apn", attributeValue="iot"),
                data("Nope", "X", attributeValue="1"),
            ]
        },
    )
    assert [result["attributeStatus"] for result in answer["setVariableResult"]] == [
        "Accepted",
        "Rejected",
        "RebootRequired",
        "UnknownComponent",
    ]


async def test_clear_cache_forgets_tokens(autojump_clock, bench, command):
    charger = await bench.charger(settings={"pre_authorize": "true"})
    for _ in range(2):
        assert await charger.authorize(Tag("TAG-1")) == "Accepted"
    assert len(bench.heard("Authorize")) == 1
    assert await command("1.6", "ClearCache", {}) == {"status": "Accepted"}
    await charger.authorize(Tag("TAG-1"))
    assert len(bench.heard("Authorize")) == 2


@pytest.mark.parametrize("version", ["1.6", "2.0.1"])
async def test_data_transfer(autojump_clock, bench, command, version):
    await bench.charger(version)
    assert await command(version, "DataTransfer", {"vendorId": "simulators", "data": "x"}) == {"status": "Accepted", "data": "x"}
    assert await command(version, "DataTransfer", {"vendorId": "other"}) == {"status": "UnknownVendorId"}


@pytest.mark.parametrize(
    ("version", "wanted", "heard"),
    [
        ("1.6", {"requestedMessage": "MeterValues", "connectorId": 1}, "MeterValues"),
        ("1.6", {"requestedMessage": "StatusNotification"}, "StatusNotification"),
        ("1.6", {"requestedMessage": "Heartbeat"}, "Heartbeat"),
        ("2.0.1", {"requestedMessage": "MeterValues", "evse": {"id": 1}}, "MeterValues"),
        ("2.0.1", {"requestedMessage": "BootNotification"}, "BootNotification"),
    ],
)
async def test_trigger_message(autojump_clock, bench, command, schema_problems, version, wanted, heard):
    await bench.charger(version)
    bench.server.heard.clear()
    assert await command(version, "TriggerMessage", wanted) == {"status": "Accepted"}
    await trio.sleep(1)
    assert set(bench.actions()) == {heard}
    assert schema_problems(version, heard, bench.heard()[0].payload) == []


async def test_what_it_cannot_trigger(autojump_clock, bench, command):
    await bench.charger()
    answer = await bench.server.command("CH-1", "TriggerMessage", {"requestedMessage": "StartTransaction"})
    assert answer.payload == {"status": "NotImplemented"}
    answer = await command("1.6", "TriggerMessage", {"requestedMessage": "MeterValues", "connectorId": 9})
    assert answer == {"status": "Rejected"}


@pytest.mark.parametrize(("version", "code"), [("1.6", "FormationViolation"), ("2.0.1", "FormatViolation")])
async def test_unknown_and_malformed_calls_get_an_error(autojump_clock, bench, version, code):
    await bench.charger(version)
    answer = await bench.server.command("CH-1", "MakeCoffee", {})
    assert (type(answer), answer.code) == (frames.Error, "NotImplemented")
    answer = await bench.server.command("CH-1", "Reset", {})
    assert (type(answer), answer.code) == (frames.Error, code)
    assert "type" in answer.description
    await bench.server.connections["CH-1"].socket.send_message("garbage")
    answer = await bench.server.command("CH-1", "ClearCache", {})
    assert answer.payload == {"status": "Accepted"}
