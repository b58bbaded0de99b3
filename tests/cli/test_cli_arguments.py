"""How a person may write a command, and what the API gets of it."""

from __future__ import annotations

from typing import Any

import click
import pytest

from csms.cli.arguments import FORMS, fields_of, form_of
from csms.core.commands import COMMANDS

NAME = {"name": "HeartbeatInterval", "component": "", "instance": "", "component_instance": "", "evse": None, "connector": None}


def place(evse: int, connector: int) -> dict[str, int]:
    return {"evse": evse, "connector": connector}


def token(value: str, kind: str = "") -> dict[str, str]:
    return {"value": value, "kind": kind}


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("StartCharging token=ABC evse=1", {"token": token("ABC"), "place": place(1, 0), "remote_start_id": 0}),
        ("StartCharging ABC", {"token": token("ABC"), "place": None, "remote_start_id": 0}),
        ("StartCharging ABC 2", {"token": token("ABC"), "place": place(2, 0), "remote_start_id": 0}),
        (
            "startcharging token=ABC kind=ISO14443 evse=1 connector=2",
            {"token": token("ABC", "ISO14443"), "place": place(1, 2), "remote_start_id": 0},
        ),
        ("StopCharging transaction=17", {"transaction_id": 17, "reference": ""}),
        ("StopCharging 17", {"transaction_id": 17, "reference": ""}),
        ("Reset", {"when": "when_idle", "evse": None}),
        ("Reset immediately", {"when": "immediately", "evse": None}),
        ("Reset when=Hard", {"when": "immediately", "evse": None}),
        ("Reset soft evse=2", {"when": "when_idle", "evse": 2}),
        ("UnlockConnector 1", {"place": place(1, 1)}),
        ("UnlockConnector 1.2", {"place": place(1, 2)}),
        ("UnlockConnector evse=1 connector=2", {"place": place(1, 2)}),
        ("ChangeAvailability 0 inoperative", {"place": place(0, 0), "operative": False}),
        ("ChangeAvailability 2.1 Operative", {"place": place(2, 1), "operative": True}),
        ("ChangeAvailability state=operative evse=1", {"place": place(1, 0), "operative": True}),
        ("GetVariables", {"variables": ()}),
        ("GetVariables HeartbeatInterval", {"variables": (NAME,)}),
        ("SetVariables HeartbeatInterval=300", {"settings": ({"variable": NAME, "value": "300"},)}),
        ("SetVariables HeartbeatInterval=", {"settings": ({"variable": NAME, "value": ""},)}),
        ("SetVariables HeartbeatInterval=a=b", {"settings": ({"variable": NAME, "value": "a=b"},)}),
        ("ClearCache", {}),
        ("SendData vendor=acme message=m data=d", {"vendor_id": "acme", "message_id": "m", "data": "d"}),
        ("SendData acme", {"vendor_id": "acme", "message_id": "", "data": ""}),
    ],
)
def test_what_is_written_is_what_is_sent(line: str, fields: dict[str, Any]) -> None:
    name, *words = line.split()
    assert fields_of(form_of(name), words) == fields


def test_variables_of_ocpp_2() -> None:
    fields = fields_of(form_of("GetVariables"), ["Connector[a]@1.2.Available[b]", "OCPPCommCtrlr.HeartbeatInterval"])
    first, second = fields["variables"]
    assert first == {
        "name": "Available",
        "component": "Connector",
        "instance": "b",
        "component_instance": "a",
        "evse": 1,
        "connector": 2,
    }
    assert (second["component"], second["name"], second["evse"]) == ("OCPPCommCtrlr", "HeartbeatInterval", None)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("StartCharging", "StartCharging needs token; write: StartCharging token=TOKEN"),
        ("StartCharging ABC x", "evse must be a whole number, not 'x'"),
        ("StartCharging ABC 1 2", "StartCharging does not take 2"),
        ("StopCharging transaction=-1", "transaction must be a whole number, not '-1'"),
        ("Reset now", "when must be one of immediately"),
        ("Reset evs=1", "Reset does not take evs="),
        ("UnlockConnector", "UnlockConnector needs evse"),
        ("UnlockConnector 0", "UnlockConnector needs a connector, counted from 1"),
        ("ChangeAvailability 1", "ChangeAvailability needs state"),
        ("SetVariables", "SetVariables needs a variable and its value"),
        ("SetVariables HeartbeatInterval", "'HeartbeatInterval' has no value"),
        ("GetVariables a.b.c", "'a.b.c' is no variable"),
        ("SendData", "SendData needs vendor"),
        ("ClearCache all", "ClearCache does not take all"),
    ],
)
def test_a_mistake_is_told_with_how_to_write_it(line: str, words: str) -> None:
    name, *rest = line.split()
    with pytest.raises(click.UsageError) as caught:
        fields_of(form_of(name), rest)
    assert words in caught.value.message
    assert f"write: {form_of(name).usage}" in caught.value.message


def test_an_unknown_command_is_told_with_the_nearest() -> None:
    with pytest.raises(click.UsageError, match="did you mean Reset"):
        form_of("Rest")
    with pytest.raises(click.UsageError, match="there are StartCharging"):
        form_of("xyzzy")


def test_every_command_of_the_core_has_a_form() -> None:
    assert set(FORMS) == set(COMMANDS)
