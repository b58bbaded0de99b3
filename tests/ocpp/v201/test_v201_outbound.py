"""OCPP 2.0.1, us to the charging station: every command as a CALL, and its answers as outcomes."""

from __future__ import annotations

from typing import Any

import pytest

from csms.core import commands
from csms.core.commands import Answered, Setting, VariableName
from csms.core.ids import Place
from csms.core.reports import Token

OFFLINE = VariableName("OfflineThreshold", "OCPPCommCtrlr")
FULL = VariableName("Power", "EVSE", "i", "ci", 1, 2)
OFFLINE_JSON = {"component": {"name": "OCPPCommCtrlr"}, "variable": {"name": "OfflineThreshold"}}
FULL_JSON = {
    "component": {"name": "EVSE", "instance": "ci", "evse": {"id": 1, "connectorId": 2}},
    "variable": {"name": "Power", "instance": "i"},
}


@pytest.mark.parametrize(
    ("command", "action", "payload"),
    [
        (
            commands.StartCharging(Token("ABC"), Place(2, 1), 7),
            "RequestStartTransaction",
            {"remoteStartId": 7, "idToken": {"idToken": "ABC", "type": "Central"}, "evseId": 2},
        ),
        (
            commands.StartCharging(Token("ABC", "eMAID")),
            "RequestStartTransaction",
            {"remoteStartId": 0, "idToken": {"idToken": "ABC", "type": "eMAID"}},
        ),
        (commands.StopCharging(17, "T-1"), "RequestStopTransaction", {"transactionId": "T-1"}),
        (commands.Reset(), "Reset", {"type": "OnIdle"}),
        (commands.Reset("immediately", 2), "Reset", {"type": "Immediate", "evseId": 2}),
        (commands.UnlockConnector(Place(2, 1)), "UnlockConnector", {"evseId": 2, "connectorId": 1}),
        (commands.ChangeAvailability(Place(0, 0), False), "ChangeAvailability", {"operationalStatus": "Inoperative"}),
        (
            commands.ChangeAvailability(Place(2, 0), True),
            "ChangeAvailability",
            {"operationalStatus": "Operative", "evse": {"id": 2}},
        ),
        (
            commands.ChangeAvailability(Place(2, 1), True),
            "ChangeAvailability",
            {"operationalStatus": "Operative", "evse": {"id": 2, "connectorId": 1}},
        ),
        (commands.GetVariables((OFFLINE, FULL)), "GetVariables", {"getVariableData": [OFFLINE_JSON, FULL_JSON]}),
        (
            commands.SetVariables((Setting(OFFLINE, "60"),)),
            "SetVariables",
            {"setVariableData": [OFFLINE_JSON | {"attributeValue": "60"}]},
        ),
        (commands.ClearCache(), "ClearCache", {}),
        (commands.SendData("V", "M", '{"a":1}'), "DataTransfer", {"vendorId": "V", "messageId": "M", "data": {"a": 1}}),
        (commands.SendData("V", data="17"), "DataTransfer", {"vendorId": "V", "data": "17"}),
    ],
)
def test_a_command_is_said(script: Any, command: commands.Command, action: str, payload: Any) -> None:
    s = script("ocpp2.0.1")
    assert s.sent(s.command(1, command)) == [[2, "ours-1", action, payload]]


def result(status: str, **more: Any) -> dict[str, Any]:
    return {"attributeStatus": status, **OFFLINE_JSON, **more}


def variable(status: str, **more: Any) -> dict[str, Any]:
    return {"name": "OfflineThreshold", "component": "OCPPCommCtrlr", "status": status, **more}


GET, SET = commands.GetVariables((OFFLINE,)), commands.SetVariables((Setting(OFFLINE, "60"),))


@pytest.mark.parametrize(
    ("command", "answer", "outcome"),
    [
        (
            commands.StartCharging(Token("ABC")),
            {"status": "Accepted", "transactionId": "T-1"},
            Answered("Accepted", {"reference": "T-1"}),
        ),
        (
            commands.Reset(),
            {"status": "Rejected", "statusInfo": {"reasonCode": "Busy", "additionalInfo": "later"}},
            Answered("Rejected", {"reason": "Busy", "info": "later"}),
        ),
        (commands.UnlockConnector(Place(1, 1)), {"status": "Unlocked"}, Answered("Unlocked")),
        (commands.SendData("V"), {"status": "Accepted", "data": [1]}, Answered("Accepted", {"data": [1]})),
        (
            GET,
            {
                "getVariableResult": [
                    result("Accepted", attributeValue="60"),
                    result("Rejected", attributeStatusInfo={"reasonCode": "No"}),
                ]
            },
            Answered("Accepted", {"variables": [variable("Accepted", value="60"), variable("Rejected", reason="No")]}),
        ),
        (
            GET,
            {"getVariableResult": [result("UnknownVariable")]},
            Answered("UnknownVariable", {"variables": [variable("UnknownVariable")]}),
        ),
        (
            GET,
            {"getVariableResult": [{"attributeStatus": "Accepted", **FULL_JSON}]},
            Answered(
                "Accepted",
                {
                    "variables": [
                        {
                            "name": "Power",
                            "instance": "i",
                            "component": "EVSE",
                            "component_instance": "ci",
                            "evse": 1,
                            "connector": 2,
                            "status": "Accepted",
                        }
                    ]
                },
            ),
        ),
        (SET, {"setVariableResult": [result("Accepted")]}, Answered("Accepted", {"variables": [variable("Accepted")]})),
        (
            SET,
            {"setVariableResult": [result("RebootRequired"), result("Accepted")]},
            Answered("RebootRequired", {"variables": [variable("RebootRequired"), variable("Accepted")]}),
        ),
        (
            SET,
            {"setVariableResult": [result("Accepted"), result("Rejected")]},
            Answered("Rejected", {"variables": [variable("Accepted"), variable("Rejected")]}),
        ),
        (SET, {}, Answered("", {"variables": []})),
    ],
)
def test_an_answer_is_understood(script: Any, command: commands.Command, answer: Any, outcome: Answered) -> None:
    assert script("ocpp2.0.1").outcome(1, command, answer) == outcome
