"""OCPP 1.6, us to the charger: every Core command as a CALL, and its answers as outcomes."""

from __future__ import annotations

from typing import Any

import pytest

from csms.core import commands
from csms.core.commands import Answered, Setting, VariableName
from csms.core.ids import Place
from csms.core.reports import Token


@pytest.mark.parametrize(
    ("command", "action", "payload"),
    [
        (commands.StartCharging(Token("ABC")), "RemoteStartTransaction", {"idTag": "ABC"}),
        (commands.StartCharging(Token("ABC"), Place(2, 1)), "RemoteStartTransaction", {"idTag": "ABC", "connectorId": 2}),
        (commands.StartCharging(Token("ABC"), Place(0, 0)), "RemoteStartTransaction", {"idTag": "ABC"}),
        (commands.StopCharging(17, "ignored"), "RemoteStopTransaction", {"transactionId": 17}),
        (commands.Reset(), "Reset", {"type": "Soft"}),
        (commands.Reset("immediately"), "Reset", {"type": "Hard"}),
        (commands.UnlockConnector(Place(2, 1)), "UnlockConnector", {"connectorId": 2}),
        (commands.ChangeAvailability(Place(0, 0), False), "ChangeAvailability", {"connectorId": 0, "type": "Inoperative"}),
        (commands.ChangeAvailability(Place(3, 1), True), "ChangeAvailability", {"connectorId": 3, "type": "Operative"}),
        (commands.GetVariables(), "GetConfiguration", {}),
        (commands.GetVariables((VariableName("A"), VariableName("B"))), "GetConfiguration", {"key": ["A", "B"]}),
        (commands.SetVariables((Setting(VariableName("A"), "1"),)), "ChangeConfiguration", {"key": "A", "value": "1"}),
        (commands.ClearCache(), "ClearCache", {}),
        (commands.SendData("V"), "DataTransfer", {"vendorId": "V"}),
        (commands.SendData("V", "M", "{}"), "DataTransfer", {"vendorId": "V", "messageId": "M", "data": "{}"}),
    ],
)
def test_a_command_is_said(script: Any, command: commands.Command, action: str, payload: Any) -> None:
    s = script("ocpp1.6")
    assert s.sent(s.command(1, command)) == [[2, "ours-1", action, payload]]


@pytest.mark.parametrize(
    ("command", "answer", "outcome"),
    [
        (commands.StartCharging(Token("ABC")), {"status": "Accepted"}, Answered("Accepted")),
        (commands.StopCharging(17), {"status": "Rejected"}, Answered("Rejected")),
        (commands.UnlockConnector(Place(1, 1)), {"status": "NotSupported"}, Answered("NotSupported")),
        (commands.ChangeAvailability(Place(0, 0), True), {"status": "Scheduled"}, Answered("Scheduled")),
        (commands.SetVariables((Setting(VariableName("A"), "1"),)), {"status": "RebootRequired"}, Answered("RebootRequired")),
        (commands.SendData("V"), {"status": "Accepted", "data": "D"}, Answered("Accepted", {"data": "D"})),
        (
            commands.GetVariables(),
            {
                "configurationKey": [{"key": "A", "readonly": True, "value": "1"}, {"key": "B", "readOnly": False}],
                "unknownKey": ["C"],
            },
            Answered(
                "Accepted",
                {
                    "variables": [
                        {"name": "A", "status": "Accepted", "value": "1", "readonly": True},
                        {"name": "B", "status": "Accepted", "value": None, "readonly": False},
                        {"name": "C", "status": "UnknownVariable"},
                    ]
                },
            ),
        ),
        (
            commands.GetVariables((VariableName("C"),)),
            {"unknownKey": ["C"]},
            Answered("UnknownVariable", {"variables": [{"name": "C", "status": "UnknownVariable"}]}),
        ),
        (commands.GetVariables(), {}, Answered("Accepted", {"variables": []})),
        (
            commands.GetVariables(),
            {"configurationKey": [{"key": "A", "value": 5}]},
            Answered("Accepted", {"variables": [{"name": "A", "status": "Accepted", "value": "5", "readonly": None}]}),
        ),
    ],
)
def test_an_answer_is_understood(script: Any, command: commands.Command, answer: Any, outcome: Answered) -> None:
    assert script("ocpp1.6").outcome(1, command, answer) == outcome
