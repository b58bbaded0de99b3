"""How a person may write a command, and what the API gets of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import pytest

from csms.cli.arguments import fields_of, form_of
from csms.core.commands import COMMANDS

NAME = {"name": "HeartbeatInterval", "component": "", "instance": "", "component_instance": "", "evse": None, "connector": None}


def place(evse: int, connector: int) -> dict[str, int]:
    return {"evse": evse, "connector": connector}


def token(value: str, kind: str = "") -> dict[str, str]:
    return {"value": value, "kind": kind}


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("StartCharging token=ABC evse=1", {"token": token("ABC"), "place": place(1, 0), "remote_start_id": 0, "profile": None}),
        ("StartCharging ABC", {"token": token("ABC"), "place": None, "remote_start_id": 0, "profile": None}),
        ("StartCharging ABC 2", {"token": token("ABC"), "place": place(2, 0), "remote_start_id": 0, "profile": None}),
        (
            "startcharging token=ABC kind=ISO14443 evse=1 connector=2",
            {"token": token("ABC", "ISO14443"), "place": place(1, 2), "remote_start_id": 0, "profile": None},
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
    for name in COMMANDS:
        assert form_of(name).usage.startswith(name)


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("TriggerMessage StatusNotification place=2", {"message": "StatusNotification", "place": place(2, 1)}),
        ("TriggerMessage message=Heartbeat extended=yes", {"message": "Heartbeat", "extended": True}),
        (
            "ReserveNow 0 ABC 2026-12-31T00:00:00Z reservation_id=7 parent=G",
            {
                "reservation_id": 7,
                "place": place(0, 0),
                "token": {"value": "ABC"},
                "expires_at": 1_798_675_200_000,
                "parent": "G",
            },
        ),
        ("ClearChargingProfile stack_level=1", {"stack_level": 1}),
        (
            'SendLocalList 3 entries=[{"token":{"value":"A"}}] full=no',
            {"version": 3, "entries": [{"token": {"value": "A"}}], "full": False},
        ),
        ("GetLocalListVersion", {}),
    ],
)
def test_other_commands_are_written_field_by_field(line: str, fields: dict[str, Any]) -> None:
    name, *words = line.split()
    assert fields_of(form_of(name), words) == fields


def test_a_file_holds_what_is_too_long_for_a_line(tmp_path: Path) -> None:
    (tmp_path / "root.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    told = fields_of(form_of("InstallCertificate"), [f"certificate=@{tmp_path / 'root.pem'}"])
    assert told == {"certificate": "-----BEGIN CERTIFICATE-----\n"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("CancelReservation", "CancelReservation needs reservation_id"),
        ("CancelReservation x", "reservation_id must be a whole number"),
        ("CancelReservation 1 2", "CancelReservation does not take 2"),
        ("SetChargingProfile 1 profile={", "profile is neither JSON nor @FILE"),
        ("InstallCertificate certificate=@/nowhere/at/all", "certificate: cannot read /nowhere/at/all"),
        ("TriggerMessage Heartbeat extended=perhaps", "extended must be yes or no"),
    ],
)
def test_a_mistake_in_a_field_is_told(line: str, words: str) -> None:
    name, *rest = line.split()
    with pytest.raises(click.UsageError) as caught:
        fields_of(form_of(name), rest)
    assert words in caught.value.message
    assert f"write: {form_of(name).usage}" in caught.value.message
