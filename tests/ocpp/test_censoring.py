from __future__ import annotations

import json
from typing import Any

import pytest

from csms.core.commands import Answered, CallError, GetVariables, Setting, SetVariables, VariableName
from csms.ocpp.censoring import HIDDEN, censored
from csms.ocpp.conversation import Conversation, ConversationSettings, Ended, Heard, Send
from csms.ocpp.registry import dialect_for

KEY = "9f2c7be1d4a05c8e93b6f0a1c2d3e4f5061728ab"


def conversation(subprotocol: str = "ocpp1.6") -> Conversation:
    dialect = dialect_for(subprotocol)
    assert dialect is not None
    return Conversation(
        dialect,
        charger_id="CP1",
        connection_id="c",
        registration="accepted",
        settings=ConversationSettings(),
        new_message_id=lambda: "m1",
    )


def logged(effects: list[Any]) -> str:
    entries = [effect.entry for effect in effects if isinstance(effect, (Heard, Send))]
    return " ".join(f"{entry.text} {entry.problem}" for entry in entries)


@pytest.mark.parametrize(
    ("subprotocol", "variable"),
    [
        ("ocpp1.6", VariableName("BasicAuthPassword", "SecurityCtrlr")),
        ("ocpp1.6", VariableName("AuthorizationKey")),
        ("ocpp2.0.1", VariableName("BasicAuthPassword", "SecurityCtrlr")),
    ],
)
def test_a_key_is_sent_and_not_logged(subprotocol: str, variable: VariableName) -> None:
    effects = conversation(subprotocol).command(1, SetVariables((Setting(variable, KEY),)), 0, 0.0)
    (send,) = [effect for effect in effects if isinstance(effect, Send)]
    assert KEY in send.text
    assert KEY not in logged(effects)
    assert HIDDEN in logged(effects)


def test_in_1_6_the_key_has_its_own_name() -> None:
    effects = conversation().command(1, SetVariables((Setting(VariableName("BasicAuthPassword", "SecurityCtrlr"), KEY),)), 0, 0.0)
    (send,) = [effect for effect in effects if isinstance(effect, Send)]
    assert json.loads(send.text)[2:] == ["ChangeConfiguration", {"key": "AuthorizationKey", "value": KEY}]


def test_a_charger_that_tells_its_key_does_not_put_it_in_the_log() -> None:
    talk = conversation()
    talk.command(1, GetVariables(), 0, 0.0)
    answer = [
        3,
        "m1",
        {
            "configurationKey": [
                {"key": "authorizationkey", "value": KEY, "readonly": False},
                {"key": "A", "value": "1", "readonly": True},
            ]
        },
    ]
    effects = talk.receive(json.dumps(answer), 0, 1.0)
    assert KEY not in logged(effects)
    (ended,) = [effect for effect in effects if isinstance(effect, Ended)]
    assert isinstance(ended.outcome, Answered)
    values = {each["name"]: each["value"] for each in ended.outcome.detail["variables"]}
    assert values == {"authorizationkey": HIDDEN, "A": "1"}


def test_an_answer_that_comes_too_late_is_not_logged_with_the_key_either() -> None:
    talk = conversation()
    talk.command(1, GetVariables(), 0, 0.0)
    talk.tick(0, 1000.0)
    answer = [3, "m1", {"configurationKey": [{"key": "AuthorizationKey", "value": KEY, "readonly": False}]}]
    assert KEY not in logged(talk.receive(json.dumps(answer), 0, 1001.0))


def test_an_error_that_quotes_the_key_is_hidden_in_log_and_outcome() -> None:
    talk = conversation()
    talk.command(1, SetVariables((Setting(VariableName("AuthorizationKey"), KEY),)), 0, 0.0)
    effects = talk.receive(json.dumps([4, "m1", "PropertyConstraintViolation", f"bad value {KEY}", {"was": [KEY]}]), 0, 1.0)
    assert KEY not in logged(effects)
    (ended,) = [effect for effect in effects if isinstance(effect, Ended)]
    assert isinstance(ended.outcome, CallError)
    assert KEY not in repr(ended.outcome)


def test_a_value_that_was_odd_is_not_quoted() -> None:
    talk = conversation()
    talk.command(1, GetVariables(), 0, 0.0)
    value = KEY * 20
    answer = [3, "m1", {"configurationKey": [{"key": "AuthorizationKey", "value": value, "readonly": False}]}]
    assert KEY not in logged(talk.receive(json.dumps(answer), 0, 1.0))


@pytest.mark.parametrize(
    "text",
    [
        '[2,"1","GetConfiguration",{"key":["AuthorizationKey"]}]',
        '[2,"1","Heartbeat",{}]',
        '[2,"1","GetDiagnostics",{"location":"https://files.example/upload"}]',
        '[3,"1",{"status":"Accepted"}]',
    ],
)
def test_what_holds_no_secret_is_logged_as_it_is(text: str) -> None:
    assert censored(text) == (text, ())


PEM = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIIGb\nprivate part==\n-----END EC PRIVATE KEY-----"


@pytest.mark.parametrize("cut", [len(PEM), len(PEM) - 20])
def test_the_private_part_of_a_certificate_is_hidden(cut: int) -> None:
    certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
    data = {"vendorId": "v", "data": certificate + PEM[:cut]}
    text, _ = censored(json.dumps([2, "1", "DataTransfer", data]))
    assert "MHcC" not in text
    assert "private part" not in text
    assert json.loads(text)[3]["data"].startswith(f"{certificate}-----BEGIN EC PRIVATE KEY-----{HIDDEN}")


def test_keys_in_json_within_json_are_hidden() -> None:
    inner = json.dumps({"settings": [{"key": "AuthorizationKey", "value": KEY}], "pem": PEM, "site": "north"})
    for data in (inner, json.dumps([inner])):
        text, _ = censored(json.dumps([2, "1", "DataTransfer", {"vendorId": "v", "data": data}]))
        assert KEY not in text
        assert "private part" not in text
        assert "north" in text
    for harmless in ('{"a": "the authorization key"}', "{authorization key", "[]"):
        text = json.dumps([2, "1", "DataTransfer", {"vendorId": "v", "data": harmless}])
        assert censored(text) == (text, ())


def test_a_password_in_a_url_is_hidden() -> None:
    text, _ = censored('[2,"1","GetDiagnostics",{"location":"ftp://user:hunter2@files.example/upload"}]')
    assert text == '[2,"1","GetDiagnostics",{"location":"ftp://user:***@files.example/upload"}]'


def test_what_cannot_be_read_and_speaks_of_a_key_is_hidden_whole() -> None:
    text, _ = censored(f'[2,"1","ChangeConfiguration",{{"key":"AuthorizationKey","value":"{KEY}"')
    assert KEY not in text


@pytest.mark.parametrize(
    "said",
    [
        '{"configurationKey":[{"key":"Authorization\\u004bey","value":"KEY"}]}',
        '{"configurationKey":[{"Key":"AuthorizationKey","Value":"KEY"}]}',
        '{"configurationKey":[{"key":" AUTHORIZATIONKEY ","value":"KEY"}]}',
        '{"configurationKey":[{"key":"authorization_key","value":"KEY"}]}',
        '{"configurationKey":[{"key":"Authorization-Key","value":"KEY"}]}',
        '{"configurationKey":[{"key":"SecurityCtrlr.BasicAuthPassword","value":"KEY"}]}',
        '{"configurationKey":[{"key":"AuthorizationKey","value":["KEY"]}]}',
        '{"configurationKey":[{"key":"AuthorizationKey","value":{"is":"KEY"}}]}',
        '{"configurationKey":{"AuthorizationKey":"KEY"}}',
        '{"authorizationKey":"KEY"}',
    ],
)
def test_a_key_is_known_in_every_spelling(said: str) -> None:
    answer = f'[3,"m1",{said}]'.replace('"KEY"', f'"{KEY}"')
    assert KEY in answer
    talk = conversation()
    talk.command(1, GetVariables(), 0, 0.0)
    effects = talk.receive(answer, 0, 1.0)
    assert KEY not in logged(effects)
    (ended,) = [effect for effect in effects if isinstance(effect, Ended)]
    assert KEY not in str(ended.outcome)


def test_what_names_no_key_is_logged_as_it_was_said() -> None:
    said = '[2,"1","DataTransfer",{"vendorId":"x","data":"\\u0041 authorization, a key", "value":1.50}]'
    assert censored(said) == (said, ())
